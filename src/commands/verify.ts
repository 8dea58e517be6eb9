import type { Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = { databaseUrl?: string; ledger?: string; log?: true; head?: string };

/** `daybook verify` */
export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description("check that nothing was changed or lost; exit code 1 if anything was")
    .addOption(databaseUrlOption())
    .option("-l, --ledger <name>", "one ledger (default: all that the login may read)")
    .option("--log", "the sealed log: every record, and what it wrote")
    .option("--head <number:hash>", "a head of that ledger's log, kept from an earlier time")
    .addHelpText(
      "after",
      `
Examples:
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

  const { startProgress } = await import("../import/progress.ts");
  const { verifyLogs } = await import("../verify/log.ts");
  const log = consoleLog("verify");
  const wrong = await verifyLogs({
    connectionString,
    ledger: flags.ledger,
    known: known ? { no: known[1]!, hash: known[2]!.toLowerCase() } : undefined,
    say: (line) => process.stdout.write(`${line}\n`),
    progress: (size) => {
      const bar = startProgress({ size, stream: process.stderr, log, what: "records" });
      return { update: (done) => bar.update(done, done), stop: () => bar.stop() };
    },
  });
  if (wrong > 0) process.exitCode = 1;
}
