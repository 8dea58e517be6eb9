import type { Head } from "./manifest.ts";
import { PAGE } from "./parts.ts";
import { PAGE_LINES } from "./rows.ts";
import type { Snapshot } from "./snapshot.ts";

/** The last link of the chain, or null as long as nothing was sealed. */
export async function readHead(snapshot: Snapshot): Promise<Head | null> {
  const [head] = await snapshot.query<Head>(
    "select no::integer, hash from daybook.log_head($1) where no > 0",
  );
  return head ?? null;
}

/** The sealed log in portions of lines: each record as it was sealed, each block behind its records. */
export async function* logOf(
  snapshot: Snapshot,
  head: Head | null,
  advance: (records: number) => void,
): AsyncGenerator<string[]> {
  for (let after = 0; after < (head?.no ?? 0); after += PAGE_LINES) {
    const rows = await snapshot.query<{ line: string }>(PAGE, "log", after, PAGE_LINES);
    yield rows.map(({ line }) => line);
    advance(Math.min(PAGE_LINES, head!.no - after));
  }
}
