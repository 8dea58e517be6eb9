import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Client } from "../client.ts";
import { describeError, errorCode } from "../errors.ts";
import { longSession } from "../export/session.ts";
import { FILES, type FileName, type Manifest } from "../export/manifest.ts";
import type { Progress } from "../import/progress.ts";
import { checkVersion } from "../migrate/check-version.ts";
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

/**
 * Makes a ledger of an export, in one transaction: all of it or nothing.
 * @throws Error saying what is wrong with the export, or in the way
 */
export async function restoreLedger(options: RestoreOptions): Promise<void> {
  const { connectionString, folder, manifest, show } = options;
  const client = new Client({
    connectionString: longSession(connectionString),
    application_name: "daybook import",
  });
  client.on("error", () => {}); // told by the query as well
  try {
    await checkFiles(folder, manifest);
    await client.connect();
    await checkVersion(client);
    await makePartitions(client, manifest);
    await client.query("begin isolation level read committed");
    await restoreRows(client, options);
    const facts = { head: manifest.head, exported_at: manifest.exported_at };
    await client.query("select daybook.finish_restore($1, $2)", [manifest.ledger, facts]);
    await verifyLog(client, manifest, show);
    await client.query("commit");
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

async function restoreRows(client: Client, options: RestoreOptions): Promise<void> {
  const { folder, manifest, show } = options;
  const { files } = manifest;
  const progress = show(files["rows.ndjson"].bytes + files["log.ndjson"].bytes, "lines");
  let [before, lines] = [0, 0];
  try {
    for (const file of FILES) {
      for await (const portion of readPortions(
        createReadStream(join(folder, file)),
        withoutRecord,
      )) {
        await restorePortion(client, manifest.ledger, file, portion);
        lines += portion.last - portion.first + 1;
        progress.update(before + portion.end, lines);
      }
      before += files[file].bytes;
    }
  } finally {
    progress.stop();
  }
}

/** @throws Error that says in which lines it is wrong */
async function restorePortion(
  client: Client,
  ledger: string,
  file: FileName,
  { part, rows, first, last }: Portion,
): Promise<void> {
  try {
    await client.query("select daybook.restore_rows($1, $2, $3)", [ledger, part, rows]);
  } catch (cause) {
    const place = `it is in lines ${first} to ${last} of ${file}`;
    const hint = part === "ledger" ? undefined : `Nothing was restored: ${place}.`;
    throw Object.assign(new Error(describeError(cause), { cause }), {
      code: errorCode(cause),
      hint,
    });
  }
}
