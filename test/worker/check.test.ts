import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Log } from "../../src/log.ts";
import { hurry, startChecking } from "../../src/worker/check.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let ledger: string;
const errors: string[] = [];
const log: Log = { info() {}, warn() {}, error: (text) => errors.push(text) };

beforeAll(async () => {
  database = await createDatabase();
  const accounts = Array.from({ length: 1_200 }, (_, n) => [`a${n}`, {}]);
  ledger = await openLedger(database, Object.fromEntries(accounts));
  await database.pool.query(transfer(ledger, "a7", "a1100", 5));
});
afterAll(() => database?.drop());

const count = async (what: string) =>
  (await database.pool.query(`select count(*)::integer as n from ${what}`)).rows[0].n as number;
/** So many transactions, and entries of each account. */
const THOUSAND = `
  select count(*)
    from daybook.create_transactions($1, array(
      select row(array[daybook.debit('world', 1), daybook.credit('a', 1)], null, null, null, null, null, null, null, null,
                 null)::daybook.transaction_input
        from generate_series(1, 1000)))`;
const start = (budget = 200) =>
  startChecking({
    connectionString: database.urlOf("daybook_worker"),
    log,
    budget,
    restFactor: 0,
    idle: 20,
  });

test("goes over all accounts, again and again, finds what differs and says so once", async () => {
  const checking = start(1);
  try {
    await until(
      "every account was looked at",
      async () => (await count("daybook_private.account_checks where is_full")) === 1_201,
      50_000,
    );
    expect(errors).toEqual([]);
    await database.pool.query(
      `update daybook_private.account_counters set posted_credits = 6, lock_version = lock_version + 1
        where ledger = $1 and address = 'a1100'`,
      [ledger],
    );
    await until("it was found", () => errors.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(errors).toEqual([expect.stringMatching(/^DRIFT: account .* of ledger .*runbook/)]);
    expect(await count("daybook_private.drifts")).toBe(1);
  } finally {
    await checking.stop();
  }
});

test("goes on amid an account that has more entries than one look takes, the very first one too", async () => {
  const own = await createDatabase();
  const reached = async () =>
    (
      await own.pool.query(
        `select max((k.reached).lock_version)::integer as version
           from daybook_private.account_checks k where not k.is_full`,
      )
    ).rows[0].version as number | null;
  const busy = await openLedger(own, { a: {} });
  for (let n = 0; n < 6; n++) await own.pool.query(THOUSAND, [busy]);
  // A round takes one look, and after a walk it rests for longer than anybody waits.
  const checking = startChecking({
    connectionString: own.urlOf("daybook_worker"),
    log,
    budget: 0,
    restFactor: 0,
    idle: 600_000,
  });
  try {
    await until("it was looked at to its end", async () => (await reached()) === 6_000, 10_000);
  } finally {
    await checking.stop();
    await own.drop();
  }
});

test("two at once take turns", async () => {
  const both = [start(), start()];
  await new Promise((resolve) => setTimeout(resolve, 300));
  await Promise.all(both.map((checking) => checking.stop()));
  expect(errors).toHaveLength(1);
});

test("an account that somebody holds is marked when it is let go", async () => {
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select from daybook.accounts where address = 'a7' for no key update");
  await database.pool.query(
    `update daybook_private.account_counters set posted_credits = 6, lock_version = lock_version + 1
      where ledger = $1 and address = 'a7'`,
    [ledger],
  );
  const checking = start();
  try {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(errors).toHaveLength(1);
    await holder.query("commit");
    await until("it was found", () => errors.length > 1);
    expect(await count("daybook_private.drifts")).toBe(2);
  } finally {
    await checking.stop();
  }
});

test("an account that cannot be examined is told, and keeps no other waiting, nor what is found beside it", async () => {
  const other = await openLedger(database, { alice: {}, bob: {}, carol: {} });
  for (const name of ["alice", "bob", "carol"])
    await database.pool.query(transfer(other, "world", name, 5));
  const { rows } = await database.pool.query(
    "select address, id from daybook.accounts where ledger = $1 order by id",
    [other],
  );
  const ids = Object.fromEntries(rows.map(({ address, id }) => [address, id]));
  expect(rows.map(({ address }) => address)).toEqual(["world", "alice", "bob", "carol"]);
  await database.pool.query(`
    update daybook_private.account_counters set posted_credits = 6 where account_id = '${ids.alice}';
    create function public.damaged() returns trigger language plpgsql as $$
      begin
        if new.account_id = '${ids.bob}' then raise exception 'damaged' using errcode = 'XX001'; end if;
        return new;
      end $$;
    create trigger damaged before insert on daybook_private.account_checks
      for each row execute function public.damaged()`);
  errors.length = 0;
  const checking = start();
  const looked = async (of: string) =>
    (await count(`daybook_private.account_checks where account_id = '${ids[of]}'`)) === 2;
  try {
    for (const name of ["world", "carol"])
      await until(`both walks have looked at ${name}`, () => looked(name), 20_000);
    await until(
      "what is wrong is found",
      async () => (await count("daybook_private.drifts")) === 3,
    );
    await until("both walks have met it", () => errors.length === 3);
  } finally {
    await checking.stop();
    await database.pool.query("drop trigger damaged on daybook_private.account_checks");
  }
  const about = {
    damaged: `checking: damaged - .*"${ids.bob}"`,
    drift: `DRIFT: account ${ids.alice}`,
  };
  const told = (pattern: string) => errors.filter((error) => error.match(pattern)).length;
  expect([told(about.damaged), told(about.drift), errors.length]).toEqual([2, 1, 3]);
  expect(await looked("bob")).toBe(false);
});

test("whoever gets no turn for long says so, and does his work when he gets it", async () => {
  const warnings: string[] = [];
  const holder = await database.connect();
  await holder.query("begin");
  await holder.query("select from daybook_private.turns where task = 'check' for update");
  await database.pool.query(transfer(ledger, "a3", "a4", 5));
  const checking = startChecking({
    connectionString: database.urlOf("daybook_worker"),
    log: { ...log, warn: (text) => warnings.push(text) },
    restFactor: 0,
    idle: 20,
    patience: 200,
  });
  try {
    await until("it says so", () => warnings.length > 1);
    expect(new Set(warnings.map((text) => text.replace(/\d+/, "n")))).toEqual(
      new Set(["checking: no turn for n s, somebody else has it, see docs/runbook.md"]),
    );
    await holder.query("commit");
    const due = `daybook_private.account_counters c join daybook_private.account_checks k using (ledger, account_id)
                  where c.address = 'a3' and not k.is_full and (k.reached).lock_version = c.lock_version`;
    await until("it checks", async () => (await count(due)) === 1);
  } finally {
    await checking.stop();
  }
});

test("a walk that takes long rests less, one that is done in time does not", () => {
  expect([0, 70, 80, 299, 301].map((seconds) => hurry(seconds * 1000, 300_000))).toEqual([
    1,
    1,
    1 / 3,
    1 / 3,
    1 / 8,
  ]);
});
