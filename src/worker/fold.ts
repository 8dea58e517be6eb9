import type { Log } from "../log.ts";
import { foldHeld, foldLong, foldRound, newLeft } from "./fold-round.ts";
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
 * Three sessions: one goes through all accounts and waits for none, or long calls that hold many would keep it from those
 * that are free; another waits for one after the other of those that were held, or what is held by one call
 * after another would never be had; and the third takes those that have so many entries that they would keep either of
 * the others for long.
 *
 * Commits do not wait for the disk: a fold that a crash undoes is found queued again, and done again.
 */
export function startFolding(options: FoldOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 200, lockTimeout = 2000 } = options;
  const left = newLeft();
  const settings = { synchronous_commit: "off", lock_timeout: `${lockTimeout}ms` };
  const loops = [
    startLoop({
      connectionString,
      log,
      what: "folding",
      applicationName: "daybook fold",
      settings,
      idle,
      round: (client, stop) => foldRound(client, left, log, stop),
    }),
    startLoop({
      connectionString,
      log,
      what: "folding what was held",
      applicationName: "daybook fold waiting",
      settings,
      idle: Math.min(idle, 50),
      round: (client, stop) => foldHeld(client, left, log, stop),
    }),
    startLoop({
      connectionString,
      log,
      what: "folding long queues",
      applicationName: "daybook fold long",
      settings,
      idle: Math.min(idle, 50),
      round: (client, stop) => foldLong(client, left, log, stop),
    }),
  ];
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
