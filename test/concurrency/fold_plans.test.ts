import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, batch, linesOf, openLedger, transfer } from "../support/ledgers.ts";
import { openSession, type Session } from "../support/sessions.ts";

let database: TestDatabase;
let [holder, bob]: Session[] = [];

beforeAll(async () => {
  database = await createDatabase();
  [holder, bob] = [await openSession(database), await openSession(database)];
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const accounts = Array.from({ length: 2000 }, (_, n) => `users:${n}`);
let ids: string[];
let ledger: string;
beforeAll(async () => {
  ledger = await openLedger(database, { alice: {}, bella: {} });
  await database.pool.query(
    `select count(*) from daybook.open_accounts($1, array(
       select row(address, 'USD', 'credit', null, null, null, null)::daybook.account_input from unnest($2::text[]) address))`,
    [ledger, accounts],
  );
  const history = accounts.map((account) => ({ entries: linesOf(account, "alice", 1) }));
  for (let n = 0; n < 2; n++) await bob!.step(batch(ledger, history));
  const { rows } = await database.pool.query(
    "select array_agg(id order by address) as ids from daybook.accounts where ledger = $1 and address ~ '^[ab]'",
    [ledger],
  );
  ids = rows[0].ids;
});

/** How many pages a call touches that folds three entries of alice, by plans that know no account in particular. */
async function pages(call: string): Promise<number> {
  const client = await database.connectAs("daybook_worker");
  await client.query("set plan_cache_mode to force_generic_plan");
  let touched = 0;
  for (const _ of ["plans are made", "these are counted"]) {
    await holder!.step("begin");
    await holder!.step(
      transfer(ledger, "world", "alice", 1, { to: { show_resulting_balances: true } }),
    );
    for (let n = 1; n <= 3; n++) await bob!.step(transfer(ledger, "world", "alice", 1));
    await holder!.step("rollback");
    const { rows } = await client.query(`explain (analyze, buffers, format json) select ${call}`);
    touched = rows[0]["QUERY PLAN"][0]["Plan"]["Shared Hit Blocks"];
    expect((await balanceOf(database, ledger, "alice")).queued).toBe(0);
  }
  return touched;
}

test.each(["without statistics", "with statistics"])(
  "however long the history of an account, folding reads no more than what is queued, %s",
  async (state) => {
    if (state === "with statistics") await database.pool.query("analyze");
    const one = await pages(`daybook_private.fold_account('${ledger}', '${ids[0]}')`);
    const both = await pages(`daybook_private.fold_accounts('${ledger}', '{${ids}}')`);
    expect([one < 90, both < 90, one, both]).toEqual([true, true, one, both]); // all of hers are 120 more
  },
);
