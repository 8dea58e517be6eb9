import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { culpritOf } from "./failures.ts";
import { leaveAlone, type LeftAlone } from "./left-alone.ts";
import { startLoop } from "./loop.ts";
import { pause, restAfter } from "./pause.ts";

export type CheckTransactionsOptions = {
  connectionString: string;
  log: Log;
  /** How long a round may take, in milliseconds. Default 200. */
  budget?: number;
  /** Rest after a round, as a multiple of what it took. Default 30. */
  restFactor?: number;
  /** Rest after a pass over all ledgers, in milliseconds. Default 10 000. */
  idle?: number;
};

/** How long to leave a ledger alone whose transactions cannot be examined, in milliseconds. */
const REST_FAILED = 600_000;

/** What is wrong with the books, as daybook.violation has it. */
export type Violation = { violation: string; ledger: string; subject: string; facts: unknown };

/** Examines every transaction once a day, ledger by ledger, a piece of each in turn. */
export function startCheckingTransactions(options: CheckTransactionsOptions): {
  stop(): Promise<void>;
} {
  const { connectionString, log, budget = 200, restFactor = 30, idle = 10_000 } = options;
  const failed = leaveAlone(REST_FAILED);
  let after = "";
  return startLoop({
    connectionString,
    log,
    what: "checking transactions",
    applicationName: "daybook check transactions",
    settings: { synchronous_commit: "off" },
    idle,
    async round(client, stop) {
      const started = performance.now();
      const round = await checkTransactions(client, after, budget, failed, log);
      tell(log, round?.news ?? []);
      after = round?.ledger ?? "";
      if (!round) return 0;
      await pause(restAfter(performance.now() - started, restFactor), stop);
      return 1;
    },
  });
}

/** Says what was found wrong, for those who watch the worker's log. */
export function tell(log: Log, violations: Violation[]): void {
  for (const { violation, ledger, subject, facts } of violations) {
    log.error(
      `WRONG: ${violation}: ${subject} of ledger ${ledger} ${JSON.stringify(facts)}; see docs/runbook.md`,
    );
  }
}

type Round = { ledger: string; news: Violation[] };

/** @returns undefined behind the last ledger */
async function checkTransactions(
  client: Client,
  after: string,
  budget: number,
  failed: LeftAlone,
  log: Log,
): Promise<Round | undefined> {
  try {
    const { rows } = await client.query<Round>({
      name: "check_transactions",
      text: "select ledger, news from daybook_private.check_transactions($1, $2, $3)",
      values: [after, budget, failed.names()],
    });
    return rows[0];
  } catch (error) {
    const { ledger } = culpritOf(error);
    if (ledger === undefined) throw error;
    failed.add(ledger);
    log.error(`checking transactions: ${describeError(error)}`);
    return { ledger, news: [] };
  }
}
