import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Client } from "../client.ts";
import { describeError, errorCode } from "../errors.ts";
import { longSession } from "../export/session.ts";
import { FILES, type FileName, type Manifest } from "../export/manifest.ts";
import type { Progress } from "../import/progress.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { checkFiles } from "./check-files.ts";
import { readPortions, type Portion } from "./portions.ts";
import { withoutRecord } from "./sealed-line.ts";
import { verifyLog } from "./verify-log.ts";

export type RestoreOptions = {
  connectionString: string;
  folder: string;
  manifest: Manifest;
  /** Begins to show how far it is. */
  show: (size: number, what: string) => Progress;
};

/** What gave way to the export: a ledger that was empty but for its creation and grants. */
export type Replaced = {
  /** How far its log was sealed; 0 if it was not. */
  no: number;
  hash: string | null;
  /** The records that it consisted of. */
  records: { kind: string; actor: string; created_at: string }[];
};

/**
 * Makes a ledger of an export, in one transaction: all of it or nothing.
 * @returns the empty ledger that was there, or null if there was none
 * @throws Error saying what is wrong with the export, or in the way
 */
export async function restoreLedger(options: RestoreOptions): Promise<Replaced | null> {
  const { connectionString, folder, manifest, show } = options;
  const client = new Client({
    connectionString: longSession(connectionString),
    application_name: "daybook import",
  });
  try {
    await checkFiles(folder, manifest);
    await client.connect();
    await checkLedger(client);
    await makePartitions(client, manifest);
    await client.query("begin isolation level read committed");
    const replaced = await restoreRows(client, options);
    const facts = { head: manifest.head, exported_at: manifest.exported_at };
    await client.query("select daybook.finish_restore($1, $2)", [manifest.ledger, facts]);
    await verifyLog(client, manifest, show);
    await client.query("commit");
    return replaced;
  } finally {
    await client.end();
  }
}

/** Before the transaction begins, which would keep others waiting for the parents until its end. */
async function makePartitions(client: Client, manifest: Manifest): Promise<void> {
  const { rows } = await client.query<{ month: Date }>(
    `select generate_series(date_trunc('month', $1::timestamptz), $2::timestamptz, '1 month') as month`,
    [manifest.created_at, manifest.exported_at],
  );
  for (const { month } of rows) {
    await client.query("select daybook.prepare_restore($1)", [month]);
  }
}

async function restoreRows(client: Client, options: RestoreOptions): Promise<Replaced | null> {
  const { folder, manifest, show } = options;
  const { files } = manifest;
  const progress = show(files["rows.ndjson"].bytes + files["log.ndjson"].bytes, "lines");
  let [before, lines] = [0, 0];
  let replaced: Replaced | null = null;
  try {
    for (const file of FILES) {
      for await (const portion of readPortions(
        createReadStream(join(folder, file)),
        withoutRecord,
      )) {
        const gaveWay = await restorePortion(client, manifest.ledger, file, portion);
        replaced ??= gaveWay;
        lines += portion.last - portion.first + 1;
        progress.update(before + portion.end, lines);
      }
      before += files[file].bytes;
    }
  } finally {
    progress.stop();
  }
  return replaced;
}

/** @throws Error that says in which lines it is wrong */
async function restorePortion(
  client: Client,
  ledger: string,
  file: FileName,
  { part, rows, first, last }: Portion,
): Promise<Replaced | null> {
  try {
    const restored = await client.query<{ replaced: Replaced | null }>(
      "select daybook.restore_rows($1, $2, $3) as replaced",
      [ledger, part, rows],
    );
    return restored.rows[0]!.replaced;
  } catch (cause) {
    const place = `it is in lines ${first} to ${last} of ${file}`;
    const hint = part === "ledger" ? undefined : `Nothing was restored: ${place}.`;
    throw Object.assign(new Error(describeError(cause), { cause }), {
      code: errorCode(cause),
      hint,
    });
  }
}
