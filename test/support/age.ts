import type { TestDatabase } from "./database.ts";

/** Columns with ids by time, or with times, of what a ledger records. */
const COLUMNS: Record<string, string[]> = {
  "daybook.transactions": [
    "id",
    "reverses_transaction_id",
    "reversed_by_transaction_id",
    "partially_posts_transaction_id",
    "counterpart_transaction_id",
    "created_at",
    "posted_at",
    "archived_at",
    "expires_at",
    "effective_at",
  ],
  "daybook.entries": ["id", "transaction_id", "created_at", "effective_at"],
  "daybook_private.log_events": ["id", "transaction_id", "created_at"],
  "daybook_private.idempotency_keys": ["transaction_id"],
  "daybook_private.external_ids": ["transaction_id"],
  "daybook_private.expiring_holds": ["transaction_id", "expires_at"],
  "daybook_private.entry_queue": ["entry_id"],
};

const shiftedTime = (column: string) =>
  `case when ${column} >= $2 then ${column} - $3::interval else ${column} end`;

const shiftedId = (column: string) =>
  `case when uuid_extract_timestamp(${column}) >= $2 then overlay(${column}::text placing
     substr(daybook_private.uuid_at(uuid_extract_timestamp(${column}) - $3::interval)::text, 1, 13) from 1)::uuid
     else ${column} end`;

/**
 * Makes what a ledger recorded since a time look as if that had been so much earlier. To be done before it is
 * sealed, rolled up and indexed. Times that were given and are later than `since` are moved too.
 */
export async function age(
  { connect }: Pick<TestDatabase, "connect">,
  ledger: string,
  since: Date,
  by: string,
): Promise<void> {
  const client = await connect();
  await client.query("begin; set local session_replication_role = replica");
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const changes = columns.map(
      (column) => `${column} = ${column.endsWith("id") ? shiftedId(column) : shiftedTime(column)}`,
    );
    await client.query(
      `update ${table} set ${changes.join(", ")} where ledger = $1 and ($2::timestamptz, $3::interval) is not null`,
      [ledger, since, by],
    );
  }
  for (const key of ["posted_transaction_id", "effective_at", "expires_at"]) {
    const value = `(data ->> '${key}')::${key.endsWith("id") ? "uuid" : "timestamptz"}`;
    const changed = key.endsWith("id") ? shiftedId(value) : shiftedTime(value);
    await client.query(
      `update daybook_private.log_events set data = data || jsonb_build_object('${key}', ${changed})
        where ledger = $1 and data ->> '${key}' is not null`,
      [ledger, since, by],
    );
  }
  await client.query("commit");
  await client.end();
}
