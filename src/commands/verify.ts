import type { Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import type { KnownHead } from "../verify/log.ts";
import type { Which } from "../verify/ledgers.ts";
import type { Summary, Violation } from "../verify/verify-books.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = {
  databaseUrl?: string;
  ledger?: string;
  log?: true;
  head?: string;
  acknowledged?: string;
  expect?: string;
};
type What = Which & { connectionString: string };

/** `daybook verify` */
export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description("check that nothing was changed or lost; exit code 1 if anything was")
    .addOption(databaseUrlOption())
    .option("-l, --ledger <name>", "one ledger (default: all that the login may read)")
    .option("--expect <n>", "how many ledgers that must be; of another number nothing is looked at")
    .option("--log", "only the sealed log: every record, and what it wrote")
    .option("--head <number:hash>", "a head of that ledger's log, kept from an earlier time")
    .option("--acknowledged <file>", "only whether all is there that clients were told (NDJSON, -)")
    .addHelpText(
      "after",
      `
Everything cached is compared with the entries, the entries with each other, and the log with its seals.
The login is in daybook_auditor or daybook_admin; for --log alone daybook_reader will do. Nothing is
locked and nothing changed: the ledger goes on working. What is wrong is printed, in words and figures.
A login that was not granted all ledgers is not told of the others: what it looked at are "granted ledgers".

A restored database, or a standby that lagged behind, is right in itself and may yet have forgotten what its
clients were told. Lines of --acknowledged are rows that calls returned, as JSON: ledger, transaction_id, version
and status, or receipt_id; an idempotency_key is repeated in what is printed.

Examples:
  $ daybook verify                          all ledgers
  $ daybook verify --expect 3               nobody forgot to grant one
  $ daybook verify --ledger main
  $ daybook verify --log                    the logs of all ledgers
  $ daybook verify --log --ledger main --head 1204:8f3c…
  $ daybook verify --acknowledged told.ndjson`,
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
  const { ledger, log, acknowledged, expect } = flags;
  const expected = expect === undefined ? undefined : reader.positive("--expect", expect);
  if (expect !== undefined && (ledger ?? acknowledged) !== undefined) {
    reader.refuse("--expect is for all ledgers, not with --ledger or --acknowledged");
  }
  reader.finish();

  const what = { connectionString, ledger, expected };
  const head = known ? { no: known[1]!, hash: known[2]!.toLowerCase() } : undefined;
  let wrong = 0;
  if (acknowledged) wrong += await verifyTheAcknowledged(what, acknowledged);
  if (!log && !acknowledged) wrong += await verifyTheBooks(what);
  if (log || !acknowledged) wrong += await verifyTheLog(what, head);
  if (wrong > 0) process.exitCode = 1;
}

async function verifyTheAcknowledged(what: What, file: string): Promise<number> {
  const { verifyAcknowledged } = await import("../verify/acknowledged.ts");
  const { acknowledged, wrong } = await verifyAcknowledged({
    ...what,
    file,
    found: (violation) => process.stdout.write(describe(violation)),
  });
  const result = wrong === 0 ? "all is there" : `${wrong} not there, or not so`;
  process.stdout.write(`${acknowledged} acknowledged: ${result}\n`);
  return wrong;
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
  process.stdout.write(found.map(describe).join("") + sum(summary, what));
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

function sum({ ledgers, areAll, accounts, transactions, wrong }: Summary, what: What): string {
  if (ledgers.length === 0) return "there is no ledger yet: nothing to look at\n";
  const kind = areAll || what.ledger !== undefined ? "ledger" : "granted ledger";
  const looked = [
    count(ledgers.length, kind),
    count(accounts, "account"),
    count(transactions, "transaction"),
  ].join(", ");
  return wrong === 0
    ? `${looked}: all is right\n`
    : `${looked}: ${wrong === 1 ? "1 thing is" : `${wrong} things are`} wrong\n`;
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
