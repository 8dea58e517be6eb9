import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, QueryResult } from "pg";
import { silentLog, type Log } from "../../src/log.ts";
import { startChecking } from "../../src/worker/check.ts";
import { startCheckingTransactions } from "../../src/worker/check-transactions.ts";
import { startFolding } from "../../src/worker/fold.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { enqueue, transfer, withdrawal } from "../support/ledgers.ts";
import { runCli } from "../support/run-cli.ts";
import { until } from "../support/temporary.ts";

/* The trouble of each section is made first; then its blocks are run, in order, by the login that the page says. */

const ADMIN = "runbook_admin";

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await createDatabase();
  client = await database.connect();
  await client.query(
    `drop role if exists ${ADMIN};
     create role ${ADMIN} login in role daybook_admin, pg_monitor, pg_signal_backend`,
  );
  await client.query("select daybook.create_ledger('main')");
  for (const address of ["users:alice", "users:bob", "world"]) {
    await client.query("select daybook.open_account('main', $1, 'USD')", [address]);
  }
  await client.query(transfer("main", "world", "users:alice", 100));
  await client.query(transfer("main", "world", "users:bob", 100));
});
afterAll(async () => {
  await client?.query(`drop role if exists ${ADMIN}`);
  await database?.drop();
});

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/runbook.md"), "utf8");

/** A block for the owner is run by a superuser, as one who may take that role; all others by an administrator. */
async function runSql(code: string): Promise<QueryResult | QueryResult[]> {
  if (code.trim().startsWith("set role daybook_owner;")) return client.query(code);
  await client.query(`set session authorization ${ADMIN}`);
  try {
    return await client.query(code);
  } finally {
    await client.query("reset session authorization");
  }
}

/** What each block of a section returned: of SQL the rows of its statements, of a command its result. */
async function run(heading: string): Promise<any[]> {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(heading))!;
  const results: any[] = [];
  for (const [, , language, code] of section.matchAll(/^( *)```(sql|console)\n(.*?)^ *```$/gms)) {
    if (language === "console") {
      const [, command] = /\$ daybook (.*)/.exec(code!)!;
      const environment = { DATABASE_URL: database.urlOf("test_admin") };
      results.push(await runCli(command!.split(" "), environment));
    } else {
      const given = await runSql(code!);
      const rows = [given].flat().map((result) => result.rows);
      results.push(rows.length === 1 ? rows[0] : rows);
    }
  }
  return results;
}

test("what to watch: a ledger that is well", async () => {
  const [[health], queues] = await run("What to watch");
  expect(health).toMatchObject({ drifted_accounts: "0", violations: "0", queued_entries: "0" });
  expect(queues).toMatchObject([{ ledger: "main", depth: "0" }]);
});

test("every alarm leads to a section that is there", () => {
  const anchors = [...PAGE.matchAll(/^## (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );
  const links = [...PAGE.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) expect(anchors).toContain(link);
});

test("a drift is found by the worker, looked at, repaired and gone", async () => {
  await client.query(
    `update daybook_private.account_counters set posted_credits = 170, pending_credits = 170
      where address = 'users:alice'`,
  );
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (text) => errors.push(text) };
  const checking = startChecking({ connectionString: database.urlOf("daybook_worker"), log });
  await until("it was found", () => errors.length > 0);
  await checking.stop();
  expect(errors).toEqual([expect.stringMatching(/^DRIFT.*docs\/runbook.md$/)]);
  const [logged, verified, rebuilt, health] = await run("Drift");
  expect(logged).toMatchObject([
    { address: "users:alice", data: { counters: ["1", "0", "170", "0", "170"] } },
  ]);
  expect(verified.code).toBe(1);
  expect(verified.stdout.match(/^WRONG.*$/gm)).toEqual([
    "WRONG: ledger main, users:alice: the counters of an account are not the sum of its entries",
  ]);
  expect(rebuilt).toMatchObject([
    { before: { posted_credits: "170" }, after: { posted_credits: "100" }, changed_entries: "0" },
  ]);
  expect(health).toEqual([{ ledger: "main", drifted_accounts: "0" }]);
});

/** As a superuser with his triggers off. */
const changeAmount = async (amount: number) => {
  await client.query("set session_replication_role = replica");
  await client.query(
    "update daybook.entries e set amount = $1 from daybook.accounts a where a.id = e.account_id and a.address = 'users:bob'",
    [amount],
  );
  await client.query("set session_replication_role = origin");
};

test("a violation is named by transaction and by figures", async () => {
  await changeAmount(120);
  const [[broken], log, [closed], [reopened]] = await run("Violation");
  expect(broken).toMatchObject([
    { violation: "transaction out of balance", facts: { debits: "100", credits: "120" } },
    { violation: "current entries out of balance" },
  ]);
  expect(log.stdout).toMatch(/^main: /);
  expect(closed.closed_at ?? closed).toBeTruthy();
  expect(reopened).toBeTruthy();
  await changeAmount(100);
  expect(await violations(database)).toEqual([]);
});

test("what search got wrong is found by the worker, looked at, repaired and gone", async () => {
  await client.query("select daybook_private.index_search('main')");
  await client.query("update daybook_private.search_lines set amount = 1");
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (text) => errors.push(text) };
  const connectionString = database.urlOf("daybook_worker");
  const checking = startCheckingTransactions({ connectionString, log });
  await until("it was found", () => errors.length > 0);
  await checking.stop();
  expect(errors).toContainEqual(expect.stringMatching(/^WRONG: search knows other lines.*runbook/));
  const [found, verified, rebuilt, health] = await run("Search");
  expect(found).toHaveLength(2);
  expect(found[0]).toMatchObject({ ledger: "main", facts: { search: [{ amount: 1 }, {}] } });
  expect(verified.code).toBe(1);
  expect(verified.stdout.match(/^WRONG.*$/gm)).toHaveLength(2);
  expect(rebuilt.map((row: any) => row.subject)).toEqual(found.map((row: any) => row.subject));
  expect(health).toEqual([{ ledger: "main", violations: "0" }]);
  expect(await violations(database)).toEqual([]);
});

