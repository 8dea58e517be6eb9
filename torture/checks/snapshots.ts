import { LIMITS, currencyOf, isTeam } from "../clients/accounts.ts";
import type { Read } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import type { Books } from "./books.ts";
import type { Report } from "./finding.ts";
import { settledVersion, type Step } from "./steps.ts";

/**
 * What must be true of every single answer, whoever wrote meanwhile: one answer is one snapshot. Answers with several balances are about all
 * accounts, as shapes.ts has seen.
 */
export function checkSnapshots(
  books: Books,
  steps: Map<string, Step[]>,
  reads: Read[],
  report: Report,
): void {
  for (const read of reads) {
    const by = `${read.client} ${read.sent}`;
    if (/^(account_)?balances$/.test(read.does)) checkAll(read.rows, by, report);
    if (read.does === "trial_balance") checkTrial(read.rows, by, report);
    const isBound = read.request["category"] === "team"; // `inner` is only looked at by some
    if (isBound && read.does === "category_balance" && availableOf(read.rows[0]!) < 0) {
      report(`${read.request["category"]} had ${availableOf(read.rows[0]!)}`, by);
    }
    if (read.request["lock_version"] !== undefined) checkVersion(books, steps, read, by, report);
  }
}

const availableOf = (row: Row) => Number(row["posted_credits"]) - Number(row["pending_debits"]);

/** All accounts at once: debits are credits, and nobody is where limits and locks do not let him be. */
function checkAll(rows: Row[], by: string, report: Report): void {
  for (const currency of ["USD", "EUR"]) {
    const some = rows.filter((row) => currencyOf(row["account"]) === currency);
    for (const kind of ["pending", "posted"]) {
      const net = some.reduce(
        (sum, row) => sum + Number(row[`${kind}_debits`]) - Number(row[`${kind}_credits`]),
        0,
      );
      if (net !== 0) report(`${kind} debits and credits in ${currency} differ by ${net}`, by);
    }
  }
  for (const row of rows) {
    const { min, max } = LIMITS[row["account"]] ?? {};
    const ceiling = Number(row["pending_credits"]) - Number(row["posted_debits"]);
    if (min !== undefined && availableOf(row) < min)
      report(`${row["account"]} had ${availableOf(row)}`, row["account"], by);
    if (max !== undefined && ceiling > max)
      report(`${row["account"]} had up to ${ceiling}`, row["account"], by);
  }
  const team = rows
    .filter((row) => isTeam(row["account"]))
    .reduce((sum, row) => sum + availableOf(row), 0);
  if (team < 0) report(`team had ${team}`, by);
}

function checkTrial(rows: Row[], by: string, report: Report): void {
  for (const total of rows.filter((row) => row["account"] === null)) {
    const mine = rows.filter(
      (row) => row["account"] !== null && row["currency"] === total["currency"],
    );
    for (const name of ["posted_debits", "posted_credits"]) {
      const sum = mine.reduce((all, row) => all + Number(row[name]), 0);
      if (sum !== Number(total[name]))
        report(`the trial balance adds ${name} up to ${total[name]}, not ${sum}`, by);
    }
    if (Number(total["posted_debits"]) !== Number(total["posted_credits"])) {
      report(`the trial balance has ${total["posted_debits"]} and ${total["posted_credits"]}`, by);
    }
  }
}

/** A version is the repeatable cut: what was read of one is what it still is, unless it was still queued. */
function checkVersion(
  books: Books,
  steps: Map<string, Step[]>,
  read: Read,
  by: string,
  report: Report,
): void {
  const { request, rows, sent } = read;
  const { account, lock_version: version } = request;
  if (version === 0 || version > settledVersion(steps.get(account) ?? [], sent)) return;
  const entry = books.entries.get(account)?.[version - 1];
  const told = ["pending_debits", "pending_credits", "posted_debits", "posted_credits"].map(
    (name) => Number(rows[0]![name]),
  );
  if (JSON.stringify(told) !== JSON.stringify(entry?.counters)) {
    report(`version ${version} was read as ${told}, and is ${entry?.counters}`, account, by);
  }
}
