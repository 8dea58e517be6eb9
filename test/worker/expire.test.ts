import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { silentLog } from "../../src/log.ts";
import { startExpiring } from "../../src/worker/expire.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let ledger: string;
beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, { alice: { money: 1_000 } });
});
afterAll(() => database?.drop());

const hold = async (seconds: number, of = ledger) =>
  (
    await database.pool.query(
      `select transaction_id from daybook.create_transaction($1,
         array[daybook.debit('alice', 10), daybook.credit('world', 10)], 'pending',
         expires_at => clock_timestamp() + make_interval(secs => $2))`,
      [of, seconds],
    )
  ).rows[0].transaction_id as string;

const stateOf = async (id: string) =>
  (
    await database.pool.query(
      "select status, version, archived_reason, archived_at > expires_at as is_later from daybook.transactions where id = $1",
      [id],
    )
  ).rows[0];

test("holds leave the balances within seconds after their time, also while their accounts are held", async () => {
  const due = await Promise.all(Array.from({ length: 30 }, () => hold(0.5)));
  const later = await hold(3600);
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select from daybook.accounts for update");
  const expiring = startExpiring({
    connectionString: database.urlOf("daybook_worker"),
    log: silentLog,
  });
  try {
    await until("all are archived", async () =>
      (await Promise.all(due.map(stateOf))).every(({ status }) => status === "archived"),
    );
  } finally {
    await expiring.stop();
    await holder.query("rollback");
  }
  for (const id of due) {
    expect(await stateOf(id)).toMatchObject({
      version: 2,
      archived_reason: "expired",
      is_later: true,
    });
  }
  expect(await stateOf(later)).toMatchObject({ status: "pending", version: 1 });
  const { rows } = await database.pool.query(
    "select available_amount::integer as available from daybook.balances where ledger = $1 and account = 'alice'",
    [ledger],
  );
  expect(rows).toEqual([{ available: 990 }]);
  expect(await violations(database, ledger)).toEqual([]);
});

test("a transaction that somebody is changing is left to him", async () => {
  const id = await hold(0.2);
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select daybook.archive_transaction($1, $2)", [ledger, id]);
  const sweep = () =>
    database.pool.query("select daybook_private.expire_transactions(10) as count");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await sweep()).rows).toEqual([{ count: 0 }]);
  await holder.query("rollback");
  expect((await sweep()).rows).toEqual([{ count: 1 }]);
  expect(await stateOf(id)).toMatchObject({ archived_reason: "expired" });
});

test("however much somebody is changing, the others are not kept waiting", async () => {
  const busy = [await hold(0.2), await hold(0.2), await hold(0.2)];
  const free = await hold(0.3);
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select from daybook.transactions where id = any ($1) for update", [busy]);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const { rows } = await database.pool.query(
    "select daybook_private.expire_transactions(2) as count",
  );
  await holder.query("rollback");
  expect(rows).toEqual([{ count: 1 }]);
  expect(await stateOf(free)).toMatchObject({ archived_reason: "expired" });
});

test("one that cannot be archived is told, and keeps no other waiting", async () => {
  const elsewhere = await openLedger(database, { alice: {} });
  const broken = await hold(0.2);
  const free = [await hold(0.3), await hold(0.3, elsewhere)];
  await database.pool.query(`
    create function public.damaged() returns trigger language plpgsql as $$
      begin
        if new.id = '${broken}' then raise exception 'damaged' using errcode = 'XX001'; end if;
        return new;
      end $$;
    create trigger damaged before update on daybook.transactions
      for each row execute function public.damaged()`);
  const errors: string[] = [];
  const log = { ...silentLog, error: (message: string) => errors.push(message) };
  const expiring = startExpiring({ connectionString: database.urlOf("daybook_worker"), log });
  try {
    for (const id of free)
      await until("it is archived", async () => (await stateOf(id)).status === "archived", 5_000);
  } finally {
    await expiring.stop();
    await database.pool.query("drop trigger damaged on daybook.transactions");
  }
  expect(errors).toEqual([expect.stringMatching(`^expiring: damaged - .*"${broken}"`)]);
  expect(await stateOf(broken)).toMatchObject({ status: "pending" });
  const sweep = (passedOver: string[]) =>
    database.pool.query("select daybook_private.expire_transactions(10, $1) as count", [
      passedOver,
    ]);
  expect((await sweep([broken])).rows).toEqual([{ count: 0 }]);
  expect((await sweep([])).rows).toEqual([{ count: 1 }]);
  expect(await violations(database)).toEqual([]);
});
