import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { silentLog, type Log } from "../../src/log.ts";
import { startWorker } from "../../src/worker/start.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

/* The whole worker, as it is started: that it is soon there for what comes, and lets the database rest while nothing does. */

let database: TestDatabase;
let worker: { stop(): Promise<void> };
const errors: string[] = [];
const log: Log = { ...silentLog, error: (message) => errors.push(message) };

beforeAll(async () => {
  database = await createDatabase();
  worker = await startWorker({ connectionString: database.urlOf("daybook_worker"), log });
  await until("all jobs are done", async () => {
    const { rows } = await database.pool.query("select from graphile_worker.jobs");
    return rows.length === 0;
  });
});
afterAll(async () => {
  await worker?.stop();
  await database?.drop();
});

/** How often each statement was asked, of any session of this process, while something went on. */
async function asked(meanwhile: () => Promise<unknown>): Promise<Record<string, number>> {
  const query = jest.spyOn(Client.prototype, "query");
  await meanwhile();
  const statements = query.mock.calls.map(([statement]: unknown[]) =>
    typeof statement === "string" ? statement : String((statement as { text: string }).text),
  );
  query.mockRestore();
  const counts = Object.entries(Object.groupBy(statements, (statement) => statement));
  return Object.fromEntries(counts.map(([statement, calls]) => [statement, calls!.length]));
}

test("with nothing to do it asks for nothing more than twenty times a second", async () => {
  await openLedger(database, { alice: { money: 100 } });
  const counts = await asked(() => sleep(2_000));
  const queue = Object.keys(counts).filter((statement) =>
    /queued_(ledgers|accounts)/.test(statement),
  );
  expect(queue).toHaveLength(2); // it is seen to ask at all
  expect(Object.entries(counts).filter(([, count]) => count > 40)).toEqual([]);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBeLessThan(150);
});

test("what waits for a hot account is applied within two seconds, under load", async () => {
  const users = ["ann", "ben", "cat", "dan"];
  const ledger = await openLedger(database, Object.fromEntries(users.map((user) => [user, {}])));
  const over = new AbortController();
  /** So that all others queue: it has the account most of the time, but nobody has it for long. */
  const hold = async () => {
    const client = await database.connect();
    while (!over.signal.aborted) {
      await client.query("begin");
      await client.query(
        "select from daybook_private.account_counters where ledger = $1 and address = 'world' for update",
        [ledger],
      );
      await sleep(50);
      await client.query("commit");
    }
  };
  const write = async (user: string) => {
    const client = await database.connectAs("test_writer");
    while (!over.signal.aborted) await client.query(transfer(ledger, user, "world", 1));
  };
  const oldest = async (): Promise<number | undefined> => {
    const { rows } = await database.pool.query<{ age: number }>(
      `select extract(epoch from clock_timestamp() - uuid_extract_timestamp(entry_id))::float as age
         from daybook_private.entry_queue where ledger = $1 order by entry_id limit 1`,
      [ledger],
    );
    return rows[0]?.age;
  };
  const going = Promise.all([hold(), ...users.map(write)]);
  const ages: number[] = [];
  try {
    for (const end = Date.now() + 4_000; Date.now() < end; await sleep(20)) {
      const age = await oldest();
      if (age !== undefined) ages.push(age);
    }
  } finally {
    over.abort();
    await going;
  }
  expect(ages.length).toBeGreaterThan(10); // there was something to wait for
  // Of ten looks one may meet a machine that stood still.
  expect(ages.filter((age) => age > 2).length).toBeLessThanOrEqual(ages.length / 10);
  await until("nothing waits any more", async () => (await oldest()) === undefined);
  expect(await violations(database, ledger)).toEqual([]);
  expect(errors).toEqual([]);
});
