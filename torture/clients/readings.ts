import type { Args } from "../doors/door.ts";
import { ALL } from "./accounts.ts";
import type { Plan } from "./deed.ts";
import { pick, weighted, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";

/** Reads of every kind; most are compared with what was done, see checks/reads.ts. */
export function anyRead(
  { ledger, receipts, versions }: Known,
  draw: Draw,
  _id: string,
  door: string,
): Plan {
  const account = pick(draw, ALL);
  const [does, args] = weighted<() => [string, Args]>(draw, [
    [5, () => ["account_balance", { ledger, account }]],
    [
      2,
      () => [
        "account_balance",
        { ledger, account, lock_version: Math.floor(draw() * ((versions.get(account) ?? 0) + 1)) },
      ],
    ],
    [3, () => ["account_balances", { ledger, accounts: ALL }]],
    [
      2,
      () =>
        door === "sql" ? ["balances", { ledger }] : ["account_balances", { ledger, accounts: ALL }],
    ],
    [3, () => ["category_balance", { ledger, category: pick(draw, ["team", "inner"]) }]],
    [1, () => ["trial_balance", { ledger }]],
    [
      2,
      () =>
        receipts.length > 0
          ? ["queued_transaction", { ledger, receipt_id: pick(draw, receipts) }]
          : ["trial_balance", { ledger }],
    ],
  ])();
  return { kind: "read", call: [does, args] };
}
