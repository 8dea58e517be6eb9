import type { Args } from "../doors/door.ts";
import { deedOf, type Plan } from "./deed.ts";
import { chance, pick, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";
import { plainLines, teamLines } from "./lines.ts";

/** Who holds an older snapshot cannot see what is queued since: all that waits for an account, or changes what is there, is refused. */
export function tooOld(known: Known, draw: Draw, id: string, door: string): Plan | undefined {
  if (door !== "sql") return undefined;
  const [does, args] = chance(draw, 0.5) ? asking(draw) : changing(known, draw);
  if (does !== "create_transaction" && !args["transaction_id"]) return undefined;
  const request = { ledger: known.ledger, ...args, idempotency_key: id };
  const deed = { ...deedOf(does, request, id), mustBe: "LDISO" };
  const isolation = pick(draw, ["repeatable read", "serializable"]);
  return { kind: "several", deeds: [deed], isolation, end: "commit" };
}

function asking(draw: Draw): [string, Args] {
  const entries = chance(draw, 0.5) ? teamLines(draw) : plainLines(draw);
  const isLocking = chance(draw, 0.5) && entries[0]!.account.startsWith("team");
  const category_locks = [{ category: "team", available_balance: { gte: 0 } }];
  if (isLocking) return ["create_transaction", { entries, category_locks }];
  Object.assign(pick(draw, entries), { available_balance: { gte: 0 } });
  return ["create_transaction", { entries }];
}

function changing({ pending, posted }: Known, draw: Draw): [string, Args] {
  const does = pick(draw, [
    "post_transaction",
    "update_transaction",
    "archive_transaction",
    "partially_post_transaction",
    "reverse_transaction",
  ]);
  const heard = pick(draw, does === "reverse_transaction" ? posted : pending);
  const args: Args = { transaction_id: heard?.id };
  if (does === "update_transaction") args["effective_at"] = new Date().toISOString();
  if (does === "partially_post_transaction") args["entries"] = plainLines(draw);
  return [does, args];
}
