import type { Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import type { KnownHead } from "../verify/log.ts";
import type { Summary, Violation } from "../verify/verify-books.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = { databaseUrl?: string; ledger?: string; log?: true; head?: string };
type What = { connectionString: string; ledger: string | undefined };

/** `daybook verify` */
export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description("check that nothing was changed or lost; exit code 1 if anything was")
    .addOption(databaseUrlOption())
    .option("-l, --ledger <name>", "one ledger (default: all that the login may read)")
    .option("--log", "only the sealed log: every record, and what it wrote")
    .option("--head <number:hash>", "a head of that ledger's log, kept from an earlier time")
    .addHelpText(
      "after",
      `
Everything cached is compared with the entries, the entries with each other, and the log with its seals.
The login is in daybook_auditor or daybook_admin; for --log alone daybook_reader will do. Nothing is
locked and nothing changed: the ledger goes on working. What is wrong is printed, in words and figures.

Examples:
  $ daybook verify                          all ledgers
  $ daybook verify --ledger main
  $ daybook verify --log                    the logs of all ledgers
  $ daybook verify --log --ledger main --head 1204:8f3c…`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  const known = /^(\d{1,18}):([0-9a-f]{64})$/i.exec(flags.head ?? "");
  if (flags.head !== undefined && !(known && flags.ledger)) {
    reader.refuse("--head must be a number, a colon and 64 hexadecimal digits, with --ledger");
  }
  reader.finish();

  const what = { connectionString, ledger: flags.ledger };
  const head = known ? { no: known[1]!, hash: known[2]!.toLowerCase() } : undefined;
  const wrong = (flags.log ? 0 : await verifyTheBooks(what)) + (await verifyTheLog(what, head));
  if (wrong > 0) process.exitCode = 1;
}

async function verifyTheBooks(what: What): Promise<number> {
  const { verifyBooks } = await import("../verify/verify-books.ts");
  const { showProgress } = await import("../verify/progress.ts");
  const found: Violation[] = [];
  const summary = await verifyBooks({
    ...what,
    progress: showProgress(process.stderr, consoleLog("verify")),
    found: (violation) => found.push(violation),
  });
  process.stdout.write(found.map(describe).join("") + sum(summary));
  return summary.wrong;
}

async function verifyTheLog(what: What, known: KnownHead | undefined): Promise<number> {
  const { startProgress } = await import("../import/progress.ts");
  const { verifyLogs } = await import("../verify/log.ts");
  const log = consoleLog("verify");
  return verifyLogs({
    ...what,
    known,
    say: (line) => process.stdout.write(`${line}\n`),
    progress: (size) => {
      const bar = startProgress({ size, stream: process.stderr, log, what: "records" });
      return { update: (done) => bar.update(done, done), stop: () => bar.stop() };
    },
  });
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
