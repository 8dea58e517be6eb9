// Turns the bank's files into what `daybook import` reads:
//   node examples/berka/convert.ts <folder with trans.asc and account.asc> > berka.ndjson
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readAccounts, readTransactions, type Defect } from "./bank.ts";
import { bankAccounts, customerAccount, transactionOf } from "./books.ts";

/** Accounts in one line: far below the length that a line may have. */
const ACCOUNTS_PER_LINE = 500;

const [, , source] = process.argv;
if (!source) {
  process.stderr.write(
    "usage: node examples/berka/convert.ts <folder with trans.asc and account.asc>\n",
  );
  process.exit(2);
}
await pipeline(Readable.from(convert(source)), process.stdout);

async function* convert(folder: string): AsyncGenerator<string> {
  const used = new Set<string>();
  // Defects of the transactions are told by the second reading.
  for await (const { row } of readTransactions(folder, () => {})) used.add(row.account_id);
  const accounts = bankAccounts();
  for await (const { row } of readAccounts(folder, report("account.asc"))) {
    if (used.has(row.account_id)) accounts.push(customerAccount(row));
  }
  for (let start = 0; start < accounts.length; start += ACCOUNTS_PER_LINE) {
    yield json({ accounts: accounts.slice(start, start + ACCOUNTS_PER_LINE) });
  }

  let [made, skipped] = [0, 0];
  const skip = (defect: Defect) => {
    skipped += 1;
    report("trans.asc")(defect);
  };
  for await (const { line, row } of readTransactions(folder, skip)) {
    try {
      yield json(transactionOf(row));
      made += 1;
    } catch (error) {
      skip({ line, problem: (error as Error).message });
    }
  }
  process.stderr.write(
    `${made} transactions of ${used.size} accounts, ${skipped} ${skipped === 1 ? "line" : "lines"} skipped\n`,
  );
}

function report(file: string): (defect: Defect) => void {
  return ({ line, problem }) =>
    void process.stderr.write(`${file} line ${line} skipped: ${problem}\n`);
}

function json(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
