import { LEDGER, PAGE, PAGED, PARTS } from "./parts.ts";
import type { Snapshot } from "./snapshot.ts";

/** Lines that are asked for at a time. */
export const PAGE_LINES = 1000;

type Row = { line: string };

/** All that a ledger consists of, in portions of lines. @param count is told the part of each line */
export async function* rowsOf(
  snapshot: Snapshot,
  count: (part: string, lines: number) => void,
): AsyncGenerator<string[]> {
  for (const sql of [LEDGER, ...PARTS]) {
    for await (const rows of snapshot.stream<Row>(sql)) {
      const lines = rows.map(({ line }) => line);
      count(partOf(lines[0]!), lines.length);
      yield lines;
    }
  }
  for (const part of PAGED) {
    for await (const lines of pagesOf(snapshot, part)) {
      count(part, lines.length);
      yield lines;
    }
  }
}

async function* pagesOf(snapshot: Snapshot, part: string): AsyncGenerator<string[]> {
  for (let after: string | null | undefined = null; after !== undefined;) {
    const page: { at: string; line: string }[] = await snapshot.query(
      PAGE,
      part,
      after,
      PAGE_LINES,
    );
    if (page.length > 0) yield page.map(({ line }) => line);
    after = page.length < PAGE_LINES ? undefined : page.at(-1)!.at;
  }
}

/** What a line of rows.ndjson is, by the one field of its object. */
export function partOf(line: string): string {
  return /^\{"(\w+)":/.exec(line)?.[1] ?? "";
}
