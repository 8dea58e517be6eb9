import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newPool } from "../../src/client.ts";
import type { ConfigError } from "../../src/config.ts";
import { silentLog, type Log } from "../../src/log.ts";
import { startWorker } from "../../src/worker/start.ts";
import { startJobs } from "../../src/worker/jobs.ts";
import { checkRetention, DEFAULT_RETENTION, type Retention } from "../../src/worker/retention.ts";
import { createDatabase, createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let errors: string[] = [];
const log: Log = { ...silentLog, error: (message) => errors.push(message) };

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

async function strings(sql: string): Promise<unknown[]> {
  return (await database.pool.query({ text: sql, rowMode: "array" })).rows.flat();
}

const refusal = (retention: Retention) =>
  checkRetention(database.pool, retention).catch((error: ConfigError) => error.message);
const waiting = () => strings("select task_identifier from graphile_worker.jobs order by 1");

test("as daybook_worker it runs each hourly task once at the start, and knows when to run it again", async () => {
  const worker = await startWorker({ connectionString: database.urlOf("daybook_worker"), log });
  try {
    await until("all jobs are done", async () => (await waiting()).length === 0);
    expect(
      await strings("select identifier from graphile_worker._private_known_crontabs order by 1"),
    ).toEqual([
      "check_totals",
      "ensure_partitions",
      "index_missed",
      "purge_idempotency_keys",
      "purge_receipts",
    ]);
  } finally {
    await worker.stop();
  }
  expect(errors).toEqual([]);
});

test("what is to be forgotten is forgotten all through its table, page by page", async () => {
  await database.pool.query(
    `insert into daybook_private.idempotency_keys (ledger, key, operation, request_hash, transaction_id, status, version, created_at)
     select 'some', 'key ' || n, 'create_transaction', n, uuidv7(), 'posted', 1, now() - make_interval(days => 31 * (n % 2))
       from generate_series(1, 150000) n`,
  );
  const left = () =>
    strings(
      "select array[count(*), count(*) filter (where created_at < now() - interval '30 days')] from daybook_private.idempotency_keys",
    );
  const [pages] = await strings(
    "select pg_relation_size('daybook_private.idempotency_keys') / 8192",
  );
  expect(Number(pages)).toBeGreaterThan(2000); // of which the job takes a thousand at once
  const purge = (page: number, count: number) =>
    strings(
      `select daybook_private.purge_idempotency_keys(from_page => ${page}, pages => ${count})`,
    );
  const [some] = await purge(Number(pages) - 2, 1);
  expect(Number(some)).toBeGreaterThan(10);
  expect(Number(some)).toBeLessThan(200);
  expect(await purge(Number(pages), 1)).toEqual([null]);
  expect(await left()).toEqual([["150000", "75000"].map((n) => String(Number(n) - Number(some)))]);
  const worker = await startWorker({ connectionString: database.urlOf("daybook_worker"), log });
  try {
    await until("all jobs are done", async () => (await waiting()).length === 0);
  } finally {
    await worker.stop();
  }
  expect(await left()).toEqual([["75000", "0"]]);
  await database.pool.query("delete from daybook_private.idempotency_keys");
});

test("keys and receipts are kept for as long as the worker is told", async () => {
  const ages = "unnest(array[1, 3, 20, 40]) days";
  await database.pool.query(
    `insert into daybook_private.idempotency_keys (ledger, key, operation, request_hash, transaction_id, status, version, created_at)
     select 'some', days, 'create_transaction', 1, uuidv7(), 'posted', 1, now() - make_interval(days => days) from ${ages}`,
  );
  await database.pool.query(
    `insert into daybook_private.finished_receipts (ledger, receipt_id, state, idempotency_key, actor, accepted_at, finished_at)
     select 'some', uuidv7(), 'applied', days, 'me', now(), now() - make_interval(days => days) from ${ages}`,
  );
  const KEYS = "select key from daybook_private.idempotency_keys order by key";
  const RECEIPTS =
    "select idempotency_key from daybook_private.finished_receipts order by idempotency_key";
  const run = async (retention?: Retention) => {
    const connectionString = database.urlOf("daybook_worker");
    const worker = await startWorker({ connectionString, retention, log });
    await until("all jobs are done", async () => (await waiting()).length === 0);
    await worker.stop();
  };
  await run({ keys: "infinity", receipts: "35 days" });
  expect([await strings(KEYS), await strings(RECEIPTS)]).toEqual([
    ["1", "20", "3", "40"],
    ["1", "20", "3"],
  ]);
  await run();
  expect([await strings(KEYS), await strings(RECEIPTS)]).toEqual([
    ["1", "20", "3"],
    ["1", "20", "3"],
  ]);
  await run({ keys: "24 hours", receipts: "P2DT1H" });
  expect([await strings(KEYS), await strings(RECEIPTS)]).toEqual([[], ["1"]]);
  expect(errors).toEqual([]);
});

test.each([
  ["24 hours", true],
  ["1 day", true],
  ["P3M", true],
  ["infinity", true],
  ["23:59:59.999", false],
  ["30", false],
  ["", false],
  ["soon", false],
  ["-1 month", false],
  ["-infinity", false],
  ["170000000 years", false], // before there was time
  ["99999999999 years", false],
  ["1 day'; drop schema daybook; --", false],
])("a retention of %j will do: %s", async (interval, suits) => {
  const text = `must be an interval as PostgreSQL reads it, of 24 hours or more, not "${interval}"`;
  expect(await refusal({ keys: interval, receipts: "30 days" })).toBe(
    suits ? undefined : `--key-retention ${text}`,
  );
  expect(await refusal({ keys: "30 days", receipts: interval })).toBe(
    suits ? undefined : `--receipt-retention ${text}`,
  );
});

test("totals are compared ledger by ledger, each in a transaction of its own", async () => {
  const ledgers = [
    await openLedger(database, { alice: { money: 1 } }),
    await openLedger(database, { alice: { money: 1 } }),
    await openLedger(database, { alice: { money: 1 } }),
  ];
  const [first, , third] = ledgers;
  await database.pool.query(
    "update daybook_private.account_counters set posted_debits = posted_debits + 1 where ledger in ($1, $2) and address = 'world'",
    [first, third],
  );
  // The jobs alone: what walks through the accounts might find the drift first, and take the entries' word for it.
  const pool = newPool({ connectionString: database.urlOf("daybook_worker"), max: 5 });
  pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
  const jobs = await startJobs({ pool, concurrency: 2, retention: DEFAULT_RETENTION, log });
  const found = () =>
    strings(
      `select ledger from daybook_private.findings where violation = 'debits and credits of a currency differ' order by ledger`,
    );
  try {
    await until("all jobs are done", async () => (await waiting()).length === 0);
  } finally {
    await jobs.stop();
    await pool.end();
  }
  expect(await found()).toEqual([first, third]);
  expect(
    await strings("select count(distinct xmin::text)::integer from daybook_private.findings"),
  ).toEqual([2]);
  const told = errors.filter((error) => error.startsWith("WRONG: debits and credits"));
  expect(told).toEqual(
    [first, third].map((ledger) => expect.stringContaining(`differ: USD of ledger ${ledger} {`)),
  );
  errors = [];
  await database.pool.query(
    "update daybook_private.account_counters set posted_debits = posted_debits - 1 where ledger in ($1, $2) and address = 'world'",
    [first, third],
  );
});

test("a superuser's worker does the same", async () => {
  const worker = await startWorker({ connectionString: database.url, log });
  const roles = `select distinct usename::text from pg_stat_activity
                  where application_name in ('daybook work', 'daybook fold', 'daybook drain') and datname = current_database()`;
  expect(await strings(roles)).toEqual(["postgres"]);
  await until("all jobs are done", async () => (await waiting()).length === 0);
  await worker.stop();
  expect(errors).toEqual([]);
});

test("goes on after the database cut all its connections", async () => {
  const worker = await startWorker({ connectionString: database.urlOf("daybook_worker"), log });
  await until("all jobs are done", async () => (await waiting()).length === 0);
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'daybook_worker'",
  );
  await database.pool.query("select graphile_worker.add_job('ensure_partitions')");
  await until("the next job is done", async () => (await waiting()).length === 0);
  await worker.stop();
  expect(errors.length).toBeGreaterThan(0); // it said so
  errors = [];
});

test("a database without a ledger is refused at the start", async () => {
  const empty = await createEmptyDatabase();
  try {
    const options = { connectionString: empty.urlOf("daybook_worker"), log };
    await expect(startWorker(options)).rejects.toThrow(/run daybook migrate/);
  } finally {
    await empty.drop();
  }
});
