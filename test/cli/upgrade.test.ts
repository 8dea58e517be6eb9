import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { migrateStaged } from "../../src/migrate/staged.ts";
import { violations } from "../support/books.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { MIGRATIONS } from "../support/global-setup.ts";
import { seal, verify } from "../support/sealing.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* Books that an older release wrote are right in the present one, and go on. */

const RELEASES = readdirSync(join(MIGRATIONS, "committed")).toSorted();
const temporary = temporaryFolder();
let database: TestDatabase;

beforeEach(async () => {
  database = await createEmptyDatabase();
});
afterEach(async () => {
  await database?.drop();
  temporary.remove();
});

/** Brings the database to one of the releases, counted from 1. */
async function migrateTo(release: number): Promise<void> {
  const migrationsFolder = join(temporary.path, `${release}`);
  const committed = RELEASES.slice(0, release).map((name) => join("committed", name));
  mkdirSync(join(migrationsFolder, "committed"), { recursive: true });
  for (const file of ["roles.sql", ...committed])
    copyFileSync(join(MIGRATIONS, file), join(migrationsFolder, file));
  await migrate({ connectionString: database.url, migrationsFolder, log: silentLog });
}

const OPEN = `select r.address from daybook.open_accounts('main', array[
  row('bank', 'USD', 'debit', null, null, null, null), row('bob', 'USD', 'credit', null, null, null, null),
  row('low', 'USD', 'credit', 0, 500, null, null), row('ann', 'USD', 'credit', null, null, null, null)
]::daybook.account_input[]) r`;
const pair = (debit: string, credit: string, amount: number, more: string, asks = "") =>
  `daybook.create_transaction('main', array[daybook.debit('${debit}', ${amount}${asks}), daybook.credit('${credit}', ${amount})], ${more})`;
const LEAST = ", available_balance => daybook.gte(-5)";
/** What every release can do. */
const CALLS = {
  plain: pair("bank", "ann", 1000, "idempotency_key => 'a', metadata => '{\"n\": 1.50}'"),
  least: pair("ann", "bob", 7, "idempotency_key => 'b'", LEAST),
  dated: pair("ann", "low", 9, "idempotency_key => 'c', effective_at => '2026-01-02 03:04:05.6Z'"),
  hold: pair("ann", "bob", 40, "'pending', idempotency_key => 'd', external_id => 'x-1'"),
  released: pair("ann", "bob", 30, "'pending', idempotency_key => 'e'"),
  shown: pair("low", "bob", 1, "idempotency_key => 'f'", ", show_resulting_balances => true"),
  declined: pair("low", "bob", 99, "idempotency_key => 'g', archive_on_lock_failure => true"),
};
/** Since the second release. */
const ENQUEUE = `select r.state from daybook.enqueue_transactions('main', array[
  row(array[daybook.debit('ann', 3), daybook.credit('bob', 3)], null, null, 'h', null, null, null, null, null, null)
]::daybook.transaction_input[]) r`;
const BALANCES = "select * from daybook.balances order by account";

test.each(RELEASES.map((name, n) => [name, n + 1] as const))(
  "books that were written in release %s",
  async (_, release) => {
    const rows = async (sql: string) => (await database.pool.query(sql)).rows;
    await migrateTo(release);
    await rows("select daybook.create_ledger('main')");
    await rows(OPEN);
    const ids: Record<string, string> = {};
    for (const [name, sql] of Object.entries(CALLS))
      ids[name] = (await rows(`select (${sql}).transaction_id as id`))[0].id;
    await rows(`select daybook.archive_transaction('main', '${ids["released"]}')`);
    const holder = await database.connect();
    await holder.query("begin; select from daybook_private.account_counters for update");
    await holder.query("select from daybook.accounts for no key update");
    await rows(`select ${pair("bank", "bob", 20, "idempotency_key => 'i'")}`);
    await holder.query("rollback");
    if (release > 1) await rows(ENQUEUE);
    const before = await rows(BALANCES);

    await migrateTo(RELEASES.length);
    await migrateStaged(database.url, silentLog);
    expect(await rows(BALANCES)).toEqual(before);
    expect(await rows("select from daybook_private.entry_queue")).toHaveLength(2);
    expect(await violations(database)).toEqual([]);

    for (const [name, sql] of Object.entries(CALLS))
      expect(await rows(`select r.transaction_id as id, r.replayed from ${sql} r`)).toEqual([
        { id: ids[name], replayed: true },
      ]);
    await rows(`select daybook.post_transaction('main', '${ids["hold"]}')`);
    await rows(`select daybook.reverse_transaction('main', '${ids["plain"]}')`);
    await rows(`select ${pair("bob", "ann", 50, "null", LEAST)}`);
    for (let n = 0; n < 2; n++) await rows("select daybook_private.drain_queue('main', 100)");
    if (release > 1) expect(await rows(ENQUEUE)).toEqual([{ state: "applied" }]);
    await rows("select daybook_private.fold_account(a.ledger, a.id) from daybook.accounts a");
    await rows("select daybook_private.index_search('main')");
    await seal(database.pool, "main");

    expect(await rows("select from daybook_private.entry_queue")).toEqual([]);
    expect(await violations(database)).toEqual([]);
    expect(await rows("select * from daybook.verify_transactions('main')")).toEqual([]);
    expect(await verify(database.pool, "main")).toMatchObject({ problem: null });
    expect(await rows("select * from daybook.rebuild_from_log('main')")).toEqual([]);
    const versions = "select version from daybook.transaction_versions('main', $1)";
    expect((await database.pool.query(versions, [ids["hold"]])).rows).toHaveLength(2);
  },
  60_000,
);
