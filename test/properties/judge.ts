import type { Bounds, Line } from "../support/ledgers.ts";

/** An account of the model: its four counters and what binds it. */
export type Account = {
  currency: string;
  sign: 1 | -1;
  min: number | null;
  max: number | null;
  closed: boolean;
  version: number;
  pending: { debit: number; credit: number };
  posted: { debit: number; credit: number };
};
/** What balances are made of. */
type Balance = Pick<Account, "sign" | "pending" | "posted">;
const available = (a: Balance) =>
  a.sign > 0 ? a.posted.credit - a.pending.debit : a.posted.debit - a.pending.credit;
const ceiling = (a: Account) =>
  a.sign > 0 ? a.pending.credit - a.posted.debit : a.pending.debit - a.posted.credit;
const net = (a: Balance, kind: "pending" | "posted") => a.sign * (a[kind].credit - a[kind].debit);

/** The bounded balances of an account. */
export const balancesOf = (a: Balance) => ({
  pending_balance: net(a, "pending"),
  posted_balance: net(a, "posted"),
  available_balance: available(a),
});

export function breaks(bounds: Bounds | undefined, balance: number): boolean {
  const { gt, gte, eq, not_eq, lte, lt } = bounds ?? {};
  return (
    (gt !== undefined && balance <= gt) ||
    (gte !== undefined && balance < gte) ||
    (eq !== undefined && balance !== eq) ||
    (not_eq !== undefined && balance === not_eq) ||
    (lte !== undefined && balance > lte) ||
    (lt !== undefined && balance >= lt)
  );
}

/** Whether an entry waits for its account, which is refused above READ COMMITTED. */
export function isLocked(line: Line, account: Account | undefined): boolean {
  const { account: _, direction, amount: __, ...asks } = line;
  const isInflow = (account?.sign ?? 1) > 0 === (direction === "credit");
  return (
    Object.values(asks).some((value) => value !== undefined && value !== false) ||
    (account !== undefined && (isInflow ? account.max : account.min) !== null)
  );
}

/** Adds entries to their accounts' counters, once each or taken away. */
export function apply(
  accounts: Map<string, Account>,
  lines: Line[],
  pending: number,
  posted: number,
) {
  for (const { account: address, direction, amount } of lines) {
    const account = accounts.get(address)!;
    account.version += 1;
    account.pending[direction] += pending * amount;
    account.posted[direction] += posted * amount;
  }
}

/** What is wrong with entries whatever the balances, in the order of contract.md; and with names of categories. */
export function unsound(
  accounts: Map<string, Account>,
  lines: Line[],
  isCategoryMissing = false,
): string | null {
  if (lines.some(({ amount }) => amount <= 0 || !Number.isInteger(amount))) return "LDAMT";
  if (lines.some(({ account }) => !accounts.has(account))) return "LDACC";
  if (isCategoryMissing) return "LDCTG";
  const sums = new Map<string, number>();
  for (const { account, direction, amount } of lines) {
    const { currency } = accounts.get(account)!;
    sums.set(currency, (sums.get(currency) ?? 0) + (direction === "debit" ? amount : -amount));
  }
  return [...sums.values()].some((sum) => sum !== 0) ? "LDUNB" : null;
}

export const isClosed = (accounts: Map<string, Account>, lines: Line[]) =>
  lines.some(({ account }) => accounts.get(account)!.closed);

/** What entries ask of their accounts, and their accounts of them, and does not hold; in the order of contract.md. */
export function broken(
  before: Map<string, Account>,
  after: Map<string, Account>,
  lines: Line[],
): string | null {
  const versionOf = ({ account }: Line) => before.get(account)!.version;
  if (lines.some((l) => (l.lock_version ?? versionOf(l)) !== versionOf(l))) return "LDVER";
  for (const line of lines) {
    const balances = balancesOf(after.get(line.account)!);
    for (const [kind, balance] of Object.entries(balances)) {
      if (breaks(line[kind as keyof typeof balances], balance)) return "LDBAL";
    }
  }
  for (const { account } of lines) {
    const [old, now] = [before.get(account)!, after.get(account)!];
    const isTooLow = now.min !== null && available(now) < Math.min(now.min, available(old));
    const isTooHigh = now.max !== null && ceiling(now) > Math.max(now.max, ceiling(old));
    if (isTooLow || isTooHigh) return "LDLIM";
  }
  return null;
}
