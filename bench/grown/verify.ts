import { verifyBooks } from "../../src/verify/verify-books.ts";
import { verifyLogs } from "../../src/verify/log.ts";
import type { Done } from "./finish.ts";

const seconds = (from: number, to: number) => (to - from) / 1000;
const silent = { start() {}, update() {}, stop() {} };

/**
 * What `daybook verify` does, for all ledgers or for one.
 * @throws Error if anything is wrong
 */
export async function verify(
  connectionString: string,
  ledger: string | undefined,
): Promise<Done[]> {
  const wrong: string[] = [];
  const which = ledger === undefined ? "all ledgers" : "the large ledger";
  const books = performance.now();
  const { accounts, transactions } = await verifyBooks({
    connectionString,
    ledger,
    progress: silent,
    found: (violation) => wrong.push(JSON.stringify(violation)),
  });
  const log = performance.now();
  let records = 0;
  await verifyLogs({
    connectionString,
    ledger,
    known: undefined,
    say: (line) => void (/WRONG/i.test(line) && wrong.push(line)),
    progress: (total) => {
      records += total;
      return { update() {}, stop() {} };
    },
  });
  if (wrong.length) throw new Error(`the books are wrong: ${wrong.slice(0, 5).join("; ")}`);
  return [
    {
      what: `accounts and transactions verified, ${which}`,
      count: accounts + transactions,
      seconds: seconds(books, log),
    },
    {
      what: `sealed records verified, ${which}`,
      count: records,
      seconds: seconds(log, performance.now()),
    },
  ];
}
