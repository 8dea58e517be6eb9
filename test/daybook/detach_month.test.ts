import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { allEntries, violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { moveMonth, monthsAgo, settle, writeHistory } from "../support/history.ts";
import { transfer } from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { differences, rollUp } from "../support/moments.ts";
import { verify } from "../support/sealing.ts";

/* Months 5 and 3 months ago are taken out of the books, and put back. Before and after, the same is asked. */

const SEED = Number(process.env["DAYBOOK_SEED"] ?? Math.floor(Math.random() * 1e9));
const OLDEST = monthsAgo(5);
const NEXT = monthsAgo(3);
const HORIZON = monthsAgo(2);

let database: TestDatabase;
let ledger: string;
let rich: string;
let holds: string[];
const ledgers = () => [ledger, rich, `${rich}-abroad`];

beforeAll(async () => {
  database = await createDatabase();
  ({ ledger, rich, holds } = await writeHistory(database, [5, 3, 0], 80, SEED));
  await database.pool.query(rollUp(ledger, "a", 100_000, 5)); // with sums of hours
  for (let n = 0; n < 5; n++) await database.pool.query(rollUp(ledger, "a", 100_000, 5));
  await database.pool.query(rollUp(ledger, "b", 20));
}, 60_000);
afterAll(() => database?.drop());

const look = async (sql: string, values: unknown[] = []) =>
  (await database.pool.query(sql, values)).rows;
const count = async (sql: string, values: unknown[] = []) =>
  Number((await look(`select count(*) from (${sql}) c`, values))[0].count);
const here = () => count("select from daybook.entries");

/** All that can be asked about a ledger from a time on. */
const answers = (name: string, from: Date) =>
  look(
    `select (select jsonb_agg(t) from daybook.trial_balance($1) t) as trial,
            (select jsonb_agg(t) from daybook.trial_balance($1, $2) t) as trial_then,
            (select jsonb_agg(b order by b.account) from daybook.balances b where b.ledger = $1) as balances,
            (select jsonb_agg(b order by b.account)
               from daybook.accounts a, daybook.account_balance($1, a.address, $2, $2 + interval '1 day') b
              where a.ledger = $1) as then,
            (select jsonb_agg(s order by a.address)
               from daybook.accounts a, daybook.account_statement($1, a.address, $2, null, 1000) s
              where a.ledger = $1) as statements,
            (select jsonb_agg(b order by a.account)
               from daybook.balances a, daybook.account_balance($1, a.account, lock_version => a.lock_version) b
              where a.ledger = $1) as versions,
            (select jsonb_agg(s order by s.id)
               from daybook.search_transactions($1, account => 'a', first => 200) s where $1 !~ 'rich') as found`,
    [name, from],
  );

/** Random questions from a time on, compared with plain sums over what is here and what is not. */
async function ask(from: Date, questions = 400) {
  const random = randomFrom(SEED + questions);
  const time = () => new Date(from.getTime() + random() * (Date.now() + 1e9 - from.getTime()));
  const asked = Array.from({ length: questions }, (_, id) => ({
    id,
    account: ["a", "b", "c"][id % 3],
    effective_at: random() < 0.7 ? time() : null,
    recorded_at: random() < 0.5 ? time() : null,
    version: null,
    like_entry: false,
  }));
  const [result] = await look(differences(await allEntries(database)), [ledger, JSON.stringify(asked)]);
  return result;
}

test("the oldest month leaves, and nothing that can be asked from its end on changes", async () => {
  const from = monthsAgo(4);
  const before = await Promise.all(ledgers().map((name) => answers(name, from)));
  const total = await here();
  expect(await violations(database)).toEqual([]);
  expect(await moveMonth(database, "detach_month", OLDEST)).toBeGreaterThan(3);
  expect({ seed: SEED, books: await violations(database) }).toEqual({ seed: SEED, books: [] });
  expect(await Promise.all(ledgers().map((name) => answers(name, from)))).toEqual(before);
  expect(await ask(from)).toMatchObject({ wrong: [] });
  const [month] = await look("select * from daybook.detached_months");
  expect(month).toMatchObject({ month: OLDEST, state: "detached", detached_until: from });
  expect(await here()).toBe(total - Number(month.entries));
  expect(await count(`select from ${month.stored_in}`)).toBe(Number(month.entries));
  expect(Number(month.entries)).toBeGreaterThan(total / 4);
});

test("then the next one, with what has become final since", async () => {
  const before = await Promise.all(ledgers().map((name) => answers(name, HORIZON)));
  await moveMonth(database, "detach_month", NEXT);
  expect(await violations(database)).toEqual([]);
  expect(await Promise.all(ledgers().map((name) => answers(name, HORIZON)))).toEqual(before);
  expect(await ask(HORIZON)).toMatchObject({ wrong: [] });
});

test("work goes on: holds are posted, months later, and the past can still be written to", async () => {
  const open = await look(
    "select id from daybook.transactions where ledger = $1 and status = 'pending' and id < daybook_private.uuid_at($2)",
    [ledger, HORIZON],
  );
  expect(open.length).toBeGreaterThan(1);
  for (const { id } of open) await look("select daybook.post_transaction($1, $2)", [ledger, id]);
  await database.pool.query(
    transfer(ledger, "a", "b", 7, { effective_at: OLDEST.toISOString() }),
  );
  expect(holds.length).toBeGreaterThan(1);
  expect(await violations(database)).toEqual([]);
  expect(await ask(HORIZON)).toMatchObject({ wrong: [] });
  await settle(database, ledgers());
});
