import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import type { Client } from "pg";
import type { Log } from "../../src/log.ts";
import { startFolding } from "../../src/worker/fold.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/temporary.ts";

/** Stand-ins for the ledger's queue: what is tested here is the loop, not the folding. */
const QUEUE = `
  create schema daybook_private;
  create table daybook_private.balance (account_id uuid primary key, folded integer default 0);
  create table daybook_private.queue (account_id uuid);
  create function daybook_private.queued_accounts(most integer) returns table (ledger text, account_id uuid)
    language sql begin atomic
      select distinct 'main', q.account_id from daybook_private.queue q order by 2 limit most;
    end;
  create function daybook_private.fold_account(ledger text, account uuid) returns integer
    language plpgsql as $$
      declare
        count integer;
      begin
        if account::text ~ '^f' then raise 'broken'; end if;
        perform from daybook_private.balance where account_id = account for update;
        delete from daybook_private.queue where account_id = account;
        get diagnostics count = row_count;
        update daybook_private.balance set folded = folded + count where account_id = account;
        return count;
      end
    $$;
  create function daybook_private.fold_accounts(ledger text, accounts uuid[], however_many boolean,
      out folded integer, out held uuid[], out long uuid[])
    language plpgsql as $$
      declare
        ours uuid[];
      begin
        if accounts::text ~ '[{,]f' then raise 'broken'; end if;
        long := array(select a from unnest(accounts) a where a::text ~ '^d' and not however_many);
        ours := array(select account_id from daybook_private.balance
                       where account_id = any (accounts) and account_id <> all (long) for update skip locked);
        held := array(select unnest(accounts) except select unnest(ours));
        folded := (select sum(daybook_private.fold_account('main', id)) from unnest(ours) id);
      end
    $$;
  grant usage on schema daybook_private to daybook_worker;
  grant all on all tables in schema daybook_private to daybook_worker;`;

const account = (letter: string) => `${letter}0000000-0000-7000-8000-000000000000`;

let database: TestDatabase;
let folding: { stop(): Promise<void> };
let errors: string[];

beforeAll(async () => {
  database = await createEmptyDatabase();
  await database.pool.query(QUEUE);
  for (const letter of "abcdf") {
    await database.pool.query("insert into daybook_private.balance values ($1)", [account(letter)]);
  }
});
afterAll(() => database?.drop());

beforeEach(() => {
  errors = [];
  const log: Log = { info() {}, warn() {}, error: (message) => errors.push(message) };
  folding = startFolding({ connectionString: database.url, log, idle: 20, lockTimeout: 400 });
});
afterEach(async () => {
  await folding.stop();
  await database.pool.query("truncate daybook_private.queue");
});

const enqueue = (...letters: string[]) =>
  database.pool.query("insert into daybook_private.queue select * from unnest($1::uuid[])", [
    letters.map(account),
  ]);

async function isQueued(letter: string): Promise<boolean> {
  const { rowCount } = await database.pool.query(
    "select from daybook_private.queue where account_id = $1",
    [account(letter)],
  );
  return rowCount !== 0;
}

test("folds what is queued, and what is queued later", async () => {
  await enqueue("a", "a", "b");
  await until("both are folded", async () => !(await isQueued("a")) && !(await isQueued("b")));
  await enqueue("b");
  await until("it is folded too", async () => !(await isQueued("b")));
  expect(errors).toEqual([]);
});

test("an account that somebody holds keeps no other waiting, and is folded when it is free", async () => {
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select from daybook_private.balance where account_id = $1 for update", [
    account("a"),
  ]);
  await enqueue("a", "b");
  await until("the other is folded", async () => !(await isQueued("b")), 2_000);
  await enqueue("c");
  await until("a third is folded", async () => !(await isQueued("c")), 2_000);
  expect(await isQueued("a")).toBe(true);
  await holder.query("commit");
  await until("the held one is folded", async () => !(await isQueued("a")), 2_000);
  expect(errors).toEqual([]);
});

test("an account with very many entries that somebody holds is folded when it is free", async () => {
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select from daybook_private.balance where account_id = $1 for update", [
    account("d"),
  ]);
  await enqueue("d");
  await new Promise((done) => setTimeout(done, 200));
  expect(await isQueued("d")).toBe(true);
  await holder.query("commit");
  await until("it is folded", async () => !(await isQueued("d")), 2_000);
  expect(errors).toEqual([]);
});

test("an account that one long call after the other holds is folded between two of them", async () => {
  const holders = await Promise.all([database.connect(), database.connect()]);
  const over = new AbortController();
  // Each takes it as soon as the other leaves it: whoever does not wait for it never has it.
  const hold = async (holder: Client) => {
    while (!over.signal.aborted) {
      await holder.query("begin");
      await holder.query("select from daybook_private.balance where account_id = $1 for update", [
        account("a"),
      ]);
      await holder.query("select pg_sleep(0.3)");
      await holder.query("commit");
    }
  };
  const holding = Promise.all(holders.map(hold));
  try {
    for (let n = 0; n < 3; n++) {
      await enqueue("a");
      await until("it is folded", async () => !(await isQueued("a")), 2_000);
    }
  } finally {
    over.abort();
    await holding;
  }
  expect(errors).toEqual([]);
});

test("many accounts that are held keep no other waiting for long", async () => {
  const others = Array.from({ length: 20 }, () => randomUUID().replace(/^./, "a"));
  await database.pool.query("insert into daybook_private.balance select unnest($1::uuid[])", [
    others,
  ]);
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query(
    "select from daybook_private.balance where account_id::text ~ '^a' for update",
  );
  await database.pool.query("insert into daybook_private.queue select unnest($1::uuid[])", [
    others,
  ]);
  await until("they were met", async () => (await waitingFor("a")) > 0);
  await new Promise((done) => setTimeout(done, 500)); // somebody waits for one of them now
  // The last has very many entries.
  for (const letter of ["b", "c", "d"]) {
    await enqueue(letter);
    await until("a free one is folded", async () => !(await isQueued(letter)), 1_000);
  }
  await holder.query("commit");
  await until("all are folded", async () => (await waitingFor("a")) === 0, 2_000);
  expect(errors).toEqual([]);
});

async function waitingFor(letter: string): Promise<number> {
  const { rows } = await database.pool.query(
    "select count(*)::int as n from daybook_private.queue where account_id::text ~ $1",
    [`^${letter}`],
  );
  return rows[0].n;
}

test("an account that cannot be folded is logged and keeps no other waiting", async () => {
  await enqueue("f", "a");
  await until("the other is folded", async () => !(await isQueued("a")));
  await until("it is told", () => errors.length > 0);
  expect(errors).toEqual([`folding account main/${account("f")}: broken`]);
});

test("goes on after its connection was cut", async () => {
  await enqueue("a");
  await until("it works", async () => !(await isQueued("a")));
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'daybook fold' and datname = current_database()",
  );
  await enqueue("b");
  await until("it works again", async () => !(await isQueued("b")), 2_000);
  expect(errors).toHaveLength(1);
});

test("stops within a moment while it rests", async () => {
  const before = Date.now();
  await folding.stop();
  expect(Date.now() - before).toBeLessThan(1_000);
  await enqueue("a");
  expect(await isQueued("a")).toBe(true);
});
