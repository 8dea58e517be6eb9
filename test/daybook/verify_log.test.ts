import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { lost, seal, verify, type Verification } from "../support/sealing.ts";
import { callAs } from "../support/use-books.ts";

const LEDGER = "rich";
let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await createDatabase();
  client = await database.connect();
  await client.query("select daybook.create_currency('X_9', 9, 'Points')");
  await fillRichLedger(client, LEDGER);
  await client.query("select daybook.create_ledger('other')");
  await client.query(
    "select daybook.open_account('other', a, 'USD') from unnest(array['in', 'clearing']) a",
  );
  await client.query("select daybook.open_account('rich', 'clearing', 'USD')");
  await client.query(
    "select daybook.transfer_between_ledgers('rich', 'users:bob', 'other', 'in', 5, 'clearing', 'clearing')",
  );
  await client.query("select daybook.grant_ledger_access('test_reader', 'rich', 'read')");
  await client.query("select daybook.grant_category_access('test_auditor', 'rich', 'users')");
  await client.query("select daybook.close_period('rich', '2020-01-01')");
  await client.query("select daybook.set_queue_limit(1000)");
  await seal(client, LEDGER, 20);
  await seal(client, "*");
});
afterAll(() => database?.drop());

const sha256 = (text: string) => createHash("sha256").update(text, "utf8").digest("hex");
const rowsOf = async (sql: string) => (await client.query<Record<string, any>>(sql)).rows;

test("every record is sealed once, without a gap, and nothing is wrong", async () => {
  expect(await lost(client, LEDGER)).toEqual([]);
  const [{ n, last }] = (await rowsOf(
    "select count(*) as n, max(no) as last from daybook_private.seals where ledger = 'rich'",
  )) as [{ n: string; last: string }];
  expect(Number(n)).toBeGreaterThan(50);
  expect(last).toBe(n);
  expect(await verify(client, LEDGER)).toMatchObject({
    from_no: "1",
    to_no: n,
    head_no: n,
    problem: null,
    no: null,
    log_id: null,
  });
  expect(await verify(client, "*")).toMatchObject({ problem: null, head_no: "2" });
});

test("for sessions that write times in their own way too", async () => {
  const asUsual = await verify(client, LEDGER);
  await client.query("begin");
  await client.query("set local datestyle to 'German, DMY'");
  await client.query("set local timezone to 'Asia/Tokyo'");
  expect(await verify(client, LEDGER)).toEqual(asUsual);
  await client.query("rollback");
});

test("in parts, each about whole blocks", async () => {
  expect(await verify(client, LEDGER, 1, 5)).toMatchObject({ from_no: "1", to_no: "20" });
  expect(await verify(client, LEDGER, 21, 21)).toMatchObject({ from_no: "21", to_no: "60" });
  // Counting from a number on must not overflow.
  expect(await verify(client, LEDGER, 21, "9223372036854775807")).toMatchObject({
    from_no: "21",
    problem: null,
  });
  const { head_no } = await verify(client, LEDGER);
  const beyond = await verify(client, LEDGER, Number(head_no) + 1);
  expect(beyond).toMatchObject({ problem: null, to_no: head_no });
});

test("the chain can be recomputed by anybody who has the records' texts", async () => {
  const texts = await rowsOf(
    `select s.no, t.body
       from daybook_private.seals s
       join daybook_private.log_texts('rich', array(select log_id from daybook_private.seals where ledger = 'rich')) t
         on t.log_id = s.log_id
      where s.ledger = 'rich' order by s.no`,
  );
  const blocks = await rowsOf(
    `select block, first_no::integer, last_no::integer, sealed_at::text at
       from daybook_private.seal_blocks where ledger = 'rich' order by block`,
  );
  let hash = "0".repeat(64);
  for (const { block, first_no, last_no, at } of blocks) {
    const leaves = texts.slice(first_no - 1, last_no).map(({ body }) => sha256(body));
    const lines = ["daybook log 1", LEDGER, block, first_no, last_no, at, hash, ...leaves];
    hash = sha256(lines.join("\n"));
  }
  expect(texts.map(({ body }) => JSON.parse(body).ledger)).toEqual(texts.map(() => LEDGER));
  expect(texts.filter(({ body }) => /\n/.test(body))).toEqual([]);
  expect((await verify(client, LEDGER)).head_hash).toBe(hash);
});

