import type { CreateOptions, Line } from "../support/ledgers.ts";
import { apply, isLocked, judge, type Account } from "./judge.ts";

type Transaction = {
  status: string;
  version: number;
  lines: Line[];
  external?: string | undefined;
  reason?: string;
  reversedBy?: number;
  metadata?: Record<string, unknown>;
};
type Known = { request: string; answer: Answer; transaction: number };

/** What a call gives: a code for a refusal, otherwise a status; and which transaction it is about. */
export type Answer = { code: string } | { status: string; version: number; reason: string | null };
/** The ledger as a page of TypeScript: what contract.md says, for one caller and without any concurrency. */
export type Model = {
  accounts: Map<string, Account>;
  transactions: Transaction[];
  keys: Map<string, Known>;
};

const refusal = (code: string): Answer => ({ code });
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
  const isTaken = (id: string) =>
    model.transactions.some((t) => t.external === id && t.status !== "archived");
  const refused = judge(model.accounts, isTaken, lines, options);
  const isDeclined =
    options.archive_on_lock_failure && (refused === "LDBAL" || refused === "LDLIM");
  if (refused && !isDeclined) return refusal(refused);
  const status = isDeclined ? "archived" : (options.status ?? "posted");
  const answer = { status, version: 1, reason: isDeclined ? "balance_lock_failure" : null };
  if (isDry) return answer;
  if (!isDeclined) apply(model.accounts, lines, 1, status === "posted" ? 1 : 0);
  const external = isDeclined ? undefined : options.external_id;
  const reason = isDeclined && { reason: "balance_lock_failure" };
  model.transactions.push({ status, version: 1, lines, external, ...reason });
  remember(model, key, { request, answer, transaction: model.transactions.length - 1 });
  return answer;
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
  apply(
    model.accounts,
    transaction.lines,
    operation === "post" ? 0 : -1,
    operation === "post" ? 1 : 0,
  );
  const answer = { status: transaction.status, version: 2, reason: null };
  remember(model, key, { request, answer, transaction: index });
  return answer;
}

/** Predicts reverse_transaction. */
export function reverse(
  model: Model,
  index: number,
  status: "pending" | "posted" | undefined,
  key: string | undefined,
): Answer {
  const request = JSON.stringify(["reverse", index, status]);
  const known = recall(model, key, request);
  if (known) return known;
  const original = model.transactions[index]!;
  const before = model.transactions[original.reversedBy ?? -1];
  if (original.status !== "posted" || (before && before.status !== "archived"))
    return refusal("LDSTA");
  const lines = original.lines.map(({ account, direction, amount }): Line => {
    return { account, direction: direction === "debit" ? "credit" : "debit", amount };
  });
  const refused = judge(model.accounts, () => false, lines, status ? { status } : {});
  if (refused) return refusal(refused);
  apply(model.accounts, lines, 1, status === "pending" ? 0 : 1);
  model.transactions.push({ status: status ?? "posted", version: 1, lines });
  original.reversedBy = model.transactions.length - 1;
  const answer = { status: status ?? "posted", version: 1, reason: null };
  remember(model, key, { request, answer, transaction: original.reversedBy });
  return answer;
}

/** Predicts set_transaction_metadata, and delete_transaction_metadata where there is no value. */
export function tag(model: Model, index: number, name: string, value: unknown): Answer {
  const transaction = model.transactions[index]!;
  const { [name]: _, ...others } = transaction.metadata ?? {};
  transaction.metadata = value === undefined ? others : { ...others, [name]: value };
  const { status, version, reason } = transaction;
  return { status, version, reason: reason ?? null };
}

function recall(model: Model, key: string | undefined, request: string): Answer | undefined {
  const known = key === undefined ? undefined : model.keys.get(key);
  return known && (known.request === request ? known.answer : refusal("LDIDM"));
}

function remember(model: Model, key: string | undefined, known: Known): void {
  if (key !== undefined) model.keys.set(key, known);
}
