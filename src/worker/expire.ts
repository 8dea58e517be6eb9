import type { Log } from "../log.ts";
import { startLoop } from "./loop.ts";

export type ExpireOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 1000. */
  idle?: number;
};

/** How many a round archives, so that no transaction of the database grows long. */
const BATCH = 500;

/** Archives pending transactions whose time is over, within a second or two. */
export function startExpiring(options: ExpireOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 1000 } = options;
  return startLoop({
    connectionString,
    log,
    what: "expiring",
    applicationName: "daybook expire",
    settings: {},
    idle,
    async round(client) {
      const { rows } = await client.query<{ count: number }>({
        name: "expire_transactions",
        text: "select daybook_private.expire_transactions($1) as count",
        values: [BATCH],
      });
      return rows[0]?.count ?? 0;
    },
  });
}
