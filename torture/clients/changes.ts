import type { Line } from "../../test/support/ledgers.ts";
import type { Args } from "../doors/door.ts";
import { clientTime, expiry } from "./creations.ts";
import { deedOf, type Plan } from "./deed.ts";
import { chance, pick, upTo, weighted, type Draw } from "./draw.ts";
import type { Heard, Known } from "./known.ts";
import { anyLines, paysTeam, teamLines } from "./lines.ts";

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
    if (chance(draw, 0.2)) Object.assign(args, underLock(draw));
  }
  if (does === "update_transaction") Object.assign(args, facts(heard, draw, id));
  if (does === "partially_post_transaction") {
    const lines = partOf(heard.lines, draw);
    if (!lines) return undefined;
    Object.assign(args, { entries: lines, description: id });
    if (chance(draw, 0.3)) args["effective_at"] = anyTime(draw);
    if (chance(draw, 0.1)) args["external_id"] = `external-${upTo(draw, 40)}`;
    if (chance(draw, 0.2)) args["metadata"] = { by: id, part: true };
  }
  return { kind: "call", call: [does, args], deeds: [deedOf(does, args, id)] };
}

/** Other lines, which take money from `team` under the lock of the category, as all do. */
const underLock = (draw: Draw): Args => ({
  entries: teamLines(draw),
  category_locks: [{ category: "team", available_balance: { gte: 0 } }],
});

/** What else of a pending transaction can be changed, now and then. What names it in the books stays. */
function facts({ by }: Heard, draw: Draw, id: string): Args {
  const args: Args = {};
  if (chance(draw, 0.2)) args["expires_at"] = expiry(draw);
  if (by !== undefined && chance(draw, 0.6)) args["description"] = `${by}, by ${id}`;
  return args;
}

/** A little while ago, mostly; or when books may be closed. */
const anyTime = (draw: Draw): string =>
  chance(draw, 0.1) ? `2019-0${upTo(draw, 9)}-15T00:00:00Z` : clientTime(-draw() * 3_600_000);

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
  if (chance(draw, 0.3)) args["effective_at"] = anyTime(draw);
  if (chance(draw, 0.3)) args["metadata"] = { by: id, reversal: true };
  return {
    kind: "call",
    call: ["reverse_transaction", args],
    deeds: [deedOf("reverse_transaction", args, id)],
  };
}
