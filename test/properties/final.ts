import type { Line } from "../support/ledgers.ts";
import { settle } from "./expiry.ts";
import { apply, isClosed } from "./judge.ts";
import { add, isPast, place, recall, refusal, remember, type Answer, type Model } from "./model.ts";

type ReverseOptions = {
  status?: "pending" | "posted";
  effective_at?: string;
  idempotency_key?: string;
};

/** Whether a transaction can be reversed: it is posted, and no reversal of it is pending or posted, wholly or partly. */
export function isReversible({ transactions }: Model, index: number): boolean {
  const { status, reversedBy, counterpart } = transactions[index]!;
  const wasReversed =
    reversedBy !== undefined &&
    (transactions[reversedBy]!.status !== "archived" ||
      transactions.some(({ partOf }) => partOf === reversedBy));
  return status === "posted" && counterpart === undefined && !wasReversed;
}

/** Predicts reverse_transaction; changes the model unless it is refused. */
export function reverse(
  model: Model,
  index: number,
  { idempotency_key: key, ...options }: ReverseOptions,
): Answer {
  const request = JSON.stringify(["reverse", index, options]);
  const known = recall(model, key, request);
  if (known) return known;
  if (!isReversible(model, index)) return refusal("LDSTA");
  const { status = "posted", effective_at } = options;
  const draft = structuredClone(model);
  const original = draft.transactions[index]!;
  const lines = original.lines.map(({ account, direction, amount }): Line => {
    return { account, direction: direction === "debit" ? "credit" : "debit", amount };
  });
  if (isClosed(draft.accounts, lines)) return refusal("LDCLS");
  const effective = effective_at ?? original.effective;
  if (isPast(draft, effective)) return refusal("LDPER");
  const placed = place(draft, lines);
  const refused = settle(draft, lines, {}, (accounts) =>
    apply(accounts, lines, 1, status === "pending" ? 0 : 1),
  );
  if (refused) return refusal(refused);
  add(draft, placed, { status, effective, external: undefined });
  original.reversedBy = draft.transactions.length - 1;
  Object.assign(model, draft);
  const answer = { status, version: 1, reason: null };
  remember(model, key, { request, answer, transaction: original.reversedBy });
  return answer;
}

/** Predicts set_transaction_metadata, and delete_transaction_metadata where there is no value. */
export function tag(model: Model, index: number, name: string, value: unknown): Answer {
  const transaction = model.transactions[index]!;
  const { [name]: _, ...others } = transaction.metadata;
  transaction.metadata = value === undefined ? others : { ...others, [name]: value };
  const { status, version, reason } = transaction;
  return { status, version, reason };
}
