import type { CreateOptions, Line } from "../support/ledgers.ts";
import { apply, isClosed, isLocked, unsound, type Account } from "./judge.ts";
import { settle } from "./expiry.ts";

/** A line and its place, from 1. */
export type Placed = Line & { position: number };
/** A transaction between two changes. */
export type Version = { version: number; status: string; effective: string; lines: Placed[] };
export type Transaction = Version & {
  external: string | undefined;
  reason: string | null;
  /** Of which transaction it is a part. */
  partOf: number | undefined;
  /** The latest that reverses it. */
  reversedBy: number | undefined;
  metadata: Record<string, unknown>;
  expires: string | undefined;
  /** Whether that time has come. */
  isDue: boolean;
  /** The accounts at which an expired hold is looked for; partial postings may have used up what it held there. */
  watched: string[];
  /** All its versions, the present one last. */
  versions: Version[];
};
type Known = { request: string; answer: Answer; transaction: number };

/** What a call gives: a code for a refusal, otherwise a status; and which transaction it is about. */
export type Answer = { code: string } | { status: string; version: number; reason: string | null };
/** The ledger as a few pages of TypeScript: what contract.md says, for one caller and without any concurrency. */
export type Model = {
  accounts: Map<string, Account>;
  transactions: Transaction[];
  keys: Map<string, Known>;
  /** Written as effective times are, or empty. */
  closedUntil: string;
};

export const refusal = (code: string): Answer => ({ code });
export const place = (lines: Line[]): Placed[] =>
  lines.map((line, n) => ({ ...line, position: n + 1 }));
export const accountsOf = (lines: Line[]) => [...new Set(lines.map(({ account }) => account))];

/** Whether a pending or posted transaction bears an external id. */
export const isTaken = ({ transactions }: Model, external: string | undefined) =>
  external !== undefined &&
  transactions.some((t) => t.external === external && t.status !== "archived");

/** Whether entries that take effect then would be in a closed period; those effective when they were made never are. */
export const isPast = ({ closedUntil }: Model, effective: string | undefined) =>
  effective !== undefined && !effective.startsWith("#") && effective < closedUntil;

/** Predicts create_transaction; changes the model unless it is refused or rehearsed. */
export function create(
  model: Model,
  lines: Line[],
  options: CreateOptions,
  isSnapshot: boolean,
): Answer {
  const { idempotency_key: key, dry_run: isDry, ...rest } = options;
  if (options.expires_at !== undefined && options.status !== "pending") return refusal("LDARG");
  if (isSnapshot && lines.some((line) => isLocked(line, model.accounts.get(line.account)))) {
    return refusal("LDISO");
  }
  const request = JSON.stringify(["create", lines, rest]);
  const known = recall(model, key, request);
  if (known) return known;
  const draft = structuredClone(model);
  const refused = judge(draft, lines, options);
  const isDeclined =
    options.archive_on_lock_failure && (refused === "LDBAL" || refused === "LDLIM");
  if (refused && !isDeclined) return refusal(refused);
  const status = isDeclined ? "archived" : (options.status ?? "posted");
  const answer = { status, version: 1, reason: isDeclined ? "balance_lock_failure" : null };
  if (isDry) return answer;
  if (!isDeclined) Object.assign(model, draft);
  add(model, isDeclined ? [] : place(lines), {
    status,
    reason: answer.reason,
    effective: options.effective_at,
    external: isDeclined ? undefined : options.external_id,
    expires: options.expires_at,
  });
  remember(model, key, { request, answer, transaction: model.transactions.length - 1 });
  return answer;
}

/** The first thing that is wrong with a new transaction, in the order of contract.md; its entries are applied if nothing is. */
function judge(model: Model, lines: Line[], options: CreateOptions): string | null {
  const wrong = unsound(model.accounts, lines);
  if (wrong) return wrong;
  if (isTaken(model, options.external_id)) return "LDEXT";
  if (isClosed(model.accounts, lines)) return "LDCLS";
  if (isPast(model, options.effective_at)) return "LDPER";
  return settle(model, lines, undefined, (accounts) =>
    apply(accounts, lines, 1, options.status === "pending" ? 0 : 1),
  );
}

type Facts = Pick<Transaction, "status" | "external"> &
  Partial<Pick<Transaction, "reason" | "partOf" | "expires">> & { effective: string | undefined };

/** Adds a transaction; one without an effective time has the time at which it was made, written #n. */
export function add({ transactions }: Model, lines: Placed[], facts: Facts): void {
  const effective = facts.effective ?? `#${transactions.length}`;
  const first = { version: 1, status: facts.status, effective, lines };
  transactions.push({
    reason: null,
    partOf: undefined,
    reversedBy: undefined,
    metadata: {},
    expires: undefined,
    ...facts,
    ...first,
    isDue: false,
    watched: accountsOf(lines),
    versions: [first],
  });
}

/** Makes a transaction its next version. */
export function become(transaction: Transaction, next: Omit<Version, "version">): void {
  Object.assign(transaction, next, { version: transaction.version + 1 });
  const { version, status, effective, lines } = transaction;
  transaction.versions.push({ version, status, effective, lines });
}

export function recall(model: Model, key: string | undefined, request: string): Answer | undefined {
  const known = key === undefined ? undefined : model.keys.get(key);
  return known && (known.request === request ? known.answer : refusal("LDIDM"));
}

export function remember(model: Model, key: string | undefined, known: Known): void {
  if (key !== undefined) model.keys.set(key, known);
}
