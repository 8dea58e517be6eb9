import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Client } from "pg";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import type { Log } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { migrateStaged } from "../../src/migrate/staged.ts";
import { applyMutation, findMutation } from "../mutations/apply.ts";

export type TestCluster = { cluster: Cluster; folder: string };

declare global {
  // Jest runs setup and teardown in one process, and only there.
  var testCluster: TestCluster | undefined;
}

export const MIGRATIONS = resolve(import.meta.dirname, "../../migrations");

/** Strict where PL/pgSQL is lenient: an ambiguous `select into` fails instead of taking any row. */
const SETTINGS = {
  "plpgsql.extra_errors": "shadowed_variables,strict_multi_assignment,too_many_rows",
  max_connections: "200",
  max_prepared_transactions: "10",
};

/** Only what goes wrong: the tests' own output is enough. */
const log: Log = { info() {}, warn: console.warn, error: console.error };

/**
 * Starts one server for the whole run, on a port and in a folder of its own so that runs may overlap,
 * and prepares the template that each test file's database is a copy of.
 */
export default async function globalSetup(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "daybook-test-"));
  chmodSync(folder, 0o755); // run by root, the server is another user, who must get through
  const dataDir = join(folder, "pg");
  const cluster = await startCluster({ dataDir, port: 0, durable: false, settings: SETTINGS, log });
  globalThis.testCluster = { cluster, folder };
  process.env["DAYBOOK_TEST_URL"] = cluster.url;
  try {
    await prepareTemplate(cluster.url);
  } catch (error) {
    await cluster.stop(); // Jest skips the teardown if the setup fails
    throw error;
  }
}

async function prepareTemplate(url: string): Promise<void> {
  const template = new URL(url);
  template.pathname = "/daybook_template";
  const connectionString = template.href;
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    await admin.query("create database daybook_template");
    await migrate({ connectionString, log, passwords: { authenticator: "test", worker: "test" } });
    await migrateStaged(connectionString, log); // what the next release stages is part of what is tested
    await createLogins(admin);
    await breakLedger(connectionString);
    // graphile-migrate leaves its connections closing in the background, and copying needs the source alone.
    await admin.query("alter database daybook_template with allow_connections false");
    await admin.query(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'daybook_template'",
    );
  } finally {
    await admin.end();
  }
}

/** Puts in a deliberate bug, if the run is to show that the tests find it: see test/mutations. */
async function breakLedger(connectionString: string): Promise<void> {
  const name = process.env["DAYBOOK_MUTATION"];
  if (!name) return;
  const client = new Client({ connectionString });
  await client.connect();
  await applyMutation(client, findMutation(name)).finally(() => client.end());
}

/** For each group role a login that is in it and nothing else: what a human or a service would be given. */
async function createLogins(admin: Client): Promise<void> {
  for (const role of ["reader", "auditor", "writer", "admin"]) {
    await admin.query(`create role test_${role} login password 'test' in role daybook_${role}`);
  }
}
