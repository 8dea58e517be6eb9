import type { Log } from "../log.ts";
import { startLoop } from "./loop.ts";
import { newSealing, sealRound } from "./seal-round.ts";

export type SealOptions = {
  connectionString: string;
  log: Log;
  /** Rest between rounds, in milliseconds. Default 2000. */
  idle?: number;
};

/**
 * Seals what is new in the ledgers' logs, a moment after it was committed, and now and then looks for what
 * was missed.
 *
 * Commits wait for the disk: a head that somebody has seen, and perhaps published, must stay.
 */
export function startSealing(options: SealOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 2000 } = options;
  const sealing = newSealing();
  return startLoop({
    connectionString,
    log,
    what: "sealing",
    applicationName: "daybook seal",
    settings: {},
    idle,
    round: (client, stop) => sealRound(client, sealing, log, stop),
  });
}
