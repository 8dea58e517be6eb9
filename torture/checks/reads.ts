import type { Deed, Read } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import { checkOrder, checkWaiters, type Seen } from "./order.ts";
import type { Step } from "./steps.ts";
import type { Report } from "./finding.ts";
import { FIGURES } from "./shapes.ts";

/*
 * Is each balance that was read one that the account had at some moment between the question and the answer?
 *
 * What a deed adds to an account's four counters and to its lock version does not depend on what came before it. So a
 * balance is a set of deeds: their sum. It must hold all that were acknowledged before the read began, none that began
 * after the read had ended, and of those in between any. And what somebody read must still be there for whoever reads
 * later: versions never go back, and reads of one version tell the same.
 */

/** More in between than this, and a read is not judged: sets grow too many. It is counted instead. */
export const MOST = 15;

export type ReadsJudged = { judged: number; skipped: number };

export function checkReads(
  steps: Map<string, Step[]>,
  deeds: Deed[],
  reads: Read[],
  report: Report,
): ReadsJudged {
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
  for (const [account, some] of steps) checkWaiters(account, some, report);
  return counted;
}

/** Balances that calls showed; a call began before and had ended after it read them. */
const shown = (deeds: Deed[]) =>
  deeds.flatMap(({ answer, id, sent, ended }) =>
    answer?.["replayed"] || ended === undefined
      ? []
      : ((answer?.["balances"] ?? []) as (Row | null)[]).flatMap((row) =>
          row ? [{ row, sent, ended, by: id }] : [],
        ),
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

function explain(
  steps: Step[],
  sent: number,
  ended: number,
  figures: number[],
): "right" | "wrong" | "skipped" {
  const rest = [...figures];
  const open: number[][] = [];
  const placeOf = placesAround(steps, sent, ended);
  for (const step of steps) {
    const place = placeOf(step);
    if (place === "before") for (const n of rest.keys()) rest[n]! -= step.delta[n]!;
    if (place === "open") open.push(step.delta);
  }
  if (open.length > MOST && rest.some((figure) => figure !== 0)) return "skipped";
  return isSum(open, rest, 0) ? "right" : "wrong";
}

/** Whether a step must have been there for who read its account between two moments, or cannot have been, or may. */
export function placesAround(
  steps: Step[],
  sent: number,
  ended: number,
): (step: Step) => "before" | "after" | "open" {
  const waiters = steps.filter(({ waited }) => waited);
  const lowest = waiters
    .filter(({ until }) => until < sent)
    .reduce((most, { first }) => Math.max(most, first), 0);
  const highest = waiters
    .filter(({ from }) => from > ended)
    .reduce((least, { last }) => Math.min(least, last), Infinity);
  return ({ from, until, first, last }) => {
    if (from > ended || first > highest) return "after";
    return until < sent || last < lowest ? "before" : "open";
  };
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
