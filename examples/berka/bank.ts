import { createReadStream } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse";

/** A row of `trans.asc`, as the bank printed it. */
export type Row = {
  trans_id: string;
  account_id: string;
  date: string;
  type: string;
  operation: string;
  amount: string;
  balance: string;
  k_symbol: string;
  bank: string;
  account: string;
};

/** A row of `account.asc`. */
export type AccountRow = {
  account_id: string;
  district_id: string;
  frequency: string;
  date: string;
};

/** A line that cannot be read: its number, from 1 on, and what is wrong with it. */
export type Defect = { line: number; problem: string };

/** A row and the number of its line. */
export type Numbered<T> = { line: number; row: T };

/** The transactions in the file's order; what cannot be read goes to `onDefect` and is left out. */
export function readTransactions(
  folder: string,
  onDefect: (defect: Defect) => void,
): AsyncIterable<Numbered<Row>> {
  return read(join(folder, "trans.asc"), onDefect);
}

/** The accounts in the file's order. */
export function readAccounts(
  folder: string,
  onDefect: (defect: Defect) => void,
): AsyncIterable<Numbered<AccountRow>> {
  return read(join(folder, "account.asc"), onDefect);
}

async function* read<T>(
  file: string,
  onDefect: (defect: Defect) => void,
): AsyncGenerator<Numbered<T>> {
  const parser = parse({
    delimiter: ";",
    columns: true,
    encoding: "latin1",
    trim: true,
    info: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      onDefect({ line: Number(error?.["lines"]), problem: error?.message ?? "unreadable" });
      return undefined;
    },
  });
  const stream = createReadStream(file).on("error", (error) => parser.destroy(error));
  for await (const { record, info } of stream.pipe(parser)) yield { line: info.lines, row: record };
}

/** 700.00 is 70000: whole haléře, without a detour by binary fractions. */
export function minorUnits(amount: string): bigint {
  const match = /^(-?\d+)\.(\d\d)$/.exec(amount);
  if (!match) throw new Error(`no amount with two decimals: "${amount}"`);
  return BigInt(match[1]! + match[2]!);
}

/** What a row adds to the customer's balance. */
export function change(row: Row): bigint {
  const amount = minorUnits(row.amount);
  return row.type === "PRIJEM" ? amount : -amount;
}

/** `930131` is 1993-01-31. */
export function isoDate(date: string): string {
  const match = /^(\d\d)(\d\d)(\d\d)$/.exec(date);
  if (!match) throw new Error(`no date like 930131: "${date}"`);
  return `19${match[1]}-${match[2]}-${match[3]}`;
}
