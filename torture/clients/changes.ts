import type { Line } from "../../test/support/ledgers.ts";
import type { Args } from "../doors/door.ts";
import { clientTime } from "./creations.ts";
import { deedOf, type Plan } from "./deed.ts";
import { chance, pick, upTo, weighted, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";
import { anyLines, paysTeam } from "./lines.ts";

/** Something that can happen to a pending transaction. */
export function changes(known: Known, draw: Draw, id: string): Plan | undefined {
  const heard = pick(draw, known.pending);
  if (!heard) return undefined;
  const does = weighted(draw, [
    [4, "post_transaction"],
    [3, "update_transaction"],
    [2, "archive_transaction"],
    [4, "partially_post_transaction"],
  ] as const);
  const args: Args = { ledger: known.ledger, transaction_id: heard.id };
  if (chance(draw, 0.9)) args["idempotency_key"] = id;
  if (chance(draw, 0.1)) args["expected_version"] = upTo(draw, 2);
  if (does === "update_transaction" || (does === "post_transaction" && chance(draw, 0.25))) {
    if (chance(draw, 0.7)) args["entries"] = anyLines(known, draw);
    if (!args["entries"] || chance(draw, 0.2))
      args["effective_at"] = clientTime(-draw() * 3_600_000);
  }
  if (does === "partially_post_transaction") {
    const lines = partOf(heard.lines, draw);
    if (!lines) return undefined;
    Object.assign(args, { entries: lines, description: id });
  }
  return { kind: "call", call: [does, args], deeds: [deedOf(does, args, id)] };
}

/** A part of what the first lines on both sides hold, or a little too much. */
function partOf(lines: Line[], draw: Draw): Line[] | undefined {
  const debit = lines.find(({ direction }) => direction === "debit");
  const credit = lines.find(({ direction }) => direction === "credit");
  if (!debit || !credit) return undefined;
  const most = Math.min(debit.amount, credit.amount);
  const amount = chance(draw, 0.3) ? most : upTo(draw, most + 1);
  return [
    { account: debit.account, direction: "debit", amount },
    { account: credit.account, direction: "credit", amount },
  ];
}

export function reverse(known: Known, draw: Draw, id: string): Plan | undefined {
  const heard = pick(draw, known.posted);
  if (!heard || paysTeam(heard.lines)) return undefined;
  const args: Args = { ledger: known.ledger, transaction_id: heard.id, description: id };
  if (chance(draw, 0.9)) args["idempotency_key"] = id;
  if (chance(draw, 0.3)) args["status"] = "pending";
  return {
    kind: "call",
    call: ["reverse_transaction", args],
    deeds: [deedOf("reverse_transaction", args, id)],
  };
}

export function tag(known: Known, draw: Draw, id: string): Plan | undefined {
  const heard = pick(draw, [...known.posted, ...known.pending]);
  if (!heard) return undefined;
  const args: Args = { ledger: known.ledger, transaction_id: heard.id, metadata: { [id]: 1 } };
  const deeds = [deedOf("set_transaction_metadata", args, id)];
  return { kind: "call", call: ["set_transaction_metadata", args], deeds };
}
