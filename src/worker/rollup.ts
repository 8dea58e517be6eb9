import type { Log } from "../log.ts";
import { startLoop } from "./loop.ts";
import { pause } from "./pause.ts";
import { rollUpAll, sweep, type Failed } from "./rollup-round.ts";

export type RollupOptions = {
  connectionString: string;
  log: Log;
  /** Least rest between two looks for accounts, in milliseconds. Default 1000. */
  idle?: number;
  /** How many entries an account must be behind to be rolled up: fewer are quickly added when reading. Default 256. */
  minEntries?: number;
};

/** Looking for accounts reads a row of each: resting so many times as long, it takes 3 % of a core at most. */
const REST = 30;

/**
 * Adds entries to the sums that balances at a time are read from, account by account, over and over.
 *
 * Commits do not wait for the disk: sums that a crash undoes are made again, for their cursor is undone with them.
 */
export function startRollingUp(options: RollupOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 1000, minEntries = 256 } = options;
  const failed: Failed = new Map();
  return startLoop({
    connectionString,
    log,
    what: "rolling up",
    applicationName: "daybook roll up",
    settings: { synchronous_commit: "off", lock_timeout: "250ms" },
    idle: 0,
    async round(client, stop) {
      const start = Date.now();
      const accounts = await sweep(client, minEntries, failed);
      const took = Date.now() - start;
      const done = await rollUpAll(client, accounts, failed, log, stop);
      await pause(Math.max(idle, REST * took), stop);
      return done;
    },
  });
}
