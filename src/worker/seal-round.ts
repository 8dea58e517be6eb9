import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal } from "./failures.ts";
import { pause, restAfter } from "./pause.ts";

/** A look through a ledger's log for records that were missed: where it goes on, and since when it is about everything. */
type Sweep = { ledger: string; after: string | null; began: Date | null };

/** What a call sealed, up to which id; sealed is null while somebody else is at it. */
type Sealed = { after: string | null; settled: string | null; sealed: number | null };

/** What is being swept, and when the next ledger's turn comes, by performance.now(). */
export type Sealing = { sweep: Sweep | undefined; due: number };

export const newSealing = (): Sealing => ({ sweep: undefined, due: 0 });

/** How many ledgers are asked for at once. */
const LEDGERS = 1000;
/** Records sealed per call: as long as one call takes, a core is busy. */
const BATCH = 500;
/** Rests, as multiples of what the work before took: of looking which ledgers have something, of sealing. */
const REST_LOOKING = 30;
const REST_SEALING = 1;
/** In milliseconds: the log is sealed a moment after it was written, whatever held it up before. */
const LONGEST_REST = 2000;
/** Records looked at per step of a sweep, one step a round, and the rest after all ledgers were swept. */
const STEP = 20_000;
const REST_SWEEPING = 600_000;

/**
 * Seals what is new in each ledger's log, and carries a sweep one step on.
 * @returns 0, so that a rest follows: the rest of what was missed is for the next round
 * @throws Error if the connection is lost or nothing can be read
 */
export async function sealRound(
  client: Client,
  sealing: Sealing,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  for (let after: string | undefined = ""; after !== undefined && !stop.aborted;) {
    const start = performance.now();
    const { rows }: { rows: { ledger: string }[] } = await client.query<{ ledger: string }>({
      name: "unsealed_ledgers",
      text: "select ledger from daybook_private.unsealed_ledgers($1, $2) ledger",
      values: [LEDGERS, after],
    });
    const looking = performance.now() - start;
    for (const { ledger } of rows) {
      await guarded(ledger, log, () => sealLedger(client, ledger, stop));
      if (stop.aborted) return 0;
    }
    after = rows.length === LEDGERS ? rows.at(-1)!.ledger : undefined;
    await pause(restAfter(looking, REST_LOOKING, LONGEST_REST), stop);
  }
  if (!stop.aborted) await sweep(client, sealing, log);
  return 0;
}

/** Seals until nothing new is left, or somebody else is at it. */
async function sealLedger(client: Client, ledger: string, stop: AbortSignal): Promise<void> {
  let last: Sealed = { after: null, settled: null, sealed: BATCH };
  while (last.sealed === BATCH && !stop.aborted) {
    const start = performance.now();
    last = await seal(client, ledger, last);
    if (last.sealed === BATCH)
      await pause(restAfter(performance.now() - start, REST_SEALING, LONGEST_REST), stop);
  }
}

async function seal(client: Client, ledger: string, last: Sealed): Promise<Sealed> {
  const { rows } = await client.query<Sealed>({
    name: "seal_log",
    text: "select after, settled, sealed from daybook_private.seal_log($1, $2, $3, $4)",
    values: [ledger, BATCH, last.after, last.settled],
  });
  return rows[0]!;
}

async function sweep(client: Client, sealing: Sealing, log: Log): Promise<void> {
  if (!sealing.sweep) {
    if (sealing.due > performance.now()) return;
    sealing.sweep = await nextSweep(client, "");
  }
  const current = sealing.sweep;
  if (current) {
    const isOver = await guarded(current.ledger, log, () => step(client, current, log));
    if (isOver !== false) sealing.sweep = await nextSweep(client, current.ledger);
  }
  if (!sealing.sweep) sealing.due = performance.now() + REST_SWEEPING;
}

async function nextSweep(client: Client, ledger: string): Promise<Sweep | undefined> {
  const { rows } = await client.query<Sweep>({
    name: "next_sweep",
    text: "select ledger, after, began from daybook_private.next_sweep($1) where ledger is not null",
    values: [ledger],
  });
  return rows[0];
}

/** Gives whether the sweep of this ledger is over. */
async function step(client: Client, current: Sweep, log: Log): Promise<boolean> {
  const { rows } = await client.query<{ after: string | null; sealed: number | null }>({
    name: "sweep_log",
    text: "select after, sealed from daybook_private.sweep_log($1, $2, $3, $4)",
    values: [current.ledger, STEP, current.after, current.began],
  });
  const { after, sealed } = rows[0]!;
  if (sealed === null) return false;
  if (sealed > 0) log.info(`sealing: ${sealed} late records of ledger ${current.ledger}`);
  current.after = after;
  return after === null;
}

/** What fails for one ledger keeps no other waiting. Gives undefined then. */
async function guarded<T>(
  ledger: string,
  log: Log,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isFatal(error)) throw error;
    log.error(`sealing ledger ${ledger}: ${describeError(error)}`);
    return undefined;
  }
}
