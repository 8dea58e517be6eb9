import type { CategoryLock } from "../support/categories.ts";
import type { Line } from "../support/ledgers.ts";
import { apply, broken, isLocked, type Account } from "./judge.ts";
import { isBroken } from "./categories.ts";
import { become, type Model, type Transaction } from "./model.ts";

/** Archives a transaction whose time is over. */
function expire({ accounts }: Model, transaction: Transaction): void {
  const { effective, lines } = transaction;
  apply(accounts, lines, -1, 0);
  transaction.reason = "expired";
  become(transaction, { status: "archived", effective, lines });
}

const isExpired = ({ status, isDue }: Transaction) => status === "pending" && isDue;

/** Predicts expire_transactions: how many it archives. */
export function sweep(model: Model): number {
  const due = model.transactions.filter(isExpired);
  for (const transaction of due) expire(model, transaction);
  return due.length;
}

/** What a step asks, besides its lines: who else waits for his account, and what categories must be like. */
export type Conditions = {
  changing?: Transaction | undefined;
  /** Accounts that are waited for though no line of the caller's says so. */
  alsoWaited?: Iterable<string>;
  locks?: CategoryLock[];
};

/**
 * Applies a step to the accounts and judges what its lines ask, and its category locks; gives the code of
 * what is broken. Where a balance is, expired holds on the accounts that are waited for are archived first,
 * but for the transaction that is changing.
 */
export function settle(
  model: Model,
  lines: Line[],
  { changing, alsoWaited = [], locks = [] }: Conditions,
  step: (accounts: Map<string, Account>) => void,
): string | null {
  const waited = lines
    .filter((line) => isLocked(line, model.accounts.get(line.account)))
    .map(({ account }) => account)
    .concat(...alsoWaited);
  let asked = lines;
  for (;;) {
    const after = structuredClone(model.accounts);
    step(after);
    const code =
      broken(model.accounts, after, asked) ??
      (isBroken({ ...model, accounts: after }, locks) ? "LDCAT" : null);
    if (!code) model.accounts = after;
    if (code !== "LDBAL" && code !== "LDLIM" && code !== "LDCAT") return code;
    const due = model.transactions.filter(
      (t) =>
        t !== changing && isExpired(t) && t.watched.some((account) => waited.includes(account)),
    );
    if (due.length === 0) return code;
    for (const transaction of due) expire(model, transaction);
    // Lock versions were those of the accounts when the call came.
    asked = lines.map((line) => {
      const { lock_version: _, ...others } = line;
      return others;
    });
  }
}
