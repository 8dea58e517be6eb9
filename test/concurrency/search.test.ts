import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { anySearch, askOracle, askSearch, readPages } from "../properties/search-oracle.ts";
import { changeOld, makeHistory } from "../properties/search-history.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { SEED } from "../support/seed.ts";

let database: TestDatabase;
let ledger: string;
beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, {
    "users:alice": {},
    "users:alice:card": {},
    "users:alice-too": {},
    "users:bob": {},
    bank: { normal_balance: "debit" },
    "euro:a": { currency: "EUR" },
    "euro:b": { currency: "EUR" },
  });
  for (const category of ["top", "left", "empty"])
    await database.pool.query("select daybook.create_category($1, $2, 'USD')", [ledger, category]);
  await database.pool.query("select daybook.add_to_category($1, 'top', 'users:alice')", [ledger]);
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

test("at every moment a search is exact, while transactions are made, changed, folded and indexed", async () => {
  const writing = new AbortController();
  const write = async (seed: number) => {
    const client = await database.connectAs("test_writer");
    for (let n = 0; n < 6; n++) {
      await makeHistory(client, ledger, randomFrom(seed + n), 25);
      await changeOld(client, ledger, 10);
    }
  };
  const index = async (most: number) => {
    const client = await database.connectAs("daybook_worker");
    while (!writing.signal.aborted) {
      await client.query("select daybook_private.index_search($1, $2)", [ledger, most]);
      // What would take more than five seconds by itself: the head follows close behind.
      await database.pool.query(
        `update daybook_private.settlements
            set candidate_until = clock_timestamp() - interval '500 milliseconds', candidate_xid = pg_snapshot_xmax(pg_current_snapshot())`,
      );
    }
  };
  const random = randomFrom(SEED);
  let [asked, found] = [0, 0];
  const look = async () => {
    const client = await database.connect();
    while (!writing.signal.aborted) {
      const search = anySearch(random, [new Date(Date.now() - 1e9 * random()).toISOString()]);
      await client.query("begin isolation level repeatable read read only");
      const rows = await readPages((s) => client.query(s), ledger, search, 40);
      const expected = (await client.query(askOracle(ledger, search))).rows;
      await client.query("commit");
      expect({ seed: SEED, search, rows }).toEqual({ seed: SEED, search, rows: expected });
      asked += 1;
      found += rows.length;
    }
  };
  const writers = Promise.all([write(SEED), write(SEED + 100)]).finally(() => writing.abort());
  await Promise.all([writers, index(7), index(50), look()]);
  expect(asked).toBeGreaterThan(10);
  expect(found).toBeGreaterThan(asked);

  const client = await database.connect();
  await client.query("select daybook_private.index_search($1, 100000)", [ledger]);
  const { rows } = await client.query(askSearch(ledger, { first: 200 }));
  expect(rows).toHaveLength(200);
}, 60_000);

test("pages that are read while others write show each transaction once", async () => {
  const [writer, reader] = [await database.connectAs("test_writer"), await database.connect()];
  const before = (
    await reader.query("select id from daybook.transactions where ledger = $1", [ledger])
  ).rows;
  const pages = readPages((s) => reader.query(s), ledger, { sort: "created_at" }, 20);
  await makeHistory(writer, ledger, randomFrom(SEED), 20);
  const ids = (await pages).map((row) => row["id"] as string);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(before.map((row) => row.id)));
});
