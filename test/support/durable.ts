import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Pool } from "pg";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import { silentLog } from "../../src/log.ts";
import { runUncommitted } from "../../src/migrate/committed.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { breakLedger } from "../mutations/apply.ts";
import { MIGRATIONS } from "./global-setup.ts";
import { temporaryFolder } from "./temporary.ts";

/** A migrated server of the test's own that survives being killed, unlike the one that all tests share. */
export type DurableServer = {
  url: string;
  /** Connections of the superuser. */
  pool: Pool;
  /** Kills every process of the server at once. */
  kill(): Promise<void>;
  /** Starts it again on what is left; `url` and `pool` are new ones. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
};

/** Starts a server whose commits wait for the disk, on data that are only the migrated ledger. */
export async function startDurableServer(): Promise<DurableServer> {
  const folder = temporaryFolder();
  const start = () => startCluster({ dataDir: join(folder.path, "pg"), port: 0, durable: true });
  let cluster: Cluster = await start();
  await prepare(cluster.url);
  const server: DurableServer = {
    url: cluster.url,
    pool: poolOf(cluster.url),
    kill: () => cluster.kill(),
    async restart() {
      await server.pool.end();
      cluster = await start();
      server.url = cluster.url;
      server.pool = poolOf(cluster.url);
    },
    async remove() {
      await server.pool.end();
      await cluster.stop();
      folder.remove();
    },
  };
  return server;
}

/** Makes an empty database a ledger with what is committed and what is staged. */
export async function prepare(connectionString: string): Promise<void> {
  await migrate({ connectionString, log: silentLog });
  const staged = readFileSync(join(MIGRATIONS, "current.sql"), "utf8");
  const options = { connectionString, migrationsFolder: MIGRATIONS, log: silentLog };
  await runUncommitted(options, staged, "current.sql");
  const pool = poolOf(connectionString);
  await pool.query("select daybook_private.ensure_partitions()");
  await pool.query("create role test_writer login in role daybook_writer");
  await breakLedger(pool);
  await pool.end();
}

function poolOf(connectionString: string): Pool {
  const pool = new Pool({ connectionString });
  pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
  return pool;
}
