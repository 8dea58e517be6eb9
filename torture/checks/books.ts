import type { Pool } from "pg";
import type { Row } from "../doors/door.ts";
import { readKept, type Kept } from "./kept.ts";

/** An entry as it stands in the books. Amounts are small here. */
export type Entry = {
  id: string;
  transaction: string;
  version: number;
  position: number;
  account: string;
  direction: "debit" | "credit";
  amount: number;
  effect: "pending" | "posted" | "settled" | "released";
  locked: boolean;
  /** Null while it is queued. */
  lockVersion: number | null;
  counters: (number | null)[];
  createdAt: number;
};

/** What a ledger holds, read in one snapshot. */
export type Books = {
  ledger: string;
  /** Of each account in the order of its versions. */
  entries: Map<string, Entry[]>;
  byTransaction: Map<string, Entry[]>;
  transactions: Map<string, Row>;
  /** By the id of the deed that asked for it: its description, or what its metadata name. */
  byDeed: Map<string, Row[]>;
  receipts: Map<string, Row>;
  kept: Kept;
};

/** Reads all of a ledger. */
export async function readBooks(pool: Pool, ledger: string): Promise<Books> {
  const client = await pool.connect();
  try {
    await client.query("begin isolation level repeatable read read only");
    const { rows } = await client.query({
      text: `select e.id, e.transaction_id, e.transaction_version, e.position, a.address, e.direction, e.amount::float8,
                    e.effect, e.locked, e.lock_version::float8,
                    e.pending_debits::float8, e.pending_credits::float8, e.posted_debits::float8, e.posted_credits::float8,
                    extract(epoch from e.created_at)::float8 * 1000
               from daybook.entries e join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
              where e.ledger = $1 order by e.lock_version, e.id`,
      values: [ledger],
      rowMode: "array",
    });
    const transactions = await client.query(
      `select t.*, extract(epoch from t.created_at)::float8 * 1000 as made from daybook.transactions t where ledger = $1`,
      [ledger],
    );
    const receipts = await client.query(
      "select * from daybook_private.finished_receipts where ledger = $1",
      [ledger],
    );
    const kept = await readKept(client, ledger);
    await client.query("commit");
    const entries = rows.map(entryOf);
    return {
      ledger,
      entries: groupBy(entries, ({ account }) => account),
      byTransaction: groupBy(entries, ({ transaction }) => transaction),
      transactions: new Map(transactions.rows.map((row: Row) => [row["id"], row])),
      byDeed: groupBy(
        transactions.rows as Row[],
        (row) => row["metadata"]["by"] ?? row["description"] ?? "", // which may have been changed
      ),
      receipts: new Map(receipts.rows.map((row: Row) => [row["receipt_id"], row])),
      kept,
    };
  } finally {
    client.release();
  }
}

function entryOf(row: any[]): Entry {
  const [
    id,
    transaction,
    version,
    position,
    account,
    direction,
    amount,
    effect,
    locked,
    lockVersion,
  ] = row;
  const counters = row.slice(10, 14);
  const createdAt = row[14];
  return {
    id,
    transaction,
    version,
    position,
    account,
    direction,
    amount,
    effect,
    locked,
    lockVersion,
    counters,
    createdAt,
  };
}

export function groupBy<T>(list: T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const group = groups.get(key(one));
    if (group) group.push(one);
    else groups.set(key(one), [one]);
  }
  return groups;
}
