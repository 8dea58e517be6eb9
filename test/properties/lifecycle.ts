import type { ChangeOptions } from "../support/changes.ts";
import type { Line } from "../support/ledgers.ts";
import { coveredBy, isRepeated, isUnknown } from "./categories.ts";
import { settle } from "./expiry.ts";
import { apply, isClosed, unsound, type Account } from "./judge.ts";
import {
  accountsOf,
  add,
  become,
  isPast,
  isTaken,
  place,
  recall,
  refusal,
  remember,
  type Answer,
  type Model,
  type Placed,
  type Transaction,
} from "./model.ts";

type Change = "post" | "update" | "archive";
const OUTCOMES = { post: "posted", update: "pending", archive: "archived" };

/** Predicts post_transaction, update_transaction and archive_transaction; changes the model unless it is refused. */
export function change(
  model: Model,
  name: Change,
  index: number,
  { idempotency_key: key, ...options }: ChangeOptions,
): Answer {
  const { expected_version: _, category_locks: locks = [], ...changes } = options;
  const isEmpty = Object.values(changes).every((value) => value === undefined);
  const locksNothing = locks.length > 0 && !changes.entries && changes.effective_at === undefined;
  if ((name === "update" && (isEmpty || locksNothing)) || isRepeated(locks))
    return refusal("LDARG");
  const request = JSON.stringify([name, index, options]);
  const known = recall(model, key, request);
  if (known) return known;
  const draft = structuredClone(model);
  const refused = carryOut(draft, name, draft.transactions[index]!, options);
  if (refused) return refusal(refused);
  Object.assign(model, draft);
  const { status, version, reason } = model.transactions[index]!;
  const answer = { status, version, reason };
  remember(model, key, { request, answer, transaction: index });
  return answer;
}

function carryOut(
  model: Model,
  name: Change,
  transaction: Transaction,
  options: ChangeOptions,
): string | null {
  const {
    entries,
    effective_at,
    expires_at,
    expected_version,
    category_locks: locks = [],
  } = options;
  const unfit = unsound(model.accounts, entries ?? [], isUnknown(model, locks));
  if (unfit) return unfit;
  const mayBe = name === "archive" || !transaction.isDue;
  if (transaction.status !== "pending" || !mayBe) return "LDSTA";
  if (entries && isClosed(model.accounts, entries)) return "LDCLS";
  const effective = effective_at ?? transaction.effective;
  const isMoved = effective !== transaction.effective;
  if ((entries || isMoved) && isPast(model, effective)) return "LDPER";
  if ((expected_version ?? transaction.version) !== transaction.version) return "LDVER";
  const status = OUTCOMES[name];
  const moved = [...(entries ?? []), ...transaction.lines];
  const isIdle = name === "update" && !entries && !isMoved;
  const covered = isIdle && locks.length > 0 ? null : coveredBy(model, locks, moved);
  if (!covered) return "LDARG";
  const kept = transaction.lines.map((line) => ({
    ...line,
    waited: line.waited || covered.has(line.account),
  }));
  const lines = entries ? place(model, entries, covered) : isIdle ? transaction.lines : kept;
  const waited = entries ? [] : accountsOf(kept.filter((line) => line.waited));
  const conditions = { changing: transaction, alsoWaited: [...covered, ...waited], locks };
  const code = settle(model, entries ?? [], conditions, (accounts) => {
    if (name === "archive") return apply(accounts, transaction.lines, -1, 0);
    if (entries || isMoved) {
      apply(accounts, transaction.lines, -1, 0);
      apply(accounts, lines, 1, name === "post" ? 1 : 0);
    } else if (name === "post") apply(accounts, lines, 0, 1);
  });
  if (code) return code;
  const isNoted =
    entries !== undefined || isMoved || (expires_at ?? transaction.expires) !== transaction.expires;
  if (isNoted) transaction.watched = accountsOf(lines);
  transaction.expires = expires_at ?? transaction.expires;
  become(transaction, { status, effective, lines });
  return null;
}

/** Predicts partially_post_transaction; changes the model unless it is refused. */
export function partiallyPost(
  model: Model,
  index: number,
  { idempotency_key: key, ...options }: ChangeOptions,
): Answer {
  const request = JSON.stringify(["partially_post", index, options]);
  const known = recall(model, key, request);
  if (known) return known;
  const draft = structuredClone(model);
  const refused = takePart(draft, index, options);
  if (refused) return refusal(refused);
  Object.assign(model, draft);
  const answer = { status: "posted", version: 1, reason: null };
  remember(model, key, { request, answer, transaction: model.transactions.length - 1 });
  return answer;
}

function takePart(
  model: Model,
  index: number,
  { entries = [], effective_at, external_id, expected_version }: ChangeOptions,
): string | null {
  const pending = model.transactions[index]!;
  const unfit = unsound(model.accounts, entries);
  if (unfit) return unfit;
  if (isTaken(model, external_id)) return "LDEXT";
  if (pending.status !== "pending" || pending.isDue) return "LDSTA";
  const taken = match(pending.lines, entries);
  if (typeof taken === "string") return taken;
  if (isPast(model, effective_at ?? pending.effective)) return "LDPER";
  if ((expected_version ?? pending.version) !== pending.version) return "LDVER";
  const step = (accounts: Map<string, Account>) => {
    apply(accounts, entries, 1, 1);
    apply(accounts, taken, -1, 0);
  };
  const code = settle(model, entries, { changing: pending }, step);
  if (code) return code;
  const rest = subtract(pending.lines, taken);
  const { effective } = pending;
  if (rest.length > 0) become(pending, { status: "pending", effective, lines: rest });
  else {
    pending.reason = "fully_posted";
    become(pending, { status: "archived", effective, lines: taken });
  }
  const facts = { status: "posted", effective: effective_at ?? effective, external: external_id };
  add(model, place(model, entries), { ...facts, partOf: index });
  return null;
}

const side = ({ account, direction }: Line) => `${account} ${direction}`;

/** What entries take from what is held, by account and direction, the first lines first; or what is wrong with them. */
function match(held: Placed[], entries: Line[]): Placed[] | string {
  const sums = new Map<string, number>();
  for (const entry of entries) sums.set(side(entry), (sums.get(side(entry)) ?? 0) + entry.amount);
  for (const [one, sum] of sums) {
    const left = held.filter((line) => side(line) === one);
    if (left.length === 0) return "LDARG";
    if (sum > left.reduce((total, { amount }) => total + amount, 0)) return "LDAMT";
  }
  return held.flatMap((line) => {
    const amount = Math.min(line.amount, sums.get(side(line)) ?? 0);
    sums.set(side(line), (sums.get(side(line)) ?? 0) - amount);
    return amount > 0 ? [{ ...line, amount }] : [];
  });
}

function subtract(held: Placed[], taken: Placed[]): Placed[] {
  return held.flatMap((line) => {
    const amount = line.amount - (taken.find((t) => t.position === line.position)?.amount ?? 0);
    return amount > 0 ? [{ ...line, amount }] : [];
  });
}
