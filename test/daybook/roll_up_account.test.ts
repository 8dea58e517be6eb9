import { expect, test } from "@jest/globals";
import { rollUp as rolling } from "../support/moments.ts";
import { move, useBooks } from "../support/use-books.ts";

/* Which months are opened to add entries to sums by time. What the sums are, is in account_balance.times.test.ts. */

const now = new Date();
/** So long ago that the hint of an account with sums of months alone, a month and an hour back at most, is later. */
const LONG_AGO = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 2, 2)).toISOString();
const ALICE = "account_id = (select id from daybook.accounts where address = 'alice')";

let month: string;

const books = useBooks(async () => {
  await books.query("begin; set local timezone to 'UTC'");
  await books.look(
    "select daybook_private.ensure_partition('daybook.entries', date_trunc('month', $1::timestamptz))",
    [LONG_AGO],
  );
  await pay(3);
  await wait(1);
  await rollUp();
  const [first] = await books.look(
    `select tableoid::regclass::text as month from daybook.entries where ${ALICE} and lock_version = 1`,
  );
  month = first!["month"] as string;
  await books.query("commit");
});

async function pay(times: number): Promise<void> {
  for (let n = 1; n <= times; n += 1) await books.create(move("bob", "alice", n));
}
/** Makes the entry of a version look as if it had been queued long ago, and applied just now. */
const wait = (version: number) =>
  books.look(`
    set local session_replication_role = replica;
    update daybook.entries
       set id = overlay(id::text placing left(daybook_private.uuid_at('${LONG_AGO}')::text, 13) from 1)::uuid
     where ${ALICE} and lock_version = ${version};
    set local session_replication_role = origin`);
async function rollUp(max = 20_000, maxOfPeriod = 500): Promise<unknown> {
  const { text, values } = rolling("main", "alice", max, maxOfPeriod);
  return (await books.look(text, values))[0];
}
/** How often an index of that month was asked in this transaction. */
async function asked(): Promise<number> {
  const [row] = await books.look(
    `select sum(pg_stat_get_xact_numscans(i.indexrelid))::integer as n
       from pg_index i where i.indrelid = $1::regclass`,
    [month],
  );
  return row!["n"] as number;
}
const cursor = async () =>
  (
    await books.look(
      `select lock_version::integer, both_version::integer, later_from = both_later_from as are_alike,
              later_from > '00000000-0000-0000-0000-000000000000' as is_hint
         from daybook_private.rollup_cursors where ${ALICE}`,
    )
  )[0];
const wrong = async () =>
  (
    await books.look(
      `select daybook_private.broken_sums(ledger, account_id) as wrong
         from daybook_private.account_counters where ${ALICE}`,
    )
  )[0]!["wrong"];

test("months before those that later entries are in are not opened", async () => {
  await pay(2);
  const before = await asked();
  expect(await rollUp()).toEqual({ count: 2, count_of_both: 2 });
  expect(await asked()).toBe(before);
  expect(await cursor()).toMatchObject({ lock_version: 5, both_version: 5, is_hint: true });
  expect(await wrong()).toBeNull();
  expect(await asked()).toBeGreaterThan(before); // by looking at everything
});

test("an entry that waited for longer is found all the same", async () => {
  await pay(3);
  await wait(5);
  expect(await rollUp(2)).toEqual({ count: 2, count_of_both: 2 });
  expect(await wrong()).toBeNull();
  expect(await rollUp()).toEqual({ count: 1, count_of_both: 1 });
  expect(await wrong()).toBeNull();
});

test("nothing is added while an entry is missing", async () => {
  await pay(2);
  await books.look(
    `set local session_replication_role = replica; delete from daybook.entries where ${ALICE} and lock_version = 5`,
  );
  expect(await books.refused(rollUp)).toMatchObject({ code: "P0001" });
  expect(await cursor()).toMatchObject({ lock_version: 3 });
});

test("who gets sums of shorter periods is looked for everywhere", async () => {
  await pay(2);
  expect(await rollUp(20_000, 2)).toEqual({ count: 5 - 3, count_of_both: 0 });
  expect(await cursor()).toMatchObject({ lock_version: 0, are_alike: true, is_hint: false });
  expect(await rollUp(20_000)).toEqual({ count: 5, count_of_both: 5 });
  expect(await wrong()).toBeNull();
});
