import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { join } from "node:path";
import { Client } from "pg";
import { withLogin } from "../../src/database-url.ts";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import { silentLog } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { migrateStaged } from "../../src/migrate/staged.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* Search needs pg_trgm. A login without superuser rights, as most of them are, must get it installed. */

const folder = temporaryFolder();
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ dataDir: join(folder.path, "pg"), port: 0, durable: false });
  await query(cluster.url, "create role migrator login createrole password 'test'");
});
afterAll(async () => {
  await cluster?.stop();
  folder.remove();
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

test.each([
  ["is installed in a schema of its own", undefined, "daybook_trgm"],
  ["is used where it is, if the database has it", '"My tools"', "My tools"],
])("pg_trgm %s", async (name, before, schema) => {
  const database = `books_${name.length}`;
  await query(cluster.url, `create database ${database} owner migrator`);
  const url = Object.assign(new URL(cluster.url), { pathname: `/${database}` }).href;
  if (before) {
    await query(url, `create schema if not exists ${before}`);
    await query(url, `grant usage on schema ${before} to public`);
    await query(url, `create extension pg_trgm with schema ${before}`);
  }
  const owner = withLogin(url, "migrator", "test");
  await migrate({ connectionString: owner, log: silentLog });
  await migrateStaged(owner, silentLog);
  const where =
    "select extnamespace::regnamespace::text from pg_extension where extname = 'pg_trgm'";
  expect(JSON.stringify(await query(url, where))).toContain(schema);

  await query(url, "select daybook.create_ledger('main')");
  for (const account of ["a", "b"])
    await query(url, `select daybook.open_account('main', '${account}', 'USD')`);
  await query(
    url,
    `select daybook.create_transaction('main', array[daybook.debit('a', 1), daybook.credit('b', 1)],
       description => 'STARBUCKS #1234')`,
  );
  const search = "select description from daybook.search_transactions('main', words => 'starbcks')";
  expect(await query(url, search)).toEqual([["STARBUCKS #1234"]]);
  await query(url, "select daybook_private.index_search('main')");
  expect(await query(url, search)).toEqual([["STARBUCKS #1234"]]);
});
