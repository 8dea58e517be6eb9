import { readLines } from "../import/lines.ts";
import { partOf } from "../export/rows.ts";

const LINES = 1000;
const BYTES = 4 * 2 ** 20;

/** PostgreSQL has no larger JSON. */
const LINE_BYTES = 2 ** 28;

/** Rows of one part, from consecutive lines. */
export type Portion = {
  part: string;
  /** A JSON array: text, because JavaScript would round the numbers. */
  rows: string;
  first: number;
  last: number;
  /** Bytes of the file up to here. */
  end: number;
};

/**
 * Reads lines of an export, `{"<part>":{…}}` each, in portions of a size that one statement takes.
 * @param change is given each line and gives what is to be taken in its place
 */
export async function* readPortions(
  chunks: AsyncIterable<Buffer>,
  change: (line: string) => string,
): AsyncGenerator<Portion> {
  let rows: string[] = [];
  let bytes = 0;
  let portion = { part: "", first: 0, last: 0, end: 0 };
  const take = (): Portion => {
    const taken = { ...portion, rows: `[${rows.join(",")}]` };
    rows = [];
    bytes = 0;
    return taken;
  };
  for await (const line of readLines(chunks, LINE_BYTES)) {
    const text = change(line.bytes.toString("utf8"));
    const part = partOf(text);
    if (rows.length > 0 && (part !== portion.part || rows.length === LINES || bytes > BYTES)) {
      yield take();
    }
    if (rows.length === 0) portion = { part, first: line.number, last: line.number, end: line.end };
    rows.push(text.slice(part.length + 4, -1));
    bytes += text.length;
    portion.last = line.number;
    portion.end = line.end;
  }
  if (rows.length > 0) yield take();
}
