import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { silentLog, type Log } from "../../src/log.ts";
import { startRollingUp } from "../../src/worker/rollup.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { rollUp } from "../support/moments.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let ledger: string;
let errors: string[];
let rolling: { stop(): Promise<void> };

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

beforeEach(async () => {
  ledger = await openLedger(database, { alice: {}, bob: {}, carol: {} });
  errors = [];
  const log: Log = { info() {}, warn() {}, error: (message) => errors.push(message) };
  const connectionString = database.urlOf("daybook_worker");
  rolling = startRollingUp({ connectionString, log, idle: 20, minEntries: 5 });
});
afterEach(async () => {
  await rolling.stop();
  expect(await violations(database)).toEqual([]);
});

async function pay(account: string, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await database.pool.query(transfer(ledger, "world", account, 1));
}

async function version(account: string, of: "rolled_up" | "both_times" = "rolled_up") {
  const { rows } = await database.pool.query<{ v: number }>(
    `select ${of}_version::integer as v from daybook.rollups where ledger = $1 and account = $2`,
    [ledger, account],
  );
  return rows[0]!.v;
}

test("rolls up accounts that are far enough behind, and leaves the others alone", async () => {
  await pay("bob", 4);
  await pay("alice", 5);
  await until("alice is rolled up", async () => (await version("alice")) === 5);
  await pay("alice", 4);
  await until("world is rolled up", async () => (await version("world")) >= 9);
  expect([await version("alice"), await version("bob"), await version("carol")]).toEqual([5, 0, 0]);
  await pay("alice", 1);
  await until("alice is rolled up again", async () => (await version("alice")) === 10);
  expect(errors).toEqual([]);
});

test("sums of both times follow those of one", async () => {
  await pay("alice", 7);
  await until("both are rolled up", async () => (await version("alice", "both_times")) >= 5);
  expect(await version("alice", "both_times")).toBeLessThanOrEqual(await version("alice"));
});

test("those that lack sums of both times alone come last", async () => {
  await rolling.stop();
  for (const account of ["alice", "bob", "carol"]) {
    await pay(account, 5);
    await database.pool.query(rollUp(ledger, account, 5, 500, 0));
  }
  await pay("bob", 5);
  const { rows } = await database.pool.query(
    `select a.address, l.of_both
       from daybook_private.accounts_to_roll_up(5, 10000) with ordinality l (ledger, account_id, of_both, n)
       join daybook.accounts a on a.ledger = l.ledger and a.id = l.account_id
      where l.ledger = $1 order by l.n`,
    [ledger],
  );
  expect(rows.map(({ of_both }) => of_both)).toEqual([false, false, true, true]);
  expect(
    rows
      .map(({ address }) => address)
      .slice(2)
      .toSorted(),
  ).toEqual(["alice", "carol"]);
});

test("an account that somebody else is at keeps no other waiting", async () => {
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query(rollUp(ledger, "alice"));
  await pay("alice", 5);
  await pay("bob", 5);
  await until("bob is rolled up", async () => (await version("bob")) === 5, 2_000);
  await holder.query("commit");
  await until("alice is rolled up", async () => (await version("alice")) === 5, 2_000);
  expect(errors).toEqual([]);
});

test("an account that cannot be rolled up is logged once and keeps no other waiting", async () => {
  await rolling.stop();
  await pay("alice", 5);
  const superuser = await database.connect();
  const change = async (versions: string) => {
    await superuser.query("set session_replication_role = replica");
    await superuser.query(
      `update daybook.entries e set lock_version = ${versions} from daybook.accounts a
        where a.ledger = $1 and a.address = 'alice' and e.account_id = a.id and e.lock_version in (3, 33)`,
      [ledger],
    );
  };
  await change("33");
  const log: Log = { info() {}, warn() {}, error: (message) => errors.push(message) };
  rolling = startRollingUp({ connectionString: database.url, log, idle: 20, minEntries: 5 });
  await pay("bob", 5);
  await until("bob is rolled up", async () => (await version("bob")) === 5, 2_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(errors).toEqual([
    expect.stringMatching(
      /^rolling up account ledger-\d+\/.*of the entries of account .* there are 4$/,
    ),
  ]);
  await change("3");
});

test("whoever can roll up nothing for long says so, and does when he can", async () => {
  await rolling.stop();
  const warnings: string[] = [];
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select from daybook_private.turns where task = 'move months' for update");
  await pay("alice", 5);
  const log: Log = { ...silentLog, warn: (text) => warnings.push(text) };
  const connectionString = database.urlOf("daybook_worker");
  rolling = startRollingUp({ connectionString, log, idle: 20, minEntries: 5, patience: 200 });
  await until("it says so", () => warnings.length > 0);
  expect(warnings[0]).toMatch(/^rolling up: nothing for \d+ s, though accounts are behind/);
  expect(await version("alice")).toBe(0);
  await holder.query("commit");
  await until("alice is rolled up", async () => (await version("alice")) === 5, 2_000);
});

test("goes on after its connection was cut", async () => {
  await pay("alice", 5);
  await until("it works", async () => (await version("alice")) === 5);
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'daybook roll up' and datname = current_database()",
  );
  await pay("bob", 5);
  await until("it works again", async () => (await version("bob")) === 5, 4_000);
  expect(errors.length).toBeLessThanOrEqual(1);
});

test("stops within a moment while it rests", async () => {
  const before = Date.now();
  await rolling.stop();
  expect(Date.now() - before).toBeLessThan(1_000);
  await pay("alice", 5);
  expect(await version("alice")).toBe(0);
});
