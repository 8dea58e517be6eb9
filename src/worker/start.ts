import { newPool } from "../client.ts";
import type { Log } from "../log.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { ownSession } from "../session.ts";
import { startChecking } from "./check.ts";
import { startCheckingTransactions } from "./check-transactions.ts";
import { startDraining } from "./drain.ts";
import { startExpiring } from "./expire.ts";
import { startFolding } from "./fold.ts";
import { startJobs } from "./jobs.ts";
import { checkRetention, DEFAULT_RETENTION, type Retention } from "./retention.ts";
import { startRollingUp } from "./rollup.ts";
import { startSealing } from "./seal.ts";
import { startIndexing } from "./search.ts";

export type WorkerOptions = {
  /** Of daybook_worker, or of a role that may become it. */
  connectionString: string;
  /** Jobs at the same time. Default 2. */
  concurrency?: number;
  /** How long keys and receipts are kept. Default 30 days each. */
  retention?: Retention;
  log: Log;
};

/**
 * Starts everything that happens a moment later: folding, expiry, draining the write-ahead
 * queue, sealing the log, rolling up, checks of the caches, and hourly jobs.
 * @returns a handle whose `stop` lets running work finish
 * @throws Error if the database cannot be reached or is not migrated; ConfigError for a retention that will not do
 */
export async function startWorker(options: WorkerOptions): Promise<{ stop(): Promise<void> }> {
  const { connectionString, concurrency = 2, retention = DEFAULT_RETENTION, log } = options;
  const pool = newPool({
    // graphile-worker's tables show rows to their owner only.
    connectionString: ownSession(connectionString, { role: "daybook_worker" }),
    max: concurrency + 3, // its listener, its cron and its own statements
    application_name: "daybook work",
  });
  const onError = (error: Error) => log.error(`lost a connection: ${error.message}`);
  pool.on("error", onError).on("connect", (client) => client.on("error", onError));
  try {
    await checkLedger(pool);
    await checkRetention(pool, retention);
    const jobs = await startJobs({ pool, concurrency, retention, log });
    const loops = [
      startFolding({ connectionString, log }),
      startDraining({ connectionString, log }),
      startExpiring({ connectionString, log }),
      startSealing({ connectionString, log }),
      startRollingUp({ connectionString, log }),
      startIndexing({ connectionString, log }),
      startChecking({ connectionString, log }),
      startCheckingTransactions({ connectionString, log }),
    ];
    return {
      async stop() {
        await Promise.all([...loops.map((loop) => loop.stop()), jobs.stop()]);
        await pool.end();
      },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}
