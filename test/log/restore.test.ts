import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client, Pool } from "pg";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import { silentLog } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { migrateStaged } from "../../src/migrate/staged.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { lost, seal, sweep, verify } from "../support/sealing.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* A dump restored into another cluster: the rows are the same, but transaction numbers begin anew. */

const folder = temporaryFolder();
let here: TestDatabase;
let cluster: Cluster;
let there: Pool;

beforeAll(async () => {
  here = await createDatabase();
  cluster = await startCluster({
    dataDir: `${folder.path}/pg`,
    port: 0,
    durable: false,
    settings: {},
    log: silentLog,
  });
  await migrate({
    connectionString: cluster.url,
    log: silentLog,
    passwords: { authenticator: "test", worker: "test" },
  });
  await migrateStaged(cluster.url, silentLog);
  there = new Pool({ connectionString: cluster.url });
  there.on("error", () => {}); // the cluster may stop first
}, 60_000);
afterAll(async () => {
  await there?.end();
  await cluster?.stop();
  await here?.drop();
  folder.remove();
});

const TABLES = `
  select c.oid::regclass::text as name from pg_class c
   where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
     and c.relkind in ('r', 'p') and not c.relispartition`;

/** Puts the rows of every table into the other cluster's, as a dump would: no trigger fires. */
async function restore(): Promise<void> {
  const client = new Client({ connectionString: cluster.url });
  await client.connect();
  await client.query("set session_replication_role = replica");
  const { rows: tables } = await here.pool.query<{ name: string }>(TABLES);
  for (const { name } of tables) {
    const { rows } = await here.pool.query(
      `select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text as rows from ${name} t`,
    );
    await client.query(`delete from ${name}`);
    await client.query(
      `insert into ${name} select r.* from jsonb_populate_recordset(null::${name}, $1) r`,
      [rows[0].rows],
    );
  }
  await client.end();
}

const pay = `select daybook.create_transaction('rich', array[daybook.debit('users:bob', 1), daybook.credit('users:alice', 1)])`;

test("the chain is whole after a restore, and goes on", async () => {
  await here.pool.query("select daybook.create_currency('X_9', 9, 'Points')");
  await fillRichLedger(await here.connect(), "rich");
  await seal(here.pool, "rich", 20);
  for (let n = 0; n < 3; n += 1) await here.pool.query(pay); // committed, not sealed yet
  await restore();
  const number = "select pg_current_xact_id()::text::bigint < $1 as is_earlier";
  const { rows } = await here.pool.query(
    "select candidate_xid::text as xid from daybook_private.settlements",
  );
  expect((await there.query(number, [rows[0].xid])).rows).toEqual([{ is_earlier: true }]);

  const head = "select (h).* from daybook.log_head('rich') h";
  expect((await there.query(head)).rows).toEqual((await here.pool.query(head)).rows);
  expect(await verify(there, "rich")).toMatchObject({ problem: null });
  expect(await lost(there, "rich")).toHaveLength(3);
  expect(await seal(there, "rich")).toBe(3);
  await there.query(pay);
  expect(await seal(there, "rich")).toBe(1);
  expect(await sweep(there, "rich")).toBe(0);
  expect(await lost(there, "rich")).toEqual([]);
  expect(await verify(there, "rich")).toMatchObject({ problem: null });
});
