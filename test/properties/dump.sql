-- Everything that is kept of the ledger $1, but its name, ids and times of the clock; in the order of the ids.
select jsonb_build_object(
  'transactions', (
    select jsonb_agg(
             to_jsonb(t) - '{ledger,created_at,posted_at,archived_at,effective_at}'::text[]
               || jsonb_build_object('is_posted', t.posted_at = t.created_at, 'is_archived', t.archived_at is not null,
                    'effective_at', nullif(t.effective_at, t.created_at)) order by t.id)
      from daybook.transactions t where t.ledger = $1),
  'entries', (
    select jsonb_agg(
             to_jsonb(e) - '{ledger,id,created_at,effective_at}'::text[]
               || jsonb_build_object('effective_at', nullif(e.effective_at, e.created_at),
                    'is_timely', e.created_at >= t.created_at,
                    'queued', to_jsonb(q) - '{ledger,entry_id}'::text[]) order by e.id)
      from daybook.entries e
      join daybook.transactions t on t.ledger = e.ledger and t.id = e.transaction_id
      left join daybook_private.entry_queue q on q.ledger = e.ledger and q.entry_id = e.id
     where e.ledger = $1),
  'counters', (
    select jsonb_agg(to_jsonb(c) - '{ledger,closed_at}'::text[] order by c.address) from daybook_private.account_counters c where c.ledger = $1),
  'keys', (
    select jsonb_agg(to_jsonb(k) - '{ledger,created_at}'::text[] order by k.key)
      from daybook_private.idempotency_keys k where k.ledger = $1),
  'external_ids', (
    select jsonb_agg(to_jsonb(x) - 'ledger' order by x.external_id) from daybook_private.external_ids x where x.ledger = $1),
  'expiring', (
    select jsonb_agg(to_jsonb(x) - 'ledger' order by x.transaction_id, a.address)
      from daybook_private.expiring_holds x
      join daybook.accounts a on a.ledger = x.ledger and a.id = x.account_id
     where x.ledger = $1),
  'log', (
    select jsonb_agg(
             to_jsonb(l) - '{ledger,id,created_at}'::text[]
               || case when (l.data ->> 'effective_at')::timestamptz = t.created_at
                    then jsonb_build_object('data', l.data - 'effective_at') else '{}' end order by l.id)
      from daybook_private.log_events l
      join daybook.transactions t on t.ledger = l.ledger and t.id = l.transaction_id
     where l.ledger = $1),
  'backwards', (
    select count(*)
      from (select e.created_at < lag(e.created_at) over (partition by e.account_id order by e.lock_version) as is_backwards
              from daybook.entries e where e.ledger = $1 and e.lock_version is not null) b
     where b.is_backwards)
)::text as dump
