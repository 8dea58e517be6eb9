import { violations, type Violation } from "../../test/support/books.ts";
import type { Deed } from "../clients/deed.ts";
import type { Known } from "../clients/known.ts";
import type { Stage } from "../stage/stage.ts";
import { checkAccounts } from "./accounts.ts";
import { checkAnswers } from "./answers.ts";
import { readBooks, type Books } from "./books.ts";
import { checkCategories, type CategoriesJudged } from "./categories.ts";
import { checkCategoryReads } from "./category-reads.ts";
import { checkFinal } from "./final.ts";
import { reporter, type Finding } from "./finding.ts";
import { awaitQuiet } from "./quiet.ts";
import { checkPast } from "./past.ts";
import { checkReads, type ReadsJudged } from "./reads.ts";
import { settingsOf } from "./settings.ts";
import { checkSnapshots } from "./snapshots.ts";
import { allSteps } from "./steps.ts";
import { checkTransactions } from "./transactions.ts";
import { checkTransfers } from "./transfers.ts";

/** How much was judged, where not all can be. */
export type Judged = ReadsJudged & CategoriesJudged;

/** Judges a chapter when it is over: everything that contradicts the contract. */
export async function judge(
  stage: Stage,
  known: Known,
): Promise<{ findings: Finding[]; judged: Judged }> {
  const findings: Finding[] = [];
  const { ledger, otherLedger, past } = known;
  for (const { what, about } of known.lies) reporter(findings, "answers")(what, about);
  const unquiet = await awaitQuiet(stage, known);
  if (unquiet) reporter(findings, "workers")(unquiet);
  const books = await readBooks(stage.postgres.pool, ledger);
  const others = await readBooks(stage.postgres.pool, otherLedger);
  const judged = judgeLedger(books, known, findings);
  judgeLedger(others, known, findings);
  checkTransfers([books, others], known.deeds, reporter(findings, "transfers"));
  const presence = await readBooks(stage.postgres.pool, past.ledger);
  presence.byDeed.delete(""); // what was there before
  checkAnswers(presence, past.deeds, reporter(findings, "answers"));
  checkPast(past, reporter(findings, "past"));
  for (const one of [books, others, presence]) {
    for (const violation of await violations(stage.postgres, one.ledger)) {
      reporter(findings, "books")(JSON.stringify(violation), ...concerned(violation, one));
    }
  }
  return { findings, judged };
}

/** All that concerns one ledger. */
function judgeLedger(books: Books, known: Known, findings: Finding[]): Judged {
  const { ledger } = books;
  const isHere = ({ ledger: one, request }: Deed) => [one, request["to_ledger"]].includes(ledger);
  const deeds = known.deeds.filter(isHere);
  const reads = known.reads.filter(({ request }) => request["ledger"] === ledger);
  checkAnswers(books, deeds, reporter(findings, "answers"));
  const writers = checkTransactions(books, deeds, reporter(findings, "transactions"));
  checkAccounts(books, writers, settingsOf(deeds), reporter(findings, "accounts"));
  const steps = allSteps(books, writers);
  const categories = checkCategories(books, steps, reporter(findings, "categories"));
  checkFinal(books, deeds, reporter(findings, "final"));
  checkSnapshots(books, steps, reads, reporter(findings, "snapshots"));
  const report = reporter(findings, "reads");
  const read = checkReads(steps, deeds, reads, report);
  const more = checkCategoryReads(books, steps, reads, report);
  const [judged, skipped] = [read.judged + more.judged, read.skipped + more.skipped];
  return { judged, skipped, ...categories };
}

/** Whom a violation concerns, as clients know them: they know accounts by their addresses, and nothing of entries. */
function concerned({ subject, facts }: Violation, { byTransaction, kept }: Books): string[] {
  const ids = new Set([subject, ...(JSON.stringify(facts).match(/[0-9a-f-]{36}/g) ?? [])]);
  const accounts = kept.accounts.filter(({ id }) => ids.has(id));
  const entries = [...byTransaction.values()].flat().filter(({ id }) => ids.has(id));
  return [
    ...ids,
    ...accounts.map(({ address }) => address as string),
    ...entries.flatMap(({ account, transaction }) => [account, transaction]),
  ];
}
