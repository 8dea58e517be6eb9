import type { Client } from "pg";
import type { Log } from "../log.ts";
import { startLoop } from "./loop.ts";
import { pause } from "./pause.ts";

export type CheckOptions = {
  connectionString: string;
  log: Log;
  /** How long a round may take, in milliseconds. Default 200. */
  budget?: number;
  /**
   * Rest after a round, as a multiple of what it took: it must not be felt by those who write. The busier
   * the machine, the less of it a round gets. Default 15.
   */
  restFactor?: number;
  /** Rest after a pass over all accounts, in milliseconds. Default 10 000. */
  idle?: number;
};

type Round = {
  ledger: string | null;
  account_id: string | null;
  checks: number;
  drifted: Finding[];
};
type Finding = { ledger: string; account_id: string; violation: string; facts: unknown };

const START = { ledger: "", account_id: "00000000-0000-0000-0000-000000000000" };

/**
 * Compares cached figures with the entries they are made of, account by account, over and over: what was
 * written since the last look within minutes, everything once a day. What differs is marked, logged
 * and no longer believed by anybody until `rebuild_balances`.
 */
export function startChecking(options: CheckOptions): { stop(): Promise<void> } {
  const { connectionString, log, budget = 200, restFactor = 15, idle = 10_000 } = options;
  let at = START;
  return startLoop({
    connectionString,
    log,
    what: "checking",
    applicationName: "daybook check",
    settings: { synchronous_commit: "off" },
    idle,
    async round(client, stop) {
      const started = Date.now();
      const round = await checkAccounts(client, at, budget);
      for (const { ledger, account_id, violation, facts } of round?.drifted ?? []) {
        log.error(
          `DRIFT: account ${account_id} of ledger ${ledger}: ${violation} ${JSON.stringify(facts)}; ` +
            "it is computed from its entries until it is rebuilt, see docs/runbook.md",
        );
      }
      if (!round?.ledger || !round.account_id) {
        at = START;
        return 0;
      }
      at = { ledger: round.ledger, account_id: round.account_id };
      await pause(restFactor * (Date.now() - started), stop);
      return 1;
    },
  });
}

/** @returns undefined if another worker is at it */
async function checkAccounts(
  client: Client,
  after: typeof START,
  budget: number,
): Promise<Round | undefined> {
  const { rows } = await client.query<Round>({
    name: "check_accounts",
    text: "select * from daybook_private.check_accounts($1, $2, $3)",
    values: [after.ledger, after.account_id, budget],
  });
  return rows[0];
}
