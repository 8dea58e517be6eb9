import { ALL } from "../clients/accounts.ts";
import type { Deed } from "../clients/deed.ts";
import { checkAccounts } from "./accounts.ts";
import { checkAnswers } from "./answers.ts";
import { arrange, type Books } from "./books.ts";
import { checkCategories, type CategoriesJudged } from "./categories.ts";
import { checkCategoryReads } from "./category-reads.ts";
import type { Evidence } from "./evidence.ts";
import { checkFinal } from "./final.ts";
import { reporter, type Finding } from "./finding.ts";
import { checkPast } from "./past.ts";
import { checkReads, type ReadsJudged } from "./reads.ts";
import { checkReceipts } from "./receipts.ts";
import { settingsOf } from "./settings.ts";
import { misshapen } from "./shapes.ts";
import { checkSnapshots } from "./snapshots.ts";
import { allSteps } from "./steps.ts";
import { checkTimes } from "./times.ts";
import { checkTransactions } from "./transactions.ts";
import { checkTransfers } from "./transfers.ts";

/** How much was judged, where not all can be; and how many holds expired. */
export type Judged = ReadsJudged & CategoriesJudged & { expired: number };

/** Judges what clients know by what is in the books: everything that contradicts the contract. It asks nobody, and changes nothing. */
export function judgeEvidence(evidence: Evidence): { findings: Finding[]; judged: Judged } {
  const findings: Finding[] = [];
  const { deeds, past } = evidence.known;
  const books = arrange(evidence.here);
  const others = arrange(evidence.abroad);
  const judged = judgeLedger(books, evidence, findings);
  judgeLedger(others, evidence, findings);
  checkTransfers([books, others], deeds, reporter(findings, "transfers"));
  const presence = arrange(evidence.presence);
  presence.byDeed.delete(""); // what was there before
  checkAnswers(presence, past.deeds, reporter(findings, "answers"));
  checkPast(past, reporter(findings, "past"));
  return { findings, judged };
}

/** All that concerns one ledger. */
function judgeLedger(books: Books, { known }: Evidence, findings: Finding[]): Judged {
  const { ledger } = books;
  const isHere = ({ ledger: one, request }: Deed) => [one, request["to_ledger"]].includes(ledger);
  const deeds = known.deeds.filter(isHere);
  const report = reporter(findings, "reads");
  const reads = known.reads.filter((read) => {
    if (read.request["ledger"] !== ledger) return false;
    const objection = misshapen(read, ALL);
    if (objection) report(objection, `${read.client} ${read.sent}`);
    return objection === undefined;
  });
  checkAnswers(books, deeds, reporter(findings, "answers"));
  const writers = checkTransactions(books, deeds, reporter(findings, "transactions"));
  checkTimes(books, deeds, writers, reporter(findings, "transactions"));
  checkAccounts(books, writers, settingsOf(deeds), reporter(findings, "accounts"));
  const steps = allSteps(books, writers);
  const categories = checkCategories(books, steps, reporter(findings, "categories"));
  checkFinal(books, deeds, reporter(findings, "final"));
  checkSnapshots(books, steps, reads, reporter(findings, "snapshots"));
  checkReceipts(books, deeds, reads, reporter(findings, "answers"));
  const read = checkReads(steps, deeds, reads, report);
  const more = checkCategoryReads(books, steps, reads, report);
  const [judged, skipped] = [read.judged + more.judged, read.skipped + more.skipped];
  const expired = [...books.transactions.values()].filter(
    (row) => row["archived_reason"] === "expired",
  ).length;
  return { judged, skipped, expired, ...categories };
}
