--! Previous: sha1:86c64234c4450cf2f12673808802c2a03590814d
--! Hash: sha1:c07de9d72787613b6deee3d9c8d026f5ddcb755a
--! Message: months-indexes-and-many-ledgers

-- An entry that gets its version is no event of a trigger.
create or replace trigger _900_immutable after delete or update of ledger, id, transaction_id, transaction_version, position,
    account_id, direction, amount, currency, effect, locked, effective_at, created_at, metadata on daybook.entries
  for each row execute function daybook_private.refuse_changed_entry();
create trigger _900_versioned_once after update on daybook.entries
  for each row when (old.lock_version is not null or new.lock_version is null)
  execute function daybook_private.refuse_changed_entry();
-- Of the months that are there; those to come get it from dress_partition.
do $$
declare
  index_name regclass;
begin
  for index_name in
    select i.inhrelid
      from pg_inherits i
     where i.inhparent = 'daybook.entries_transaction_idx'::regclass
       and i.inhrelid::regclass::text !~ '_default_'
  loop
    execute format('alter index %s set (fillfactor = 80)', index_name);
  end loop;
end
$$;
--! Included daybook_private/functions/refuse_changed_entry.sql
-- What an entry says never changes. Its version and counters are a cache: a queued entry gets them once,
-- and where an account is known to have drifted they are made anew by rebuild_balances. What is deleted goes
-- into the table of a detached month in the same step.
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
       select from daybook_private.detachments m where m.ledger = '*' and m.is_moving) then
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
--! Included daybook_private/functions/dress_partition.sql
-- Triggers for each row come from the parent when it is attached, those for each statement do not. Indexes come from
-- it as well, where there is none like it; a partitioned one has no fillfactor to pass on. That of an entry's transaction grows
-- at its end only, and its pages would be full when a queued entry gets its version, which adds to all indexes.
create or replace function daybook_private.dress_partition(parent regclass, partition text)
  returns void
  language plpgsql
  volatile
