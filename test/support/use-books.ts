import { afterAll, afterEach, beforeAll, beforeEach } from "@jest/globals";
import type { Client, QueryResultRow } from "pg";
import { fingerprint, violations } from "./books.ts";
import { callAs } from "./call.ts";
import { createDatabase, type Login, type TestDatabase } from "./database.ts";

export { callAs };

export type Bounds = Partial<
  Record<"gt" | "gte" | "eq" | "not_eq" | "lte" | "lt", number | string | null>
>;
export type Entry = {
  account: string | null;
  direction: "debit" | "credit" | null;
  amount: number | string | null;
  lock_version?: number | null;
  pending_balance?: Bounds | null;
  posted_balance?: Bounds | null;
  available_balance?: Bounds | null;
  show_resulting_balances?: boolean | null;
  metadata?: unknown;
};
type Extras = Partial<Omit<Entry, "account" | "direction" | "amount">>;
export type Row = QueryResultRow;

/** What a refused call says: the contract's three fields, DETAIL parsed. */
export type Refusal = { code: string; detail: Record<string, unknown>; hint: string | undefined };

export const debit = (
  account: string | null,
  amount: Entry["amount"],
  extras: Extras = {},
): Entry => ({ account, direction: "debit", amount, ...extras });

export const credit = (
  account: string | null,
  amount: Entry["amount"],
  extras: Extras = {},
): Entry => ({ account, direction: "credit", amount, ...extras });

/** Debits one account and credits another; the extras go on the debit. */
export const move = (
  from: string | null,
  to: string | null,
  amount: Entry["amount"],
  extras: Extras = {},
) => [debit(from, amount, extras), credit(to, amount)];

/** An error of PostgreSQL as what the contract promises of it; other errors are thrown on. */
export function asRefusal(error: unknown): Refusal {
  const { code, detail, hint, message } = error as Error & Record<string, string | undefined>;
  if (!code) throw error;
  try {
    return { code, detail: JSON.parse(detail ?? "{}") as Refusal["detail"], hint };
  } catch {
    return { code, detail: { notJson: detail, message }, hint };
  }
}

export type Books = ReturnType<typeof booksOf>;

/**
 * A database for a test file with the ledger `main`, a few accounts, and a transaction around each
 * test that is rolled back. The session is the superuser's under the name of another login (at first
 * test_writer), so that grants and row level security hold as for that login, while `look` sees all.
 */
export function useBooks(prepare: (books: Books) => Promise<unknown> = async () => {}): Books {
  const books = {} as Books;
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createDatabase();
    Object.assign(books, booksOf(database, await database.connect()));
    await openMain(books);
    await prepare(books);
    await books.be("test_writer");
  });
  afterAll(() => database?.drop());
  beforeEach(() => books.query("begin"));
  afterEach(() => books.query("rollback"));
  return books;
}

async function openMain(books: Books): Promise<void> {
  await books.be("test_admin");
  await books.call("create_ledger", {});
  await books.call("grant_ledger_access", { role: "test_writer", access: "write" });
  await books.be("test_writer");
  for (const address of ["alice", "bob", "carol"]) await books.open(address);
  for (const address of ["cash", "bank"]) await books.open(address, { normal_balance: "debit" });
  await books.open("euro", { currency: "EUR" });
  await books.open("euro-cash", { currency: "EUR", normal_balance: "debit" });
}

