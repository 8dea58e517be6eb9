--! Previous: sha1:c07de9d72787613b6deee3d9c8d026f5ddcb755a
--! Hash: sha1:bae0cd3e2e42b48c7eef842e4b5d8818f786d3d9
--! Message: steps-doors-and-halves

-- The hourly jobs go in steps, so that none of their statements is long.
drop function if exists daybook_private.index_missed(interval);
drop function if exists daybook_private.search_backlog(text, uuid, integer);
drop function if exists daybook_private.purge_idempotency_keys(interval);
drop function if exists daybook_private.purge_receipts(interval);
drop function if exists daybook_private.check_totals();
-- Purging goes page by page, and room in the table is used again: the index told nothing and cost every receipt.
drop index if exists daybook_private.finished_receipts_finished_at_idx;
--! Included daybook_private/functions/search_backlog.sql
-- What happens to a transaction after it was made is an event in the log, written in the same step: the row
-- of a transaction is as new as the last event it names. Planned once: it costs partitions more to plan than
-- to look into, and above cuts off all but the last ones when it runs. What few rows stand above is read in
-- order of the key, whatever an index of something else may promise.
create or replace function daybook_private.search_backlog(
  ledger text,
  above uuid,
  most integer default null,
  until uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff'
)
  returns table (id uuid, transaction_id uuid)
  language plpgsql
  stable
  set plan_cache_mode to force_generic_plan
  set enable_seqscan to off
  set enable_bitmapscan to off
  set enable_hashjoin to off
  set enable_mergejoin to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    (select t.id, t.id
       from (select t.id
               from daybook.transactions t
              where t.ledger = search_backlog.ledger and t.id > above and t.id <= until
              order by t.id
             offset 0) t
      where not exists (
              select
                from daybook_private.search_documents d
               where d.ledger = search_backlog.ledger and d.transaction_id = t.id
             offset 0)
      limit most)
    union all
    (select e.id, e.transaction_id
       from (select e.id, e.transaction_id
               from daybook_private.log_events e
              where e.ledger = search_backlog.ledger and e.id > above and e.id <= until
              order by e.id
             offset 0) e
      where e.transaction_id is not null
        and not exists (
              select
                from daybook_private.search_documents d
               where d.ledger = search_backlog.ledger and d.transaction_id = e.transaction_id and d.last_event_id >= e.id
             offset 0)
      limit most)
     order by 1
     limit most;
end
$$;
comment on function daybook_private.search_backlog(text, uuid, integer, uuid) is
  'What was recorded above an id, up to another, and is not yet in search_documents, oldest first, and the transaction that it made or changed.';
revoke execute on function daybook_private.search_backlog(text, uuid, integer, uuid) from public;
--! EndIncluded daybook_private/functions/search_backlog.sql
--! Included daybook_private/functions/index_missed.sql
-- The worker relies on clocks that are not set back (see settled_until). This does not. A step is about so many
-- transactions, and what happened in their time, so that none takes long, however much there is: see purge_receipts.
create or replace function daybook_private.index_missed(
  inout ledger text default '',
  inout above uuid default null,
  since interval default '2 hours',
  most integer default 20000,
  out missed integer
)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  head daybook_private.search_heads;
  missed_ids uuid[];
  until uuid;
begin
  select h.* into head
    from daybook_private.search_heads h
   where h.ledger > index_missed.ledger or h.ledger = index_missed.ledger and index_missed.above is not null
   order by h.ledger
   limit 1
     for update;
  ledger := head.ledger;
  missed := 0;
  if head.ledger is null then
    return;
  end if;
  above := coalesce(above, daybook_private.uuid_at(now() - since));
  until := coalesce(
    (select t.id
       from daybook.transactions t
      where t.ledger = head.ledger and t.id > index_missed.above and t.id < head.indexed_until
      order by t.id
     offset most - 1
      limit 1),
    head.indexed_until);
  missed_ids := array(
    select distinct b.transaction_id from daybook_private.search_backlog(head.ledger, index_missed.above, null, until) b);
  if missed_ids <> '{}' then
    perform daybook_private.index_transactions(head.ledger, missed_ids);
    missed := cardinality(missed_ids);
  end if;
  above := case when until < head.indexed_until then until end;
end
$$;
comment on function daybook_private.index_missed(text, uuid, interval, integer) is
  'One step of a look, ledger by ledger in the order of their names, whether index_search has passed over something that was recorded lately; makes up for it. Goes on above an id of a ledger, or without one with the ledger behind it. Returns where to go on, a null ledger after the last one, and how many transactions were missed.';
