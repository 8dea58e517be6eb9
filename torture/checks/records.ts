import type { Pool } from "pg";
import type { Row } from "../doors/door.ts";
import type { Entry, Records } from "./books.ts";
import { readKept } from "./kept.ts";

const ENTRIES = `
  select e.id, e.transaction_id as transaction, e.transaction_version as version, e.position, a.address as account,
         e.direction, e.amount::float8, e.effect, e.locked, e.lock_version::float8 as "lockVersion",
         array[e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits]::float8[] as counters,
         extract(epoch from e.created_at)::float8 * 1000 as "createdAt"
    from daybook.entries e join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
   where e.ledger = $1 order by e.lock_version, e.id`;

/** What is judged of them, and when they were made, in milliseconds since 1970. */
const TRANSACTIONS = `
  select id, status, version, effective_at, created_at, posted_at, archived_at, archived_reason, expires_at,
         description, metadata, partially_posts_transaction_id, counterpart_ledger, counterpart_transaction_id,
         extract(epoch from created_at)::float8 * 1000 as made
    from daybook.transactions where ledger = $1`;

const RECEIPTS = `
  select receipt_id, state, idempotency_key, transaction_id, error_code
    from daybook_private.finished_receipts where ledger = $1`;

/** Reads all of a ledger, in one snapshot. */
export async function readRecords(pool: Pool, ledger: string): Promise<Records> {
  const client = await pool.connect();
  const rows = async (text: string) => (await client.query<Row>(text, [ledger])).rows;
  try {
    await client.query("begin isolation level repeatable read read only");
    const entries = (await rows(ENTRIES)) as Entry[];
    const transactions = await rows(TRANSACTIONS);
    const receipts = await rows(RECEIPTS);
    const kept = await readKept(client, ledger);
    await client.query("commit");
    return { ledger, entries, transactions, receipts, kept };
  } finally {
    client.release();
  }
}
