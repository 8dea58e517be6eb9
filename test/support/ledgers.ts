import type { CategoryLock } from "./categories.ts";
import type { TestDatabase } from "./database.ts";
import type { Statement } from "./sessions.ts";

export type Bounds = Partial<Record<"gt" | "gte" | "eq" | "not_eq" | "lte" | "lt", number>>;

/** A field of daybook.entry_input each. */
export type Line = {
  account: string;
  direction: "debit" | "credit";
  amount: number;
  lock_version?: number;
  pending_balance?: Bounds;
  posted_balance?: Bounds;
  available_balance?: Bounds;
  show_resulting_balances?: boolean;
};

export type LineOptions = Omit<Line, "account" | "direction" | "amount">;

/** Arguments of daybook.create_transaction. */
export type CreateOptions = {
  status?: "pending" | "posted";
  idempotency_key?: string;
  external_id?: string;
  description?: string;
  archive_on_lock_failure?: boolean;
  effective_at?: string;
  expires_at?: string;
  dry_run?: boolean;
};

export type TransferOptions = CreateOptions & { from?: LineOptions; to?: LineOptions };

export type AccountOptions = {
  currency?: string;
  normal_balance?: "debit" | "credit";
  balance_min?: number;
  balance_max?: number;
  /** What it holds at first, from the account `world`. */
  money?: number;
};

let count = 0;

/** Opens a ledger of its own with these accounts and an account `world`; gives its name. */
export async function openLedger(
  { pool }: Pick<TestDatabase, "pool">,
  accounts: Record<string, AccountOptions>,
): Promise<string> {
  const ledger = `ledger-${++count}`;
  await pool.query("select daybook.create_ledger($1)", [ledger]);
  await pool.query("select daybook.grant_ledger_access('test_writer', $1, 'write')", [ledger]);
  const all: [string, AccountOptions][] = [["world", {}], ...Object.entries(accounts)];
  for (const [address, { currency = "USD", money, ...options }] of all) {
    await pool.query(`select daybook.open_account($1, $2, $3, $4, $5, $6)`, [
      ledger,
      address,
      currency,
      options.normal_balance ?? "credit",
      options.balance_min ?? null,
      options.balance_max ?? null,
    ]);
    if (money) await pool.query(transfer(ledger, "world", address, money));
  }
  return ledger;
}

/** Reads lines that are sent as JSON. */
export const entriesFrom = (parameter: string) =>
  `array(select jsonb_populate_record(null::daybook.entry_input, e)
           from jsonb_array_elements(${parameter}) with ordinality u (e, n) order by n)`;

/** Makes a transaction of any entries. */
export function create(ledger: string, lines: Line[], options: CreateOptions = {}) {
  return {
    name: "create",
    text: `select * from daybook.create_transaction($1, ${entriesFrom("$2")},
             status => $3, idempotency_key => $4, external_id => $5, description => $6,
             archive_on_lock_failure => $7, dry_run => $8, effective_at => $9, expires_at => $10)`,
    values: [
      ledger,
      JSON.stringify(lines),
      options.status,
      options.idempotency_key,
      options.external_id,
      options.description,
      options.archive_on_lock_failure,
      options.dry_run,
      options.effective_at,
      options.expires_at,
    ],
  } satisfies Statement;
}

/** A field of daybook.transaction_input each. */
export type Member = Omit<CreateOptions, "dry_run"> & {
  entries: Line[];
  category_locks?: CategoryLock[];
};

/** Reads members that are sent as JSON. */
export const membersFrom = (parameter: string) =>
  `array(select jsonb_populate_record(null::daybook.transaction_input, m)
           from jsonb_array_elements(${parameter}) with ordinality u (m, n) order by n)`;

/** Makes many transactions: one row, whose `outcomes` are the status of each, `replayed`, or its error's code, and their `ids`. */
export function batch(ledger: string, members: Member[]) {
  return {
    name: "batch",
    text: `select array_agg(coalesce(r.error_code, case when r.replayed then 'replayed' end, r.status::text)
                            order by r.index) as outcomes,
                  array_agg(r.transaction_id::text order by r.index) as ids,
                  case when bool_and(r.error_code is null) then 'posted' end as status
             from daybook.create_transactions($1,
               array(select jsonb_populate_record(null::daybook.transaction_input, e)
                       from jsonb_array_elements($2) with ordinality u (e, n) order by n)) r`,
    values: [ledger, JSON.stringify(members)],
  } satisfies Statement;
}

/** Moves an amount out of one account, by a debit, into another, by a credit. */
export function transfer(
  ledger: string,
  from: string,
  to: string,
  amount: number,
  { from: debit, to: credit, ...options }: TransferOptions = {},
) {
  return create(ledger, linesOf(from, to, amount, debit, credit), options);
}