test("a session that holds accounts is found by who waits for it, and ended", async () => {
  const holder = await database.connectAs("test_admin");
  await holder.query("begin");
  await holder.query(withdrawal("main", "users:alice", 1));
  await client.query(transfer("main", "world", "users:alice", 5)); // which queues
  const waiter = await database.connectAs("test_admin");
  const waiting = waiter.query(withdrawal("main", "users:alice", 1));
  const folding = startFolding({
    connectionString: database.urlOf("daybook_worker"),
    log: silentLog,
  });
  try {
    await until("somebody waits", async () => (await run("Sessions that hold"))[1].length > 0);
    const [[queued]] = await run("What to watch");
    expect(queued).toMatchObject({ queued_entries: "2", oldest_queued_at: expect.any(Date) });
    await until("the worker is there", async () => {
      const [sessions] = await run("Entries stay queued");
      return sessions.some((row: any) => row.application_name === "daybook fold");
    });
    const [holders, waits, ended] = await run("Sessions that hold");
    expect(holders[0]).toMatchObject({ usename: "test_admin", state: "idle in transaction" });
    expect(waits.flatMap((row: any) => row.waits_for)).toContain(holders[0].pid);
    expect(ended).toEqual([]); // it has not been idle for a minute
    await client.query("select pg_terminate_backend($1)", [holders[0].pid]);
    await waiting;
    await until("it is folded", async () => {
      const [[health]] = await run("What to watch");
      return health.queued_entries === "0";
    });
  } finally {
    await folding.stop();
    await holder.end();
  }
});

test("a prepared transaction that holds accounts is found", async () => {
  const owner = await database.connect();
  await owner.query("begin");
  await owner.query(withdrawal("main", "users:alice", 1));
  await owner.query("prepare transaction 'forgotten'");
  const [, , , prepared] = await run("Sessions that hold");
  expect(prepared).toMatchObject([{ gid: "forgotten" }]);
  await client.query("rollback prepared 'forgotten'");
});

test("a queue that grows is seen, and given more room", async () => {
  await client.query(
    enqueue("main", transfer("main", "world", "users:bob", 1, { idempotency_key: "k" })),
  );
  const [[queue], [limit]] = await run("The write-ahead queue grows");
  expect(queue).toMatchObject({ ledger: "main", depth: "1", max_depth: "1000000" });
  expect(limit).toEqual({ set_queue_limit: "2000000" });
});

test("the blocks about partitions, disk and connections run", async () => {
  const [health] = await run("A default partition");
  const row = { covered_until: expect.any(Date), default_is_empty: true };
  expect(health).toEqual(
    ["transactions", "entries", "log_events"].map((relation) => ({ relation, ...row })),
  );
  const [, [archiver], tables] = await run("The disk is full");
  expect(archiver).toHaveProperty("failed_count");
  expect(tables).toHaveLength(10);
  const [connections] = await run("Connections are refused");
  expect(connections.length).toBeGreaterThan(0);
});
