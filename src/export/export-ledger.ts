import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../import/progress.ts";
import { logOf, readHead } from "./log.ts";
import { FORMAT, type Manifest } from "./manifest.ts";
import { rowsOf } from "./rows.ts";
import type { Snapshot } from "./snapshot.ts";
import { makeWhole, writeLines } from "./write.ts";

type Summary = { created_at: string; exported_at: string; waiting: number; size: number };

/** What there can be many of, by which the bar shows how far it is. */
const COUNTED = new Set(["transaction", "event"]);

const SUMMARY = `
  select to_json(l.created_at) #>> '{}' as created_at, to_json(now()) #>> '{}' as exported_at,
         (select depth::integer from daybook.transaction_queue q where q.ledger = $1) as waiting,
         (select count(*)::integer from daybook.transactions where ledger = $1)
         + (select count(*)::integer from daybook.log where ledger = $1 and id is distinct from transaction_id) as size
    from daybook.ledgers l
   where name = $1`;

/**
 * Writes a ledger into a new folder: rows.ndjson, log.ndjson and manifest.json.
 * @param product version of this program
 * @param show is told how many records there will be
 */
export function exportLedger(
  snapshot: Snapshot,
  ledger: string,
  folder: string,
  product: string,
  show: (total: number) => Progress,
): Promise<Manifest> {
  return makeWhole(folder, async (partial) => {
    mkdirSync(partial);
    const [summary] = await snapshot.query<Summary>(SUMMARY);
    const { size, ...facts } = summary!;
    const head = await readHead(snapshot);
    const progress = show(size + (head?.no ?? 0));
    const rows: Record<string, number> = {};
    let done = 0;
    const advance = (lines: number) => progress.update((done += lines), done);
    const count = (part: string, lines: number) => {
      rows[part] = (rows[part] ?? 0) + lines;
      if (COUNTED.has(part)) advance(lines);
    };
    try {
      const files = {
        "rows.ndjson": await writeLines(join(partial, "rows.ndjson"), rowsOf(snapshot, count)),
        "log.ndjson": await writeLines(join(partial, "log.ndjson"), logOf(snapshot, head, advance)),
      };
      const manifest: Manifest = { ...FORMAT, product, ledger, ...facts, rows, head, files };
      writeFileSync(join(partial, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`, {
        flush: true,
      });
      return manifest;
    } finally {
      progress.stop();
    }
  });
}
