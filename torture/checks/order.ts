import type { Report } from "./finding.ts";
import type { Step } from "./steps.ts";

/** A balance that somebody saw: lock version and four counters. */
export type Seen = { account: string; sent: number; ended: number; figures: number[]; by: string };

/** Who asks after somebody had his answer sees at least what that one saw. */
export function checkOrder(seen: Seen[], report: Report): void {
  const accounts = new Map<string, Seen[]>();
  for (const one of seen) accounts.set(one.account, [...(accounts.get(one.account) ?? []), one]);
  for (const [account, list] of accounts) {
    const byEnd = list.toSorted((a, b) => a.ended - b.ended);
    let [done, highest] = [0, undefined as Seen | undefined];
    for (const one of list.toSorted((a, b) => a.sent - b.sent)) {
      for (; byEnd[done] && byEnd[done]!.ended < one.sent; done++) {
        if (!highest || byEnd[done]!.figures[0]! > highest.figures[0]!) highest = byEnd[done];
      }
      if (highest && one.figures[0]! < highest.figures[0]!) {
        report(
          `went back from version ${highest.figures[0]} to ${one.figures[0]}`,
          account,
          highest.by,
          one.by,
        );
      }
    }
  }
}

/**
 * Whoever waits for an account counts everything that was acknowledged before he asked: it comes before him. This is
 * what conditions rest on.
 */
export function checkWaiters(account: string, steps: Step[], report: Report): void {
  const byEnd = steps.toSorted((a, b) => a.until - b.until);
  let [done, highest] = [0, 0];
  for (const waiter of steps.filter(({ waited }) => waited).toSorted((a, b) => a.from - b.from)) {
    for (; byEnd[done] && byEnd[done]!.until < waiter.from; done++) {
      highest = Math.max(highest, byEnd[done]!.last);
    }
    if (highest > waiter.first) {
      report(`version ${waiter.first} did not count ${highest}, which was there before`, account);
    }
  }
}
