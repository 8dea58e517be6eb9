import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../src/client.ts";
import { withLogin } from "../src/database-url.ts";
import { startCluster } from "../src/embedded/cluster.ts";
import { silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { migrateStaged } from "../src/migrate/staged.ts";

export type BenchServer = {
  /** Of the superuser. */
  url: string;
  /** Whether it was started for this, on this machine. */
  isEmbedded: boolean;
  /** For files; gone afterwards. */
  folder: string;
  /** Makes a database without anything in it, or a copy of another, in place of one of this name. Gives its URL. */
  createDatabase(name: string, template?: string): Promise<string>;
  /** Makes a database that stays, unless it is there. Gives its URL. */
  keepDatabase(name: string): Promise<string>;
  /** Drops the databases it made and the login of setup.sql, or ends the server that it started. */
  stop(): Promise<void>;
};

/** What a server that is used for nothing else would be given, within the memory of a laptop. */
const SETTINGS = {
  shared_buffers: "1GB",
  max_wal_size: "8GB",
  min_wal_size: "4GB", // segments are reused, as on a server that has run for a while
  max_connections: "300", // 200 clients, and who watches them
};

/**
 * The server of a benchmark: the one named by BENCH_DATABASE_URL, else an embedded PostgreSQL with durable commits.
 * @param dataDir where the embedded one keeps its data, which is there the next time; else nothing is kept
 * @throws Error if the login is no superuser's
 */
export async function openServer({ dataDir }: { dataDir?: string } = {}): Promise<BenchServer> {
  const given = process.env["BENCH_DATABASE_URL"];
  const folder = mkdtempSync(join(tmpdir(), "daybook-bench-"));
  chmodSync(folder, 0o755); // run by root, the server is another user, who must get through
  const cluster = given
    ? undefined
    : await startCluster({
        dataDir: dataDir ?? join(folder, "pg"),
        port: 0,
        durable: true,
        settings: SETTINGS,
      });
  const url = given ?? cluster!.url;
  const made: string[] = [];
  const stop = async () => {
    if (given) await sql(url, ...made.map(dropDatabase), "drop role if exists bench_service");
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  onInterrupt(stop);
  try {
    const [login] = await sql(url, "select rolsuper from pg_roles where rolname = current_user");
    if (!login?.["rolsuper"]) throw new Error("the URL must be a superuser's: it makes databases");
  } catch (error) {
    await stop();
    throw error;
  }
  const urlOf = (name: string) => Object.assign(new URL(url), { pathname: name }).href;
  const createDatabase = async (name: string, template = "template1") => {
    made.push(name);
    await sql(url, dropDatabase(name), `create database ${name} template ${template}`);
    return urlOf(name);
  };
  const keepDatabase = async (name: string) => {
    const found = await sql(url, `select from pg_database where datname = '${name}'`);
    if (found.length === 0) await sql(url, `create database ${name}`);
    return urlOf(name);
  };
  return { url, isEmbedded: !given, folder, createDatabase, keepDatabase, stop };
}

const dropDatabase = (name: string) => `drop database if exists ${name} with (force)`;

/** Leaves nothing behind when somebody has seen enough. */
function onInterrupt(stop: () => Promise<void>): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void stop().finally(() => process.kill(process.pid, signal)));
}

/** Makes the ledger in a database, staged changes included, unless it has one. */
export async function makeLedger(connectionString: string): Promise<void> {
  const found = await sql(connectionString, "select from pg_namespace where nspname = 'daybook'");
  if (found.length) return; // staged changes can be applied once only
  await migrate({ connectionString, log: silentLog });
  await migrateStaged(connectionString, silentLog);
}

/** The login of a service, which setup.sql makes, with a password that nobody else knows. */
export async function serviceLogin(url: string): Promise<string> {
  const password = randomBytes(24).toString("hex");
  await sql(url, `alter role bench_service password '${password}'`);
  return withLogin(url, "bench_service", password);
}

/**
 * Runs statements over a connection of their own.
 * @returns the rows of the last one
 */
export async function sql(
  connectionString: string,
  ...statements: string[]
): Promise<Record<string, any>[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    let rows: Record<string, any>[] = [];
    for (const text of statements) rows = [await client.query(text)].flat().at(-1)!.rows;
    return rows;
  } finally {
    await client.end();
  }
}
