import { LEDGER, PAGES, PARTS } from "./parts.ts";
import type { Snapshot } from "./snapshot.ts";

const PAGE = 1000;

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
  for (const { first, sql } of PAGES) {
    for (let after: string | undefined = first; after !== undefined;) {
      const rows: (Row & { at: string })[] = await snapshot.query(sql, after, PAGE);
      if (rows.length > 0) {
        count(partOf(rows[0]!.line), rows.length);
        yield rows.map(({ line }) => line);
      }
      after = rows.length < PAGE ? undefined : rows.at(-1)!.at;
    }
  }
}

/** What a line of rows.ndjson is, by the one field of its object. */
export function partOf(line: string): string {
  return /^\{"(\w+)":/.exec(line)?.[1] ?? "";
}
