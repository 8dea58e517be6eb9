import type { Read } from "../clients/deed.ts";
import type { Books } from "./books.ts";
import type { Report } from "./finding.ts";
import { membersOf } from "./members.ts";
import { MOST, placesAround, type ReadsJudged } from "./reads.ts";
import type { Step } from "./steps.ts";

/*
 * Is each balance of a category that was read one that it had between the question and the answer? As with accounts it is
 * the sum of some deeds, each with all that it did to the category's accounts or with nothing of it: an answer is one
 * snapshot. Where members came or went it is not judged.
 */

const FIGURES = ["pending_debits", "pending_credits", "posted_debits", "posted_credits"];

export function checkCategoryReads(
  books: Books,
  steps: Map<string, Step[]>,
  reads: Read[],
  report: Report,
): ReadsJudged {
  const counted: ReadsJudged = { judged: 0, skipped: 0 };
  for (const { does, request, rows, sent, ended, client } of reads) {
    if (does !== "category_balance" || request["effective_at"]) continue;
    const { category } = request;
    const { accounts, isSettled } = membersOf(books, category, Infinity);
    if (!isSettled) continue;
    const members = accounts.map((address) => steps.get(address) ?? []);
    const figures = FIGURES.map((name) => Number(rows[0]![name]));
    const verdict = explain(members, sent, ended, figures);
    if (verdict === "skipped") counted.skipped += 1;
    else counted.judged += 1;
    if (verdict !== "wrong") continue;
    report(
      `${category} was read as ${figures}, which it never was then`,
      category,
      `${client} ${sent}`,
    );
  }
  return counted;
}

function explain(members: Step[][], sent: number, ended: number, figures: number[]) {
  const parts = new Map<Step["by"], { share: number[]; isSure: boolean; isOut: boolean }>();
  for (const steps of members) {
    const placeOf = placesAround(steps, sent, ended);
    for (const step of steps) {
      const place = placeOf(step);
      const part = parts.get(step.by) ?? { share: [0, 0, 0, 0], isSure: false, isOut: false };
      part.share = part.share.map((n, figure) => n + step.delta[figure + 1]!);
      part.isSure ||= place === "before";
      part.isOut ||= place === "after";
      parts.set(step.by, part);
    }
  }
  const some = [...parts.values()].filter(({ isOut }) => !isOut);
  const sure = some.filter(({ isSure }) => isSure);
  const open = some.filter(({ isSure }) => !isSure).map(({ share }) => share);
  const rest = figures.map((n, figure) =>
    sure.reduce((left, { share }) => left - share[figure]!, n),
  );
  if (rest.some((n) => n !== 0) && open.length > MOST) return "skipped";
  return isSum(open, rest, 0) ? "right" : "wrong";
}

/** Whether some of the shares, from one on, add up to what is left. */
function isSum(open: number[][], left: number[], from: number): boolean {
  if (left.every((figure) => figure === 0)) return true;
  return open.slice(from).some((share, n) =>
    isSum(
      open,
      left.map((figure, f) => figure - share[f]!),
      from + n + 1,
    ),
  );
}
