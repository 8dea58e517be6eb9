import { violations } from "../../test/support/books.ts";
import type { Known } from "../clients/known.ts";
import type { Stage } from "../stage/stage.ts";
import { checkAccounts } from "./accounts.ts";
import { checkAnswers } from "./answers.ts";
import { readBooks } from "./books.ts";
import { reporter, type Finding } from "./finding.ts";
import { awaitQuiet } from "./quiet.ts";
import { checkPast } from "./past.ts";
import { checkReads, type ReadsJudged } from "./reads.ts";
import { settingsOf } from "./settings.ts";
import { checkSnapshots } from "./snapshots.ts";
import { allSteps } from "./steps.ts";
import { checkTransactions } from "./transactions.ts";

/** Judges a chapter when it is over: everything that contradicts the contract. */
export async function judge(
  stage: Stage,
  known: Known,
): Promise<{ findings: Finding[]; judged: ReadsJudged }> {
  const findings: Finding[] = [];
  for (const { what, about } of known.lies) reporter(findings, "answers")(what, about);
  const unquiet = await awaitQuiet(stage, known);
  if (unquiet) reporter(findings, "workers")(unquiet);
  const books = await readBooks(stage.postgres.pool, known.ledger);
  checkAnswers(books, known.deeds, reporter(findings, "answers"));
  const writers = checkTransactions(books, known.deeds, reporter(findings, "transactions"));
  checkAccounts(books, writers, settingsOf(known.deeds), reporter(findings, "accounts"));
  const steps = allSteps(books, writers);
  const judged = checkReads(steps, known.deeds, known.reads, reporter(findings, "reads"));
  checkSnapshots(books, steps, known.reads, reporter(findings, "snapshots"));
  const { past } = known;
  const presence = await readBooks(stage.postgres.pool, past.ledger);
  presence.byDeed.delete(""); // what was there before
  checkAnswers(presence, past.deeds, reporter(findings, "answers"));
  checkPast(past, reporter(findings, "past"));
  for (const ledger of [known.ledger, known.otherLedger, past.ledger]) {
    for (const violation of await violations(stage.postgres, ledger)) {
      reporter(findings, "books")(JSON.stringify(violation));
    }
  }
  return { findings, judged };
}
