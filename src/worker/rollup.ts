import type { Log } from "../log.ts";
import { leaveAlone } from "./left-alone.ts";
import { startLoop } from "./loop.ts";
import { newPatience } from "./patience.ts";
import { pause, restAfter } from "./pause.ts";
import { rollUpAll, sweep } from "./rollup-round.ts";

export type RollupOptions = {
  connectionString: string;
  log: Log;
  /** Least time between two looks for accounts, in milliseconds. Default 100. */
  idle?: number;
  /** How many entries an account must be behind to be rolled up: fewer are quickly added when reading. Default 256. */
  minEntries?: number;
  /** After how long without being able to roll up anything the log says so, in milliseconds. Default ten minutes. */
  patience?: number;
};

/**
 * Looking for accounts reads a row of each, 1 ms for 10 000: resting so many times as long, it takes 3 % of a core at most,
 * and sums are up to date within a second with 100 000 accounts too. Resting three times longer would save 2 % and lose that.
 */
const REST = 30;
/** In milliseconds. */
const LONGEST_REST = 2000;
/** How long to leave an account alone that failed, in milliseconds. */
const REST_FAILED = 60_000;

/**
 * Adds entries to the sums that balances at a time are read from, account by account, over and over. Until the next
 * look for accounts it adds them to the sums of both times together, which are many and seldom asked for.
 *
 * Commits do not wait for the disk: sums that a crash undoes are made again, for their cursor is undone with them.
 */
export function startRollingUp(options: RollupOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 100, minEntries = 256, patience = 600_000 } = options;
  const failed = leaveAlone(REST_FAILED);
  const turns = newPatience(patience, (seconds) =>
    log.warn(
      `rolling up: nothing for ${seconds} s, though accounts are behind, see docs/runbook.md`,
    ),
  );
  return startLoop({
    connectionString,
    log,
    what: "rolling up",
    applicationName: "daybook roll up",
    settings: { synchronous_commit: "off", lock_timeout: "250ms" },
    idle: 0,
    async round(client, stop) {
      const start = performance.now();
      const accounts = await sweep(client, minEntries, failed);
      const rest = Math.max(idle, restAfter(performance.now() - start, REST, LONGEST_REST));
      const behind = accounts.filter((account) => !account.of_both);
      let done = await rollUpAll(client, behind, false, failed, log, () => stop.aborted);
      if (done > 0 || behind.length === 0) turns.goesOn();
      else turns.doesNot();
      const next = performance.now() + rest;
      const isOver = () => stop.aborted || performance.now() >= next;
      done += await rollUpAll(client, accounts, true, failed, log, isOver);
      await pause(next - performance.now(), stop);
      return done;
    },
  });
}