test("a record's text does not change while its transaction goes on", async () => {
  await client.query("begin");
  const calls = [
    "select transaction_id as id from daybook.create_transaction('rich', array[daybook.debit('users:bob', 3), daybook.credit('users:alice', 3)], status => 'pending', metadata => '{\"a\": 1}', expires_at => now() + interval '1 hour')",
    "select daybook.set_transaction_metadata('rich', $1, '{\"a\": 2, \"b\": 1}')",
    "select daybook.update_transaction('rich', $1, description => 'later', effective_at => '2025-01-01')",
    "select daybook.delete_transaction_metadata('rich', $1, 'a')",
    "select daybook.partially_post_transaction('rich', $1, array[daybook.debit('users:bob', 1), daybook.credit('users:alice', 1)])",
    "select daybook.post_transaction('rich', $1)",
    "select daybook.set_transaction_metadata('rich', $1, '{\"b\": null, \"c\": 1}')",
    "select daybook.reverse_transaction('rich', $1)",
    "select daybook.set_transaction_metadata('rich', reversed_by_transaction_id, '{\"c\": 1}') from daybook.transactions where id = $1",
  ];
  let id: string | undefined;
  for (const call of calls) {
    const { rows } = await client.query(call, id ? [id] : []);
    id ??= rows[0].id;
    expect(await seal(client, LEDGER)).toBe(/partially/.test(call) ? 2 : 1);
    expect(await verify(client, LEDGER)).toMatchObject({ problem: null });
  }
  await client.query("rollback");
});

/** What is derived from the rest, or is of no account. */
const EXEMPT = new Set([
  ...["lock_version", "pending_debits", "pending_credits", "posted_debits", "posted_credits"].map(
    (column) => `daybook.entries.${column}`,
  ),
  "daybook.transactions.entries_version",
  "daybook.category_members.id",
  "daybook.category_members.created_at",
  "daybook_private.ledger_access.granted_at",
  "daybook_private.category_access.granted_at",
  "daybook_private.seal_heads.scan_from",
  "daybook_private.seal_heads.latest",
  "daybook_private.seal_heads.fully_swept_at",
]);

const TABLES = [
  "daybook.ledgers",
  "daybook.accounts",
  "daybook.categories",
  "daybook.category_members",
  "daybook.transactions",
  "daybook.entries",
  "daybook_private.log_events",
  "daybook_private.ledger_access",
  "daybook_private.category_access",
  "daybook_private.seals",
  "daybook_private.seal_blocks",
  "daybook_private.seal_heads",
];

/** Another value of the same type. */
const OTHER: Record<string, string> = {
  text: "case c when 'read' then 'write' else coalesce(c, '') || 'x' end",
  uuid: "uuidv7()",
  timestamptz: "coalesce(c, now()) + interval '1 microsecond'",
  numeric: "coalesce(c, 0) + 1",
  int2: "c + 1",
  int4: "c + 1",
  int8: "coalesce(c, 0) + 1000000",
  bool: "not c",
  jsonb: "c || '{\"x\": 1}'",
  inet: "coalesce(c, '::2') + 1",
  bytea: "sha256(c)",
  direction: "case c when 'debit' then 'credit' else 'debit' end::daybook.direction",
  entry_effect: "case c when 'posted' then 'pending' else 'posted' end::daybook.entry_effect",
  transaction_status:
    "case c when 'posted' then 'archived' else 'posted' end::daybook.transaction_status",
};

/**
 * Runs a statement with all triggers and keys off, tells what verify_log finds, and takes it back. What a
 * constraint of the table does not let happen need not be found.
 */
async function found(statement: string): Promise<string | null> {
  try {
    return (await tampered(statement)).problem;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "23514" || code === "LDLED") return code;
    throw error;
  }
}

async function tampered(statement: string): Promise<Verification> {
  await client.query("begin");
  try {
    await client.query("set local session_replication_role = replica");
    expect((await client.query(statement)).rowCount).toBeGreaterThan(0);
    return await verify(client, LEDGER);
  } finally {
    await client.query("rollback");
  }
}

