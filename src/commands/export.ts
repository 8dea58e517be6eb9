import { Option, type Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = { databaseUrl?: string; ledger: string; format: string; out?: string };

/** `daybook export` */
export function registerExport(program: Command): void {
  program
    .command("export")
    .description("write a ledger to a file")
    .addOption(databaseUrlOption())
    .requiredOption("-l, --ledger <name>", "the ledger")
    .addOption(
      new Option("-f, --format <format>", "a plain-text accounting journal")
        .choices(["hledger"])
        .default("hledger"),
    )
    .option("-o, --out <file>", "where it goes (default: standard output)")
    .addHelpText(
      "after",
      `
What is written is the ledger at one moment, however long it takes.

Examples:
  $ daybook export --ledger main --format hledger --out main.journal
  $ daybook export --ledger main --format hledger | hledger -f - balance`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  reader.finish();

  const { startProgress } = await import("../import/progress.ts");
  const { journalOf } = await import("../export/journal.ts");
  const { openSnapshot } = await import("../export/snapshot.ts");
  const { writeFile, writeToStdout } = await import("../export/write.ts");
  const log = consoleLog("export");
  const show = (size: number) => startProgress({ size, stream: process.stderr, log });
  const snapshot = await openSnapshot(connectionString, flags.ledger);
  try {
    const pieces = journalOf(snapshot, flags.ledger, show);
    await (flags.out === undefined ? writeToStdout(pieces) : writeFile(flags.out, pieces));
  } finally {
    await snapshot.close();
  }
}
