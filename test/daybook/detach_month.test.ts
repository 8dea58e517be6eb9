import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { allEntries, violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { moveMonth, monthsAgo, settle, writeHistory } from "../support/history.ts";
import { fold, reverse, transfer } from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { differences, rollUp } from "../support/moments.ts";
import { verify } from "../support/sealing.ts";
import { SEED } from "../support/seed.ts";
import { asRefusal } from "../support/use-books.ts";

/* Months 5 and 3 months ago are taken out of the books, and put back. Before and after, the same is asked. */

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
  await database.pool.query(rollUp(ledger, "b", 20, 500, 10));
  await database.pool.query(rollUp(ledger, "c", 20, 500, 0)); // without sums of both times
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
  const [result] = await look(differences(await allEntries(database)), [
    ledger,
    JSON.stringify(asked),
  ]);
  return result;
}

test("the oldest month leaves, and nothing that can be asked from its end on changes", async () => {
  const from = monthsAgo(4);
  const before = await Promise.all(ledgers().map((name) => answers(name, from)));
  const total = await here();
  expect(await violations(database)).toEqual([]);
  for (const name of ledgers())
    expect(await verify(database.pool, name)).toMatchObject({ problem: null, detail: null });
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

test("a month may be moved within a savepoint too", async () => {
  const client = await database.connect();
  await client.query("begin; savepoint one");
  await client.query("select daybook.detach_month($1, 10)", [NEXT]);
  await client.query("release one; savepoint two");
  const { rows } = await client.query(
    "select (daybook.detach_month($1, 10)).entries > 0 as moved",
    [NEXT],
  );
  expect(rows).toEqual([{ moved: true }]);
  // The same transaction is no reason once the call is over.
  const attempt = client.query("delete from daybook.entries where ledger = $1", [ledger]);
  await expect(attempt).rejects.toMatchObject({ code: "LDIMM" });
  await client.query("rollback");
  await client.end();
});

test("then the next one, with what has become final since", async () => {
  const before = await Promise.all(ledgers().map((name) => answers(name, HORIZON)));
  await moveMonth(database, "detach_month", NEXT);
  expect(await violations(database)).toEqual([]);
  expect(await Promise.all(ledgers().map((name) => answers(name, HORIZON)))).toEqual(before);
  expect(await ask(HORIZON)).toMatchObject({ wrong: [] });
});

const stamp = (month: Date) => month.toISOString().slice(0, 7).replace("-", "");

/** What a query is refused with. */
const refused = (sql: string, values: unknown[] = []) =>
  look(sql, values).then(
    (rows) => ({ rows }) as never,
    (error: unknown) => asRefusal(error),
  );
const detached = { code: "LDARG", detail: { detached_until: expect.stringMatching(/^\d{4}-/) } };
const just = (at: Date, microseconds: number) =>
  `timestamptz '${at.toISOString()}' + interval '${microseconds} microseconds'`;

const people = (at: string) => `select * from daybook.category_balance('${rich}', 'people', ${at})`;
const ids = (rows: any[]) => rows.map(({ id }) => id);

test("what nobody can tell any more is refused, with the time from which on he can", async () => {
  const asked = (at: string) => [
    `select * from daybook.account_balance('${ledger}', 'a', ${at})`,
    `select * from daybook.account_balance('${ledger}', 'a', recorded_at => ${at})`,
    `select * from daybook.account_balance('${ledger}', 'c', now(), ${at})`,
    `select * from daybook.account_balances('${ledger}', '{b,world}', ${at})`,
    `select * from daybook.trial_balance('${ledger}', ${at})`,
    `select * from daybook.account_statement('${ledger}', 'a', ${at} + interval '1 microsecond')`,
  ];
  for (const sql of asked(just(HORIZON, -2))) {
    const refusal = await refused(sql);
    expect({ sql, ...refusal }).toMatchObject(detached);
    expect(new Date(refusal.detail["detached_until"] as string).getTime()).toBeLessThanOrEqual(
      HORIZON.getTime(),
    );
  }
  expect(await refused(people(just(monthsAgo(4), -2)))).toMatchObject(detached);
  expect(await look(people(just(monthsAgo(4), -1)))).toHaveLength(1);
  for (const sql of asked(just(HORIZON, -1))) expect((await look(sql)).length).toBeGreaterThan(0);
  const [{ address: untouched }] = await look(
    "select address from daybook.open_account($1, 'untouched', 'USD')",
    [ledger],
  );
  expect(
    await look(`select * from daybook.account_balance($1, $2, $3)`, [ledger, untouched, OLDEST]),
  ).toMatchObject([{ posted_amount: "0" }]);
});

test("of versions those are told that can be: none, the last detached one, and all behind it", async () => {
  const [{ lock_version: last }] = await look(
    `select d.lock_version from daybook_private.detached_sums d join daybook.accounts a on a.id = d.account_id
      where d.ledger = $1 and a.address = 'a'`,
    [ledger],
  );
  const at = "select b.* from daybook.account_balance($1, 'a', lock_version => $2) b";
  const [{ version: one }] = await look(
    `select e.lock_version as version from daybook_private.entries_${stamp(OLDEST)}_detached e join daybook.accounts a on a.id = e.account_id
      where e.ledger = $1 and a.address = 'a' limit 1`,
    [ledger],
  );
  expect(await refused(at, [ledger, one])).toMatchObject(detached);
  for (const version of [0, last, Number(last) + 1]) {
    const [{ expected }] = await look(
      `select coalesce(sum(case when e.direction = 'credit' then e.amount else -e.amount end)
                 filter (where e.effect in ('posted', 'settled')), 0)::text as expected
         from ${await allEntries(database)} e join daybook.accounts a on a.id = e.account_id
        where e.ledger = $1 and a.address = 'a' and e.lock_version <= $2`,
      [ledger, version],
    );
    expect(await look(at, [ledger, version])).toMatchObject([
      { lock_version: String(version), posted_amount: expected },
    ]);
  }
});

test("lists are not cut short in silence", async () => {
  const entries = "select id from daybook.category_entries($1, 'people', 10, $2)";
  const transactions = "select id from daybook.category_transactions($1, 'people', 10, $2)";
  expect(await refused(entries, [rich, null])).toMatchObject(detached);
  expect(await refused(transactions, [rich, null])).toMatchObject(detached);
  await database.pool.query(transfer(rich, "users:alice", "users:bob", 3));
  for (const sql of [entries, transactions]) {
    const page = ids(await look(sql, [rich, null]));
    expect(page).toHaveLength(1);
    expect(await refused(sql, [rich, page[0]])).toMatchObject(detached);
  }
});

test("a transaction whose entries are detached is there and is found, but not its lines", async () => {
  const [{ id }] = await look(
    "select id from daybook.transactions t where ledger = $1 and status = 'posted' and daybook_private.is_detached(t) order by id limit 1",
    [ledger],
  );
  expect(
    await refused("select from daybook.current_entries where ledger = $1 and transaction_id = $2", [
      ledger,
      id,
    ]),
  ).toMatchObject(detached);
  expect(
    await refused("select from daybook.transaction_versions($1, $2)", [ledger, id]),
  ).toMatchObject(detached);
  await database.pool.query(reverse(ledger, id)).then(
    () => expect("reversed").toBe("refused"),
    (error: unknown) =>
      expect(asRefusal(error)).toMatchObject({
        ...detached,
        detail: { argument: "transaction_id" },
      }),
  );
  const search = () =>
    look("select id from daybook.search_transactions($1, account => 'a', first => 200)", [ledger]);
  const before = await search();
  expect(before.length).toBeGreaterThan(50);
  await look("select daybook.set_transaction_metadata($1, $2, '{\"seen\": true}')", [ledger, id]);
  expect(await search()).toEqual(before);
  await settle(database, [ledger]);
  expect(await search()).toEqual(before);
  expect(await look("select * from daybook.rebuild_search($1)", [ledger])).toEqual([]);
  expect(await search()).toEqual(before);
  const live = await look(
    `select count(*) from daybook.current_entries c join daybook.transactions t on t.ledger = c.ledger and t.id = c.transaction_id
      where c.ledger = $1 and t.ledger = $1 and t.id >= daybook_private.uuid_at($2) and c.transaction_id >= daybook_private.uuid_at($2)`,
    [ledger, HORIZON],
  );
  expect(Number(live[0].count)).toBeGreaterThan(0);
});

test("the log is verified link by link, and says how much of it cannot be read", async () => {
  const [{ detached: records }] = await look(
    `select count(*)::text as detached from daybook_private.seals s, daybook_private.detached_records($1, array[s.log_id])
      where s.ledger = $1`,
    [ledger],
  );
  expect(Number(records)).toBeGreaterThan(20);
  expect(await verify(database.pool, ledger)).toMatchObject({
    problem: null,
    detail: null,
    unread: records,
  });
  expect(await verify(database.pool, `${rich}-abroad`)).toMatchObject({ problem: null });
});

test("the ledger is not written out in part", async () => {
  expect(await refused("select * from daybook.export_rows($1, 'log')", [ledger])).toMatchObject(
    detached,
  );
});

test("work goes on: holds are posted, months later, and the past can still be written to", async () => {
  const open = await look(
    "select id from daybook.transactions where ledger = $1 and status = 'pending' and id < daybook_private.uuid_at($2)",
    [ledger, HORIZON],
  );
  expect(open.length).toBeGreaterThan(1);
  for (const { id } of open) await look("select daybook.post_transaction($1, $2)", [ledger, id]);
  await database.pool.query(transfer(ledger, "a", "b", 7, { effective_at: OLDEST.toISOString() }));
  expect(holds.length).toBeGreaterThan(1);
  expect(await violations(database)).toEqual([]);
  expect(await ask(HORIZON)).toMatchObject({ wrong: [] });
  await settle(database, ledgers());
});

test("drift is found and rebuilt from what is carried forward", async () => {
  for (let n = 0; n < 8; n++) await database.pool.query(rollUp(ledger, "a"));
  for (const [name, sql] of Object.entries({
    sums: "update daybook_private.entry_sums c set posted_credits = posted_credits + 5",
    counters:
      "update daybook_private.account_counters c set posted_credits = posted_credits + 5, lock_version = lock_version + 1",
    links:
      "update daybook.entries c set posted_credits = posted_credits + 5 where lock_version = (select max(lock_version) from daybook.entries x where x.ledger = c.ledger and x.account_id = c.account_id)",
  })) {
    const client = await database.connect();
    await client.query("begin; set local session_replication_role = replica");
    const account =
      "ledger = $1 and account_id = (select id from daybook.accounts where ledger = $1 and address = 'a')";
    const { rowCount } = await client.query(
      `${sql} ${sql.includes("where") ? "and" : "where"} ${account.replaceAll(/(ledger|account_id) =/g, "$1 =")}`,
      [ledger],
    );
    expect(rowCount).toBeGreaterThan(0);
    await client.query("commit");
    await client.end();
    const wrong = await look("select * from daybook.verify_accounts($1, '{a}')", [ledger]);
    expect({ name, wrong }).toMatchObject({ wrong: [{ subject: "a" }] });
    await look("select * from daybook.rebuild_balances($1, 'a')", [ledger]);
    expect({ name, books: await violations(database) }).toEqual({ name, books: [] });
  }
  expect(await look("select * from daybook.rebuild_from_log($1)", [ledger])).toEqual([]);
});

test("while an account is known to have drifted, its balance is what is carried forward and its entries", async () => {
  const balance = () => look("select * from daybook.account_balance($1, 'a')", [ledger]);
  const before = await balance();
  await look(
    "select daybook_private.mark_drifted(ledger, id, '{}') from daybook.accounts where ledger = $1 and address = 'a'",
    [ledger],
  );
  expect(await balance()).toEqual(before);
  expect(await ask(HORIZON, 60)).toMatchObject({ wrong: [] });
  await look("select * from daybook.rebuild_balances($1, 'a')", [ledger]);
  expect(await violations(database)).toEqual([]);
});

test("an entry that stood beside detached ones and was taken away is missed", async () => {
  const [{ id, address }] = await look(
    `select e.id, a.address from daybook.entries e
       join daybook.accounts a on a.id = e.account_id
       join daybook_private.detached_sums d on d.account_id = a.id and e.lock_version < d.lock_version
      where e.ledger = $1 limit 1`,
    [ledger],
  );
  const client = await database.connect();
  await client.query("begin; set local session_replication_role = replica");
  await client.query("delete from daybook.entries where ledger = $1 and id = $2", [ledger, id]);
  const { rows } = await client.query("select * from daybook.verify_accounts($1, array[$2])", [
    ledger,
    address,
  ]);
  expect(rows).toMatchObject([
    { violation: "the entries beside detached ones are not as many as were left" },
  ]);
  await client.query("rollback");
  await client.end();
});

test("sums by time are begun anew without what is detached", async () => {
  await look(
    "select daybook_private.forget_sums(ledger, id) from daybook.accounts where ledger = $1",
    [ledger],
  );
  await database.pool.query(await fold(database, ledger, "a"));
  for (let n = 0; n < 8; n++)
    for (const account of ["a", "b", "c"])
      await database.pool.query(rollUp(ledger, account, 30, 5, 20));
  expect(await violations(database)).toEqual([]);
  expect(await ask(HORIZON, 200)).toMatchObject({ wrong: [] });
});

test("both months come back, latest first, and everything can be asked again", async () => {
  const refusal = await refused("select daybook.attach_month($1)", [OLDEST]);
  expect(refusal).toMatchObject({ code: "LDARG", detail: { argument: "month" } });
  await moveMonth(database, "attach_month", NEXT);
  expect(await violations(database)).toEqual([]);
  expect(await ask(monthsAgo(4))).toMatchObject({ wrong: [] });
  await moveMonth(database, "attach_month", OLDEST);
  expect(await violations(database)).toEqual([]);
  expect(await ask(monthsAgo(7))).toMatchObject({ wrong: [] });
  expect(await look("select * from daybook.detached_months")).toEqual([]);
  expect(await count("select from daybook_private.detached_sums")).toBe(0);
  for (const name of ledgers())
    expect(await verify(database.pool, name)).toMatchObject({ problem: null, unread: "0" });
});