function booksOf(database: TestDatabase, client: Client) {
  const query = async (sql: string, values: unknown[] = []) =>
    (await client.query<Row>(sql, values)).rows;
  const look = (sql: string, values: unknown[] = []) => asSuperuser(query, sql, values);
  const lookAt = async (
    asked: string | { text: string; values?: unknown[] },
    given?: unknown[],
  ) => {
    const { text, values } = typeof asked === "string" ? { text: asked, values: given } : asked;
    return { rows: await look(text, values) };
  };
  const seen = { pool: { query: lookAt } as never };
  const all = (name: string, args: object) => callAs(client, name, { ledger: "main", ...args });
  const call = async (name: string, args: object) => (await all(name, args))[0]!;
  const refused = async (attempt: () => Promise<unknown>): Promise<Refusal> => {
    await query("savepoint attempt");
    try {
      await attempt();
    } catch (error) {
      await query("rollback to savepoint attempt");
      return asRefusal(error);
    }
    throw new Error("was not refused");
  };
  return {
    client,
    database,
    query,
    /** A query of the superuser in the same transaction. */
    look,
    /** Goes on under another login. */
    be: (login: Login) => query(`set session authorization ${login}`),
    /** All rows, or the one row, that a function of `main` returns. */
    all,
    call,
    /** What an attempt is refused with; fails when it is accepted. */
    refused,
    refusal: (name: string, args: object) => refused(() => all(name, args)),
    open: (address: string, args: object = {}) =>
      call("open_account", { address, currency: "USD", ...args }),
    create: (entries: Entry[], args: object = {}) =>
      call("create_transaction", { entries, ...args }),
    createRefused: (entries: Entry[], args: object = {}) =>
      refused(() => all("create_transaction", { entries, ...args })),
    /** Posts or archives what create returned. */
    post: ({ transaction_id }: Row, args: object = {}) =>
      call("post_transaction", { transaction_id, ...args }),
    archive: ({ transaction_id }: Row, args: object = {}) =>
      call("archive_transaction", { transaction_id, ...args }),
    /** Hands transactions to the write-ahead queue. */
    enqueue: (...transactions: object[]) => all("enqueue_transactions", { transactions }),
    /** What the whole call of enqueue_transactions is refused with. */
    enqueueRefused: (...transactions: object[]) =>
      refused(() => all("enqueue_transactions", { transactions })),
    /** Applies what waits in the queue, as the worker does; gives how many. */
    drain: () => drainAs(look, "main"),
    /** The receipt as it is now. */
    receipt: ({ receipt_id }: Row) => call("queued_transaction", { receipt_id }),
    /** Changes what create returned, or posts a part of it. */
    update: ({ transaction_id }: Row, args: object) =>
      call("update_transaction", { transaction_id, ...args }),
    postPart: ({ transaction_id }: Row, entries: Entry[], args: object = {}) =>
      call("partially_post_transaction", { transaction_id, entries, ...args }),
    balance: (account: string) => call("account_balance", { account }),
    /** The rows of entries of an account in the order of their versions. */
    entriesOf: (account: string) => look(ENTRIES_OF, [account]),
    /** Makes the time of a pending transaction with an expiry be over. */
    lapse: ({ transaction_id }: Row) => look(lapse(transaction_id as string)),
    /** An account's pending debits less its credits, by the entries effective at or before a time. */
    heldAt: async (account: string, effective_at: Date) =>
      (await look(HELD_AT, [account, effective_at]))[0]!["held"] as number,
    /** The lines of a transaction as it is now: position, account, direction, amount, effect. */
    linesOf: ({ transaction_id }: Row) => query(LINES_OF, [transaction_id]),
    /** The row of a transaction. */
    transaction: async (id: unknown) =>
      (await query("select * from daybook.transactions where id = $1", [id]))[0]!,
    /** A hash of every table's rows: equal before and after means nothing was kept. */
    traces: async (): Promise<Record<string, string>> =>
      Object.fromEntries((await fingerprint(seen)).split("\n").map((line) => line.split(/ (.*)/))),
    /** What is wrong with the books at this moment of the test. */
    violations: () => violations(seen),
  };
}

/** Drains a ledger's queue until nothing is left; the first call ever only makes its head. */
export async function drainAs(query: Query, ledger: string, max = 1000): Promise<number> {
  const once = async () =>
    (await query("select daybook_private.drain_queue($1, $2) as count", [ledger, max]))[0]![
      "count"
    ];
  let [total, count] = [0, (await once()) || (await once())];
  for (; count > 0; count = await once()) total += count;
  return total;
}

type Query = (sql: string, values?: unknown[]) => Promise<Row[]>;

const ENTRIES_OF = `
  select e.*
    from daybook.entries e
    join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
   where a.ledger = 'main' and a.address = $1
   order by e.lock_version, e.id`;

/** Times are only ever changed by the transaction's next version, or by who turns off the triggers. */
const lapse = (id: string) => `
  set local session_replication_role = replica;
  update daybook.transactions set expires_at = now() where id = '${id}';
  update daybook_private.expiring_holds set expires_at = now() where transaction_id = '${id}';
  set local session_replication_role = origin`;

const HELD_AT = `
  select coalesce(sum(case e.effect when 'pending' then 1 when 'released' then -1 when 'posted' then 1 else 0 end
                      * case e.direction when 'debit' then e.amount else -e.amount end), 0)::integer as held
    from daybook.entries e
    join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
   where a.ledger = 'main' and a.address = $1 and e.effective_at <= $2`;

const LINES_OF = `
  select e.position, a.address as account, e.direction::text, e.amount::text, e.effect::text
    from daybook.current_entries e
    join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
   where e.ledger = 'main' and e.transaction_id = $1
   order by e.position`;

async function asSuperuser(query: Query, sql: string, values: unknown[]): Promise<Row[]> {
  const [session] = await query("select session_user as login");
  await query("reset session authorization");
  const rows = await query(sql, values);
  await query(`set session authorization ${session!["login"] as string}`);
  return rows;
}
