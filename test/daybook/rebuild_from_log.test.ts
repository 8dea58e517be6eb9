import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { violations } from "../support/books.ts";
import { contents } from "../support/contents.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { runCli } from "../support/run-cli.ts";
import { seal, verify } from "../support/sealing.ts";
import { callAs } from "../support/use-books.ts";

let database: TestDatabase;
let client: Client;
let before: Record<string, string[]>;
beforeAll(async () => {
  database = await createDatabase();
  client = await database.connect();
  await client.query("select daybook.create_currency('X_9', 9, 'Points')");
  await fillRichLedger(client, "rich");
  await client.query("select daybook.grant_ledger_access('test_reader', 'rich', 'read')");
  await client.query("select daybook.grant_ledger_access('test_writer', 'rich', 'write')");
  await client.query("select daybook.grant_category_access('test_auditor', 'rich', 'users')");
  await client.query("select daybook.close_period('rich', '2020-01-01')");
  await seal(client, "rich");
  before = await state();
});
afterAll(() => database?.drop());

/** Everything but the record that something was rebuilt. */
async function state(): Promise<Record<string, string[]>> {
  const all = await contents(database);
  const events = all["daybook_private.log_events"]!;
  const kept = events.filter((row) => !/"kind": "(rebuild_|drift_)/.test(row));
  return { ...all, "daybook_private.log_events": kept };
}

async function tamper(sql: string): Promise<void> {
  await client.query(
    `set session_replication_role = replica; ${sql}; reset session_replication_role`,
  );
}

const CACHES = [
  "account_counters",
  "entry_queue",
  "external_ids",
  "expiring_holds",
  "entry_sums",
  "rollup_cursors",
  "category_access",
  "account_checks",
  "category_graphs",
];

const rebuild = () => callAs(client, "rebuild_from_log", { ledger: "rich" });

test("a log that grants something to the server's login is refused, and so is such a grant", async () => {
  await client.query("begin");
  await client.query(
    `select daybook_private.log_event('rich', 'grant_category_access', '{"role": "daybook_authenticator", "category": "users"}')`,
  );
  await expect(rebuild()).rejects.toMatchObject({
    code: "LDARG",
    detail: expect.stringContaining("daybook_authenticator"),
  });
  await client.query("rollback");
  for (const values of [
    "ledger_access (ledger, role, access) values ('rich', 'daybook_authenticator', 'read')",
    "category_access (ledger, category, role) values ('rich', 'users', 'daybook_authenticator')",
  ]) {
    const attempt = client.query(`insert into daybook_private.${values}`);
    await expect(attempt).rejects.toMatchObject({ code: "23514" });
  }
});

test("where nothing is wrong, nothing is changed", async () => {
  expect(await rebuild()).toEqual([]);
  expect(await state()).toEqual(before);
});

test("every cache gone, it all comes back from the records", async () => {
  await tamper(
    CACHES.map((name) => `delete from daybook_private.${name} where ledger = 'rich'`).join("; "),
  );
  await tamper("delete from daybook_private.ledger_access where ledger = 'rich'");
  await tamper("delete from daybook.category_members where ledger = 'rich'");
  await tamper(
    `update daybook.accounts set balance_min = 1, balance_max = null, closed_at = null, metadata = '{"x": 1}' where ledger = 'rich'`,
  );
  await tamper("update daybook.ledgers set closed_until = null where name = 'rich'");
  expect((await rebuild()).length).toBeGreaterThan(30);
  expect(await state()).toEqual(before);
  await seal(client, "rich");
  expect(await verify(client, "rich")).toMatchObject({ problem: null });
  expect(await violations(database)).toEqual([]);
  const { rows } = await client.query(
    "select data from daybook.log where kind = 'rebuild_from_log'",
  );
  expect(rows).toEqual([{ data: { changed: expect.any(Number) } }]);
});

describe("what was put in its place is taken away", () => {
  test.each([
    [
      "insert into daybook_private.ledger_access values ('rich', 'test_auditor', 'admin')",
      "grant is not as it was recorded",
    ],
    [
      "update daybook_private.ledger_access set access = 'admin' where ledger = 'rich' and role = 'test_reader'",
      "grant is not as it was recorded",
    ],
    [
      "insert into daybook_private.category_access (ledger, category, role) values ('rich', 'people', 'test_reader')",
      "grant is not as it was recorded",
    ],
    [
      `insert into daybook.category_members (ledger, category, account, account_id)
       select ledger, 'users', address, id from daybook.accounts where ledger = 'rich' and address = 'old'`,
      "category is not as it was recorded",
    ],
    [
      "update daybook_private.external_ids set transaction_id = uuidv7() where external_id = 'later'",
      "external ids are not those of pending and posted transactions",
    ],
    [
      "insert into daybook_private.external_ids values ('rich', 'nobody', uuidv7())",
      "external ids are not those of pending and posted transactions",
    ],
    [
      "update daybook_private.expiring_holds set expires_at = expires_at + interval '1 hour' where ledger = 'rich'",
      "expiring holds are not those of pending transactions",
    ],
    [
      "update daybook_private.account_counters set balance_min = 99 where ledger = 'rich' and address = 'old'",
      "facts of an account differ",
    ],
  ])("%s", async (sql, violation) => {
    await tamper(sql);
    const wrong = await rebuild();
    expect(wrong.map((each) => each["violation"])).toContain(violation);
    expect(await state()).toEqual(before);
    expect(await rebuild()).toEqual([]);
  });
});

test("from the command line", async () => {
  await tamper("update daybook.accounts set balance_min = 6 where address = 'users:alice'");
  const DATABASE_URL = database.urlOf("test_admin");
  const { code, stdout } = await runCli(["rebuild", "--from-log", "-l", "rich"], { DATABASE_URL });
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^users:alice: account is not as .*put right: \d+\n$/s),
  ]);
  const wrong = ["rebuild", "--from-log", "-l", "rich", "-a", "old"];
  expect(await runCli(wrong, { DATABASE_URL })).toMatchObject({ code: 2 });
});

test("for administrators of the ledger only", async () => {
  const writer = await database.connectAs("test_writer");
  await expect(callAs(writer, "rebuild_from_log", { ledger: "rich" })).rejects.toMatchObject({
    code: "42501",
  });
  await expect(callAs(client, "rebuild_from_log", { ledger: "none" })).rejects.toMatchObject({
    code: "LDLED",
  });
  await expect(callAs(client, "rebuild_from_log", { ledger: null })).rejects.toMatchObject({
    code: "LDARG",
  });
});
