import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { randomFrom } from "../support/load.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";
import { SEED } from "../support/seed.ts";
import { anySearch, askOracle, readPages } from "./search-oracle.ts";
import { changeOld, makeHistory } from "./search-history.ts";

let database: TestDatabase;
let client: Client;
let ledger: string;
let times: string[];
const random = randomFrom(SEED);

beforeAll(async () => {
  database = await createDatabase();
  client = await database.connectAs("test_writer");
  ledger = await openLedger(database, {
    "users:alice": {},
    "users:alice:card": {},
    "users:alice-too": {},
    "users:bob": {},
    bank: { normal_balance: "debit" },
    "euro:a": { currency: "EUR" },
    "euro:b": { currency: "EUR" },
  });
  for (const sql of [
    "create_category($1, 'top', 'USD')",
    "create_category($1, 'left', 'USD')",
    "create_category($1, 'empty', 'USD')",
    "add_to_category($1, 'top', child_category => 'left')",
    "add_to_category($1, 'left', account => 'users:bob')",
    "add_to_category($1, 'top', account => 'users:alice:card')",
  ])
    await database.pool.query(`select daybook.${sql}`, [ledger]);
});
afterAll(() => database?.drop());

const pool = (sql: string, values: unknown[] = []) => database.pool.query(sql, values);
const index = () => pool("select daybook_private.index_search($1, 10000)", [ledger]);

async function compare(count: number): Promise<void> {
  let found = 0;
  for (let n = 0; n < count; n++) {
    const search = anySearch(random, times);
    const first = 1 + Math.floor(random() * 30);
    const rows = await readPages((s) => client.query(s), ledger, search, first);
    const expected = (await database.pool.query(askOracle(ledger, search))).rows;
    expect({ seed: SEED, search, first, rows }).toEqual({
      seed: SEED,
      search,
      first,
      rows: expected,
    });
    found += rows.length;
  }
  expect(found).toBeGreaterThan(count);
}

/** Candidates of few things, a walk along the lines of accounts, and one along everything must agree. */
const WAYS: [string, string][] = [
  ["as it likes", "select"],
  [
    "by candidates only where there are very few",
    `alter function daybook_private.search_candidates rename to search_all_candidates;
     create function daybook_private.search_candidates(filter daybook_private.search_filter, most integer)
       returns uuid[] language plpgsql stable as 'begin return daybook_private.search_all_candidates(filter, 5); end'`,
  ],
  [
    "by words where they are given",
    `create or replace function daybook_private.search_candidates(filter daybook_private.search_filter, most integer)
       returns uuid[] language plpgsql stable as
       'begin return case when filter.words is not null then daybook_private.search_word_candidates(filter, 9999)
                          else daybook_private.search_all_candidates(filter, 5) end; end'`,
  ],
  [
    "never by candidates",
    `create or replace function daybook_private.search_candidates(filter daybook_private.search_filter, most integer)
       returns uuid[] language plpgsql stable as 'begin return null; end'`,
  ],
  [
    "only through everything",
    `alter function daybook_private.search_step rename to search_any_step;
     create function daybook_private.search_step(filter daybook_private.search_filter, most integer)
       returns daybook_private.search_hit[] language plpgsql stable as
       'begin filter.account_ids := null; return daybook_private.search_any_step(filter, most); end'`,
  ],
];

describe("pages of any search are what a plain query says", () => {
  test("before anything is indexed, when half is, and when all is", async () => {
    times = await makeHistory(client, ledger, random, 80);
    await compare(15);
    await index();
    await makeHistory(client, ledger, random, 30);
    await changeOld(client, ledger, 60);
    await compare(25);
    await index();
    await compare(15);
  });

  test.each(WAYS)("%s", async (_, change) => {
    await pool(change);
    await compare(25);
  });
});
