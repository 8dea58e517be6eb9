import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { runCli } from "../support/run-cli.ts";
import { openSessions, type Session } from "../support/sessions.ts";
import { lost, seal, verify } from "../support/sealing.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* An export takes the place of a ledger in which nothing was done but to create it, and of no other. */

const temporary = temporaryFolder();
const folder = join(temporary.path, "shop.export");
let here: TestDatabase;
let there: TestDatabase;

const OPEN =
  "select daybook.open_account('shop', 'bank', 'USD', 'debit'), daybook.open_account('shop', 'ed', 'USD')";
const PAY =
  "select daybook.create_transaction('shop', array[daybook.debit('bank', 5), daybook.credit('ed', 5)], description => 'starbucks')";

beforeAll(async () => {
  here = await createDatabase();
  await here.pool.query("select daybook.create_ledger('shop', 'the true one')");
  await here.pool.query(OPEN);
  await here.pool.query(PAY);
  await here.pool.query("select daybook.grant_ledger_access('test_reader', 'shop', 'admin')");
  await seal(here.pool, "shop");
  const taken = await runCli(["export", "-l", "shop", "-o", folder], {
    DATABASE_URL: here.urlOf("test_admin"),
  });
  expect(taken).toMatchObject({ code: 0 });
});
beforeEach(async () => {
  there = await createDatabase();
  const admin = await there.connectAs("test_admin");
  await admin.query("select daybook.create_ledger('shop', 'made by hand')");
});
afterEach(() => there?.drop());
afterAll(async () => {
  await here?.drop();
  temporary.remove();
});

const importIt = () => runCli(["import", folder], { DATABASE_URL: there.urlOf("test_admin") });

const rowsOf = async (db: TestDatabase, sql: string) => (await db.pool.query(sql)).rows;

/** What a ledger is, grants and their records aside. */
const LEDGER = [
  "select * from daybook.ledgers where name = 'shop'",
  "select * from daybook.balances where ledger = 'shop' order by account",
  "select * from daybook.entries where ledger = 'shop' order by id",
  "select * from daybook.log where ledger = 'shop' and kind not like '%access' order by id",
];
async function expectSame(): Promise<void> {
  for (const sql of LEDGER) expect(await rowsOf(there, sql)).toEqual(await rowsOf(here, sql));
  expect(await violations(there)).toEqual([]);
  for (const ledger of ["shop", "*"]) {
    await seal(there.pool, ledger);
    expect(await verify(there.pool, ledger)).toMatchObject({ problem: null });
    expect(await lost(there.pool, ledger)).toEqual([]);
  }
}

const headOf = async (db: TestDatabase) =>
  (await db.pool.query("select no::integer, hash from daybook.log_head('shop')")).rows[0];

const replacements = () =>
  rowsOf(
    there,
    "select actor, data from daybook.log where ledger = '*' and kind = 'replace_ledger'",
  );

describe("an empty ledger gives way to an export", () => {
  test("before its creation was sealed", async () => {
    const { code, stdout } = await importIt();
    expect(stdout).toMatch(
      /^it took the place of the empty ledger shop that test_admin made here at 20.*not sealed yet/m,
    );
    expect(code).toBe(0);
    expect(await headOf(there)).toEqual(await headOf(here));
    await expectSame();
    expect(await replacements()).toMatchObject([
      {
        actor: "test_admin",
        data: { ledger: "shop", no: 0, records: [{ kind: "create_ledger" }] },
      },
    ]);
  });

  test("after that, and after it was looked at by searches and checks", async () => {
    await seal(there.pool, "shop");
    const head = await headOf(there);
    for (let n = 0; n < 2; n++) {
      await there.pool.query("select daybook_private.index_search('shop')");
      await there.pool.query("select daybook_private.check_transactions('')");
    }
    await there.pool.query("update daybook_private.search_heads set indexed_until = uuidv7()");
    const { code, stdout } = await importIt();
    expect(stdout).toContain(`(sealed up to 1, head ${head.hash}) is in the record replace_ledger`);
    expect(code).toBe(0);
    expect(await headOf(there)).toEqual(await headOf(here));
    await expectSame();
    const known = "select daybook.check_log_head('shop', $1, $2) as is_known";
    expect((await there.pool.query(known, [head.no, head.hash])).rows).toEqual([
      { is_known: false },
    ]);
    expect(await replacements()).toMatchObject([
      {
        data: {
          ...head,
          records: [{ kind: "create_ledger", data: { description: "made by hand" } }],
        },
      },
    ]);
    await there.pool.query("select daybook_private.index_search('shop')");
    expect(await rowsOf(there, "select from daybook_private.search_documents")).toHaveLength(1);
  });

  test("and grants on it stay", async () => {
    const admin = await there.connectAs("test_admin");
    await admin.query("select daybook.grant_ledger_access('test_reader', 'shop', 'read')");
    await admin.query("select daybook.grant_ledger_access('test_writer', 'shop', 'write')");
    await admin.query("select daybook.revoke_ledger_access('test_writer', 'shop')");
    await seal(there.pool, "shop");
    expect(await importIt()).toMatchObject({ code: 0 });
    await expectSame();
    const reader = await there.connectAs("test_reader");
    const { rows } = await reader.query(
      "select posted_amount::integer as ed from daybook.account_balance('shop', 'ed')",
    );
    expect(rows).toEqual([{ ed: 5 }]);
    const access = "select role, access from daybook_private.ledger_access where ledger = 'shop'";
    expect(await rowsOf(there, access)).toEqual([{ role: "test_reader", access: "read" }]);
    const grants =
      "select kind, actor, data from daybook.log where ledger = 'shop' and kind like '%access' order by id";
    const [same, by] = [{ role: "test_reader" }, { actor: "test_admin" }];
    expect(await rowsOf(there, grants)).toEqual([
      { kind: "grant_ledger_access", actor: "postgres", data: { ...same, access: "admin" } },
      { kind: "revoke_ledger_access", ...by, data: same },
      { kind: "grant_ledger_access", ...by, data: { ...same, access: "read" } },
    ]);
  });

  test("and goes on as the export would have", async () => {
    await importIt();
    await there.pool.query(PAY);
    expect(await seal(there.pool, "shop")).toBe(2); // and that access was left behind
    const { no, hash } = await headOf(here);
    const known = "select daybook.check_log_head('shop', $1, $2) as is_known";
    expect((await there.pool.query(known, [no, hash])).rows).toEqual([{ is_known: true }]);
    expect(await verify(there.pool, "shop")).toMatchObject({ problem: null });
  });
});

