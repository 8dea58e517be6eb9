import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal, isPassing } from "./failures.ts";
import { leaveAlone, type LeftAlone } from "./left-alone.ts";
import { startLoop } from "./loop.ts";
import { pause, restAfter } from "./pause.ts";

export type SearchOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 1000. */
  idle?: number;
};

/** How many records a transaction of the database takes in: one takes some tens of milliseconds. */
const BATCH = 500;
/** How many of them a ledger gets in a row, before all are asked again how far behind they are. */
const TURN = 4;
/** How long to leave a ledger alone that fails, in milliseconds. */
const REST_FAILED = 10_000;

/**
 * Brings what was recorded into the tables that `search_transactions` looks through. Searches are right
 * without it, and slow if it is far behind; so it rests long between its steps, to leave peaks of writing
 * alone, and less long the further it is behind.
 */
export function startIndexing(options: SearchOptions): { stop(): Promise<void> } {
  const { connectionString, log, idle = 1000 } = options;
  const failed = leaveAlone(REST_FAILED);
  return startLoop({
    connectionString,
    log,
    what: "indexing for search",
    applicationName: "daybook search",
    settings: { synchronous_commit: "off" },
    idle,
    round: (client, stop) => indexRound(client, failed, log, stop),
  });
}

type Ledger = { ledger: string; age: number };

async function indexRound(
  client: Client,
  failed: LeftAlone,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  let done = 0;
  const { rows } = await atEase(0, stop, () =>
    client.query<Ledger>({
      name: "unindexed_ledgers",
      text: `select ledger, extract(epoch from clock_timestamp() - oldest_at)::integer as age
               from daybook_private.unindexed_ledgers()`,
    }),
  );
  for (const { ledger, age } of rows) {
    if (failed.has(ledger)) continue;
    try {
      done += await takeTurn(client, ledger, age, stop);
    } catch (error) {
      if (isFatal(error)) throw error;
      failed.add(ledger);
      if (!isPassing(error))
        log.error(`indexing ledger ${ledger} for search: ${describeError(error)}`);
    }
  }
  return done;
}

async function takeTurn(
  client: Client,
  ledger: string,
  age: number,
  stop: AbortSignal,
): Promise<number> {
  let done = 0;
  let count = BATCH;
  for (let step = 0; step < TURN && count === BATCH && !stop.aborted; step++) {
    count = await atEase(age, stop, () => index(client, ledger));
    done += count;
  }
  return done;
}

async function index(client: Client, ledger: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>({
    name: "index_search",
    text: "select daybook_private.index_search($1, $2) as count",
    values: [ledger, BATCH],
  });
  return rows[0]?.count ?? 0;
}

/** Does something and rests for a multiple of the time it took, by how many seconds search is behind. */
async function atEase<T>(age: number, stop: AbortSignal, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  const factor = age < 600 ? 19 : age < 3600 ? 4 : 1;
  await pause(restAfter(performance.now() - started, factor), stop);
  return result;
}
