import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { silentLog, type Log } from "../../src/log.ts";
import { startCheckingTransactions } from "../../src/worker/check-transactions.ts";
import { checkTotals } from "../../src/worker/tasks/check-totals.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let ledgers: string[];
let errors: string[] = [];
const log: Log = { ...silentLog, error: (message) => errors.push(message) };

beforeAll(async () => {
  database = await createDatabase();
  for (let n = 0; n < 3; n++) await openLedger(database, { alice: { money: 5 } });
  const { rows } = await database.pool.query("select name from daybook.ledgers order by name");
  ledgers = rows.map(({ name }) => name);
});
afterAll(() => database?.drop());
afterEach(() => {
  errors = [];
});

/** Makes it impossible to note anything about the second ledger. */
async function damage(table: string): Promise<() => Promise<unknown>> {
  await database.pool.query(`
    create or replace function public.damaged() returns trigger language plpgsql as $$
      begin
        if new.ledger = '${ledgers[1]}' then raise exception 'damaged' using errcode = 'XX001'; end if;
        return new;
      end $$;
    create trigger damaged before insert or update on ${table}
      for each row execute function public.damaged()`);
  return () => database.pool.query(`drop trigger damaged on ${table}`);
}

const ofLedgers = async (sql: string) => {
  const { rows } = await database.pool.query(`select ledger from ${sql} order by 1`);
  return rows.map(({ ledger }) => ledger);
};
const passed = () => ofLedgers("daybook_private.ledger_checks where finished_at is not null");

const start = () =>
  startCheckingTransactions({
    connectionString: database.urlOf("daybook_worker"),
    log,
    restFactor: 0,
    idle: 20,
  });

test("a ledger that cannot be examined is told, and keeps no other waiting", async () => {
  const repair = await damage("daybook_private.ledger_checks");
  let checking = start();
  try {
    await until("the others are through", async () => (await passed()).length === 2, 10_000);
  } finally {
    await checking.stop();
    await repair();
  }
  expect(await passed()).toEqual([ledgers[0], ledgers[2]]);
  expect(errors).toEqual([`checking transactions: damaged - {"ledger": "${ledgers[1]}"}`]);
  checking = start();
  try {
    await until("so is the one", async () => (await passed()).length === 3);
  } finally {
    await checking.stop();
  }
});

test("a ledger whose totals cannot be compared is told, and keeps no other waiting", async () => {
  await database.pool.query(
    "update daybook_private.account_counters set posted_debits = posted_debits + 1 where address = 'world'",
  );
  const repair = await damage("daybook_private.findings");
  const client = await database.connectAs("daybook_worker");
  const helpers = {
    withPgClient: (work: (on: typeof client) => unknown) => work(client),
    abortSignal: new AbortController().signal,
    logger: log,
  };
  await checkTotals({}, helpers as never);
  await repair();
  expect(await ofLedgers("daybook_private.findings")).toEqual([ledgers[0], ledgers[2]]);
  expect(errors.filter((error) => !error.startsWith("WRONG"))).toEqual([
    `comparing totals: damaged - {"ledger": "${ledgers[1]}"}`,
  ]);
});
