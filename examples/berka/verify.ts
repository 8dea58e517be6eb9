// Compares the ledger with the bank's own figures; ends with 1 if anything stays unexplained:
//   DATABASE_URL=postgres://… node examples/berka/verify.ts <folder with trans.asc> --ledger berka
import { parseArgs } from "node:util";
import { Client } from "pg";
import { isoDate, readTransactions, type Row } from "./bank.ts";
import { customerAddress } from "./books.ts";
import { figuresOf, magnitude, type Figure, type Figures } from "./figures.ts";
import { balanceBefore, customerBalances, readTotals } from "./ledger.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ledger: { type: "string", short: "l", default: "berka" } },
});
const [folder] = positionals;
const connectionString = process.env["DATABASE_URL"];
if (!folder || !connectionString) {
  process.stderr.write(
    "usage: DATABASE_URL=postgres://… node examples/berka/verify.ts <folder with trans.asc> [--ledger berka]\n",
  );
  process.exit(2);
}
const { ledger } = values;
const client = new Client({ connectionString });
await client.connect();
try {
  const rows: Row[] = [];
  for await (const { row } of readTransactions(folder, () => {})) rows.push(row);
  const customersAgree = await compareCustomers(rows);
  const totalsAgree = await compareTotals(rows.length);
  process.exitCode = customersAgree && totalsAgree ? 0 : 1;
} finally {
  await client.end();
}

type Verdict = "exact" | "near" | "cut" | "unexplained";

async function compareCustomers(rows: Row[]): Promise<boolean> {
  const balances = await customerBalances(client, ledger);
  const lastDay = rows.reduce((day, row) => (row.date > day ? row.date : day), "");
  const counts: Record<Verdict, number> = { exact: 0, near: 0, cut: 0, unexplained: 0 };
  let furthest = 0n;
  for (const [id, ofAccount] of Map.groupBy(rows, (row) => row.account_id)) {
    const address = customerAddress(id);
    const balance = balances.get(address);
    balances.delete(address);
    const figures = figuresOf(ofAccount);
    const verdict = await judge(address, figures, balance, lastDay);
    counts[verdict] += 1;
    if (verdict === "near") furthest = max(furthest, magnitude(balance! - figures.last.balance));
    if (verdict === "unexplained") {
      say(`${address}: the ledger says ${balance}, the bank ${figures.last.balance}`);
    }
  }
  for (const address of balances.keys()) say(`${address}: the bank knows no such account`);
  say(`${counts.exact} customers' balances equal the bank's figure exactly`);
  say(`${counts.near} differ by what its rounding adds up to, at most ${furthest} haléře`);
  say(
    `${counts.cut} lack a credit of ${isoDate(lastDay)}, where the file is cut off; the day before, they agree`,
  );
  say(`${counts.unexplained} are unexplained`);
  return counts.unexplained === 0 && balances.size === 0;
}

async function judge(
  address: string,
  { last, before, missing, broken }: Figures,
  balance: bigint | undefined,
  lastDay: string,
): Promise<Verdict> {
  if (balance === undefined || broken || !fits(balance + missing, last)) return "unexplained";
  if (missing === 0n) return balance === last.balance ? "exact" : "near";
  const dayBefore = await balanceBefore(client, ledger, address, isoDate(lastDay));
  const isCut = missing > 0n && before.day === lastDay && fits(dayBefore, before);
  return isCut ? "cut" : "unexplained";
}

async function compareTotals(rows: number): Promise<boolean> {
  const { transactions, debits, credits, entryDebits, entryCredits } = await readTotals(
    client,
    ledger,
  );
  say(`${transactions} transactions in the ledger, ${rows} in the file`);
  say(`debits ${debits}, credits ${credits}; by the entries ${entryDebits} and ${entryCredits}`);
  const sums = new Set([debits, credits, entryDebits, entryCredits]);
  return transactions === BigInt(rows) && sums.size === 1;
}

/** To the haléř: what the bank rounded is known row by row. */
function fits(balance: bigint, { balance: printed, rounding }: Figure): boolean {
  return balance + rounding === printed;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
