import type { Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import type { Summary, Violation } from "../verify/verify-books.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = { databaseUrl?: string; ledger?: string };

/** `daybook verify` */
export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description(
      "compare everything that is cached with the entries, and the entries with each other",
    )
    .addOption(databaseUrlOption())
    .option("-l, --ledger <name>", "one ledger (default: all that the login may read)")
    .addHelpText(
      "after",
      `
The login is in daybook_auditor or daybook_admin. Nothing is locked and nothing changed; the ledger
goes on working. What is wrong is printed, one line each.
Exit code: 0 if all is right, 1 if anything is wrong or could not be verified.

Examples:
  $ daybook verify
  $ daybook verify --ledger main`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  reader.finish();

  const { verifyBooks } = await import("../verify/verify-books.ts");
  const { showProgress } = await import("../verify/progress.ts");
  const wrong: Violation[] = [];
  const summary = await verifyBooks({
    connectionString,
    ledger: flags.ledger,
    progress: showProgress(process.stderr, consoleLog("verify")),
    found: (violation) => wrong.push(violation),
  });
  process.stdout.write(wrong.map(describe).join("") + sum(summary));
  if (summary.wrong > 0) process.exitCode = 1;
}

function describe({ ledger, subject, violation, facts }: Violation): string {
  return `WRONG: ledger ${ledger}, ${subject}: ${violation}\n       ${JSON.stringify(facts)}\n`;
}

function sum({ ledgers, accounts, transactions, wrong }: Summary): string {
  const what = [
    count(ledgers, "ledger"),
    count(accounts, "account"),
    count(transactions, "transaction"),
  ].join(", ");
  return wrong === 0
    ? `${what}: all is right\n`
    : `${what}: ${wrong === 1 ? "1 thing is" : `${wrong} things are`} wrong\n`;
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
