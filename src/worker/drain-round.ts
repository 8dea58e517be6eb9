import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal, isPassing } from "./failures.ts";
import { newPatience, type Patience } from "./patience.ts";

/** How draining a ledger goes: transactions per call, and when to try again after a failure, by performance.now(). */
type Pace = { size: number; due: number; isLastResort: boolean; patience?: Patience };

/** Ledgers whose last calls failed or were slow, and where among many ledgers the next round begins. */
export type Progress = { paces: Map<string, Pace>; after: string; patience: number };

/** @param patience after how long without being able to apply anything of a ledger the log says so, in milliseconds */
export const newProgress = (patience: number): Progress => ({
  paces: new Map(),
  after: "",
  patience,
});

/** How many ledgers a round takes, and how long it goes on with them, in milliseconds. */
const LEDGERS = 1000;
const ROUND = 1000;
/** Transactions per call at most, and how long a call should take at most, in milliseconds. */
const LARGEST = 1000;
const LONG = 500;
/** How long to leave a ledger alone, in milliseconds: somebody was there first; another failure. */
const REST_PASSING = 100;
const REST_FAILED = 10_000;

/**
 * Applies what waits in the ledgers' queues, one batch of each ledger in turn, so that a long queue keeps
 * no other ledger waiting. Each batch is one transaction. One that was not full has emptied its queue: what comes
 * after it waits for the next round, so that batches are large, and each transaction cheap, under a steady stream.
 *
 * A batch that fails is tried again in halves: what waits before the one that is to blame is applied, and
 * in the end that one is alone. If then it is no passing trouble, it is refused.
 * @returns how many ledgers have more; if none has there is time for a rest
 * @throws Error if the connection is lost or nothing can be read
 */
export async function drainRound(
  client: Client,
  progress: Progress,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  let ledgers = await queuedLedgers(client, progress);
  const end = performance.now() + ROUND;
  while (ledgers.length > 0 && performance.now() < end) {
    const busy: string[] = [];
    for (const ledger of ledgers) {
      if (stop.aborted) return 0;
      if (await drain(client, progress, log, ledger)) busy.push(ledger);
    }
    ledgers = busy;
  }
  return ledgers.length;
}

async function queuedLedgers(client: Client, progress: Progress): Promise<string[]> {
  const { rows } = await client.query<{ ledger: string }>({
    name: "queued_ledgers",
    text: "select ledger from daybook_private.queued_ledgers($1, $2) ledger",
    values: [LEDGERS, progress.after],
  });
  progress.after = rows.length === LEDGERS ? rows.at(-1)!.ledger : "";
  return rows.map(({ ledger }) => ledger);
}

/** Applies a batch; whether it was full. */
async function drain(
  client: Client,
  { paces, patience }: Progress,
  log: Log,
  ledger: string,
): Promise<boolean> {
  const pace = paces.get(ledger) ?? { size: LARGEST, due: 0, isLastResort: false };
  const start = performance.now();
  if (pace.due > start) return false;
  try {
    const { rows } = await client.query<{ count: number }>({
      name: "drain_queue",
      text: "select daybook_private.drain_queue($1, $2, $3) as count",
      values: [ledger, pace.size, pace.isLastResort],
    });
    const size = performance.now() - start > LONG ? pace.size >> 1 : pace.size << 1;
    if (size >= LARGEST) paces.delete(ledger);
    else paces.set(ledger, { size: Math.max(size, 1), due: 0, isLastResort: false });
    return rows[0]?.count === pace.size;
  } catch (error) {
    if (isFatal(error)) throw error;
    const next = slower(pace, error);
    paces.set(ledger, next);
    if (isPassing(error)) {
      const text = `draining ledger ${ledger}: ${describeError(error)}`;
      next.patience =
        pace.patience ??
        newPatience(patience, (seconds) =>
          log.warn(`${text}, for ${seconds} s, see docs/runbook.md`),
        );
      next.patience.doesNot();
    } else log.error(`draining ledger ${ledger}: ${describeError(error)}`);
    return false;
  }
}

function slower({ size, isLastResort }: Pace, error: unknown): Pace {
  if (isPassing(error)) {
    return {
      size: Math.max(size >> 1, 1),
      due: performance.now() + REST_PASSING,
      isLastResort: false,
    };
  }
  if (size > 1) return { size: size >> 1, due: 0, isLastResort: false };
  return { size: 1, due: isLastResort ? performance.now() + REST_FAILED : 0, isLastResort: true };
}
