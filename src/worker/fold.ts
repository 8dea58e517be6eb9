import type { Log } from "../log.ts";
import { foldHeld, foldRound, newHeld } from "./fold-round.ts";
import { startLoop } from "./loop.ts";

export type FoldOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 200. */
  idle?: number;
  /** How long to wait for an account that somebody holds before going on to the next, in milliseconds. Default 50. */
  lockTimeout?: number;
  /** How long to wait for one that was held, beside the others, in milliseconds. Default 2000. */
  patience?: number;
};

/**
 * Applies queued entries to their accounts' balances, for as long as there are any, over and over.
 *
 * Two sessions: one goes through all accounts and stops at none of them for long, or whoever makes many transactions
 * in one long call would keep it from those that are free; the other waits for what was held, or an account
 * that one such call after the other holds would never be had.
 *
 * Commits do not wait for the disk: a fold that a crash undoes is found queued again, and done again.
 */
export function startFolding(options: FoldOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 200, lockTimeout = 50, patience = 2000 } = options;
  const held = newHeld();
  const going = startLoop({
    connectionString,
    log,
    what: "folding",
    applicationName: "daybook fold",
    settings: { synchronous_commit: "off", lock_timeout: `${lockTimeout}ms` },
    idle,
    round: (client, stop) => foldRound(client, held, log, stop),
  });
  const waiting = startLoop({
    connectionString,
    log,
    what: "folding what was held",
    applicationName: "daybook fold waiting",
    settings: { synchronous_commit: "off", lock_timeout: `${patience}ms` },
    idle: Math.min(idle, 50),
    round: (client) => foldHeld(client, held, log),
  });
  return {
    async stop() {
      await Promise.all([going.stop(), waiting.stop()]);
    },
  };
}
