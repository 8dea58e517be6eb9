import type { Args, Row } from "../doors/door.ts";
import { ALL } from "./accounts.ts";
import type { Plan } from "./deed.ts";
import { pick, upTo, weighted, type Draw } from "./draw.ts";
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

/** What was opened in the other ledger is there, and what came with a refused one is not. */
export function openedAccount(
  { otherLedger, opened, neverOpened }: Known,
  draw: Draw,
): Plan | undefined {
  const [there, absent] = [pick(draw, opened), pick(draw, neverOpened)];
  const isAbsent = absent !== undefined && (!there || draw() < 0.3);
  const account = isAbsent ? absent : there?.address;
  if (!account) return undefined;
  const request = { ledger: otherLedger, account };
  const refused = isAbsent ? { refused: { must: "LDACC" } } : {};
  const judge = ([row]: Row[]) =>
    row?.["account"] === account && Number(row["lock_version"]) === 0
      ? undefined
      : { wrong: `${account} was read as ${JSON.stringify(row)}` };
  return { kind: "read", call: ["account_balance", request], judge, ...refused };
}

/** An amount is divided by weights without losing a unit, each part within one of its share. */
export function divide(_known: Known, draw: Draw): Plan {
  const amount = upTo(draw, 1_000_000) - 1;
  const weights = Array.from({ length: upTo(draw, 6) }, () => upTo(draw, 1_000));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const judge = (rows: Row[]) => {
    const parts = rows.map((row) => Number(row["part"] ?? row));
    const isRight =
      parts.length === weights.length &&
      parts.reduce((sum, part) => sum + part, 0) === amount &&
      parts.every((part, n) => Math.abs(part - (amount * weights[n]!) / total) < 1);
    return isRight
      ? undefined
      : { wrong: `${amount} by ${weights.join()} was divided into ${parts.join()}` };
  };
  return { kind: "read", call: ["allocate", { amount, weights }], judge };
}
