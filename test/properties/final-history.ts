import * as statements from "../support/ledgers.ts";
import { compare, type History } from "./compare.ts";
import type { Final } from "./final-operations.ts";
import { isReversible, reverse, tag } from "./final.ts";

export const isFinal = (operation: { does: string }): operation is Final =>
  operation.does === "reverse" || operation.does === "tag";

/** Carries out an operation on a transaction that may be final. */
export async function carryOutFinal(history: History, operation: Final): Promise<void> {
  const { model, ledger, ids } = history;
  const all = [...model.transactions.keys()];
  if (operation.does === "tag") {
    if (all.length === 0) return;
    // Mostly one of the first two, so that there is something to change.
    const index = operation.which % (operation.which < 800 ? Math.min(2, all.length) : all.length);
    const { name, value } = operation;
    const statement = statements.tag(ledger, ids[index]!, name, value);
    const answer = tag(model, index, name, value);
    return compare(history, statement, answer, { isKnown: false, key: undefined });
  }
  const { key, status, effective } = operation;
  const some = all.filter((index) => operation.isAny || isReversible(model, index));
  const index = some[operation.which % Math.max(1, some.length)];
  if (index === undefined) return;
  const options = {
    ...(status && { status }),
    ...(effective && { effective_at: effective }),
    ...(key && { idempotency_key: key }),
  };
  const isKnown = key !== undefined && model.keys.has(key);
  const answer = reverse(model, index, options);
  const statement = statements.reverse(ledger, ids[index]!, options);
  await compare(history, statement, answer, { isKnown, key });
}
