import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Client } from "pg";
import { silentLog, type Log } from "../../src/log.ts";
import { ownSession } from "../../src/session.ts";
import { startWorker } from "../../src/worker/start.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { drain, enqueue, openLedger, withdrawal } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

/** Defaults that a database or a login has for others' sake do not change what our programs do. */

const FOR_OTHERS = {
  default_transaction_isolation: "repeatable read",
  statement_timeout: "1ms",
  transaction_timeout: "2ms",
  idle_session_timeout: "30ms",
  row_security: "off",
  client_min_messages: "error",
  datestyle: "German, DMY",
  standard_conforming_strings: "off",
};

let database: TestDatabase;
let ledger: string;
let names: string[];

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, { alice: { money: 100, balance_min: 0 } });
  const name = new URL(database.url).pathname.slice(1);
  names = Object.keys(FOR_OTHERS);
  for (const [setting, value] of Object.entries(FOR_OTHERS))
    await database.pool.query(
      `alter role daybook_worker in database ${name} set ${setting} to '${value}'`,
    );
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const states = async () =>
  (
    await database.pool.query(
      `select coalesce(error_code, state) as state, count(*)::integer as n
         from daybook_private.finished_receipts where ledger = $1 group by 1 order by 1`,
      [ledger],
    )
  ).rows;
const withdraw = (key: string, amount: number) =>
  withdrawal(ledger, "alice", amount, { idempotency_key: key });

test("a session of ours has settings of its own", async () => {
  const client = new Client({ connectionString: ownSession(database.urlOf("daybook_worker")) });
  await client.connect();
  const { rows } = await client.query({
    text: `select ${names.map((name) => `current_setting('${name}')`).join()}`,
    rowMode: "array",
  });
  await client.end();
  expect(rows[0]).toEqual(["read committed", "0", "0", "0", "on", "notice", "ISO, YMD", "on"]);
});

test("at another isolation level nothing is taken from the queue, and nothing refused", async () => {
  const client = await database.connect();
  await database.pool.query(enqueue(ledger, withdraw("a", 1)));
  for (const call of [
    drain(ledger),
    { text: "select daybook_private.drain_queue($1, 1, true)", values: [ledger] },
  ]) {
    await client.query("begin isolation level repeatable read");
    await expect(client.query(call)).rejects.toMatchObject({ code: "LDISO" });
    await client.query("rollback");
  }
  expect(await states()).toEqual([]);
});

test("the worker does what it has to", async () => {
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (text) => errors.push(text) };
  const worker = await startWorker({ connectionString: database.urlOf("daybook_worker"), log });
  try {
    await database.pool.query(enqueue(ledger, withdraw("b", 90), withdraw("c", 10)));
    await until("the queue is empty", async () => (await states()).length === 2);
    await until("all jobs are done", async () => {
      const { rowCount } = await database.pool.query("select from graphile_worker.jobs");
      return rowCount === 0;
    });
    await until("the log is sealed", async () => {
      const { rows } = await database.pool.query("select no from daybook.log_head($1)", [ledger]);
      return Number(rows[0]?.no) > 0;
    });
  } finally {
    await worker.stop();
  }
  expect(await states()).toEqual([
    { state: "LDBAL", n: 1 },
    { state: "applied", n: 2 },
  ]);
  expect(errors).toEqual([]);
});
