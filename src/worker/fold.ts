import type { Log } from "../log.ts";
import { foldRound, type Held } from "./fold-round.ts";
import { startLoop } from "./loop.ts";

export type FoldOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 200. */
  idle?: number;
  /** How long to wait for an account that somebody holds, in milliseconds. Default 250. */
  lockTimeout?: number;
};

/**
 * Applies queued entries to their accounts' balances, for as long as there are any, over and over.
 *
 * Commits do not wait for the disk: a fold that a crash undoes is found queued again, and done again.
 */
export function startFolding(options: FoldOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 200, lockTimeout = 250 } = options;
  const held: Held = new Map();
  return startLoop({
    connectionString,
    log,
    what: "folding",
    applicationName: "daybook fold",
    settings: { synchronous_commit: "off", lock_timeout: `${lockTimeout}ms` },
    idle,
    round: (client, stop) => foldRound(client, held, log, stop),
  });
}
