import { accessSync, constants, createReadStream, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { configReader } from "../config.ts";
import type { Input } from "../import/import-file.ts";
import type { Summary } from "../import/carry-out.ts";
import { consoleLog } from "../log.ts";
import { tellExport } from "../export/manifest.ts";
import type { Replaced } from "../restore/restore-ledger.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = {
  databaseUrl?: string;
  ledger?: string;
  createLedger?: true;
  accounts?: string;
  name?: string;
  refused?: string;
  connections: string;
};

/** Some lines were refused, all others are in the ledger. */
const EXIT_REFUSED = 3;

/** `daybook import` */
export function registerImport(program: Command): void {
  program
    .command("import")
    .description("bring a file of transactions into a ledger, or make a ledger of an export")
    .argument(
      "<file>",
      "one transaction a line as JSON, - for standard input; or the folder of an export",
    )
    .addOption(databaseUrlOption())
    .option("-l, --ledger <name>", "the ledger; that of an export is its own")
    .option("--create-ledger", "make the ledger if it is missing")
    .option("--accounts <file>", "accounts to open first, one a line as JSON")
    .option("--name <name>", "name of the import, part of its keys (default: that of the file)")
    .option("--refused <file>", "where refused lines go (default: <file>.refused.ndjson)")
    .option("-c, --connections <n>", "connections; with one, lines are applied in order", "1")
    .addHelpText(
      "after",
      `
A line is a transaction_input: {"entries": [{"account": "cash", "direction": "debit", "amount": "100"}, …]},
with status, effective_at, idempotency_key, external_id, description, metadata, … as in SQL. A line
{"accounts": [{"address": "cash", "currency": "EUR", "normal_balance": "debit"}, …]} opens accounts.
A line without an idempotency_key gets one made of the import's name and its own text: repeating an import
changes nothing as long as keys are kept, 30 days unless the worker was told otherwise (work --key-retention);
a line with an external_id is never made twice. The folder that daybook export made becomes the ledger that it was made of, all of it or nothing.
Exit code: 0 if all lines are in the ledger, ${EXIT_REFUSED} if some were refused, 1 if the import failed.

Examples:
  $ daybook import january.ndjson --ledger main
  $ daybook import january.ndjson --ledger main --create-ledger --accounts accounts.ndjson
  $ daybook import main.export
  $ zcat january.ndjson.gz | daybook import - --ledger main --name january`,
    )
    .action(run);
}

async function run(file: string, flags: Flags): Promise<void> {
  const { isExport } = await import("../restore/manifest.ts");
  if (isExport(file)) await runRestore(file, flags);
  else await runImport(file, flags);
}

async function runRestore(folder: string, flags: Flags): Promise<void> {
  const { readManifest } = await import("../restore/manifest.ts");
  const { restoreLedger } = await import("../restore/restore-ledger.ts");
  const { startProgress } = await import("../import/progress.ts");
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  const manifest = readManifest(folder);
  const { ledger } = manifest;
  if (flags.ledger !== undefined && flags.ledger !== ledger) {
    reader.refuse(`--ledger: the export is of the ledger "${ledger}" and stays that`);
  }
  if (flags.accounts ?? flags.name ?? flags.refused) {
    reader.refuse("--accounts, --name and --refused are not for an export");
  }
  reader.finish();
  const log = consoleLog("import");
  const show = (size: number, what: string) =>
    startProgress({ size, what, stream: process.stderr, log });
  const replaced = await restoreLedger({ connectionString, folder, manifest, show });
  process.stdout.write(`ledger ${ledger}: ${tellExport(manifest)}`);
  if (replaced) process.stdout.write(tellReplaced(ledger, replaced));
}

function tellReplaced(ledger: string, { no, hash, records }: Replaced): string {
  const creation = records.find(({ kind }) => kind === "create_ledger")!;
  return (
    `it took the place of the empty ledger ${ledger} that ${creation.actor} made here at ${creation.created_at}; ` +
    `grants on that are kept, its log (${no ? `sealed up to ${no}, head ${hash}` : "not sealed yet"}) ` +
    `is in the record replace_ledger of the instance's own
`
  );
}

async function runImport(file: string, flags: Flags): Promise<void> {
  const reader = configReader();
  const { ledger = "" } = flags;
  if (!ledger) reader.refuse("no ledger given: pass --ledger");
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  const connections = reader.positive("--connections", flags.connections);
  const name = flags.name ?? (file === "-" ? "stdin" : basename(file));
  if (!/^\P{Cc}{1,150}$/u.test(name)) {
    reader.refuse("--name must be 1 to 150 characters, no control characters");
  }
  const refusedFile = flags.refused ?? `${file === "-" ? name : file}.refused.ndjson`;
  if ([file, flags.accounts].some((input) => input && resolve(input) === resolve(refusedFile))) {
    reader.refuse("--refused must not be a file that is read");
  }
  reader.finish();

  const { importFile } = await import("../import/import-file.ts");
  const { startProgress } = await import("../import/progress.ts");
  const { openRefusedFile } = await import("../import/refused-file.ts");
  const log = consoleLog("import");
  for (const input of [file, flags.accounts]) if (input) checkReadable(input);
  const size = sizeOf(file);
  const accounts = flags.accounts === undefined ? undefined : inputOf(flags.accounts);
  const refused = openRefusedFile(refusedFile);
  const started = Date.now();
  const summary = await importFile({
    connectionString,
    ledger,
    createLedger: flags.createLedger ?? false,
    transactions: { ...inputOf(file), name },
    accounts,
    connections,
    refused,
    progress: startProgress({ size, stream: process.stderr, log }),
    log,
  }).finally(() => refused.close());
  process.stdout.write(tell(summary, (Date.now() - started) / 1000, refusedFile));
  if (summary.refused.size > 0) process.exitCode = EXIT_REFUSED;
}

/** It is opened when it is read: a stream that fails while nobody listens would end the process. */
function inputOf(file: string): Input {
  const open = { [Symbol.asyncIterator]: () => createReadStream(file)[Symbol.asyncIterator]() };
  return { name: file, bytes: file === "-" ? process.stdin : open };
}

/** @throws Error if there is no such file, or not for us, before anything is done */
function checkReadable(file: string): void {
  if (file !== "-") accessSync(file, constants.R_OK);
}

function sizeOf(file: string): number | undefined {
  if (file === "-") return undefined;
  const stat = statSync(file);
  return stat.isFile() ? stat.size : undefined;
}

function tell(summary: Summary, seconds: number, refusedFile: string): string {
  const { created, declined, replayed, accounts } = summary;
  const made = created + declined;
  const rate = Math.round((made + replayed) / Math.max(0.001, seconds));
  const refused = [...summary.refused.values()].reduce((sum, count) => sum + count, 0);
  const opened = accounts.opened + accounts.known > 0;
  const lines = [
    made + accounts.opened === 0 ? `nothing new: ${replayed} already there` : undefined,
    opened ? `accounts: ${accounts.opened} opened, ${accounts.known} already there` : undefined,
    `transactions: ${created} created, ${declined ? `${declined} declined, ` : ""}${replayed} already there, ` +
      `${refused} refused, in ${seconds.toFixed(1)} s (${rate} per second)`,
    refused ? `refused lines (${byCode(summary.refused)}) are in ${refusedFile}` : undefined,
  ];
  return lines.flatMap((line) => (line === undefined ? [] : `${line}\n`)).join("");
}

function byCode(refused: Map<string, number>): string {
  const byFrequency = [...refused].toSorted(([, a], [, b]) => b - a);
  return byFrequency.map(([code, count]) => `${code} ${count}`).join(", ");
}
