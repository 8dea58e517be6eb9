import type { TestDatabase } from "./database.ts";
import type { Statement } from "./sessions.ts";

/** Rolls up an account's next entries, for the worker's login or the superuser. */
export function rollUp(ledger: string, account: string, max = 20_000) {
  return {
    name: "roll up",
    text: `select daybook_private.roll_up_account(ledger, account_id, $3) as count
             from daybook_private.account_counters where ledger = $1 and address = $2`,
    values: [ledger, account, max],
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
 */
export const DIFFERENCES = `
  with accounts as (
    select a.address, a.id,
           (select count(*) from daybook.entries e where e.ledger = a.ledger and e.account_id = a.id) as entries
      from daybook.accounts a where a.ledger = $1
  ),
  questions as materialized (
    select q.id, q.account, a.id as account_id,
           case when q.effective_at is not null then coalesce(e.effective_at, q.effective_at) end as effective_at,
           case when q.recorded_at is not null then coalesce(e.created_at, q.recorded_at) end as recorded_at,
           round(q.version * a.entries)::bigint as version
      from jsonb_to_recordset($2::jsonb) q (id integer, account text, effective_at timestamptz,
             recorded_at timestamptz, version numeric, like_entry boolean)
      join accounts a on a.address = q.account
      left join lateral (
        select e.* from daybook.entries e
         where e.ledger = $1 and e.account_id = a.id and q.like_entry
           and e.lock_version = 1 + (hashint4(q.id)::bigint + 2147483648) % greatest(a.entries, 1)) e on true
  ),
  answers as (
    select q.*,
           array[b.lock_version, b.pending_debits, b.pending_credits, b.posted_debits, b.posted_credits] as answer,
           s.expected
      from questions q
     cross join lateral daybook.account_balance($1, q.account, q.effective_at, q.recorded_at, q.version) b
     cross join lateral (
        select array[count(*),
                 coalesce(sum(e.amount * w.pending) filter (where e.direction = 'debit'), 0),
                 coalesce(sum(e.amount * w.pending) filter (where e.direction = 'credit'), 0),
                 coalesce(sum(e.amount * w.posted) filter (where e.direction = 'debit'), 0),
                 coalesce(sum(e.amount * w.posted) filter (where e.direction = 'credit'), 0)] as expected
          from (select *, row_number() over (order by e.lock_version nulls last, e.id) as version
                  from daybook.entries e
                 where e.ledger = $1 and e.account_id = q.account_id) e
          join (values ('pending'::daybook.entry_effect, 1, 0), ('posted', 1, 1), ('settled', 0, 1), ('released', -1, 0))
            w (effect, pending, posted) on w.effect = e.effect
         where (q.effective_at is null or e.effective_at <= q.effective_at)
           and (q.recorded_at is null or e.created_at <= q.recorded_at)
           and (q.version is null or e.version <= q.version)) s
  )
  select count(*)::integer as asked,
         coalesce(jsonb_agg(to_jsonb(a)) filter (where answer is distinct from expected), '[]') as wrong
    from answers a`;
