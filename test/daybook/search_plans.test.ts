import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { setUp, shapes, statement } from "../../bench/search-shapes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";

/** Raise it for the real thing: DAYBOOK_SEARCH_TRANSACTIONS=1000000 takes some minutes to prepare. */
const TRANSACTIONS = Number(process.env["DAYBOOK_SEARCH_TRANSACTIONS"] ?? 8_000);

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await createDatabase();
  client = await database.connect();
  const setup = readFileSync(join(import.meta.dirname, "../../bench/search-setup.sql"), "utf8");
  await client.query(setUp(setup, TRANSACTIONS));
  await client.query("vacuum daybook_private.search_documents, daybook_private.search_lines");
  await client.query("set stats_fetch_consistency to none");
}, 900_000);
afterAll(() => database?.drop());

type Reads = { scans: number; rows: number; whole: number };

/** How often each index of the search tables was used since, rows it gave, and rows read without one. */
async function reads(): Promise<Map<string, Reads>> {
  await client.query("select pg_stat_force_next_flush()");
  const { rows } = await client.query<{ name: string } & Reads>(
    `select i.indexrelname as name, i.idx_scan::integer as scans, i.idx_tup_read::integer as rows,
            t.seq_tup_read::integer as whole
       from pg_stat_user_indexes i join pg_stat_user_tables t using (relid)
      where i.relname like 'search\\_%s' and i.schemaname = 'daybook_private'`,
  );
  return new Map(rows.map(({ name, ...each }) => [name, each]));
}

/** Whatever is in the ledger, this many rows are enough for a page. */
const ENOUGH = 60_000;

test.each(shapes)("$name: by an index, and not through everything", async (shape) => {
  const before = await reads();
  await client.query(statement(shape));
  const after = await reads();
  const since = (of: keyof Reads) =>
    [...after].map(([name, now]) => [name, now[of] - before.get(name)![of]] as const);
  const used = since("scans").filter(([name, count]) => count > 0 && shape.index.test(name));
  expect(used).not.toEqual([]);
  expect(since("whole").filter(([, count]) => count > 0)).toEqual([]);
  const rows = since("rows").reduce((sum, [, count]) => sum + count, 0);
  if (!shape.isSlow) expect(rows).toBeLessThan(ENOUGH);
});

test("each index has a search that needs it", async () => {
  const unneeded = [...(await reads()).keys()].filter(
    (name) => name.endsWith("_idx") && !shapes.some(({ index }) => index.test(name)),
  );
  expect(unneeded).toEqual([]);
});

test.each(["Bookshop 99", "starbcks #77", "deposit novmber", "hardwear store", "railway zebra"])(
  "words that only some have, %s, are found wherever they stand",
  async (words) => {
    const { rows: found } = await client.query(
      "select id from daybook.search_transactions('search', words => $1, first => 200)",
      [words],
    );
    const { rows: expected } = await client.query(
      `select id from daybook.transactions
        where ledger = 'search' and daybook_private.is_like($1, description)
        order by effective_at desc, id desc limit 200`,
      [words],
    );
    expect(found).toEqual(expected);
  },
);
