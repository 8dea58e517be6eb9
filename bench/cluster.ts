import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { startCluster } from "../src/embedded/cluster.ts";
import { silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { migrateStaged } from "../src/migrate/staged.ts";

export type BenchCluster = { url: string; client: Client; folder: string; stop(): Promise<void> };

/**
 * An embedded PostgreSQL for a benchmark, durable and migrated, that is gone afterwards.
 * @param settings instead of those that all benchmarks have, or beside them
 * @returns its URL, a superuser's open connection, a folder for files, and `stop`, after which all of them are gone
 */
export async function startBenchCluster(
  settings: Record<string, string> = {},
): Promise<BenchCluster> {
  const folder = mkdtempSync(join(tmpdir(), "daybook-bench-"));
  chmodSync(folder, 0o755); // run by root, the server is another user, who must get through
  const cluster = await startCluster({
    dataDir: join(folder, "pg"),
    port: 0,
    durable: true,
    settings: {
      shared_buffers: "1GB",
      max_wal_size: "8GB",
      min_wal_size: "4GB",
      max_connections: "200",
      ...settings,
    },
  });
  const { url } = cluster;
  const client = new Client({ connectionString: url });
  const stop = async () => {
    await client.end().catch(() => {}); // it may never have connected
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await client.connect();
    await migrate({ connectionString: url, log: silentLog });
    await migrateStaged(url, silentLog);
    return { url, client, folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
