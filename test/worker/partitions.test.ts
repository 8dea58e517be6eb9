import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { JobHelpers } from "graphile-worker";
import { ensurePartitions } from "../../src/worker/tasks/ensure-partitions.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";

/** The months around a time long ago: what stands there never changes again. */
const PAST = "timestamptz '2024-03-01 00:00+00'";

let database: TestDatabase;
let ledger: string;
beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, { alice: { money: 1000 }, bob: {} });
});
afterAll(() => database?.drop());

const look = async (sql: string, values: unknown[] = []) =>
  (await database.pool.query(sql, values)).rows;
const health = async () =>
  Object.fromEntries(
    (await look("select * from daybook.partition_health")).map((row) => [row.relation, row]),
  );

/** What the hourly job writes to the log as an error. */
async function complaints(): Promise<string[]> {
  const errors: string[] = [];
  const client = await database.connectAs("daybook_worker");
  const helpers = {
    withPgClient: (callback: (c: unknown) => unknown) => callback(client),
    logger: { error: (message: string) => errors.push(message) },
  };
  await ensurePartitions({}, helpers as unknown as JobHelpers);
  return errors;
}

/** Gives a transaction other ids and times, as if it had been made in another month. */
async function ageLast(id: string, by: string): Promise<void> {
  const client = await database.connect();
  await client.query("begin; set local session_replication_role = replica");
  const shift = (column: string) =>
    `${column} = overlay(${column}::text placing substr(daybook_private.uuid_at(uuid_extract_timestamp(${column}) + ${by})::text, 1, 13) from 1)::uuid`;
  await client.query(
    `update daybook.entries set ${shift("id")}, ${shift("transaction_id")}, created_at = created_at + ${by},
        effective_at = effective_at + ${by} where transaction_id = '${id}'`,
  );
  await client.query(
    `update daybook.transactions set ${shift("id")}, created_at = created_at + ${by}, posted_at = posted_at + ${by},
        effective_at = effective_at + ${by} where id = '${id}'`,
  );
  await client.query("commit");
}

const make = async (by?: string) => {
  const { rows } = await database.pool.query(transfer(ledger, "alice", "bob", 7));
  if (by) await ageLast(rows[0].transaction_id, by);
};

const balances = () =>
  look(
    `select u.account, t.n, b.posted_amount, b.lock_version
       from unnest(array['alice', 'bob']) u (account),
            unnest(array[${PAST}, ${PAST} + interval '31 days', now(), now() + interval '2 years']) with ordinality t (at, n),
            lateral daybook.account_balance($1, u.account, t.at) b
      order by 1, 2`,
    [ledger],
  );

test("months are made ahead, and it can be seen how far", async () => {
  expect(await complaints()).toEqual([]);
  const { entries, transactions, log_events } = await health();
  for (const each of [entries, transactions, log_events]) {
    expect(each).toMatchObject({ months: 4, default_is_empty: true });
    expect(each.covered_until.getTime()).toBeGreaterThan(Date.now() + 60 * 86_400_000);
  }
});

test("a month has the indexes of its parent, that of an entry's transaction with room in its pages", async () => {
  const indexes = await look(
    `select c.oid::regclass::text as name, c.reloptions::text as options
       from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = ('daybook.entries_' || to_char(now() at time zone 'UTC', 'YYYYMM'))::regclass
      order by 1`,
  );
  expect(indexes.map(({ name, options }) => [name.replace(/_[0-9]{6}/, ""), options])).toEqual([
    ["daybook.entries_ledger_account_id_effective_at_id_idx", null],
    ["daybook.entries_ledger_account_id_lock_version_idx", null],
    ["daybook.entries_ledger_transaction_id_idx", "{fillfactor=80}"],
    ["daybook.entries_pkey", null],
  ]);
});

test("a default partition that is not empty is reported, and is emptied into months of its own", async () => {
  await make("interval '400 days'");
  await make("interval '440 days'");
  const before = await balances();
  expect((await health())["entries"]).toMatchObject({ default_is_empty: false });
  expect(await complaints()).toEqual([
    "transactions: rows are in the default partition, see docs/partitions.md",
    "entries: rows are in the default partition, see docs/partitions.md",
  ]);
  const [moved] = await look(
    `select daybook_private.clear_default('daybook.entries') as entries,
            daybook_private.clear_default('daybook.transactions') as transactions,
            daybook_private.clear_default('daybook_private.log_events') as events`,
  );
  expect(moved).toEqual({ entries: "4", transactions: "2", events: "0" });
  expect(await complaints()).toEqual([]);
  expect(await balances()).toEqual(before);
  const { rows } = await database.pool.query(
    "select tgname from pg_trigger where tgrelid = 'daybook.entries_default'::regclass and tgenabled <> 'O'",
  );
  expect(rows).toEqual([]);
  await expect(look("delete from daybook.entries where id > uuidv7()")).rejects.toMatchObject({
    code: "LDIMM",
  });
  expect(await violations(database, ledger)).toEqual([]);
});

test("a month goes to other storage, and no balance changes, for snapshots from before either", async () => {
  for (const parent of ["daybook.entries", "daybook.transactions", "daybook_private.log_events"])
    await look("select daybook_private.ensure_partition($1::regclass, " + PAST + ")", [parent]);
  const back = `(${PAST} + interval '10 days' - now())`;
  for (let n = 0; n < 5; n++) await make(back);
  const superuser = await database.connect();
  await superuser.query("set allow_in_place_tablespaces to on");
  await superuser.query("create tablespace archive location ''");
  try {
    const before = await balances();
    expect(before.length).toBe(8);
    const reader = await database.connect();
    await reader.query("begin isolation level repeatable read");
    await reader.query("select count(*) from daybook.ledgers"); // the snapshot; the month is not looked at yet
    await look("alter table daybook.entries_202403 set tablespace archive");
    const { rows } = await reader.query("select count(*) as n from daybook.entries_202403");
    expect(rows).toEqual([{ n: "10" }]);
    await reader.query("commit");
    expect(await balances()).toEqual(before);
    await make();
    expect(await violations(database, ledger)).toEqual([]);
  } finally {
    await look("drop table if exists daybook.entries_202403");
    await look("drop tablespace archive");
  }
});
