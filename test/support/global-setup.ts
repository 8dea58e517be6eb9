import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Client } from "pg";
import { errorCode } from "../../src/errors.ts";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import type { Log } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { migrateStaged } from "../../src/migrate/staged.ts";
import { breakLedger } from "../mutations/apply.ts";

export type TestClusters = { clusters: Cluster[]; folder: string };

declare global {
  // Jest runs setup and teardown in one process, and only there.
  var testClusters: TestClusters | undefined;
}

export const MIGRATIONS = resolve(import.meta.dirname, "../../migrations");

/** Strict where PL/pgSQL is lenient: an ambiguous `select into` fails instead of taking any row. */
const SETTINGS = {
  "plpgsql.extra_errors": "shadowed_variables,strict_multi_assignment,too_many_rows",
  max_connections: "200",
  max_prepared_transactions: "10",
  max_wal_size: "256MB",
  scram_iterations: "1",
};

/** Only what goes wrong: the tests' own output is enough. */
const log: Log = { info() {}, warn: console.warn, error: console.error };

/**
 * Starts a server for each of Jest's workers, on ports and in a folder of the run's own so that runs may
 * overlap. Each has the template that each test file's database is a copy of. A server of one's own, because a
 * transaction that is open in one database is waited for in all of a server: sealing does, closing a period does.
 */
export default async function globalSetup({ maxWorkers }: { maxWorkers: number }): Promise<void> {
  const folder = newFolder();
  const dataDirs = Array.from({ length: maxWorkers }, (_, n) => join(folder, `pg${n + 1}`));
  const first = await start(dataDirs[0]!);
  try {
    await prepareTemplate(first.url);
  } finally {
    await first.stop();
  }
  for (const dataDir of dataDirs.slice(1)) copyCluster(dataDirs[0]!, dataDir);
  const clusters = await Promise.all(dataDirs.map(start));
  globalThis.testClusters = { clusters, folder };
  process.env["DAYBOOK_TEST_URLS"] = JSON.stringify(clusters.map(({ url }) => url));
}

/**
 * In memory where there is room: a database per test file is some hundred files, and nothing has to outlive
 * the run. What a killed run left there goes.
 */
function newFolder(): string {
  const memory = "/dev/shm";
  const parent = roomOf(memory) > 4 * 2 ** 30 ? memory : tmpdir();
  for (const name of parent === memory ? readdirSync(memory) : []) {
    const pid = /^daybook-test-(\d+)-/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) rmSync(join(memory, name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(parent, `daybook-test-${process.pid}-`));
  chmodSync(folder, 0o755); // run by root, the server is another user, who must get through
  return folder;
}

function roomOf(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

function start(dataDir: string): Promise<Cluster> {
  return startCluster({ dataDir, port: 0, durable: false, settings: SETTINGS, log });
}

/** The files of a server that is stopped, their owner and rights with them. */
function copyCluster(from: string, to: string): void {
  for (const file of ["", ".password"]) execFileSync("cp", ["-a", from + file, to + file]);
}

async function prepareTemplate(url: string): Promise<void> {
  const template = new URL(url);
  template.pathname = "/daybook_template";
  const connectionString = template.href;
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    // Again, with as few iterations as the other passwords: tests connect by the thousand.
    await admin.query(`alter role postgres password '${template.password}'`);
    await admin.query("create database daybook_template");
    await migrate({ connectionString, log, passwords: { authenticator: "test", worker: "test" } });
    await migrateStaged(connectionString, log); // what the next release stages is part of what is tested
    await createLogins(admin);
    const client = new Client({ connectionString });
    await client.connect();
    await breakLedger(client).finally(() => client.end());
    // graphile-migrate leaves its connections closing in the background, and copying needs the source alone.
    await admin.query("alter database daybook_template with allow_connections false");
    await admin.query(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'daybook_template'",
    );
  } finally {
    await admin.end();
  }
}

/** For each group role a login that is in it and nothing else: what a human or a service would be given. */
async function createLogins(admin: Client): Promise<void> {
  for (const role of ["reader", "auditor", "writer", "admin"]) {
    await admin.query(`create role test_${role} login password 'test' in role daybook_${role}`);
  }
}
