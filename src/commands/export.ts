import { existsSync } from "node:fs";
import { Option, type Command } from "commander";
import { tellExport } from "../export/manifest.ts";
import type { Snapshot } from "../export/snapshot.ts";
import type { Progress } from "../import/progress.ts";
import { version } from "../version.ts";
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
      new Option(
        "-f, --format <format>",
        "ndjson: all of it, for daybook import; hledger: a plain-text journal",
      )
        .choices(["ndjson", "hledger"])
        .default("ndjson"),
    )
    .option(
      "-o, --out <path>",
      "where it goes (default: the folder <ledger>.export; a journal: standard output)",
    )
    .addHelpText(
      "after",
      `
What is written is the ledger at one moment, however long it takes; what exists is never replaced. Without a
format it is a new folder that \`daybook import\` makes the same ledger of, in another database.

Examples:
  $ daybook export --ledger main --out main-2026-11
  $ daybook export --ledger main --format hledger --out main.journal
  $ daybook export --ledger main --format hledger | hledger -f - balance`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  const isJournal = flags.format === "hledger";
  const folder = flags.out ?? `${flags.ledger}.export`;
  const out = isJournal ? flags.out : folder;
  if (out && existsSync(out)) reader.refuse(`${out} exists: choose another --out`);
  reader.finish();

  const { startProgress } = await import("../import/progress.ts");
  const { openSnapshot } = await import("../export/snapshot.ts");
  const log = consoleLog("export");
  const what = isJournal ? "transactions" : "records";
  const show = (size: number) => startProgress({ size, what, stream: process.stderr, log });
  const settings = isJournal ? (await import("../export/journal-statements.ts")).SETTINGS : {};
  const snapshot = await openSnapshot(connectionString, flags.ledger, settings);
  try {
    if (isJournal) await writeJournal(snapshot, flags, show);
    else await writeFolder(snapshot, flags.ledger, folder, show);
  } finally {
    await snapshot.close();
  }
}

type Show = (size: number) => Progress;

async function writeJournal(snapshot: Snapshot, { ledger, out }: Flags, show: Show): Promise<void> {
  const { journalOf } = await import("../export/journal.ts");
  const { makeWhole, writeFile, writeToStdout } = await import("../export/write.ts");
  const pieces = journalOf(snapshot, ledger, show);
  if (out === undefined) await writeToStdout(pieces);
  else await makeWhole(out, (partial) => writeFile(partial, pieces));
}

async function writeFolder(
  snapshot: Snapshot,
  ledger: string,
  folder: string,
  show: Show,
): Promise<void> {
  const { exportLedger } = await import("../export/export-ledger.ts");
  const manifest = await exportLedger(snapshot, ledger, folder, version(), show);
  process.stdout.write(`${folder}: ${tellExport(manifest)}`);
  if (manifest.waiting > 0) {
    process.stderr.write(
      `${manifest.waiting} transactions wait in the queue and are not in it: let the worker apply them, then export again\n`,
    );
  }
}
