import type { TestDatabase } from "./database.ts";

/** Everything that is kept of ledgers, but what is remembered of calls: caches are compared as well. */
export const TABLES: Record<string, string> = {
  "daybook.ledgers": "to_jsonb(r)",
  "daybook.currencies": "to_jsonb(r)",
  "daybook.accounts": "to_jsonb(r)",
  "daybook.categories": "to_jsonb(r)",
  "daybook.category_members": "to_jsonb(r)",
  "daybook.transactions": "to_jsonb(r)",
  // Folding gives versions in the order of ids, which that of acceptance need not be.
  "daybook.entries":
    "to_jsonb(r) - '{lock_version,pending_debits,pending_credits,posted_debits,posted_credits}'::text[]",
  "daybook_private.account_counters": "to_jsonb(r)",
  "daybook_private.entry_queue": "to_jsonb(r)",
  "daybook_private.external_ids": "to_jsonb(r)",
  "daybook_private.expiring_holds": "to_jsonb(r)",
  "daybook_private.log_events": "to_jsonb(r)",
  "daybook_private.ledger_access": "to_jsonb(r) - 'granted_at'",
  "daybook_private.category_access": "to_jsonb(r) - 'granted_at'",
  "daybook_private.queue_limits": "to_jsonb(r)",
};

export async function contents({ pool }: TestDatabase): Promise<Record<string, string[]>> {
  await pool.query("select daybook_private.fold_account(ledger, id) from daybook.accounts");
  const all: Record<string, string[]> = {};
  for (const [table, row] of Object.entries(TABLES)) {
    const { rows } = await pool.query<{ row: string }>(
      `select (${row})::text as row from ${table} r order by 1`,
    );
    all[table] = rows.map((each) => each.row);
  }
  return all;
}
