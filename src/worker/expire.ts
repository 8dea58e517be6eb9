import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { culpritOf } from "./failures.ts";
import { leaveAlone, type LeftAlone } from "./left-alone.ts";
import { startLoop } from "./loop.ts";
import { pause } from "./pause.ts";

export type ExpireOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 1000. */
  idle?: number;
};

/** How many a round archives, so that no transaction of the database grows long. */
const BATCH = 500;
/** How long to leave one alone that cannot be archived, and to rest after it was met, in milliseconds. */
const REST_FAILED = 60_000;
const REST_AFTER = 100;

/** Archives pending transactions whose time is over, within a second or two. */
export function startExpiring(options: ExpireOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 1000 } = options;
  const failed = leaveAlone(REST_FAILED);
  return startLoop({
    connectionString,
    log,
    what: "expiring",
    applicationName: "daybook expire",
    settings: {},
    idle,
    round: (client, stop) => expireRound(client, failed, log, stop),
  });
}

/** One that fails undoes all that were archived with it: they are archived by the next round, which passes over that one. */
async function expireRound(
  client: Client,
  failed: LeftAlone,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  try {
    const { rows } = await client.query<{ count: number }>({
      name: "expire_transactions",
      text: "select daybook_private.expire_transactions($1, $2) as count",
      values: [BATCH, failed.names()],
    });
    return rows[0]?.count ?? 0;
  } catch (error) {
    const { transaction_id } = culpritOf(error);
    if (transaction_id === undefined) throw error;
    failed.add(transaction_id);
    log.error(`expiring: ${describeError(error)}`);
    await pause(REST_AFTER, stop);
    return 1;
  }
}
