import { afterAll, beforeAll, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { join } from "node:path";
import { playHistory } from "../properties/history.ts";
import { operation } from "../properties/operations.ts";
import { fingerprint, MADE_ANEW, violations } from "../support/books.ts";
import { sweep } from "../support/changes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { runCli } from "../support/run-cli.ts";
import { EFFORT, SEED } from "../support/seed.ts";
import { drainAs } from "../support/use-books.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* Whatever has happened to a ledger, elsewhere it is the same. */

const RUNS = 4 * EFFORT;
const temporary = temporaryFolder();
let here: TestDatabase;
let there: TestDatabase;

beforeAll(async () => {
  here = await createDatabase();
  there = await createDatabase();
});
afterAll(async () => {
  await here?.drop();
  await there?.drop();
  temporary.remove();
});

test(
  `a ledger with any history is the same elsewhere (DAYBOOK_SEED=${SEED})`,
  async () => {
    const writer = await here.connectAs("test_writer");
    const history = fc.array(operation, { minLength: 60, maxLength: 80, size: "max" });
    for (const operations of fc.sample(history, { numRuns: RUNS, seed: SEED })) {
      await playHistory(here, writer, operations);
    }
    const { rows } = await here.pool.query<{ name: string }>("select name from daybook.ledgers");
    expect(rows.length).toBeGreaterThanOrEqual(RUNS);
    for (const { name } of rows) await drainAs(query, name);
    await here.pool.query(sweep); // some expire because their time was changed, of which the log knows nothing
    for (const { name } of rows) await expectSame(name);
    expect(await violations(there)).toEqual([]);
  },
  120_000 + RUNS * 20_000,
);

async function expectSame(ledger: string): Promise<void> {
  await here.pool.query("select daybook_private.seal_log($1, 10000)", [ledger]);
  const folder = join(temporary.path, ledger);
  const taken = await runCli(["export", "-l", ledger, "-o", folder], {
    DATABASE_URL: here.urlOf("test_admin"),
  });
  expect(taken).toMatchObject({ code: 0 });
  const put = await runCli(["import", folder], { DATABASE_URL: there.urlOf("test_admin") });
  expect(put).toMatchObject({
    code: 0,
    stderr: expect.not.stringMatching(/^daybook: /m),
    stdout: expect.stringMatching(/^ledger .*\nlog sealed up to \d+/),
  });
  expect(await balances(there, ledger)).toEqual(await balances(here, ledger));
  expect(await head(there, ledger)).toEqual(await head(here, ledger));
  // Access is revoked elsewhere, by a record that is not here.
  await there.pool.query("alter table daybook_private.log_events disable trigger user");
  await there.pool.query(
    "delete from daybook_private.log_events where ledger = $1 and kind = 'revoke_ledger_access'",
    [ledger],
  );
  await there.pool.query("alter table daybook_private.log_events enable trigger user");
  expect(await fingerprint(there, [ledger], MADE_ANEW)).toBe(
    await fingerprint(here, [ledger], MADE_ANEW),
  );
}

const query = async (sql: string, values: unknown[] = []) =>
  (await here.pool.query(sql, values)).rows;

const balances = async (db: TestDatabase, ledger: string) =>
  (
    await db.pool.query("select * from daybook.balances where ledger = $1 order by account", [
      ledger,
    ])
  ).rows;

const head = async (db: TestDatabase, ledger: string) =>
  (await db.pool.query("select no, hash from daybook.log_head($1)", [ledger])).rows;