/** A transaction by its description, and its record, which it is itself. */
const RENT = "(select id from daybook.transactions where description like 'rent%')";
/** One that was made pending, and the record that posted it. */
const LATER = "(select id from daybook.transactions where external_id = 'later')";
const POSTED = `(select id from daybook.log where transaction_id = ${LATER} and kind = 'post_transaction')`;
const record = (kind: string) =>
  `(select id from daybook.log where ledger = 'rich' and kind = '${kind}' limit 1)`;

test.each([
  [`update daybook.entries set amount = 1 where transaction_id = ${RENT}`, "record_changed", RENT],
  [`delete from daybook.entries where transaction_id = ${RENT}`, "record_changed", RENT],
  [
    `insert into daybook.entries select ledger, uuidv7(), transaction_id, 2, position, account_id, direction, amount, currency,
       effect, locked, effective_at, created_at from daybook.entries where transaction_id = ${RENT} and position = 1`,
    "state_differs",
    RENT,
  ],
  [`delete from daybook.transactions where id = ${RENT}`, "record_missing", RENT],
  [`update daybook.transactions set status = 'pending' where id = ${RENT}`, "record_missing", RENT],
  [
    `update daybook.transactions set posted_at = now() where id = ${LATER}`,
    "record_changed",
    POSTED,
  ],
  [`delete from daybook_private.log_events where id = ${POSTED}`, "record_missing", POSTED],
  [
    `update daybook.transactions set metadata = metadata || '{"who": "eve"}' where metadata ->> 'who' = 'bob'`,
    "state_differs",
    record("set_transaction_metadata"),
  ],
  [
    "update daybook.accounts set balance_min = 4 where address = 'users:alice'",
    "state_differs",
    `(select id from daybook.log where kind = 'open_account' and data ->> 'address' = 'users:alice')`,
  ],
  [
    "update daybook_private.seals set leaf = sha256(leaf) where ledger = 'rich' and no = 30",
    "record_changed",
    "(select log_id from daybook_private.seals where ledger = 'rich' and no = 30)",
  ],
  [
    "delete from daybook_private.seals where ledger = 'rich' and no = 30",
    "seal_missing",
    "null::uuid",
  ],
  [
    "delete from daybook_private.seal_blocks where ledger = 'rich' and block = 2",
    "block_missing",
    "null::uuid",
  ],
  [
    "update daybook_private.seal_blocks set sealed_at = now() where ledger = 'rich' and block = 2",
    "block_changed",
    "null::uuid",
  ],
  [
    "update daybook_private.seal_blocks set previous_hash = hash where ledger = 'rich' and block = 2",
    "chain_broken",
    "null::uuid",
  ],
  [
    "update daybook_private.seal_heads set no = no - 20 where ledger = 'rich'",
    "head_differs",
    "null::uuid",
  ],
])("%s is %s", async (statement, problem, id) => {
  const [wanted] = await rowsOf(`select ${id} as id`);
  const what = await tampered(statement);
  expect(what).toMatchObject({ problem, log_id: wanted!["id"] });
  expect(what.detail).not.toBeNull();
});

test("the last blocks taken away, or all of it, is told by the head that is left, or by one kept elsewhere", async () => {
  const { rows } = await client.query("select no, hash from daybook.log_head('rich')");
  const known = "select daybook.check_log_head('rich', $1, $2) as known";
  expect((await client.query(known, [rows[0].no, rows[0].hash])).rows).toEqual([{ known: true }]);
  await client.query("begin");
  await client.query("set local session_replication_role = replica");
  await client.query("delete from daybook_private.seals where ledger = 'rich' and no > 20");
  await client.query("delete from daybook_private.seal_blocks where ledger = 'rich' and block > 1");
  expect(await verify(client, LEDGER)).toMatchObject({ problem: "head_differs" });
  expect(await verify(client, LEDGER, 21)).toMatchObject({ problem: "head_differs" });
  // Whoever goes on to make another chain of it cannot make the head that was published.
  await client.query("delete from daybook_private.seals where ledger = 'rich'");
  await client.query("delete from daybook_private.seal_blocks where ledger = 'rich'");
  await client.query("delete from daybook_private.seal_heads where ledger = 'rich'");
  await client.query(`delete from daybook.transactions where id = ${RENT}`);
  await client.query(
    "delete from daybook.entries where transaction_id not in (select id from daybook.transactions)",
  );
  await seal(client, LEDGER, 20);
  expect(await verify(client, LEDGER)).toMatchObject({ problem: null });
  expect((await client.query(known, [rows[0].no, rows[0].hash])).rows).toEqual([{ known: false }]);
  await client.query("rollback");
});

