import type { Line, Member } from "../support/ledgers.ts";
import { coveredBy, isRepeated, isUnknown, type Category } from "./categories.ts";
import { apply, isClosed, isLocked, unsound, type Account } from "./judge.ts";
import { settle } from "./expiry.ts";

/** A line, its place, from 1, and whether it waited for its account. */
export type Placed = Line & { position: number; waited: boolean };
/** A transaction between two changes. */
export type Version = { version: number; status: string; effective: string; lines: Placed[] };
export type Transaction = Version & {
  external: string | undefined;
  reason: string | null;
  /** Of which transaction it is a part. */
  partOf: number | undefined;
  /** The latest that reverses it. */
  reversedBy: number | undefined;
  /** Its other half, in another ledger. */
  counterpart: number | undefined;
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

/** What was handed to the write-ahead queue: with a code if it was refused, a transaction if it was applied. */
export type Receipt = { request: Member; code?: string; transaction?: number };

/** What a call gives: a code for a refusal, otherwise a status; and which transaction it is about. */
export type Answer = { code: string } | { status: string; version: number; reason: string | null };
/** The ledger as a few pages of TypeScript: what contract.md says, for one caller and without any concurrency. */
export type Model = {
  accounts: Map<string, Account>;
  transactions: Transaction[];
  keys: Map<string, Known>;
  /** Written as effective times are, or empty. */
  closedUntil: string;
  categories: Map<string, Category>;
  receipts: Receipt[];
};

export const refusal = (code: string): Answer => ({ code });
export function place({ accounts }: Model, lines: Line[], covered = new Set<string>()): Placed[] {
  const waits = (line: Line) => isLocked(line, accounts.get(line.account));
  const waited = new Set([...covered, ...accountsOf(lines.filter(waits))]);
  return lines.map((line, n) => ({ ...line, position: n + 1, waited: waited.has(line.account) }));
}
export const accountsOf = (lines: Line[]) => [...new Set(lines.map(({ account }) => account))];

/** Whether a pending or posted transaction bears an external id. */
export const isTaken = ({ transactions }: Model, external: string | undefined) =>
  external !== undefined &&
  transactions.some((t) => t.external === external && t.status !== "archived");

/** Whether entries that take effect then would be in a closed period; those effective when they were made never are. */
export const isPast = ({ closedUntil }: Model, effective: string | undefined) =>
  effective !== undefined && /^\d/.test(effective) && effective < closedUntil;

/** In which way a request is made, which is no part of it. */
export type Making = { isSnapshot?: boolean; isDry?: boolean; accepted?: string };

/** Predicts create_transaction; changes the model unless it is refused or rehearsed. */
export function create(
  model: Model,
  request: Member,
  { isSnapshot = false, isDry = false, accepted }: Making = {},
): Answer {
  const { idempotency_key: key, entries: lines, category_locks: locks = [] } = request;
  if (isMalformed(request)) return refusal("LDARG");
  const waits = lines.some((line) => isLocked(line, model.accounts.get(line.account)));
  if (isSnapshot && (waits || locks.length > 0)) return refusal("LDISO");
  const text = textOf(request);
  const known = recall(model, key, text);
  if (known) return known;
  const draft = structuredClone(model);
  const judged = judge(draft, request);
  const isDeclined = request.archive_on_lock_failure && LOCKS.includes(judged.code ?? "");
  if (judged.code && !isDeclined) return refusal(judged.code);
  const status = isDeclined ? "archived" : (request.status ?? "posted");
  const answer = { status, version: 1, reason: isDeclined ? "balance_lock_failure" : null };
  if (isDry) return answer;
  if (!isDeclined) Object.assign(model, draft);
  add(model, isDeclined ? [] : judged.lines, {
    status,
    reason: answer.reason,
    effective: request.effective_at ?? accepted,
    external: isDeclined ? undefined : request.external_id,
    expires: request.expires_at,
  });
  remember(model, key, { request: text, answer, transaction: model.transactions.length - 1 });
  return answer;
}

const LOCKS = ["LDBAL", "LDLIM", "LDCAT"];
export const isMalformed = ({ expires_at, status, category_locks }: Member) =>
  (expires_at !== undefined && status !== "pending") || isRepeated(category_locks ?? []);
/** What makes two requests the same. */
export const textOf = (request: Member) =>
  JSON.stringify(["create", { ...request, idempotency_key: undefined }]);

const no = (code: string | null) => ({ code, lines: [] });

/** The first thing that is wrong with a new transaction, in the order of contract.md; its entries are applied if nothing is. */
function judge(model: Model, request: Member): { code: string | null; lines: Placed[] } {
  const { entries: lines, external_id, category_locks: locks = [], status } = request;
  const wrong = unsound(model.accounts, lines, isUnknown(model, locks));
  if (wrong) return no(wrong);
  if (isTaken(model, external_id)) return no("LDEXT");
  if (isClosed(model.accounts, lines)) return no("LDCLS");
  if (isPast(model, request.effective_at)) return no("LDPER");
  const alsoWaited = coveredBy(model, locks, lines);
  if (!alsoWaited) return no("LDARG");
  const placed = place(model, lines, alsoWaited);
  const code = settle(model, lines, { alsoWaited, locks }, (accounts) =>
    apply(accounts, lines, 1, status === "pending" ? 0 : 1),
  );
  return { code, lines: placed };
}

type Facts = Pick<Transaction, "status" | "external"> &
  Partial<Pick<Transaction, "reason" | "partOf" | "expires" | "counterpart">> & {
    effective: string | undefined;
  };

/** Adds a transaction; one without an effective time has the time at which it was made, written #n. */
export function add({ transactions }: Model, lines: Placed[], facts: Facts): void {
  const effective = facts.effective ?? `#${transactions.length}`;
  const first = { version: 1, status: facts.status, effective, lines };
  transactions.push({
    reason: null,
    partOf: undefined,
    reversedBy: undefined,
    counterpart: undefined,
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
