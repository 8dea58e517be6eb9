import { afterAll, beforeAll, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { violations } from "../support/books.ts";
import { sweep as expire } from "../support/changes.ts";
import { contents, TABLES } from "../support/contents.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { seal, verify } from "../support/sealing.ts";
import { playHistory } from "../properties/history.ts";
import { operation } from "../properties/operations.ts";

let here: TestDatabase;
let there: TestDatabase;
beforeAll(async () => {
  [here, there] = await Promise.all([createDatabase(), createDatabase()]);
});
afterAll(() => Promise.all([here?.drop(), there?.drop()]));

/** The texts of all records; at one time, those of several ledgers by their ids. */
const TEXTS = `
  select t.body
    from (select name from daybook.ledgers union all select '*') l
   cross join lateral daybook_private.log_texts(l.name, array(select g.id from daybook.log g where g.ledger = l.name)) t
   order by t.body::jsonb ->> 'created_at', t.log_id`;

test("from the texts of the log's records alone, an empty database becomes the same", async () => {
  const client = await here.connect();
  await client.query("select daybook.create_currency('X_9', 9, 'Points')");
  await fillRichLedger(client, "rich");
  await client.query("select daybook.create_ledger('other', 'Another')");
  for (const ledger of ["other", "rich"])
    await client.query("select daybook.open_account($1, 'clearing', 'USD')", [ledger]);
  await client.query("select daybook.open_account('other', 'in', 'USD', balance_min => -5)");
  await client.query(
    "select daybook.transfer_between_ledgers('rich', 'users:bob', 'other', 'in', 5, 'clearing', 'clearing')",
  );
  await client.query("select daybook.grant_ledger_access('test_reader', 'rich', 'read')");
  await client.query("select daybook.grant_ledger_access('test_writer', 'rich', 'write')");
  await client.query("select daybook.revoke_ledger_access('test_reader', 'rich')");
  await client.query("select daybook.grant_category_access('test_auditor', 'rich', 'users')");
  await client.query("select daybook.close_period('rich', '2020-01-01')");
  await client.query("select daybook.reopen_period('rich', '2019-01-01')");
  await client.query("select daybook.delete_account_metadata('rich', 'users:bob', 'vip')");
  await client.query("select daybook.set_queue_limit(1000)");
  const writer = await here.connectAs("test_writer");
  const histories = fc.sample(fc.array(operation, { minLength: 30, maxLength: 60, size: "max" }), {
    numRuns: 10,
    seed: 7,
  });
  for (const history of histories) await playHistory(here, writer, history);
  await here.pool.query(expire); // histories make time pass by changing rows

  const original = await contents(here);
  const { rows: texts } = await here.pool.query<{ body: string }>(TEXTS);
  expect(texts.length).toBeGreaterThan(250);
  for (const { body } of texts)
    await there.pool.query("select daybook_private.replay_record($1)", [body]);
  const replayed = await contents(there);
  for (const table of Object.keys(TABLES)) {
    expect([table, ...replayed[table]!]).toEqual([table, ...original[table]!]);
  }
  expect((await there.pool.query(TEXTS)).rows).toEqual(texts);
  expect(await violations(there)).toEqual([]);
  for (const { pool } of [here, there]) {
    const { rows } = await pool.query("select name from daybook.ledgers union all select '*'");
    expect(rows.length).toBeGreaterThan(10);
    for (const { name } of rows) {
      await seal(pool, name, 50);
      expect(await verify(pool, name)).toMatchObject({ problem: null });
    }
  }
}, 120_000);
