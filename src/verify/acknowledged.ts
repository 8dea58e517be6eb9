import { createReadStream } from "node:fs";
import { Client } from "../client.ts";
import { readLines, type Line } from "../import/lines.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { ownSession } from "../session.ts";
import type { Violation } from "./verify-books.ts";

export type AcknowledgedOptions = {
  /** Of a login that may verify. */
  connectionString: string;
  /** Lines of JSON: the rows that calls returned. `-` is standard input. */
  file: string;
  /** Of lines that name none. */
  ledger?: string | undefined;
  /** Is told what is missing as soon as it is found. */
  found(violation: Violation): void;
};

/** How many a statement takes. */
const PAGE = 1000;

const CALL = `
  select v.* from daybook.verify_acknowledged($1, array(
    select jsonb_populate_record(null::daybook.acknowledged_input, r)
      from jsonb_array_elements($2) with ordinality u (r, n) order by n)) v`;

/**
 * Compares what clients were told with the books: a database cannot know by itself what it has forgotten.
 * @returns how many lines there were, and how many of them are not in the books
 * @throws Error if there is no line or one cannot be read, there is no such ledger, or the login may not verify
 */
export async function verifyAcknowledged(
  options: AcknowledgedOptions,
): Promise<{ acknowledged: number; wrong: number }> {
  const { connectionString, file, found } = options;
  const client = new Client({
    connectionString: ownSession(connectionString),
    application_name: "daybook verify",
  });
  let [acknowledged, wrong] = [0, 0];
  const pages = new Map<string, object[]>();
  const compare = async (ledger: string) => {
    const { rows } = await client.query<Violation>(CALL, [
      ledger,
      JSON.stringify(pages.get(ledger)),
    ]);
    pages.delete(ledger);
    wrong += rows.length;
    rows.forEach(found);
  };
  try {
    await client.connect();
    await checkLedger(client);
    for await (const line of readLines(file === "-" ? process.stdin : createReadStream(file))) {
      const { ledger = options.ledger, ...row } = parse(line);
      if (typeof ledger !== "string") throw new Error(`line ${line.number} names no ledger`);
      const page = pages.get(ledger) ?? [];
      pages.set(ledger, page);
      acknowledged += 1;
      if (page.push(row) === PAGE) await compare(ledger);
    }
    if (acknowledged === 0) throw new Error(`${file} has no line, so nothing was compared`);
    for (const ledger of pages.keys()) await compare(ledger);
    return { acknowledged, wrong };
  } finally {
    await client.end();
  }
}

function parse({ bytes, number }: Line): { ledger?: unknown } {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // said below
  }
  throw new Error(`line ${number} is no JSON object`);
}
