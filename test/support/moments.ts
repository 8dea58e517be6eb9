import type { TestDatabase } from "./database.ts";
import type { Statement } from "./sessions.ts";

/**
 * Rolls up an account's next entries, for the worker's login or the superuser: so many into the sums of one time, then
 * so many into those of both times.
 */
export function rollUp(
  ledger: string,
  account: string,
  max = 20_000,
  maxOfPeriod = 500,
  maxOfBoth = max,
) {
  return {
    name: "roll up",
    text: `select daybook_private.roll_up_account(ledger, account_id, $3::integer, $4::integer) as count,
                  daybook_private.roll_up_account(ledger, account_id, $5::integer, of_both => true) as count_of_both
             from daybook_private.account_counters where ledger = $1 and address = $2`,
    values: [ledger, account, max, maxOfPeriod, maxOfBoth],
  } satisfies Statement;
}

/**
 * Makes a ledger's entries look as if they had been recorded over so many years, in any order: what is
 * recorded by the clock could not be tested otherwise.
 */
export async function spreadRecording(
  { connect }: Pick<TestDatabase, "connect">,
  ledger: string,
  years: number,
): Promise<void> {
  const client = await connect();
  await client.query("set session_replication_role = replica");
  await client.query(
    `update daybook.entries
        set created_at = date_bin('20 minutes', created_at - $2 * random() * interval '365 days', 'epoch')
      where ledger = $1`,
    [ledger, years],
  );
  await client.query("set session_replication_role = origin");
}

/**
 * Questions about balances of ledger $1, and what plain sums over entries say, of one snapshot. $2 is an array of
 * questions: account, effective_at, recorded_at, version (as a part of those that there are); `like_entry` puts the
 * times at those of some entry. One row: how many were asked, and which were answered wrongly.
 * @param entries where entries are read from, if not from the books alone
 */
export const differences = (entries = "daybook.entries") => `
  with entries as materialized (
    select a.address as account, e.id, e.effective_at, e.created_at, e.direction,
           e.amount * w.pending as pending, e.amount * w.posted as posted,
           row_number() over (partition by e.account_id order by e.lock_version nulls last, e.id) as version,
           count(*) over (partition by e.account_id) as entries
      from ${entries} e
      join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
      join (values ('pending'::daybook.entry_effect, 1, 0), ('posted', 1, 1), ('settled', 0, 1), ('released', -1, 0))
        w (effect, pending, posted) on w.effect = e.effect
     where e.ledger = $1
  ),
  questions as materialized (
    select q.id, q.account, round(q.version * e.entries)::bigint as version,
           case when q.like_entry and q.effective_at is not null then e.effective_at else q.effective_at end as effective_at,
           case when q.like_entry and q.recorded_at is not null then e.created_at else q.recorded_at end as recorded_at
      from jsonb_to_recordset($2::jsonb) q (id integer, account text, effective_at timestamptz,
             recorded_at timestamptz, version numeric, like_entry boolean)
      join entries e on e.account = q.account and e.version = 1 + (hashint4(q.id)::bigint + 2147483648) % e.entries
  ),
  sums as materialized (
    select q.id,
           array[count(*),
             coalesce(sum(e.pending) filter (where e.direction = 'debit'), 0),
             coalesce(sum(e.pending) filter (where e.direction = 'credit'), 0),
             coalesce(sum(e.posted) filter (where e.direction = 'debit'), 0),
             coalesce(sum(e.posted) filter (where e.direction = 'credit'), 0)] as expected
      from questions q
      join entries e on e.account = q.account
       and (q.effective_at is null or e.effective_at <= q.effective_at)
       and (q.recorded_at is null or e.created_at <= q.recorded_at)
       and (q.version is null or e.version <= q.version)
     group by q.id
  ),
  answers as (
    select q.*, coalesce(s.expected, '{0,0,0,0,0}') as expected,
           array[b.lock_version, b.pending_debits, b.pending_credits, b.posted_debits, b.posted_credits] as answer
      from questions q
     cross join lateral daybook.account_balance($1, q.account, q.effective_at, q.recorded_at, q.version) b
      left join sums s using (id)
  )
  select count(*)::integer as asked,
         coalesce(jsonb_agg(to_jsonb(a)) filter (where answer is distinct from expected), '[]') as wrong
    from answers a`;