/** The two lines of a transfer. */
export function linesOf(
  from: string,
  to: string,
  amount: number,
  debit: LineOptions = {},
  credit: LineOptions = {},
): Line[] {
  return [
    { account: from, direction: "debit", amount, ...debit },
    { account: to, direction: "credit", amount, ...credit },
  ];
}

/** A transfer that must not leave less than nothing. */
export function withdrawal(ledger: string, from: string, amount: number, options?: CreateOptions) {
  const covered = { available_balance: { gte: 0 } };
  return transfer(ledger, from, "world", amount, { ...options, from: covered });
}

/** What `create` and its kin would do at once, handed to the write-ahead queue instead. */
export function enqueue(ledger: string, ...calls: { values: unknown[] }[]) {
  const transactions = calls.map(
    ({ values: [, entries, status, key, externalId, text, declines] }) => ({
      entries: JSON.parse(entries as string),
      status,
      idempotency_key: key,
      external_id: externalId,
      description: text,
      archive_on_lock_failure: declines,
    }),
  );
  return {
    name: "enqueue",
    text: `select * from daybook.enqueue_transactions($1,
             array(select jsonb_populate_record(null::daybook.transaction_input, t)
                     from jsonb_array_elements($2) with ordinality u (t, n) order by n))`,
    values: [ledger, JSON.stringify(transactions)],
  } satisfies Statement;
}

/** Applies the oldest of a ledger's queue, for the worker's login or the superuser. */
export function drain(ledger: string, max = 1000) {
  return {
    name: "drain",
    text: "select daybook_private.drain_queue($1, $2) as count",
    values: [ledger, max],
  } satisfies Statement;
}

/** Posts or archives a pending transaction. */
export function finish(
  operation: "post" | "archive",
  ledger: string,
  transactionId: string,
  idempotencyKey?: string,
) {
  return {
    name: operation,
    text: `select * from daybook.${operation}_transaction($1, $2, idempotency_key => $3)`,
    values: [ledger, transactionId, idempotencyKey],
  } satisfies Statement;
}

/** Reverses a posted transaction. */
export function reverse(
  ledger: string,
  transactionId: string,
  options: { status?: "pending" | "posted"; effective_at?: string; idempotency_key?: string } = {},
) {
  return {
    name: "reverse",
    text: `select * from daybook.reverse_transaction($1, $2, status => $3, idempotency_key => $4,
                                                        effective_at => $5)`,
    values: [ledger, transactionId, options.status, options.idempotency_key, options.effective_at],
  } satisfies Statement;
}

/** Sets one name of a transaction's metadata, or deletes it if there is no value. */
export function tag(ledger: string, transactionId: string, name: string, value: unknown) {
  const isDeleted = value === undefined;
  return {
    text: `select * from daybook.${isDeleted ? "delete" : "set"}_transaction_metadata($1, $2, $3)`,
    values: [ledger, transactionId, isDeleted ? name : JSON.stringify({ [name]: value })],
  } satisfies Statement;
}

/** Moves an amount between two ledgers, each of which has an account `clearing`. */
export function transferBetween(
  fromLedger: string,
  from: string,
  toLedger: string,
  to: string,
  amount: number,
  idempotencyKey?: string,
) {
  return {
    name: "transfer between",
    text: `select * from daybook.transfer_between_ledgers($1, $2, $3, $4, $5, 'clearing', 'clearing',
             idempotency_key => $6)`,
    values: [fromLedger, from, toLedger, to, amount, idempotencyKey],
  } satisfies Statement;
}

/** Applies an account's queued entries; for the worker's login or the superuser. */
export async function fold({ pool }: Pick<TestDatabase, "pool">, ledger: string, account: string) {
  const find = "select id from daybook.accounts where ledger = $1 and address = $2";
  const { rows } = await pool.query(find, [ledger, account]);
  return {
    name: "fold",
    text: "select daybook_private.fold_account($1, $2) as folded",
    values: [ledger, rows[0].id],
  } satisfies Statement;
}

/** The balances of an account. */
export async function balanceOf(
  { pool }: Pick<TestDatabase, "pool">,
  ledger: string,
  account: string,
) {
  const { rows } = await pool.query(
    `select b.lock_version::integer as version, b.posted_amount::integer as posted,
            b.pending_amount::integer as pending, b.available_amount::integer as available,
            (select count(*)::integer from daybook_private.entry_queue q
              where q.ledger = b.ledger and q.account_id = b.account_id) as queued
       from daybook.balances b where b.ledger = $1 and b.account = $2`,
    [ledger, account],
  );
  return rows[0] as Record<"version" | "posted" | "pending" | "available" | "queued", number>;
}