const ENQUEUE = `select daybook.enqueue_transactions('shop', array[row(array[daybook.debit('a', 1), daybook.credit('b', 1)],
  null, null, 'key', null, null, null, null, null, null)::daybook.transaction_input])`;

test("it does not give way to who administers it alone", async () => {
  const admin = await there.connectAs("test_admin");
  await admin.query("select daybook.grant_ledger_access('test_writer', 'shop', 'admin')");
  const writer = await there.connectAs("test_writer");
  await expect(writer.query(begun)).rejects.toMatchObject({ code: "42501" });
});

test.each([
  ["an account", OPEN, { account: "bank", record: { kind: "open_account" } }],
  [
    "a category",
    "select daybook.create_category('shop', 'all', 'USD')",
    { record: { kind: "create_category" } },
  ],
  [
    "a closed period",
    "select daybook.close_period('shop', '2020-01-01')",
    { record: { kind: "close_period" } },
  ],
  ["a queued transaction", ENQUEUE, { receipt_id: expect.any(String) }],
])("a ledger with %s does not give way, and nothing of it is touched", async (_, sql, facts) => {
  await there.pool.query(sql);
  await seal(there.pool, "shop");
  const before = [
    await headOf(there),
    await rowsOf(there, "select * from daybook.log order by id"),
  ];
  expect(await importIt()).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /the ledger exists here and has been used: .*"(account|record|receipt_id)"/,
    ),
  });
  const admin = await there.connectAs("test_admin");
  const error = await admin.query(begun).catch((one) => one);
  expect(error).toMatchObject({ code: "LDDUP" });
  expect(JSON.parse(error.detail)).toMatchObject({ ledger: "shop", ...facts });
  expect([
    await headOf(there),
    await rowsOf(there, "select * from daybook.log order by id"),
  ]).toEqual(before);
  await seal(there.pool, "shop");
  expect(await verify(there.pool, "shop")).toMatchObject({ problem: null });
});

const begun = `select daybook.restore_rows('shop', 'ledger', '[{"metadata": {}, "created_at": "2026-01-01T00:00:00Z"}]')`;
const created = `select daybook.restore_rows('shop', 'event', '[{"id": "019b76da-a800-7000-8000-000000000000",
  "kind": "create_ledger", "actor": "somebody", "created_at": "2026-01-01T00:00:00Z",
  "data": {"name": "shop", "metadata": {}, "created_at": "2026-01-01T00:00:00Z"}}]')`;
const finished = "select daybook.finish_restore('shop', '{}')";