as $$
begin
  execute format('alter table %s enable row level security', partition);
  execute format(
    'create trigger _900_no_truncate before truncate on %s for each statement
       execute function daybook_private.refuse_change()', partition);
  if parent = 'daybook.entries'::regclass then
    execute format(
      'create trigger _100_guard after insert on %s referencing new table as written
         for each statement execute function daybook_private.guard_entries()', partition);
    execute format('create index on %s (ledger, transaction_id) with (fillfactor = 80)', partition);
  end if;
end
$$;
comment on function daybook_private.dress_partition(regclass, text) is
  'Gives a table that is to become a partition what its siblings have: row level security, the triggers for each statement, and room in its indexes.';
revoke execute on function daybook_private.dress_partition(regclass, text) from public;
--! EndIncluded daybook_private/functions/dress_partition.sql
--! Included daybook_private/functions/fold_queue.sql
-- The caller holds the account by an earlier statement: only then does this one's
-- snapshot see every entry that was queued before the lock was got. What the caller has added to
-- the counters meanwhile stays on top: versions and counters of folded entries leave it out.
-- Where counters have drifted nothing is folded until they are rebuilt.
-- Entries are joined in the order of their keys: nothing but a merge does that without sorting, and only the primary key
-- gives that order. A plan that is kept, and knows no account in particular, could take any index that begins with the account
-- otherwise, and read all that it ever had.
create or replace function daybook_private.fold_queue(ledger text, account_id uuid, on_top daybook_private.line)
  returns daybook_private.line
  language plpgsql
  volatile
  set enable_sort to off
  set enable_hashjoin to off
  set enable_nestloop to off
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  folded daybook_private.line;
begin
  with base as (
    select '00000000-0000-0000-0000-000000000000'::uuid as entry_id, -- before all others
           c.lock_version - on_top.lock_version as n,
           c.pending_debits - on_top.pending_debits as pending_debits,
           c.pending_credits - on_top.pending_credits as pending_credits,
           c.posted_debits - on_top.posted_debits as posted_debits,
           c.posted_credits - on_top.posted_credits as posted_credits
      from daybook_private.account_counters c
     where c.ledger = fold_queue.ledger and c.account_id = fold_queue.account_id and c.drifted_at is null
  ),
  taken as (
    delete from daybook_private.entry_queue q
     where q.ledger = fold_queue.ledger and q.account_id = fold_queue.account_id and exists (select from base)
    returning q.entry_id, 1::bigint as n, q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
  ),
  running as (
    select
      t.entry_id,
      sum(t.n) over w as lock_version,
      sum(t.pending_debits) over w as pending_debits,
      sum(t.pending_credits) over w as pending_credits,
      sum(t.posted_debits) over w as posted_debits,
      sum(t.posted_credits) over w as posted_credits
    from (select * from base union all select * from taken) t
    window w as (order by t.entry_id rows unbounded preceding)
  ),
  total as (
    select count(*) as n,
           coalesce(sum(pending_debits), 0) as pending_debits, coalesce(sum(pending_credits), 0) as pending_credits,
           coalesce(sum(posted_debits), 0) as posted_debits, coalesce(sum(posted_credits), 0) as posted_credits
      from taken
  ),
  counted as (
    update daybook_private.account_counters c
       set lock_version = c.lock_version + t.n,
           pending_debits = c.pending_debits + t.pending_debits,
           pending_credits = c.pending_credits + t.pending_credits,
           posted_debits = c.posted_debits + t.posted_debits,
           posted_credits = c.posted_credits + t.posted_credits
      from total t
     where c.ledger = fold_queue.ledger and c.account_id = fold_queue.account_id and t.n > 0
  ),
  versioned as (
    update daybook.entries e
       set lock_version = r.lock_version,
           pending_debits = r.pending_debits,
           pending_credits = r.pending_credits,
           posted_debits = r.posted_debits,
           posted_credits = r.posted_credits
      from running r
     where e.ledger = fold_queue.ledger and e.account_id = fold_queue.account_id and e.id = r.entry_id
       and e.id >= (select t.entry_id from taken t order by t.entry_id limit 1)
       and e.id <= (select t.entry_id from taken t order by t.entry_id desc limit 1)
  )
  select t.n, t.pending_debits, t.pending_credits, t.posted_debits, t.posted_credits
    into folded.lock_version, folded.pending_debits, folded.pending_credits, folded.posted_debits, folded.posted_credits
    from total t;
  return folded;
end
$$;
comment on function daybook_private.fold_queue(text, uuid, daybook_private.line) is
  'Applies an account''s queued entries to its counters and gives each its version and counters, in id order; returns how many, as lock_version, and how much.';
revoke execute on function daybook_private.fold_queue(text, uuid, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/fold_queue.sql
--! Included daybook_private/functions/fold_accounts.sql
-- fold_account for many at once, those of them that nobody holds: what one statement does for hundreds costs a
-- fraction of hundreds of transactions. As there, the lock first, by an earlier statement than the one that reads
-- the queue; nothing is folded where counters have drifted; and rows are found in the order of their keys. Entries are a range
-- of ids: with a list, to be looked for in each account, the primary key would seem dear to a planner.
-- An account with very many is left to fold_account, as one that is held: the others would be held until its thousands are done.
create or replace function daybook_private.fold_accounts(
  ledger text,
  account_ids uuid[],
  out folded integer,
  out held uuid[]
)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_sort to off
  set enable_hashjoin to off
  set enable_nestloop to off
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  ours uuid[];
begin
  select coalesce(array_agg(l.id), '{}') into ours
    from (select a.id
            from daybook.accounts a
           where a.ledger = fold_accounts.ledger and a.id = any (account_ids)
             and (select q.entry_id from daybook_private.entry_queue q
                   where q.ledger = a.ledger and q.account_id = a.id
                   order by q.entry_id
                  offset 1000
                   limit 1) is null
             for no key update skip locked) l;
  held := array(select unnest(account_ids) except select unnest(ours));
  with base as (
    select c.account_id, '00000000-0000-0000-0000-000000000000'::uuid as entry_id, -- before all others
           c.lock_version as n, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
      from daybook_private.account_counters c
     where c.ledger = fold_accounts.ledger and c.account_id = any (ours) and c.drifted_at is null
     order by c.account_id
  ),
  taken as (
    delete from daybook_private.entry_queue q
     where q.ledger = fold_accounts.ledger and q.account_id = any (array(select b.account_id from base b))
    returning q.account_id, q.entry_id, 1::bigint as n, q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
  ),
  running as (
    select
      t.account_id,
      t.entry_id,
      sum(t.n) over w as lock_version,
      sum(t.pending_debits) over w as pending_debits,
      sum(t.pending_credits) over w as pending_credits,
      sum(t.posted_debits) over w as posted_debits,
      sum(t.posted_credits) over w as posted_credits
    from (select * from base union all select * from taken) t
    window w as (partition by t.account_id order by t.entry_id rows unbounded preceding)
  ),
  total as (
    select t.account_id, count(*) as n,
           sum(t.pending_debits) as pending_debits, sum(t.pending_credits) as pending_credits,
           sum(t.posted_debits) as posted_debits, sum(t.posted_credits) as posted_credits
      from taken t
     group by t.account_id
  ),
  counted as (
    update daybook_private.account_counters c
       set lock_version = c.lock_version + t.n,
           pending_debits = c.pending_debits + t.pending_debits,
           pending_credits = c.pending_credits + t.pending_credits,
           posted_debits = c.posted_debits + t.posted_debits,
           posted_credits = c.posted_credits + t.posted_credits
      from total t
     where c.ledger = fold_accounts.ledger and c.account_id = t.account_id
  ),
  versioned as (
    update daybook.entries e
       set lock_version = r.lock_version,
           pending_debits = r.pending_debits,
           pending_credits = r.pending_credits,
           posted_debits = r.posted_debits,
           posted_credits = r.posted_credits
      from running r
     where e.ledger = fold_accounts.ledger and e.account_id = r.account_id and e.id = r.entry_id and e.account_id = any (ours)
       and e.id >= (select t.entry_id from taken t order by t.entry_id limit 1)
       and e.id <= (select t.entry_id from taken t order by t.entry_id desc limit 1)
  )
  select coalesce(sum(t.n), 0) into folded from total t;
end
$$;
comment on function daybook_private.fold_accounts(text, uuid[]) is
  'Applies the queued entries of accounts to their counters, as fold_account does; returns how many, and which accounts somebody holds, or have more than 1000. For the worker, one call a transaction.';
revoke execute on function daybook_private.fold_accounts(text, uuid[]) from public;
grant execute on function daybook_private.fold_accounts(text, uuid[]) to daybook_worker;
--! EndIncluded daybook_private/functions/fold_accounts.sql
--! Included daybook_private/functions/authorize_accounts.sql
-- A login with a grant of its own may read all of the ledger: found by one look, before what categories it has.
create or replace function daybook_private.authorize_accounts(ledger text, addresses text[])
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
declare
  granted text[];
  account_ids uuid[];
  readable integer;
begin
  if session_user <> 'daybook_authenticator' then
    perform
      from daybook_private.ledger_access g
     where g.ledger = authorize_accounts.ledger and g.role = session_user;
    if found then
      return;
    end if;
  end if;
  if ledger = any (daybook_private.partly_readable_ledgers()) then
    granted := array(
      select g.category from daybook_private.granted_categories() g where g.ledger = authorize_accounts.ledger);
    account_ids := array(
      select a.id
        from daybook.accounts a
       where a.ledger = authorize_accounts.ledger and a.address = any (addresses));
    select count(distinct c.account_id) into readable
      from daybook_private.categories_of(authorize_accounts.ledger, account_ids) c
     where c.category = any (granted);
    if readable <> (select count(distinct coalesce(u.address, '')) from unnest(addresses) u (address)) then
      perform daybook_private.refuse_ledger(ledger);
    end if;
    return;
  end if;
  perform daybook_private.authorize(ledger, 'read');
end
$$;
comment on function daybook_private.authorize_accounts(text, text[]) is
  'Lets the caller pass who may read the ledger, or each of these accounts by the categories it is in. Raises 42501 otherwise, whether or not there are such accounts.';
revoke execute on function daybook_private.authorize_accounts(text, text[]) from public;
--! EndIncluded daybook_private/functions/authorize_accounts.sql
--! Included daybook/functions/account_balance.sql
-- The usual question, by a login with a grant of its own about an account with an empty queue and counters that are trusted, is
-- answered by one statement. All others take the long way, where errors are raised in order. Both looks are a matter of its one row:
-- what could be told without it would be a step of the plan for itself.
-- A STABLE function reads one snapshot, however many statements it has.
create or replace function daybook.account_balance(
  ledger text,
  account text,
  effective_at timestamptz default null,
  recorded_at timestamptz default null,
  lock_version bigint default null
)
  returns daybook.balances
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  balance daybook.balances;
  account_id uuid;
begin
  if coalesce(account_balance.effective_at, account_balance.recorded_at) is null and account_balance.lock_version is null then
    select c.ledger, c.address, c.account_id, c.currency, c.currency_exponent, c.normal_balance,
           c.lock_version, c.pending_debits, c.pending_credits,
           daybook_private.net_balance(c.normal_balance, c.pending_credits, c.pending_debits),
           c.posted_debits, c.posted_credits,
           daybook_private.net_balance(c.normal_balance, c.posted_credits, c.posted_debits),
           daybook_private.available_balance(c.normal_balance,
             c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits)
      into balance
      from daybook_private.account_counters c
     where c.ledger = account_balance.ledger and c.address = account_balance.account and c.drifted_at is null
       and (select g.role from daybook_private.ledger_access g
             where g.ledger = c.ledger and g.role = session_user) is not null
       and (select q.entry_id from daybook_private.entry_queue q
             where q.ledger = c.ledger and q.account_id = c.account_id
             order by q.entry_id
             limit 1) is null;
    if found then
      return balance;
    end if;
  end if;
  perform daybook_private.authorize_accounts(account_balance.ledger, array[account_balance.account]);
  if coalesce(account_balance.effective_at, account_balance.recorded_at) is null and account_balance.lock_version is null then
    select b.* into balance
      from daybook.balances b
     where b.ledger = account_balance.ledger and b.account = account_balance.account;
    if found then
      return balance;
    end if;
  end if;
  perform daybook_private.check_address('account', account_balance.account);
  perform daybook_private.check_moment(
    account_balance.effective_at, account_balance.recorded_at, account_balance.lock_version);
  select c.account_id into account_id
    from daybook_private.account_counters c
   where c.ledger = account_balance.ledger and c.address = account_balance.account;
  if not found then
    perform daybook_private.refuse_missing_accounts(account_balance.ledger, array[account_balance.account]);
  end if;
  if account_balance.lock_version is not null then
    return daybook_private.balance_of_version(account_balance.ledger, account_id, account_balance.lock_version);
  end if;
  select b.* into balance
    from daybook_private.balances_at(
           account_balance.ledger, array[account_id], account_balance.effective_at, account_balance.recorded_at) b;
  return balance;
end
$$;
comment on function daybook.account_balance(text, text, timestamptz, timestamptz, bigint) is
  'The balances of an account, in minor units, queued entries counted: now; or over the entries effective by one time, recorded by another, or both, inclusive, lock_version being how many these are; or with so many of its entries, in the order of their versions. Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.account_balance(text, text, timestamptz, timestamptz, bigint) from public;
grant execute on function daybook.account_balance(text, text, timestamptz, timestamptz, bigint) to daybook_reader;
--! EndIncluded daybook/functions/account_balance.sql
-- Asked row by row when lines are indexed for searches: inlined now.
--! Included daybook_private/functions/uuid_at.sql
-- Without a fixed search_path, and immutable whatever the time zone, so that it is inlined where it is asked row by row.
create or replace function daybook_private.uuid_at(at timestamptz)
  returns uuid
  language sql
  immutable
  strict
  parallel safe
return (lpad(to_hex(floor(extract(epoch from at - 'epoch'::timestamptz) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
comment on function daybook_private.uuid_at(timestamptz) is
  'The smallest id that a UUIDv7 made at this time can have: where partitions by time begin.';
revoke execute on function daybook_private.uuid_at(timestamptz) from public;
--! EndIncluded daybook_private/functions/uuid_at.sql
-- What is indexed for searches is read all at once, and inserted without a look for conflicts.
--! Included daybook_private/functions/search_documents_of.sql
-- No nested loop, whatever a planner expects.
create or replace function daybook_private.search_documents_of(ledger text, ids uuid[])
  returns setof daybook_private.search_documents
  language plpgsql
  stable
  set plan_cache_mode to force_generic_plan
  set enable_seqscan to off
  set enable_nestloop to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    select t.ledger, t.id, t.status, t.effective_at, t.created_at, t.external_id,
           nullif(concat_ws(e'\n', t.description, (
             select string_agg(m.value #>> '{}', e'\n' order by m.key)
               from jsonb_each(t.metadata) m
              where jsonb_typeof(m.value) = 'string' and length(m.value #>> '{}') <= 200)), '') collate "C",
           case when t.metadata <> '{}' then jsonb_build_object(t.ledger, t.metadata) end,
           e.id
      from daybook.transactions t
      left join (
        select distinct on (e.transaction_id) e.transaction_id, e.id
          from daybook_private.log_events e
         where e.ledger = search_documents_of.ledger and e.transaction_id = any (ids)
         order by e.transaction_id, e.id desc) e on e.transaction_id = t.id
     where t.ledger = search_documents_of.ledger and t.id = any (ids);
end
$$;
comment on function daybook_private.search_documents_of(text, uuid[]) is
  'What these transactions are searched by, as of now, from the books.';
revoke execute on function daybook_private.search_documents_of(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/search_documents_of.sql
--! Included daybook_private/functions/search_posted_lines.sql
-- Nearly all that is ever indexed, so found all at once; what these lines are is said by current_lines. An entry may be
-- much younger than its transaction but is not older, so older partitions need no look; the hour is for
-- clocks that were set back. No nested loop, whatever a planner expects.
create or replace function daybook_private.search_posted_lines(ledger text, ids uuid[])
  returns setof daybook_private.search_lines
  language plpgsql
  stable
  set plan_cache_mode to force_generic_plan
  set enable_seqscan to off
  set enable_nestloop to off
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
--! Included daybook_private/functions/search_lines_of.sql
-- An entry may be much younger than its transaction but is not older, so older partitions need no look;
-- the hour is for clocks that were set back. Of detached ones these lines themselves are what is left, and final.
create or replace function daybook_private.search_lines_of(ledger text, ids uuid[])
  returns setof daybook_private.search_lines
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  detached_below constant uuid := daybook_private.detached_below();
begin
  return query
    select p.* from daybook_private.search_posted_lines(search_lines_of.ledger, ids) p
    union all
    select c.ledger, c.transaction_id, c.position, c.account_id, c.direction, c.amount, c.currency, t.effective_at, t.created_at
      from (
        select t.id, t.effective_at, t.created_at,
               daybook_private.uuid_at(greatest(uuid_extract_timestamp(t.id) - interval '1 hour', 'epoch')) as since
          from daybook.transactions t
         where t.ledger = search_lines_of.ledger and t.id = any (ids) and t.status <> 'posted'
        offset 0) t
     cross join lateral (
        select c.*
          from daybook_private.current_lines c
         where c.ledger = search_lines_of.ledger and c.transaction_id = t.id and c.id >= t.since
        offset 0) c
    union all
    select l.*
      from unnest(ids) u (id)
      join daybook_private.search_lines l on l.ledger = search_lines_of.ledger and l.transaction_id = u.id
     where u.id < detached_below
       and not exists (
             select from daybook.entries e
              where e.ledger = search_lines_of.ledger and e.transaction_id = u.id);
end
$$;
comment on function daybook_private.search_lines_of(text, uuid[]) is
  'The lines by which these transactions are searched, as of now, from the books.';
revoke execute on function daybook_private.search_lines_of(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/search_lines_of.sql
--! Included daybook_private/functions/index_transactions.sql
-- Nobody else writes these tables meanwhile, so it is seen beforehand what is there: to insert what may conflict costs
-- a sixth more.
create or replace function daybook_private.index_transactions(ledger text, ids uuid[])
  returns void
  language plpgsql
  volatile
  set plan_cache_mode to force_generic_plan
  set enable_seqscan to off
  set enable_nestloop to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
#variable_conflict use_column
declare
  known constant uuid[] := array(
    select d.transaction_id
      from daybook_private.search_documents d
     where d.ledger = index_transactions.ledger and d.transaction_id = any (ids));
begin
  if known <> '{}' then
    update daybook_private.search_documents d
       set status = s.status, effective_at = s.effective_at, external_id = s.external_id,
           words = s.words, facts = s.facts, last_event_id = s.last_event_id
      from daybook_private.search_documents_of(index_transactions.ledger, known) s
     where d.ledger = index_transactions.ledger and d.transaction_id = any (known) and d.transaction_id = s.transaction_id;
  end if;
  insert into daybook_private.search_documents
    select s.* from daybook_private.search_documents_of(index_transactions.ledger, array(
      select u.id from unnest(ids) u (id) except select k.id from unnest(known) k (id))) s;
  delete from daybook_private.search_lines l
   where l.ledger = index_transactions.ledger and l.transaction_id = any (ids)
     and not exists (
           select
             from daybook_private.search_lines_of(index_transactions.ledger, ids) s
            where s.transaction_id = l.transaction_id and s.position = l.position
              and (s.account_id, s.direction, s.amount, s.effective_at) = (l.account_id, l.direction, l.amount, l.effective_at));
  insert into daybook_private.search_lines
    select s.*
      from daybook_private.search_lines_of(index_transactions.ledger, ids) s
     where not exists (
             select
               from daybook_private.search_lines l
              where l.ledger = index_transactions.ledger and l.transaction_id = any (ids)
                and l.transaction_id = s.transaction_id and l.position = s.position);
end
$$;
comment on function daybook_private.index_transactions(text, uuid[]) is
  'Writes what these transactions are searched by, as they are now. For callers that hold the ledger''s row in search_heads.';
revoke execute on function daybook_private.index_transactions(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/index_transactions.sql
-- Texts of records: of transactions made posted without a join of entries before they are put together, of others without a
-- query for each.
drop function daybook_private.event_text(daybook_private.log_events, integer);
drop function daybook_private.version_text(daybook_private.log_events, integer);
--! Included daybook_private/functions/version_text.sql
-- What never changes stands in the first version; what a final one became, in the row. Without a fixed search_path, so
-- that it is inlined.
create or replace function daybook_private.version_text(
  event daybook_private.log_events,
  version integer,
  is_final boolean,
  of_transaction daybook.transactions
)
  returns text
  language sql
  stable
as $$
  select concat(
      ',"transaction":{"version":', version_text.version,
      ',"status":"', case when is_final then (of_transaction).status else 'pending' end,
      '","effective_at":"', case when is_final then (of_transaction).effective_at
                               else coalesce(((event).data ->> 'effective_at')::timestamptz, (of_transaction).created_at) end, '"',
      ',"posted_at":"' || (case when is_final then (of_transaction).posted_at end)::text || '"',
      ',"archived_at":"' || (case when is_final then (of_transaction).archived_at end)::text || '"',
      ',"archived_reason":' || to_json(case when is_final then (of_transaction).archived_reason end)::text,
      ',"expires_at":"' || (case when is_final then (of_transaction).expires_at
                                else ((event).data ->> 'expires_at')::timestamptz end)::text || '"',
      ',"description":' || to_json(case when is_final then (of_transaction).description
                                       else (event).data ->> 'description' end)::text,
      case when version_text.version = 1 then concat(
        ',"created_at":"', (of_transaction).created_at, '","actor":', to_json((of_transaction).actor),
        ',"request_id":' || to_json((of_transaction).request_id)::text,
        ',"client_address":"' || host((of_transaction).client_address) || '"',
        ',"external_id":' || to_json((of_transaction).external_id)::text,
        ',"metadata":' || nullif((event).data -> 'metadata', '{}')::text,
        ',"reverses_transaction_id":"' || (of_transaction).reverses_transaction_id || '"',
        ',"partially_posts_transaction_id":"' || (of_transaction).partially_posts_transaction_id || '"',
        ',"counterpart_ledger":"' || (of_transaction).counterpart_ledger || '"',
        ',"counterpart_transaction_id":"' || (of_transaction).counterpart_transaction_id || '"') end,
      '}')
$$;
comment on function daybook_private.version_text(daybook_private.log_events, integer, boolean, daybook.transactions) is
  'Part of a record''s canonical text: the version of a transaction that it made, given this as it is now, and whether that is the version it ended with.';
revoke execute on function daybook_private.version_text(daybook_private.log_events, integer, boolean, daybook.transactions) from public;
--! EndIncluded daybook_private/functions/version_text.sql
--! Included daybook_private/functions/event_text.sql
-- Without a fixed search_path, so that it is inlined.
create or replace function daybook_private.event_text(event daybook_private.log_events)
  returns text
  language sql
  stable
as $$
  select concat('{"ledger":"', (event).ledger, '","id":"', (event).id, '","kind":', to_json((event).kind),
    ',"created_at":"', (event).created_at, '","actor":', to_json((event).actor),
    ',"request_id":' || to_json((event).request_id)::text,
    ',"client_address":"' || host((event).client_address) || '"',
    ',"transaction_id":"' || (event).transaction_id || '"', ',"account_id":"' || (event).account_id || '"',
    ',"data":' || nullif((event).data, '{}')::text)
$$;
comment on function daybook_private.event_text(daybook_private.log_events) is
  'The canonical text of a record that is a row of the log''s table, without what it wrote and the last brace.';
revoke execute on function daybook_private.event_text(daybook_private.log_events) from public;
--! EndIncluded daybook_private/functions/event_text.sql
--! Included daybook_private/functions/entry_text.sql
-- What nearly all entries have is spelled out: to look up an enum's label costs as much as three pieces of text. Without
-- a fixed search_path, so that it is inlined.
create or replace function daybook_private.entry_text(
  entry daybook.entries,
  effective_at timestamptz,
  created_at timestamptz
)
  returns text
  language sql
  stable
as $$
  select concat('{"id":"', (entry).id, '","position":', (entry).position, ',"account_id":"', (entry).account_id,
    case (entry).direction when 'debit' then '","direction":"debit","amount":"' else '","direction":"credit","amount":"' end,
    (entry).amount, '","currency":"', (entry).currency,
    case when (entry).effect = 'posted' then '","effect":"posted"' else concat('","effect":"', (entry).effect, '"') end,
    case when (entry).locked then ',"locked":true' end,
    case when (entry).effective_at is distinct from entry_text.effective_at
      then concat(',"effective_at":"', (entry).effective_at, '"') end,
    case when (entry).created_at is distinct from entry_text.created_at then concat(',"created_at":"', (entry).created_at, '"') end,
    case when (entry).metadata <> '{}' then ',"metadata":' || (entry).metadata::text end, '}')
$$;
comment on function daybook_private.entry_text(daybook.entries, timestamptz, timestamptz) is
  'The canonical text of an entry, without those times that are its transaction''s, if these are given.';
revoke execute on function daybook_private.entry_text(daybook.entries, timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/entry_text.sql
--! Included daybook_private/functions/entries_text.sql
create or replace function daybook_private.entries_text(
  ledger text,
  transaction_id uuid,
  effective_at timestamptz,
  created_at timestamptz
)
  returns text
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select string_agg(daybook_private.entry_text(e, entries_text.effective_at, entries_text.created_at), ',' order by e.id)
    from daybook.entries e
   where e.ledger = entries_text.ledger and e.transaction_id = entries_text.transaction_id and e.transaction_version = 1
$$;
comment on function daybook_private.entries_text(text, uuid, timestamptz, timestamptz) is
  'The canonical texts of the entries that a transaction made posted wrote, given its times.';
revoke execute on function daybook_private.entries_text(text, uuid, timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/entries_text.sql
--! Included daybook_private/functions/posted_texts.sql
-- Entries first, without a look at their transactions, whose times they have, as a rule: if one has another, its
-- transaction's are written anew. Without a fixed search_path, so that it is inlined.
create or replace function daybook_private.posted_texts(ledger text, log_ids uuid[], since uuid, until uuid)
  returns table (log_id uuid, body text)
  language sql
  stable
as $$
  with changed as (
    select distinct e.transaction_id
      from daybook_private.log_events e
     where e.ledger = posted_texts.ledger and e.transaction_id = any (log_ids) and e.id >= since
       and e.kind in ('set_transaction_metadata', 'delete_transaction_metadata')
  ),
  written as (
    select e.transaction_id,
           string_agg(daybook_private.entry_text(e, e.effective_at, e.created_at), ',' order by e.id) as text,
           min(e.effective_at) as effective_from, max(e.effective_at) as effective_until,
           min(e.created_at) as created_from, max(e.created_at) as created_until
      from daybook.entries e
     where e.ledger = posted_texts.ledger and e.transaction_id = any (log_ids) and e.transaction_version = 1
       and e.id between since and until
     group by e.transaction_id
  )
  select t.id,
         concat('{"ledger":"', t.ledger, '","id":"', t.id,
           '","kind":"', case
             when t.reverses_transaction_id is not null then 'reverse_transaction'
             when t.partially_posts_transaction_id is not null then 'partially_post_transaction'
             when t.counterpart_ledger is not null then 'transfer_between_ledgers'
             else 'create_transaction' end,
           '","created_at":"', t.created_at, '","actor":', to_json(t.actor),
           ',"request_id":' || to_json(t.request_id)::text,
           ',"client_address":"' || host(t.client_address) || '"',
           ',"transaction_id":"', t.id, '","transaction":{"version":1,"status":"posted","effective_at":"', t.effective_at,
           case when t.posted_at is distinct from t.created_at then concat('","posted_at":"', t.posted_at) end, '"',
           ',"archived_at":"' || t.archived_at || '"', ',"archived_reason":' || to_json(t.archived_reason)::text,
           ',"expires_at":"' || t.expires_at || '"', ',"external_id":' || to_json(t.external_id)::text,
           ',"description":' || to_json(t.description)::text,
           ',"metadata":' || case
             when t.id in (select c.transaction_id from changed c)
               then nullif(daybook_private.original_metadata(t.ledger, t.id, t.metadata), '{}')::text
             when t.metadata <> '{}' then t.metadata::text end,
           ',"reverses_transaction_id":"' || t.reverses_transaction_id || '"',
           ',"partially_posts_transaction_id":"' || t.partially_posts_transaction_id || '"',
           ',"counterpart_ledger":"' || t.counterpart_ledger || '"',
           ',"counterpart_transaction_id":"' || t.counterpart_transaction_id || '"',
           case when w.text is null then '}}' else '},"entries":[' end, case
             when t.effective_at = w.effective_from and t.effective_at = w.effective_until
                  and t.created_at = w.created_from and t.created_at = w.created_until then w.text
             when w.text is not null then daybook_private.entries_text(t.ledger, t.id, t.effective_at, t.created_at) end,
           case when w.text is not null then ']}' end)
    from daybook.transactions t
    left join written w on w.transaction_id = t.id
   where t.ledger = posted_texts.ledger and t.id = any (log_ids) and t.status = 'posted' and t.version = 1
$$;
comment on function daybook_private.posted_texts(text, uuid[], uuid, uuid) is
  'The canonical texts of those records of a ledger''s log that are transactions made posted; none of what they wrote has an id outside the bounds.';
revoke execute on function daybook_private.posted_texts(text, uuid[], uuid, uuid) from public;
--! EndIncluded daybook_private/functions/posted_texts.sql
--! Included daybook_private/functions/event_texts.sql
-- Without a fixed search_path, so that it is inlined.
create or replace function daybook_private.event_texts(ledger text, log_ids uuid[], since uuid, until uuid)
  returns table (log_id uuid, body text)
  language sql
  stable
as $$
  with made as (
    select e.id, e.transaction_id, v.version
      from daybook_private.log_events e
     cross join lateral (
       select daybook_private.version_of(e.kind, e.data) as version) v
     where e.ledger = event_texts.ledger and e.id = any (log_ids) and v.version is not null
  ),
  written as (
    select m.id, string_agg(daybook_private.entry_text(e, null, null), ',' order by e.id) as text
      from made m
      join daybook.entries e on e.transaction_id = m.transaction_id and e.transaction_version = m.version
     where e.ledger = event_texts.ledger and e.transaction_id = any (array(select s.transaction_id from made s))
       and e.id between since and until
     group by m.id
  ),
  versions as (
    select m.id, m.version, t
      from made m
      join daybook.transactions t on t.id = m.transaction_id
     where t.ledger = event_texts.ledger and t.id = any (array(select s.transaction_id from made s))
  )
  select e.id,
         concat(daybook_private.event_text(e),
           case when v.id is not null then
             daybook_private.version_text(e, v.version, (v.t).status <> 'pending' and (v.t).version = v.version, v.t) end,
           case when e.kind = 'open_account' then daybook_private.account_text(e) end,
           case when e.kind = 'create_category' then daybook_private.category_text(e) end,
           ',"entries":[' || w.text || ']', '}')
    from daybook_private.log_events e
    left join versions v on v.id = e.id
    left join written w on w.id = e.id
   where e.ledger = event_texts.ledger and e.id = any (log_ids)
$$;
comment on function daybook_private.event_texts(text, uuid[], uuid, uuid) is
  'The canonical texts of those records of a ledger''s log that are rows of the log''s table; none of the entries they wrote has an id outside the bounds.';
revoke execute on function daybook_private.event_texts(text, uuid[], uuid, uuid) from public;
--! EndIncluded daybook_private/functions/event_texts.sql
--! Included daybook_private/functions/log_texts.sql
-- One JSON object per record, whose text is the very thing that is hashed: so this must give the same for a
-- record ever after. docs/log.md describes it. Written by hand: building JSON from rows costs twice as
-- much, and this is done for every transaction. What is null or what it is by default is left out.
--
-- Only what can be told at any later time is in it: of a version that a pending transaction has left
-- behind, what the log kept of it; of its last one, the row, which is final; metadata as it was first;
-- an account as it was opened.
--
-- What a record wrote was written with it, so months that are another month away need no look, however old the books.
--
-- No nested loop: however few records a planner expects, records and entries are not compared each with each.
create or replace function daybook_private.log_texts(ledger text, log_ids uuid[])
  returns table (log_id uuid, body text)
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
  set datestyle to 'ISO'
  set enable_seqscan to off
  set enable_nestloop to off
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  sorted constant uuid[] := array_sort(log_ids);
  slack constant interval := '768 hours';
  since constant uuid := daybook_private.uuid_at(greatest(uuid_extract_timestamp(sorted[1]) - slack, 'epoch'));
  until constant uuid := coalesce(
    daybook_private.uuid_at(uuid_extract_timestamp(sorted[cardinality(sorted)]) + slack), 'ffffffff-ffff-ffff-ffff-ffffffffffff');
begin
  return query
    select t.log_id, t.body from daybook_private.posted_texts(log_texts.ledger, log_ids, since, until) t;
  if exists (select from daybook_private.log_events e where e.ledger = log_texts.ledger and e.id = any (log_ids)) then
    return query
      select t.log_id, t.body from daybook_private.event_texts(log_texts.ledger, log_ids, since, until) t;
  end if;
end
$$;
comment on function daybook_private.log_texts(text, uuid[]) is
  'The canonical text of records of a ledger''s log: what was done, by whom, and everything that it wrote. What is sealed is its hash.';
revoke execute on function daybook_private.log_texts(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/log_texts.sql
--! Included daybook_private/functions/check_read_committed.sql
create or replace function daybook_private.check_read_committed()
  returns void
  language plpgsql
  stable
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform daybook_private.refuse('LDISO', 'this needs READ COMMITTED',
      jsonb_build_object('isolation', current_setting('transaction_isolation')));
  end if;
end
$$;
comment on function daybook_private.check_read_committed() is
  'Raises LDISO at other isolation levels: an older snapshot would miss what happened since.';
revoke execute on function daybook_private.check_read_committed() from public;
--! EndIncluded daybook_private/functions/check_read_committed.sql
--! Included daybook_private/functions/restore_ledger.sql
create or replace function daybook_private.restore_ledger(ledger text, facts jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'admin');
  perform daybook_private.check_ledger_name(ledger);
  perform daybook_private.check_read_committed();
  begin
    insert into daybook.ledgers
    select r.* from jsonb_populate_record(null::daybook.ledgers, facts || jsonb_build_object('name', ledger)) r
    on conflict do nothing;
  exception when data_exception or integrity_constraint_violation then
    perform daybook_private.refuse_rows('ledger', sqlstate, sqlerrm);
  end;
  if not found then
    return daybook_private.replace_ledger(ledger, facts);
  end if;
  -- Outside of any subtransaction: by whose row it is is_restoring tells who may go on.
  insert into daybook_private.seal_heads (ledger) values (restore_ledger.ledger);
  return null;
end
$$;
comment on function daybook_private.restore_ledger(text, jsonb) is
  'Begins to put back an exported ledger, from its row in ledgers. The rest follows in the same transaction. Returns what replace_ledger does if it is in the place of an empty one. Raises 42501, LDARG, LDDUP, LDISO.';
revoke execute on function daybook_private.restore_ledger(text, jsonb) from public;
--! EndIncluded daybook_private/functions/restore_ledger.sql
--! Included daybook/functions/restore_rows.sql
create or replace function daybook.restore_rows(ledger text, part text, rows jsonb)
  returns jsonb
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'admin');
  if jsonb_typeof(rows) = 'array' is not true then
    perform daybook_private.refuse_argument('rows', 'a JSON array');
  end if;
  if part = 'ledger' then
    return daybook_private.restore_ledger(ledger, rows -> 0);
  else
    perform daybook_private.check_restoring(ledger);
    begin
      perform daybook_private.restore_part(ledger, part, rows);
    exception when data_exception or integrity_constraint_violation then
      perform daybook_private.refuse_rows(part, sqlstate, sqlerrm);
    end;
    return null;
  end if;
end
$$;
comment on function daybook.restore_rows(text, text, jsonb) is
  E'@behavior -*\nPut back rows of an exported ledger that does not exist here, or is empty but for its creation and grants; for daybook import. All in one transaction: the part ledger first, which makes it, and returns the records and the head of the log of an empty one that it took the place of; then the others, at last finish_restore. Raises 42501, LDARG, LDDUP, LDISO, LDUNB.';
revoke execute on function daybook.restore_rows(text, text, jsonb) from public;
grant execute on function daybook.restore_rows(text, text, jsonb) to daybook_admin;
--! EndIncluded daybook/functions/restore_rows.sql
--! Included daybook_private/functions/search_backlog.sql
-- What happens to a transaction after it was made is an event in the log, written in the same step: the row
-- of a transaction is as new as the last event it names. Planned once: it costs partitions more to plan than
-- to look into, and above cuts off all but the last ones when it runs. What few rows stand above is read in
-- order of the key, whatever an index of something else may promise.
create or replace function daybook_private.search_backlog(ledger text, above uuid, most integer default null)
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
              where t.ledger = search_backlog.ledger and t.id > above
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
              where e.ledger = search_backlog.ledger and e.id > above
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
comment on function daybook_private.search_backlog(text, uuid, integer) is
  'What was recorded above an id and is not yet in search_documents, oldest first, and the transaction that it made or changed.';
revoke execute on function daybook_private.search_backlog(text, uuid, integer) from public;
--! EndIncluded daybook_private/functions/search_backlog.sql
--! Included daybook_private/functions/broken_notes.sql
-- No nested loop: a planner that has not seen how large a ledger became would compare all with all.
create or replace function daybook_private.broken_notes(ledger text)
  returns setof daybook.violation
  language plpgsql
  stable
  set enable_nestloop to off
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    select 'external id of no transaction', x.ledger, x.external_id, jsonb_build_object('transaction', x.transaction_id)
      from daybook_private.external_ids x
     where x.ledger = broken_notes.ledger
       and not exists (select from daybook.transactions t
                        where t.ledger = x.ledger and t.id = x.transaction_id
                          and t.external_id = x.external_id and t.status <> 'archived')
    union all
    select 'expiring hold of no pending transaction', x.ledger, x.transaction_id::text, to_jsonb(x)
      from daybook_private.expiring_holds x
     where x.ledger = broken_notes.ledger
       and not exists (select from daybook.transactions t
                        where t.ledger = x.ledger and t.id = x.transaction_id
                          and t.status = 'pending' and t.expires_at = x.expires_at)
    union all
    select 'idempotency key of nothing', k.ledger, k.key, jsonb_build_object('transaction', k.transaction_id)
      from daybook_private.idempotency_keys k
     where k.ledger = broken_notes.ledger
       and not exists (select from daybook.transactions t where t.ledger = k.ledger and t.id = k.transaction_id)
    union all
    select 'facts of an account differ', a.ledger, a.address, jsonb_build_object('account', to_jsonb(a), 'counters', to_jsonb(c))
      from daybook.accounts a
      left join daybook_private.account_counters c on c.ledger = a.ledger and c.account_id = a.id
     where a.ledger = broken_notes.ledger
       and (a.address, a.currency, a.currency_exponent, a.normal_balance, a.closed_at, a.balance_min, a.balance_max)
           is distinct from
           (c.address, c.currency, c.currency_exponent, c.normal_balance, c.closed_at, c.balance_min, c.balance_max)
    union all
    select 'default partition is in use', e.ledger, 'entries_default', jsonb_build_object('entry', e.id)
      from (select d.ledger, d.id from daybook.entries_default d where d.ledger = broken_notes.ledger limit 1) e;
end
$$;
comment on function daybook_private.broken_notes(text) is
  'What is noted for quick looks (external ids, expiries, keys, facts of accounts) and is not true of anything in the books of a ledger.';
revoke execute on function daybook_private.broken_notes(text) from public;
--! EndIncluded daybook_private/functions/broken_notes.sql
--! Included daybook_private/functions/current_lines_between.sql
-- Transaction by transaction (offset 0), each by its whole key: a planner that has not seen how large a ledger became would
-- compare all of its entries with all of its transactions.
create or replace function daybook_private.current_lines_between(ledger text, after_id uuid, to_id uuid)
  returns setof daybook_private.current_lines
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select c.*
    from daybook.transactions t
   cross join lateral (
      select l.* from daybook_private.current_lines l where l.ledger = t.ledger and l.transaction_id = t.id offset 0) c
   where t.ledger = current_lines_between.ledger and t.id > after_id and t.id <= to_id
$$;
comment on function daybook_private.current_lines_between(text, uuid, uuid) is
  'The lines, as they are now, of transactions above one id, up to another.';
revoke execute on function daybook_private.current_lines_between(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/current_lines_between.sql
--! Included daybook_private/functions/broken_entries.sql
create or replace function daybook_private.broken_entries(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    select 'transaction out of balance', e.ledger, e.transaction_id::text,
           jsonb_build_object('version', e.transaction_version, 'effect', e.effect, 'currency', e.currency,
             'debits', sum(case when e.direction = 'debit' then e.amount else 0 end)::text,
             'credits', sum(case when e.direction = 'credit' then e.amount else 0 end)::text)
      from daybook.entries e
     where e.ledger = broken_entries.ledger and e.transaction_id > broken_entries.after_id and e.transaction_id <= broken_entries.to_id
     group by e.ledger, e.transaction_id, e.transaction_version, e.effect, e.currency
    having sum(case when e.direction = 'debit' then e.amount else -e.amount end) <> 0
    union all
    select 'current entries out of balance', e.ledger, e.transaction_id::text, jsonb_build_object('currency', e.currency)
      from daybook_private.current_lines_between(broken_entries.ledger, after_id, to_id) e
     group by e.ledger, e.transaction_id, e.currency
    having sum(case when e.direction = 'debit' then e.amount else -e.amount end) <> 0
    union all
    select 'entry without its transaction', e.ledger, e.id::text, jsonb_build_object('transaction', e.transaction_id)
      from daybook.entries e
     where e.ledger = broken_entries.ledger and e.transaction_id > broken_entries.after_id and e.transaction_id <= broken_entries.to_id
       and not exists (select from daybook.transactions t where t.ledger = e.ledger and t.id = e.transaction_id offset 0)
    union all
    select 'entry in another currency than its account', e.ledger, e.id::text,
           jsonb_build_object('currency', e.currency, 'account', a.address, 'account_currency', a.currency)
      from daybook.entries e
      left join lateral (
        select a.address, a.currency from daybook.accounts a where a.ledger = e.ledger and a.id = e.account_id offset 0) a on true
     where e.ledger = broken_entries.ledger and e.transaction_id > broken_entries.after_id and e.transaction_id <= broken_entries.to_id
       and e.currency is distinct from a.currency;
end
$$;
comment on function daybook_private.broken_entries(text, uuid, uuid) is
  'Transactions, by a range of ids, whose entries do not add up to zero in a currency, and entries without a transaction.';
revoke execute on function daybook_private.broken_entries(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_entries.sql
--! Included daybook_private/functions/broken_holds.sql
create or replace function daybook_private.broken_holds(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    with held as materialized (
      select h.* from daybook_private.held_by(broken_holds.ledger, after_id, to_id) h
    ),
    pending as materialized (
      select t.* from daybook.transactions t where t.ledger = broken_holds.ledger and t.id > broken_holds.after_id and t.id <= broken_holds.to_id and t.status = 'pending'
    )
    select 'what is left of a hold is not what is pending', h.ledger, h.transaction_id::text, to_jsonb(h)
      from held h
      left join pending t on t.ledger = h.ledger and t.id = h.transaction_id
     where (h.made = 1 and h.amount >= 0 and (h.amount = 0 or h.generation = t.entries_version)) is not true
    union all
    select 'what is left of a hold is out of balance', h.ledger, h.transaction_id::text, jsonb_build_object('currency', h.currency)
      from held h
     group by h.ledger, h.transaction_id, h.generation, h.currency
    having sum(case when h.direction = 'debit' then h.amount else -h.amount end) <> 0
    union all
    select 'pending transaction that holds nothing', t.ledger, t.id::text, '{}'
      from pending t
     where not exists (select from held h where h.ledger = t.ledger and h.transaction_id = t.id and h.amount > 0)
    union all
    select 'current entries are not what is left of a hold',
           coalesce(h.ledger, c.ledger), coalesce(h.transaction_id, c.transaction_id)::text,
           jsonb_build_object('left', to_jsonb(h), 'current', to_jsonb(c))
      from (select * from held where amount > 0) h
      full join (select r.* from daybook_private.current_lines_between(broken_holds.ledger, after_id, to_id) r where r.effect = 'pending') c
             on c.ledger = h.ledger and c.transaction_id = h.transaction_id and c.position = h.position
     where (c.account_id, c.direction, c.amount) is distinct from (h.account_id, h.direction, h.amount)
    union all
    -- An account of which partial postings have used up everything may or may not be noted.
    select 'expiring hold is not noted', h.ledger, h.transaction_id::text, to_jsonb(h)
      from (select g.ledger, g.transaction_id, g.account_id, t.expires_at, sum(g.amount) as amount
              from held g
              join pending t on t.ledger = g.ledger and t.id = g.transaction_id and g.generation = t.entries_version
             where t.expires_at is not null
             group by g.ledger, g.transaction_id, g.account_id, t.expires_at) h
     where h.amount > 0
       and not exists (select from daybook_private.expiring_holds x
                        where x.ledger = h.ledger and x.account_id = h.account_id
                          and x.expires_at = h.expires_at and x.transaction_id = h.transaction_id);
end
$$;
comment on function daybook_private.broken_holds(text, uuid, uuid) is
  'Pending transactions, by a range of ids, that do not hold what their entries say.';
revoke execute on function daybook_private.broken_holds(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_holds.sql
--! Included daybook_private/functions/broken_statuses.sql
-- Final transactions without entries, from before the last detached month, have left them there.
create or replace function daybook_private.broken_statuses(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
declare
  detached_below constant uuid := daybook_private.detached_below();
begin
  return query
    with shape as (
      select t.ledger, t.id, t.status, t.version, t.entries_version, t.archived_reason, t.expires_at, t.posted_at, t.archived_at,
             count(e.id) as entries,
             count(*) filter (where e.effect = 'pending') as pending,
             count(*) filter (where e.effect in ('posted', 'settled')) as posted,
             count(*) filter (where e.effect in ('posted', 'settled') and e.transaction_version = t.version) as posted_last,
             count(distinct e.effect) filter (where e.effect in ('posted', 'settled')) as ways_to_post,
             count(*) filter (where e.effect = 'released' and e.transaction_version = t.version) as released_last,
             max(e.transaction_version) filter (where e.effect in ('pending', 'posted')) as written_last,
             count(*) filter (where e.effect in ('pending', 'posted') and e.transaction_version = t.entries_version
                                and e.effective_at <> t.effective_at) as at_other_times
        from daybook.transactions t
        left join lateral (
          select e.* from daybook.entries e where e.ledger = t.ledger and e.transaction_id = t.id offset 0) e on true
       where t.ledger = broken_statuses.ledger and t.id > broken_statuses.after_id and t.id <= broken_statuses.to_id
       group by t.ledger, t.id
    ),
    records as (
      select l.ledger, l.transaction_id, array_agg(v.version order by v.version) as versions
        from daybook_private.log_events l
       cross join lateral (select daybook_private.version_of(l.kind, l.data) as version) v
       where l.ledger = broken_statuses.ledger and l.transaction_id > broken_statuses.after_id and l.transaction_id <= broken_statuses.to_id
         and v.version is not null
       group by l.ledger, l.transaction_id
    )
    select 'entries do not tell the status of their transaction', s.ledger, s.id::text, to_jsonb(s)
      from shape s
     where not (s.entries = 0 and s.status <> 'pending' and s.id < detached_below)
       and (s.at_other_times = 0 and s.entries_version = coalesce(s.written_last, 1) and case
              when s.status = 'pending' then s.pending >= 2 and s.posted = 0
              when s.status = 'posted' and s.version = 1
                then s.posted >= 2 and s.entries = s.posted and s.posted_last = s.posted
              when s.status = 'posted'
                then s.pending >= 2 and s.posted >= 2 and s.posted_last = s.posted and s.ways_to_post = 1
              when s.archived_reason = 'balance_lock_failure' then s.version = 1 and s.entries = 0
              else s.version > 1 and s.pending >= 2 and s.posted = 0 and s.released_last >= 2
            end) is not true
    union all
    select 'times do not tell the status of their transaction', s.ledger, s.id::text, to_jsonb(s)
      from shape s
     where (case
              when s.status = 'pending' then s.posted_at is null and s.archived_at is null and s.archived_reason is null
              when s.status = 'posted' then s.posted_at is not null and s.archived_at is null and s.archived_reason is null
              when s.archived_reason = 'expired' then s.posted_at is null and s.archived_at >= s.expires_at
              else s.posted_at is null and s.archived_at is not null
                   and coalesce(s.archived_reason, 'fully_posted') in ('balance_lock_failure', 'fully_posted')
            end) is not true
    union all
    select 'log does not tell the life of a transaction', s.ledger, s.id::text, to_jsonb(s) || coalesce(to_jsonb(r), '{}')
      from shape s
      left join records r on r.ledger = s.ledger and r.transaction_id = s.id
     where coalesce(r.versions, '{}') is distinct from
           array(select n from generate_series(1, case when s.status = 'posted' and s.version = 1 then 0 else s.version end) n);
end
$$;
comment on function daybook_private.broken_statuses(text, uuid, uuid) is
  'Transactions, by a range of ids, whose status is not what their entries, times and records in the log tell.';
revoke execute on function daybook_private.broken_statuses(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_statuses.sql
--! Included daybook_private/functions/broken_bonds.sql
-- A part and its hold may leave with different months; meanwhile they cannot be compared.
create or replace function daybook_private.broken_bonds(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    with parts as materialized (
      select l.ledger, l.transaction_id, (l.data ->> 'version')::integer as version,
             (l.data ->> 'posted_transaction_id')::uuid as part_id
        from daybook_private.log_events l
       where l.ledger = broken_bonds.ledger and l.transaction_id > broken_bonds.after_id and l.transaction_id <= broken_bonds.to_id and l.kind = 'partially_post_transaction'
    ),
    sides as (
      select p.ledger, p.part_id, p.version, p.part_id as side, 1 as entries_version from parts p
      union all
      select p.ledger, p.part_id, p.version, p.transaction_id, p.version from parts p
    )
    select 'part of a hold without the other side of its link', p.ledger, p.part_id::text,
           jsonb_build_object('pending', p.transaction_id)
      from parts p
     where not exists (select from daybook.transactions t
                        where t.ledger = p.ledger and t.id = p.part_id and t.partially_posts_transaction_id = p.transaction_id)
    union all
    select 'part of a hold without the other side of its link', t.ledger, t.id::text,
           jsonb_build_object('pending', t.partially_posts_transaction_id)
      from daybook.transactions t
     where t.ledger = broken_bonds.ledger and t.id > broken_bonds.after_id and t.id <= broken_bonds.to_id and t.partially_posts_transaction_id is not null
       and not exists (select from daybook_private.log_events l
                        where l.ledger = t.ledger and l.transaction_id = t.partially_posts_transaction_id
                          and l.kind = 'partially_post_transaction' and l.data ->> 'posted_transaction_id' = t.id::text)
    union all
    select 'part of a hold differs from what it took from it', s.ledger, s.part_id::text,
           jsonb_build_object('version', s.version, 'account', e.account_id)
      from sides s
      join daybook.entries e on e.ledger = s.ledger and e.transaction_id = s.side and e.transaction_version = s.entries_version
     group by s.ledger, s.part_id, s.version, e.account_id, e.direction
    having sum(case when e.effect = 'posted' then e.amount else -e.amount end) <> 0
       and not exists (
             select from sides o
              where o.part_id = s.part_id and o.side < daybook_private.detached_below()
                and not exists (select from daybook.entries d where d.ledger = o.ledger and d.transaction_id = o.side))
    union all
    select 'reversal without the other side of its link', t.ledger, t.id::text, jsonb_build_object(
             'reverses', t.reverses_transaction_id, 'reversed_by', t.reversed_by_transaction_id)
      from daybook.transactions t
     where t.ledger = broken_bonds.ledger and t.id > broken_bonds.after_id and t.id <= broken_bonds.to_id
       and (t.reverses_transaction_id is not null and t.status <> 'archived'
            and not exists (select from daybook.transactions o where o.ledger = t.ledger and o.id = t.reverses_transaction_id
                               and o.reversed_by_transaction_id = t.id)
            or t.reversed_by_transaction_id is not null
            and not exists (select from daybook.transactions o where o.ledger = t.ledger and o.id = t.reversed_by_transaction_id
                               and o.reverses_transaction_id = t.id))
    union all
    select 'external id is not noted', t.ledger, t.id::text, jsonb_build_object('external_id', t.external_id)
      from daybook.transactions t
     where t.ledger = broken_bonds.ledger and t.id > broken_bonds.after_id and t.id <= broken_bonds.to_id and t.external_id is not null and t.status <> 'archived'
       and not exists (select from daybook_private.external_ids x
                        where x.ledger = t.ledger and x.external_id = t.external_id and x.transaction_id = t.id
                       offset 0);
end
$$;
comment on function daybook_private.broken_bonds(text, uuid, uuid) is
  'Transactions, by a range of ids, whose links to parts, reversals or external ids have no other side, or another one.';
revoke execute on function daybook_private.broken_bonds(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_bonds.sql
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
  return query select * from daybook_private.broken_search(ledger, after_id, to_id);
end
$$;
comment on function daybook_private.broken_transactions(text, uuid, uuid) is
  'Everything that is wrong with the transactions above one id, up to another, their entries, what is noted about them, and what searches look through.';
revoke execute on function daybook_private.broken_transactions(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_transactions.sql

--! Included daybook_private/functions/batch_lines.sql
-- What prepare_entries is for one transaction. It changes nothing and raises nothing: what is amiss
-- makes a member one that is made alone, and then told.
-- Accounts are found by their keys (the array), and everything is joined by hashing: about the sizes of
-- arrays a cached plan knows nothing, and one made while the ledger was small would read all its accounts.
create or replace function daybook_private.batch_lines(ledger text, inputs daybook.transaction_input[])
  returns daybook_private.batch_line[]
  language plpgsql
  stable
  set enable_nestloop to off
as $$
begin
  return array(
    with entry as materialized (
      select t.ordinality as member, t.status, e.*
        from unnest(inputs) with ordinality t
       cross join lateral unnest(t.entries) with ordinality
               as e (account, direction, amount, lock_version, pending_balance, posted_balance,
                     available_balance, show_resulting_balances, metadata, position)
    ),
    account as (
      select a.*
        from daybook.accounts a
       where a.ledger = batch_lines.ledger and a.address = any (array(select e.account from entry e))
    )
    select row(e.member, e.position, a.id, e.direction, trunc(e.amount), a.currency,
               case when e.status = 'pending' then 'pending'::daybook.entry_effect else 'posted' end,
               daybook_private.asks_lock(x.input)
                 or daybook_private.is_limited(e.direction, a.normal_balance, a.balance_min, a.balance_max),
               coalesce(e.metadata, '{}'),
               case when daybook_private.asks_lock(x.input) then x.input end,
               daybook_private.hash_line(e.account, e.direction, e.amount, e.position)
                 # daybook_private.hash_asked(x.input, e.position),
               daybook_private.is_sound_entry(x.input),
               a.id is not null and a.closed_at is null
             )::daybook_private.batch_line
      from entry e
     cross join lateral (
             select row(e.account, e.direction, e.amount, e.lock_version, e.pending_balance, e.posted_balance,
                        e.available_balance, e.show_resulting_balances, e.metadata)::daybook.entry_input as input) x
      left join account a on a.address = e.account
     order by e.member, e.position);
end
$$;
comment on function daybook_private.batch_lines(text, daybook.transaction_input[]) is
  'The entries of a batch with the facts of their accounts, in order.';
revoke execute on function daybook_private.batch_lines(text, daybook.transaction_input[]) from public;
--! EndIncluded daybook_private/functions/batch_lines.sql
--! Included daybook_private/functions/show_run.sql
-- What show_balances does for one transaction. Whoever asks for an account's balances holds it, so that the entries are
-- not queued: the last one of each member has the counters after it. All is looked up by its key,
-- and arrays are joined by hashing, as in batch_lines.
create or replace function daybook_private.show_run(
  ledger text,
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[]
)
  returns table (member integer, balances daybook.balances[])
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
#variable_conflict use_column
declare
  transactions uuid[]; -- ascending
  keys text[];
begin
  select array_agg(distinct m.transaction_id), array_agg(m.idempotency_key)
    into transactions, keys
    from unnest(lines) l
    join unnest(members) m on m.index = l.member
   where (l.asked).show_resulting_balances;
  if transactions is null then
    return;
  end if;
  return query
    with asked as (
      select l.member, l.account_id, min(l.position) filter (where (l.asked).show_resulting_balances) as first,
             max(l.position) as last
        from unnest(lines) l
       where l.locked
       group by l.member, l.account_id
    ),
    shown as (
      select m.index, m.idempotency_key, array_agg(
               row(c.ledger, c.address, c.account_id, c.currency, c.currency_exponent, c.normal_balance,
                   e.lock_version, e.pending_debits, e.pending_credits,
                   daybook_private.net_balance(c.normal_balance, e.pending_credits, e.pending_debits),
                   e.posted_debits, e.posted_credits,
                   daybook_private.net_balance(c.normal_balance, e.posted_credits, e.posted_debits),
                   daybook_private.available_balance(c.normal_balance,
                     e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits))::daybook.balances
               order by a.first) as balances
        from asked a
        join unnest(members) m on m.index = a.member
        join daybook.entries e on e.transaction_id = m.transaction_id and e.position = a.last
       cross join lateral (
               select c.* from daybook_private.account_counters c
                where c.ledger = show_run.ledger and c.account_id = a.account_id
               offset 0) c
       where a.first is not null
         and e.ledger = show_run.ledger and e.transaction_id = any (transactions) and e.id > transactions[1]
       group by m.index, m.idempotency_key
    ),
    kept as (
      update daybook_private.idempotency_keys k
         set result = jsonb_build_object('balances', s.balances)
        from shown s
       where k.ledger = show_run.ledger and k.key = s.idempotency_key and k.key = any (keys)
    )
    select s.index, s.balances from shown s;
end
$$;
comment on function daybook_private.show_run(text, daybook_private.batch_member[], daybook_private.batch_line[]) is
  'The balances that entries of members of a batch asked for, which were just made together, and keeps them for replays.';
revoke execute on function daybook_private.show_run(text, daybook_private.batch_member[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/show_run.sql
--! Included daybook_private/functions/make_run.sql
create or replace function daybook_private.make_run(
  ledger text,
  inputs daybook.transaction_input[],
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[]
)
  returns setof daybook.transaction_result
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
declare
  made daybook_private.batch_member[] := members;
begin
  if exists (select from unnest(members) m where m.is_replay) then
    made := array(select m from unnest(members) m where not m.is_replay order by m.index);
    lines := array(
      select l from unnest(lines) l join unnest(made) m on m.index = l.member order by l.member, l.position);
  end if;
  if cardinality(made) > 0 then
    perform daybook_private.make_chunk(ledger, inputs, made, lines);
  end if;
  return query
    select m.index, ledger, m.transaction_id, m.status, m.version, m.is_replay,
           null::text, s.balances, null::text, null::text, null::jsonb
      from unnest(members) m
      left join daybook_private.show_run(ledger, made, lines) s on s.member = m.index
     order by m.index;
end
$$;
comment on function daybook_private.make_run(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[]) is
  'Makes members of a batch of which it is known that nothing refuses them, replays among them or not; their results.';
revoke execute on function daybook_private.make_run(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/make_run.sql

-- The way of plain pairs in fewer steps.
drop index daybook_private.idempotency_keys_created_at_idx;
--! Included daybook_private/functions/guard_entries.sql
-- Reads nothing but the rows of the statement that fired it. Each statement must write whole
-- transactions; the ledger's own functions do, and so must anybody who inserts by hand. A first
-- look for the one balanced transaction that nearly every statement is, given up (null) at the first row
-- that belongs to another, as in a batch, or is unsound; groups only after that.
-- (0 without a type would be cast by PL/pgSQL, in an expression of its own.)
create or replace function daybook_private.guard_entries()
  returns trigger
  language plpgsql
as $$
declare
  line record;
  same text;
  net numeric := 0::numeric;
begin
  for line in
    select concat_ws(' ', w.ledger, w.transaction_id, w.transaction_version, w.effect, w.currency) as same,
           case when w.amount > 0 and w.amount < 1e36 and scale(w.amount) = 0
                then case when w.direction = 'debit' then w.amount else -w.amount end end as net
      from written w
  loop
    net := net + case when line.same = coalesce(same, line.same) then line.net end;
    exit when net is null;
    same := line.same;
  end loop;
  if net = 0 then
    return null;
  end if;
  for line in
    select w.ledger, w.transaction_id, w.currency
      from written w
     group by w.ledger, w.transaction_id, w.transaction_version, w.effect, w.currency
    having sum(case when w.direction = 'debit' then w.amount else -w.amount end) <> 0
        or bool_or((w.amount > 0 and w.amount < 1e36 and scale(w.amount) = 0) is not true)
     limit 1
  loop
    perform daybook_private.refuse('LDUNB', 'the written entries do not add up to zero', to_jsonb(line));
  end loop;
  return null;
end
$$;
comment on function daybook_private.guard_entries() is
  'Trigger: raises LDUNB when a statement writes entries that do not add up to zero, whoever writes them.';
revoke execute on function daybook_private.guard_entries() from public;
--! EndIncluded daybook_private/functions/guard_entries.sql
--! Included daybook_private/functions/write_pair.sql
-- What apply_entries, write_transaction and write_entries do for all others. Neither entry waits, but for a debit that must
-- keep a minimum (take_debit): an account that the caller holds already is free to him. The debited account is looked up,
-- locked and debited at once. The credited one is known: if its row of accounts has moved since, it is taken for one
-- that is held, and the entry queues. (null without a type would be cast by PL/pgSQL, in an expression of its own.)
create or replace function daybook_private.write_pair(
  ledger text, entries daybook.entry_input[], idempotency_key text, metadata jsonb, effective_at timestamptz,
  transaction_id uuid, amount numeric, currency text,
  debit_account text, debit_position integer, minimum numeric, credit_id uuid, credit_row tid
)
  returns uuid
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  debit_entry constant uuid := uuidv7();
  credit_entry constant uuid := uuidv7();
  debited daybook_private.taken;
  credited daybook_private.taken;
  created_at timestamptz;
begin
  if minimum is null then
    update daybook_private.account_counters c
       set lock_version = c.lock_version + 1,
           pending_debits = c.pending_debits + amount,
           posted_debits = c.posted_debits + amount
     where c.ledger = write_pair.ledger and c.drifted_at is null and c.account_id = (
             select a.id from daybook.accounts a
              where a.ledger = write_pair.ledger and a.address = debit_account and a.currency = write_pair.currency
                and a.closed_at is null and a.balance_min is null and (a.balance_max is null or a.normal_balance = 'credit')
                for no key update skip locked)
    returning c.account_id, c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits, null::numeric
      into debited;
  end if;
  if debited.account_id is null then
    debited := daybook_private.take_debit(
      write_pair.ledger, debit_account, debit_entry, amount, write_pair.currency, credit_id, minimum);
    if debited.account_id is null then
      return daybook_private.create_held(write_pair.ledger, entries, write_pair.idempotency_key, write_pair.metadata,
        write_pair.effective_at, debit_account);
    end if;
    minimum := debited.minimum;
  end if;
  update daybook_private.account_counters c
     set lock_version = c.lock_version + 1,
         pending_credits = c.pending_credits + amount,
         posted_credits = c.posted_credits + amount
   where c.ledger = write_pair.ledger and c.drifted_at is null and c.account_id = (
           select a.id from daybook.accounts a
            where a.ctid = credit_row and a.ledger = write_pair.ledger and a.id = credit_id
              for no key update skip locked)
  returning c.account_id, c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits, null::numeric
    into credited;
  if credited.lock_version is null then
    credited.account_id := credit_id;
    insert into daybook_private.entry_queue
      values (write_pair.ledger, credit_id, credit_entry, 0, amount, 0, amount);
  end if;
  created_at := clock_timestamp();
  with made as (
    insert into daybook.transactions
      (ledger, id, status, effective_at, created_at, posted_at, metadata, actor, request_id, client_address)
    values
      (write_pair.ledger, write_pair.transaction_id, 'posted', coalesce(write_pair.effective_at, created_at), created_at, created_at,
       coalesce(write_pair.metadata, '{}'),
       daybook_private.actor(), daybook_private.request_id(), daybook_private.client_address())
  )
  insert into daybook.entries
    (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount,
     currency, effect, locked, effective_at, created_at, lock_version,
     pending_debits, pending_credits, posted_debits, posted_credits)
  select write_pair.ledger, v.id, write_pair.transaction_id, 1, v.position, (v.taken).account_id, v.direction, write_pair.amount,
         write_pair.currency, 'posted', v.locked, coalesce(write_pair.effective_at, created_at), created_at, (v.taken).lock_version,
         (v.taken).pending_debits, (v.taken).pending_credits, (v.taken).posted_debits, (v.taken).posted_credits
    from (values
      (debit_entry, debit_position, 'debit'::daybook.direction, minimum is not null, debited),
      (credit_entry, 3 - debit_position, 'credit', false, credited)
    ) v (id, position, direction, locked, taken);
  return write_pair.transaction_id;
end
$$;
comment on function daybook_private.write_pair(text, daybook.entry_input[], text, jsonb, timestamptz, uuid, numeric, text, text, integer, numeric, uuid, tid) is
  'Applies and writes a posted transaction of one debit and one credit; returns its id. Raises what create_one raises if something speaks against the debit.';
revoke execute on function daybook_private.write_pair(text, daybook.entry_input[], text, jsonb, timestamptz, uuid, numeric, text, text, integer, numeric, uuid, tid) from public;
--! EndIncluded daybook_private/functions/write_pair.sql
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
  if (debit.direction < credit.direction
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
