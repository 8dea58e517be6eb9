import { violations, type Violation } from "../../test/support/books.ts";
import { ALL } from "../clients/accounts.ts";
import type { Deed } from "../clients/deed.ts";
import { settleDoubts } from "../clients/doubts.ts";
import type { Known } from "../clients/known.ts";
import { openGraphqlDoor } from "../doors/graphql.ts";
import { openSqlDoor } from "../doors/sql.ts";
import { LOGIN } from "../stage/logins.ts";
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

/** Judges a chapter when it is over: everything that contradicts the contract. */
export async function judge(
  stage: Stage,
  known: Known,
): Promise<{ findings: Finding[]; judged: Judged }> {
  const findings: Finding[] = [];
  const { ledger, otherLedger, past } = known;
  const unquiet = await awaitQuiet(stage, known);
  const { postgres, proxies } = stage;
  const doors = [
    openSqlDoor(postgres.urlOf(LOGIN, proxies.sql)),
    openGraphqlDoor(proxies.http.port),
  ];
  await settleDoubts(postgres, known, doors);
  for (const door of doors) await door.close();
  const restless = unquiet ?? (await awaitQuiet(stage, known));
  if (restless) reporter(findings, "workers")(restless);
  for (const { what, about } of known.lies) reporter(findings, "answers")(what, about);
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