describe("meanwhile", () => {
  let sessions: Record<"importer" | "other", Session>;
  beforeEach(async () => {
    sessions = await openSessions(there, ["importer", "other"], "test_admin");
  });

  test("who opens an account waits, and finds the ledger of the export", async () => {
    const { importer, other } = sessions;
    await importer.step("begin");
    await importer.step(begun);
    const opening = other.step(OPEN);
    await other.waits(importer);
    await importer.step(created);
    await importer.step(finished);
    await importer.step("commit");
    await opening;
    await other.step(PAY);
    await seal(there.pool, "shop");
    expect(await verify(there.pool, "shop")).toMatchObject({ problem: null, head_no: "4" });
    expect(await violations(there)).toEqual([]);
  });

  test("who has opened one first is waited for, and then in the way", async () => {
    const { importer, other } = sessions;
    await other.step("begin");
    await other.step(OPEN);
    const restoring = importer.step(begun);
    await importer.waits(other);
    await other.step("commit");
    await expect(restoring).rejects.toMatchObject({ code: "LDDUP" });
    expect(await verify(there.pool, "shop")).toMatchObject({ problem: null });
  });

  test.each(["repeatable read", "serializable"])(
    "nobody restores by an older snapshot, which would not see what it has been used for: %s",
    async (level) => {
      const { importer, other } = sessions;
      await importer.step(`begin isolation level ${level}`);
      await importer.step("select from daybook.accounts");
      await other.step(OPEN);
      await expect(importer.step(begun)).rejects.toMatchObject({ code: "LDISO" });
    },
  );

  test("who creates the same ledger waits where there is none yet, and is told that it exists", async () => {
    const { importer, other } = sessions;
    await importer.step("begin");
    await importer.step(begun.replaceAll("shop", "new"));
    const creating = other.step("select daybook.create_ledger('new', 'made by hand')");
    await other.waits(importer);
    await importer.step(finished.replaceAll("shop", "new"));
    await importer.step("commit");
    await expect(creating).rejects.toMatchObject({ code: "LDDUP" });
  });

  test("who gives or takes away access has it logged in the end", async () => {
    const { importer, other } = sessions;
    await other.step("select daybook.grant_ledger_access('test_reader', 'shop', 'read')");
    await importer.step("begin");
    await importer.step(begun);
    await importer.step(created);
    await other.step("select daybook.grant_ledger_access('test_auditor', 'shop', 'read')");
    await importer.step(finished);
    const revoking = other.step("select daybook.revoke_ledger_access('test_reader', 'shop')");
    await other.waits(importer);
    await importer.step("commit");
    await revoking;
    await seal(there.pool, "shop");
    expect(await verify(there.pool, "shop")).toMatchObject({ problem: null });
  });

  test.each(["never sealed", "sealed"])("the worker waits for nothing: %s", async (state) => {
    if (state === "sealed") {
      await seal(there.pool, "shop");
      await there.pool.query("select daybook_private.index_search('shop')");
    }
    const { importer } = sessions;
    await importer.step("begin");
    await importer.step(begun);
    const worker = await there.connectAs("daybook_worker");
    await worker.query("set lock_timeout to '1s'");
    expect(await seal(worker, "shop")).toBeNull();
    const index = "select daybook_private.index_search('shop') as count";
    expect((await worker.query(index)).rows).toEqual([{ count: 0 }]);
    await importer.step(created);
    await importer.step(finished);
    await importer.step("commit");
    expect(await seal(worker, "shop")).toBe(1);
    const { rows } = await there.pool.query(
      "select from daybook_private.search_heads where indexed_until > '00000000-0000-0000-0000-000000000000'",
    );
    expect(rows).toEqual([]);
  });

  test("the superuser can delete nothing but that creation, there and then", async () => {
    const superuser = await there.connect();
    await superuser.query("select daybook.create_ledger('other')");
    await superuser.query("select daybook_private.seal_log(name, 10) from daybook.ledgers");
    const refused = async (sql: string, ...before: string[]) => {
      for (const step of ["begin", ...before]) await superuser.query(step);
      await expect(superuser.query(sql)).rejects.toMatchObject({ code: "LDIMM" });
      await superuser.query("rollback");
    };
    const account = `select daybook.restore_rows('shop', 'account', '[{"id": "019b76da-a800-7000-8000-000000000001", "address": "a",
      "currency": "USD", "currency_exponent": 2, "normal_balance": "credit", "metadata": {}, "created_at": "2026-01-01", "request_hash": 0}]')`;
    for (const table of ["log_events", "seals", "seal_blocks"]) {
      await refused(`delete from daybook_private.${table}`);
      await refused(`delete from daybook_private.${table} where ledger = 'other'`, begun);
      await refused(
        `update daybook_private.${table} set ledger = 'other' where ledger = 'other'`,
        begun,
      );
    }
    await refused(
      "delete from daybook_private.log_events where ledger = 'shop'",
      begun,
      created,
      account,
    );
    await refused(
      "update daybook_private.log_events set kind = 'x' where ledger = 'shop'",
      begun,
      created,
    );
    await refused(
      "update daybook.ledgers set created_at = now() where name = 'shop'",
      begun,
      created,
      account,
    );
    await refused("update daybook.ledgers set created_at = now() where name = 'other'", begun);
    await refused("update daybook.ledgers set name = 'x' where name = 'shop'", begun);
    await refused("delete from daybook.ledgers where name = 'shop'", begun);
  });

  test("what is broken off leaves the empty ledger as it was", async () => {
    await seal(there.pool, "shop");
    const state = async () => [
      await headOf(there),
      await rowsOf(there, "select * from daybook.log"),
      await rowsOf(there, LEDGER[0]!),
    ];
    const before = await state();
    const { importer } = sessions;
    for (const step of ["begin", begun, created, finished, "rollback"]) await importer.step(step);
    expect(await state()).toEqual(before);
    expect(await verify(there.pool, "shop")).toMatchObject({ problem: null });
    await expect(importer.step(created)).rejects.toMatchObject({ code: "LDARG" });
  });
});
