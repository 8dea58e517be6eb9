import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { silentLog, type Log } from "../../src/log.ts";
import { startDraining } from "../../src/worker/drain.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { enqueue, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let ledger: string;
let draining: { stop(): Promise<void> };
let errors: string[];
let warnings: string[];

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

beforeEach(async () => {
  ledger = await openLedger(database, { alice: { money: 1_000_000 }, bob: { money: 1_000 } });
  [errors, warnings] = [[], []];
  const log: Log = {
    info() {},
    warn: (text) => warnings.push(text),
    error: (text) => errors.push(text),
  };
  const connectionString = database.urlOf("daybook_worker");
  draining = startDraining({ connectionString, log, idle: 20, lockTimeout: 50 });
});
afterEach(async () => {
  await draining.stop();
  expect(await violations(database)).toEqual([]);
});

const accept = async (...calls: { values: unknown[] }[]) =>
  (await database.pool.query(enqueue(ledger, ...calls))).rows as { receipt_id: string }[];
const plain = (key: string, to = "world") =>
  transfer(ledger, "alice", to, 1, { idempotency_key: key, description: key });

/** How many receipts of the ledger are in each state. */
async function states(of = ledger): Promise<Record<string, number>> {
  const { rows } = await database.pool.query(
    `select coalesce(error_code, state) as state, count(*)::integer as n
       from daybook_private.finished_receipts where ledger = $1 group by 1
     union all
     select 'queued', depth from daybook.transaction_queue where ledger = $1 and depth > 0`,
    [of],
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
}
const finished = (expected: Record<string, number>, milliseconds?: number) =>
  until(
    `receipts are ${JSON.stringify(expected)}`,
    async () => JSON.stringify(await states()) === JSON.stringify(expected),
    milliseconds,
  );

/** Makes every transaction of this description fail with an SQLSTATE of no rule of the ledger. */
async function poison(code: string): Promise<() => Promise<unknown>> {
  await database.pool.query(`
    create or replace function public.poison() returns trigger language plpgsql as $$
      begin
        if new.description = 'poison' then raise exception 'no way' using errcode = '${code}'; end if;
        return new;
      end $$;
    create trigger poison before insert on daybook.transactions
      for each row execute function public.poison()`);
  return () => database.pool.query("drop trigger poison on daybook.transactions");
}

test("applies what was enqueued, and what is enqueued later", async () => {
  await accept(plain("a"), plain("b"));
  await finished({ applied: 2 });
  await accept(plain("c"));
  await finished({ applied: 3 });
  expect(errors).toEqual([]);
});

test("a spike is absorbed and applied without loss, refusals in between", async () => {
  for (let part = 0; part < 6; part++) {
    await accept(
      ...Array.from({ length: 1_000 }, (_, n) =>
        n % 100 === 7
          ? transfer(ledger, "alice", "nobody", 1, { idempotency_key: `${part}-${n}` })
          : plain(`${part}-${n}`),
      ),
    );
  }
  await finished({ LDACC: 60, applied: 5_940 }, 40_000);
  const { rows } = await database.pool.query(
    "select count(distinct id)::integer as n from daybook.transactions where ledger = $1 and description is not null",
    [ledger],
  );
  expect(rows).toEqual([{ n: 5_940 }]);
  expect(errors).toEqual([]);
});

test("a long queue of one ledger keeps no other waiting", async () => {
  const long = ledger;
  await draining.stop();
  await accept(...Array.from({ length: 4_000 }, (_, n) => plain(`${n}`)));
  ledger = await openLedger(database, { alice: {} });
  await accept(plain("short"));
  const log: Log = { info() {}, warn() {}, error: (text) => errors.push(text) };
  draining = startDraining({ connectionString: database.urlOf("daybook_worker"), log, idle: 20 });
  await finished({ applied: 1 });
  expect(await states(long)).toMatchObject({ queued: expect.any(Number) });
  ledger = long;
  await finished({ applied: 4_000 }, 30_000);
});

test("under a steady stream batches gather: a queue that was emptied is left alone for a while", async () => {
  await draining.stop();
  const log: Log = { info() {}, warn() {}, error: (text) => errors.push(text) };
  draining = startDraining({ connectionString: database.urlOf("daybook_worker"), log, idle: 250 });
  for (let n = 0; n < 100; n++) await accept(plain(`${n}`));
  await finished({ applied: 100 });
  const { rows } = await database.pool.query(
    `select count(distinct xmin::text)::integer as batches, extract(epoch from max(accepted_at) - min(accepted_at)) as seconds
       from daybook_private.finished_receipts where ledger = $1`,
    [ledger],
  );
  expect(rows[0].batches).toBeLessThanOrEqual(3 + rows[0].seconds / 0.25);
});

test("one that fails for no reason of the ledger is refused alone, and logged", async () => {
  const remove = await poison("22012");
  try {
    const keys = Array.from({ length: 40 }, (_, n) => `${n}`);
    keys[11] = "poison";
    const receipts = await accept(...keys.map((key) => plain(key)));
    await finished({ "22012": 1, applied: 39 });
    const { rows } = await database.pool.query("select * from daybook.queued_transaction($1, $2)", [
      ledger,
      receipts[11]!.receipt_id,
    ]);
    expect(rows[0]).toMatchObject({
      state: "refused",
      error_code: "22012",
      error_message: "no way",
    });
    expect(warnings).toEqual([expect.stringContaining(receipts[11]!.receipt_id)]);
    expect(errors).toContain(`draining ledger ${ledger}: no way`);
  } finally {
    await remove();
  }
});

test("what waits for somebody for long is told, again and again, and applied when he is gone", async () => {
  await draining.stop();
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query(withdrawal(ledger, "alice", 1));
  await accept(withdrawal(ledger, "alice", 2, { idempotency_key: "waits" }));
  const log: Log = { ...silentLog, warn: (text) => warnings.push(text) };
  draining = startDraining({
    connectionString: database.urlOf("daybook_worker"),
    log,
    idle: 20,
    lockTimeout: 50,
    patience: 300,
  });
  await until("it is told twice", () => warnings.length > 1);
  expect(warnings[1]).toMatch(
    new RegExp(`^draining ledger ${ledger}: canceling statement due to lock timeout, for \\d+ s`),
  );
  await holder.query("commit");
  await finished({ applied: 1 });
});

test("one that fails because the server suffers is not refused, and applied when it is well", async () => {
  const remove = await poison("53100");
  try {
    await accept(plain("before"), plain("poison"), plain("after"));
    await until("it was tried", () => errors.length > 1);
    expect(await states()).not.toHaveProperty("53100");
  } finally {
    await remove();
  }
  await finished({ applied: 3 });
});

test("one that needs an account that somebody holds waits for it, and those before it do not", async () => {
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query(withdrawal(ledger, "bob", 1));
  const blocked = withdrawal(ledger, "bob", 1, { idempotency_key: "bob" });
  await accept(plain("a"), plain("b"), plain("c"), blocked, plain("d"));
  await finished({ applied: 3, queued: 2 });
  const held = ledger;
  ledger = await openLedger(database, { alice: {} });
  await accept(plain("elsewhere"));
  await finished({ applied: 1 });
  await holder.query("commit");
  ledger = held;
  await finished({ applied: 5 });
  expect(errors).toEqual([]);
});

test("goes on after its connection was cut", async () => {
  await accept(plain("a"));
  await finished({ applied: 1 });
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'daybook drain' and datname = current_database()",
  );
  await accept(plain("b"));
  await finished({ applied: 2 }, 2_000);
  expect(errors).toHaveLength(1);
});

test("stops within a moment while it rests", async () => {
  const before = Date.now();
  await draining.stop();
  expect(Date.now() - before).toBeLessThan(1_000);
  await accept(plain("a"));
  expect(await states()).toEqual({ queued: 1 });
});
