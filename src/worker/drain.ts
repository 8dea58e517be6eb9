import type { Log } from "../log.ts";
import { drainRound, newProgress } from "./drain-round.ts";
import { startLoop } from "./loop.ts";

export type DrainOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 100. */
  idle?: number;
  /** How long to wait for an account that somebody holds, in milliseconds. Default 1000. */
  lockTimeout?: number;
  /** After how long without being able to apply anything of a ledger the log says so, in milliseconds. Default one minute. */
  patience?: number;
};

/**
 * Applies the transactions of the write-ahead queue, for as long as there are any, over and over.
 *
 * Commits wait for the disk: a receipt that somebody has seen as applied must stay so.
 */
export function startDraining(options: DrainOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 100, lockTimeout = 1000, patience = 60_000 } = options;
  const progress = newProgress(patience);
  return startLoop({
    connectionString,
    log,
    what: "draining",
    applicationName: "daybook drain",
    settings: { lock_timeout: `${lockTimeout}ms` },
    idle,
    round: (client, stop) => drainRound(client, progress, log, stop),
  });
}
