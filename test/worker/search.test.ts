import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { silentLog, type Log } from "../../src/log.ts";
import { startIndexing } from "../../src/worker/search.ts";
import { indexMissed } from "../../src/worker/tasks/index-missed.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let ledgers: string[];
beforeAll(async () => {
  database = await createDatabase();
  ledgers = [
    await openLedger(database, { alice: { money: 100 } }),
    await openLedger(database, { alice: { money: 100 } }),
  ];
});
afterAll(() => database?.drop());

const start = (log: Log = silentLog) =>
  startIndexing({ connectionString: database.urlOf("daybook_worker"), log, idle: 50 });
const number = async (sql: string, values: unknown[] = []) =>
  Number((await database.pool.query(`select ${sql} as n`, values)).rows[0].n);
const indexed = (ledger: string) =>
  number("(select count(*) from daybook_private.search_documents where ledger = $1)", [ledger]);

test("everything is indexed soon, of every ledger, by several workers at once", async () => {
  for (let n = 0; n < 20; n++)
    for (const ledger of ledgers) await database.pool.query(transfer(ledger, "alice", "world", 1));
  const workers = [start(), start()];
  try {
    for (const ledger of ledgers)
      await until("all is indexed", async () => (await indexed(ledger)) === 21);
    await database.pool.query(
      `select daybook.set_transaction_metadata(ledger, transaction_id, '{"seen": 1}') from daybook_private.search_documents`,
    );
    await until(
      "changes are, too",
      async () =>
        (await number(
          `(select count(*) from daybook_private.search_documents where facts @> jsonb_build_object(ledger, '{"seen": 1}'::jsonb))`,
        )) === 42,
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
});

/** What settled_until would do over more than five seconds, the slack that it allows between clock and commit. */
const passTime = () =>
  database.pool.query(
    `update daybook_private.settlements
        set candidate_until = clock_timestamp(), candidate_xid = pg_snapshot_xmax(pg_current_snapshot())`,
  );
const index = (ledger: string) =>
  database.pool.query("select daybook_private.index_search($1)", [ledger]);
const unindexed = async () =>
  (await database.pool.query("select ledger from daybook_private.unindexed_ledgers()")).rows.length;

test("where nothing can be committed any more, nothing is looked at again", async () => {
  expect(await unindexed()).toBe(2);
  await passTime();
  for (const ledger of ledgers) await index(ledger);
  expect(await unindexed()).toBe(0);
});

test("what was changed more than once is indexed as of its last change, and then left alone", async () => {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const { rows } = await database.pool.query(
    `select transaction_id as id from daybook.create_transaction($1,
       array[daybook.debit('alice', 1), daybook.credit('world', 1)], status => 'pending')`,
    [ledger],
  );
  await index(ledger);
  for (const change of [
    `daybook.set_transaction_metadata($1, $2, '{"a": 1}')`,
    `daybook.set_transaction_metadata($1, $2, '{"b": 2}')`,
    `daybook.post_transaction($1, $2)`,
  ])
    await database.pool.query(`select ${change}`, [ledger, rows[0].id]);
  await index(ledger);
  const found = await database.pool.query(
    "select status, facts -> $1 as facts from daybook_private.search_documents where ledger = $1 and transaction_id = $2",
    [ledger, rows[0].id],
  );
  expect(found.rows).toEqual([{ status: "posted", facts: { a: 1, b: 2 } }]);
  expect(await number("daybook_private.index_search($1)", [ledger])).toBe(0);
});

test("what an open transaction has made is not passed over", async () => {
  const [ledger] = ledgers as [string];
  const before = await indexed(ledger);
  const late = await database.connect();
  await late.query("begin");
  await late.query(transfer(ledger, "alice", "world", 1));
  const prepared = await database.connect();
  await prepared.query("begin");
  await prepared.query(transfer(ledger, "alice", "world", 1));
  await prepared.query("prepare transaction 'prepared'");
  const advance = async () => {
    await index(ledger);
    await passTime();
    await index(ledger);
  };
  for (let n = 0; n < 4; n++) {
    await database.pool.query(transfer(ledger, "alice", "world", 1));
    await advance();
  }
  expect(await indexed(ledger)).toBe(before + 4);
  await late.query("commit");
  await advance();
  expect(await indexed(ledger)).toBe(before + 5);
  await database.pool.query("commit prepared 'prepared'");
  await advance();
  expect(await indexed(ledger)).toBe(before + 6);
});

test("what was passed over all the same is found by the hourly job", async () => {
  const [ledger] = ledgers as [string];
  await passTime();
  await index(ledger);
  await database.pool.query(
    `with gone as (delete from daybook_private.search_documents where ledger = $1
        and transaction_id = (select max(transaction_id::text)::uuid from daybook_private.search_documents where ledger = $1) returning *)
     select from gone`,
    [ledger],
  );
  expect(await violations(database, ledger)).toMatchObject([
    { violation: "search does not know a transaction" },
  ]);
  expect(await missed(2)).toBe(1);
  expect(await missed(2)).toBe(0);
  expect(await violations(database, ledger)).toEqual([]);
});

/** What the hourly job finds, so many transactions at a step. */
async function missed(most: number): Promise<number> {
  let total = 0;
  let at = { ledger: "" as string | null, above: null, missed: 0 };
  while (at.ledger !== null) {
    const { rows } = await database.pool.query(
      "select * from daybook_private.index_missed($1, $2, most => $3)",
      [at.ledger, at.above, most],
    );
    at = rows[0];
    total += at.missed;
  }
  return total;
}

/** Makes it impossible to index anything of a ledger. */
async function damage(ledger: string): Promise<() => Promise<unknown>> {
  await database.pool.query(`
    create or replace function public.damaged() returns trigger language plpgsql as $$
      begin
        if new.ledger = '${ledger}' then raise exception 'damaged' using errcode = 'XX001'; end if;
        return new;
      end $$;
    create trigger damaged before insert on daybook_private.search_documents
      for each row execute function public.damaged()`);
  return () => database.pool.query("drop trigger damaged on daybook_private.search_documents");
}

const someLedger = () => openLedger(database, { alice: { money: 100 } });

test("a ledger that fails keeps the hourly look from no other", async () => {
  const both = (await Promise.all([someLedger(), someLedger()])).toSorted() as [string, string];
  for (const ledger of both) {
    await database.pool.query("select pg_sleep(0.005)"); // ids know milliseconds only
    await passTime();
    await index(ledger);
  }
  await database.pool.query(
    "delete from daybook_private.search_documents where ledger = any ($1)",
    [both],
  );
  const repair = await damage(both[0]);
  const client = await database.connectAs("daybook_worker");
  const told: string[] = [];
  const helpers = {
    withPgClient: (work: (on: typeof client) => unknown) => work(client),
    abortSignal: new AbortController().signal,
    logger: { warn: (text: string) => told.push(text), error: (text: string) => told.push(text) },
  };
  await indexMissed({}, helpers as never);
  await repair();
  expect([await indexed(both[0]), await indexed(both[1])]).toEqual([0, 1]);
  expect(told).toEqual([
    `looking for what search missed: damaged - {"ledger": "${both[0]}"}`,
    expect.stringMatching(/^search had passed over 1 transactions/),
  ]);
  await indexMissed({}, helpers as never);
  expect(await indexed(both[0])).toBe(1);
});

test("a look for what was passed over goes through all ledgers, so many transactions at a step", async () => {
  const both = [await someLedger(), await someLedger()].toSorted();
  for (const ledger of both) {
    for (let n = 0; n < 6; n++) await database.pool.query(transfer(ledger, "alice", "world", 1));
    await database.pool.query("select pg_sleep(0.005)"); // ids know milliseconds only
    await passTime();
    await index(ledger);
  }
  const { rowCount } = await database.pool.query(
    "delete from daybook_private.search_documents where ledger = any ($1)",
    [both],
  );
  expect(rowCount).toBe(14);
  const step = async (ledger: string, above: string | null) =>
    (
      await database.pool.query("select * from daybook_private.index_missed($1, $2, most => 3)", [
        ledger,
        above,
      ])
    ).rows[0];
  const first = await step(both[0]!, "00000000-0000-0000-0000-000000000000");
  expect(first).toEqual({ ledger: both[0], above: expect.any(String), missed: 3 });
  const { rows } = await database.pool.query(
    "select id from daybook.transactions where ledger = $1 order by id offset 2 limit 1",
    [both[0]],
  );
  expect(first.above).toBe(rows[0].id);
  expect(await step(both[0]!, first.above)).toMatchObject({ missed: 3 });
  expect(await missed(3)).toBe(8);
  expect(await missed(3)).toBe(0);
  for (const ledger of both) expect(await indexed(ledger)).toBe(7);
});

test("a ledger that is far behind does not keep the others waiting", async () => {
  const [behind, other] = [await someLedger(), await someLedger()].toSorted() as [string, string];
  for (let n = 0; n < 3; n++)
    await database.pool.query(
      `select count(*) from daybook.create_transactions($1, array(
         select row(array[daybook.debit('alice', 1), daybook.credit('world', 1)], null, null, null, null, null, null, null, null, null)
                  ::daybook.transaction_input
           from generate_series(1, 1000)))`,
      [behind],
    );
  const worker = start();
  try {
    await until("the other is indexed", async () => (await indexed(other)) === 1);
    expect(await indexed(behind)).toBeLessThan(3001);
    await until("so is the first", async () => (await indexed(behind)) === 3001);
  } finally {
    await worker.stop();
  }
});

test("a ledger that fails is told, and keeps no other waiting", async () => {
  const [broken, other] = [await someLedger(), await someLedger()].toSorted() as [string, string];
  const repair = await damage(broken);
  const errors: string[] = [];
  const worker = start({ ...silentLog, error: (message) => errors.push(message) });
  try {
    await until("the other is indexed", async () => (await indexed(other)) === 1, 10_000);
    await until("it is told", () => errors.length > 0);
  } finally {
    await worker.stop();
    await repair();
  }
  expect(errors).toEqual([`indexing ledger ${broken} for search: damaged`]);
  expect(await indexed(broken)).toBe(0);
});
