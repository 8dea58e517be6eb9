import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { culpritOf } from "./failures.ts";
import { leaveAlone, type LeftAlone } from "./left-alone.ts";
import { startLoop } from "./loop.ts";
import { newPatience } from "./patience.ts";
import { pause, restAfter } from "./pause.ts";

export type CheckOptions = {
  connectionString: string;
  log: Log;
  /** How long a round may take, in milliseconds. Default 200. */
  budget?: number;
  /**
   * Rest after a round, as a multiple of what it took: it must not be felt by those who write. The busier
   * the machine, the less of it a round gets; so a walk that takes too long rests less (see hurry). Default 15;
   * twice that for the daily walk.
   */
  restFactor?: number;
  /** Rest after a pass over all accounts, in milliseconds. Default 10 000. */
  idle?: number;
  /** After how long without a turn the log says so, in milliseconds. Default ten minutes. */
  patience?: number;
};

/** `ledger` and `account_id` say behind which account to go on: at first START, null after the last one. */
type Round = {
  ledger: string | null;
  account_id: string | null;
  checks: number;
  drifted: Finding[];
};
type Finding = { ledger: string; account_id: string; violation: string; facts: unknown };

/** In how many milliseconds a walk is to be around: minutes for what is recent, half a day for everything. */
const GOAL = { recent: 5 * 60_000, full: 12 * 3_600_000 };

/** How long to leave an account alone that cannot be examined, in milliseconds. */
const REST_FAILED = 600_000;

/**
 * What is left of a rest when a walk has taken so long.
 * @param elapsed milliseconds since the walk began, or that the one before took
 * @param goal milliseconds in which it is to be around
 */
export function hurry(elapsed: number, goal: number): number {
  if (elapsed < goal / 4) return 1;
  return elapsed < goal ? 1 / 3 : 1 / 8;
}

const START = { ledger: "", account_id: "00000000-0000-0000-0000-000000000000" };

/**
 * Compares cached figures with the entries they are made of, account by account, over and over, in two
 * walks that do not wait for each other: what was written since the last look within minutes, everything
 * once a day. What differs is marked, logged and no longer believed by anybody until `rebuild_balances`.
 */
export function startChecking(options: CheckOptions): { stop(): Promise<void> } {
  const walks = [startWalk(options, false), startWalk(options, true)];
  return {
    async stop() {
      await Promise.all(walks.map((walk) => walk.stop()));
    },
  };
}

function startWalk(options: CheckOptions, isFull: boolean): { stop(): Promise<void> } {
  const { connectionString, log, budget = 200, restFactor = 15, idle = 10_000 } = options;
  const { patience = 600_000 } = options;
  const goal = isFull ? GOAL.full : GOAL.recent;
  const what = isFull ? "checking everything" : "checking";
  const turns = newPatience(patience, (seconds) =>
    log.warn(`${what}: no turn for ${seconds} s, somebody else has it, see docs/runbook.md`),
  );
  const failed = leaveAlone(REST_FAILED);
  let at = START;
  let began = performance.now();
  let lastTook = 0;
  return startLoop({
    connectionString,
    log,
    what,
    applicationName: isFull ? "daybook check all" : "daybook check",
    settings: { synchronous_commit: "off" },
    idle,
    async round(client, stop) {
      const started = performance.now();
      if (at === START) {
        lastTook = started - began;
        began = started;
      }
      const round = await checkAccounts(client, at, isFull, budget, failed, log);
      if (round) turns.goesOn();
      else turns.doesNot();
      for (const finding of round?.drifted ?? []) report(log, finding);
      if (!round || round.ledger === null || round.account_id === null) {
        at = START;
        return 0;
      }
      at = { ledger: round.ledger, account_id: round.account_id };
      const factor =
        (isFull ? 2 : 1) * restFactor * hurry(Math.max(performance.now() - began, lastTook), goal);
      await pause(restAfter(performance.now() - started, factor), stop);
      return 1;
    },
  });
}

function report(log: Log, { ledger, account_id, violation, facts }: Finding): void {
  log.error(
    `DRIFT: account ${account_id} of ledger ${ledger}: ${violation} ${JSON.stringify(facts)}; ` +
      "it is computed from its entries until it is rebuilt, see docs/runbook.md",
  );
}

/**
 * An account that fails undoes what was noted of others: so the next round begins in the same place, and passes over it.
 * @returns undefined if another worker is at it
 */
async function checkAccounts(
  client: Client,
  after: typeof START,
  isFull: boolean,
  budget: number,
  failed: LeftAlone,
  log: Log,
): Promise<Round | undefined> {
  try {
    const { rows } = await client.query<Round>({
      name: "check_accounts",
      text: "select * from daybook_private.check_accounts($1, $2, $3, $4, passed_over => $5)",
      values: [after.ledger, after.account_id, isFull, budget, failed.names()],
    });
    return rows[0];
  } catch (error) {
    const { account_id } = culpritOf(error);
    if (account_id === undefined) throw error;
    failed.add(account_id);
    log.error(`checking: ${describeError(error)}`);
    return { ...after, checks: 0, drifted: [] };
  }
}
