import { afterAll, beforeAll, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Client } from "pg";
import { openCategories } from "../support/categories.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { patience, testTimeout } from "../support/patience.ts";
import { EFFORT, SEED } from "../support/seed.ts";
import type { Row } from "../support/sessions.ts";
import { ACCOUNTS, anyBatch, CATEGORIES, type Batch } from "./members.ts";
import { booksOf, singly, together, type Way } from "./two-ways.ts";

const [RUNS, EACH] = [40 * EFFORT, 3_000];

let database: TestDatabase;
let client: Client;
let holder: Client;

beforeAll(async () => {
  database = await createDatabase();
  client = await database.connectAs("test_writer");
  holder = await database.connectAs("test_writer");
});
afterAll(() => database?.drop());

test(
  "a batch does what its members do one by one, wherever it is split",
  async () => {
    const batches = fc.array(anyBatch, { minLength: 1, maxLength: 3, size: "max" });
    const property = fc.asyncProperty(batches, async (all) => {
      const ledgers = [await openBooks(), await openBooks()] as const;
      let isFolded = false;
      for (const each of all) {
        const expected = await play(ledgers[0], each, singly);
        const actual = await play(ledgers[1], each, together);
        isFolded ||= each.queued.length > 0;
        expect(await booksOf(database, ledgers[1], actual, isFolded)).toEqual(
          await booksOf(database, ledgers[0], expected, isFolded),
        );
        expect(await violations(database, ledgers[1])).toEqual([]);
        isFolded ||= each.isHeld;
      }
    });
    await fc.assert(property, { ...patience(RUNS, EACH), seed: SEED });
  },
  testTimeout(RUNS, EACH),
);

async function openBooks(): Promise<string> {
  await client.query("rollback"); // of a run that failed
  await holder.query("rollback");
  const ledger = await openLedger(database, ACCOUNTS);
  await openCategories(database, ledger, CATEGORIES);
  await client.query("select daybook.close_account($1, 'shut')", [ledger]);
  await client.query("select daybook.close_period($1, '2020-01-01T00:00:00Z')", [ledger]);
  return ledger;
}

/** Carries out a batch in one of the ways, in as many calls as it is split into. */
async function play(ledger: string, batch: Batch, way: Way): Promise<Row[]> {
  const { members, splits, isAtomic, queued, isHeld } = batch;
  for (const account of queued) {
    await client.query("begin isolation level repeatable read");
    await client.query(transfer(ledger, "world", account, 1));
    await client.query("commit");
  }
  if (isHeld) {
    await holder.query("begin");
    const to = { show_resulting_balances: true };
    await holder.query(transfer(ledger, "world", "alice", 1, { to }));
  }
  const results: Row[] = [];
  const ends = [
    ...new Set([...splits.filter((at) => at > 0 && at < members.length), members.length]),
  ];
  let begin = 0;
  for (const end of ends.toSorted((a, b) => a - b)) {
    results.push(...(await way(client, ledger, members.slice(begin, end), isAtomic)));
    begin = end;
  }
  if (isHeld) await holder.query("commit");
  return results;
}
