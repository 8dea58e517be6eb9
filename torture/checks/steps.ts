import type { Deed } from "../clients/deed.ts";
import type { Books } from "./books.ts";
import { applyEntry, countsOf, newAccount } from "./model.ts";
import { written, type Writers } from "./transactions.ts";

/**
 * What one deed did to one account, and when: the moments between which it came into being. Who waits for an account
 * folds in beneath himself all that was queued for it: so versions below those of one who waited and had his answer
 * were there by then, and versions above were not there yet when he began.
 */
export type Step = {
  /** The deed; or a version of a transaction, if nobody asked for it. */
  by: Deed | string;
  /** Lock version and four counters. */
  delta: number[];
  from: number;
  until: number;
  first: number;
  last: number;
  waited: boolean;
  /** When the last of it was written, in milliseconds since 1970 by the ledger's clock. */
  at: number;
};

/** What was done to each account. */
export const allSteps = (books: Books, writers: Writers): Map<string, Step[]> =>
  new Map([...books.entries.keys()].map((one) => [one, stepsOf(books, writers, one)]));

/** What was done to an account, by whom it was done. */
function stepsOf(books: Books, writers: Writers, address: string): Step[] {
  const byWriter = new Map<Deed | string, Step>();
  for (const entry of books.entries.get(address) ?? []) {
    const place = written(entry.transaction, entry.version);
    const writer = writers.get(place);
    const by = writer === "expiry" || !writer ? place : writer;
    const version = entry.lockVersion!;
    const fresh = { delta: [0, 0, 0, 0, 0], first: version, waited: true, at: 0 };
    const step = byWriter.get(by) ?? { by, last: version, ...fresh, ...momentsOf(writer) };
    step.last = version;
    step.waited &&= entry.locked;
    step.at = Math.max(step.at, entry.createdAt);
    const account = newAccount();
    applyEntry(new Map([[address, account]]), entry);
    const more = countsOf(account);
    step.delta = step.delta.map((sum, n) => sum + more[n]!);
    byWriter.set(by, step);
  }
  return [...byWriter.values()];
}

/** What ended by itself, or was enqueued, came at any time after it could; acknowledged calls before their answer. */
export function momentsOf(writer: Deed | "expiry" | undefined): { from: number; until: number } {
  if (writer === "expiry" || !writer) return { from: 0, until: Infinity };
  const isLater = writer.does === "enqueue_transactions" || writer.fate !== "done";
  return { from: writer.sent, until: isLater ? Infinity : writer.ended! };
}

/**
 * Up to which version of an account nothing can change its place any more at a moment: those of one who waited for it and
 * had had his answer. What is queued gets its version later, in whatever order.
 */
export function settledVersion(steps: Step[], moment: number): number {
  const waiters = steps.filter(({ waited, until }) => waited && until < moment);
  return waiters.reduce((most, { last }) => Math.max(most, last), 0);
}
