import type { Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = { databaseUrl?: string; ledger: string; account?: string; fromLog?: true };

/** `daybook rebuild` */
export function registerRebuild(program: Command): void {
  program
    .command("rebuild")
    .description(
      "make cached balances, and what searches look through, anew where they differ from the books",
    )
    .addOption(databaseUrlOption())
    .requiredOption("-l, --ledger <name>", "the ledger")
    .option("-a, --account <address>", "one account (default: all of the ledger)")
    .option(
      "--from-log",
      "also limits, metadata, categories, grants, periods: all that records say",
    )
    .addHelpText(
      "after",
      `
The login is in daybook_admin. The ledger goes on working: accounts are compared without a lock, one
after the other, and only one that is wrong is held, while it is repaired. What entries say never changes. Of a whole ledger, what
searches look through comes after the accounts.

Examples:
  $ daybook rebuild --ledger main --account users:alice
  $ daybook rebuild --ledger main
  $ daybook rebuild --ledger main --from-log`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  if (flags.fromLog && flags.account) reader.refuse("--from-log is for a whole ledger");
  reader.finish();
  if (flags.fromLog) return rebuildAll(connectionString, flags.ledger);

  const { rebuildBalances } = await import("../verify/rebuild-balances.ts");
  const { showProgress } = await import("../verify/progress.ts");
  const { accounts, rebuilt, search } = await rebuildBalances({
    connectionString,
    ledger: flags.ledger,
    account: flags.account,
    progress: showProgress(process.stderr, consoleLog("rebuild")),
  });
  for (const { account, violation, before, after, changed_entries } of rebuilt) {
    process.stdout.write(
      `${account}: ${violation ?? "nothing was wrong any more"}\n` +
        (before === null
          ? "  the worker makes these sums anew; nothing else was wrong\n"
          : `  before ${JSON.stringify(before)}\n  after  ${JSON.stringify(after)}\n` +
            `  entries with another version or counters: ${changed_entries}\n`),
    );
  }
  process.stdout.write(`compared: ${accounts}, rebuilt: ${rebuilt.length}\n`);
  for (const { subject, violation } of search) {
    process.stdout.write(`${subject}: ${violation}; it is indexed anew\n`);
  }
}

async function rebuildAll(connectionString: string, ledger: string): Promise<void> {
  const { rebuildFromLog } = await import("../verify/rebuild-from-log.ts");
  const wrong = await rebuildFromLog(connectionString, ledger);
  for (const { violation, subject, facts } of wrong) {
    process.stdout.write(`${subject}: ${violation}\n  was ${JSON.stringify(facts)}\n`);
  }
  process.stdout.write(`put right: ${wrong.length}\n`);
}
