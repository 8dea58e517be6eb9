import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { withLogin } from "../../src/database-url.ts";
import { silentLog, type Log } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { startWorker } from "../../src/worker/start.ts";
import { violations } from "../support/books.ts";
import { change } from "../support/changes.ts";
import { administer, createDatabase, type TestDatabase } from "../support/database.ts";
import { batch, enqueue, linesOf, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { rollUp } from "../support/moments.ts";
import { block } from "../support/replication.ts";
import { until } from "../support/temporary.ts";

/* Any login can take an advisory lock whose key it can work out, and hold it for as long as it likes. */

let database: TestDatabase;
let stranger: Client;
let writer: Client;

beforeAll(async () => {
  database = await createDatabase();
  stranger = await database.connectAs("test_reader");
  writer = await database.connectAs("test_writer");
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(async () => {
  await database?.drop();
  await administer("drop role if exists test_migrator");
});

const HEADING = "Strangers in the database";
const DATED = { effective_at: "2025-01-02T00:00:00Z" };

const one = async (sql: string, values: unknown[] = []) =>
  (await database.pool.query(sql, values)).rows[0];

describe("a stranger who holds every lock that he can think of", () => {
  let ledger: string;

  beforeAll(async () => {
    ledger = await openLedger(database, { alice: { money: 100 } });
    await stranger.query(
      `select pg_advisory_lock(hashtextextended(name, n))
         from unnest(array['daybook.check_accounts', 'daybook.detached_months', 'daybook.ensure_partitions']) name,
              generate_series(0, 1) n`,
    );
    await stranger.query(
      "select pg_advisory_lock(hashtextextended('daybook periods of ' || $1, 0))",
      [ledger],
    );
  });
  afterAll(() => stranger.query("select pg_advisory_unlock_all()"));

  test.each([false, true])("keeps nobody from checking (everything: %j)", async (isFull) => {
    const { checks } = await one(
      "select checks from daybook_private.check_accounts('', '00000000-0000-0000-0000-000000000000', $1)",
      [isFull],
    );
    expect(checks).toBeGreaterThan(0);
  });

  test("keeps nobody from adding up sums", async () => {
    await database.pool.query(rollUp(ledger, "alice"));
    expect(
      await one(
        "select rolled_up_version::integer as version from daybook.rollups where ledger = $1 and account = 'alice'",
        [ledger],
      ),
    ).toEqual({ version: 1 });
  });

  test("keeps nobody from making partitions, nor from moving months", async () => {
    const session = await database.connect();
    await session.query("set lock_timeout = '2s'");
    await session.query("select daybook_private.ensure_partitions()");
    await session.query("select daybook.prepare_restore('2024-05-01')");
    await expect(
      session.query("select daybook.detach_month(date_trunc('month', now(), 'UTC'), 1)"),
    ).rejects.toMatchObject({ code: "LDARG" }); // it is not over
  });

  test("may not hold the turns", async () => {
    await expect(
      stranger.query("select from daybook_private.turns for update"),
    ).rejects.toMatchObject({ code: "42501" });
  });

  test("keeps entries with a time of their own waiting, no others, and is seen", async () => {
    await writer.query("set lock_timeout = '100ms'");
    await expect(writer.query(transfer(ledger, "alice", "world", 1, DATED))).rejects.toMatchObject({
      code: "55P03",
    });
    await writer.query(transfer(ledger, "alice", "world", 1));
    await writer.query(withdrawal(ledger, "alice", 1));
    await writer.query("reset lock_timeout");
    const { rows } = await database.pool.query(block("sql", HEADING, { main: ledger }, 1));
    expect(rows).toMatchObject([{ usename: "test_reader", mode: "ExclusiveLock", granted: true }]);
  });
});

describe("where advisory locks are the ledger's alone", () => {
  beforeAll(async () => {
    await database.pool.query(block("sql", HEADING));
  });

  test("nobody else takes any", async () => {
    const { rows } = await database.pool.query<{ call: string }>(
      `select format('select %s(%s)', p.proname, repeat(', 1', p.pronargs - 1)) as call
         from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ 'advisory.*lock' and p.proname !~ 'unlock'`,
    );
    expect(rows).toHaveLength(16);
    for (const { call } of rows)
      await expect(stranger.query(call.replace("(", "(1"))).rejects.toMatchObject({
        code: "42501",
      });
  });

  test("the ledger works: times, periods, the queue, the worker and its jobs", async () => {
    const ledger = await openLedger(database, { alice: { money: 100 }, bob: {} });
    await writer.query(transfer(ledger, "alice", "bob", 1, DATED));
    await writer.query(transfer(ledger, "alice", "bob", 1, { ...DATED, description: "x" }));
    await writer.query(
      batch(ledger, [
        { entries: linesOf("alice", "bob", 1), ...DATED },
        { entries: linesOf("alice", "bob", 1), ...DATED },
      ]),
    );
    const { rows } = await writer.query(
      transfer(ledger, "alice", "bob", 1, { ...DATED, status: "pending" }),
    );
    await writer.query(
      change("update", ledger, rows[0].transaction_id, { effective_at: "2025-02-01T00:00:00Z" }),
    );
    await writer.query("select daybook.close_period($1, '2025-01-01')", [ledger]);
    await writer.query(
      enqueue(ledger, transfer(ledger, "bob", "alice", 1, { idempotency_key: "k" })),
    );
    const errors: string[] = [];
    const log: Log = { ...silentLog, error: (text) => errors.push(text) };
    const worker = await startWorker({ connectionString: database.urlOf("daybook_worker"), log });
    try {
      await until("the queue is empty", async () => {
        const { done } = await one(
          "select count(*) = 1 as done from daybook_private.finished_receipts where ledger = $1 and state = 'applied'",
          [ledger],
        );
        return done;
      });
      await until("all jobs are done", async () => {
        const { n } = await one("select count(*)::integer as n from graphile_worker.jobs");
        return n === 0;
      });
    } finally {
      await worker.stop();
    }
    expect(errors).toEqual([]);
  });

  test("a superuser migrates, and whoever else is given the two that it takes", async () => {
    const settings = { log: silentLog };
    await migrate({ ...settings, connectionString: database.url });
    await administer(
      "create role test_migrator login password 'test'; grant daybook_owner, daybook_worker to test_migrator with inherit false, set true",
    );
    const connectionString = withLogin(database.url, "test_migrator", "test");
    await expect(migrate({ ...settings, connectionString })).rejects.toMatchObject({
      code: "42501",
    });
    await database.pool.query(block("sql", HEADING, { migrator: "test_migrator" }, 2));
    await migrate({ ...settings, connectionString });
  });
});
