import type { Client } from "pg";

/** How large the books are to become. */
export type Plan = {
  transactions: number;
  accounts: number;
  ledgers: number;
  /** Entries of one account on one day. */
  busy: number;
  /** Transactions of a call. */
  batch: number;
};

/** A part of the plan: a call of create_transactions. */
export type Batch = { no: number; ledger: string; users: number; isBusy: boolean };

/** The first ledger has a tenth of everything, the others share the rest: books are not all of a size. */
export const LARGE = "l0";
/** The account of many entries, in the large ledger, and their day. */
export const BUSY = { account: "busy", day: "2026-03-14" };

export const batchesOf = (plan: Plan) => Math.ceil(plan.transactions / plan.batch);

/** Users of a ledger; each has an account. */
export function usersOf(plan: Plan, ledger: number): number {
  if (plan.ledgers === 1) return plan.accounts;
  const large = Math.ceil(plan.accounts / 10);
  return ledger === 0 ? large : Math.ceil((plan.accounts - large) / (plan.ledgers - 1));
}

/** Every tenth is of the large ledger; the first of those are of the busy account. */
export function batchOf(plan: Plan, no: number): Batch {
  const ofLarge = no / 10;
  const isLarge = plan.ledgers === 1 || Number.isInteger(ofLarge);
  const others = no - Math.floor(ofLarge) - 1;
  const ledger = isLarge ? 0 : 1 + (others % (plan.ledgers - 1));
  const before = plan.ledgers === 1 ? no : ofLarge; // of the large ledger
  const isBusy = isLarge && before * plan.batch < plan.busy;
  return { no, ledger: `l${ledger}`, users: usersOf(plan, ledger), isBusy };
}

/** $1 ledger, $2 number of the batch, $3 transactions, $4 users, $5 whether it is of the busy account, $6 all of its entries. */
const CREATE = `
  select count(*) filter (where error_code is not null)::int as refused
    from daybook.create_transactions($1, array(
      select row(array[
               daybook.debit(case when $5 then '${BUSY.account}' else 'users:' || 1 + (i * 7919 + $2::bigint * 104729) % $4 end, 100 + i),
               daybook.credit('users:' || 1 + (i * 6007 + $2::bigint * 15485863) % $4, 100 + i)],
             null,
             case when $5 then timestamptz '${BUSY.day}Z' + interval '1 day' * ((($2 / 10) * $3 + i - 1) % $6) / $6 end,
             'grown-' || $2 || '-' || i, null, 'Card payment ' || ($2 * 7 + i) % 9973,
             '{"order":"ord-123456","channel":"web"}', null, null, null)::daybook.transaction_input
        from generate_series(1, $3::int) i))`;

/**
 * Carries out a batch and notes that it is done, both or neither.
 * @throws Error if anything was refused
 */
export async function carryOut(client: Client, plan: Plan, batch: Batch): Promise<void> {
  const { no, ledger, users, isBusy } = batch;
  await client.query("begin");
  const { rows } = await client.query({
    name: "create",
    text: CREATE,
    values: [ledger, no, plan.batch, users, isBusy, plan.busy],
  });
  if (rows[0].refused > 0) throw new Error(`${rows[0].refused} of batch ${no} were refused`);
  await client.query("insert into bench_batches values ($1)", [no]);
  await client.query("commit");
}

/** Opens a ledger with its accounts; again does no harm. */
export async function openLedger(client: Client, plan: Plan, ledger: number): Promise<void> {
  const [name, users] = [`l${ledger}`, usersOf(plan, ledger)];
  await client.query("select daybook.create_ledger($1)", [name]);
  await client.query("select daybook.open_account($1, $2, 'USD')", [name, BUSY.account]);
  for (let first = 1; first <= users; first += 5000)
    await client.query(
      `select count(*) from daybook.open_accounts($1, array(
         select row('users:' || n, 'USD', 'credit', null, null, null, null)::daybook.account_input
           from generate_series($2::int, $3::int) n))`,
      [name, first, Math.min(users, first + 4999)],
    );
}
