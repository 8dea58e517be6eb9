import type { CategoryLock } from "../support/categories.ts";
import type { Line } from "../support/ledgers.ts";
import type { Asks, Locks, Moves } from "./arguments.ts";
import { totalOf } from "./categories.ts";
import { balancesOf } from "./judge.ts";
import type { PartiallyPost } from "./lifecycle-operations.ts";
import type { Model } from "./model.ts";

/** The lines of transfers; what they ask is meant relative to how things are now. */
export function linesOfMoves(model: Model, moves: Moves): Line[] {
  return moves.flatMap(({ from, to, amount }) => [
    lineOf(model, from.account, "debit", amount, from.asks),
    lineOf(model, to.account, "credit", amount, to.asks),
  ]);
}

function lineOf(
  model: Model,
  account: string,
  direction: "debit" | "credit",
  amount: number,
  asks: Asks | undefined,
): Line {
  const now = model.accounts.get(account);
  const { version, bound, show } = asks ?? {};
  const line: Line = { account, direction, amount };
  if (version !== undefined) line.lock_version = Math.max(0, (now?.version ?? 0) + version);
  if (show !== undefined) line.show_resulting_balances = show;
  if (bound) {
    const balance = now ? balancesOf(now)[bound.balance as keyof ReturnType<typeof balancesOf>] : 0;
    line[bound.balance as "posted_balance"] = { [bound.kind]: balance + bound.distance };
  }
  return line;
}

/** Category locks; their bounds are meant relative to how things are now. */
export const locksOf = (model: Model, locks: NonNullable<Locks>): CategoryLock[] =>
  locks.map(({ category, bound: { balance, kind, distance } }) => {
    const now = model.categories.has(category) ? balancesOf(totalOf(model, category)) : undefined;
    const bound = { [kind]: (now?.[balance as "posted_balance"] ?? 0) + distance };
    return { category, [balance]: bound };
  });

/** Parts of what a transaction holds: pairs of a debit and a credit in one currency, or all of it. */
export function linesOfShares(
  model: Model,
  index: number,
  { shares, isAll }: Pick<PartiallyPost, "shares" | "isAll">,
): Line[] {
  const held = structuredClone(model.transactions[index]!.lines);
  const currencyOf = ({ account }: Line) => model.accounts.get(account)!.currency;
  if (isAll && held.length > 0) {
    return held.map(({ account, direction, amount }, n) =>
      lineOf(model, account, direction, amount, shares[n]?.asks),
    );
  }
  return shares.flatMap(({ debit, credit, amount, isGreedy, asks }) => {
    const debits = held.filter((line) => line.direction === "debit");
    const from = debits[debit % debits.length];
    const credits = held.filter(
      (line) => line.direction === "credit" && from && currencyOf(line) === currencyOf(from),
    );
    const to = credits[credit % credits.length];
    if (!from || !to) return [];
    const fitting = isGreedy ? amount : Math.min(amount, from.amount, to.amount);
    if (fitting <= 0) return [];
    from.amount -= fitting;
    to.amount -= fitting;
    return [
      lineOf(model, from.account, "debit", fitting, asks),
      lineOf(model, to.account, "credit", fitting, undefined),
    ];
  });
}
