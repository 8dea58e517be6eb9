import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { withSettings } from "../database-url.ts";
import { describeError, errorCode } from "../errors.ts";
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
  progress: Progress;
};

/**
 * Makes a ledger of an export, in one transaction: all of it or nothing.
 * @throws Error saying what is wrong with the export, or in the way
 */
export async function restoreLedger(options: RestoreOptions): Promise<void> {
  const { connectionString, folder, manifest, progress } = options;
  const url = withSettings(connectionString, { timezone: "UTC", datestyle: "ISO,YMD" });
  const client = new Client({ connectionString: url, application_name: "daybook import" });
  client.on("error", () => {}); // told by the query as well
  try {
    await checkFiles(folder, manifest);
    await client.connect();
    await checkVersion(client);
    await makePartitions(client, manifest);
    await client.query("begin isolation level read committed");
    await restoreRows(client, options);
    const facts = { head: manifest.head, exported_at: manifest.exported_at };
    await client.query("select daybook_private.finish_restoring($1, $2)", [manifest.ledger, facts]);
    await verifyLog(client, manifest);
    await client.query("commit");
  } finally {
    progress.stop();
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
    await client.query("select daybook_private.ensure_month($1)", [month]);
  }
}

async function restoreRows(client: Client, options: RestoreOptions): Promise<void> {
  const { folder, manifest, progress } = options;
  let [before, lines] = [0, 0];
  for (const file of FILES) {
    const bytes = createReadStream(join(folder, file));
    for await (const portion of readPortions(bytes, withoutRecord)) {
      try {
        await restorePortion(client, manifest.ledger, portion);
      } catch (cause) {
        throw placed(cause, file, portion);
      }
      lines += portion.last - portion.first + 1;
      progress.update(before + portion.end, lines);
    }
    before += manifest.files[file].bytes;
  }
}

async function restorePortion(
  client: Client,
  ledger: string,
  { part, rows }: Portion,
): Promise<void> {
  if (part === "ledger") {
    await client.query("select daybook_private.restore_ledger($1, $2::jsonb -> 0)", [ledger, rows]);
  } else {
    await client.query("select daybook_private.restore_rows($1, $2, $3)", [ledger, part, rows]);
  }
}

function placed(cause: unknown, file: FileName, { part, first, last }: Portion): Error {
  const hint =
    part === "ledger" ? "" : `Nothing was restored: it is in lines ${first} to ${last} of ${file}.`;
  const message = describeError(cause);
  return Object.assign(new Error(message, { cause }), { code: errorCode(cause), hint });
}