revoke execute on function daybook_private.index_missed(text, uuid, interval, integer) from public;
grant execute on function daybook_private.index_missed(text, uuid, interval, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/index_missed.sql
--! Included daybook_private/functions/page_start.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.page_start(page bigint)
  returns tid
  language sql
  stable
  parallel safe
as $$
  select pg_catalog.format('(%s,0)', least(page, 4294967295))::tid
$$;
comment on function daybook_private.page_start(bigint) is
  'The place in a table before all rows of a page; pages are counted from 0.';
revoke execute on function daybook_private.page_start(bigint) from public;
--! EndIncluded daybook_private/functions/page_start.sql
--! Included daybook_private/functions/has_page.sql
create or replace function daybook_private.has_page(relation regclass, page bigint)
  returns boolean
  language sql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
  select page = 0 or page < pg_relation_size(relation) / current_setting('block_size')::bigint
$$;
comment on function daybook_private.has_page(regclass, bigint) is
  'Whether a table reaches to a page, counted from 0; the first one is taken to be there.';
revoke execute on function daybook_private.has_page(regclass, bigint) from public;
--! EndIncluded daybook_private/functions/has_page.sql
--! Included daybook_private/functions/purge_idempotency_keys.sql
-- By pages of the table, so that the worker can do it in many short statements: while a long one runs, no dead version of
-- any row can be cleaned away, not even of an account that everybody writes to.
create or replace function daybook_private.purge_idempotency_keys(
  retention interval default '30 days',
  from_page bigint default 0,
  pages bigint default 4294967295
)
  returns bigint
  language sql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
  with purged as (
    delete from daybook_private.idempotency_keys t
     where t.ctid >= daybook_private.page_start(from_page) and t.ctid < daybook_private.page_start(from_page + pages)
       and t.created_at < least(now() - retention, now() - interval '24 hours')
    returning 1
  )
  select case when daybook_private.has_page('daybook_private.idempotency_keys', from_page) then count(*) end from purged
$$;
comment on function daybook_private.purge_idempotency_keys(interval, bigint, bigint) is
  'Forgets idempotency keys older than the retention, which is never below 24 hours, in so many pages of their table from one on; returns how many, null if there is no such page.';
revoke execute on function daybook_private.purge_idempotency_keys(interval, bigint, bigint) from public;
grant execute on function daybook_private.purge_idempotency_keys(interval, bigint, bigint) to daybook_worker;
--! EndIncluded daybook_private/functions/purge_idempotency_keys.sql
--! Included daybook_private/functions/purge_receipts.sql
-- By pages of the table, so that the worker can do it in many short statements: while a long one runs, no dead version of
-- any row can be cleaned away, not even of an account that everybody writes to.
create or replace function daybook_private.purge_receipts(
  retention interval default '30 days',
  from_page bigint default 0,
  pages bigint default 4294967295
)
  returns bigint
  language sql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
  with purged as (
    delete from daybook_private.finished_receipts t
     where t.ctid >= daybook_private.page_start(from_page) and t.ctid < daybook_private.page_start(from_page + pages)
       and t.finished_at < least(now() - retention, now() - interval '24 hours')
    returning 1
  )
  select case when daybook_private.has_page('daybook_private.finished_receipts', from_page) then count(*) end from purged
$$;
comment on function daybook_private.purge_receipts(interval, bigint, bigint) is
  'Forgets receipts finished longer ago than the retention, which is never below 24 hours, in so many pages of their table from one on; returns how many, null if there is no such page.';
revoke execute on function daybook_private.purge_receipts(interval, bigint, bigint) from public;
grant execute on function daybook_private.purge_receipts(interval, bigint, bigint) to daybook_worker;
--! EndIncluded daybook_private/functions/purge_receipts.sql
-- Rebuilding from the log leaves alone what somebody sets or takes away just then.
--! Included daybook_private/functions/relog_accounts.sql
-- Accounts that differ are held first and compared again in a later statement: so what somebody sets
-- meanwhile, and its record, are both seen.
create or replace function daybook_private.relog_accounts(ledger text)
  returns setof daybook.violation
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  perform
    from daybook.accounts a
    join daybook_private.logged_accounts(relog_accounts.ledger) l on l.account_id = a.id
   where a.ledger = relog_accounts.ledger
     and (a.balance_min, a.balance_max, a.closed_at, a.metadata)
         is distinct from (l.balance_min, l.balance_max, l.closed_at, l.metadata)
   order by a.id
     for no key update of a;
  return query
    with changed as (
      update daybook.accounts a
         set balance_min = l.balance_min, balance_max = l.balance_max, closed_at = l.closed_at, metadata = l.metadata
        from daybook_private.logged_accounts(relog_accounts.ledger) l
       where a.ledger = relog_accounts.ledger and a.id = l.account_id
         and (a.balance_min, a.balance_max, a.closed_at, a.metadata)
             is distinct from (l.balance_min, l.balance_max, l.closed_at, l.metadata)
      returning a.address, jsonb_build_object('balance_min', old.balance_min, 'balance_max', old.balance_max,
        'closed_at', old.closed_at, 'metadata', old.metadata) as facts
    )
    select 'account is not as it was recorded', relog_accounts.ledger, c.address, c.facts from changed c;
  return query
    with made as (
      insert into daybook_private.account_counters
        (ledger, account_id, address, currency, currency_exponent, normal_balance, balance_min, balance_max, closed_at)
      select a.ledger, a.id, a.address, a.currency, a.currency_exponent, a.normal_balance, a.balance_min, a.balance_max, a.closed_at
        from daybook.accounts a
        left join daybook_private.account_counters c on c.ledger = a.ledger and c.account_id = a.id
       where a.ledger = relog_accounts.ledger
         -- Others are left alone, and so are those that somebody is just setting: he sets both.
         and (c.address, c.currency, c.currency_exponent, c.normal_balance, c.balance_min, c.balance_max, c.closed_at)
             is distinct from (a.address, a.currency, a.currency_exponent, a.normal_balance, a.balance_min, a.balance_max, a.closed_at)
      on conflict on constraint account_counters_pkey do update
        set address = excluded.address, currency = excluded.currency, currency_exponent = excluded.currency_exponent,
            normal_balance = excluded.normal_balance, balance_min = excluded.balance_min,
            balance_max = excluded.balance_max, closed_at = excluded.closed_at
        where (account_counters.address, account_counters.currency, account_counters.currency_exponent,
               account_counters.normal_balance, account_counters.balance_min, account_counters.balance_max, account_counters.closed_at)
              is distinct from (excluded.address, excluded.currency, excluded.currency_exponent,
               excluded.normal_balance, excluded.balance_min, excluded.balance_max, excluded.closed_at)
      returning address, to_jsonb(old) as facts
    )
    select 'facts of an account differ', relog_accounts.ledger, m.address, m.facts from made m;
end
$$;
comment on function daybook_private.relog_accounts(text) is
  'Gives accounts the limits, closing and metadata that the log says, and their counters'' rows the same facts; returns what was otherwise.';
revoke execute on function daybook_private.relog_accounts(text) from public;
--! EndIncluded daybook_private/functions/relog_accounts.sql
--! Included daybook_private/functions/relog_category_grants.sql
create or replace function daybook_private.relog_category_grants(ledger text)
  returns setof daybook.violation
  language sql
  volatile
as $$
  with logged as (
    select l.role, l.category
      from daybook_private.logged_grants(relog_category_grants.ledger) l
     where l.category is not null
  ),
  gone as (
    delete from daybook_private.category_access g
     where g.ledger = relog_category_grants.ledger
       and not exists (select from logged l where l.role = g.role and l.category = g.category)
    returning g.role, g.category, true as was_granted
  ),
  made as (
    insert into daybook_private.category_access (ledger, category, role)
    select relog_category_grants.ledger, l.category, l.role
      from logged l
     -- One that is being taken back just now is there, and must not be made again.
     where not exists (
           select from daybook_private.category_access o
            where o.ledger = relog_category_grants.ledger and o.role = l.role and o.category = l.category)
    on conflict do nothing
    returning role, category, false
  )
  select 'grant is not as it was recorded', relog_category_grants.ledger, c.role,
         jsonb_build_object('category', c.category, 'was_granted', c.was_granted)
    from (select * from gone union all select * from made) c
$$;
comment on function daybook_private.relog_category_grants(text) is
  'Gives a ledger''s categories the grants that the log says; returns what was otherwise.';
revoke execute on function daybook_private.relog_category_grants(text) from public;
--! EndIncluded daybook_private/functions/relog_category_grants.sql
--! Included daybook_private/functions/relog_notes.sql
-- Each in one statement, so by one snapshot: what others do meanwhile has both its transaction and its
-- note in it, or neither. Only what is missing there is made: a note that is being taken away just now would come back.
create or replace function daybook_private.relog_notes(ledger text)
  returns setof daybook.violation
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  return query
    with wanted as (
      select t.external_id, t.id
        from daybook.transactions t
       where t.ledger = relog_notes.ledger and t.external_id is not null and t.status <> 'archived'
    ),
    gone as (
      delete from daybook_private.external_ids x
       where x.ledger = relog_notes.ledger
         and not exists (select from wanted w where w.external_id = x.external_id and w.id = x.transaction_id)
      returning x.external_id, x.transaction_id
    ),
    made as (
      insert into daybook_private.external_ids as x (ledger, external_id, transaction_id)
      select relog_notes.ledger, w.external_id, w.id
        from wanted w
       where not exists (
             select from daybook_private.external_ids o
              where o.ledger = relog_notes.ledger and o.external_id = w.external_id and o.transaction_id = w.id)
      on conflict do nothing
      returning x.external_id, null::uuid
    )
    select 'external ids are not those of pending and posted transactions', relog_notes.ledger, c.external_id,
           jsonb_build_object('transaction_id', c.transaction_id)
      from (select * from gone union all select * from made) c;
  return query
    with wanted as (
      select distinct e.account_id, t.expires_at, t.id
        from daybook.transactions t
        join daybook.entries e on e.ledger = t.ledger and e.transaction_id = t.id
         and e.effect = 'pending' and e.transaction_version = t.entries_version
       where t.ledger = relog_notes.ledger and t.status = 'pending' and t.expires_at is not null
    ),
    gone as (
      delete from daybook_private.expiring_holds x
       where x.ledger = relog_notes.ledger and not exists (
             select from wanted w
              where w.account_id = x.account_id and w.expires_at = x.expires_at and w.id = x.transaction_id)
      returning x.transaction_id, x.expires_at
    ),
    made as (
      insert into daybook_private.expiring_holds as x (ledger, account_id, expires_at, transaction_id)
      select relog_notes.ledger, w.account_id, w.expires_at, w.id
        from wanted w
       where not exists (
             select from daybook_private.expiring_holds o
              where o.ledger = relog_notes.ledger and o.account_id = w.account_id
                and o.expires_at = w.expires_at and o.transaction_id = w.id)
      on conflict do nothing
      returning x.transaction_id, null::timestamptz
    )
    select 'expiring holds are not those of pending transactions', relog_notes.ledger, c.transaction_id::text,
           jsonb_build_object('expires_at', c.expires_at)
      from (select * from gone union all select * from made) c;
end
$$;
comment on function daybook_private.relog_notes(text) is
  'Makes a ledger''s external ids and expiring holds those of its transactions; returns what was otherwise.';
revoke execute on function daybook_private.relog_notes(text) from public;
--! EndIncluded daybook_private/functions/relog_notes.sql
--! Included daybook_private/functions/check_totals.sql
-- A ledger at a time, so that the worker goes through a thousand of them in short statements: see purge_receipts.
create or replace function daybook_private.check_totals(inout ledger text default '', out news jsonb)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  ledger := (select g.name from daybook.ledgers g where g.name > check_totals.ledger order by g.name limit 1);
  if ledger is not null then
    news := to_jsonb(daybook_private.keep_findings(array(
      select v from daybook_private.broken_totals(check_totals.ledger) v)));
  end if;
end
$$;
comment on function daybook_private.check_totals(text) is
  'Compares all debits with all credits in each currency of the ledger behind the given one, in the order of their names; returns which it was, null behind the last one, and what is newly found wrong. For the worker.';
revoke execute on function daybook_private.check_totals(text) from public;
grant execute on function daybook_private.check_totals(text) to daybook_worker;
--! EndIncluded daybook_private/functions/check_totals.sql
-- Names bound when a function is made, or written out, whatever search_path its caller has.
--! Included daybook_private/functions/net_balance.sql
-- Without a fixed search_path, so that it is inlined; its names are bound when it is made.
create or replace function daybook_private.net_balance(normal_balance daybook.direction, credits numeric, debits numeric)
  returns numeric
  language sql
  immutable
  parallel safe
return case when normal_balance = 'credit' then credits - debits else debits - credits end;
comment on function daybook_private.net_balance(daybook.direction, numeric, numeric) is
  'Pending or posted balance, signed by the account''s normal balance.';
revoke execute on function daybook_private.net_balance(daybook.direction, numeric, numeric) from public;
grant execute on function daybook_private.net_balance(daybook.direction, numeric, numeric) to daybook_reader;
--! EndIncluded daybook_private/functions/net_balance.sql
--! Included daybook_private/functions/available_balance.sql
-- Without a fixed search_path, so that it is inlined; its names are bound when it is made.
create or replace function daybook_private.available_balance(
  normal_balance daybook.direction,
  pending_debits numeric,
  pending_credits numeric,
  posted_debits numeric,
  posted_credits numeric
)
  returns numeric
  language sql
  immutable
  parallel safe
return case
    when normal_balance = 'credit' then posted_credits - pending_debits
    else posted_debits - pending_credits
  end;
comment on function daybook_private.available_balance(daybook.direction, numeric, numeric, numeric, numeric) is
  'What can be spent: posted inflows less pending outflows.';
revoke execute on function daybook_private.available_balance(daybook.direction, numeric, numeric, numeric, numeric) from public;
grant execute on function daybook_private.available_balance(daybook.direction, numeric, numeric, numeric, numeric) to daybook_reader;
--! EndIncluded daybook_private/functions/available_balance.sql
--! Included daybook_private/functions/guard_entries.sql
-- Reads nothing but the rows of the statement that fired it. Each statement must write whole
-- transactions; the ledger's own functions do, and so must anybody who inserts by hand. A first
-- look for the one balanced transaction that nearly every statement is, given up (null) at the first row
-- that belongs to another, as in a batch, or is unsound; groups only after that.
-- (0 without a type would be cast by PL/pgSQL, in an expression of its own.)
-- A search_path of its own would cost every call of the hot path. Each name says its schema instead, operators
-- too, for whoever inserts by hand may have any search_path.
create or replace function daybook_private.guard_entries()
  returns trigger
  language plpgsql
as $$
declare
  line pg_catalog.record;
  same pg_catalog.text;
  net pg_catalog.numeric := 0::pg_catalog.numeric;
begin
  for line in
    select pg_catalog.concat_ws(' ', w.ledger, w.transaction_id, w.transaction_version, w.effect, w.currency) as same,
           case when w.amount operator(pg_catalog.>) 0 and w.amount operator(pg_catalog.<) 1e36
                     and pg_catalog.scale(w.amount) operator(pg_catalog.=) 0
                then case when w.direction operator(pg_catalog.=) 'debit' then w.amount
                          else operator(pg_catalog.-) w.amount end end as net
      from written w
  loop
    net := net operator(pg_catalog.+)
           case when line.same operator(pg_catalog.=) coalesce(same, line.same) then line.net end;
    exit when net is null;
    same := line.same;
  end loop;
  if net operator(pg_catalog.=) 0 then
    return null;
  end if;
  for line in
    select w.ledger, w.transaction_id, w.currency
      from written w
     group by w.ledger, w.transaction_id, w.transaction_version, w.effect, w.currency
    having pg_catalog.sum(case when w.direction operator(pg_catalog.=) 'debit' then w.amount
                               else operator(pg_catalog.-) w.amount end) operator(pg_catalog.<>) 0
        or pg_catalog.bool_or((w.amount operator(pg_catalog.>) 0 and w.amount operator(pg_catalog.<) 1e36
                               and pg_catalog.scale(w.amount) operator(pg_catalog.=) 0) is not true)
     limit 1
  loop
    perform daybook_private.refuse('LDUNB', 'the written entries do not add up to zero', pg_catalog.to_jsonb(line));
  end loop;
  return null;
end
$$;
comment on function daybook_private.guard_entries() is
  'Trigger: raises LDUNB when a statement writes entries that do not add up to zero, whoever writes them.';
revoke execute on function daybook_private.guard_entries() from public;
--! EndIncluded daybook_private/functions/guard_entries.sql
-- By which transaction entries are moved, not only that they are. It is null but while that goes on.
alter table daybook_private.detachments
  alter column is_moving drop default,
  alter column is_moving drop not null,
  alter column is_moving type xid8 using null;
alter table daybook_private.detachments rename column is_moving to moving_in;
--! Included daybook_private/functions/move_entries.sql
-- Deleting and inserting are seen by everybody at the same moment, that of the commit: at each, by each snapshot,
-- an entry is in one of the two tables and counted once. Detaching a partition is not like that: it
-- is gone even for those who began before, and do not see yet what is carried forward instead.
create or replace function daybook_private.move_entries(month timestamptz, ledger text, ids uuid[], below uuid, is_back boolean)
  returns bigint
  language plpgsql
  volatile
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  moved bigint;
begin
  update daybook_private.detachments m
     set moving_in = pg_current_xact_id()
   where m.ledger = '*' and m.month = move_entries.month and not is_back;
  execute format(
    'with moved as (delete from %s e where e.ledger = $1 and e.transaction_id = any ($2) and e.id < $3 returning e.*)
     insert into %s select * from moved',
    case when is_back then daybook_private.detached_table(month) else 'daybook.entries' end,
    case when is_back then 'daybook.entries' else daybook_private.detached_table(month) end)
    using ledger, ids, below;
  get diagnostics moved = row_count;
  update daybook_private.detachments m set moving_in = null where m.ledger = '*' and m.month = move_entries.month and not is_back;
  return moved;
end
$$;
comment on function daybook_private.move_entries(timestamptz, text, uuid[], uuid, boolean) is
  'Moves all entries of some transactions from the table of entries to that of a detached month, or back; returns how many.';
revoke execute on function daybook_private.move_entries(timestamptz, text, uuid[], uuid, boolean) from public;
--! EndIncluded daybook_private/functions/move_entries.sql
--! Included daybook_private/functions/refuse_changed_entry.sql
-- What an entry says never changes. Its version and counters are a cache: a queued entry gets them once,
-- and where an account is known to have drifted they are made anew by rebuild_balances. What is deleted goes
-- into the table of a detached month in the same step: by the transaction that detaches it, and of that month or before.
-- A queued entry that gets its version does not come here (see the triggers): being called took a tenth of folding it.
create or replace function daybook_private.refuse_changed_entry()
  returns trigger
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE'
     and new.lock_version is not null
     and (old.ledger, old.id, old.transaction_id, old.transaction_version, old.position,
          old.account_id, old.direction, old.amount, old.currency, old.effect, old.locked,
          old.effective_at, old.created_at, old.metadata)
         is not distinct from
         (new.ledger, new.id, new.transaction_id, new.transaction_version, new.position,
          new.account_id, new.direction, new.amount, new.currency, new.effect, new.locked,
          new.effective_at, new.created_at, new.metadata) then
    if old.lock_version is null then
      return new;
    end if;
    perform
      from daybook_private.account_counters c
     where c.ledger = old.ledger and c.account_id = old.account_id and c.drifted_at is not null;
    if found then
      return new;
    end if;
  end if;
  if tg_op = 'DELETE' and exists (
       select
         from daybook_private.detachments m
        where m.ledger = '*' and m.state = 'detaching' and m.moving_in = pg_current_xact_id()
          and old.id < daybook_private.uuid_at((m.month at time zone 'UTC' + interval '1 month') at time zone 'UTC')) then
    return old;
  end if;
  perform daybook_private.refuse('LDIMM', 'entries cannot be changed or deleted',
    jsonb_build_object('ledger', old.ledger, 'entry_id', old.id, 'operation', lower(tg_op)));
  return new;
end
$$;
comment on function daybook_private.refuse_changed_entry() is
  'Trigger: raises LDIMM for a change of an entry other than the version and counters that a queued one gets once, or gets anew when its account has drifted.';
revoke execute on function daybook_private.refuse_changed_entry() from public;
--! EndIncluded daybook_private/functions/refuse_changed_entry.sql
--! Included daybook_private/functions/is_being_replaced.sql
-- What the triggers ask that keep records from being deleted. The one exception is a ledger in which nothing
-- has been but its creation, while an export takes its place; see replace_ledger. The instance's own log (*) is never one.
create or replace function daybook_private.is_being_replaced(ledger text)
  returns boolean
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  return ledger <> '*'
    and daybook_private.is_restoring(ledger)
    and not exists (select from daybook.accounts a where a.ledger = is_being_replaced.ledger);
end
$$;
comment on function daybook_private.is_being_replaced(text) is
  'Whether this very transaction puts an export in the place of an empty ledger, and has not yet brought an account.';
revoke execute on function daybook_private.is_being_replaced(text) from public;
--! EndIncluded daybook_private/functions/is_being_replaced.sql
--! Included daybook_private/functions/relog_settings.sql
create or replace function daybook_private.relog_settings(ledger text)
  returns setof daybook.violation
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  perform daybook_private.check_ledger_exists(relog_settings.ledger);
  perform from daybook.ledgers l where l.name = relog_settings.ledger for no key update;
  return query
    with changed as (
      update daybook.ledgers l
         set closed_until = p.closed_until
        from (select (
                select (e.data ->> 'closed_until')::timestamptz
                  from daybook_private.log_events e
                 where e.ledger = relog_settings.ledger and e.transaction_id is null
                   and e.kind in ('close_period', 'reopen_period')
                 order by e.id desc
                 limit 1) as closed_until) p
       where l.name = relog_settings.ledger and l.closed_until is distinct from p.closed_until
      returning old.closed_until
    )
    select 'ledger is not as it was recorded', relog_settings.ledger, relog_settings.ledger,
           jsonb_build_object('closed_until', c.closed_until)
      from changed c;
  perform daybook_private.refuse('LDARG', 'ledger: its log grants access to the server''s login, whose access is in tokens',
            jsonb_build_object('argument', 'ledger', 'value', relog_settings.ledger, 'log_id', l.log_id, 'role', l.role))
     from daybook_private.logged_grants(relog_settings.ledger) l
    where l.role = 'daybook_authenticator';
  return query
    with gone as (
      delete from daybook_private.ledger_access g
       where g.ledger = relog_settings.ledger and not exists (
             select from daybook_private.logged_grants(relog_settings.ledger) l
              where l.category is null and l.role = g.role)
      returning g.role, g.access
    ),
    made as (
      insert into daybook_private.ledger_access as g (ledger, role, access)
      select relog_settings.ledger, l.role, l.access
        from daybook_private.logged_grants(relog_settings.ledger) l
       where l.category is null
         -- A grant that is being taken back just now is there, and must not be made again.
         and not exists (
             select from daybook_private.ledger_access o
              where o.ledger = relog_settings.ledger and o.role = l.role and o.access = l.access)
      on conflict (ledger, role) do update set access = excluded.access where g.access <> excluded.access
      returning g.role, old.access
    )
    select 'grant is not as it was recorded', relog_settings.ledger, c.role, jsonb_build_object('access', c.access)
      from (select * from gone union all select * from made) c;
end
$$;
comment on function daybook_private.relog_settings(text) is
  'Gives a ledger the closed period and the grants that the log says; returns what was otherwise. Raises LDARG for a grant that nobody can have made.';
revoke execute on function daybook_private.relog_settings(text) from public;
--! EndIncluded daybook_private/functions/relog_settings.sql
--! Included daybook_private/functions/refuse.sql
-- The one place where the ledger raises. DETAIL carries the facts for programs.
create or replace function daybook_private.refuse(code text, message text, detail jsonb default '{}')
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = code,
    message = refuse.message,
    detail = case when length(refuse.detail::text) > 300 then daybook_private.short_facts(refuse.detail) else refuse.detail end::text,
    hint = case
      when code = '42501' then 'Ask an administrator for the role, and for access to the ledger (grant_ledger_access).'
      when code = '40001' then 'Repeat the call as it is.'
      when code = '57014' then 'Ask for less: an account, a shorter time, rarer words. The setting daybook.search_timeout says how long a search may take.'
      when code = 'LDARG' then 'Correct the argument named in the detail and call again.'
      when code = 'LDISO' then 'Call it at READ COMMITTED: an older snapshot would miss entries queued since.'
      when code = 'LDIDM' then 'Use a new idempotency key for a new request; repeat a request with the same arguments.'
      when code = 'LDAMT' then 'Give a positive whole number of the minor unit, below 10^36; of a hold no more than the detail says remains.'
      when code = 'LDLED' then 'Create the ledger first (create_ledger).'
      when code = 'LDACC' then 'Open the accounts first (open_account, open_accounts).'
      when code = 'LDCTG' then 'Make the categories first (create_category).'
      when code = 'LDTXN' then 'Check the ledger and the transaction id.'
      when code = 'LDRCP' then 'Check the ledger and the receipt id; receipts are forgotten some time after they are finished.'
      when code = 'LDQUE' then 'Repeat the call later with the same keys: nothing was accepted.'
      when code = 'LDDUP' then 'Use another name, or repeat the request that made it.'
      when code = 'LDCUR' then 'Use a currency of the table currencies, or add it (create_currency); what is in a category has its currency and normal balance, and a transfer one currency.'
      when code = 'LDUNB' then 'Make debits equal credits in every currency, each amount in the currency of its account.'
      when code = 'LDEXT' then 'Use another external id; the transaction named in the detail holds this one until it is archived.'
      when code = 'LDSTA' then 'Read the transaction and decide again: the status in the detail does not allow this.'
      when code = 'LDCLS' then 'Use an open account, or reopen this one (reopen_account).'
      when code = 'LDPER' then 'Give an effective_at that is not before closed_until in the detail; or open the period again (reopen_period).'
      when code = 'LDVER' then 'Read the current version, decide again, and call with it.'
      when code = 'LDBAL' then 'Lower the amount, change the balance by another transaction first, or ask for another condition; nothing was written.'
      when code = 'LDLIM' then 'Lower the amount, change the balance by another transaction first, or set another limit (set_account_limits); nothing was written.'
      when code = 'LDCAT' then 'Lower the amount, change the category''s balance by another transaction first, or ask for another condition; nothing was written.'
      when code = 'LDCYC' then 'Add another member, or first take away what leads back to the category (remove_from_category).'
      when code = 'LDIMM' then 'Write a further transaction instead: records never change.'
    end;
end
$$;
comment on function daybook_private.refuse(text, text, jsonb) is
  'Raises an error of the ledger: SQLSTATE, a sentence, the facts as JSON, and what to do.';
revoke execute on function daybook_private.refuse(text, text, jsonb) from public;
--! EndIncluded daybook_private/functions/refuse.sql
--! Included daybook_private/functions/create_pair.sql
-- The fast way of the commonest request: one posted debit and one credit of the same amount, on two open
-- accounts, perhaps with a key, metadata, an effective time, and a least available balance that the entry or the limit of its
-- account asks of the debited one. Statements and expressions are what a call costs, so it has few of them, and simple
-- ones: two statements cost less than a join. The credited account is judged before anything is written, for once the debited
-- one is held there is no way back. The hash of a request is what hash_line and hash_with_text make of it, in fewer steps:
-- of the credit's place ~(3 - n) is n - 4, and points in metadata are rare. If both entries are of one account they have to
-- come as they are applied, the debit first. Whatever is not like that, or not what it seemed, is for create_one, which
-- comes to the same in all cases and says what is wrong.
create or replace function daybook_private.create_pair(
  ledger text, entries daybook.entry_input[], idempotency_key text, metadata jsonb, effective_at timestamptz,
  debit_position integer
)
  returns uuid
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  transaction_id constant uuid := uuidv7();
  metadata_text constant text := metadata::text;
  debit constant daybook.entry_input := entries[debit_position];
  credit constant daybook.entry_input := entries[3 - debit_position];
  minimum numeric;
  header_hash bigint;
  credit_id uuid;
  credit_row tid;
  currency text;
begin
  if (debit.direction < credit.direction and debit.account is not null
      and num_nulls(debit.lock_version, debit.show_resulting_balances, debit.metadata, debit.pending_balance, debit.posted_balance,
                    credit.lock_version, credit.show_resulting_balances, credit.metadata,
                    credit.pending_balance, credit.posted_balance, credit.available_balance) = 11
      and debit.amount = credit.amount and debit.amount > 0 and debit.amount < 1e36 and scale(debit.amount) = 0
      and (create_pair.idempotency_key ~ '^[ -~]+$' and octet_length(create_pair.idempotency_key) <= 255) is not false
      and (metadata_text like '{%' and octet_length(metadata_text) <= 65536) is not false
      and current_setting('transaction_isolation') = 'read committed') is not true then
    return case when debit.direction > credit.direction and debit.account <> credit.account and debit_position = 1
      then daybook_private.create_pair(ledger, entries, idempotency_key, metadata, effective_at, 2) end;
  end if;
  if debit.available_balance is distinct from null or effective_at is not null or metadata_text like '%.%' then
    if effective_at is null then
      header_hash := daybook_private.hash_with_text(metadata, metadata_text, 0);
    else
      header_hash := daybook_private.hash_dated(effective_at, metadata, metadata_text);
    end if;
    if debit.available_balance is distinct from null then
      if (daybook_private.is_lone_minimum(debit) and scale((debit.available_balance).gte) = 0) is not true then
        return null;
      end if;
      minimum := (debit.available_balance).gte;
      header_hash := header_hash # hash_numeric_extended(minimum, -debit_position);
    end if;
  end if;
  select a.id, a.ctid, a.currency into credit_id, credit_row, currency
    from daybook.accounts a
   where a.ledger = create_pair.ledger and a.address = credit.account and a.closed_at is null
     and (a.balance_max is null and (a.balance_min is null or a.normal_balance = 'credit'));
  if found and create_pair.idempotency_key is not null then
    insert into daybook_private.idempotency_keys (ledger, key, operation, transaction_id, status, version, request_hash)
    values
      (create_pair.ledger, create_pair.idempotency_key, 'create_transaction', transaction_id, 'posted', 1,
       coalesce(header_hash, hashtextextended(metadata_text, jsonb_hash_extended(create_pair.metadata, 1)), 0)
         # hash_numeric_extended(debit.amount, hashtextextended(debit.account, debit_position))
         # hash_numeric_extended(debit.amount, hashtextextended(credit.account, debit_position - 4)))
    on conflict do nothing;
  end if;
  if not found or effective_at is not null then
    if not found then
      return null;
    elsif daybook_private.is_period_open(ledger, effective_at) is not true then
      return daybook_private.create_held(
        create_pair.ledger, entries, create_pair.idempotency_key, create_pair.metadata, effective_at, debit.account);
    end if;
  end if;
  return daybook_private.write_pair(
    create_pair.ledger, entries, create_pair.idempotency_key, create_pair.metadata, effective_at,
    transaction_id, debit.amount, currency, debit.account, debit_position, minimum, credit_id, credit_row);
end
$$;
comment on function daybook_private.create_pair(text, daybook.entry_input[], text, jsonb, timestamptz, integer) is
  'Makes a transaction of two entries of which the one at debit_position is the debit, and returns its id; null, with nothing changed, if it is seen not to be of the simplest kind, or its key is known. Raises what create_one raises if the period is closed or something speaks against the debit.';
revoke execute on function daybook_private.create_pair(text, daybook.entry_input[], text, jsonb, timestamptz, integer) from public;
--! EndIncluded daybook_private/functions/create_pair.sql
--! Included daybook_private/functions/check_change.sql
-- expires_at must lie in the future, but a replay stays one when it has come: see change_transaction.
create or replace function daybook_private.check_change(request daybook_private.change_request)
  returns void
  language plpgsql
  immutable
as $$
begin
  if request.transaction_id is null then
    perform daybook_private.refuse_argument('transaction_id', 'must be given');
  end if;
  if cardinality(request.entries) not between 2 and 1000 then
    perform daybook_private.refuse_argument('entries', '2 to 1000 of them', to_jsonb(cardinality(request.entries)));
  end if;
  if not isfinite(request.effective_at) then
    perform daybook_private.refuse_argument('effective_at', 'a finite time', to_jsonb(request.effective_at));
  end if;
  if not isfinite(request.expires_at) then
    perform daybook_private.refuse_argument('expires_at', 'a finite time', to_jsonb(request.expires_at));
  end if;
  if request.expected_version < 1 then
    perform daybook_private.refuse_argument('expected_version', 'at least 1', to_jsonb(request.expected_version));
  end if;
  perform daybook_private.check_text('idempotency_key', request.idempotency_key, 1, 255);
  perform daybook_private.check_text('external_id', request.external_id, 1, 180);
  perform daybook_private.check_text('description', request.description, 0, 1000);
  perform daybook_private.check_metadata(request.metadata);
  perform daybook_private.check_category_locks(request.category_locks);
  if request.operation = 'update_transaction'
     and num_nonnulls(request.entries, request.effective_at, request.description, request.expires_at) = 0 then
    perform daybook_private.refuse_argument('entries', 'something to change: entries, effective_at, description or expires_at');
  end if;
  if request.operation = 'update_transaction' and cardinality(request.category_locks) > 0
     and num_nonnulls(request.entries, request.effective_at) = 0 then
    perform daybook_private.refuse_argument('category_locks', 'not where no entry changes');
  end if;
end
$$;
comment on function daybook_private.check_change(daybook_private.change_request) is
  'Raises LDARG for a malformed call that changes a transaction.';
revoke execute on function daybook_private.check_change(daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/check_change.sql
--! Included daybook_private/functions/apply_change.sql
create or replace function daybook_private.apply_change(
  ledger text,
  request daybook_private.change_request,
  lines daybook_private.line[]
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
begin
  if lines is null then
    -- check_change cannot know that the effective time given is the one it has.
    if cardinality(request.category_locks) > 0 then
      perform daybook_private.refuse_argument('category_locks', 'not where no entry changes');
    end if;
    return null;
  end if;
  lines := daybook_private.cover_lines(ledger, request.category_locks, daybook_private.order_lines(lines, null, false, true));
  lines := daybook_private.apply_entries(ledger, lines);
  if lines[1].locked and (request.entries is not null or request.category_locks is not null) then
    lines := daybook_private.settle_conditions(ledger, request.entries, request.category_locks, lines, request.transaction_id);
  end if;
  return lines;
end
$$;
comment on function daybook_private.apply_change(text, daybook_private.change_request, daybook_private.line[]) is
  'Applies the lines of a change and judges what its new entries and category locks ask. Raises LDARG, LDCLS, LDVER, LDBAL, LDLIM, LDCAT.';
revoke execute on function daybook_private.apply_change(text, daybook_private.change_request, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/apply_change.sql
--! Included daybook/functions/create_currency.sql
create or replace function daybook.create_currency(code text, exponent integer, name text default null)
  returns daybook.currencies
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  currency daybook.currencies;
begin
  if not daybook_private.may_use_every_ledger('admin') then
    perform daybook_private.refuse('42501', 'only an administrator of every ledger may add currencies');
  end if;
  if code is null or code !~ '^[A-Z][A-Z0-9_]{0,31}$' then
    perform daybook_private.refuse_argument('code', 'a capital letter, then capitals, digits and _, at most 32',
      to_jsonb(left(code, 100)));
  end if;
  if exponent between 0 and 30 is not true then
    perform daybook_private.refuse_argument('exponent', '0 to 30', to_jsonb(exponent));
  end if;
  perform daybook_private.check_text('name', name, 1, 180);
  insert into daybook.currencies (code, exponent, name)
    values (create_currency.code, create_currency.exponent, coalesce(create_currency.name, create_currency.code))
    on conflict do nothing
    returning * into currency;
  if found then
    perform daybook_private.log_event('*', 'create_currency', to_jsonb(currency));
    return currency;
  end if;
  select u.* into strict currency from daybook.currencies u where u.code = create_currency.code;
  -- A currency that came with the ledger was made by no request: of its name only what is given is compared.
  if currency.exponent <> create_currency.exponent
     or currency.name <> coalesce(create_currency.name, (
          select create_currency.code
            from daybook_private.log_events l
           where l.ledger = '*' and l.transaction_id is null
             and l.kind = 'create_currency' and l.data ->> 'code' = create_currency.code
           limit 1), currency.name) then
    perform daybook_private.refuse('LDDUP', 'the currency exists with other facts', to_jsonb(currency));
  end if;
  return currency;
end
$$;
comment on function daybook.create_currency(text, integer, text) is
  'Add a currency to the instance; the same request again returns it. One that came with the ledger is also returned without its name. Currencies never change. Raises 42501, LDARG, LDDUP.';
revoke execute on function daybook.create_currency(text, integer, text) from public;
grant execute on function daybook.create_currency(text, integer, text) to daybook_admin;
--! EndIncluded daybook/functions/create_currency.sql
--! Included daybook_private/functions/broken_transfers.sql
-- One transaction wrote both halves, so neither is there without the other. But for what came with an export: then the other
-- ledger may have stayed where it was, or this one have got another name. Entries of detached months are not compared. Of the
-- other ledger, which the caller may not be allowed to read, no more is told than in what the halves differ.
create or replace function daybook_private.broken_transfers(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    select v.violation, t.ledger, t.id::text, jsonb_build_object(
             'counterpart_ledger', t.counterpart_ledger, 'counterpart_transaction_id', t.counterpart_transaction_id,
             'differing', d.differing)
      from daybook.transactions t
      left join lateral (
        select o.*
          from daybook.transactions o
         where o.ledger = t.counterpart_ledger and o.id = t.counterpart_transaction_id
           and o.counterpart_ledger = t.ledger and o.counterpart_transaction_id = t.id
        offset 0) o on true
     cross join lateral (
        select array_remove(array[
                 case when (t.status, t.version) <> (o.status, o.version) then 'status' end,
                 case when t.effective_at <> o.effective_at then 'effective_at' end,
                 case when o.id is not null and t.description is distinct from o.description then 'description' end,
                 case when exists (
                   select
                     from daybook.entries e
                     join daybook.entries f on f.ledger = o.ledger and f.transaction_id = o.id
                    where e.ledger = t.ledger and e.transaction_id = t.id
                      and (e.amount, e.currency) <> (f.amount, f.currency)
                   offset 0) then 'entries' end], null) as differing
        offset 0) d
     cross join lateral (
        select case
                 when d.differing <> '{}' then 'halves of a transfer differ'
                 when o.id is null and t.created_at > coalesce((
                   select max(l.created_at)
                     from daybook_private.log_events l
                    where l.ledger = '*' and l.transaction_id is null and l.kind = 'restore_ledger'
                      and l.data ->> 'ledger' = broken_transfers.ledger), '-infinity')
                   then 'transfer without its other half'
               end as violation
        offset 0) v
     where t.ledger = broken_transfers.ledger and t.id > broken_transfers.after_id and t.id <= broken_transfers.to_id
       and (t.counterpart_ledger is not null or t.counterpart_transaction_id is not null)
       and v.violation is not null;
end
$$;
comment on function daybook_private.broken_transfers(text, uuid, uuid) is
  'Transactions, by a range of ids, that are one half of a transfer between ledgers, of which the other is not there, or another.';
revoke execute on function daybook_private.broken_transfers(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_transfers.sql
--! Included daybook_private/functions/broken_transactions.sql
-- STABLE: one snapshot for all of it. Whatever its size, a ledger is not read whole for a piece of it:
-- what belongs to a row is looked for by its whole key (offset 0), however few rows of a ledger a planner expects.
create or replace function daybook_private.broken_transactions(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set enable_seqscan to off
  set enable_hashjoin to off
  set enable_mergejoin to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
begin
  after_id := coalesce(after_id, '00000000-0000-0000-0000-000000000000');
  to_id := coalesce(to_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  return query select * from daybook_private.broken_entries(ledger, after_id, to_id);
  return query select * from daybook_private.broken_statuses(ledger, after_id, to_id);
  return query select * from daybook_private.broken_holds(ledger, after_id, to_id);
  return query select * from daybook_private.broken_bonds(ledger, after_id, to_id);
  return query select * from daybook_private.broken_transfers(ledger, after_id, to_id);
  return query select * from daybook_private.broken_search(ledger, after_id, to_id);
end
$$;
comment on function daybook_private.broken_transactions(text, uuid, uuid) is
  'Everything that is wrong with the transactions above one id, up to another, their entries, what is noted about them, and what searches look through.';
revoke execute on function daybook_private.broken_transactions(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_transactions.sql
--! Included daybook_private/functions/search_posted_lines.sql
-- Nearly all that is ever indexed, so found all at once; what these lines are is said by current_lines. An entry may be
-- much younger than its transaction but is not older, so older partitions need no look; the hour is for
-- clocks that were set back. No nested loop, whatever a planner expects, and hashing also where who calls forbids it.
create or replace function daybook_private.search_posted_lines(ledger text, ids uuid[])
  returns setof daybook_private.search_lines
  language plpgsql
  stable
  set plan_cache_mode to force_generic_plan
  set enable_seqscan to off
  set enable_nestloop to off
  set enable_hashjoin to on
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
#variable_conflict use_column
declare
  since constant uuid := daybook_private.uuid_at(
    greatest(uuid_extract_timestamp((array_sort(ids))[1]) - interval '1 hour', 'epoch'));
begin
  return query
    select e.ledger, e.transaction_id, e.position, e.account_id, e.direction, e.amount, e.currency, t.effective_at, t.created_at
      from daybook.transactions t
      join daybook.entries e on e.transaction_id = t.id
     where t.ledger = search_posted_lines.ledger and t.id = any (ids) and t.status = 'posted'
       and e.ledger = search_posted_lines.ledger and e.transaction_id = any (ids) and e.id >= since
       and e.effect in ('posted', 'settled');
end
$$;
comment on function daybook_private.search_posted_lines(text, uuid[]) is
  'The lines by which those of these transactions that are posted are searched, from the books.';
revoke execute on function daybook_private.search_posted_lines(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/search_posted_lines.sql