const chainAt = (block: number) =>
  `(select block, last_no, hash from daybook_private.seal_blocks where ledger = 'rich' and block = ${block})`;

test.each([
  [
    "set back",
    `update daybook_private.seal_heads set (block, no, hash) = ${chainAt(1)} where ledger = 'rich'`,
  ],
  ["gone", "delete from daybook_private.seal_heads where ledger = 'rich'"],
])("a head that was %s hides nothing from who goes up to it in parts", async (_, statement) => {
  await client.query("begin");
  await client.query("set local session_replication_role = replica");
  await client.query(statement);
  expect(await verify(client, LEDGER, 1, 5)).toMatchObject({
    to_no: "20",
    problem: "head_differs",
    detail: { last_block: Number((await whole())[0]!["n"]) },
  });
  expect(await verify(client, LEDGER, 41, 5)).toMatchObject({ to_no: "60", problem: null });
  await client.query("rollback");
});

const whole = () =>
  rowsOf("select max(last_no) as n from daybook_private.seal_blocks where ledger = 'rich'");

test("a block that is missing where a part begins is told by its own number", async () => {
  await client.query("begin");
  await client.query("set local session_replication_role = replica");
  await client.query(
    "delete from daybook_private.seal_blocks where ledger = 'rich' and block in (2, 3)",
  );
  for (const [from, max] of [
    [1, 100],
    [61, 20],
  ] as const) {
    expect(await verify(client, LEDGER, from, max)).toMatchObject({
      problem: "block_missing",
      no: "21",
      detail: { block: 2 },
    });
  }
  await client.query("rollback");
});

test("a log whose seals were all taken away is told, once there are records older than a day", async () => {
  await client.query("begin");
  await client.query("set local session_replication_role = replica");
  for (const table of ["seals", "seal_blocks", "seal_heads"]) {
    await client.query(`delete from daybook_private.${table} where ledger = 'rich'`);
  }
  expect(await verify(client, LEDGER)).toMatchObject({ problem: null, head_no: "0" });
  await client.query(
    `update daybook_private.log_events set id = daybook_private.uuid_at(now() - interval '25 hours')
      where id = (select min(id::text)::uuid from daybook_private.log_events where ledger = 'rich')`,
  );
  expect(await verify(client, LEDGER)).toMatchObject({ problem: "record_unsealed" });
  await client.query("rollback");
});

test("a record that was never sealed, older by more than a day than the last, is told", async () => {
  await client.query("begin");
  await client.query("set local session_replication_role = replica");
  await client.query(
    `insert into daybook_private.log_events (ledger, id, kind, data, actor)
     values ('rich', daybook_private.uuid_at(now() - interval '25 hours'), 'drift_found', '{}', 'x')`,
  );
  expect(await verify(client, LEDGER)).toMatchObject({ problem: "record_unsealed" });
  await client.query("rollback");
});

test("a record that is not sealed yet is no fault where the last sealed one was made by a clock that was days ahead", async () => {
  await client.query("begin");
  await client.query(
    "update daybook_private.seal_heads set latest = uuidv7(interval '3 days') where ledger = 'rich'",
  );
  await client.query("select daybook.set_account_metadata('rich', 'old', '{\"a\": 1}')");
  expect(await verify(client, LEDGER)).toMatchObject({ problem: null });
  await client.query("rollback");
});

