import type { Client } from "pg";
import type { TestDatabase } from "../support/database.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { seal } from "../support/sealing.ts";

/** Ids that the books have, by the name under which a call's text mentions them (`:posted`). */
export type Known = Record<"posted" | "pending" | "receipt", string>;

const HOLD = "array[daybook.debit('alice', 5), daybook.credit('bank', 5)]";

/** Makes the ledgers `main` and `main-abroad` with one of everything, sealed, summed up and indexed. */
export async function makeWorld({ pool }: TestDatabase, admin: Client): Promise<Known> {
  const ask = async (sql: string) =>
    (await admin.query({ text: `select ${sql}`, rowMode: "array" })).rows[0]![0];
  await ask("daybook.create_currency('X_9', 9)");
  await fillRichLedger(admin, "main");
  for (const address of ["alice", "bob"])
    await ask(`daybook.open_account('main', '${address}', 'USD')`);
  await ask("daybook.open_account('main', 'bank', 'USD', 'debit')");
  await ask("daybook.open_account('main', 'limited', 'USD', 'credit', 0, 10)");
  await ask("daybook.add_to_category('main', 'people', 'alice')");
  const create = (entries: string, status: string) =>
    ask(
      `t.transaction_id from daybook.create_transaction('main', ${entries}, '${status}', idempotency_key => '${status}', external_id => '${status}') t`,
    );
  const known = {
    posted: await create(
      "array[daybook.debit('bank', 1000), daybook.credit('alice', 1000)]",
      "posted",
    ),
    pending: await create(HOLD, "pending"),
    receipt: await ask(`r.receipt_id from daybook.enqueue_transactions('main',
      array[row(${HOLD}, null, null, 'queued', null, null, null, null, null, null)]::daybook.transaction_input[]) r`),
  };
  await seal(pool, "main", 20);
  await pool.query(
    `select daybook_private.roll_up_account(ledger, id, 20000, 2), daybook_private.roll_up_account(ledger, id, of_both => true)
       from daybook.accounts where ledger = 'main'`,
  );
  await pool.query("select daybook_private.index_search('main')");
  return known;
}
