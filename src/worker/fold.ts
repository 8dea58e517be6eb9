import type { Log } from "../log.ts";
import { foldHeld, foldRound, newHeld } from "./fold-round.ts";
import { startLoop } from "./loop.ts";

export type FoldOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 200. */
  idle?: number;
  /** How long to wait for an account that somebody holds before going on to the next, in milliseconds. Default 2000. */
  lockTimeout?: number;
};

/**
 * Applies queued entries to their accounts' balances, for as long as there are any, over and over.
 *
 * Two sessions: one goes through all accounts and waits for none, or long calls that hold many would keep it from those
 * that are free; the other waits for one after the other of those that were held, or what is held by one call
 * after another would never be had.
 *
 * Commits do not wait for the disk: a fold that a crash undoes is found queued again, and done again.
 */
export function startFolding(options: FoldOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 200, lockTimeout = 2000 } = options;
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
    settings: { synchronous_commit: "off", lock_timeout: `${lockTimeout}ms` },
    idle: Math.min(idle, 50),
    round: (client, stop) => foldHeld(client, held, log, stop),
  });
  return {
    async stop() {
      await Promise.all([going.stop(), waiting.stop()]);
    },
  };
}