test.each([
  ["verify_log", { ledger: "none" }, "LDLED"],
  ["verify_log", { ledger: "no such" }, "LDARG"],
  ["verify_log", { ledger: "rich", from_no: 0 }, "LDARG"],
  ["verify_log", { ledger: "rich", max_records: 0 }, "LDARG"],
  ["verify_log", { ledger: null }, "LDARG"],
  ["log_head", { ledger: "none" }, "LDLED"],
  ["log_head", { ledger: null }, "LDARG"],
  ["check_log_head", { ledger: "none", no: 0, hash: "0".repeat(64) }, "LDLED"],
  ["check_log_head", { ledger: "rich", no: -1, hash: "0".repeat(64) }, "LDARG"],
  ["check_log_head", { ledger: "rich", no: null, hash: "0".repeat(64) }, "LDARG"],
  ["check_log_head", { ledger: "rich", no: 1, hash: null }, "LDARG"],
  ["check_log_head", { ledger: "rich", no: 1, hash: "00" }, "LDARG"],
])("%s of %j is refused with %s", async (name, args, code) => {
  await expect(callAs(client, name, args)).rejects.toMatchObject({ code });
});

test("readers and auditors of the ledger may ask, and of the instance's log who may read every ledger", async () => {
  const reader = await database.connectAs("test_reader");
  const auditor = await database.connectAs("test_auditor");
  expect(await verify(reader, LEDGER)).toMatchObject({ problem: null });
  for (const [who, ledger] of [
    [reader, "*"],
    [reader, "other"],
    [auditor, LEDGER], // of categories of it alone
  ] as const) {
    await expect(verify(who, ledger)).rejects.toMatchObject({ code: "42501" });
    await expect(callAs(who, "log_head", { ledger })).rejects.toMatchObject({ code: "42501" });
    const hash = "0".repeat(64);
    await expect(callAs(who, "check_log_head", { ledger, no: 0, hash })).rejects.toMatchObject({
      code: "42501",
    });
  }
  await client.query("select daybook.grant_ledger_access('test_auditor', '*', 'read')");
  expect(await verify(auditor, "*")).toMatchObject({ problem: null });
  expect(await verify(auditor, LEDGER)).toMatchObject({ problem: null });
  await client.query("select daybook.revoke_ledger_access('test_auditor', '*')");
});

test("a log that nobody has sealed yet has head 0", async () => {
  expect(await callAs(client, "log_head", { ledger: "other" })).toEqual([
    { ledger: "other", no: "0", hash: "0".repeat(64), sealed_at: null },
  ]);
  expect(
    await callAs(client, "check_log_head", { ledger: "other", no: 0, hash: "0".repeat(64) }),
  ).toEqual([{ r: true }]);
  expect(await verify(client, "other")).toMatchObject({ problem: null, to_no: "0", head_no: "0" });
});

describe.each(TABLES)("%s", (table) => {
  const where = table === "daybook.ledgers" ? "name = 'rich'" : "ledger = 'rich'";
  const places = async () =>
    (await rowsOf(
      `select tableoid::regclass::text as part, ctid::text as place from ${table} where ${where}`,
    )) as {
      part: string;
      place: string;
    }[];

  test("whatever is changed of any row is found", async () => {
    const columns = await rowsOf(
      `select a.attname as name, t.typname as type from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = '${table}'::regclass and a.attnum > 0 and not a.attisdropped`,
    );
    const unseen: string[] = [];
    for (const { name, type } of columns) {
      if (EXEMPT.has(`${table}.${name}`)) continue;
      const all = await places();
      const some = all.filter((_, n) => n % Math.ceil(all.length / 12) === 0);
      for (const { part, place } of some) {
        const other = OTHER[type]!.replaceAll(/\bc\b/g, `"${name}"`);
        const problem = await found(
          `update ${part} set "${name}" = ${other} where ctid = '${place}'`,
        );
        if (problem === null) unseen.push(`${name} ${place}`);
      }
    }
    expect(unseen).toEqual([]);
  }, 120_000);

  test("a row that is gone is missed", async () => {
    const unseen: string[] = [];
    for (const { part, place } of await places()) {
      const problem = await found(`delete from ${part} where ctid = '${place}'`);
      if (problem === null) unseen.push(place);
    }
    expect(unseen).toEqual([]);
  }, 60_000);
});
