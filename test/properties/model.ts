import type { Bounds, CreateOptions, Line } from "../support/ledgers.ts";

/** The ledger as a page of TypeScript: what contract.md says, for one caller and without any concurrency. */
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
type Transaction = { status: string; version: number; lines: Line[]; external: string | undefined };
type Known = { request: string; answer: Answer; transaction: number };

/** What a call gives: a code for a refusal, otherwise a status; and which transaction it is about. */
export type Answer = { code: string } | { status: string; version: number; reason: string | null };
export type Model = {
  accounts: Map<string, Account>;
  transactions: Transaction[];
  keys: Map<string, Known>;
};

const refusal = (code: string): Answer => ({ code });
const available = (a: Account) =>
  a.sign > 0 ? a.posted.credit - a.pending.debit : a.posted.debit - a.pending.credit;
const ceiling = (a: Account) =>
  a.sign > 0 ? a.pending.credit - a.posted.debit : a.pending.debit - a.posted.credit;
const net = (a: Account, kind: "pending" | "posted") => a.sign * (a[kind].credit - a[kind].debit);

/** The bounded balances of an account. */
export const balancesOf = (a: Account) => ({
  pending_balance: net(a, "pending"),
  posted_balance: net(a, "posted"),
  available_balance: available(a),
});

function breaks(bounds: Bounds | undefined, balance: number): boolean {
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
function isLocked(line: Line, account: Account | undefined): boolean {
  const { account: _, direction, amount: __, ...asks } = line;
  const isInflow = (account?.sign ?? 1) > 0 === (direction === "credit");
  return (
    Object.values(asks).some((value) => value !== undefined && value !== false) ||
    (account !== undefined && (isInflow ? account.max : account.min) !== null)
  );
}

function apply(accounts: Map<string, Account>, lines: Line[], pending: number, posted: number) {
  for (const { account: address, direction, amount } of lines) {
    const account = accounts.get(address)!;
    account.version += 1;
    account.pending[direction] += pending * amount;
    account.posted[direction] += posted * amount;
  }
}

/** Predicts create_transaction; changes the model unless it is refused or rehearsed. */
export function create(
  model: Model,
  lines: Line[],
  options: CreateOptions,
  isSnapshot: boolean,
): Answer {
  const { idempotency_key: key, dry_run: isDry, ...rest } = options;
  if (isSnapshot && lines.some((line) => isLocked(line, model.accounts.get(line.account)))) {
    return refusal("LDISO");
  }
  const request = JSON.stringify(["create", lines, rest]);
  const known = recall(model, key, request);
  if (known) return known;
  const refused = judge(model, lines, options);
  const isDeclined =
    options.archive_on_lock_failure && (refused === "LDBAL" || refused === "LDLIM");
  if (refused && !isDeclined) return refusal(refused);
  const status = isDeclined ? "archived" : (options.status ?? "posted");
  const answer = { status, version: 1, reason: isDeclined ? "balance_lock_failure" : null };
  if (isDry) return answer;
  if (!isDeclined) apply(model.accounts, lines, 1, status === "posted" ? 1 : 0);
  const external = isDeclined ? undefined : options.external_id;
  model.transactions.push({ status, version: 1, lines, external });
  remember(model, key, { request, answer, transaction: model.transactions.length - 1 });
  return answer;
}

/** The first thing that is wrong with a transaction, in the order of contract.md. */
function judge(model: Model, lines: Line[], options: CreateOptions): string | null {
  if (lines.some(({ amount }) => amount <= 0 || !Number.isInteger(amount))) return "LDAMT";
  if (lines.some(({ account }) => !model.accounts.has(account))) return "LDACC";
  const sums = new Map<string, number>();
  for (const { account, direction, amount } of lines) {
    const { currency } = model.accounts.get(account)!;
    sums.set(currency, (sums.get(currency) ?? 0) + (direction === "debit" ? amount : -amount));
  }
  if ([...sums.values()].some((sum) => sum !== 0)) return "LDUNB";
  const isTaken = (id: string) =>
    model.transactions.some((t) => t.external === id && t.status !== "archived");
  if (options.external_id !== undefined && isTaken(options.external_id)) return "LDEXT";
  if (lines.some(({ account }) => model.accounts.get(account)!.closed)) return "LDCLS";
  const before = model.accounts;
  if (lines.some((l) => (l.lock_version ?? before.get(l.account)!.version) !== before.get(l.account)!.version))
    return "LDVER";
  const after = structuredClone(model.accounts);
  apply(after, lines, 1, options.status === "pending" ? 0 : 1);
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

/** Predicts post_transaction and archive_transaction. */
export function finish(
  model: Model,
  operation: "post" | "archive",
  index: number,
  key: string | undefined,
): Answer {
  const request = JSON.stringify([operation, index]);
  const known = recall(model, key, request);
  if (known) return known;
  const transaction = model.transactions[index]!;
  if (transaction.status !== "pending") return refusal("LDSTA");
  transaction.status = operation === "post" ? "posted" : "archived";
  transaction.version += 1;
  apply(model.accounts, transaction.lines, operation === "post" ? 0 : -1, operation === "post" ? 1 : 0);
  const answer = { status: transaction.status, version: 2, reason: null };
  remember(model, key, { request, answer, transaction: index });
  return answer;
}

function recall(model: Model, key: string | undefined, request: string): Answer | undefined {
  const known = key === undefined ? undefined : model.keys.get(key);
  return known && (known.request === request ? known.answer : refusal("LDIDM"));
}

function remember(model: Model, key: string | undefined, known: Known): void {
  if (key !== undefined) model.keys.set(key, known);
}
