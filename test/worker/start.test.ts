import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { silentLog, type Log } from "../../src/log.ts";
import { startWorker } from "../../src/worker/start.ts";
import { createDatabase, createEmptyDatabase, type TestDatabase } from "../support/database.ts";
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
