-- What is wrong with the books, one row each: (violation, ledger, subject, facts). $1 names a ledger,
-- null means all. One statement and so one snapshot: it must come out empty in the midst of any load.
-- What is true of each transaction is told by the product's own checks; what is true of accounts is told
-- here by plain sums over all entries, as those walk along the versions. Entries of detached months are among
-- them (is_here says which are not), so the caller puts their tables beside the table of entries.
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
)
select 'balance is not the sum of its entries' as violation, b.ledger, b.account as subject,
       jsonb_build_object('balance', to_jsonb(b), 'sum', s.counters, 'entries', s.lock_version) as facts
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
  from (select * from entries where lock_version is null and is_here) e
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
select 'what is carried forward is not the sum of detached entries', coalesce(d.ledger, e.ledger),
       coalesce(d.account_id, e.account_id)::text, jsonb_build_object('carried', to_jsonb(d), 'entries', to_jsonb(e))
  from (select * from daybook_private.detached_sums where $1::text is null or ledger = $1) d
  full join (
    select ledger, account_id, count(*) as entries, max(lock_version) as newest,
           max(greatest(effective_at, created_at)) as latest,
           array[sum(adds_pending_debits), sum(adds_pending_credits),
                 sum(adds_posted_debits), sum(adds_posted_credits)] as counters
      from entries
     where not is_here
     group by 1, 2) e
    using (ledger, account_id)
 where (d.entries, array[d.pending_debits, d.pending_credits, d.posted_debits, d.posted_credits]) is distinct from (e.entries, e.counters)
    or d.lock_version < e.newest or d.detached_until <= e.latest
    or exists (select from daybook_private.rollup_cursors u
                where u.ledger = d.ledger and u.account_id = d.account_id
                  and (u.lock_version > 0 and u.lock_version < d.lock_version or u.both_version > 0 and u.both_version < d.lock_version))
union all
select 'sums by time are not those of the entries up to their cursor', coalesce(s.ledger, e.ledger),
       coalesce(s.account_id, e.account_id)::text, jsonb_build_object('sums', to_jsonb(s), 'entries', to_jsonb(e))
  from (select * from daybook_private.entry_sums where $1::text is null or ledger = $1) s
  full join (
    select e.ledger, e.account_id, k.effective_in, k.recorded_in,
           case when k.effective_in = 'ever' then '-infinity' else date_trunc(k.effective_in, e.effective_at, 'UTC') end as effective_from,
           case when k.recorded_in = 'ever' then '-infinity' else date_trunc(k.recorded_in, e.created_at, 'UTC') end as recorded_from,
           count(*) as entries,
           sum(adds_pending_debits) as pending_debits, sum(adds_pending_credits) as pending_credits,
           sum(adds_posted_debits) as posted_debits, sum(adds_posted_credits) as posted_credits,
           min(e.id::text) as first_id, max(e.id::text) as last_id
      from entries e
      join daybook_private.rollup_cursors u
        on u.ledger = e.ledger and u.account_id = e.account_id and e.lock_version <= u.lock_version and e.is_here
     cross join lateral (
       select array_position('{month,day,hour}', u.effective_unit) as e, array_position('{month,day,hour}', u.recorded_unit) as r) n
     cross join lateral (
       select ('{year,month,day,hour}'::text[])[i], 'ever' from generate_series(1, 1 + n.e) i
       union all
       select 'ever', ('{year,month,day,hour}'::text[])[i] from generate_series(1, 1 + n.r) i
       union all
       select ('{month,day,hour}'::text[])[i], ('{month,day,hour}'::text[])[j]
         from generate_series(1, n.e) i, generate_series(1, n.r) j
        where e.lock_version <= u.both_version) k (effective_in, recorded_in)
     group by 1, 2, 3, 4, 5, 6) e
    using (ledger, account_id, effective_in, recorded_in, effective_from, recorded_from)
 where (s.entries, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits)
       is distinct from
       (e.entries, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits)
    or s.first_id::text > e.first_id or s.last_id::text < e.last_id
union all
select v.violation, v.ledger, v.subject, v.facts
  from daybook.ledgers g
 cross join lateral (
   select * from daybook_private.broken_transactions(g.name, null, null)
   union all
   select * from daybook_private.broken_notes(g.name)
   union all
   select * from daybook_private.broken_totals(g.name)
 ) v
 where $1::text is null or g.name = $1
