import type { Bounds } from "../../test/support/ledgers.ts";
import { balancesOf } from "../../test/properties/judge.ts";
import type { Deed } from "../clients/deed.ts";
import type { Books } from "./books.ts";
import type { Report } from "./finding.ts";
import { membersOf } from "./members.ts";
import type { Step } from "./steps.ts";

/*
 * Did the bounds of each category lock hold at the place where its call came?
 *
 * A call judges the category after its own entries and before it writes them. So it counted nothing that was written
 * later than they. It must have counted what was acknowledged before it was sent; what has a version below its own on an
 * account that it waited for; and what another call with a lock on the category had written before, for one waits for
 * the other. Of what else was written before it may have counted any. So what it saw lies in a range, and where all of
 * that is beyond a bound the call should have been refused. Who was in the category the log says: changes wait, too.
 */

type Name = keyof ReturnType<typeof balancesOf>;
type CategoryLock = { category: string } & { [name in Name]?: Bounds };
type Range = { low: number; high: number };

/** How many bounds were judged, and of how many it is known exactly what was seen. */
export type CategoriesJudged = { bounds: number; exact: number };

export function checkCategories(
  books: Books,
  steps: Map<string, Step[]>,
  report: Report,
): CategoriesJudged {
  const judged: CategoriesJudged = { bounds: 0, exact: 0 };
  const writers = writersOf(steps);
  for (const call of writers) {
    const { by } = call;
    for (const { category, ...bounds } of locksOf(by)) {
      const ranges = rangesOf(books, writers, call, category);
      for (const [name, bound] of Object.entries(bounds) as [Name, Bounds][]) {
        const range = ranges[name];
        judged.bounds += 1;
        if (range.low === range.high) judged.exact += 1;
        if (!breaksAnyway(bound, range)) continue;
        const seen = JSON.stringify({ category, [name]: bound, ...range });
        report(
          `was let through, and should have been refused with LDCAT: ${seen}`,
          (by as Deed).id,
        );
      }
    }
  }
  return judged;
}

/** All that one deed did, by account; `at` is when the last of it was written. */
type Writer = { by: Step["by"]; at: number; steps: Map<string, Step> };

function writersOf(steps: Map<string, Step[]>): Writer[] {
  const writers = new Map<Step["by"], Writer>();
  for (const [address, some] of steps) {
    for (const step of some) {
      const writer = writers.get(step.by) ?? { by: step.by, at: 0, steps: new Map() };
      writer.at = Math.max(writer.at, step.at);
      writer.steps.set(address, step);
      writers.set(step.by, writer);
    }
  }
  return [...writers.values()];
}

const locksOf = (by: Step["by"]): CategoryLock[] =>
  (typeof by === "string" ? undefined : by.request["category_locks"]) ?? [];

/** What a call can have seen a category at, by kind of balance. */
function rangesOf(
  books: Books,
  writers: Writer[],
  call: Writer,
  category: string,
): Record<Name, Range> {
  const { accounts, isSettled } = membersOf(books, category, call.at);
  const normal = books.kept.categories.find((one) => one["category"] === category)?.[
    "normal_balance"
  ];
  const ranges = { pending_balance: none(), posted_balance: none(), available_balance: none() };
  for (const writer of writers) {
    const mine = accounts.flatMap((address) => writer.steps.get(address) ?? []);
    if (writer.at > call.at || mine.length === 0) continue;
    const isCounted = mustBeCounted(writer, call, category, accounts, isSettled);
    const sum = mine[0]!.delta.map((_, n) => mine.reduce((all, { delta }) => all + delta[n]!, 0));
    for (const [name, amount] of Object.entries(figuresOf(sum, normal)) as [Name, number][]) {
      ranges[name].low += isCounted ? amount : Math.min(amount, 0);
      ranges[name].high += isCounted ? amount : Math.max(amount, 0);
    }
  }
  return ranges;
}

function mustBeCounted(
  writer: Writer,
  call: Writer,
  category: string,
  accounts: string[],
  isSettled: boolean,
): boolean {
  if (writer === call) return true;
  const { sent } = call.by as Deed;
  // Who was in the category may have been unsure when this one came: then it has its lock if it named it.
  if (locksOf(writer.by).some((lock) => isSettled || lock.category === category)) return true;
  return accounts.some((address) => {
    const [step, own] = [writer.steps.get(address), call.steps.get(address)];
    return step && (step.until < sent || (own?.waited && step.first < own.first));
  });
}

const figuresOf = ([, ...counters]: number[], normal: "debit" | "credit") => {
  const [pendingDebit, pendingCredit, postedDebit, postedCredit] = counters as [
    number,
    number,
    number,
    number,
  ];
  return balancesOf({
    sign: normal === "credit" ? 1 : -1,
    pending: { debit: pendingDebit, credit: pendingCredit },
    posted: { debit: postedDebit, credit: postedCredit },
  });
};

const none = (): Range => ({ low: 0, high: 0 });

/** Whether a bound is broken by everything in a range. */
function breaksAnyway({ gt, gte, eq, not_eq, lte, lt }: Bounds, { low, high }: Range): boolean {
  return (
    (gt !== undefined && high <= gt) ||
    (gte !== undefined && high < gte) ||
    (eq !== undefined && (high < eq || low > eq)) ||
    (not_eq !== undefined && low === not_eq && high === not_eq) ||
    (lte !== undefined && low > lte) ||
    (lt !== undefined && low >= lt)
  );
}
