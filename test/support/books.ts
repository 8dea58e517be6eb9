import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Pool } from "pg";

/** What is wrong with the books, and where. */
export type Violation = {
  violation: string;
  ledger: string | null;
  subject: string;
  facts: unknown;
};

/** A query whose one parameter is a ledger, or null for all. */
export const VIOLATIONS = readFileSync(join(import.meta.dirname, "books.sql"), "utf8");

/** Everything of a ledger that a call can leave behind; the order of rows does not count. */
const TABLES = [
  "daybook.accounts",
  "daybook.categories",
  "daybook.category_members",
  "daybook.transactions",
  "daybook.entries",
  "daybook_private.account_counters",
  "daybook_private.entry_queue",
  "daybook_private.idempotency_keys",
  "daybook_private.external_ids",
  "daybook_private.expiring_holds",
  "daybook_private.log_events",
  "daybook_private.queued_transactions",
  "daybook_private.finished_receipts",
];

/** Everything that is wrong with the books at this moment, of one ledger or of all; nothing if they are right. */
export async function violations(
  { pool }: { pool: Pick<Pool, "query"> },
  ledger: string | null = null,
): Promise<Violation[]> {
  const { rows } = await pool.query<Violation>({
    name: "violations",
    text: VIOLATIONS,
    values: [ledger],
  });
  return rows;
}

/** A hash of all that is kept of a ledger: a call that leaves no trace leaves it as it was. */
export async function fingerprint(
  { pool }: { pool: Pick<Pool, "query"> },
  ledger: string,
): Promise<string> {
  const hashes = TABLES.map(
    (table) =>
      `select '${table}' as name, count(*)::text || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as hash
         from ${table} t where t.ledger = $1`,
  );
  const { rows } = await pool.query<{ all: string }>({
    name: "fingerprint",
    text: `select string_agg(name || ' ' || hash, e'\\n' order by name) as all from (${hashes.join(" union all ")}) h`,
    values: [ledger],
  });
  return rows[0]!.all;
}
