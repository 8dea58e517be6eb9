import type { Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = { databaseUrl?: string; ledger: string; account?: string };

/** `daybook rebuild` */
export function registerRebuild(program: Command): void {
  program
    .command("rebuild")
    .description("make cached balances anew from the entries, where they differ")
    .addOption(databaseUrlOption())
    .requiredOption("-l, --ledger <name>", "the ledger")
    .option("-a, --account <address>", "one account (default: all of the ledger)")
    .addHelpText(
      "after",
      `
The login is in daybook_admin. The ledger goes on working: accounts are compared without a lock, one
after the other, and only one that is wrong is held, while it is repaired. What entries say never changes.

Examples:
  $ daybook rebuild --ledger main --account users:alice
  $ daybook rebuild --ledger main`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  reader.finish();

  const { rebuildBalances } = await import("../verify/rebuild-balances.ts");
  const { showProgress } = await import("../verify/progress.ts");
  const { accounts, rebuilt } = await rebuildBalances({
    connectionString,
    ledger: flags.ledger,
    account: flags.account,
    progress: showProgress(process.stderr, consoleLog("rebuild")),
  });
  for (const { account, violation, before, after, changed_entries } of rebuilt) {
    process.stdout.write(
      `${account}: ${violation ?? "nothing was wrong any more"}\n` +
        `  before ${JSON.stringify(before)}\n  after  ${JSON.stringify(after)}\n` +
        `  entries with another version or counters: ${changed_entries ?? 0}\n`,
    );
  }
  process.stdout.write(`compared: ${accounts}, rebuilt: ${rebuilt.length}\n`);
}
