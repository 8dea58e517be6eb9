import type { Deed, Read } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import { applyEntry, newAccount } from "./model.ts";
import { written, type Writers } from "./transactions.ts";
import type { Books } from "./books.ts";
import type { Report } from "./finding.ts";

/*
 * Is each balance that was read one that the account had at some moment between the question and the answer?
 *
 * What a deed adds to an account's four counters and to its lock version does not depend on what came before it. So a
 * balance is a set of deeds: their sum. It must hold all that were acknowledged before the read began, none that began
 * after the read had ended, and of those in between any. And what somebody read must still be there for whoever reads
 * later: versions never go back, and reads of one version tell the same.
 */

/**
 * What one deed did to one account, and when: the moments between which it came into being. Who waits for an account
 * folds in beneath himself all that was queued for it: so versions below those of one who waited and had his answer
 * were there by then, and versions above were not there yet when he began.
 */
type Step = {
  delta: number[];
  from: number;
  until: number;
  first: number;
  last: number;
  waited: boolean;
};

/** More in between than this, and a read is not judged: sets grow too many. It is counted instead. */
const MOST = 18;

export type ReadsJudged = { judged: number; skipped: number };

const FIGURES = [
  "lock_version",
  "pending_debits",
  "pending_credits",
  "posted_debits",
  "posted_credits",
];

export function checkReads(
  books: Books,
  deeds: Deed[],
  reads: Read[],
  writers: Writers,
  report: Report,
): ReadsJudged {
  const steps = new Map(
    [...books.entries.keys()].map((one) => [one, stepsOf(books, writers, one)]),
  );
  const counted: ReadsJudged = { judged: 0, skipped: 0 };
  const seen: Seen[] = [];
  for (const { row, sent, ended, by } of [...shown(deeds), ...currentReads(reads)]) {
    const figures = FIGURES.map((name) => Number(row[name]));
    const account = row["account"] as string;
    seen.push({ account, sent, ended, figures, by });
    const verdict = explain(steps.get(account) ?? [], sent, ended, figures);
    if (verdict === "skipped") counted.skipped += 1;
    else counted.judged += 1;
    if (verdict === "wrong")
      report(`${account} was read as ${figures}, which it never was then`, account, by);
  }
  checkOrder(seen, report);
  return counted;
}

type Seen = { account: string; sent: number; ended: number; figures: number[]; by: string };

/**
 * Up to which version of an account nothing can change its place any more at a moment: those of one who waited for it and
 * had had his answer. What is queued gets its version later, in whatever order.
 */
export function settledVersion(
  books: Books,
  writers: Writers,
  account: string,
  moment: number,
): number {
  const waiters = stepsOf(books, writers, account).filter(
    ({ waited, until }) => waited && until < moment,
  );
  return waiters.reduce((most, { last }) => Math.max(most, last), 0);
}

/** Balances that calls showed; a call began before and had ended after it read them. */
const shown = (deeds: Deed[]) =>
  deeds.flatMap(({ answer, id, sent, ended }) =>
    answer?.["replayed"] || ended === undefined
      ? []
      : ((answer?.["balances"] ?? []) as Row[]).map((row) => ({ row, sent, ended, by: id })),
  );

const currentReads = (reads: Read[]) =>
  reads
    .filter(
      ({ does, request }) =>
        /^(account_balance|balances)/.test(does) && request["lock_version"] === undefined,
    )
    .flatMap(({ rows, sent, ended, client }) =>
      rows.map((row) => ({ row, sent, ended, by: `${client} ${sent}` })),
    );

/** What was done to an account, by whom it was done. */
function stepsOf(books: Books, writers: Writers, address: string): Step[] {
  const byWriter = new Map<unknown, Step>();
  for (const entry of books.entries.get(address) ?? []) {
    const place = written(entry.transaction, entry.version);
    const writer = writers.get(place);
    const key = writer === "expiry" || !writer ? place : writer;
    const version = entry.lockVersion!;
    const fresh = { delta: [0, 0, 0, 0, 0], first: version, last: version, waited: entry.locked };
    const step = byWriter.get(key) ?? { ...fresh, ...momentsOf(writer) };
    Object.assign(step, { last: version, waited: step.waited && entry.locked });
    const account = newAccount();
    applyEntry(new Map([[address, account]]), entry);
    const { pending, posted } = account;
    const more = [1, pending.debit, pending.credit, posted.debit, posted.credit];
    step.delta = step.delta.map((sum, n) => sum + more[n]!);
    byWriter.set(key, step);
  }
  return [...byWriter.values()];
}

/** What ended by itself, or was enqueued, came at any time after it could; acknowledged calls before their answer. */
function momentsOf(writer: Deed | "expiry" | undefined): { from: number; until: number } {
  if (writer === "expiry" || !writer) return { from: 0, until: Infinity };
  const isLater = writer.does === "enqueue_transactions" || writer.fate !== "done";
  return { from: writer.sent, until: isLater ? Infinity : writer.ended! };
}

function explain(
  steps: Step[],
  sent: number,
  ended: number,
  figures: number[],
): "right" | "wrong" | "skipped" {
  const rest = [...figures];
  const open: number[][] = [];
  const waiters = steps.filter(({ waited }) => waited);
  const [lowest, highest] = [
    waiters
      .filter(({ until }) => until < sent)
      .reduce((most, { first }) => Math.max(most, first), 0),
    waiters
      .filter(({ from }) => from > ended)
      .reduce((least, { last }) => Math.min(least, last), Infinity),
  ];
  for (const { delta, from, until, first, last } of steps) {
    if (from > ended || first > highest) continue;
    if (until < sent || last < lowest) for (const n of rest.keys()) rest[n]! -= delta[n]!;
    else open.push(delta);
  }
  if (open.length > MOST && rest.some((figure) => figure !== 0)) return "skipped";
  return isSum(open, rest, 0) ? "right" : "wrong";
}

/** Whether some of the steps, from one on, add up to what is left. Every step raises the version by at least one. */
function isSum(open: number[][], left: number[], from: number): boolean {
  if (left.every((figure) => figure === 0)) return true;
  if (left[0]! <= 0) return false;
  for (let n = from; n < open.length; n++) {
    if (
      isSum(
        open,
        left.map((figure, f) => figure - open[n]![f]!),
        n + 1,
      )
    )
      return true;
  }
  return false;
}

/** Who asks after somebody had his answer sees at least what that one saw. */
function checkOrder(seen: Seen[], report: Report): void {
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
