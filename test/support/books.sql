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
-- What settles or releases answers the pending entries of the version that was the latest before it.
answered as (
  select e.*, case when e.effect = 'pending' then e.transaction_version
                else max(e.transaction_version) filter (where e.effect = 'pending') over earlier end as generation
    from entries e
   where e.effect <> 'posted'
  window earlier as (partition by e.ledger, e.transaction_id
                         order by e.transaction_version range between unbounded preceding and 1 preceding)
),
-- Grouped by all that an answer has in common with what it answers; amount is what is left.
held as materialized (
  select ledger, transaction_id, generation, position, account_id, direction, currency, effective_at,
         count(*) filter (where effect = 'pending') as made,
         sum(case when effect = 'pending' then amount else -amount end) as amount
    from answered
   group by ledger, transaction_id, generation, position, account_id, direction, currency, effective_at
),
shape as (
  select t.ledger, t.id, t.status, t.version, t.entries_version, t.archived_reason, t.external_id, t.expires_at,
         t.posted_at, t.archived_at,
         count(e.id) as entries,
         count(*) filter (where e.effect = 'pending') as pending,
         count(*) filter (where e.effect in ('posted', 'settled')) as posted,
         count(*) filter (where e.effect in ('posted', 'settled') and e.transaction_version = t.version) as posted_last,
         count(distinct e.effect) filter (where e.effect in ('posted', 'settled')) as ways_to_post,
         count(*) filter (where e.effect = 'released' and e.transaction_version = t.version) as released_last,
         max(e.transaction_version) filter (where e.effect in ('pending', 'posted')) as written_last,
         count(*) filter (where e.effect in ('pending', 'posted') and e.transaction_version = t.entries_version
                            and e.effective_at <> t.effective_at) as at_other_times
    from transactions t
    left join entries e on e.ledger = t.ledger and e.transaction_id = t.id
   group by t.ledger, t.id, t.status, t.version, t.entries_version, t.archived_reason, t.external_id, t.expires_at,
         t.posted_at, t.archived_at
),
records as (
  select ledger, transaction_id,
         array_agg((data ->> 'version')::integer order by (data ->> 'version')::integer) as versions
    from daybook_private.log_events
   where transaction_id is not null and data ? 'version' and ($1::text is null or ledger = $1)
   group by ledger, transaction_id
),
parts as (
  select l.ledger, l.transaction_id, (l.data ->> 'version')::integer as version,
         (l.data ->> 'posted_transaction_id')::uuid as part_id
    from daybook_private.log_events l
   where l.kind = 'partially_post_transaction' and ($1::text is null or l.ledger = $1)
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
 where (at_other_times = 0 and entries_version = coalesce(written_last, 1) and case
          when status = 'pending' then pending >= 2 and posted = 0
          when status = 'posted' and version = 1 then posted >= 2 and entries = posted and posted_last = posted
          when status = 'posted' then pending >= 2 and posted >= 2 and posted_last = posted and ways_to_post = 1
          when archived_reason = 'balance_lock_failure' then version = 1 and entries = 0
          else version > 1 and pending >= 2 and posted = 0 and released_last >= 2
        end) is not true
union all
select 'times do not tell the status of their transaction', ledger, id::text, to_jsonb(s)
  from shape s
 where (case
          when status = 'pending' then posted_at is null and archived_at is null and archived_reason is null
          when status = 'posted' then posted_at is not null and archived_at is null and archived_reason is null
          when archived_reason = 'expired' then posted_at is null and archived_at >= expires_at
          else posted_at is null and archived_at is not null
               and coalesce(archived_reason, 'fully_posted') in ('balance_lock_failure', 'fully_posted')
        end) is not true
union all
select 'what is left of a hold is not what is pending', h.ledger, h.transaction_id::text, to_jsonb(h)
  from held h
  join transactions t on t.ledger = h.ledger and t.id = h.transaction_id
 where (made = 1 and amount >= 0
        and (amount = 0 or t.status = 'pending' and h.generation = t.entries_version)) is not true
union all
select 'what is left of a hold is out of balance', ledger, transaction_id::text, jsonb_build_object('currency', currency)
  from held
 group by ledger, transaction_id, generation, currency
having sum(case when direction = 'debit' then amount else -amount end) <> 0
union all
select 'pending transaction that holds nothing', t.ledger, t.id::text, '{}'
  from transactions t
 where t.status = 'pending'
   and not exists (select from held h where h.ledger = t.ledger and h.transaction_id = t.id and h.amount > 0)
union all
select 'current entries are not what is left of a hold',
       coalesce(h.ledger, c.ledger), coalesce(h.transaction_id, c.transaction_id)::text,
       jsonb_build_object('left', to_jsonb(h), 'current', to_jsonb(c))
  from (select * from held where amount > 0) h
  full join (select * from daybook.current_entries where effect = 'pending' and ($1::text is null or ledger = $1)) c
         on c.ledger = h.ledger and c.transaction_id = h.transaction_id and c.position = h.position
 where (c.account_id, c.direction, c.amount) is distinct from (h.account_id, h.direction, h.amount)
union all
-- An account of which partial postings have used up everything may or may not be noted.
select 'expiring holds are not those of pending transactions',
       coalesce(h.ledger, x.ledger), coalesce(h.transaction_id, x.transaction_id)::text,
       jsonb_build_object('held', to_jsonb(h), 'noted', to_jsonb(x))
  from (select h.ledger, h.transaction_id, h.account_id, t.expires_at, sum(h.amount) as amount
          from held h
          join transactions t on t.ledger = h.ledger and t.id = h.transaction_id
         where t.status = 'pending' and t.expires_at is not null and h.generation = t.entries_version
         group by h.ledger, h.transaction_id, h.account_id, t.expires_at) h
  full join (select * from daybook_private.expiring_holds where $1::text is null or ledger = $1) x
         on x.ledger = h.ledger and x.account_id = h.account_id and x.transaction_id = h.transaction_id
        and x.expires_at = h.expires_at
 where h.ledger is null or x.ledger is null and h.amount > 0
union all
select 'part of a hold without the other side of its link', coalesce(t.ledger, p.ledger),
       coalesce(t.id, p.part_id)::text, jsonb_build_object('pending', coalesce(t.partially_posts_transaction_id, p.transaction_id))
  from (select * from transactions where partially_posts_transaction_id is not null) t
  full join parts p on p.ledger = t.ledger and p.part_id = t.id and p.transaction_id = t.partially_posts_transaction_id
 where t.id is null or p.part_id is null
union all
select 'part of a hold differs from what it took from it', s.ledger, s.part_id::text,
       jsonb_build_object('version', s.version, 'account', e.account_id)
  from (select ledger, part_id, version, part_id as side, 1 as entries_version from parts
        union all
        select ledger, part_id, version, transaction_id, version from parts) s
  join entries e on e.ledger = s.ledger and e.transaction_id = s.side and e.transaction_version = s.entries_version
 group by s.ledger, s.part_id, s.version, e.account_id, e.direction
having sum(case when e.effect = 'posted' then e.amount else -e.amount end) <> 0
union all
select 'reversal without the other side of its link', t.ledger, t.id::text, jsonb_build_object(
         'reverses', t.reverses_transaction_id, 'reversed_by', t.reversed_by_transaction_id)
  from transactions t
 where t.reverses_transaction_id is not null and t.status <> 'archived'
       and not exists (select from daybook.transactions o where o.ledger = t.ledger and o.id = t.reverses_transaction_id
                          and o.reversed_by_transaction_id = t.id)
    or t.reversed_by_transaction_id is not null
       and not exists (select from daybook.transactions o where o.ledger = t.ledger and o.id = t.reversed_by_transaction_id
                          and o.reverses_transaction_id = t.id)
union all
select 'entry without its transaction', e.ledger, e.id::text, '{}'
  from entries e
 where not exists (select from transactions t where t.ledger = e.ledger and t.id = e.transaction_id)
union all
select 'log does not tell the life of a transaction', s.ledger, s.id::text, to_jsonb(s) || coalesce(to_jsonb(r), '{}')
  from shape s
  left join records r on r.ledger = s.ledger and r.transaction_id = s.id
 where coalesce(r.versions, '{}') is distinct from
       array(select n from generate_series(1, case when s.status = 'posted' and s.version = 1 then 0 else s.version end) n)
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
        on u.ledger = e.ledger and u.account_id = e.account_id and e.lock_version <= u.lock_version
     cross join (values ('year', 'ever'), ('month', 'ever'), ('day', 'ever'), ('hour', 'ever'),
                        ('ever', 'year'), ('ever', 'month'), ('ever', 'day'), ('ever', 'hour'),
                        ('month', 'month'), ('month', 'day'), ('day', 'month'), ('day', 'day')) k (effective_in, recorded_in)
     group by 1, 2, 3, 4, 5, 6) e
    using (ledger, account_id, effective_in, recorded_in, effective_from, recorded_from)
 where (s.entries, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits, s.first_id::text, s.last_id::text)
       is distinct from
       (e.entries, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits, e.first_id, e.last_id)
union all
select 'default partition is in use', null, 'entries_default', '{}'
 where exists (select from daybook.entries_default)
