import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { silentLog } from "../../src/log.ts";
import { startDraining } from "../../src/worker/drain.ts";
import { startRollingUp } from "../../src/worker/rollup.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { enqueue, openLedger, transfer, withdrawal } from "../support/ledgers.ts";

/* The clock of the worker's host is set back by an hour with each look at it: whoever goes by it waits for hours. */

let database: TestDatabase;
let options: { connectionString: string; log: typeof silentLog; idle: number };
beforeAll(async () => {
  database = await createDatabase();
  options = { connectionString: database.urlOf("daybook_worker"), log: silentLog, idle: 20 };
});
afterAll(() => database?.drop());

beforeEach(() => {
  let now = Date.now();
  jest.spyOn(Date, "now").mockImplementation(() => (now -= 3_600_000));
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** Looks a hundred times at most: the clock is of no use here. */
async function soon(sql: string, values: unknown[]): Promise<boolean> {
  for (let n = 0; n < 100; n++) {
    const { rowCount } = await database.pool.query(sql, values);
    if (rowCount! > 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

test("sums are rolled up, round after round", async () => {
  const ledger = await openLedger(database, { alice: {} });
  const rolling = startRollingUp({ ...options, minEntries: 5 });
  try {
    for (const version of [5, 10]) {
      for (let n = 0; n < 5; n++) await database.pool.query(transfer(ledger, "world", "alice", 1));
      const rolledUp =
        "select from daybook.rollups where ledger = $1 and account = 'alice' and rolled_up_version = $2";
      expect([version, await soon(rolledUp, [ledger, version])]).toEqual([version, true]);
    }
  } finally {
    await rolling.stop();
  }
});

test("a queue that somebody kept waiting is drained when he is gone", async () => {
  const ledger = await openLedger(database, { alice: { money: 5 } });
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query(withdrawal(ledger, "alice", 1));
  const call = withdrawal(ledger, "alice", 1, { idempotency_key: "k" });
  await database.pool.query(enqueue(ledger, call));
  const draining = startDraining({ ...options, lockTimeout: 50 });
  try {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await holder.query("rollback");
    const finished = "select from daybook_private.finished_receipts where ledger = $1";
    expect(await soon(finished, [ledger])).toBe(true);
  } finally {
    await draining.stop();
  }
});
