import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { runCli } from "../support/run-cli.ts";
import { seal } from "../support/sealing.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  const client = await database.connect();
  await client.query("select daybook.create_currency('X_9', 9, 'Points')");
  await fillRichLedger(client, "rich");
  await client.query("select daybook.create_ledger('empty')");
  await client.query("select daybook.grant_ledger_access('test_reader', 'rich', 'read')");
  for (const ledger of ["rich", "*"]) await seal(client, ledger, 20);
});
afterAll(() => database?.drop());

const verify = (...flags: string[]) =>
  runCli(["verify", "--log", ...flags], { DATABASE_URL: database.urlOf("test_admin") });
const headOf = async () =>
  (await database.pool.query("select no || ':' || hash as head from daybook.log_head('rich')"))
    .rows[0].head as string;

test("all ledgers and the instance's own log", async () => {
  const { code, stdout } = await verify();
  expect(code).toBe(0);
  expect(stdout.split("\n").map((line) => line.replace(/[0-9a-f]{64} of .*/, "…"))).toEqual([
    "*: 1 records, all as they were sealed; head 1:…",
    "empty: nothing is sealed yet",
    expect.stringMatching(/^rich: \d+ records, all as they were sealed; head \d+:…$/),
    "rich-abroad: nothing is sealed yet",
    "",
  ]);
});

test("a reader verifies what he may read", async () => {
  const { code, stdout } = await runCli(["verify", "--log"], {
    DATABASE_URL: database.urlOf("test_reader"),
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^rich: .*\n$/);
});

test("with a head that was kept", async () => {
  const head = await headOf();
  expect(await verify("--ledger", "rich", "--head", head)).toMatchObject({ code: 0 });
  const other = head.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  const { code, stdout } = await verify("--ledger", "rich", "--head", other);
  expect(code).toBe(1);
  expect(stdout).toContain("never had the head");
  expect(await verify("--head", head)).toMatchObject({ code: 2 });
  expect(await verify("--ledger", "rich", "--head", "7")).toMatchObject({ code: 2 });
});

test("what is wrong is told in words", async () => {
  const client = await database.connect();
  const change = (n: number, sql: string) =>
    client.query(
      sql.replace(
        "$1",
        `(select log_id from daybook_private.seals where ledger = 'rich' and no = ${n})`,
      ),
    );
  await client.query("set session_replication_role = replica");
  await change(1, "update daybook_private.log_events set actor = 'nobody' where id = $1");
  await client.query("delete from daybook_private.seals where ledger = 'rich' and no = 30");
  const { code, stdout } = await verify("--ledger", "rich");
  expect(code).toBe(1);
  expect(stdout).toMatch(/^rich: record 1 \([-0-9a-f]{36}\), or what it wrote, was changed/);
  expect(await verify("--ledger", "none")).toMatchObject({ code: 1, stdout: "" });
});

test("a head that was set back hides nothing of what is behind it, in however many parts", async () => {
  const client = await database.connect();
  const ledger = await openLedger(database, { alice: {} });
  await client.query(
    `select from daybook.create_transactions($1, array(
       select row(array[daybook.debit('world', n), daybook.credit('alice', n)], null, null, null, null, null, null, null, null, null)
                ::daybook.transaction_input
         from generate_series(1, 6000) n))`,
    [ledger],
  );
  await seal(client, ledger, 500);
  await client.query("set session_replication_role = replica");
  await client.query(
    `update daybook.transactions set description = 'x' where ledger = $1
        and id = (select log_id from daybook_private.seals where ledger = $1 and no = 5800)`,
    [ledger],
  );
  const told = async (change: string) => {
    await client.query(`${change} where ledger = '${ledger}'`);
    const { code, stdout } = await verify("--ledger", ledger);
    expect(code).toBe(1);
    return stdout.split("\n").map((line) => /does not end|record \d+/.exec(line)?.[0]);
  };
  const wrong = ["does not end", "record 5800", undefined];
  const first = `select block, last_no, hash from daybook_private.seal_blocks where ledger = '${ledger}' and last_no = 5000`;
  expect(
    await told(`update daybook_private.seal_heads set (block, no, hash) = (${first})`),
  ).toEqual(wrong);
  expect(await told("delete from daybook_private.seal_heads")).toEqual(wrong);
});
