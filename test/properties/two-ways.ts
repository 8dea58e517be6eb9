import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseError, type Client } from "pg";
import type { TestDatabase } from "../support/database.ts";
import type { Row } from "../support/sessions.ts";
import type { Member } from "./members.ts";

const DUMP = readFileSync(join(import.meta.dirname, "dump.sql"), "utf8");

const ONE = `
  select r.*
    from jsonb_populate_record(null::daybook.transaction_input, $2) i
   cross join lateral daybook.create_transaction($1, i.entries, i.status, i.effective_at, i.idempotency_key,
           i.external_id, i.description, i.metadata, i.category_locks, i.archive_on_lock_failure, i.expires_at) r`;

const MANY = `
  select *
    from daybook.create_transactions($1, array(
           select jsonb_populate_record(null::daybook.transaction_input, u.e)
             from jsonb_array_elements($2) with ordinality u (e, n) order by n), $3)`;

/** Makes a batch in some way; an atomic one that is refused gives one row, with the error. */
export type Way = (
  client: Client,
  ledger: string,
  members: Member[],
  isAtomic: boolean,
) => Promise<Row[]>;

/** What the contract says that a batch is: a call for each member. */
export const singly: Way = async (client, ledger, members, isAtomic) => {
  const results: Row[] = [];
  const declining = members.findIndex((each) => each.archive_on_lock_failure === true);
  if (isAtomic && declining >= 0) return [{ code: "LDARG", index: declining + 1 }];
  if (isAtomic) await client.query("begin");
  for (const [n, member] of members.entries()) {
    const result = await one(client, ledger, member);
    if (isAtomic && "code" in result) {
      await client.query("rollback");
      return [{ code: result["code"], index: n + 1 }];
    }
    results.push("code" in result ? refused(ledger, n + 1, result) : { ...result, index: n + 1 });
  }
  if (isAtomic) await client.query("commit");
  return results;
};

/** One call for all. */
export const together: Way = async (client, ledger, members, isAtomic) => {
  try {
    return (await client.query(MANY, [ledger, JSON.stringify(members), isAtomic])).rows;
  } catch (error) {
    const { code, detail } = error as DatabaseError;
    if (!isAtomic || !code?.startsWith("LD")) throw error;
    return [{ code, index: JSON.parse(detail!).index }];
  }
};

async function one(client: Client, ledger: string, member: Member): Promise<Row> {
  try {
    return (await client.query(ONE, [ledger, JSON.stringify(member)])).rows[0]!;
  } catch (error) {
    const { code, message, detail } = error as DatabaseError;
    if (!code?.startsWith("LD")) throw error;
    return { code, message, detail: JSON.parse(detail!) };
  }
}

function refused(ledger: string, index: number, { code, message, detail }: Row): Row {
  const nothing = {
    transaction_id: null,
    status: null,
    version: null,
    archived_reason: null,
    balances: null,
  };
  const error = { error_code: code, error_message: message, error_detail: detail };
  return { index, ledger, ...nothing, replayed: false, ...error };
}

/**
 * The books and the results, with names for ids, so that those of two ledgers can be compared.
 * @param isFolded when there were queued entries, which a locked one folds in, and a batch does at its
 * beginning: all are folded, and in which order entries came to their accounts is left out
 */
export async function booksOf(
  { pool }: TestDatabase,
  ledger: string,
  results: Row[],
  isFolded: boolean,
): Promise<unknown> {
  if (isFolded)
    await pool.query(
      "select daybook_private.fold_account(a.ledger, a.id) from daybook.accounts a where a.ledger = $1",
      [ledger],
    );
  const { rows } = await pool.query(
    `select id, 'transaction ' || row_number() over (order by id) as name from daybook.transactions where ledger = $1
      union all select id, 'account ' || address from daybook.accounts where ledger = $1`,
    [ledger],
  );
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  const books = JSON.parse((await pool.query(DUMP, [ledger])).rows[0].dump);
  if (isFolded) Object.assign(books, { entries: books.entries.map(withoutOrder), backwards: 0 });
  return JSON.parse(
    JSON.stringify({ results, books })
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => names.get(id) ?? "unknown")
      .replaceAll(ledger, "ledger"),
  );
}

const ORDERED = [
  "lock_version",
  ...["pending", "posted"].flatMap((kind) => [`${kind}_debits`, `${kind}_credits`]),
];

function withoutOrder(entry: Row): Row {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !ORDERED.includes(name)));
}
