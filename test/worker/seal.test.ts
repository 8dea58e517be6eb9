import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Log } from "../../src/log.ts";
import { startSealing } from "../../src/worker/seal.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { lost, verify } from "../support/sealing.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let sealing: { stop(): Promise<void> };
let errors: string[];
let infos: string[];
const log: Log = {
  info: (message) => infos.push(message),
  warn: (message) => errors.push(message),
  error: (message) => errors.push(message),
};
const start = () =>
  startSealing({ connectionString: database.urlOf("daybook_worker"), log, idle: 20 });

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());
beforeEach(() => {
  [errors, infos] = [[], []];
  sealing = start();
});
afterEach(async () => {
  await sealing.stop();
});

const isSealed = (ledger: string) => async () => {
  const { rows } = await database.pool.query(
    "select from daybook_private.seals where ledger = $1 limit 1",
    [ledger],
  );
  return rows.length > 0 && (await lost(database.pool, ledger)).length === 0;
};

test("every ledger's log is sealed as it grows, and the instance's", async () => {
  const one = await openLedger(database, { alice: {} });
  const two = await openLedger(database, { alice: {} });
  await database.pool.query("select daybook.create_currency('X', 2)");
  for (const ledger of [one, two, "*"]) await until(`${ledger} is sealed`, isSealed(ledger));
  await database.pool.query(transfer(one, "world", "alice", 1));
  await until("what is new is sealed", isSealed(one));
  for (const ledger of [one, two, "*"]) {
    expect(await verify(database.pool, ledger)).toMatchObject({ problem: null });
  }
  expect(errors).toEqual([]);
});

test("a look that had to wait is not followed by a rest thirty times as long", async () => {
  const ledger = await openLedger(database, { alice: {} });
  await until("the ledger is sealed", isSealed(ledger));
  const client = await database.connect();
  await client.query("begin; lock table daybook_private.seal_heads in access exclusive mode");
  await until("the worker waits", async () => {
    const { rows } = await client.query(
      "select from pg_stat_activity where application_name = 'daybook seal' and wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  });
  await client.query("select pg_sleep(1.2)"); // of which thirty times would be more than `until` has patience
  await client.query("commit");
  await database.pool.query(transfer(ledger, "world", "alice", 1));
  await until("what is new is sealed", isSealed(ledger), 20_000);
});

test("more than one call seals at once", async () => {
  const ledger = await openLedger(database, { alice: {} });
  await database.pool.query(
    `select daybook.create_transactions($1, array(
       select row(array[daybook.debit('world', n), daybook.credit('alice', n)], null, null, null, null, null, null, null, null, null)::daybook.transaction_input
         from generate_series(1, 1200) n))`,
    [ledger],
  );
  await until("all is sealed", isSealed(ledger));
  expect(await verify(database.pool, ledger)).toMatchObject({ problem: null, head_no: "1204" });
});

test("what rounds have missed is swept up, and told", async () => {
  const ledger = await openLedger(database, { alice: {} });
  await until("it is sealed", isSealed(ledger));
  await sealing.stop();
  await database.pool.query(transfer(ledger, "world", "alice", 1));
  await database.pool.query(
    `update daybook_private.seal_heads set scan_from = daybook_private.uuid_at(now() + interval '1 hour'),
       fully_swept_at = null, latest = daybook_private.uuid_at(now() + interval '30 minutes') where ledger = $1`,
    [ledger],
  );
  expect(await lost(database.pool, ledger)).toHaveLength(1);
  sealing = start();
  await until("it is sealed after all", isSealed(ledger));
  await until("that is told", () => infos.some((info) => info.includes(ledger)));
  expect(errors).toEqual([]);
});

test("a ledger that fails keeps no other waiting", async () => {
  const broken = await openLedger(database, {});
  await until("it is sealed", isSealed(broken));
  await database.pool.query("update daybook_private.seal_heads set no = no - 1 where ledger = $1", [
    broken,
  ]);
  await database.pool.query("select daybook.open_account($1, 'more', 'USD')", [broken]);
  const other = await openLedger(database, { alice: {} });
  await until("the other is sealed", isSealed(other));
  await until("it is told", () => errors.some((error) => error.includes(broken)));
  await database.pool.query("update daybook_private.seal_heads set no = no + 1 where ledger = $1", [
    broken,
  ]);
  await until("it goes on", isSealed(broken));
});

test("all of a log is swept where that is noted as later than now: the server's clock was ahead", async () => {
  await sealing.stop();
  const ledger = await openLedger(database, { alice: {} });
  await database.pool.query(`
    do $$ begin perform daybook_private.seal_log(name, 100) from daybook.ledgers; end $$;
    update daybook_private.seal_heads
       set fully_swept_at = now() + case when ledger = '${ledger}' then interval '1 year' else '0' end`);
  const due = [];
  for (let after = ""; ;) {
    const { rows } = await database.pool.query("select * from daybook_private.next_sweep($1)", [
      after,
    ]);
    if (!rows[0]?.ledger) break;
    after = rows[0].ledger;
    if (rows[0].began) due.push(after);
  }
  expect(due).toEqual([ledger]);
});
