import type { ClientBase } from "pg";

/** The posted balances of all customers, in haléře, by address. */
export async function customerBalances(
  client: ClientBase,
  ledger: string,
): Promise<Map<string, bigint>> {
  const { rows } = await client.query<{ account: string; posted_amount: string }>(
    `select account, posted_amount
       from daybook.balances
      where ledger = $1 and account like 'customers:%'`,
    [ledger],
  );
  return new Map(rows.map(({ account, posted_amount }) => [account, BigInt(posted_amount)]));
}

/** A customer's balance before a day, from the entries. */
export async function balanceBefore(
  client: ClientBase,
  ledger: string,
  address: string,
  day: string,
): Promise<bigint> {
  const { rows } = await client.query<{ balance: string }>(
    `select coalesce(sum(case when e.direction = 'credit' then e.amount else -e.amount end), 0) as balance
       from daybook.accounts a
       join daybook.entries e on e.ledger = a.ledger and e.account_id = a.id
      where a.ledger = $1 and a.address = $2 and e.effective_at < $3::date::timestamp at time zone 'UTC'`,
    [ledger, address, day],
  );
  return BigInt(rows[0]!.balance);
}

export type Totals = {
  transactions: bigint;
  /** Of all accounts' balances. */
  debits: bigint;
  credits: bigint;
  /** Of all entries. */
  entryDebits: bigint;
  entryCredits: bigint;
};

/** Sums over the whole ledger, in one snapshot. */
export async function readTotals(client: ClientBase, ledger: string): Promise<Totals> {
  const { rows } = await client.query<Record<keyof Totals, string>>(
    `select t.transactions, b.debits, b.credits, e.debits as "entryDebits", e.credits as "entryCredits"
       from (select count(*) as transactions from daybook.transactions where ledger = $1) t,
            (select coalesce(sum(posted_debits), 0) as debits, coalesce(sum(posted_credits), 0) as credits
               from daybook.balances where ledger = $1) b,
            (select coalesce(sum(amount) filter (where direction = 'debit'), 0) as debits,
                    coalesce(sum(amount) filter (where direction = 'credit'), 0) as credits
               from daybook.entries where ledger = $1) e`,
    [ledger],
  );
  const sums = Object.entries(rows[0]!).map(([name, value]) => [name, BigInt(value)]);
  return Object.fromEntries(sums) as Totals;
}
