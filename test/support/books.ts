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

const BOOKS = readFileSync(join(import.meta.dirname, "books.sql"), "utf8");

/** All that was ever recorded: entries in the books, and those of detached months. */
export async function allEntries({ pool }: { pool: Pick<Pool, "query"> }): Promise<string> {
  const { rows } = await pool.query<{ name: string }>(
    `select format('daybook_private.%I', relname) as name from pg_class
      where relnamespace = 'daybook_private'::regnamespace and relname ~ '^entries_[0-9]{6}_detached$' order by 1`,
  );
  const detached = rows.map(({ name }) => `union all select *, false from ${name}`);
  return `(select *, true as is_here from daybook.entries ${detached.join(" ")})`;
}

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
  const text = BOOKS.replace("daybook.entries e", `${await allEntries({ pool })} e`);
  const { rows } = await pool.query<Violation>(text, [ledger]);
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
