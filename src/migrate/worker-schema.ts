import { runMigrations } from "graphile-worker";
import { Pool } from "pg";
import { withSettings } from "../database-url.ts";
import type { Log } from "../log.ts";
import { workerLogger } from "../worker/logger.ts";

/**
 * Installs or updates graphile-worker's tables, as daybook_worker: they have row level security without
 * policies, so that only their owner sees any job at all.
 */
export async function migrateWorkerSchema(connectionString: string, log: Log): Promise<void> {
  const pool = new Pool({
    connectionString: withSettings(connectionString, { role: "daybook_worker" }),
    max: 2,
  });
  // Both are told by the query that fails; unhandled they would end the process.
  pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
  try {
    await runMigrations({ pgPool: pool, logger: workerLogger(log) });
  } finally {
    await pool.end();
  }
}
