import type { Head } from "./manifest.ts";
import type { Snapshot } from "./snapshot.ts";

/** The last block of the chain, or null as long as nothing was sealed. */
export async function readHead(_snapshot: Snapshot): Promise<Head | null> {
  return null;
}

/** The sealed log in portions of lines: each record as it was sealed, each block behind its records. */
export async function* logOf(
  _snapshot: Snapshot,
  _advance: (lines: number) => void,
): AsyncGenerator<string[]> {
  // filled in when there are seals
}
