-- What is wrong with the books, one row each: (violation, ledger, subject, facts). $1 names a ledger,
-- null means all. One statement and so one snapshot: it must come out empty in the midst of any load.
with entries as materialized (
  select e.*,
         case when e.direction = 'debit' then e.amount * s.pending else 0 end as adds_pending_debits,
         case when e.direction = 'credit' then e.amount * s.pending else 0 end as adds_pending_credits,
         case when e.direction = 'debit' then e.amount * s.posted else 0 end as adds_posted_debits,
         case when e.direction = 'credit' then e.amount * s.posted else 0 end as adds_posted_credits
    from daybook.entries e
    join (values ('pending'::daybook.entry_effect, 1, 0), ('posted', 1, 1), ('settled', 0, 1), ('released', -1, 0))
      s (effect, pending, posted) using (effect)
   where $1::text is null or e.ledger = $1
),
transactions as materialized (
  select * from daybook.transactions where $1::text is null or ledger = $1
),
sums as (
  select ledger, account_id, count(*) as lock_version,
         array[sum(adds_pending_debits), sum(adds_pending_credits),
               sum(adds_posted_debits), sum(adds_posted_credits)] as counters
    from entries
   group by ledger, account_id
),
chain as (
  select e.*,
         row_number() over w as expected_version,
         array[sum(adds_pending_debits) over w, sum(adds_pending_credits) over w,
               sum(adds_posted_debits) over w, sum(adds_posted_credits) over w] as expected
    from entries e
   where e.lock_version is not null
  window w as (partition by ledger, account_id order by lock_version rows unbounded preceding)
),
shape as (
  select t.ledger, t.id, t.status, t.version, t.archived_reason, t.external_id,
         count(*) filter (where e.effect = 'pending') as pending,
         count(*) filter (where e.effect = 'posted') as posted,
         count(*) filter (where e.effect = 'settled') as settled,
         count(*) filter (where e.effect = 'released') as released
    from transactions t
    left join entries e on e.ledger = t.ledger and e.transaction_id = t.id
   group by t.ledger, t.id, t.status, t.version, t.archived_reason, t.external_id
),
records as (
  select ledger, transaction_id, count(*) as n,
         count(*) filter (where kind in ('create_transaction', 'reverse_transaction')) as created
    from daybook_private.log_events
   where transaction_id is not null and ($1::text is null or ledger = $1)
     and kind not in ('set_transaction_metadata', 'delete_transaction_metadata')
   group by ledger, transaction_id
)
select 'transaction out of balance' as violation, ledger, transaction_id::text as subject,
       jsonb_build_object('effect', effect, 'currency', currency) as facts
  from entries
 group by ledger, transaction_id, transaction_version, effect, currency
having sum(case when direction = 'debit' then amount else -amount end) <> 0
union all
select 'current entries out of balance', ledger, transaction_id::text, jsonb_build_object('currency', currency)
  from daybook.current_entries
 where $1::text is null or ledger = $1
 group by ledger, transaction_id, currency
having sum(case when direction = 'debit' then amount else -amount end) <> 0
union all
select 'balance is not the sum of its entries', b.ledger, b.account,
       jsonb_build_object('balance', to_jsonb(b), 'sum', s.counters, 'entries', s.lock_version)
  from daybook.balances b
  left join sums s on s.ledger = b.ledger and s.account_id = b.account_id
 where ($1::text is null or b.ledger = $1)
   and (b.lock_version, array[b.pending_debits, b.pending_credits, b.posted_debits, b.posted_credits])
       is distinct from (coalesce(s.lock_version, 0), coalesce(s.counters, '{0,0,0,0}'))
union all
select 'version or counters of an entry are not those of its place', ledger, id::text,
       jsonb_build_object('version', lock_version, 'expected_version', expected_version, 'expected', expected)
  from chain
 where (lock_version, array[pending_debits, pending_credits, posted_debits, posted_credits])
       is distinct from (expected_version, expected)
union all
select 'queue and unversioned entries differ', coalesce(e.ledger, q.ledger), coalesce(e.id, q.entry_id)::text,
       jsonb_build_object('entry', e.id, 'queued', q.entry_id)
  from (select * from entries where lock_version is null) e
  full join (select * from daybook_private.entry_queue where $1::text is null or ledger = $1) q
         on q.ledger = e.ledger and q.account_id = e.account_id and q.entry_id = e.id
 where (q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits)
       is distinct from (e.adds_pending_debits, e.adds_pending_credits, e.adds_posted_debits, e.adds_posted_credits)
union all
select 'debits and credits of a currency differ', ledger, currency, jsonb_build_object(
         'pending', sum(pending_debits - pending_credits), 'posted', sum(posted_debits - posted_credits))
  from daybook.balances
 where $1::text is null or ledger = $1
 group by ledger, currency
having sum(pending_debits) <> sum(pending_credits) or sum(posted_debits) <> sum(posted_credits)
union all
select 'entries do not tell the status of their transaction', ledger, id::text, to_jsonb(s)
  from shape s
 where (case
          when status = 'pending' then version = 1 and pending >= 2 and posted + settled + released = 0
          when status = 'posted' and version = 1 then posted >= 2 and pending + settled + released = 0
          when status = 'posted' then pending >= 2 and settled = pending and posted + released = 0
          when archived_reason = 'balance_lock_failure' then pending + posted + settled + released = 0
          else pending >= 2 and released = pending and posted + settled = 0
        end) is not true
union all
select 'entry without its transaction', e.ledger, e.id::text, '{}'
  from entries e
 where not exists (select from transactions t where t.ledger = e.ledger and t.id = e.transaction_id)
union all
select 'log does not tell the life of a transaction', s.ledger, s.id::text, to_jsonb(s) || coalesce(to_jsonb(r), '{}')
  from shape s
  left join records r on r.ledger = s.ledger and r.transaction_id = s.id
 where (coalesce(r.created, 0), coalesce(r.n, 0)) is distinct from
       (case when s.status = 'posted' and s.version = 1 then 0 else 1 end,
        case when s.status = 'posted' and s.version = 1 then 0 else s.version end)
union all
select 'external ids are not those of pending and posted transactions',
       coalesce(s.ledger, x.ledger), coalesce(s.external_id, x.external_id),
       jsonb_build_object('transaction', s.id, 'holder', x.transaction_id)
  from (select * from shape where status <> 'archived' and external_id is not null) s
  full join (select * from daybook_private.external_ids where $1::text is null or ledger = $1) x
         on x.ledger = s.ledger and x.external_id = s.external_id
 where s.id is distinct from x.transaction_id
union all
select 'idempotency key of nothing', k.ledger, k.key, to_jsonb(k)
  from daybook_private.idempotency_keys k
 where ($1::text is null or k.ledger = $1)
   and not exists (select from transactions t where t.ledger = k.ledger and t.id = k.transaction_id)
union all
select 'facts of an account differ', a.ledger, a.address, to_jsonb(c)
  from daybook.accounts a
  left join daybook_private.account_counters c on c.ledger = a.ledger and c.account_id = a.id
 where ($1::text is null or a.ledger = $1)
   and (a.normal_balance, a.closed_at, a.balance_min, a.balance_max)
       is distinct from (c.normal_balance, c.closed_at, c.balance_min, c.balance_max)
union all
select 'default partition is in use', null, 'entries_default', '{}'
 where exists (select from daybook.entries_default)
