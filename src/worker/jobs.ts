import { parseCronItems, run, type Runner, type TaskList } from "graphile-worker";
import type { Pool } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { workerLogger } from "./logger.ts";
import { pause } from "./pause.ts";
import { releasedOnce } from "./released-once.ts";
import type { Retention } from "./retention.ts";
import { checkTotals } from "./tasks/check-totals.ts";
import { ensurePartitions } from "./tasks/ensure-partitions.ts";
import { indexMissed } from "./tasks/index-missed.ts";
import { purgeIdempotencyKeys } from "./tasks/purge-idempotency-keys.ts";
import { purgeReceipts } from "./tasks/purge-receipts.ts";

/** What runs every hour, and once at the start. A new task is a file in tasks/ and a line here. */
const hourly = ({ keys, receipts }: Retention): TaskList => ({
  check_totals: checkTotals,
  ensure_partitions: ensurePartitions,
  index_missed: indexMissed,
  purge_idempotency_keys: purgeIdempotencyKeys(keys),
  purge_receipts: purgeReceipts(receipts),
});

export type JobsOptions = { pool: Pool; concurrency: number; retention: Retention; log: Log };

/** How long a runner that shuts down may take, in milliseconds; jobs get 5 s of it to finish. */
const PATIENCE = 10_000;

type Running = { runner: Runner; ended: Promise<void> };

/**
 * Runs jobs and cron items. graphile-worker gives up when the database is away for long; it is then
 * started anew until `stop()`.
 * @throws Error if it cannot be started the first time
 */
export async function startJobs(options: JobsOptions): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController();
  let running: Running | undefined = await startRunner(options);

  const supervise = async () => {
    while (!stopping.signal.aborted) {
      await running?.ended;
      running = undefined;
      await pause(1000, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        running = await startRunner(options);
      } catch (error) {
        options.log.error(`jobs do not start: ${describeError(error)}`);
      }
    }
    await stop(running);
  };
  const supervised = supervise();

  return {
    async stop() {
      stopping.abort();
      await stop(running);
      await supervised;
    },
  };
}

async function startRunner(options: JobsOptions): Promise<Running> {
  const { pool, concurrency, retention, log } = options;
  const taskList = hourly(retention);
  const runner = await run({
    pgPool: releasedOnce(pool),
    concurrency,
    noHandleSignals: true,
    logger: workerLogger(log),
    // In batches a job that cannot be marked as done, because the database is away, ends the runner, and
    // supervise() starts the next. One by one it would be an unhandled rejection, which ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    taskList,
    parsedCronItems: parseCronItems(
      Object.keys(taskList).map((task) => ({
        task,
        match: "0 * * * *",
        // A job that a killed worker left locked does not keep the next one from running.
        options: { jobKey: task },
      })),
    ),
  });
  const running = { runner, ended: endOf(runner, log) };
  try {
    for (const task of Object.keys(taskList)) await runner.addJob(task, {}, { jobKey: task });
    return running;
  } catch (error) {
    await stop(running);
    throw error;
  }
}

/** Does not wait for `runner.stop()`: it rejects for a runner that has ended, and see `endOf`. */
async function stop(running: Running | undefined): Promise<void> {
  running?.runner.stop().catch(() => {});
  await running?.ended;
}

/**
 * Settles when the runner has ended. After two failed batches at once graphile-worker 0.18 waits for ever
 * for a third (its count of open ones becomes negative), so shutting down counts as ended after a while.
 */
function endOf(runner: Runner, log: Log): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    runner.events.once("pool:gracefulShutdown", () => {
      timer = setTimeout(resolve, PATIENCE);
    });
    runner.promise
      .catch((error) => log.error(`jobs: ${describeError(error)}`))
      .finally(() => {
        clearTimeout(timer);
        resolve();
      });
  });
}
