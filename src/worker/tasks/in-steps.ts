import type { JobHelpers } from "graphile-worker";
import type { ClientBase } from "pg";
import { pause, restAfter } from "../pause.ts";

/** Rest after a step, as a multiple of what it took. */
const REST = 4;

/**
 * Goes through much in short transactions. While a long one runs, PostgreSQL cleans away no dead version of any row, and
 * an account that everybody writes to becomes slow.
 * @param from where to begin
 * @param step does the next part; gives where to go on, or null at the end
 */
export async function inSteps<Place>(
  { withPgClient, abortSignal }: JobHelpers,
  from: Place,
  step: (client: ClientBase, at: Place) => Promise<Place | null>,
): Promise<void> {
  let at: Place | null = from;
  while (at !== null && !abortSignal.aborted) {
    const started = performance.now();
    const place: Place = at;
    at = await withPgClient((client) => step(client, place));
    if (at !== null) await pause(restAfter(performance.now() - started, REST), abortSignal);
  }
}
