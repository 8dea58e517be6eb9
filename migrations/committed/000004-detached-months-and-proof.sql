--! Previous: sha1:c57a46e0fe04c6c0fbbfb545f4284b85d9c5d21b
--! Hash: sha1:3dc21b1d37fe1dc5cddf70c2f14263029aa6fd09
--! Message: detached-months-and-proof

drop function daybook_private.move_partition(regclass, timestamptz, name);
drop function daybook_private.swap_partition(regclass, text, text, uuid, uuid);
--! Included daybook_private/functions/true_counters.sql
-- The long way, which is always right: reads every entry of the account. What was queued when it was
-- written counts like any other.
-- Readers reach it by the view daybook.balances alone, whose rows they are allowed to see.
create or replace function daybook_private.true_counters(ledger text, account_id uuid)
  returns daybook_private.line
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  sums daybook_private.line;
begin
  select coalesce(max(s.entries), 0), coalesce(max(s.pending_debits), 0), coalesce(max(s.pending_credits), 0),
         coalesce(max(s.posted_debits), 0), coalesce(max(s.posted_credits), 0)
    into sums.lock_version, sums.pending_debits, sums.pending_credits, sums.posted_debits, sums.posted_credits
    from daybook_private.sums_of_entries(true_counters.ledger, array[true_counters.account_id]) s;
  return sums;
end
$$;
comment on function daybook_private.true_counters(text, uuid) is
  'The four counters of an account, minor units, and the number of its entries as lock_version, added up from its entries alone. No cache is believed.';
revoke execute on function daybook_private.true_counters(text, uuid) from public;
grant execute on function daybook_private.true_counters(text, uuid) to daybook_reader;
--! EndIncluded daybook_private/functions/true_counters.sql
drop function daybook_private.accounts_to_roll_up(integer, integer);
drop function daybook_private.roll_up_account(text, uuid, integer, integer);
drop function daybook_private.entry_cells(text, uuid, bigint, bigint);
drop function daybook_private.later_sums(text, uuid[], uuid, timestamptz, timestamptz);
drop function daybook_private.later_entries(text, uuid[], timestamptz, timestamptz);
alter table daybook_private.rollup_cursors
  add column both_version bigint not null default 0,
  add column both_later_from uuid not null default '00000000-0000-0000-0000-000000000000';
update daybook_private.rollup_cursors set both_version = lock_version, both_later_from = later_from;
comment on table daybook_private.rollup_cursors is
  'How far the sums of each account go: its entries up to lock_version are in the sums of one time, up to both_version in those of both times, which is never more; later ones are not. Where to look for later ones, later_from and both_later_from say, but only as a hint: one that waited for long has an older id. The units are the shortest periods that there are sums of: month, day or hour.';
--! Included daybook_private/functions/hold_minimum.sql
-- Whether the account can give this much and keep the minimum is read in a later statement than the
-- one that got the lock: only its snapshot sees what was applied and queued while the lock was waited for.
create or replace function daybook_private.hold_minimum(ledger text, account_id uuid, amount numeric, minimum numeric)
  returns boolean
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  is_kept boolean;
begin
  perform
    from daybook.accounts a
   where a.ledger = hold_minimum.ledger and a.id = hold_minimum.account_id
     for no key update;
  select c.closed_at is null and c.drifted_at is null and c.normal_balance = 'credit'
         and c.posted_credits - c.pending_debits - amount >= greatest(minimum, c.balance_min)
         and (select q.entry_id
                from daybook_private.entry_queue q
               where q.ledger = hold_minimum.ledger and q.account_id = hold_minimum.account_id
               order by q.entry_id
               limit 1) is null
    into is_kept
    from daybook_private.account_counters c
   where c.ledger = hold_minimum.ledger and c.account_id = hold_minimum.account_id;
  return is_kept;
end
$$;
comment on function daybook_private.hold_minimum(text, uuid, numeric, numeric) is
  'Waits for an account and holds it; whether nothing speaks against debiting it: credit-normal, nothing queued, not closed, and afterwards at least the minimum available, and what its own limit asks.';
revoke execute on function daybook_private.hold_minimum(text, uuid, numeric, numeric) from public;
--! EndIncluded daybook_private/functions/hold_minimum.sql
--! Included daybook_private/functions/write_pair.sql
-- What apply_entries, write_transaction and write_entries do for all others. Neither entry waits: an account that
-- the caller holds already is free to him. A row of accounts that has moved since it was read is
-- taken for one that is held: the entry queues.
create or replace function daybook_private.write_pair(
  ledger text, transaction_id uuid, metadata jsonb, amount numeric, currency text,
  debit_id uuid, debit_row tid, debit_position integer, debit_locked boolean, credit_id uuid, credit_row tid
)
  returns uuid
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  debit_entry constant uuid := uuidv7();
  credit_entry constant uuid := uuidv7();
  debited record;
  credited record;
  created_at timestamptz;
begin
  update daybook_private.account_counters c
     set lock_version = c.lock_version + 1,
         pending_debits = c.pending_debits + amount,
         posted_debits = c.posted_debits + amount
   where c.ledger = write_pair.ledger and c.drifted_at is null and c.account_id = (
           select a.id from daybook.accounts a
            where a.ctid = debit_row and a.ledger = write_pair.ledger and a.id = debit_id
              for no key update skip locked)
  returning c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
    into debited;
  if debited.lock_version is null then
    insert into daybook_private.entry_queue
      values (write_pair.ledger, debit_id, debit_entry, amount, 0, amount, 0);
  end if;
  update daybook_private.account_counters c
     set lock_version = c.lock_version + 1,
         pending_credits = c.pending_credits + amount,
         posted_credits = c.posted_credits + amount
   where c.ledger = write_pair.ledger and c.drifted_at is null and c.account_id = (
           select a.id from daybook.accounts a
            where a.ctid = credit_row and a.ledger = write_pair.ledger and a.id = credit_id
              for no key update skip locked)
  returning c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
    into credited;
  if credited.lock_version is null then
    insert into daybook_private.entry_queue
      values (write_pair.ledger, credit_id, credit_entry, 0, amount, 0, amount);
  end if;
  created_at := clock_timestamp();
  insert into daybook.transactions
    (ledger, id, status, effective_at, created_at, posted_at, metadata, actor, request_id, client_address)
  values
    (write_pair.ledger, write_pair.transaction_id, 'posted', created_at, created_at, created_at,
     coalesce(write_pair.metadata, '{}'),
     daybook_private.actor(), daybook_private.request_id(), daybook_private.client_address());
  insert into daybook.entries
    (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount,
     currency, effect, locked, effective_at, created_at, lock_version,
     pending_debits, pending_credits, posted_debits, posted_credits)
  values
    (write_pair.ledger, debit_entry, write_pair.transaction_id, 1, debit_position, debit_id, 'debit', write_pair.amount,
     write_pair.currency, 'posted', debit_locked, created_at, created_at, debited.lock_version,
     debited.pending_debits, debited.pending_credits, debited.posted_debits, debited.posted_credits),
    (write_pair.ledger, credit_entry, write_pair.transaction_id, 1, 3 - debit_position, credit_id, 'credit', write_pair.amount,
     write_pair.currency, 'posted', false, created_at, created_at, credited.lock_version,
     credited.pending_debits, credited.pending_credits, credited.posted_debits, credited.posted_credits);
  return write_pair.transaction_id;
end
$$;
comment on function daybook_private.write_pair(text, uuid, jsonb, numeric, text, uuid, tid, integer, boolean, uuid, tid) is
  'Applies and writes a posted transaction of one debit and one credit; returns its id.';
revoke execute on function daybook_private.write_pair(text, uuid, jsonb, numeric, text, uuid, tid, integer, boolean, uuid, tid) from public;
--! EndIncluded daybook_private/functions/write_pair.sql
--! Included daybook_private/functions/create_held.sql
-- create_pair has waited for the debited account and cannot go on. The account stays held, so create_one must not
-- wait for the other one, whatever limit was set there meanwhile.
create or replace function daybook_private.create_held(
  ledger text, entries daybook.entry_input[], idempotency_key text, metadata jsonb, held uuid
)
  returns uuid
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  result daybook.transaction_result;
begin
  delete from daybook_private.idempotency_keys k
   where k.ledger = create_held.ledger and k.key = create_held.idempotency_key;
  result := daybook_private.create_one(create_held.ledger,
    row(entries, null, null, create_held.idempotency_key, null, null, create_held.metadata, null, null, null)::daybook.transaction_input,
    row(null, null, null, null, null, null, null, null, null, array[held])::daybook_private.origin);
  return result.transaction_id;
end
$$;
comment on function daybook_private.create_held(text, daybook.entry_input[], text, jsonb, uuid) is
  'Makes the transaction that create_pair has begun, whose key it has taken and whose debited account it holds; returns its id, or raises what create_one raises.';
revoke execute on function daybook_private.create_held(text, daybook.entry_input[], text, jsonb, uuid) from public;
--! EndIncluded daybook_private/functions/create_held.sql
--! Included daybook_private/functions/create_pair.sql
-- The fast way of the commonest request: one posted debit and one credit of the same amount, on two open
-- accounts, perhaps with a key, metadata, and a least available balance that the entry or the limit of its
-- account asks of the debited one. Statements and expressions are what a call costs, so it has few of them, and simple
-- ones: two selects cost less than their join. It judges before it writes. Whatever is not like that, or not
-- what it seemed, is for create_one, which comes to the same in all cases and says what is wrong.
create or replace function daybook_private.create_pair(
  ledger text, entries daybook.entry_input[], idempotency_key text, metadata jsonb, debit_position integer
)
  returns uuid
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  transaction_id uuid;
  metadata_text constant text := metadata::text;
  debit constant daybook.entry_input := entries[debit_position];
  credit constant daybook.entry_input := entries[3 - debit_position];
  minimum numeric;
  minimum_hash bigint;
  debit_id uuid;
  debit_row tid;
  credit_id uuid;
  credit_row tid;
  account_currency text;
begin
  if (debit.direction < credit.direction
      and num_nulls(debit.lock_version, debit.show_resulting_balances, debit.metadata, debit.pending_balance, debit.posted_balance,
                    credit.lock_version, credit.show_resulting_balances, credit.metadata,
                    credit.pending_balance, credit.posted_balance, credit.available_balance) = 11) is not true then
    return case when debit.direction > credit.direction and debit_position = 1
      then daybook_private.create_pair(ledger, entries, idempotency_key, metadata, 2) end;
  end if;
  if (debit.amount = credit.amount and debit.amount > 0 and debit.amount < 1e36 and scale(debit.amount) = 0
      and (create_pair.idempotency_key ~ '^[ -~]+$' and octet_length(create_pair.idempotency_key) <= 255) is not false
      and (metadata_text like '{%' and octet_length(metadata_text) <= 65536) is not false
      and current_setting('transaction_isolation') = 'read committed') is not true then
    return null;
  end if;
  if debit.available_balance is distinct from null then
    if (daybook_private.is_lone_minimum(debit) and scale((debit.available_balance).gte) = 0) is not true then
      return null;
    end if;
    minimum := (debit.available_balance).gte;
    minimum_hash := hash_numeric_extended(minimum, -debit_position);
  end if;
  transaction_id := uuidv7();
  select a.id, a.ctid, a.currency, greatest(minimum, a.balance_min) into debit_id, debit_row, account_currency, minimum
    from daybook.accounts a
   where a.ledger = create_pair.ledger and a.address = debit.account and a.closed_at is null
     and (a.balance_min is null and a.balance_max is null or a.normal_balance = 'credit');
  select a.id, a.ctid into credit_id, credit_row
    from daybook.accounts a
   where a.ledger = create_pair.ledger and a.address = credit.account and a.closed_at is null
     and (a.balance_max is null and (a.balance_min is null or a.normal_balance = 'credit'))
     and a.id <> debit_id and a.currency = account_currency;
  if found and create_pair.idempotency_key is not null then
    insert into daybook_private.idempotency_keys
      (ledger, key, operation, transaction_id, status, version, request_hash)
    values
      (create_pair.ledger, create_pair.idempotency_key, 'create_transaction', transaction_id, 'posted', 1,
       coalesce(hashtextextended(
             case when metadata_text like '%.%' then daybook_private.without_zero_fractions(metadata_text) else metadata_text end,
             jsonb_hash_extended(create_pair.metadata, 1)), 0)
         # daybook_private.hash_line(debit.account, 'debit', debit.amount, debit_position)
         # daybook_private.hash_line(credit.account, 'credit', credit.amount, 3 - debit_position)
         # coalesce(minimum_hash, 0))
    on conflict do nothing;
  end if;
  if not found then
    return null;
  end if;
  if minimum is not null then
    if daybook_private.hold_minimum(create_pair.ledger, debit_id, debit.amount, minimum) is not true then
      return daybook_private.create_held(create_pair.ledger, entries, create_pair.idempotency_key, create_pair.metadata, debit_id);
    end if;
  end if;
  return daybook_private.write_pair(create_pair.ledger, transaction_id, create_pair.metadata, debit.amount, account_currency,
    debit_id, debit_row, debit_position, minimum is not null, credit_id, credit_row);
end
$$;
comment on function daybook_private.create_pair(text, daybook.entry_input[], text, jsonb, integer) is
  'Makes a transaction of two entries of which the one at debit_position is the debit, and returns its id; null, with nothing changed, if it is not of the simplest kind or its key is known. Raises what create_one raises where it had to wait for the account.';
revoke execute on function daybook_private.create_pair(text, daybook.entry_input[], text, jsonb, integer) from public;
--! EndIncluded daybook_private/functions/create_pair.sql
--! Included daybook/functions/create_transaction.sql
create or replace function daybook.create_transaction(
  ledger text,
  entries daybook.entry_input[],
  status daybook.transaction_status default null,
  effective_at timestamptz default null,
  idempotency_key text default null,
  external_id text default null,
  description text default null,
  metadata jsonb default null,
  category_locks daybook.category_lock_input[] default null,
  archive_on_lock_failure boolean default null,
  expires_at timestamptz default null,
  dry_run boolean default null
)
  returns daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
declare
  input daybook.transaction_input;
  transaction_id uuid;
begin
  -- The common caller has a grant of his own, found by one look; authorize knows all the others.
  perform
    from daybook_private.ledger_access g
   where g.ledger = create_transaction.ledger and g.role = session_user and g.access in ('write', 'admin');
  if not found then
    perform daybook_private.authorize(ledger, 'write');
  end if;
  if cardinality(entries) = 2 and num_nulls(status, effective_at, external_id, description, category_locks,
       archive_on_lock_failure, expires_at, dry_run) = 8 then
    transaction_id := daybook_private.create_pair(ledger, entries, idempotency_key, metadata, 1);
    if transaction_id is not null then
      return row(null, ledger, transaction_id, 'posted', 1, false, null, null, null, null, null)::daybook.transaction_result;
    end if;
  end if;
  input := row(
    entries, status, effective_at, idempotency_key, external_id, description, metadata,
    category_locks, archive_on_lock_failure, expires_at);
  return case
    when dry_run then daybook_private.rehearse(ledger, input)
    when archive_on_lock_failure then daybook_private.create_or_decline(ledger, input)
    else daybook_private.create_one(ledger, input)
  end;
end
$$;
comment on function daybook.create_transaction(
  text, daybook.entry_input[], daybook.transaction_status, timestamptz, text, text, text, jsonb,
  daybook.category_lock_input[], boolean, timestamptz, boolean
) is
  'Make one atomic transaction of 2 to 1000 entries whose debits equal credits in every currency. Amounts are whole numbers of the minor unit. It is posted unless status says pending. With an idempotency_key a repeated call returns what the first returned. dry_run checks everything and keeps nothing. '
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCTG, LDUNB, LDEXT, LDCLS, LDPER, LDVER, LDBAL, LDLIM, LDCAT.';
revoke execute on function daybook.create_transaction(
  text, daybook.entry_input[], daybook.transaction_status, timestamptz, text, text, text, jsonb,
  daybook.category_lock_input[], boolean, timestamptz, boolean
) from public;
grant execute on function daybook.create_transaction(
  text, daybook.entry_input[], daybook.transaction_status, timestamptz, text, text, text, jsonb,
  daybook.category_lock_input[], boolean, timestamptz, boolean
) to daybook_writer;
--! EndIncluded daybook/functions/create_transaction.sql
drop function daybook_private.broken_search(text);
--! Included daybook_private/functions/broken_search.sql
-- A search goes by what is indexed of a transaction, unless the books hold a record of it that is newer and
-- above indexed_until: that transaction it reads from the books. What it goes by is compared with them.
create or replace function daybook_private.broken_search(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
declare
  indexed_until constant uuid := coalesce(
    (select h.indexed_until from daybook_private.search_heads h where h.ledger = broken_search.ledger),
    '00000000-0000-0000-0000-000000000000');
begin
  return query
    with indexed as materialized (
      select d as indexed, b as books, d.transaction_id is not null as is_indexed, b.transaction_id is not null as is_booked,
             coalesce(d.transaction_id, b.transaction_id) as id
        from (select s.* from daybook_private.search_documents s
               where s.ledger = broken_search.ledger
                 and s.transaction_id > broken_search.after_id and s.transaction_id <= broken_search.to_id) d
        full join daybook_private.search_documents_of(broken_search.ledger, array(
                    select t.id
                      from daybook.transactions t
                     where t.ledger = broken_search.ledger and t.id > broken_search.after_id and t.id <= broken_search.to_id)) b
          on b.transaction_id = d.transaction_id
       where b.transaction_id is null
          or greatest(b.transaction_id, b.last_event_id) <= indexed_until
          or d.transaction_id is not null and (b.last_event_id is null or b.last_event_id <= d.last_event_id)
    ),
    lines as (
      select coalesce(l.transaction_id, b.transaction_id) as id, to_jsonb(l) as indexed, to_jsonb(b) as books
        from (select s.* from daybook_private.search_lines s
               where s.ledger = broken_search.ledger
                 and s.transaction_id > broken_search.after_id and s.transaction_id <= broken_search.to_id) l
        full join daybook_private.search_lines_of(broken_search.ledger, array(
                    select i.id from indexed i where i.is_indexed and i.is_booked)) b
          on b.transaction_id = l.transaction_id and b.position = l.position
       where l is distinct from b
    )
    select case when not i.is_indexed then 'search does not know a transaction'
                when not i.is_booked then 'search knows a transaction that is not in the books'
                else 'search knows something else than the books' end,
           broken_search.ledger, i.id::text, jsonb_build_object('search', to_jsonb(i.indexed), 'books', to_jsonb(i.books))
      from indexed i
     where i.indexed is distinct from i.books
    union all
    select 'search knows other lines than the books', broken_search.ledger, l.id::text,
           jsonb_build_object(
             'search', jsonb_agg(l.indexed) filter (where l.indexed is not null),
             'books', jsonb_agg(l.books) filter (where l.books is not null))
      from lines l
      left join indexed i on i.id = l.id
     where i.is_indexed and i.is_booked
        or i.id is null and not exists (
             select from daybook_private.search_documents d where d.ledger = broken_search.ledger and d.transaction_id = l.id)
     group by l.id;
end
$$;
comment on function daybook_private.broken_search(text, uuid, uuid) is
  'Where what searches look through differs from the books, of the transactions above one id, up to another: a row for each transaction that searches would get wrong. rebuild_search repairs it.';
revoke execute on function daybook_private.broken_search(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_search.sql
--! Included daybook_private/functions/broken_transactions.sql
-- STABLE: one snapshot for all of it. Whatever its size, a ledger is not read whole for a piece of it.
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
--! Included daybook_private/functions/check_transactions.sql
-- A pass over all transactions of a ledger a day, in pieces that are statements and snapshots of their own.
-- A transaction that is committed late, with an id that was passed, is met by the next pass. What belongs to
-- transactions that are gone may lie behind the last one.
create or replace function daybook_private.check_transactions(after_ledger text, milliseconds integer default 200)
  returns table (ledger text, news jsonb)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  until constant timestamptz := clock_timestamp() + make_interval(secs => milliseconds / 1000.0);
  pass daybook_private.ledger_checks;
  to_id uuid;
  found_now daybook.violation[] := '{}';
begin
  ledger := (select g.name from daybook.ledgers g where g.name > after_ledger order by g.name limit 1);
  if ledger is null then
    return;
  end if;
  news := '[]';
  insert into daybook_private.ledger_checks (ledger) values (check_transactions.ledger) on conflict do nothing;
  select p.* into pass
    from daybook_private.ledger_checks p
   where p.ledger = check_transactions.ledger
     and (p.finished_at is null or p.finished_at < p.started_at or p.finished_at < clock_timestamp() - interval '20 hours')
     for no key update skip locked;
  if not found then
    return next;
    return;
  end if;
  if pass.finished_at >= pass.started_at then
    pass.started_at := clock_timestamp();
  end if;
  while clock_timestamp() < until loop
    to_id := (
      select n.id
        from (select t.id from daybook.transactions t
               where t.ledger = check_transactions.ledger and t.id > pass.reached
               order by t.id limit 200) n
       order by n.id desc limit 1);
    exit when to_id is null;
    found_now := found_now || daybook_private.keep_findings(array(
      select v from daybook_private.broken_transactions(check_transactions.ledger, pass.reached, to_id) v));
    pass.reached := to_id;
  end loop;
  if to_id is null and clock_timestamp() < until then
    found_now := found_now || daybook_private.keep_findings(array(
      select v from daybook_private.broken_transactions(check_transactions.ledger, pass.reached, null) v
      union all
      select v from daybook_private.broken_notes(check_transactions.ledger) v));
    delete from daybook_private.findings f
     where f.ledger = check_transactions.ledger and f.last_seen_at < pass.started_at;
    pass.reached := '00000000-0000-0000-0000-000000000000';
    pass.finished_at := clock_timestamp();
  end if;
  update daybook_private.ledger_checks p
     set reached = pass.reached, started_at = pass.started_at, finished_at = pass.finished_at
   where p.ledger = check_transactions.ledger;
  news := to_jsonb(found_now);
  return next;
end
$$;
comment on function daybook_private.check_transactions(text, integer) is
  'Goes on with the daily pass over the transactions of the ledger behind the given one, for so many milliseconds; returns which it was and what is newly found wrong, no row behind the last ledger. For the worker.';
revoke execute on function daybook_private.check_transactions(text, integer) from public;
grant execute on function daybook_private.check_transactions(text, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/check_transactions.sql
--! Included daybook/functions/verify_transactions.sql
create or replace function daybook.verify_transactions(ledger text, after uuid default null, until uuid default null)
  returns setof daybook.violation
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'read');
  perform daybook_private.check_ledger_exists(ledger);
  return query select * from daybook_private.broken_transactions(ledger, after, until);
end
$$;
comment on function daybook.verify_transactions(text, uuid, uuid) is
  'Examine transactions, those with ids above one and up to another, or all: entries add up to zero in each currency and tell the status, holds are what is left of them, links have two sides, the log tells the same, and so does what searches look through. A row for each thing that is wrong; none if all is right. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.verify_transactions(text, uuid, uuid) from public;
grant execute on function daybook.verify_transactions(text, uuid, uuid) to daybook_auditor, daybook_admin;
--! EndIncluded daybook/functions/verify_transactions.sql
--! Included daybook/functions/rebuild_from_log.sql
create or replace function daybook.rebuild_from_log(ledger text)
  returns setof daybook.violation
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  wrong daybook.violation[];
begin
  perform daybook_private.authorize(rebuild_from_log.ledger, 'admin');
  perform daybook_private.check_read_committed();
  perform daybook_private.check_ledger_exists(rebuild_from_log.ledger);
  wrong := array(select v from daybook_private.relog_settings(rebuild_from_log.ledger) v)
    || array(select v from daybook_private.relog_accounts(rebuild_from_log.ledger) v)
    || array(select v from daybook_private.relog_members(rebuild_from_log.ledger) v)
    || array(select v from daybook_private.relog_category_grants(rebuild_from_log.ledger) v)
    || array(select v from daybook_private.relog_notes(rebuild_from_log.ledger) v)
    || array(
         select row(r.violation, r.ledger, r.account, jsonb_build_object('before', r.before, 'after', r.after))::daybook.violation
           from daybook.rebuild_balances(rebuild_from_log.ledger) r)
    || array(select s from daybook.rebuild_search(rebuild_from_log.ledger) s);
  if cardinality(wrong) > 0 then
    perform daybook_private.log_event(rebuild_from_log.ledger, 'rebuild_from_log',
      jsonb_build_object('changed', cardinality(wrong)));
  end if;
  return query select w.* from unnest(wrong) w;
end
$$;
comment on function daybook.rebuild_from_log(text) is
  'Make everything of a ledger that is not a record itself anew from the records: limits, closing and metadata of accounts, members of categories, grants, closed periods, external ids, expiries, all cached balances, and what searches look through. Returns what was otherwise than recorded, and puts that in the log. Raises 42501, LDARG, LDISO, LDLED.';
revoke execute on function daybook.rebuild_from_log(text) from public;
grant execute on function daybook.rebuild_from_log(text) to daybook_admin;
--! EndIncluded daybook/functions/rebuild_from_log.sql
alter type daybook.log_verification add attribute unread bigint;
comment on column daybook.log_verification.unread is
  'How many of these records could not be read as a whole because their entries are detached: they stand where they stood in the chain.';

--! Included daybook_private/tables/detachments.sql
-- Rows of ledger * : a month leaves the instance, not a ledger. is_moving is true in no transaction but the one
-- that moves entries right now, and lets nobody else delete one (see refuse_changed_entry).
create table daybook_private.detachments (
  ledger text collate "C" not null,
  month timestamptz not null,
  state text collate "C" not null,
  reached_ledger text collate "C" not null default '',
  reached uuid not null default '00000000-0000-0000-0000-000000000000',
  entries bigint not null default 0,
  checksum numeric not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  is_moving boolean not null default false,
  constraint detachments_pkey primary key (ledger, month),
  constraint detachments_state check (state in ('detaching', 'detached', 'attaching'))
);
comment on table daybook_private.detachments is
  'Months whose entries were moved out of the table of entries, or are on their way: how far that has come, how many entries they are, and the sum of the hashes of these, by which they are known when they come back.';
--! EndIncluded daybook_private/tables/detachments.sql
--! Included daybook_private/tables/detached_sums.sql
-- What the books carry forward. Each counter of an account is the sum of its entries, so of entries that are
-- elsewhere their sum is enough. An account's detached entries have versions up to lock_version; of these versions
-- as many as are not counted here are still in the table of entries.
create table daybook_private.detached_sums (
  ledger text collate "C" not null,
  account_id uuid not null,
  entries bigint not null,
  lock_version bigint not null,
  pending_debits numeric not null,
  pending_credits numeric not null,
  posted_debits numeric not null,
  posted_credits numeric not null,
  detached_until timestamptz not null,
  constraint detached_sums_pkey primary key (ledger, account_id)
) with (fillfactor = 70);
comment on table daybook_private.detached_sums is
  'Of each account with entries in detached months: how many, what they add to its four counters, the highest of their versions; all of them were recorded, and take effect, before detached_until.';
--! EndIncluded daybook_private/tables/detached_sums.sql
--! Included daybook_private/functions/refuse_changed_entry.sql
-- What an entry says never changes. Its version and counters are a cache: a queued entry gets them once,
-- and where an account is known to have drifted they are made anew by rebuild_balances. What is deleted goes
-- into the table of a detached month in the same step.
create or replace function daybook_private.refuse_changed_entry()
  returns trigger
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' and exists (
       select from daybook_private.detachments m where m.ledger = '*' and m.is_moving) then
    return old;
  end if;
  if tg_op = 'DELETE'
     or new.lock_version is null
     or (old.ledger, old.id, old.transaction_id, old.transaction_version, old.position,
         old.account_id, old.direction, old.amount, old.currency, old.effect, old.locked,
         old.effective_at, old.created_at, old.metadata)
        is distinct from
        (new.ledger, new.id, new.transaction_id, new.transaction_version, new.position,
         new.account_id, new.direction, new.amount, new.currency, new.effect, new.locked,
         new.effective_at, new.created_at, new.metadata)
     or old.lock_version is not null and not exists (
          select from daybook_private.account_counters c
           where c.ledger = old.ledger and c.account_id = old.account_id and c.drifted_at is not null) then
    perform daybook_private.refuse('LDIMM', 'entries cannot be changed or deleted',
      jsonb_build_object('ledger', old.ledger, 'entry_id', old.id, 'operation', lower(tg_op)));
  end if;
  return new;
end
$$;
comment on function daybook_private.refuse_changed_entry() is
  'Trigger: raises LDIMM for a change of an entry other than the version and counters that a queued one gets once, or gets anew when its account has drifted.';
revoke execute on function daybook_private.refuse_changed_entry() from public;
--! EndIncluded daybook_private/functions/refuse_changed_entry.sql
--! Included daybook_private/functions/accounts_of.sql
-- Of detached entries the lines by which they are searched are left.
create or replace function daybook_private.accounts_of(ledger text, transaction_id uuid)
  returns text[]
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  account_ids uuid[] := array(
    select e.account_id
      from daybook.entries e
     where e.ledger = accounts_of.ledger and e.transaction_id = accounts_of.transaction_id);
begin
  if account_ids = '{}' then
    account_ids := array(
      select l.account_id
        from daybook_private.search_lines l
       where l.ledger = accounts_of.ledger and l.transaction_id = accounts_of.transaction_id);
  end if;
  return account_ids;
end
$$;
comment on function daybook_private.accounts_of(text, uuid) is
  'The ids of the accounts that a transaction ever had an entry on, as texts; for policies.';
revoke execute on function daybook_private.accounts_of(text, uuid) from public;
grant execute on function daybook_private.accounts_of(text, uuid) to daybook_reader;
--! EndIncluded daybook_private/functions/accounts_of.sql
--! Included daybook_private/functions/detached_end.sql
create or replace function daybook_private.detached_end()
  returns timestamptz
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  select (max(m.month) at time zone 'UTC' + interval '1 month') at time zone 'UTC'
    from daybook_private.detachments m
   where m.ledger = '*'
$$;
comment on function daybook_private.detached_end() is
  'The end of the last detached month; null if there is none.';
revoke execute on function daybook_private.detached_end() from public;
--! EndIncluded daybook_private/functions/detached_end.sql
--! Included daybook_private/functions/detached_below.sql
create or replace function daybook_private.detached_below()
  returns uuid
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(daybook_private.uuid_at(daybook_private.detached_end()), '00000000-0000-0000-0000-000000000000')
$$;
comment on function daybook_private.detached_below() is
  'Below this id, final transactions may have entries that are detached; above it none has.';
revoke execute on function daybook_private.detached_below() from public;
grant execute on function daybook_private.detached_below() to daybook_reader;
--! EndIncluded daybook_private/functions/detached_below.sql
--! Included daybook_private/functions/detached_entries.sql
create or replace function daybook_private.detached_entries(ledger text, account_ids uuid[])
  returns setof daybook_private.account_sums
  language sql
  stable
as $$
  select d.account_id, d.entries, d.pending_debits, d.pending_credits, d.posted_debits, d.posted_credits
    from daybook_private.detached_sums d
   where d.ledger = detached_entries.ledger and d.account_id = any (account_ids)
$$;
comment on function daybook_private.detached_entries(text, uuid[]) is
  'What the detached entries of accounts add to their counters; no row for an account without any.';
revoke execute on function daybook_private.detached_entries(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/detached_entries.sql
--! Included daybook_private/functions/refuse_detached.sql
-- All that is detached of an account took effect, and was recorded, before detached_until: from the last moment
-- before that on it counts as a whole, and earlier nobody can tell.
create or replace function daybook_private.refuse_detached(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz,
  recorded_at timestamptz default null
)
  returns void
  language plpgsql
  stable
as $$
declare
  is_effective boolean;
  until timestamptz;
  addresses text[];
begin
  select bool_or(s.detached_until - interval '1 microsecond' > effective_at),
         max(s.detached_until),
         (array_agg(a.address order by a.address))[:10]
    into is_effective, until, addresses
    from daybook_private.detached_sums s
    join daybook.accounts a on a.ledger = s.ledger and a.id = s.account_id
   where s.ledger = refuse_detached.ledger and s.account_id = any (account_ids)
     and s.detached_until - interval '1 microsecond' > least(effective_at, recorded_at);
  if until is not null then
    perform daybook_private.refuse('LDARG', 'entries of this time are detached: balances are known from detached_until on',
      jsonb_build_object(
        'argument', case when is_effective then 'effective_at' else 'recorded_at' end,
        'value', case when is_effective then effective_at else recorded_at end,
        'accounts', addresses,
        'detached_until', until));
  end if;
end
$$;
comment on function daybook_private.refuse_detached(text, uuid[], timestamptz, timestamptz) is
  'Raises LDARG when a balance at these times would need entries of these accounts that are detached.';
revoke execute on function daybook_private.refuse_detached(text, uuid[], timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/refuse_detached.sql
--! Included daybook_private/functions/is_detached.sql
-- A transaction leaves as a whole, and only a final one. One that was declined never had entries.
create or replace function daybook_private.is_detached(transaction daybook.transactions)
  returns boolean
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  return transaction.status <> 'pending'
     and transaction.archived_reason is distinct from 'balance_lock_failure'
     and transaction.id < daybook_private.detached_below()
     and not exists (
           select from daybook.entries e
            where e.ledger = transaction.ledger and e.transaction_id = transaction.id);
end
$$;
comment on function daybook_private.is_detached(daybook.transactions) is
  'Whether the entries of a transaction are detached.';
revoke execute on function daybook_private.is_detached(daybook.transactions) from public;
grant execute on function daybook_private.is_detached(daybook.transactions) to daybook_reader;
--! EndIncluded daybook_private/functions/is_detached.sql
--! Included daybook_private/functions/refuse_detached_lines.sql
create or replace function daybook_private.refuse_detached_lines(ledger text, transaction_id uuid)
  returns boolean
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.refuse('LDARG', 'the entries of this transaction are detached',
    jsonb_build_object('argument', 'transaction_id', 'value', transaction_id, 'ledger', ledger,
      'detached_until', daybook_private.detached_end()));
  return null;
end
$$;
comment on function daybook_private.refuse_detached_lines(text, uuid) is
  'Raises LDARG: what this transaction wrote is not in the books any more.';
revoke execute on function daybook_private.refuse_detached_lines(text, uuid) from public;
grant execute on function daybook_private.refuse_detached_lines(text, uuid) to daybook_reader;
--! EndIncluded daybook_private/functions/refuse_detached_lines.sql
--! Included daybook_private/functions/check_has_entries.sql
create or replace function daybook_private.check_has_entries(transaction daybook.transactions)
  returns void
  language plpgsql
  stable
as $$
begin
  if daybook_private.is_detached(transaction) then
    perform daybook_private.refuse_detached_lines(transaction.ledger, transaction.id);
  end if;
end
$$;
comment on function daybook_private.check_has_entries(daybook.transactions) is
  'Raises LDARG if the entries of a transaction are detached.';
revoke execute on function daybook_private.check_has_entries(daybook.transactions) from public;
--! EndIncluded daybook_private/functions/check_has_entries.sql
--! Included daybook_private/functions/start_line.sql
-- No entry above lock_version is detached, so links are proved from there on. Below it stand few entries,
-- of open holds and of future effect.
create or replace function daybook_private.start_line(ledger text, account_id uuid)
  returns daybook_private.line
  language plpgsql
  stable
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  start daybook_private.line := daybook_private.no_line();
begin
  select d.entries + k.entries,
         d.pending_debits + k.pending_debits, d.pending_credits + k.pending_credits,
         d.posted_debits + k.posted_debits, d.posted_credits + k.posted_credits
    into start.lock_version,
         start.pending_debits, start.pending_credits, start.posted_debits, start.posted_credits
    from daybook_private.detached_sums d
   cross join lateral (
      select count(*) as entries,
             coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as pending_debits,
             coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as pending_credits,
             coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as posted_debits,
             coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as posted_credits
        from daybook.entries e
       where e.ledger = start_line.ledger and e.account_id = start_line.account_id
         and e.lock_version <= d.lock_version) k
   where d.ledger = start_line.ledger and d.account_id = start_line.account_id;
  return case when found then start else daybook_private.no_line() end;
end
$$;
comment on function daybook_private.start_line(text, uuid) is
  'Counters of an account where its detached entries end, and how many entries these are, which is to be the version there; without any, those of an empty account.';
revoke execute on function daybook_private.start_line(text, uuid) from public;
--! EndIncluded daybook_private/functions/start_line.sql
--! Included daybook_private/functions/listed_from.sql
create or replace function daybook_private.listed_from(ledger text, account_ids uuid[])
  returns uuid
  language sql
  stable
as $$
  select coalesce(daybook_private.uuid_at(max(d.detached_until)), '00000000-0000-0000-0000-000000000000')
    from daybook_private.detached_sums d
   where d.ledger = listed_from.ledger and d.account_id = any (account_ids)
$$;
comment on function daybook_private.listed_from(text, uuid[]) is
  'The id from which on nothing of these accounts is detached: lists of what they have are whole as far back as that.';
revoke execute on function daybook_private.listed_from(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/listed_from.sql
--! Included daybook_private/functions/refuse_end.sql
create or replace function daybook_private.refuse_end(listed_from uuid, after uuid)
  returns void
  language plpgsql
  stable
as $$
begin
  if listed_from <> '00000000-0000-0000-0000-000000000000' then
    perform daybook_private.refuse('LDARG', 'after: what comes behind is detached',
      jsonb_build_object('argument', 'after', 'value', after, 'detached_until', daybook_private.detached_end()));
  end if;
end
$$;
comment on function daybook_private.refuse_end(uuid, uuid) is
  'Raises LDARG instead of ending a list where the rest of it is detached.';
revoke execute on function daybook_private.refuse_end(uuid, uuid) from public;
--! EndIncluded daybook_private/functions/refuse_end.sql
--! Included daybook/views/detached_months.sql
create or replace view daybook.detached_months with (security_invoker = true) as
  select m.month, m.state, (m.month at time zone 'UTC' + interval '1 month') at time zone 'UTC' as detached_until,
         m.entries, m.checksum::text as checksum,
         'daybook_private.entries_' || to_char(m.month at time zone 'UTC', 'YYYYMM') || '_detached' as stored_in,
         m.started_at, m.finished_at
    from daybook_private.detachments m
   where m.ledger = '*';
comment on view daybook.detached_months is
  'The months whose entries were taken out of the books, or are on their way, one row each.';
comment on column daybook.detached_months.month is 'Its first moment, in UTC.';
comment on column daybook.detached_months.state is 'detaching, detached, or attaching: on its way back.';
comment on column daybook.detached_months.detached_until is
  'Its end: what was recorded before may be detached, if nothing about it can change or takes effect later.';
comment on column daybook.detached_months.entries is 'How many entries of it are detached.';
comment on column daybook.detached_months.checksum is 'The sum of their rows'' checksums, by which they are known when they come back.';
comment on column daybook.detached_months.stored_in is 'The table that they were moved into.';
comment on column daybook.detached_months.started_at is 'When detaching, or attaching, began.';
comment on column daybook.detached_months.finished_at is 'When the last entry was moved; null while it goes on.';
--! EndIncluded daybook/views/detached_months.sql
--! Included daybook_private/functions/detached_table.sql
create or replace function daybook_private.detached_table(month timestamptz)
  returns text
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
as $$
  select format('daybook_private.%I', 'entries_' || to_char(detached_table.month, 'YYYYMM') || '_detached')
$$;
comment on function daybook_private.detached_table(timestamptz) is
  'Name of the table that the entries of a detached month are in.';
revoke execute on function daybook_private.detached_table(timestamptz) from public;
--! EndIncluded daybook_private/functions/detached_table.sql
--! Included daybook_private/functions/row_checksum.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.row_checksum(entry text)
  returns numeric
  language sql
  immutable
  parallel safe
as $$
  select ('x' || left(encode(sha256(convert_to(entry, 'UTF8')), 'hex'), 16))::bit(64)::bigint::numeric
$$;
comment on function daybook_private.row_checksum(text) is
  'A number from the hash of a row: the sum of those of many rows is the same in whatever order they stand.';
revoke execute on function daybook_private.row_checksum(text) from public;
--! EndIncluded daybook_private/functions/row_checksum.sql
--! Included daybook_private/functions/entries_checksum.sql
-- As texts that are the same whoever asks.
create or replace function daybook_private.entries_checksum(ledger text, ids uuid[], below uuid)
  returns numeric
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
  set datestyle to 'ISO'
  set enable_seqscan to off
as $$
  select coalesce(sum(daybook_private.row_checksum(e::text)), 0)
    from daybook.entries e
   where e.ledger = entries_checksum.ledger and e.transaction_id = any (ids) and e.id < below
$$;
comment on function daybook_private.entries_checksum(text, uuid[], uuid) is
  'The sum of the checksums of all entries of some transactions.';
revoke execute on function daybook_private.entries_checksum(text, uuid[], uuid) from public;
--! EndIncluded daybook_private/functions/entries_checksum.sql
--! Included daybook_private/functions/next_transactions.sql
-- Ledger by ledger, in the order of an index that gives it.
create or replace function daybook_private.next_transactions(ledger text, after uuid, below uuid, max integer)
  returns uuid[]
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_bitmapscan to off
  set enable_hashagg to off
  set plan_cache_mode to force_generic_plan
as $$
  select array_agg(n.transaction_id order by n.transaction_id)
    from (
      select e.transaction_id
        from daybook.entries e
       where e.ledger = next_transactions.ledger and e.transaction_id > after and e.transaction_id < below and e.id < below
       group by e.transaction_id
       order by e.transaction_id
       limit next_transactions.max) n
$$;
comment on function daybook_private.next_transactions(text, uuid, uuid, integer) is
  'The next transactions of a ledger, at most so many, with entries below an id; null if there are none.';
revoke execute on function daybook_private.next_transactions(text, uuid, uuid, integer) from public;
--! EndIncluded daybook_private/functions/next_transactions.sql
--! Included daybook_private/functions/detachable_transactions.sql
-- A transaction leaves as a whole. One that may still change stays, and one of which something takes effect, or
-- was recorded, later: so that all that is detached counts in every balance from that time on. Its last entries are written with its last
-- change, in the same call: later partitions are looked into only where that was less than a day before.
create or replace function daybook_private.detachable_transactions(ledger text, ids uuid[], until timestamptz)
  returns uuid[]
  language plpgsql
  stable
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  below constant uuid := daybook_private.uuid_at(until);
begin
  return array(
    select i.id
      from unnest(ids) i (id)
     cross join lateral (
        select t.posted_at, t.archived_at
          from daybook.transactions t
         where t.ledger = detachable_transactions.ledger and t.id = i.id and t.id < below and t.status <> 'pending'
        offset 0) t
     cross join lateral (
        select bool_and(e.effective_at < until and e.created_at < until and e.lock_version is not null) as are_past
          from daybook.entries e
         where e.ledger = detachable_transactions.ledger and e.transaction_id = i.id and e.id < below
        offset 0) e
     where e.are_past
       and (coalesce(t.archived_at, t.posted_at) < until - interval '1 day'
            or not exists (
                 select from daybook.entries l
                  where l.ledger = detachable_transactions.ledger and l.transaction_id = i.id and l.id >= below))
     order by i.id);
end
$$;
comment on function daybook_private.detachable_transactions(text, uuid[], timestamptz) is
  'Those of some transactions that are final, and whose entries were all recorded, applied and effective before a time.';
revoke execute on function daybook_private.detachable_transactions(text, uuid[], timestamptz) from public;
--! EndIncluded daybook_private/functions/detachable_transactions.sql
--! Included daybook_private/functions/broken_links.sql
-- As verify_links, for many accounts at once and only as far as some transactions go: what leaves is right. Below
-- a version that has left already, of a hold for instance that was settled late, counters are summed up and not compared.
create or replace function daybook_private.broken_links(ledger text, ids uuid[], below uuid)
  returns table (account_id uuid, lock_version bigint)
  language plpgsql
  stable
  set enable_seqscan to off
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    with newest as materialized (
      select e.account_id, max(e.lock_version) as lock_version
        from daybook.entries e
       where e.ledger = broken_links.ledger and e.transaction_id = any (ids) and e.id < below
       group by e.account_id
    ),
    chain as (
      select n.account_id, e.lock_version,
             array[e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits] as counters,
             s.lock_version + row_number() over w as expected_version,
             array[s.pending_debits + sum(case when e.direction = 'debit' then p.pending else 0 end) over w,
                   s.pending_credits + sum(case when e.direction = 'credit' then p.pending else 0 end) over w,
                   s.posted_debits + sum(case when e.direction = 'debit' then p.posted else 0 end) over w,
                   s.posted_credits + sum(case when e.direction = 'credit' then p.posted else 0 end) over w] as expected
        from newest n
        left join daybook_private.detached_sums d on d.ledger = broken_links.ledger and d.account_id = n.account_id
       cross join lateral daybook_private.start_line(broken_links.ledger, n.account_id) s
       cross join lateral (
          select *
            from daybook.entries e
           where e.ledger = broken_links.ledger and e.account_id = n.account_id
             and e.lock_version > coalesce(d.lock_version, 0) and e.lock_version <= n.lock_version
          offset 0) e
       cross join lateral (
          select daybook_private.pending_share(e.effect, e.amount) as pending,
                 daybook_private.posted_share(e.effect, e.amount) as posted
          offset 0) p
       where n.lock_version > coalesce(d.lock_version, 0)
      window w as (partition by n.account_id order by e.lock_version, e.id rows unbounded preceding)
    )
    select c.account_id, c.lock_version
      from chain c
     where (c.lock_version, c.counters) is distinct from (c.expected_version, c.expected)
    union all
    select n.account_id, c.lock_version
      from newest n
      join daybook_private.account_counters c on c.ledger = broken_links.ledger and c.account_id = n.account_id
     where c.drifted_at is not null;
end
$$;
comment on function daybook_private.broken_links(text, uuid[], uuid) is
  'Accounts of some transactions that have drifted, or whose versions and counters up to these transactions do not follow from the entries.';
revoke execute on function daybook_private.broken_links(text, uuid[], uuid) from public;
--! EndIncluded daybook_private/functions/broken_links.sql
--! Included daybook_private/functions/broken_seals.sql
-- Of a transaction made posted the row is the record, of others each version has one in the log.
create or replace function daybook_private.broken_seals(ledger text, ids uuid[])
  returns table (log_id uuid, problem text)
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  log_ids constant uuid[] := array(
    select t.id from daybook.transactions t
     where t.ledger = broken_seals.ledger and t.id = any (ids) and t.status = 'posted' and t.version = 1
    union all
    select l.id from daybook_private.log_events l
     where l.ledger = broken_seals.ledger and l.transaction_id = any (ids)
       and daybook_private.version_of(l.kind, l.data) is not null);
begin
  return query
    select r.id, case when s.leaf is null then 'not sealed yet' else 'not as it was sealed' end
      from unnest(log_ids) r (id)
      left join daybook_private.seals s on s.ledger = broken_seals.ledger and s.log_id = r.id
      left join daybook_private.log_texts(broken_seals.ledger, log_ids) t on t.log_id = r.id
     where s.leaf is distinct from sha256(convert_to(t.body, 'UTF8'));
end
$$;
comment on function daybook_private.broken_seals(text, uuid[]) is
  'Which records of transactions, with what they wrote, are not what was sealed, or are not sealed.';
revoke execute on function daybook_private.broken_seals(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/broken_seals.sql
--! Included daybook_private/functions/check_detaching.sql
create or replace function daybook_private.check_detaching(ledger text, ids uuid[], below uuid)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  facts jsonb;
begin
  -- Whoever rebuilds an account holds it. Nobody does who writes entries.
  perform
    from daybook.accounts a
   where a.ledger = check_detaching.ledger and a.id in (
         select e.account_id from daybook.entries e
          where e.ledger = check_detaching.ledger and e.transaction_id = any (ids) and e.id < below)
   order by a.id
     for share;
  select jsonb_build_object('account', a.address, 'lock_version', b.lock_version) into facts
    from daybook_private.broken_links(ledger, ids, below) b
    join daybook.accounts a on a.ledger = check_detaching.ledger and a.id = b.account_id
   limit 1;
  if facts is not null then
    perform daybook_private.refuse('LDARG', 'month: an account with entries of it is not right; rebuild it first',
      facts || jsonb_build_object('argument', 'month', 'ledger', ledger));
  end if;
  select to_jsonb(b) into facts from daybook_private.broken_seals(ledger, ids) b limit 1;
  if facts is not null then
    perform daybook_private.refuse('LDARG', 'month: a record with entries of it is ' || (facts ->> 'problem'),
      facts || jsonb_build_object('argument', 'month', 'ledger', ledger));
  end if;
end
$$;
comment on function daybook_private.check_detaching(text, uuid[], uuid) is
  'Raises LDARG unless all entries of some transactions are proved: by the versions and counters of their accounts, and by the sealed log. Holds the accounts against being rebuilt.';
revoke execute on function daybook_private.check_detaching(text, uuid[], uuid) from public;
--! EndIncluded daybook_private/functions/check_detaching.sql
--! Included daybook_private/functions/hold_search.sql
-- Afterwards the lines by which a transaction is searched are all that is left of its entries. Those
-- written since it is final are its last ones.
create or replace function daybook_private.hold_search(ledger text, ids uuid[])
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  insert into daybook_private.search_heads (ledger) values (hold_search.ledger) on conflict do nothing;
  perform from daybook_private.search_heads h where h.ledger = hold_search.ledger for update;
  perform daybook_private.index_transactions(hold_search.ledger, array(
    select i.id
      from unnest(ids) i (id)
     where not exists (
             select from daybook_private.search_documents d
              where d.ledger = hold_search.ledger and d.transaction_id = i.id and d.status <> 'pending')));
end
$$;
comment on function daybook_private.hold_search(text, uuid[]) is
  'Writes what final transactions are searched by, where that was not done since they are final, and holds it.';
revoke execute on function daybook_private.hold_search(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/hold_search.sql
--! Included daybook_private/functions/hold_sums.sql
-- Sums of an account end above its detached entries, or it has none: a cursor amid entries that leave is moved on first.
create or replace function daybook_private.hold_sums(ledger text, ids uuid[], below uuid)
  returns void
  language plpgsql
  volatile
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  account_ids constant uuid[] := array(
    select distinct e.account_id
      from daybook.entries e
     where e.ledger = hold_sums.ledger and e.transaction_id = any (ids) and e.id < below
     order by e.account_id);
  behind record;
begin
  perform
    from daybook_private.rollup_cursors u
   where u.ledger = hold_sums.ledger and u.account_id = any (account_ids)
   order by u.account_id
     for no key update;
  for behind in
    select u.account_id, max(e.lock_version) - u.lock_version as entries,
           case when u.both_version > 0 then max(e.lock_version) - u.both_version else 0 end as of_both
      from daybook.entries e
      join daybook_private.rollup_cursors u on u.ledger = hold_sums.ledger and u.account_id = e.account_id
     where e.ledger = hold_sums.ledger and e.transaction_id = any (ids) and e.id < below and u.lock_version > 0
     group by u.account_id, u.lock_version, u.both_version
    having max(e.lock_version) > u.lock_version or u.both_version > 0 and max(e.lock_version) > u.both_version
     order by u.account_id
  loop
    perform daybook_private.roll_up_account(ledger, behind.account_id, behind.entries::integer);
    if behind.of_both > 0 then
      perform daybook_private.roll_up_account(ledger, behind.account_id, behind.of_both::integer, of_both => true);
    end if;
  end loop;
end
$$;
comment on function daybook_private.hold_sums(text, uuid[], uuid) is
  'Holds the sums by time of all accounts that some transactions have entries on, and brings each as far as these entries.';
revoke execute on function daybook_private.hold_sums(text, uuid[], uuid) from public;
--! EndIncluded daybook_private/functions/hold_sums.sql
--! Included daybook_private/functions/add_cells.sql
-- Grouped by the shortest periods first: of many entries few hours. See entry_cells, which does it for one account.
create or replace function daybook_private.add_cells(ledger text, ids uuid[], below uuid, sign integer)
  returns void
  language plpgsql
  volatile
  set enable_seqscan to off
as $$
#variable_conflict use_column
begin
  with shortest as (
    select e.account_id, u.effective_unit, u.recorded_unit, e.lock_version <= u.both_version as is_in_both,
           daybook_private.period_start(u.effective_unit, e.effective_at) as effective_at,
           daybook_private.period_start(u.recorded_unit, e.created_at) as recorded_at,
           sign * count(*) as entries,
           coalesce(sum(sign * daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as pending_debits,
           coalesce(sum(sign * daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as pending_credits,
           coalesce(sum(sign * daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as posted_debits,
           coalesce(sum(sign * daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as posted_credits,
           min(uuid_send(e.id)) as first_id, max(uuid_send(e.id)) as last_id
      from daybook.entries e
      join daybook_private.rollup_cursors u
        on u.ledger = add_cells.ledger and u.account_id = e.account_id and e.lock_version <= u.lock_version
     where e.ledger = add_cells.ledger and e.transaction_id = any (ids) and e.id < below
     group by 1, 2, 3, 4, 5, 6
  ),
  cells as (
    select h.account_id, k.effective_in, k.recorded_in,
           daybook_private.period_start(k.effective_in, h.effective_at) as effective_from,
           daybook_private.period_start(k.recorded_in, h.recorded_at) as recorded_from,
           sum(h.entries)::bigint as entries, sum(h.pending_debits) as pending_debits, sum(h.pending_credits) as pending_credits,
           sum(h.posted_debits) as posted_debits, sum(h.posted_credits) as posted_credits,
           encode(min(h.first_id), 'hex')::uuid as first_id, encode(max(h.last_id), 'hex')::uuid as last_id
      from shortest h
     cross join lateral (
        select e, 'ever' from unnest(daybook_private.units_down_to(h.effective_unit)) e
        union all
        select 'ever', r from unnest(daybook_private.units_down_to(h.recorded_unit)) r
        union all
        select e, r
          from unnest(daybook_private.units_down_to(h.effective_unit)) e, unnest(daybook_private.units_down_to(h.recorded_unit)) r
         where h.is_in_both and e <> 'year' and r <> 'year') k (effective_in, recorded_in)
     group by 1, 2, 3, 4, 5
  )
  insert into daybook_private.entry_sums as s
  select add_cells.ledger, c.* from cells c order by 2, 3, 4, 5, 6
  on conflict on constraint entry_sums_pkey do update
     set entries = s.entries + excluded.entries,
         pending_debits = s.pending_debits + excluded.pending_debits,
         pending_credits = s.pending_credits + excluded.pending_credits,
         posted_debits = s.posted_debits + excluded.posted_debits,
         posted_credits = s.posted_credits + excluded.posted_credits,
         first_id = least(s.first_id, excluded.first_id),
         last_id = greatest(s.last_id, excluded.last_id);
  delete from daybook_private.entry_sums s
   where s.ledger = add_cells.ledger and s.entries = 0
     and s.account_id in (
           select e.account_id from daybook.entries e
            where e.ledger = add_cells.ledger and e.transaction_id = any (ids) and e.id < below);
end
$$;
comment on function daybook_private.add_cells(text, uuid[], uuid, integer) is
  'Adds all entries of some transactions to the sums by time of their accounts, or takes them off: sign is 1 or -1. Entries above an account''s cursors are in no sums. The caller holds the cursors.';
revoke execute on function daybook_private.add_cells(text, uuid[], uuid, integer) from public;
--! EndIncluded daybook_private/functions/add_cells.sql
--! Included daybook_private/functions/carry_forward.sql
-- When entries come back, lock_version stays: none of those that remain has a higher one.
create or replace function daybook_private.carry_forward(ledger text, ids uuid[], until timestamptz, sign integer)
  returns void
  language plpgsql
  volatile
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  below constant uuid := daybook_private.uuid_at(until);
begin
  insert into daybook_private.detached_sums as d
  select carry_forward.ledger, e.account_id, sign * count(*), max(e.lock_version),
         coalesce(sum(sign * daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
         coalesce(sum(sign * daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0),
         coalesce(sum(sign * daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
         coalesce(sum(sign * daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0),
         until
    from daybook.entries e
   where e.ledger = carry_forward.ledger and e.transaction_id = any (ids) and e.id < below
   group by e.account_id
   order by e.account_id
  on conflict on constraint detached_sums_pkey do update
     set entries = d.entries + excluded.entries,
         lock_version = greatest(d.lock_version, excluded.lock_version),
         pending_debits = d.pending_debits + excluded.pending_debits,
         pending_credits = d.pending_credits + excluded.pending_credits,
         posted_debits = d.posted_debits + excluded.posted_debits,
         posted_credits = d.posted_credits + excluded.posted_credits,
         detached_until = greatest(d.detached_until, excluded.detached_until);
  if sign < 0 then
    delete from daybook_private.detached_sums d
     where d.ledger = carry_forward.ledger and d.entries = 0
       and d.account_id in (
             select e.account_id from daybook.entries e
              where e.ledger = carry_forward.ledger and e.transaction_id = any (ids) and e.id < below);
  end if;
end
$$;
comment on function daybook_private.carry_forward(text, uuid[], timestamptz, integer) is
  'Adds all entries of some transactions to what is carried forward of their accounts, or takes them off: sign is 1 or -1.';
revoke execute on function daybook_private.carry_forward(text, uuid[], timestamptz, integer) from public;
--! EndIncluded daybook_private/functions/carry_forward.sql
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
  update daybook_private.detachments m set is_moving = true where m.ledger = '*' and m.month = move_entries.month;
  execute format(
    'with moved as (delete from %s e where e.ledger = $1 and e.transaction_id = any ($2) and e.id < $3 returning e.*)
     insert into %s select * from moved',
    case when is_back then daybook_private.detached_table(month) else 'daybook.entries' end,
    case when is_back then 'daybook.entries' else daybook_private.detached_table(month) end)
    using ledger, ids, below;
  get diagnostics moved = row_count;
  update daybook_private.detachments m set is_moving = false where m.ledger = '*' and m.month = move_entries.month;
  return moved;
end
$$;
comment on function daybook_private.move_entries(timestamptz, text, uuid[], uuid, boolean) is
  'Moves all entries of some transactions from the table of entries to that of a detached month, or back; returns how many.';
revoke execute on function daybook_private.move_entries(timestamptz, text, uuid[], uuid, boolean) from public;
--! EndIncluded daybook_private/functions/move_entries.sql
--! Included daybook_private/functions/hold_month.sql
-- One call at a time moves entries, and nobody rolls sums up meanwhile.
create or replace function daybook_private.hold_month(month timestamptz, max_transactions integer)
  returns daybook_private.detachments
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  detached daybook_private.detachments;
begin
  if not daybook_private.may_use_every_ledger('admin') then
    perform daybook_private.refuse('42501', 'only an administrator of every ledger may detach and attach months');
  end if;
  if month between 'epoch' and now() is not true or month <> date_trunc('month', month at time zone 'UTC') at time zone 'UTC' then
    perform daybook_private.refuse_argument('month', 'the first moment of a past month, in UTC', to_jsonb(month));
  end if;
  if max_transactions between 1 and 100000 is not true then
    perform daybook_private.refuse_argument('max_transactions', '1 to 100 000', to_jsonb(max_transactions));
  end if;
  perform daybook_private.check_read_committed();
  perform pg_advisory_xact_lock(hashtextextended('daybook.detached_months', 0));
  select m.* into detached from daybook_private.detachments m where m.ledger = '*' and m.month = hold_month.month;
  return detached;
end
$$;
comment on function daybook_private.hold_month(timestamptz, integer) is
  'Lets the caller pass who may move this month of entries, and holds all months for it; returns what is known of this one. Raises 42501, LDARG, LDISO.';
revoke execute on function daybook_private.hold_month(timestamptz, integer) from public;
--! EndIncluded daybook_private/functions/hold_month.sql
--! Included daybook_private/functions/keep_month.sql
create or replace function daybook_private.keep_month(detached daybook_private.detachments)
  returns void
  language plpgsql
  volatile
as $$
begin
  if detached.state = 'attached' then
    delete from daybook_private.detachments m where m.ledger = '*' and m.month = detached.month;
    update daybook_private.detached_sums d
       set detached_until = daybook_private.detached_end()
     where d.ledger in (select l.name from daybook.ledgers l) and d.detached_until > daybook_private.detached_end();
  else
    update daybook_private.detachments m
       set state = detached.state, reached_ledger = detached.reached_ledger, reached = detached.reached,
           entries = detached.entries, checksum = detached.checksum, finished_at = detached.finished_at
     where m.ledger = '*' and m.month = detached.month;
  end if;
  if detached.finished_at is not null then
    perform daybook_private.log_event('*', 'month_' || detached.state, jsonb_build_object(
      'month', detached.month, 'entries', detached.entries, 'checksum', detached.checksum::text));
  end if;
end
$$;
comment on function daybook_private.keep_month(daybook_private.detachments) is
  'Keeps how far a month has come, or forgets it when all of it is attached; its end is logged.';
revoke execute on function daybook_private.keep_month(daybook_private.detachments) from public;
--! EndIncluded daybook_private/functions/keep_month.sql
--! Included daybook_private/functions/begin_detaching.sql
-- Oldest first, so that one time says from when on the books are whole.
create or replace function daybook_private.begin_detaching(month timestamptz)
  returns daybook_private.detachments
  language plpgsql
  volatile
  set timezone to 'UTC'
as $$
#variable_conflict use_column
declare
  upper_id constant uuid := daybook_private.uuid_at(month + interval '1 month');
  settled constant uuid := daybook_private.settled_until();
  detached daybook_private.detachments;
  queued bigint;
begin
  if settled < upper_id then
    perform daybook_private.refuse_argument('month', 'over, and everybody done who began in it', to_jsonb(month));
  end if;
  if exists (select from daybook_private.detachments m where m.ledger = '*' and (m.month > begin_detaching.month or m.state <> 'detached')) then
    perform daybook_private.refuse_argument('month', 'behind all detached months, and none on its way', to_jsonb(month));
  end if;
  if exists (
       select from daybook.entries e
        where e.id >= daybook_private.detached_below() and e.id < daybook_private.uuid_at(month)) then
    perform daybook_private.refuse_argument('month', 'the oldest one that has entries', to_jsonb(month));
  end if;
  queued := (select count(*) from daybook_private.entry_queue q where q.entry_id < upper_id);
  if queued > 0 then
    perform daybook_private.refuse('LDARG', 'month: entries of it are still queued',
      jsonb_build_object('argument', 'month', 'value', month, 'queued', queued));
  end if;
  execute format('create table %s (like daybook.entries including storage including comments)', daybook_private.detached_table(month));
  execute format('alter table %s enable row level security', daybook_private.detached_table(month));
  execute format('comment on table %s is %L', daybook_private.detached_table(month),
    format('Entries that were detached with %s; daybook.attach_month puts them back.', to_char(month, 'YYYY-MM')));
  insert into daybook_private.detachments (ledger, month, state) values ('*', begin_detaching.month, 'detaching')
    returning * into detached;
  perform daybook_private.log_event('*', 'detach_month', jsonb_build_object('month', month));
  return detached;
end
$$;
comment on function daybook_private.begin_detaching(timestamptz) is
  'Makes the table that the entries of a month are to be moved into. Raises LDARG unless it is the oldest month in the books and over, and none of its entries queued.';
revoke execute on function daybook_private.begin_detaching(timestamptz) from public;
--! EndIncluded daybook_private/functions/begin_detaching.sql
--! Included daybook_private/functions/detach_portion.sql
-- Each call is one transaction of the caller's, short enough to hold nobody up, and leaves the books whole.
create or replace function daybook_private.detach_portion(detached daybook_private.detachments, max integer)
  returns daybook_private.detachments
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  until constant timestamptz := (detached.month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
  below constant uuid := daybook_private.uuid_at(until);
  seen uuid[];
  ids uuid[];
begin
  seen := daybook_private.next_transactions(detached.reached_ledger, detached.reached, below, max);
  if seen is null then
    detached.reached_ledger := (select l.name from daybook.ledgers l where l.name > detached.reached_ledger order by l.name limit 1);
    detached.reached := '00000000-0000-0000-0000-000000000000';
    if detached.reached_ledger is null then
      detached.reached_ledger := '';
      detached.state := 'detached';
      detached.finished_at := clock_timestamp();
    end if;
    return detached;
  end if;
  detached.reached := seen[cardinality(seen)];
  ids := daybook_private.detachable_transactions(detached.reached_ledger, seen, until);
  if cardinality(ids) > 0 then
    perform daybook_private.check_detaching(detached.reached_ledger, ids, below);
    perform daybook_private.hold_search(detached.reached_ledger, ids);
    perform daybook_private.hold_sums(detached.reached_ledger, ids, below);
    perform daybook_private.add_cells(detached.reached_ledger, ids, below, -1);
    perform daybook_private.carry_forward(detached.reached_ledger, ids, until, 1);
    detached.checksum := detached.checksum + daybook_private.entries_checksum(detached.reached_ledger, ids, below);
    detached.entries := detached.entries + daybook_private.move_entries(detached.month, detached.reached_ledger, ids, below, false);
  end if;
  return detached;
end
$$;
comment on function daybook_private.detach_portion(daybook_private.detachments, integer) is
  'Moves the entries of the next transactions, of at most so many, out of the books into the table of a detached month, and says how far it got. The caller holds the month. Raises LDARG when something there is not right.';
revoke execute on function daybook_private.detach_portion(daybook_private.detachments, integer) from public;
--! EndIncluded daybook_private/functions/detach_portion.sql
--! Included daybook/functions/detach_month.sql
create or replace function daybook.detach_month(month timestamptz, max_transactions integer default 10000)
  returns daybook.detached_months
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  detached daybook_private.detachments := daybook_private.hold_month(month, max_transactions);
  shown daybook.detached_months;
begin
  if detached.month is null then
    detached := daybook_private.begin_detaching(month);
  elsif detached.state = 'attaching' then
    perform daybook_private.refuse_argument('month', 'not on its way back (attach_month)', to_jsonb(month));
  end if;
  if detached.state = 'detaching' then
    detached := daybook_private.detach_portion(detached, max_transactions);
    perform daybook_private.keep_month(detached);
  end if;
  select m.* into strict shown from daybook.detached_months m where m.month = detach_month.month;
  return shown;
end
$$;
comment on function daybook.detach_month(timestamptz, integer) is
  E'@behavior -*\nMove the entries of the oldest month, given by its first moment in UTC, out of the books into a table of their own, those of the next so many transactions: call it again, each time in a transaction of its own, until state is detached. Balances stay as they are; those at earlier times are refused from then on. Raises 42501, LDISO; LDARG also while entries are queued, not sealed or not right.';
revoke execute on function daybook.detach_month(timestamptz, integer) from public;
grant execute on function daybook.detach_month(timestamptz, integer) to daybook_admin;
--! EndIncluded daybook/functions/detach_month.sql
--! Included daybook_private/functions/begin_attaching.sql
-- Whatever became of the table meanwhile, it holds what left the books, all of it and nothing else.
create or replace function daybook_private.begin_attaching(detached daybook_private.detachments)
  returns daybook_private.detachments
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
  set datestyle to 'ISO'
as $$
declare
  stored_in constant text := daybook_private.detached_table(detached.month);
  entries bigint;
  checksum numeric;
begin
  if exists (select from daybook_private.detachments m where m.ledger = '*' and m.month > detached.month) then
    perform daybook_private.refuse_argument('month', 'the latest of the detached months', to_jsonb(detached.month));
  end if;
  if to_regclass(stored_in) is null then
    perform daybook_private.refuse('LDARG', 'month: its table is not there; restore it first',
      jsonb_build_object('argument', 'month', 'value', detached.month, 'stored_in', stored_in));
  end if;
  execute format('lock table %s in access exclusive mode', stored_in);
  execute format('select count(*), coalesce(sum(daybook_private.row_checksum(e::text)), 0) from %s e', stored_in)
    into entries, checksum;
  if (entries, checksum) <> (detached.entries, detached.checksum) then
    perform daybook_private.refuse('LDARG', 'month: its table is not what was detached',
      jsonb_build_object('argument', 'month', 'value', detached.month, 'stored_in', stored_in,
        'entries', entries, 'detached_entries', detached.entries,
        'checksum', checksum::text, 'detached_checksum', detached.checksum::text));
  end if;
  execute format('create index on %s (ledger, transaction_id)', stored_in);
  execute format('analyze %s', stored_in);
  detached.state := 'attaching';
  detached.finished_at := null;
  perform daybook_private.log_event('*', 'attach_month', jsonb_build_object('month', detached.month));
  return detached;
end
$$;
comment on function daybook_private.begin_attaching(daybook_private.detachments) is
  'Makes sure that the table of a detached month is whole and unchanged. Raises LDARG unless it is the latest, or if the table is gone or differs.';
revoke execute on function daybook_private.begin_attaching(daybook_private.detachments) from public;
--! EndIncluded daybook_private/functions/begin_attaching.sql
--! Included daybook_private/functions/attach_portion.sql
-- What comes back is compared with the sealed log once more: a checksum can be imitated, that cannot.
create or replace function daybook_private.attach_portion(detached daybook_private.detachments, max integer)
  returns daybook_private.detachments
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  until constant timestamptz := (detached.month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
  below constant uuid := daybook_private.uuid_at(until);
  ledger text;
  ids uuid[];
  facts jsonb;
begin
  execute format(
    'select n.ledger, array_agg(n.transaction_id)
       from (select e.ledger, e.transaction_id from %s e group by 1, 2 order by 1, 2 limit $1) n
      group by n.ledger
      order by n.ledger
      limit 1', daybook_private.detached_table(detached.month))
    into ledger, ids using max;
  if ids is null and (detached.entries, detached.checksum) <> (0, 0) then
    perform daybook_private.refuse('LDARG', 'month: its table was changed while it came back',
      jsonb_build_object('argument', 'month', 'value', detached.month, 'missing_entries', detached.entries));
  elsif ids is null then
    execute format('drop table %s', daybook_private.detached_table(detached.month));
    detached.state := 'attached';
    detached.finished_at := clock_timestamp();
    return detached;
  end if;
  detached.entries := detached.entries - daybook_private.move_entries(detached.month, ledger, ids, below, true);
  detached.checksum := detached.checksum - daybook_private.entries_checksum(ledger, ids, below);
  select to_jsonb(b) into facts from daybook_private.broken_seals(ledger, ids) b limit 1;
  if facts is not null then
    perform daybook_private.refuse('LDARG', 'month: a record is not as it was sealed, with the entries that are to come back',
      facts || jsonb_build_object('argument', 'month', 'value', detached.month, 'ledger', ledger));
  end if;
  perform daybook_private.hold_sums(ledger, ids, below);
  perform daybook_private.add_cells(ledger, ids, below, 1);
  perform daybook_private.carry_forward(ledger, ids, until, -1);
  return detached;
end
$$;
comment on function daybook_private.attach_portion(daybook_private.detachments, integer) is
  'Moves the entries of the next transactions, at most so many, from the table of a detached month back into the books. The caller holds the month. Raises LDARG if they are not what left.';
revoke execute on function daybook_private.attach_portion(daybook_private.detachments, integer) from public;
--! EndIncluded daybook_private/functions/attach_portion.sql
--! Included daybook/functions/attach_month.sql
create or replace function daybook.attach_month(month timestamptz, max_transactions integer default 10000)
  returns daybook.detached_months
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  detached daybook_private.detachments := daybook_private.hold_month(month, max_transactions);
  shown daybook.detached_months;
begin
  if detached.month is null then
    return null;
  elsif detached.state = 'detaching' then
    perform daybook_private.refuse_argument('month', 'wholly detached before it comes back (detach_month)', to_jsonb(month));
  elsif detached.state = 'detached' then
    detached := daybook_private.begin_attaching(detached);
  end if;
  detached := daybook_private.attach_portion(detached, max_transactions);
  perform daybook_private.keep_month(detached);
  select m.* into shown from daybook.detached_months m where m.month = attach_month.month;
  return shown;
end
$$;
comment on function daybook.attach_month(timestamptz, integer) is
  E'@behavior -*\nMove the entries of the latest detached month, given by its first moment in UTC, back into the books, those of the next so many transactions: call it again, each time in a transaction of its own, until it returns null. Raises 42501, LDISO; LDARG also if its table is gone, or is not what was detached.';
revoke execute on function daybook.attach_month(timestamptz, integer) from public;
grant execute on function daybook.attach_month(timestamptz, integer) to daybook_admin;
--! EndIncluded daybook/functions/attach_month.sql
--! Included daybook_private/views/current_lines.sql
create or replace view daybook_private.current_lines with (security_invoker = true) as
  select e.ledger, e.id, e.transaction_id, e.transaction_version, e.position, e.account_id, e.direction,
         l.amount, e.currency, e.effect, e.locked, e.effective_at, e.created_at, e.metadata, e.lock_version,
         e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits
    from daybook.entries e
    join daybook.transactions t on t.ledger = e.ledger and t.id = e.transaction_id
   cross join lateral (
     -- Partial postings release parts of pending entries, position by position.
     select case when t.status <> 'pending' then e.amount else e.amount - coalesce((
              select sum(r.amount)
                from daybook.entries r
               where r.ledger = e.ledger and r.transaction_id = e.transaction_id and r.effect = 'released'
                 and r.position = e.position and r.transaction_version > e.transaction_version), 0) end as amount
   ) l
   where l.amount > 0
     and case
       when t.status = 'posted' then e.effect in ('posted', 'settled')
       when t.status = 'pending' then e.effect = 'pending' and e.transaction_version = t.entries_version
       else e.effect = 'released' and e.transaction_version = t.version
     end;
comment on view daybook_private.current_lines is
  'The lines of each transaction as it is now, once each, as far as its entries are in the books; of a pending one what is left to post.';
--! EndIncluded daybook_private/views/current_lines.sql
--! Included daybook/views/current_entries.sql
-- An empty list of lines would be an untruth where they are detached: whoever asks for those of such a transaction,
-- or of a whole ledger with one, is refused.
create or replace view daybook.current_entries with (security_invoker = true) as
  select e.ledger, e.id, e.transaction_id, e.transaction_version, e.position, e.account_id, e.direction, e.amount, e.currency, e.effect,
         e.locked, e.effective_at, e.created_at, e.metadata, e.lock_version,
         e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits
    from daybook_private.current_lines e
  union all
  select t.ledger, null, t.id, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null
    from daybook.transactions t
   where t.id < (select daybook_private.detached_below())
     and case when daybook_private.is_detached(t) then daybook_private.refuse_detached_lines(t.ledger, t.id) end;
comment on view daybook.current_entries is
  'The lines of each transaction as it is now, once each; of a pending one what is left to post.';
do $$
declare
  c record;
begin
  -- Each column means what it means in entries.
  for c in
    select a.attname, pg_catalog.col_description(a.attrelid, a.attnum) as description
      from pg_catalog.pg_attribute a
     where a.attrelid = 'daybook.entries'::regclass and a.attnum > 0
  loop
    execute format('comment on column daybook.current_entries.%I is %L', c.attname, c.description);
  end loop;
end
$$;
--! EndIncluded daybook/views/current_entries.sql
--! Included daybook/functions/transaction_versions.sql
-- Every version but the last was pending; what could change is in the log, and the last is the transaction itself.
create or replace function daybook.transaction_versions(ledger text, transaction_id uuid)
  returns setof daybook.transaction_version
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform daybook_private.authorize(transaction_versions.ledger, 'read');
  if transaction_versions.transaction_id is null then
    perform daybook_private.refuse_argument('transaction_id', 'must be given');
  end if;
  perform daybook_private.check_transaction_exists(transaction_versions.ledger, transaction_versions.transaction_id);
  perform daybook_private.check_has_entries(t)
     from daybook.transactions t
    where t.ledger = transaction_versions.ledger and t.id = transaction_versions.transaction_id;
  return query
    select t.ledger, t.id, v.version,
           case when v.version = t.version then t.status else 'pending' end,
           case when v.version = t.version then t.effective_at else coalesce((l.data ->> 'effective_at')::timestamptz, t.created_at) end,
           case when v.version = t.version then t.expires_at else (l.data ->> 'expires_at')::timestamptz end,
           case when v.version = t.version then t.description else l.data ->> 'description' end,
           daybook_private.entries_of_version(t.ledger, t.id, v.version, v.version = t.version and t.status <> 'pending'),
           l.kind, l.data, l.actor, l.request_id, l.client_address, l.created_at
      from daybook.transactions t
      join daybook.log l on l.ledger = t.ledger and l.transaction_id = t.id
     cross join lateral (
       -- One that was made posted is its own record, and has no number in it; nor have the records of the first release.
       select case when l.id = t.id or l.kind = 'create_transaction' then 1
                   else (l.data ->> 'version')::integer end as version) v
     where t.ledger = transaction_versions.ledger and t.id = transaction_versions.transaction_id
       and v.version is not null
     order by v.version;
end
$$;
comment on function daybook.transaction_versions(text, uuid) is
  'The history of a transaction: each version with its entries, and when and by whom it was made. Raises 42501, LDARG, LDLED, LDTXN.';
revoke execute on function daybook.transaction_versions(text, uuid) from public;
grant execute on function daybook.transaction_versions(text, uuid) to daybook_reader;
--! EndIncluded daybook/functions/transaction_versions.sql
--! Included daybook_private/functions/was_partially_posted.sql
-- The log tells, whatever became of the entries.
create or replace function daybook_private.was_partially_posted(archived daybook.transactions)
  returns boolean
  language sql
  stable
as $$
  select archived.archived_reason is not distinct from 'fully_posted' or exists (
    select
      from daybook_private.log_events l
     where l.ledger = archived.ledger and l.transaction_id = archived.id and l.kind = 'partially_post_transaction')
$$;
comment on function daybook_private.was_partially_posted(daybook.transactions) is
  'Whether a part of an archived transaction, or all of it, was posted before.';
revoke execute on function daybook_private.was_partially_posted(daybook.transactions) from public;
--! EndIncluded daybook_private/functions/was_partially_posted.sql
--! Included daybook_private/functions/sums_of_entries.sql
-- What all caches must equal: nothing but entries is read, and what is carried forward of detached ones. Times
-- at which these count in part are refused before (see refuse_detached).
create or replace function daybook_private.sums_of_entries(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz default null,
  recorded_at timestamptz default null
)
  returns setof daybook_private.account_sums
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set jit to off
  set max_parallel_workers_per_gather to 0
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  effective_to constant timestamptz := coalesce(effective_at, 'infinity');
  recorded_to constant timestamptz := coalesce(recorded_at, 'infinity');
begin
  return query
    select p.account_id, sum(p.entries)::bigint,
           sum(p.pending_debits), sum(p.pending_credits), sum(p.posted_debits), sum(p.posted_credits)
      from (
        select e.account_id, count(*) as entries,
               coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as pending_debits,
               coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as pending_credits,
               coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as posted_debits,
               coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as posted_credits
          from daybook.entries e
         where e.ledger = sums_of_entries.ledger and e.account_id = any (account_ids)
           and e.effective_at <= effective_to and e.created_at <= recorded_to
         group by e.account_id
        union all
        select * from daybook_private.detached_entries(sums_of_entries.ledger, account_ids)) p
     group by p.account_id;
end
$$;
comment on function daybook_private.sums_of_entries(text, uuid[], timestamptz, timestamptz) is
  'The counters of accounts as the plain sums of their entries, queued ones too, effective by one time and recorded by another, inclusive; a null counts all. No row for an account without any.';
revoke execute on function daybook_private.sums_of_entries(text, uuid[], timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/sums_of_entries.sql
--! Included daybook_private/functions/sums_of_version.sql
-- Each applied entry knows the counters after it. Queued ones come on top, in the order of their ids, in
-- which they will get their versions. Where counters are distrusted, entries are added up. Of detached entries only
-- the sum of all is known.
create or replace function daybook_private.sums_of_version(ledger text, account_id uuid, version bigint)
  returns daybook_private.account_sums
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_sort to off
  set jit to off
  set max_parallel_workers_per_gather to 0
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  sums daybook_private.account_sums;
  start daybook_private.line;
  applied bigint;
  is_trusted boolean;
begin
  if version = 0 then
    return row(account_id, 0, 0, 0, 0, 0)::daybook_private.account_sums;
  end if;
  select c.lock_version, c.drifted_at is null into strict applied, is_trusted
    from daybook_private.account_counters c
   where c.ledger = sums_of_version.ledger and c.account_id = sums_of_version.account_id;
  if is_trusted and version <= applied then
    select e.account_id, e.lock_version, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits into sums
      from daybook.entries e
     where e.ledger = sums_of_version.ledger and e.account_id = sums_of_version.account_id and e.lock_version between version and version
     order by e.lock_version
     limit 1;
    if not found then
      start := daybook_private.start_line(ledger, account_id);
      if version = start.lock_version then
        sums := row(account_id, version, start.pending_debits, start.pending_credits, start.posted_debits, start.posted_credits);
      end if;
    end if;
  elsif is_trusted then
    select c.account_id, c.lock_version + count(q.entry_id),
           c.pending_debits + coalesce(sum(q.pending_debits), 0), c.pending_credits + coalesce(sum(q.pending_credits), 0),
           c.posted_debits + coalesce(sum(q.posted_debits), 0), c.posted_credits + coalesce(sum(q.posted_credits), 0)
      into sums
      from daybook_private.account_counters c
      left join (
        select * from daybook_private.entry_queue q
         where q.ledger = sums_of_version.ledger and q.account_id = sums_of_version.account_id
         order by q.entry_id
         limit version - applied) q on q.account_id = c.account_id
     where c.ledger = sums_of_version.ledger and c.account_id = sums_of_version.account_id
     group by c.ledger, c.account_id;
  else
    start := daybook_private.start_line(ledger, account_id);
    select sums_of_version.account_id, start.lock_version + count(*),
           start.pending_debits + coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           start.pending_credits + coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0),
           start.posted_debits + coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           start.posted_credits + coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0)
      into sums
      from (select * from daybook.entries e
             where e.ledger = sums_of_version.ledger and e.account_id = sums_of_version.account_id
               and (start.lock_version = 0 or e.lock_version > start.lock_version or e.lock_version is null)
             order by e.lock_version nulls last, e.id
             limit greatest(version - start.lock_version, 0)) e
    having version >= start.lock_version;
  end if;
  return sums;
end
$$;
comment on function daybook_private.sums_of_version(text, uuid, bigint) is
  'The counters of an account with so many of its entries, in the order of its versions; with all of them, and how many they are, if there are not as many. Null if that version is not in the books any more.';
revoke execute on function daybook_private.sums_of_version(text, uuid, bigint) from public;
--! EndIncluded daybook_private/functions/sums_of_version.sql
--! Included daybook_private/functions/balance_of_version.sql
create or replace function daybook_private.balance_of_version(ledger text, account_id uuid, version bigint)
  returns daybook.balances
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  sums constant daybook_private.account_sums := daybook_private.sums_of_version(ledger, account_id, version);
  balance daybook.balances;
begin
  if sums.entries is null then
    perform daybook_private.refuse('LDARG', 'lock_version: the entry of this version is detached',
      jsonb_build_object('argument', 'lock_version', 'value', version, 'detached_until', (
        select d.detached_until
          from daybook_private.detached_sums d
         where d.ledger = balance_of_version.ledger and d.account_id = balance_of_version.account_id)));
  elsif sums.entries < version then
    perform daybook_private.refuse_argument('lock_version', 'not above that of the account', to_jsonb(version));
  end if;
  select c.ledger, c.address, c.account_id, c.currency, c.currency_exponent, c.normal_balance, version,
         sums.pending_debits, sums.pending_credits,
         daybook_private.net_balance(c.normal_balance, sums.pending_credits, sums.pending_debits),
         sums.posted_debits, sums.posted_credits,
         daybook_private.net_balance(c.normal_balance, sums.posted_credits, sums.posted_debits),
         daybook_private.available_balance(c.normal_balance,
           sums.pending_debits, sums.pending_credits, sums.posted_debits, sums.posted_credits)
    into balance
    from daybook_private.account_counters c
   where c.ledger = balance_of_version.ledger and c.account_id = balance_of_version.account_id;
  return balance;
end
$$;
comment on function daybook_private.balance_of_version(text, uuid, bigint) is
  'The balances of an account at a version. Raises LDARG when it has not got as far, or that version''s entry is not kept any more.';
revoke execute on function daybook_private.balance_of_version(text, uuid, bigint) from public;
--! EndIncluded daybook_private/functions/balance_of_version.sql
--! Included daybook/functions/category_entries.sql
create or replace function daybook.category_entries(
  ledger text,
  category text,
  first integer default 100,
  after uuid default null
)
  returns setof daybook.entries
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set jit to off
as $$
declare
  count integer;
  account_ids uuid[];
  listed_from uuid;
begin
  perform daybook_private.authorize_category(ledger, category);
  perform daybook_private.check_address('category', category);
  count := daybook_private.check_page(first);
  perform daybook_private.check_categories(ledger, array[category]);
  account_ids := daybook_private.category_accounts(ledger, category);
  listed_from := daybook_private.listed_from(ledger, account_ids);
  return query
    select e.*
      from daybook_private.category_lines(ledger, account_ids, count,
             coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff')) e
     where e.id >= listed_from;
  if not found then
    perform daybook_private.refuse_end(listed_from, after);
  end if;
end
$$;
comment on function daybook.category_entries(text, text, integer, uuid) is
  'The entries on the accounts that are in a category today, directly or through others, newest first, each once; at most 1000, after the id of the last one of the page before. Where older ones are detached, the list goes back as far as nothing is, and behind that LDARG is raised. Raises 42501, LDARG, LDLED, LDCTG.';
revoke execute on function daybook.category_entries(text, text, integer, uuid) from public;
grant execute on function daybook.category_entries(text, text, integer, uuid) to daybook_reader;
--! EndIncluded daybook/functions/category_entries.sql
--! Included daybook/functions/category_transactions.sql
-- Pages of large categories fill from the ledger's newest transactions. When these hold few of
-- the category, the rest comes from the entries of its accounts, as do all pages of small ones.
create or replace function daybook.category_transactions(
  ledger text,
  category text,
  first integer default 100,
  after uuid default null
)
  returns setof daybook.transactions
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set jit to off
as $$
#variable_conflict use_column
declare
  count integer;
  cursor uuid := coalesce(category_transactions.after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  account_ids uuid[];
  share integer;
  step record;
  page uuid[] := '{}';
  listed_from uuid;
begin
  perform daybook_private.authorize_category(category_transactions.ledger, category_transactions.category);
  perform daybook_private.check_address('category', category_transactions.category);
  count := daybook_private.check_page(category_transactions.first);
  perform daybook_private.check_categories(category_transactions.ledger, array[category_transactions.category]);
  account_ids := daybook_private.category_accounts(category_transactions.ledger, category_transactions.category);
  listed_from := daybook_private.listed_from(category_transactions.ledger, account_ids);
  foreach share in array array[2, 6, 18] loop
    exit when cardinality(page) >= count
      or daybook_private.is_small_category(category_transactions.ledger, account_ids);
    select array_agg(r.transaction_id order by r.transaction_id desc) filter (where r.is_in) as found_ids,
           (array_agg(r.transaction_id order by r.transaction_id))[1] as last_id
      into step
      from daybook_private.category_recent(
             category_transactions.ledger, account_ids, count * share, cursor) r;
    exit when step.last_id is null;
    page := page || step.found_ids;
    cursor := step.last_id;
  end loop;
  if cardinality(page) < count and cardinality(account_ids) > 0 then
    page := page || daybook_private.category_history(
      category_transactions.ledger, account_ids, count - cardinality(page), cursor);
  end if;
  return query
    select t.*
      from unnest(page[1:count]) with ordinality p (id, n)
     cross join lateral (
        select t.*
          from daybook.transactions t
         where t.ledger = category_transactions.ledger and t.id = p.id
        offset 0) t
     where t.id >= listed_from
     order by p.n;
  if not found then
    perform daybook_private.refuse_end(listed_from, category_transactions.after);
  end if;
end
$$;
comment on function daybook.category_transactions(text, text, integer, uuid) is
  'The transactions, of any status, that ever had an entry on an account that is in a category today, directly or through others, newest first, each once; at most 1000, after the id of the last one of the page before. Where older entries are detached, the list goes back as far as nothing is, and behind that LDARG is raised. Raises 42501, LDARG, LDLED, LDCTG.';
revoke execute on function daybook.category_transactions(text, text, integer, uuid) from public;
grant execute on function daybook.category_transactions(text, text, integer, uuid) to daybook_reader;
--! EndIncluded daybook/functions/category_transactions.sql
--! Included daybook_private/functions/posted_sums_at.sql
-- Most accounts of a ledger have too few entries for sums. Where those entries make up much of the ledger,
-- all of them are read once, which costs less than looking for each account's own.
create or replace function daybook_private.posted_sums_at(ledger text, effective_at timestamptz)
  returns table (account_id uuid, debits numeric, credits numeric)
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  rolled uuid[];
  others uuid[];
  is_scanned boolean;
begin
  select array_agg(c.account_id) filter (where u.account_id is not null),
         array_agg(c.account_id) filter (where u.account_id is null),
         sum(c.lock_version) filter (where u.account_id is null) * 4 >= sum(c.lock_version)
    into rolled, others, is_scanned
    from daybook_private.account_counters c
    left join daybook_private.rollup_cursors u
      on u.ledger = posted_sums_at.ledger and u.account_id = c.account_id and u.lock_version > 0
   where c.ledger = posted_sums_at.ledger;
  perform daybook_private.refuse_detached(ledger, rolled || others, effective_at);
  return query
    select s.account_id, s.posted_debits, s.posted_credits
      from daybook_private.account_sums_at(ledger, case when is_scanned then rolled else rolled || others end, effective_at) s;
  if is_scanned then
    return query
      select p.account_id, sum(p.debits), sum(p.credits)
        from (
          select e.account_id,
                 coalesce(sum(e.amount) filter (where e.direction = 'debit'), 0) as debits,
                 coalesce(sum(e.amount) filter (where e.direction = 'credit'), 0) as credits
            from daybook.entries e
           where e.ledger = posted_sums_at.ledger and e.effective_at <= posted_sums_at.effective_at
             and e.effect in ('posted', 'settled')
             and not exists (select from unnest(rolled) r (account_id) where r.account_id = e.account_id)
           group by e.account_id
          union all
          select d.account_id, d.posted_debits, d.posted_credits
            from daybook_private.detached_entries(posted_sums_at.ledger, others) d) p
       group by p.account_id;
  end if;
end
$$;
comment on function daybook_private.posted_sums_at(text, timestamptz) is
  'What was posted to the accounts of a ledger by a time, inclusive, queued entries counted. At most one row an account.';
revoke execute on function daybook_private.posted_sums_at(text, timestamptz) from public;
--! EndIncluded daybook_private/functions/posted_sums_at.sql
--! Included daybook_private/functions/open_statement.sql
-- What stands in the books before a time is what does so a microsecond earlier: there is no time between.
create or replace function daybook_private.open_statement(
  ledger text,
  counters daybook_private.account_counters,
  starts_at timestamptz,
  ends_at timestamptz,
  statement bigint
)
  returns daybook_private.statement_cursor
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  cursor daybook_private.statement_cursor;
  sums daybook_private.account_sums;
begin
  cursor.statement := statement;
  cursor.lock_version := counters.lock_version;
  if counters.drifted_at is not null then
    cursor.lock_version := (
      select coalesce(max(v.lock_version), 0)
        from (
          select e.lock_version from daybook.entries e
           where e.ledger = open_statement.ledger and e.account_id = counters.account_id
          union all
          select d.lock_version from daybook_private.detached_sums d
           where d.ledger = open_statement.ledger and d.account_id = counters.account_id) v);
  end if;
  if starts_at > '4714-11-24 00:00:00+00 BC' then -- the first of all times
    sums := daybook_private.account_sums_at(ledger, array[counters.account_id], starts_at - interval '1 microsecond');
  end if;
  cursor.opening_debits := coalesce(sums.posted_debits, 0);
  cursor.opening_credits := coalesce(sums.posted_credits, 0);
  if ends_at is null then
    select b.account_id, b.lock_version, b.pending_debits, b.pending_credits, b.posted_debits, b.posted_credits into sums
      from daybook.balances b
     where b.ledger = open_statement.ledger and b.account_id = counters.account_id;
  elsif ends_at > '4714-11-24 00:00:00+00 BC' then
    sums := daybook_private.account_sums_at(ledger, array[counters.account_id], ends_at - interval '1 microsecond');
  end if;
  cursor.closing_debits := coalesce(sums.posted_debits, 0);
  cursor.closing_credits := coalesce(sums.posted_credits, 0);
  cursor.balance := daybook_private.net_balance(counters.normal_balance, cursor.opening_credits, cursor.opening_debits);
  cursor.effective_at := coalesce(starts_at, '-infinity');
  cursor.entry_id := '00000000-0000-0000-0000-000000000000';
  return cursor;
end
$$;
comment on function daybook_private.open_statement(text, daybook_private.account_counters, timestamptz, timestamptz, bigint) is
  'Where the first page of a statement begins, and what it shows: sums before and after it, and the account''s version. What is queued is not named yet.';
revoke execute on function daybook_private.open_statement(text, daybook_private.account_counters, timestamptz, timestamptz, bigint) from public;
--! EndIncluded daybook_private/functions/open_statement.sql
--! Included daybook/functions/account_statement.sql
-- A STABLE function reads one snapshot, however many statements it has.
create or replace function daybook.account_statement(
  ledger text,
  account text,
  starts_at timestamptz default null,
  ends_at timestamptz default null,
  first integer default 100,
  after text default null
)
  returns daybook.account_statement
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set jit to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  statement daybook.account_statement;
  counters daybook_private.account_counters;
  cursor daybook_private.statement_cursor;
  count integer;
  statement_hash bigint;
begin
  perform daybook_private.authorize_accounts(ledger, array[account]);
  perform daybook_private.check_address('account', account);
  perform daybook_private.check_span(starts_at, ends_at);
  count := daybook_private.check_page(first);
  statement_hash := hash_record_extended(row(ledger, account, starts_at, ends_at), 0);
  if after is not null then
    cursor := daybook_private.read_cursor(after, statement_hash);
  end if;
  select c.* into counters
    from daybook_private.account_counters c
   where c.ledger = account_statement.ledger and c.address = account_statement.account;
  if not found then
    perform daybook_private.refuse_missing_accounts(ledger, array[account]);
  end if;
  perform daybook_private.refuse_detached(ledger, array[counters.account_id], case
    when starts_at > '4714-11-24 00:00:00+00 BC' then starts_at - interval '1 microsecond' else '-infinity' end);
  if after is null then
    cursor := daybook_private.open_statement(ledger, counters, starts_at, ends_at, statement_hash);
  end if;
  statement := row(
    ledger, account, counters.account_id, counters.currency, counters.currency_exponent, counters.normal_balance,
    starts_at, ends_at,
    daybook_private.net_balance(counters.normal_balance, cursor.opening_credits, cursor.opening_debits),
    cursor.closing_debits - cursor.opening_debits, cursor.closing_credits - cursor.opening_credits,
    daybook_private.net_balance(counters.normal_balance, cursor.closing_credits, cursor.closing_debits),
    daybook_private.statement_entries(ledger, counters, ends_at, cursor, count + 1), null);
  if cardinality(statement.entries) > count then
    statement.entries := statement.entries[:count];
    statement.next_page := daybook_private.write_cursor(
      daybook_private.next_cursor(ledger, counters.account_id, ends_at, cursor, statement.entries[count]));
  end if;
  return statement;
end
$$;
comment on function daybook.account_statement(text, text, timestamptz, timestamptz, integer, text) is
  'What was posted to an account and takes effect from starts_at to before ends_at: opening and closing balance, and the entries in effective order with the balance after each, in minor units, queued ones counted. At most 1000 entries a page; next_page, given as after with the same ledger, account and times, gives the next one. All pages show the books as they were for the first: what is recorded later, backdated or not, is in none of them. '
  'Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.account_statement(text, text, timestamptz, timestamptz, integer, text) from public;
grant execute on function daybook.account_statement(text, text, timestamptz, timestamptz, integer, text) to daybook_reader;
--! EndIncluded daybook/functions/account_statement.sql
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
    select c.ledger, c.transaction_id, c.position, c.account_id, c.direction, c.amount, c.currency, t.effective_at, t.created_at
      from unnest(ids) u (id)
     cross join lateral (
        select t.effective_at, t.created_at
          from daybook.transactions t
         where t.ledger = search_lines_of.ledger and t.id = u.id
        offset 0) t
     cross join lateral (
        select c.*
          from daybook_private.current_lines c
         where c.ledger = search_lines_of.ledger and c.transaction_id = u.id
           and c.id >= daybook_private.uuid_at(greatest(uuid_extract_timestamp(u.id) - interval '1 hour', 'epoch'))
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
--! Included daybook_private/functions/detached_records.sql
create or replace function daybook_private.detached_records(ledger text, log_ids uuid[])
  returns table (log_id uuid)
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  below constant uuid := daybook_private.detached_below();
begin
  return query
    select t.id
      from daybook.transactions t
     where t.ledger = detached_records.ledger and t.id = any (log_ids) and t.id < below
       and t.status = 'posted' and t.version = 1 and daybook_private.is_detached(t)
    union all
    select l.id
      from daybook_private.log_events l
      join daybook.transactions t on t.ledger = l.ledger and t.id = l.transaction_id
     where l.ledger = detached_records.ledger and l.id = any (log_ids) and l.transaction_id < below
       and daybook_private.version_of(l.kind, l.data) is not null and daybook_private.is_detached(t);
end
$$;
comment on function daybook_private.detached_records(text, uuid[]) is
  'Those of some records of a ledger''s log that made a version of a transaction whose entries are detached.';
revoke execute on function daybook_private.detached_records(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/detached_records.sql
--! Included daybook_private/functions/check_records.sql
create or replace function daybook_private.check_records(ledger text, first_no bigint, last_no bigint)
  returns table (no bigint, log_id uuid, problem text, detail jsonb)
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  log_ids constant uuid[] := array(
    select s.log_id
      from daybook_private.seals s
     where s.ledger = check_records.ledger and s.no between first_no and last_no);
begin
  return query
    select s.no, s.log_id,
           case when t.log_id is null then 'record_missing' when d.log_id is not null then 'entries_detached' else 'record_changed' end,
           jsonb_build_object('leaf', encode(s.leaf, 'hex'), 'leaf_of_record', encode(l.leaf, 'hex'), 'record', t.body::jsonb)
      from daybook_private.seals s
      left join daybook_private.log_texts(check_records.ledger, log_ids) t on t.log_id = s.log_id
     cross join lateral (select sha256(convert_to(t.body, 'UTF8')) as leaf) l
      left join daybook_private.detached_records(check_records.ledger, log_ids) d on d.log_id = s.log_id
     where s.ledger = check_records.ledger and s.no between first_no and last_no
       and s.leaf is distinct from l.leaf
    union all
    select s.no, s.log_id, 'state_differs', d.detail
      from daybook_private.differing_transactions(check_records.ledger, log_ids) d
      join daybook_private.seals s on s.ledger = check_records.ledger and s.log_id = d.log_id;
end
$$;
comment on function daybook_private.check_records(text, bigint, bigint) is
  'Which sealed records of a ledger''s log are missing or changed, or cannot be read as a whole because their entries are detached; and where transactions are not what they say.';
revoke execute on function daybook_private.check_records(text, bigint, bigint) from public;
--! EndIncluded daybook_private/functions/check_records.sql
--! Included daybook/functions/verify_log.sql
-- Goes through whole blocks, some thousand records at a time, and ends at the first part where something
-- is wrong. What happened to the log itself comes before what merely differs from it. What is about the log
-- as a whole is looked at when its end is reached.
create or replace function daybook.verify_log(ledger text, from_no bigint default 1, max_records bigint default null)
  returns daybook.log_verification
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  head daybook_private.seal_heads;
  result daybook.log_verification;
  part record;
begin
  perform daybook_private.authorize_log(verify_log.ledger);
  if coalesce(verify_log.from_no, 1) < 1 then
    perform daybook_private.refuse_argument('from_no', 'from 1', to_jsonb(verify_log.from_no));
  end if;
  if verify_log.max_records < 1 then
    perform daybook_private.refuse_argument('max_records', 'at least 1', to_jsonb(verify_log.max_records));
  end if;
  select h.* into head from daybook_private.seal_heads h where h.ledger = verify_log.ledger;
  result := row(verify_log.ledger, coalesce(verify_log.from_no, 1), coalesce(verify_log.from_no, 1) - 1,
    coalesce(head.no, 0), coalesce(encode(head.hash, 'hex'), repeat('0', 64)), null, null, null, null, 0);
  for part in
    select min(b.block) as first_block, max(b.block) as last_block, min(b.first_no) as first_no, max(b.last_no) as last_no
      from daybook_private.seal_blocks b
     where b.ledger = verify_log.ledger and b.last_no >= result.from_no
       and (verify_log.max_records is null or b.first_no - result.from_no < verify_log.max_records)
     group by (b.first_no - 1) / 5000
     order by first_no
  loop
    result.from_no := least(result.from_no, part.first_no);
    result.to_no := greatest(result.to_no, part.last_no);
    with found as materialized (
      select b.* from daybook_private.check_blocks(verify_log.ledger, part.first_block, part.last_block) b
      union all
      select r.* from daybook_private.check_records(verify_log.ledger, part.first_no, part.last_no) r
    )
    select result.unread + n.unread, p.problem, p.no, p.log_id, p.detail
      into result.unread, result.problem, result.no, result.log_id, result.detail
      from (select count(*) as unread from found f where f.problem = 'entries_detached') n
      left join lateral (
             select f.* from found f
              where f.problem <> 'entries_detached'
              order by f.problem = 'state_differs', f.no
              limit 1) p on true;
    if result.problem is not null then
      return result;
    end if;
  end loop;
  if not exists (
       select from daybook_private.seal_blocks b where b.ledger = verify_log.ledger and b.last_no > result.to_no) then
    result.to_no := greatest(result.to_no, result.head_no);
    select p.problem, p.no, p.log_id, p.detail
      into result.problem, result.no, result.log_id, result.detail
      from daybook_private.check_log_end(verify_log.ledger) p
     limit 1;
  end if;
  return result;
end
$$;
comment on function daybook.verify_log(text, bigint, bigint) is
  'Verifies that a ledger''s sealed log is whole and unchanged, and that accounts and transactions are what it says, from a record number on and about so many records: names the first thing that is wrong, if any; and counts records whose entries are detached, of which only the place in the chain can be verified. For the ledger * the instance''s own log. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.verify_log(text, bigint, bigint) from public;
grant execute on function daybook.verify_log(text, bigint, bigint) to daybook_reader;
--! EndIncluded daybook/functions/verify_log.sql
--! Included daybook/types/acknowledged_input.sql
create type daybook.acknowledged_input as (
  transaction_id uuid,
  version integer,
  status daybook.transaction_status,
  receipt_id uuid,
  idempotency_key text
);
comment on type daybook.acknowledged_input is
  'What a call returned, as its client kept it: of a transaction, or of the write-ahead queue.';
comment on column daybook.acknowledged_input.transaction_id is 'The transaction that was made or changed.';
comment on column daybook.acknowledged_input.version is 'Its version, as returned: changes up to this one were acknowledged.';
comment on column daybook.acknowledged_input.status is 'Its status, as returned.';
comment on column daybook.acknowledged_input.receipt_id is
  'The receipt, where the transaction was handed to the write-ahead queue. It is not looked for once the transaction is known.';
comment on column daybook.acknowledged_input.idempotency_key is
  'The key of the call; only repeated in what is found, so that the call can be.';
--! EndIncluded daybook/types/acknowledged_input.sql
--! Included daybook/functions/verify_acknowledged.sql
create or replace function daybook.verify_acknowledged(ledger text, acknowledged daybook.acknowledged_input[])
  returns setof daybook.violation
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
declare
  one daybook.acknowledged_input;
  index integer := 0;
begin
  perform daybook_private.authorize(ledger, 'read');
  if cardinality(acknowledged) <= 10000 is not true then
    perform daybook_private.refuse_argument('acknowledged', 'at most 10 000', to_jsonb(cardinality(acknowledged)));
  end if;
  foreach one in array acknowledged loop
    index := index + 1;
    if coalesce(one.transaction_id, one.receipt_id) is null then
      perform daybook_private.refuse_argument('acknowledged', 'transaction_id or receipt_id must be given', index => index);
    end if;
  end loop;
  perform daybook_private.check_ledger_exists(ledger);
  return query
    select v.violation, verify_acknowledged.ledger, coalesce(a.transaction_id, a.receipt_id)::text,
           jsonb_build_object('acknowledged', to_jsonb(a) - 'n', 'found',
             case when t.id is not null then jsonb_build_object('version', t.version, 'status', t.status) end)
      from unnest(acknowledged) with ordinality a (transaction_id, version, status, receipt_id, idempotency_key, n)
      left join daybook.transactions t on t.ledger = verify_acknowledged.ledger and t.id = a.transaction_id
      left join daybook_private.queued_transactions q
        on q.ledger = verify_acknowledged.ledger and q.receipt_id = a.receipt_id and a.transaction_id is null
      left join daybook_private.finished_receipts f
        on f.ledger = verify_acknowledged.ledger and f.receipt_id = a.receipt_id and a.transaction_id is null
     cross join lateral (
             select case
                      when a.transaction_id is null and q.receipt_id is null and f.receipt_id is null
                        then 'an acknowledged receipt is missing'
                      when a.transaction_id is null
                        then null
                      when t.id is null
                        then 'an acknowledged transaction is missing'
                      when t.version < a.version
                        then 'an acknowledged change of a transaction is missing'
                      -- Pending is not for ever, and a version passed by says nothing of its status.
                      when a.status <> t.status and (a.status <> 'pending' or a.version = t.version)
                        then 'a transaction has not the status that was acknowledged'
                    end) v (violation)
     where v.violation is not null
     order by a.n;
end
$$;
comment on function daybook.verify_acknowledged(text, daybook.acknowledged_input[]) is
  'Compare what calls returned, as their clients kept it, with the books: a row for each of up to 10 000 that is missing or has lost a change, as after a failover to a standby that lagged behind; none if all is there. Receipts are looked for as long as they are kept. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.verify_acknowledged(text, daybook.acknowledged_input[]) from public;
grant execute on function daybook.verify_acknowledged(text, daybook.acknowledged_input[]) to daybook_auditor, daybook_admin;
--! EndIncluded daybook/functions/verify_acknowledged.sql
--! Included daybook_private/functions/short_facts.sql
-- An error must not send megabytes back, nor a receipt keep them. Lists of what is missing are the exception:
-- they are told whole.
create or replace function daybook_private.short_facts(facts jsonb)
  returns jsonb
  language sql
  immutable
  set search_path to pg_catalog, pg_temp
as $$
  select jsonb_object_agg(f.key,
           case when length(f.value #>> '{}') <= 300 or f.key in ('accounts', 'categories') then f.value
             else to_jsonb(left(f.value #>> '{}', 300) || '...') end)
    from jsonb_each(facts) f
$$;
comment on function daybook_private.short_facts(jsonb) is
  'The facts of an error, each longer than 300 characters cut to that.';
revoke execute on function daybook_private.short_facts(jsonb) from public;
--! EndIncluded daybook_private/functions/short_facts.sql
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
      when code = 'LDAMT' then 'Amounts are positive whole numbers of the minor unit, below 10^36.'
      when code = 'LDLED' then 'Create the ledger first (create_ledger).'
      when code = 'LDACC' then 'Open the accounts first (open_account, open_accounts).'
      when code = 'LDCTG' then 'Make the categories first (create_category).'
      when code = 'LDTXN' then 'Check the ledger and the transaction id.'
      when code = 'LDRCP' then 'Check the ledger and the receipt id; receipts are forgotten some time after they are finished.'
      when code = 'LDQUE' then 'Nothing was accepted: repeat the call later with the same keys.'
      when code = 'LDDUP' then 'Use another name, or repeat the request that made it.'
      when code = 'LDCUR' then 'Use a currency of the table currencies, or add it (create_currency); what is in a category has its currency and normal balance, and a transfer one currency.'
      when code = 'LDUNB' then 'Debits must equal credits in every currency.'
      when code = 'LDEXT' then 'The transaction named in the detail holds this external id.'
      when code = 'LDSTA' then 'Read the transaction: its status does not allow this.'
      when code = 'LDCLS' then 'Use an open account, or reopen this one (reopen_account).'
      when code = 'LDPER' then 'Give an effective_at that is not before closed_until in the detail; or open the period again (reopen_period).'
      when code = 'LDVER' then 'Read the current version, decide again, and call with it.'
      when code = 'LDBAL' then 'The balance would break the condition that the entry carries; nothing was written.'
      when code = 'LDLIM' then 'The account''s own limit would be broken; nothing was written.'
      when code = 'LDCAT' then 'The balance of the category would break the condition that the call carries; nothing was written.'
      when code = 'LDCYC' then 'A category cannot contain itself, directly or through others.'
      when code = 'LDIMM' then 'Records never change; write a further transaction instead.'
    end;
end
$$;
comment on function daybook_private.refuse(text, text, jsonb) is
  'Raises an error of the ledger: SQLSTATE, a sentence, the facts as JSON, and what to do.';
revoke execute on function daybook_private.refuse(text, text, jsonb) from public;
--! EndIncluded daybook_private/functions/refuse.sql
--! Included daybook_private/functions/refuse_rows.sql
-- Rows of an export are what its file says, and a file may say anything.
create or replace function daybook_private.refuse_rows(part text, code text, reason text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.refuse('LDARG', format('rows: %s', reason),
    jsonb_build_object('argument', 'rows', 'part', part, 'sqlstate', code));
end
$$;
comment on function daybook_private.refuse_rows(text, text, text) is
  'Raises LDARG for rows of an export that the tables do not take, with PostgreSQL''s own reason.';
revoke execute on function daybook_private.refuse_rows(text, text, text) from public;
--! EndIncluded daybook_private/functions/refuse_rows.sql
--! Included daybook_private/functions/pass_recent.sql
-- What verify_piece finds right about one account after the other, for many at once, which is several times cheaper.
-- Nothing is judged wrong here: whoever does not pass, and whoever has many new versions, or entries that are queued or
-- detached since, is left to the look at him alone. One statement, one snapshot.
create or replace function daybook_private.pass_recent(after_ledger text, after_account uuid, max_accounts integer)
  returns integer
  language sql
  volatile
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_hashjoin to off
  set enable_mergejoin to off
  set jit to off
as $$
  with due as materialized (
    select p.*, coalesce((r.reached).lock_version, 0) as start_version,
           case when (r.reached).lock_version > 0
             then array[(r.reached).pending_debits, (r.reached).pending_credits, (r.reached).posted_debits, (r.reached).posted_credits]
             else '{0,0,0,0}' end as start
      from (select c.ledger, c.account_id, c.lock_version, c.drifted_at,
                   array[c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits] as counters
              from daybook_private.account_counters c
             where (c.ledger, c.account_id) > (after_ledger, after_account)
             order by c.ledger, c.account_id
             limit pass_recent.max_accounts) p
      left join daybook_private.account_checks r on r.ledger = p.ledger and r.account_id = p.account_id and not r.is_full
     where p.drifted_at is null
       and p.lock_version - coalesce((r.reached).lock_version, 0) between 1 and 20
       and not exists (select from daybook_private.entry_queue q where q.ledger = p.ledger and q.account_id = p.account_id)
       and not exists (select from daybook_private.detached_sums d where d.ledger = p.ledger and d.account_id = p.account_id
                          and d.lock_version > coalesce((r.reached).lock_version, 0))
  ),
  chain as (
    select d.ledger, d.account_id, d.lock_version as last_version, d.counters as last_counters, e.id, e.lock_version,
           array[e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits] as counters,
           d.start_version + row_number() over w as expected_version,
           array[d.start[1] + sum(case when e.direction = 'debit' then s.pending else 0 end) over w,
                 d.start[2] + sum(case when e.direction = 'credit' then s.pending else 0 end) over w,
                 d.start[3] + sum(case when e.direction = 'debit' then s.posted else 0 end) over w,
                 d.start[4] + sum(case when e.direction = 'credit' then s.posted else 0 end) over w] as expected
      from due d
     cross join lateral (
        select *
          from daybook.entries n
         where n.ledger = d.ledger and n.account_id = d.account_id
           and (n.lock_version > case when d.start_version > 0 then d.start_version else -9223372036854775808 end
                or n.lock_version is null)
        offset 0) e
     cross join lateral (
        select daybook_private.pending_share(e.effect, e.amount) as pending, daybook_private.posted_share(e.effect, e.amount) as posted
        offset 0) s
    window w as (partition by d.ledger, d.account_id order by e.lock_version, e.id rows unbounded preceding)
  ),
  judged as (
    select c.ledger, c.account_id, c.id, c.expected_version, c.expected,
           c.expected_version = c.last_version and c.expected = c.last_counters as is_last,
           bool_and((c.lock_version, c.counters) is not distinct from (c.expected_version, c.expected))
             over (partition by c.ledger, c.account_id) as is_right,
           row_number() over (partition by c.ledger, c.account_id order by c.expected_version desc) as from_last
      from chain c
  ),
  passed as (
    insert into daybook_private.account_checks as k (ledger, account_id, is_full, reached, finished_at)
    select j.ledger, j.account_id, false,
           row(null, j.id, null, null, null, null, null, null, j.expected_version,
             j.expected[1], j.expected[2], j.expected[3], j.expected[4],
             null, null, null, null, null, null, null, null)::daybook_private.line,
           clock_timestamp()
      from judged j
     where j.from_last = 1 and j.is_last and j.is_right
     order by j.ledger, j.account_id
    on conflict (ledger, account_id, is_full) do update set reached = excluded.reached, finished_at = excluded.finished_at
    returning 1
  )
  select count(*)::integer from passed
$$;
comment on function daybook_private.pass_recent(text, uuid, integer) is
  'Looks at what was written on accounts behind the given one, at most so many, since the last look at them; notes those where all is right and returns how many these are.';
revoke execute on function daybook_private.pass_recent(text, uuid, integer) from public;
--! EndIncluded daybook_private/functions/pass_recent.sql
--! Included daybook_private/functions/check_accounts.sql
-- One round of one of the worker's two walks: accounts in the order of their keys, behind the one where the
-- last round stopped, until the time is up. Each look is a statement, so a snapshot, of its own; no account is
-- locked unless it looks wrong. Most of what is recent is looked at together, ahead of the next round and only
-- behind all others: what both walks note of an account is written in one order, or they would deadlock.
-- One worker at a time is enough for each walk.
create or replace function daybook_private.check_accounts(
  after_ledger text,
  after_account uuid,
  is_full boolean,
  milliseconds integer default 200,
  max_entries integer default 5000
)
  returns table (ledger text, account_id uuid, checks integer, drifted jsonb)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  until constant timestamptz := clock_timestamp() + make_interval(secs => milliseconds / 1000.0);
  page constant integer := 1000;
  due record;
  seen integer := 0;
  verdict daybook_private.verdict;
begin
  checks := 0;
  drifted := '[]';
  if not pg_try_advisory_xact_lock(hashtextextended('daybook.check_accounts', is_full::integer)) then
    return;
  end if;
  for due in
    select * from daybook_private.due_checks(after_ledger, after_account, page)
  loop
    seen := seen + 1;
    ledger := due.ledger;
    account_id := due.account_id;
    if is_full and due.whole or not is_full and due.recent then
      checks := checks + 1;
      verdict := daybook_private.check_next_piece(due.ledger, due.account_id, is_full, max_entries);
      if verdict.violation is not null then
        drifted := drifted || jsonb_build_object('ledger', due.ledger, 'account_id', due.account_id,
          'violation', verdict.violation, 'facts', verdict.facts);
      end if;
    end if;
    exit when clock_timestamp() > until;
  end loop;
  if seen < page and clock_timestamp() <= until then
    ledger := null;
    account_id := null;
  elsif not is_full then
    checks := checks + daybook_private.pass_recent(ledger, account_id, page);
  end if;
  return next;
end
$$;
comment on function daybook_private.check_accounts(text, uuid, boolean, integer, integer) is
  'Compares cached figures of accounts behind the given one with their entries, new ones or all, for so many milliseconds, and marks those that differ as drifted: the account where it stopped (null after the last one), how many looks it took, what was found wrong. No row if another worker is at it.';
revoke execute on function daybook_private.check_accounts(text, uuid, boolean, integer, integer) from public;
grant execute on function daybook_private.check_accounts(text, uuid, boolean, integer, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/check_accounts.sql
--! Included daybook/functions/restore_rows.sql
create or replace function daybook.restore_rows(ledger text, part text, rows jsonb)
  returns void
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
    perform daybook_private.restore_ledger(ledger, rows -> 0);
  else
    perform daybook_private.check_restoring(ledger);
    begin
      perform daybook_private.restore_part(ledger, part, rows);
    exception when data_exception or integrity_constraint_violation then
      perform daybook_private.refuse_rows(part, sqlstate, sqlerrm);
    end;
  end if;
end
$$;
comment on function daybook.restore_rows(text, text, jsonb) is
  E'@behavior -*\nPut back rows of an exported ledger that does not exist here; for daybook import. All in one transaction: the part ledger first, which makes it, then the others, at last finish_restore. Raises 42501, LDARG, LDDUP, LDUNB.';
revoke execute on function daybook.restore_rows(text, text, jsonb) from public;
grant execute on function daybook.restore_rows(text, text, jsonb) to daybook_admin;
--! EndIncluded daybook/functions/restore_rows.sql
--! Included daybook/functions/finish_restore.sql
-- Access is left behind: the roles of another server are others. The log says so, as it does when it is revoked.
create or replace function daybook.finish_restore(ledger text, facts jsonb)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'admin');
  perform daybook_private.check_restoring(ledger);
  if jsonb_typeof(facts) <> 'object' then
    perform daybook_private.refuse_argument('facts', 'a JSON object');
  end if;
  begin
    perform daybook_private.check_versions(ledger);
    perform daybook_private.derive_caches(ledger);
  exception when data_exception or integrity_constraint_violation then
    perform daybook_private.refuse_rows(null, sqlstate, sqlerrm);
  end;
  update daybook_private.seal_heads h
     set block = b.block, no = b.last_no, hash = b.hash
    from (select b.* from daybook_private.seal_blocks b
           where b.ledger = finish_restore.ledger
           order by b.block desc
           limit 1) b
   where h.ledger = finish_restore.ledger;
  perform daybook_private.log_event(finish_restore.ledger,
            case when g.category is null then 'revoke_ledger_access' else 'revoke_category_access' end,
            jsonb_build_object('role', g.role, 'category', g.category))
     from daybook_private.logged_grants(finish_restore.ledger) g;
  perform daybook_private.log_event('*', 'restore_ledger', jsonb_build_object('ledger', finish_restore.ledger) || coalesce(facts, '{}'));
end
$$;
comment on function daybook.finish_restore(text, jsonb) is
  E'@behavior -*\nEnd what restore_rows began, when all rows are there: the versions of entries are checked, caches and the head of the log made, and the instance''s log says what was restored. Raises 42501, LDARG.';
revoke execute on function daybook.finish_restore(text, jsonb) from public;
grant execute on function daybook.finish_restore(text, jsonb) to daybook_admin;
--! EndIncluded daybook/functions/finish_restore.sql
alter type daybook_private.origin add attribute waited uuid[];
comment on type daybook_private.origin is
  'Where a transaction comes from, when it is not a plain call: its id and effective time unless the request says otherwise, who asked for it, what it is linked to, and which accounts are held for it already. Null in all fields for a plain call.';
drop function daybook_private.make_alone(text, daybook.transaction_input, daybook_private.batch_member, boolean);
--! Included daybook_private/functions/without_late_limits.sql
-- Who holds accounts already, as a batch that has waited for all of its own, must wait for no more. If a limit
-- was set meanwhile, its account would be one more: a deadlock with whoever holds that one. So what would be locked for a
-- limit alone, and is not held, stays unlocked, as any entry of a call that was already running may.
create or replace function daybook_private.without_late_limits(
  entries daybook.entry_input[],
  lines daybook_private.line[],
  waited uuid[]
)
  returns daybook_private.line[]
  language plpgsql
  immutable
as $$
declare
  -- Positions are counted from 1, wherever the caller's array begins.
  asked constant daybook.entry_input[] := array(select e from unnest(entries) e);
  asking constant uuid[] := array(
    select l.account_id from unnest(lines) l where daybook_private.asks_lock(asked[l.position]));
  is_late boolean := false;
begin
  for n in 1..cardinality(lines) loop
    if lines[n].locked and not lines[n].account_id = any (waited || asking) then
      lines[n].locked := false;
      is_late := true;
    end if;
  end loop;
  return case
    when is_late then daybook_private.order_lines(lines, lines[1].request_hash, false, true)
    else lines
  end;
end
$$;
comment on function daybook_private.without_late_limits(daybook.entry_input[], daybook_private.line[], uuid[]) is
  'The lines, in order: those not locked that only a limit would lock, but of accounts that were waited for before.';
revoke execute on function daybook_private.without_late_limits(daybook.entry_input[], daybook_private.line[], uuid[]) from public;
--! EndIncluded daybook_private/functions/without_late_limits.sql
--! Included daybook_private/functions/create_one.sql
-- The hot path. It writes one row in transactions, one per entry, their counters or queue rows, and
-- the key; everything else can be derived later. Every single transaction is made here.
create or replace function daybook_private.create_one(
  ledger text,
  input daybook.transaction_input,
  origin daybook_private.origin default null
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  transaction_id constant uuid := coalesce(origin.transaction_id, uuidv7());
  status constant daybook.transaction_status := coalesce(input.status, 'posted');
  lines daybook_private.line[];
  result daybook.transaction_result;
  is_shown boolean := false;
  effective_at timestamptz;
begin
  if daybook_private.is_simple_request(input) then
    lines := daybook_private.prepare_entries(
      create_one.ledger, input.entries, 'posted', daybook_private.hash_metadata(input.metadata, 0));
  else
    perform daybook_private.check_transaction(input);
    lines := daybook_private.prepare_entries(
      create_one.ledger, input.entries, status::text::daybook.entry_effect, daybook_private.hash_header(input));
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    perform daybook_private.check_isolation(create_one.ledger, input);
  end if;
  if input.idempotency_key is not null then
    insert into daybook_private.idempotency_keys
      (ledger, key, operation, request_hash, transaction_id, status, version)
    values
      (create_one.ledger, input.idempotency_key, 'create_transaction',
       lines[cardinality(lines)].request_hash, transaction_id, status, 1)
    on conflict do nothing;
    if not found then
      result := daybook_private.claim_key(create_one.ledger, input.idempotency_key, 'create_transaction',
        lines[cardinality(lines)].request_hash, transaction_id, status, 1);
      if result.transaction_id is not null then
        return result;
      end if;
    end if;
  end if;
  if lines[1].account_id is null or input.external_id is not null or input.expires_at is not null
     or input.category_locks is not null or coalesce(input.effective_at, origin.effective_at) is not null
     or origin.waited is not null then
    input.effective_at := coalesce(input.effective_at, origin.effective_at);
    lines := daybook_private.settle_lines(create_one.ledger, input, lines, transaction_id);
    if origin.waited is not null then
      lines := daybook_private.without_late_limits(input.entries, lines, origin.waited);
    end if;
  end if;
  lines := daybook_private.apply_entries(create_one.ledger, lines);
  if lines[1].locked and not daybook_private.keeps_minimums(lines) then
    lines := daybook_private.settle_conditions(create_one.ledger, input.entries, input.category_locks, lines);
    is_shown := exists (select from unnest(input.entries) e where e.show_resulting_balances);
  end if;
  effective_at := daybook_private.write_transaction(
    create_one.ledger, transaction_id, status, input, origin, lines);
  result := row(null, create_one.ledger, transaction_id, status, 1, false, null, null, null, null, null);
  if is_shown or status = 'pending' then
    input.effective_at := effective_at;
    return daybook_private.complete_result(create_one.ledger, input, result, lines, origin);
  end if;
  return result;
end
$$;
comment on function daybook_private.create_one(text, daybook.transaction_input, daybook_private.origin) is
  'Makes one transaction, or raises and leaves no trace; with a known key returns what was returned then.';
revoke execute on function daybook_private.create_one(text, daybook.transaction_input, daybook_private.origin) from public;
--! EndIncluded daybook_private/functions/create_one.sql
--! Included daybook_private/functions/batch_members.sql
-- The sets that are joined here are all arrays, about whose size a cached plan knows nothing: they are
-- hashed or merged, never compared each with each. offset 0: what is costly is worked out once.
create or replace function daybook_private.batch_members(
  inputs daybook.transaction_input[],
  origins daybook_private.origin[],
  lines daybook_private.batch_line[]
)
  returns daybook_private.batch_member[]
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
declare
  prepared_at constant timestamptz := clock_timestamp();
begin
  return array(
    with side as (
      select l.member, count(*) as lines, bit_xor(l.request_hash) as request_hash,
             bool_and(l.is_sound) as is_sound, bool_and(l.is_ready) as is_ready,
             sum(case when l.direction = 'debit' then l.amount else -l.amount end) filter (where l.is_sound) as net
        from unnest(lines) l
       group by l.member, l.currency
    ),
    whole as (
      select s.member, sum(s.lines) as lines, bit_xor(s.request_hash) as request_hash,
             bool_and(s.is_sound) as is_sound, bool_and(s.is_ready and s.net = 0) as is_ready
        from side s
       group by s.member
    ),
    place as (
      select n.index, w.request_hash, w.is_sound, w.is_ready, coalesce(w.lines, 0) as lines,
             sum(coalesce(w.lines, 0)) over (order by n.index rows unbounded preceding) as last_line
        from generate_series(1, cardinality(inputs)) n (index)
        left join whole w on w.member = n.index
    ),
    member as (
      select t.*, p.is_ready, p.lines, p.last_line,
             case when p.is_sound and daybook_private.is_common_request(i.input)
               then daybook_private.hash_header(i.input) # p.request_hash end as request_hash,
             case when o.ordinality is not null then
               row(o.transaction_id, o.effective_at, o.actor, o.request_id, o.client_address,
                   o.reverses_transaction_id, o.partially_posts_transaction_id,
                   o.counterpart_ledger, o.counterpart_transaction_id, o.waited)::daybook_private.origin end as origin
        from unnest(inputs) with ordinality t
       cross join lateral (
               select row(t.entries, t.status, t.effective_at, t.idempotency_key, t.external_id, t.description, t.metadata,
                          t.category_locks, t.archive_on_lock_failure, t.expires_at)::daybook.transaction_input as input) i
        join place p on p.index = t.ordinality
        left join unnest(origins) with ordinality o on o.ordinality = t.ordinality
      offset 0
    )
    select row(m.ordinality, coalesce((m.origin).transaction_id, uuidv7()), coalesce(m.status, 'posted'), 1,
               coalesce(m.effective_at, (m.origin).effective_at),
               case when m.request_hash is not null or daybook_private.is_clean_text(m.idempotency_key, 1, 255)
                 then m.idempotency_key end,
               case when m.request_hash is not null or daybook_private.is_clean_text(m.external_id, 1, 180)
                 then m.external_id end,
               m.description, m.metadata, m.expires_at, m.origin, m.request_hash,
               m.last_line - m.lines + 1, m.last_line,
               m.request_hash is null or m.is_ready is not true or coalesce(m.expires_at <= prepared_at, false), false
             )::daybook_private.batch_member
      from member m
     order by m.ordinality);
end
$$;
comment on function daybook_private.batch_members(daybook.transaction_input[], daybook_private.origin[], daybook_private.batch_line[]) is
  'The transactions of a batch, as far as they can be judged by themselves; lines are those of batch_lines.';
revoke execute on function daybook_private.batch_members(daybook.transaction_input[], daybook_private.origin[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/batch_members.sql
--! Included daybook_private/functions/make_alone.sql
-- What the batch took ahead for this member is given back first: create_member takes it again, or not.
-- Until the batch has ended others still wait for it. Its lines say for which accounts the batch has waited.
create or replace function daybook_private.make_alone(
  ledger text,
  input daybook.transaction_input,
  member daybook_private.batch_member,
  lines daybook_private.batch_line[],
  is_atomic boolean
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  origin daybook_private.origin := member.origin;
begin
  if not member.is_replay then
    if member.idempotency_key is not null then
      delete from daybook_private.idempotency_keys k
       where k.ledger = make_alone.ledger and k.key = member.idempotency_key and k.transaction_id = member.transaction_id;
    end if;
    if member.external_id is not null then
      delete from daybook_private.external_ids x
       where x.ledger = make_alone.ledger and x.external_id = member.external_id and x.transaction_id = member.transaction_id;
    end if;
    origin.transaction_id := member.transaction_id;
  end if;
  origin.waited := array(select l.account_id from unnest(lines) l where l.locked);
  return daybook_private.create_member(ledger, input, origin, is_atomic, member.index);
end
$$;
comment on function daybook_private.make_alone(text, daybook.transaction_input, daybook_private.batch_member, daybook_private.batch_line[], boolean) is
  'Makes one member of a batch by itself, as create_member does.';
revoke execute on function daybook_private.make_alone(text, daybook.transaction_input, daybook_private.batch_member, daybook_private.batch_line[], boolean) from public;
--! EndIncluded daybook_private/functions/make_alone.sql
--! Included daybook_private/functions/apply_queued.sql
create or replace function daybook_private.apply_queued(ledger text, taken daybook_private.queued_transactions[])
  returns daybook.transaction_result[]
  language sql
  volatile
as $$
  select array_agg(r order by r.index)
    from daybook_private.create_batch(
      apply_queued.ledger,
      array(select t.request from unnest(taken) with ordinality t order by t.ordinality),
      array(select row(null, t.accepted_at, t.actor, t.request_id, t.client_address, null, null, null, null, null)::daybook_private.origin
              from unnest(taken) with ordinality t order by t.ordinality),
      false) r
$$;
comment on function daybook_private.apply_queued(text, daybook_private.queued_transactions[]) is
  'Makes transactions of what was queued, by whoever queued them, effective when they were accepted unless they say otherwise.';
revoke execute on function daybook_private.apply_queued(text, daybook_private.queued_transactions[]) from public;
--! EndIncluded daybook_private/functions/apply_queued.sql
--! Included daybook/functions/reverse_transaction.sql
create or replace function daybook.reverse_transaction(
  ledger text,
  transaction_id uuid,
  effective_at timestamptz default null,
  status daybook.transaction_status default null,
  description text default null,
  metadata jsonb default null,
  idempotency_key text default null
)
  returns daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  request constant daybook_private.change_request := row(
    'reverse_transaction', reverse_transaction.transaction_id, null, reverse_transaction.effective_at, null,
    reverse_transaction.description, reverse_transaction.metadata, null, idempotency_key, null, null);
  reversal_id constant uuid := uuidv7();
  original daybook.transactions;
  input daybook.transaction_input;
  result daybook.transaction_result;
begin
  perform daybook_private.authorize(reverse_transaction.ledger, 'write');
  perform daybook_private.check_change(request);
  if reverse_transaction.status = 'archived' then
    perform daybook_private.refuse_argument('status', 'pending or posted', to_jsonb(reverse_transaction.status));
  end if;
  perform daybook_private.check_read_committed();
  if idempotency_key is not null then
    result := daybook_private.claim_key(reverse_transaction.ledger, idempotency_key, 'reverse_transaction',
      hashtextextended(coalesce(reverse_transaction.status::text, ''), daybook_private.hash_change(request)),
      reversal_id, coalesce(reverse_transaction.status, 'posted'), 1);
    if result.transaction_id is not null then
      return result;
    end if;
  end if;
  original := daybook_private.lock_transaction(reverse_transaction.ledger, reverse_transaction.transaction_id);
  perform daybook_private.check_reversible(original);
  perform daybook_private.check_has_entries(original);
  input.entries := daybook_private.opposite_entries(original.ledger, original.id);
  input.status := reverse_transaction.status;
  input.effective_at := reverse_transaction.effective_at;
  input.description := reverse_transaction.description;
  input.metadata := reverse_transaction.metadata;
  result := daybook_private.create_one(original.ledger, input,
    row(reversal_id, original.effective_at, null, null, null, original.id, null, null, null, null)::daybook_private.origin);
  update daybook.transactions t
     set reversed_by_transaction_id = reversal_id
   where t.ledger = original.ledger and t.id = original.id;
  return result;
end
$$;
comment on function daybook.reverse_transaction(text, uuid, timestamptz, daybook.transaction_status, text, jsonb, text) is
  'Undo a posted transaction by a new one with debits and credits swapped, linked both ways; returns the new one. Its effective time is the original''s unless another is given; it is posted unless status says pending. Once only, unless the reversal was archived; a reversal may itself be reversed. '
  'Raises 42501, LDARG, LDISO, LDIDM, LDLED, LDTXN, LDSTA, LDCLS, LDPER, LDLIM.';
revoke execute on function daybook.reverse_transaction(text, uuid, timestamptz, daybook.transaction_status, text, jsonb, text) from public;
grant execute on function daybook.reverse_transaction(text, uuid, timestamptz, daybook.transaction_status, text, jsonb, text) to daybook_writer;
--! EndIncluded daybook/functions/reverse_transaction.sql
--! Included daybook/functions/transfer_between_ledgers.sql
-- The halves are written in the order of their ledgers' names: transfers in opposite directions, which
-- may both wait for accounts in both ledgers, then wait in one order and cannot deadlock.
create or replace function daybook.transfer_between_ledgers(
  from_ledger text,
  from_account text,
  to_ledger text,
  to_account text,
  amount numeric,
  from_clearing_account text,
  to_clearing_account text,
  effective_at timestamptz default null,
  idempotency_key text default null,
  description text default null,
  metadata jsonb default null
)
  returns daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
declare
  from_entries constant daybook.entry_input[] := array[
    daybook.debit(from_account, amount), daybook.credit(from_clearing_account, amount)];
  to_entries constant daybook.entry_input[] := array[
    daybook.debit(to_clearing_account, amount), daybook.credit(to_account, amount)];
  input daybook.transaction_input := row(
    null, null, effective_at, idempotency_key, null, description, metadata, null, null, null);
  from_id constant uuid := uuidv7();
  to_id constant uuid := uuidv7();
  result daybook.transaction_result;
  half record;
begin
  perform daybook_private.authorize(from_ledger, 'write');
  perform daybook_private.authorize(to_ledger, 'write');
  perform daybook_private.check_transfer(from_ledger, to_ledger, from_entries, to_entries, input);
  if current_setting('transaction_isolation') <> 'read committed' then
    input.entries := from_entries;
    perform daybook_private.check_isolation(from_ledger, input);
    input.entries := to_entries;
    perform daybook_private.check_isolation(to_ledger, input);
  end if;
  if idempotency_key is not null then
    result := daybook_private.claim_key(from_ledger, idempotency_key, 'transfer_between_ledgers',
      daybook_private.hash_transfer(to_ledger, from_entries, to_entries, input), from_id, 'posted', 1);
    if result.transaction_id is not null then
      return result;
    end if;
  end if;
  perform daybook_private.check_amounts(from_entries);
  perform daybook_private.check_transfer_accounts(from_ledger, to_ledger, from_entries, to_entries);
  if effective_at is not null then
    perform daybook_private.check_period(least(from_ledger collate "C", to_ledger), effective_at);
    perform daybook_private.check_period(greatest(from_ledger collate "C", to_ledger), effective_at);
  end if;
  input.idempotency_key := null;
  for half in
    select h.*
      from (values (from_ledger, from_entries, from_id, to_ledger, to_id),
                   (to_ledger, to_entries, to_id, from_ledger, from_id))
             h (ledger, entries, id, counterpart_ledger, counterpart_id)
     order by h.ledger collate "C"
  loop
    input.entries := half.entries;
    perform daybook_private.create_one(half.ledger, input,
      row(half.id, null, null, null, null, null, null, half.counterpart_ledger, half.counterpart_id, null)::daybook_private.origin);
    -- The first half takes effect when it is made, the second when the first does.
    select t.effective_at into strict input.effective_at
      from daybook.transactions t
     where t.ledger = half.ledger and t.id = half.id;
  end loop;
  return row(null, from_ledger, from_id, 'posted', 1, false, null, null, null, null, null)::daybook.transaction_result;
end
$$;
comment on function daybook.transfer_between_ledgers(text, text, text, text, numeric, text, text, timestamptz, text, text, jsonb) is
  'Move an amount, in minor units, from an account of one ledger to an account of another, all or nothing, by two linked transactions: in from_ledger from_account is debited and its clearing account credited, in to_ledger the clearing account is debited and to_account credited. One currency for all four accounts. The idempotency key lives in from_ledger, whose transaction is returned. '
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCUR, LDCLS, LDPER, LDLIM.';
revoke execute on function daybook.transfer_between_ledgers(text, text, text, text, numeric, text, text, timestamptz, text, text, jsonb) from public;
grant execute on function daybook.transfer_between_ledgers(text, text, text, text, numeric, text, text, timestamptz, text, text, jsonb) to daybook_writer;
--! EndIncluded daybook/functions/transfer_between_ledgers.sql
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
      from daybook_private.current_lines e
     where e.ledger = broken_entries.ledger and e.transaction_id > broken_entries.after_id and e.transaction_id <= broken_entries.to_id
     group by e.ledger, e.transaction_id, e.currency
    having sum(case when e.direction = 'debit' then e.amount else -e.amount end) <> 0
    union all
    select 'entry without its transaction', e.ledger, e.id::text, jsonb_build_object('transaction', e.transaction_id)
      from daybook.entries e
     where e.ledger = broken_entries.ledger and e.transaction_id > broken_entries.after_id and e.transaction_id <= broken_entries.to_id
       and not exists (select from daybook.transactions t where t.ledger = e.ledger and t.id = e.transaction_id)
    union all
    select 'entry in another currency than its account', e.ledger, e.id::text,
           jsonb_build_object('currency', e.currency, 'account', a.address, 'account_currency', a.currency)
      from daybook.entries e
      left join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
     where e.ledger = broken_entries.ledger and e.transaction_id > broken_entries.after_id and e.transaction_id <= broken_entries.to_id
       and e.currency is distinct from a.currency;
end
$$;
comment on function daybook_private.broken_entries(text, uuid, uuid) is
  'Transactions, by a range of ids, whose entries do not add up to zero in a currency, and entries without a transaction.';
revoke execute on function daybook_private.broken_entries(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_entries.sql
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
        left join daybook.entries e on e.ledger = t.ledger and e.transaction_id = t.id
       where t.ledger = broken_statuses.ledger and t.id > broken_statuses.after_id and t.id <= broken_statuses.to_id
       group by t.ledger, t.id
    ),
    records as (
      select l.ledger, l.transaction_id,
             array_agg((l.data ->> 'version')::integer order by (l.data ->> 'version')::integer) as versions
        from daybook_private.log_events l
       where l.ledger = broken_statuses.ledger and l.transaction_id > broken_statuses.after_id and l.transaction_id <= broken_statuses.to_id and l.data ? 'version'
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
      full join (select r.* from daybook_private.current_lines r where r.ledger = broken_holds.ledger and r.transaction_id > broken_holds.after_id and r.transaction_id <= broken_holds.to_id and r.effect = 'pending') c
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
                        where x.ledger = t.ledger and x.external_id = t.external_id and x.transaction_id = t.id);
end
$$;
comment on function daybook_private.broken_bonds(text, uuid, uuid) is
  'Transactions, by a range of ids, whose links to parts, reversals or external ids have no other side, or another one.';
revoke execute on function daybook_private.broken_bonds(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_bonds.sql
--! Included daybook_private/functions/verify_piece.sql
-- STABLE: links, counters and queue are of one snapshot. A walk begins, or goes on, behind what is detached by now.
create or replace function daybook_private.verify_piece(ledger text, account_id uuid, reached daybook_private.line, max_entries integer)
  returns daybook_private.verdict
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  detached_version constant bigint := coalesce((
    select d.lock_version
      from daybook_private.detached_sums d
     where d.ledger = verify_piece.ledger and d.account_id = verify_piece.account_id), 0);
  verdict daybook_private.verdict;
begin
  if reached.lock_version < detached_version then
    reached := daybook_private.start_line(ledger, account_id);
    if reached.lock_version <> detached_version then
      verdict.violation := 'the entries beside detached ones are not as many as were left';
      verdict.facts := jsonb_build_object('lock_version', detached_version, 'entries', reached.lock_version);
      reached.lock_version := detached_version;
      verdict.reached := reached;
      return verdict;
    end if;
  end if;
  verdict := daybook_private.verify_links(ledger, account_id, reached, max_entries);
  if verdict.is_end then
    verdict := daybook_private.verify_end(ledger, account_id, verdict.reached);
  end if;
  return verdict;
end
$$;
comment on function daybook_private.verify_piece(text, uuid, daybook_private.line, integer) is
  'The next piece of a walk along an account''s versions, and at its end its counters and queue.';
revoke execute on function daybook_private.verify_piece(text, uuid, daybook_private.line, integer) from public;
--! EndIncluded daybook_private/functions/verify_piece.sql
--! Included daybook_private/functions/recount_account.sql
-- The versions of the account are right by now: its last one has the counters.
create or replace function daybook_private.recount_account(ledger text, account_id uuid)
  returns void
  language plpgsql
  volatile
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  detached_version constant bigint := coalesce((
    select d.lock_version
      from daybook_private.detached_sums d
     where d.ledger = recount_account.ledger and d.account_id = recount_account.account_id), 0);
  last daybook_private.line;
begin
  select e.lock_version, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits
    into last.lock_version, last.pending_debits, last.pending_credits, last.posted_debits, last.posted_credits
    from daybook.entries e
   where e.ledger = recount_account.ledger and e.account_id = recount_account.account_id and e.lock_version > detached_version
   order by e.lock_version desc
   limit 1;
  if not found then
    last := daybook_private.start_line(ledger, account_id);
  end if;
  update daybook_private.account_counters c
     set lock_version = last.lock_version,
         pending_debits = last.pending_debits,
         pending_credits = last.pending_credits,
         posted_debits = last.posted_debits,
         posted_credits = last.posted_credits,
         drifted_at = null
   where c.ledger = recount_account.ledger and c.account_id = recount_account.account_id;
  delete from daybook_private.drifts d
   where d.ledger = recount_account.ledger and d.account_id = recount_account.account_id;
  delete from daybook_private.account_checks k
   where k.ledger = recount_account.ledger and k.account_id = recount_account.account_id;
end
$$;
comment on function daybook_private.recount_account(text, uuid) is
  'Sets an account''s counters to those of its last version, and trusts them again. The account is held by the caller.';
revoke execute on function daybook_private.recount_account(text, uuid) from public;
--! EndIncluded daybook_private/functions/recount_account.sql
--! Included daybook/functions/rebuild_search.sql
-- Under the lock of whoever indexes. What is wrong is thrown away whole: indexing by itself keeps what it
-- takes to be unchanged. Of transactions whose entries are detached the lines are left: from nothing could they be made.
create or replace function daybook.rebuild_search(ledger text, after uuid default null, until uuid default null)
  returns setof daybook.violation
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  wrong daybook.violation[];
  ids uuid[];
begin
  perform daybook_private.authorize(rebuild_search.ledger, 'admin');
  perform daybook_private.check_read_committed();
  perform daybook_private.check_ledger_exists(rebuild_search.ledger);
  perform from daybook_private.search_heads h where h.ledger = rebuild_search.ledger for update;
  wrong := array(
    select v
      from daybook_private.broken_search(rebuild_search.ledger,
             coalesce(rebuild_search.after, '00000000-0000-0000-0000-000000000000'),
             coalesce(rebuild_search.until, 'ffffffff-ffff-ffff-ffff-ffffffffffff')) v);
  if wrong = '{}' then
    return;
  end if;
  ids := array(select distinct w.subject::uuid from unnest(wrong) w);
  delete from daybook_private.search_documents d where d.ledger = rebuild_search.ledger and d.transaction_id = any (ids);
  delete from daybook_private.search_lines l
   where l.ledger = rebuild_search.ledger and l.transaction_id = any (ids)
     and not exists (
           select from daybook.transactions t
            where t.ledger = l.ledger and t.id = l.transaction_id and daybook_private.is_detached(t));
  perform daybook_private.index_transactions(rebuild_search.ledger, ids);
  delete from daybook_private.findings f
   using unnest(wrong) w
   where f.ledger = rebuild_search.ledger and f.violation = w.violation and f.subject = w.subject;
  perform daybook_private.log_event(rebuild_search.ledger, 'rebuild_search', jsonb_build_object('transactions', cardinality(ids)));
  return query select w.* from unnest(wrong) w;
end
$$;
comment on function daybook.rebuild_search(text, uuid, uuid) is
  'Compare what searches look through with the books, for transactions with ids above one and up to another, or all, and make anew what differs. Returns what was wrong, and puts how much in the log. Raises 42501, LDARG, LDISO, LDLED.';
revoke execute on function daybook.rebuild_search(text, uuid, uuid) from public;
grant execute on function daybook.rebuild_search(text, uuid, uuid) to daybook_admin;
--! EndIncluded daybook/functions/rebuild_search.sql
--! Included daybook/functions/export_rows.sql
-- What readers cannot select: keys, receipts, and the sealed log with the texts that were hashed. In portions, so
-- that a large ledger is not gathered at once.
create or replace function daybook.export_rows(ledger text, part text, after text default null, max integer default 1000)
  returns table (at text, line text)
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'admin');
  if max between 1 and 10000 is not true then
    perform daybook_private.refuse_argument('max', '1 to 10 000', to_jsonb(max));
  end if;
  if part = 'key' then
    return query select k.* from daybook_private.export_keys(ledger, coalesce(after, ''), max) k;
  elsif part = 'receipt' and pg_input_is_valid(coalesce(after, gen_random_uuid()::text), 'uuid') then
    return query select r.* from daybook_private.export_receipts(
      ledger, coalesce(after, '00000000-0000-0000-0000-000000000000')::uuid, max) r;
  elsif part = 'log' and exists (
        select from daybook_private.detached_sums d where d.ledger = export_rows.ledger) then
    perform daybook_private.refuse('LDARG', 'ledger: entries of it are detached, and their records cannot be written out',
      jsonb_build_object('argument', 'ledger', 'value', ledger, 'detached_until', daybook_private.detached_end()));
  elsif part = 'log' and coalesce(after, '0') ~ '^[0-9]{1,18}$' then
    return query select g.* from daybook_private.export_log(ledger, coalesce(after, '0')::bigint, max) g;
  else
    perform daybook_private.refuse_argument('part', 'key, receipt or log, and behind one of those', to_jsonb(part));
  end if;
end
$$;
comment on function daybook.export_rows(text, text, text, integer) is
  E'@behavior -*\nSome of the idempotency keys (part key), receipts or sealed records (log) of a ledger, as lines of JSON, behind one of them; for daybook export. Raises 42501, LDARG.';
revoke execute on function daybook.export_rows(text, text, text, integer) from public;
grant execute on function daybook.export_rows(text, text, text, integer) to daybook_admin;
--! EndIncluded daybook/functions/export_rows.sql
--! Included daybook_private/functions/entry_cells.sql
-- First by the shortest periods, these by days, and then by every kind of period: of many entries few hours, and fewer days.
-- Sums of one time go through the entries by each time on its own.
-- Entries in the order of an index that gives it, while sorting is off: by no other one are they looked for,
-- even where statistics are missing or wrong.
create or replace function daybook_private.entry_cells(
  ledger text,
  account_id uuid,
  after_version bigint,
  to_version bigint,
  of_both boolean
)
  returns setof daybook_private.entry_sums
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_sort to off
  set jit to off
  set max_parallel_workers_per_gather to 0
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  effective_units text[];
  recorded_units text[];
begin
  select daybook_private.units_down_to(u.effective_unit), daybook_private.units_down_to(u.recorded_unit)
    into effective_units, recorded_units
    from daybook_private.rollup_cursors u
   where u.ledger = entry_cells.ledger and u.account_id = entry_cells.account_id;
  return query
    with ways (way, effective_units, recorded_units) as materialized (
      select 'both', effective_units[2:], recorded_units[2:] where of_both
      union all
      select 'effective', effective_units, '{ever}' where not of_both
      union all
      select 'recorded', '{ever}', recorded_units where not of_both
    ),
    shortest as materialized (
      select w.way,
             daybook_private.period_start(w.effective_units[cardinality(w.effective_units)], e.effective_at) as effective_at,
             daybook_private.period_start(w.recorded_units[cardinality(w.recorded_units)], e.created_at) as recorded_at,
             count(*) as entries,
             coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as pending_debits,
             coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as pending_credits,
             coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as posted_debits,
             coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as posted_credits,
             min(uuid_send(e.id)) as first_id, max(uuid_send(e.id)) as last_id
        from (select * from daybook.entries e
               where e.ledger = entry_cells.ledger and e.account_id = entry_cells.account_id
                 and e.lock_version between entry_cells.after_version + 1 and entry_cells.to_version
               order by e.lock_version
              offset 0) e
       cross join ways w
       group by 1, 2, 3
    ),
    days as materialized (
      select h.way,
             daybook_private.period_start('day', h.effective_at) as effective_at,
             daybook_private.period_start('day', h.recorded_at) as recorded_at,
             sum(h.entries) as entries,
             sum(h.pending_debits) as pending_debits, sum(h.pending_credits) as pending_credits,
             sum(h.posted_debits) as posted_debits, sum(h.posted_credits) as posted_credits,
             min(h.first_id) as first_id, max(h.last_id) as last_id
        from shortest h
       group by 1, 2, 3
    ),
    kinds as materialized (
      select w.way, e as effective_in, r as recorded_in, 'hour' in (e, r) as is_short
        from ways w, unnest(w.effective_units) e, unnest(w.recorded_units) r
    )
    select entry_cells.ledger, entry_cells.account_id, k.effective_in, k.recorded_in,
           daybook_private.period_start(k.effective_in, p.effective_at),
           daybook_private.period_start(k.recorded_in, p.recorded_at),
           sum(p.entries)::bigint,
           sum(p.pending_debits), sum(p.pending_credits), sum(p.posted_debits), sum(p.posted_credits),
           encode(min(p.first_id), 'hex')::uuid, encode(max(p.last_id), 'hex')::uuid
      from (select true as is_short, * from shortest
            union all
            select false, * from days) p
      join kinds k using (way, is_short)
     group by 3, 4, 5, 6;
end
$$;
comment on function daybook_private.entry_cells(text, uuid, bigint, bigint, boolean) is
  'The rows of entry_sums, of one time or of both, over the entries of an account above one version, up to another, computed from the entries.';
revoke execute on function daybook_private.entry_cells(text, uuid, bigint, bigint, boolean) from public;
--! EndIncluded daybook_private/functions/entry_cells.sql
--! Included daybook_private/functions/refine_sums.sql
-- From the first entry on, so that all of an account's sums are of the same kinds. Small accounts refine
-- early, and then there is little to do again.
create or replace function daybook_private.refine_sums(ledger text, account_id uuid, effective boolean, recorded boolean)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  delete from daybook_private.entry_sums s
   where s.ledger = refine_sums.ledger and s.account_id = refine_sums.account_id;
  update daybook_private.rollup_cursors u
     set lock_version = 0,
         both_version = 0,
         effective_unit = case when not effective then u.effective_unit when u.effective_unit = 'month' then 'day' else 'hour' end,
         recorded_unit = case when not recorded then u.recorded_unit when u.recorded_unit = 'month' then 'day' else 'hour' end
   where u.ledger = refine_sums.ledger and u.account_id = refine_sums.account_id;
end
$$;
comment on function daybook_private.refine_sums(text, uuid, boolean, boolean) is
  'Drops the sums of an account, to be made anew with shorter periods of effective or recorded time. The caller holds its cursor.';
revoke execute on function daybook_private.refine_sums(text, uuid, boolean, boolean) from public;
--! EndIncluded daybook_private/functions/refine_sums.sql
--! Included daybook_private/functions/add_sums.sql
-- Written in the order of their key, so that sums of one kind lie together.
create or replace function daybook_private.add_sums(
  cursor daybook_private.rollup_cursors,
  after_version bigint,
  to_version bigint,
  of_both boolean,
  max_of_period integer
)
  returns table (entries bigint, last_recorded timestamptz, effective_is_crowded boolean, recorded_is_crowded boolean)
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  widest constant text := case when of_both then 'month' else 'ever' end;
begin
  return query
    with cells as materialized (
      select n.*
        from daybook_private.entry_cells(cursor.ledger, cursor.account_id, after_version, to_version, of_both) n
       order by n.effective_in, n.recorded_in, n.effective_from, n.recorded_from
    ),
    written as (
      insert into daybook_private.entry_sums as s
      select * from cells
      on conflict (ledger, account_id, effective_in, recorded_in, effective_from, recorded_from) do update
         set entries = s.entries + excluded.entries,
             pending_debits = s.pending_debits + excluded.pending_debits,
             pending_credits = s.pending_credits + excluded.pending_credits,
             posted_debits = s.posted_debits + excluded.posted_debits,
             posted_credits = s.posted_credits + excluded.posted_credits,
             first_id = least(s.first_id, excluded.first_id),
             last_id = greatest(s.last_id, excluded.last_id)
      returning s.effective_in, s.recorded_in, s.entries
    )
    select coalesce(sum(n.entries), 0)::bigint, max(n.recorded_from),
           cursor.effective_unit <> 'hour' and exists (
             select from written w
              where w.effective_in = cursor.effective_unit and w.recorded_in = 'ever' and w.entries > max_of_period),
           cursor.recorded_unit <> 'hour' and exists (
             select from written w
              where w.effective_in = 'ever' and w.recorded_in = cursor.recorded_unit and w.entries > max_of_period)
      from cells n
     where n.effective_in = widest and n.recorded_in = cursor.recorded_unit;
end
$$;
comment on function daybook_private.add_sums(daybook_private.rollup_cursors, bigint, bigint, boolean, integer) is
  'Adds the entries of an account above one version, up to another, to its sums of one time, or of both. How many there were, the last period they were recorded in, and whether one of the shortest periods has more entries than so many. The caller holds the cursor.';
revoke execute on function daybook_private.add_sums(daybook_private.rollup_cursors, bigint, bigint, boolean, integer) from public;
--! EndIncluded daybook_private/functions/add_sums.sql
--! Included daybook_private/functions/roll_up_account.sql
-- Whoever holds the account's cursor adds the entries behind it; another one goes on to other
-- accounts. The entries are read in a later statement than the one that got the lock, and they and the cursor
-- change together: for every snapshot an entry is either in the sums or above the cursor.
-- The entries of one shortest period are read one by one: when they become many, shorter periods are needed.
-- Sums are of entries that are in the books; while some are being detached, nobody adds any.
create or replace function daybook_private.roll_up_account(
  ledger text,
  account_id uuid,
  max_entries integer default 20000,
  max_of_period integer default 500,
  of_both boolean default false
)
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  cursor daybook_private.rollup_cursors;
  detached daybook_private.detached_sums;
  done bigint;
  newest bigint;
  added record;
  first_later uuid;
begin
  if not pg_try_advisory_xact_lock_shared(hashtextextended('daybook.detached_months', 0)) then
    return 0;
  end if;
  insert into daybook_private.rollup_cursors (ledger, account_id)
  values (roll_up_account.ledger, roll_up_account.account_id)
  on conflict do nothing;
  select u.* into cursor
    from daybook_private.rollup_cursors u
   where u.ledger = roll_up_account.ledger and u.account_id = roll_up_account.account_id
     for no key update skip locked;
  select d.* into detached
    from daybook_private.detached_sums d
   where d.ledger = roll_up_account.ledger and d.account_id = roll_up_account.account_id;
  done := case when of_both then cursor.both_version else cursor.lock_version end;
  select least(greatest(done, detached.lock_version) + max_entries, case when of_both then cursor.lock_version else c.lock_version end)
    into newest
    from daybook_private.account_counters c
   where c.ledger = roll_up_account.ledger and c.account_id = roll_up_account.account_id and c.drifted_at is null;
  if newest > done is not true then
    return 0;
  end if;
  select s.* into added
    from daybook_private.add_sums(cursor, done, newest, of_both, max_of_period) s;
  if added.entries + (case when done < detached.lock_version then detached.entries else 0 end) = newest - done is not true then
    raise exception 'of the entries of account % with versions % to % there are %', account_id, done + 1, newest, added.entries;
  end if;
  first_later := daybook_private.uuid_at(added.last_recorded - interval '1 hour');
  if of_both then
    update daybook_private.rollup_cursors u
       set both_version = newest, both_later_from = coalesce(first_later, u.both_later_from)
     where u.ledger = roll_up_account.ledger and u.account_id = roll_up_account.account_id;
    return added.entries;
  end if;
  update daybook_private.rollup_cursors u
     set lock_version = newest, later_from = coalesce(first_later, u.later_from), rolled_up_at = now()
   where u.ledger = roll_up_account.ledger and u.account_id = roll_up_account.account_id;
  if added.effective_is_crowded or added.recorded_is_crowded then
    perform daybook_private.refine_sums(ledger, account_id, added.effective_is_crowded, added.recorded_is_crowded);
  end if;
  return added.entries;
end
$$;
comment on function daybook_private.roll_up_account(text, uuid, integer, integer, boolean) is
  'Adds an account''s next entries, at most so many, to its sums of one time, or begins again with shorter periods when one of the shortest has more entries than that; or, asked to, adds those to its sums of both times that the sums of one time have already. Returns how many it read. None of an account whose counters are distrusted, or that somebody else is at. For the worker, one call a transaction.';
revoke execute on function daybook_private.roll_up_account(text, uuid, integer, integer, boolean) from public;
grant execute on function daybook_private.roll_up_account(text, uuid, integer, integer, boolean) to daybook_worker;
--! EndIncluded daybook_private/functions/roll_up_account.sql
--! Included daybook_private/functions/last_effective_entries.sql
-- The row of that period in entry_sums knows between which ids its entries are, and so in which partitions:
-- first those of all the accounts together, for partitions outside of them are then not even opened; then each one's own.
create or replace function daybook_private.last_effective_entries(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz,
  recorded_at timestamptz,
  unit text
)
  returns setof daybook_private.account_sums
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  of_both constant boolean := num_nulls(effective_at, recorded_at) = 0;
  effective_start constant timestamptz := daybook_private.period_start(unit, effective_at);
  recorded_end constant timestamptz := coalesce(recorded_at, 'infinity');
  oldest uuid;
  newest uuid;
begin
  select (array_agg(s.first_id order by s.first_id))[1], (array_agg(s.last_id order by s.last_id desc))[1] into oldest, newest
    from daybook_private.entry_sums s
   where s.ledger = last_effective_entries.ledger and s.account_id = any (account_ids)
     and s.effective_in = unit and s.recorded_in = 'ever' and s.effective_from = effective_start;
  if oldest is null then
    return;
  end if;
  return query
    select s.account_id, count(*),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0)
      from daybook_private.entry_sums s
      join daybook_private.rollup_cursors u on u.ledger = s.ledger and u.account_id = s.account_id
     cross join lateral (
        select e.direction, e.effect, e.amount, e.created_at, e.lock_version
          from daybook.entries e
         where e.ledger = last_effective_entries.ledger and e.account_id = s.account_id
           and e.effective_at between effective_start and last_effective_entries.effective_at
           and e.id between oldest and newest and e.id between s.first_id and s.last_id
         order by e.effective_at
        offset 0) e
     where s.ledger = last_effective_entries.ledger and s.account_id = any (account_ids)
       and s.effective_in = unit and s.recorded_in = 'ever' and s.effective_from = effective_start
       and e.lock_version <= case when of_both then u.both_version else u.lock_version end and e.created_at <= recorded_end
     group by s.account_id;
end
$$;
comment on function daybook_private.last_effective_entries(text, uuid[], timestamptz, timestamptz, text) is
  'Sums of those rolled up entries of accounts, effective by one time and recorded by another, which are effective in the last period and so not among the sums of whole periods.';
revoke execute on function daybook_private.last_effective_entries(text, uuid[], timestamptz, timestamptz, text) from public;
--! EndIncluded daybook_private/functions/last_effective_entries.sql
--! Included daybook_private/functions/last_recorded_entries.sql
-- As last_effective_entries; what is effective in the last period is counted there.
create or replace function daybook_private.last_recorded_entries(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz,
  recorded_at timestamptz,
  effective_unit text,
  recorded_unit text
)
  returns setof daybook_private.account_sums
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  of_both constant boolean := num_nulls(effective_at, recorded_at) = 0;
  recorded_start constant timestamptz := daybook_private.period_start(recorded_unit, recorded_at);
  effective_end constant timestamptz := coalesce(daybook_private.period_start(effective_unit, effective_at), 'infinity');
  oldest uuid;
  newest uuid;
begin
  select (array_agg(s.first_id order by s.first_id))[1], (array_agg(s.last_id order by s.last_id desc))[1] into oldest, newest
    from daybook_private.entry_sums s
   where s.ledger = last_recorded_entries.ledger and s.account_id = any (account_ids)
     and s.effective_in = 'ever' and s.recorded_in = last_recorded_entries.recorded_unit and s.effective_from = '-infinity' and s.recorded_from = recorded_start;
  if oldest is null then
    return;
  end if;
  return query
    select s.account_id, count(*),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0)
      from daybook_private.entry_sums s
      join daybook_private.rollup_cursors u on u.ledger = s.ledger and u.account_id = s.account_id
     cross join lateral (
        select e.direction, e.effect, e.amount, e.effective_at, e.created_at, e.lock_version
          from daybook.entries e
         where e.ledger = last_recorded_entries.ledger and e.account_id = s.account_id
           and e.id between oldest and newest and e.id between s.first_id and s.last_id
         order by e.id
        offset 0) e
     where s.ledger = last_recorded_entries.ledger and s.account_id = any (account_ids)
       and s.effective_in = 'ever' and s.recorded_in = last_recorded_entries.recorded_unit and s.effective_from = '-infinity' and s.recorded_from = recorded_start
       and e.lock_version <= case when of_both then u.both_version else u.lock_version end
       and e.created_at between recorded_start and last_recorded_entries.recorded_at and e.effective_at < effective_end
     group by s.account_id;
end
$$;
comment on function daybook_private.last_recorded_entries(text, uuid[], timestamptz, timestamptz, text, text) is
  'Sums of those rolled up entries of accounts, effective by one time and recorded by another, which are recorded in the last period, and effective before the last period, and so not among the sums of whole periods.';
revoke execute on function daybook_private.last_recorded_entries(text, uuid[], timestamptz, timestamptz, text, text) from public;
--! EndIncluded daybook_private/functions/last_recorded_entries.sql
--! Included daybook_private/functions/later_sums.sql
create or replace function daybook_private.later_sums(
  ledger text,
  account_ids uuid[],
  first_id uuid,
  effective_at timestamptz,
  recorded_at timestamptz
)
  returns table (seen bigint, sums daybook_private.account_sums)
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  of_both constant boolean := num_nulls(effective_at, recorded_at) = 0;
  effective_to constant timestamptz := coalesce(effective_at, 'infinity');
  recorded_to constant timestamptz := coalesce(recorded_at, 'infinity');
  oldest constant uuid := coalesce(first_id, '00000000-0000-0000-0000-000000000000');
begin
  return query
    select l.seen, row(u.account_id, l.entries, l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits)::daybook_private.account_sums
      from (select u.ledger, u.account_id,
                   case when of_both then u.both_version else u.lock_version end as lock_version,
                   case when first_id is null then oldest when of_both then u.both_later_from else u.later_from end as later_from
              from daybook_private.rollup_cursors u
             where u.ledger = later_sums.ledger and u.account_id = any (account_ids)
            offset 0) u
      join daybook_private.account_counters c on c.ledger = u.ledger and c.account_id = u.account_id
     cross join lateral (
        select count(*) as seen,
               count(*) filter (where e.counts) as entries,
               coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.counts and e.direction = 'debit'), 0) as pending_debits,
               coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.counts and e.direction = 'credit'), 0) as pending_credits,
               coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.counts and e.direction = 'debit'), 0) as posted_debits,
               coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.counts and e.direction = 'credit'), 0) as posted_credits
          from (select e.direction, e.effect, e.amount,
                       e.effective_at <= effective_to and e.created_at <= recorded_to as counts
                  from daybook.entries e
                 where e.ledger = later_sums.ledger and e.account_id = u.account_id
                   and e.lock_version between u.lock_version + 1 and c.lock_version
                   and e.id >= oldest and e.id >= u.later_from
                 order by e.lock_version
                offset 0) e) l
     where c.ledger = later_sums.ledger;
end
$$;
comment on function daybook_private.later_sums(text, uuid[], uuid, timestamptz, timestamptz) is
  'How many applied entries above their cursors were found of each account, looking from an id and the account''s own hint on, or everywhere; and the sums of those effective by one time and recorded by another, inclusive; a null counts all.';
revoke execute on function daybook_private.later_sums(text, uuid[], uuid, timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/later_sums.sql
--! Included daybook_private/functions/later_entries.sql
-- An account's versions have no gaps, so it is known how many must be found: if looking from where the cursors
-- say finds fewer, some were on their way for longer than that, and are looked for everywhere.
create or replace function daybook_private.later_entries(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz,
  recorded_at timestamptz
)
  returns setof daybook_private.account_sums
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  of_both constant boolean := num_nulls(effective_at, recorded_at) = 0;
  effective_to constant timestamptz := coalesce(effective_at, 'infinity');
  recorded_to constant timestamptz := coalesce(recorded_at, 'infinity');
  behind uuid[];
  missing bigint;
  first_id uuid;
  sums daybook_private.account_sums[];
  seen bigint;
begin
  select array_agg(b.account_id), sum(b.missing), (array_agg(b.later_from order by b.later_from))[1]
    into behind, missing, first_id
    from (select u.account_id,
                 c.lock_version - case when of_both then u.both_version else u.lock_version end as missing,
                 case when of_both then u.both_later_from else u.later_from end as later_from
            from daybook_private.rollup_cursors u
            join daybook_private.account_counters c on c.ledger = u.ledger and c.account_id = u.account_id
           where u.ledger = later_entries.ledger and u.account_id = any (account_ids)) b
   where b.missing > 0;
  if missing > 0 then
    select sum(s.seen), array_agg(s.sums) into seen, sums
      from daybook_private.later_sums(ledger, behind, first_id, effective_at, recorded_at) s;
    if seen = missing is not true then
      select array_agg(s.sums) into sums
        from daybook_private.later_sums(ledger, behind, null, effective_at, recorded_at) s;
    end if;
    return query select * from unnest(sums);
  end if;
  return query
    select q.account_id, 1::bigint, q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
      from (select * from daybook_private.entry_queue q
             where q.ledger = later_entries.ledger and q.account_id = any (account_ids)
            offset 0) q
     cross join lateral (
        select e.effective_at, e.created_at
          from daybook.entries e
         where e.ledger = later_entries.ledger and e.account_id = q.account_id and e.id between q.entry_id and q.entry_id
         order by e.id
        offset 0) e
     where e.effective_at <= effective_to and e.created_at <= recorded_to;
end
$$;
comment on function daybook_private.later_entries(text, uuid[], timestamptz, timestamptz) is
  'Sums of the entries of accounts above their cursors, queued ones too, effective by one time and recorded by another, inclusive; a null counts all. Several rows an account.';
revoke execute on function daybook_private.later_entries(text, uuid[], timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/later_entries.sql
--! Included daybook_private/functions/account_sums_at.sql
-- One snapshot, however many statements: sums of whole periods, the entries of the last period,
-- those that are not in the sums yet, and what is carried forward. Accounts without sums, or whose counters are distrusted, are added up
-- entry by entry. Entries are asked for in the order of the one index that is right for each question, while
-- sorting is off: by no other one are they looked for, even where statistics are missing or wrong.
create or replace function daybook_private.account_sums_at(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz default null,
  recorded_at timestamptz default null
)
  returns setof daybook_private.account_sums
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_sort to off
  set jit to off
  set max_parallel_workers_per_gather to 0
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  of_both constant boolean := num_nulls(effective_at, recorded_at) = 0;
  first_unit constant integer := 1 + of_both::integer; -- of both times there are no sums of years
  plain uuid[] := account_ids;
  rolled uuid[];
  effective_unit text;
  recorded_unit text;
begin
  perform daybook_private.refuse_detached(ledger, account_ids, effective_at, recorded_at);
  for rolled, effective_unit, recorded_unit in
    select array_agg(u.account_id), u.effective_unit, u.recorded_unit
      from daybook_private.rollup_cursors u
      join daybook_private.account_counters c on c.ledger = u.ledger and c.account_id = u.account_id
     where u.ledger = account_sums_at.ledger and u.account_id = any (account_ids)
       and case when of_both then u.both_version else u.lock_version end > 0 and c.drifted_at is null and num_nonnulls(effective_at, recorded_at) > 0
     group by u.effective_unit, u.recorded_unit
  loop
    return query
      with parts as (
        select * from daybook_private.rolled_up_sums(ledger, rolled, effective_at, recorded_at,
          (daybook_private.units_down_to(effective_unit))[first_unit:], (daybook_private.units_down_to(recorded_unit))[first_unit:])
        union all
        select * from daybook_private.last_effective_entries(ledger, rolled, effective_at, recorded_at, effective_unit)
        union all
        select * from daybook_private.last_recorded_entries(
          ledger, rolled, effective_at, recorded_at, effective_unit, recorded_unit)
        union all
        select * from daybook_private.later_entries(ledger, rolled, effective_at, recorded_at)
        union all
        select * from daybook_private.detached_entries(ledger, rolled)
      )
      select p.account_id, sum(p.entries)::bigint,
             sum(p.pending_debits), sum(p.pending_credits), sum(p.posted_debits), sum(p.posted_credits)
        from parts p
       group by p.account_id;
    plain := array(select unnest(plain) except select unnest(rolled) order by 1); -- each month's index would sort them
  end loop;
  if cardinality(plain) > 0 then
    return query
      select * from daybook_private.sums_of_entries(ledger, plain, effective_at, recorded_at);
  end if;
end
$$;
comment on function daybook_private.account_sums_at(text, uuid[], timestamptz, timestamptz) is
  'The counters of many accounts over the entries effective by one time and recorded by another, inclusive, exact at any moment; a null counts all. At most one row an account, none for one without such entries.';
revoke execute on function daybook_private.account_sums_at(text, uuid[], timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/account_sums_at.sql
--! Included daybook_private/functions/accounts_to_roll_up.sql
-- One pass over all accounts, which the worker therefore asks for seldom; nothing on the way of a
-- posting tells it.
create or replace function daybook_private.accounts_to_roll_up(min_entries integer, max_accounts integer)
  returns table (ledger text, account_id uuid, of_both boolean)
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select c.ledger, c.account_id, c.lock_version - coalesce(u.lock_version, 0) < min_entries
      from daybook_private.account_counters c
      left join daybook_private.rollup_cursors u on u.ledger = c.ledger and u.account_id = c.account_id
     where c.lock_version >= min_entries and c.drifted_at is null
       and c.lock_version - coalesce(u.both_version, 0) >= min_entries
     order by 3
     limit max_accounts;
end
$$;
comment on function daybook_private.accounts_to_roll_up(integer, integer) is
  'Accounts with at least so many entries that are not in their sums yet, or only not in those of both times, these last; for the worker.';
revoke execute on function daybook_private.accounts_to_roll_up(integer, integer) from public;
grant execute on function daybook_private.accounts_to_roll_up(integer, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/accounts_to_roll_up.sql
--! Included daybook_private/functions/broken_sums.sql
-- Sums and cursor change together: one snapshot has what the cursor says, neither more nor less. A cursor that
-- is ahead of the account would keep what comes next out of the sums. The range of ids may be wider than need be:
-- entries leave it when they are detached.
create or replace function daybook_private.broken_sums(ledger text, account_id uuid)
  returns jsonb
  language plpgsql
  stable
  set enable_seqscan to off
  set enable_nestloop to off
  set jit to off
as $$
#variable_conflict use_column
declare
  rolled_up bigint;
  of_both bigint;
  applied bigint;
begin
  select u.lock_version, u.both_version, c.lock_version into rolled_up, of_both, applied
    from daybook_private.rollup_cursors u
    join daybook_private.account_counters c on c.ledger = u.ledger and c.account_id = u.account_id
   where u.ledger = broken_sums.ledger and u.account_id = broken_sums.account_id;
  if not found and not exists (
       select from daybook_private.entry_sums t
        where t.ledger = broken_sums.ledger and t.account_id = broken_sums.account_id) then
    return null;
  end if;
  if rolled_up > applied or of_both > rolled_up then
    return jsonb_build_object('violation', 'sums by time are not those of the entries up to their cursor',
      'cursor', rolled_up, 'both_version', of_both, 'lock_version', applied);
  end if;
  return (
    select jsonb_build_object('violation', 'sums by time are not those of the entries up to their cursor',
             'sums', to_jsonb(s) - 'ledger' - 'account_id', 'expected', to_jsonb(e) - 'ledger' - 'account_id')
      from (select t.* from daybook_private.entry_sums t
             where t.ledger = broken_sums.ledger and t.account_id = broken_sums.account_id) s
      full join (
             select * from daybook_private.entry_cells(broken_sums.ledger, broken_sums.account_id, 0, coalesce(rolled_up, 0), false)
             union all
             select * from daybook_private.entry_cells(broken_sums.ledger, broken_sums.account_id, 0, coalesce(of_both, 0), true)) e
             on e.effective_in = s.effective_in and e.recorded_in = s.recorded_in
            and e.effective_from = s.effective_from and e.recorded_from = s.recorded_from
     where (s.entries, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits)
           is distinct from (e.entries, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits)
        or s.first_id > e.first_id or s.last_id < e.last_id
     limit 1);
end
$$;
comment on function daybook_private.broken_sums(text, uuid) is
  'What is wrong with the sums by time of an account: the first that is not that of its entries; null if all are right.';
revoke execute on function daybook_private.broken_sums(text, uuid) from public;
--! EndIncluded daybook_private/functions/broken_sums.sql
--! Included daybook/views/rollups.sql
create or replace view daybook.rollups with (security_invoker = true) as
  select c.ledger, c.address as account, c.account_id,
         c.lock_version as applied_version,
         coalesce(u.lock_version, 0) as rolled_up_version,
         u.rolled_up_at,
         coalesce(u.both_version, 0) as both_times_version
    from daybook_private.account_counters c
    left join daybook_private.rollup_cursors u on u.ledger = c.ledger and u.account_id = c.account_id;
comment on view daybook.rollups is
  'How far the sums go from which balances at a time are read, account by account. Whatever is not in them is added when a balance is read.';
comment on column daybook.rollups.ledger is 'The ledger.';
comment on column daybook.rollups.account is 'Address of the account.';
comment on column daybook.rollups.account_id is 'The account.';
comment on column daybook.rollups.applied_version is
  'Up to this version entries are in the account''s counters; later ones are queued.';
comment on column daybook.rollups.rolled_up_version is
  'Up to this version entries are in the sums that balances at a time are read from; later ones are added one by one.';
comment on column daybook.rollups.rolled_up_at is 'When these sums last went further.';
comment on column daybook.rollups.both_times_version is
  'The same of the sums that balances at an effective and a recorded time at once are read from.';
--! EndIncluded daybook/views/rollups.sql
--! Included daybook_private/functions/category_accounts.sql
-- In the order of their ids: each index that is asked for all of them sorts them, one for every month of entries.
create or replace function daybook_private.category_accounts(ledger text, category text)
  returns uuid[]
  language plpgsql
  stable
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
begin
  return array(
    with recursive below (category) as (
      select category_accounts.category collate "C"
      union
      select m.child_category
        from below b
        join daybook.category_members m
          on m.ledger = category_accounts.ledger and m.category = b.category and m.child_category is not null
    )
    select distinct m.account_id
      from below b
     cross join lateral (
        select m.account_id
          from daybook.category_members m
         where m.ledger = category_accounts.ledger and m.category = b.category and m.account_id is not null
        offset 0) m
     order by m.account_id);
end
$$;
comment on function daybook_private.category_accounts(text, text) is
  'The accounts in a category, directly or through others, once each, in the order of their ids.';
revoke execute on function daybook_private.category_accounts(text, text) from public;
--! EndIncluded daybook_private/functions/category_accounts.sql
--! Included daybook/functions/account_balances.sql
create or replace function daybook.account_balances(ledger text, accounts text[], effective_at timestamptz default null)
  returns setof daybook.balances
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
declare
  address text;
  missing text[];
  index integer := 0;
begin
  perform daybook_private.authorize_accounts(ledger, accounts);
  if cardinality(accounts) <= 10000 is not true then
    perform daybook_private.refuse_argument('accounts', 'at most 10 000', to_jsonb(cardinality(accounts)));
  end if;
  foreach address in array accounts loop
    index := index + 1;
    perform daybook_private.check_address('accounts', address, index);
  end loop;
  perform daybook_private.check_moment(effective_at);
  if cardinality(accounts) = 0 then
    perform daybook_private.check_ledger_exists(ledger);
  end if;
  missing := array(
    select u.address
      from unnest(accounts) with ordinality u (address, n)
     where not exists (
             select from daybook.accounts a
              where a.ledger = account_balances.ledger and a.address = u.address)
     order by u.n);
  if cardinality(missing) > 0 then
    perform daybook_private.refuse_missing_accounts(ledger, missing);
  end if;
  if effective_at is not null then
    return query
      select b.*
        from unnest(accounts) with ordinality u (address, n)
        join daybook_private.balances_at(ledger, array(
               select a.id
                 from daybook.accounts a
                where a.ledger = account_balances.ledger and a.address = any (accounts)
                order by a.id), effective_at) b
          on b.account = u.address
       order by u.n;
    return;
  end if;
  return query
    select b.*
      from unnest(accounts) with ordinality u (address, n)
      join daybook.balances b on b.ledger = account_balances.ledger and b.account = u.address
     order by u.n;
end
$$;
comment on function daybook.account_balances(text, text[], timestamptz) is
  'The balances of up to 10 000 accounts, now or over the entries effective by a time, one row per address, in order, of one snapshot. Raises 42501, LDARG, LDLED, LDACC with all missing addresses.';
revoke execute on function daybook.account_balances(text, text[], timestamptz) from public;
grant execute on function daybook.account_balances(text, text[], timestamptz) to daybook_reader;
--! EndIncluded daybook/functions/account_balances.sql
--! Included daybook/functions/trial_balance.sql
-- A STABLE function reads one snapshot, however many statements it has. Whole tables are read and joined by
-- hashing, whatever a plan was made for, and of 100 000 accounts without temporary files.
create or replace function daybook.trial_balance(ledger text, effective_at timestamptz default null)
  returns setof daybook.trial_balance_row
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_nestloop to off
  set work_mem to '64MB'
  set jit to off
as $$
#variable_conflict use_column
begin
  perform daybook_private.authorize(trial_balance.ledger, 'read');
  perform daybook_private.check_ledger_name(trial_balance.ledger);
  perform daybook_private.check_moment(effective_at);
  perform daybook_private.check_ledger_exists(trial_balance.ledger);
  return query
    with posted as (
      select p.* from daybook_private.posted_sums(trial_balance.ledger) p where trial_balance.effective_at is null
      union all
      select p.* from daybook_private.posted_sums_at(trial_balance.ledger, trial_balance.effective_at) p
       where trial_balance.effective_at is not null
    ),
    line as materialized (
      select c.address, c.currency, c.currency_exponent, c.normal_balance,
             coalesce(p.debits, 0) as debits, coalesce(p.credits, 0) as credits
        from daybook_private.account_counters c
        left join posted p on p.account_id = c.account_id
       where c.ledger = trial_balance.ledger
    )
    select trial_balance.ledger, l.address, l.currency, l.currency_exponent, l.normal_balance,
           l.debits, l.credits, greatest(l.debits - l.credits, 0), greatest(l.credits - l.debits, 0)
      from line l
    union all
    select trial_balance.ledger, null, l.currency, l.currency_exponent, null,
           sum(l.debits), sum(l.credits),
           sum(greatest(l.debits - l.credits, 0)), sum(greatest(l.credits - l.debits, 0))
      from line l
     group by l.currency, l.currency_exponent
     order by 2 nulls last, 3;
end
$$;
comment on function daybook.trial_balance(text, timestamptz) is
  'Every account of a ledger with its posted debits and credits, and the net unsigned in debit_balance or credit_balance, in minor units: now, or over the entries effective by a time; queued entries counted, future-dated ones too if no time is given. In the order of addresses; then a total for each currency, with account null, where debits equal credits. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.trial_balance(text, timestamptz) from public;
grant execute on function daybook.trial_balance(text, timestamptz) to daybook_reader;
--! EndIncluded daybook/functions/trial_balance.sql
--! Included daybook_private/functions/restore_ledger.sql
-- A ledger without accounts is one as well: its log begins with its own creation, which is never taken away, may be
-- sealed, and its head published. The chain of the export could not begin at its number 1.
create or replace function daybook_private.restore_ledger(ledger text, facts jsonb)
  returns void
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'admin');
  perform daybook_private.check_ledger_name(ledger);
  begin
    insert into daybook.ledgers
    select r.* from jsonb_populate_record(null::daybook.ledgers, facts || jsonb_build_object('name', ledger)) r
    on conflict do nothing;
  exception when data_exception or integrity_constraint_violation then
    perform daybook_private.refuse_rows('ledger', sqlstate, sqlerrm);
  end;
  if not found then
    perform daybook_private.refuse('LDDUP', 'the ledger exists here: an export can only become a ledger of its own'
      || case when exists (select from daybook.accounts a where a.ledger = restore_ledger.ledger) then ''
           else ', and the log of this empty one has begun with its creation; import makes the ledger itself' end,
      jsonb_build_object('ledger', ledger));
  end if;
  -- Outside of any subtransaction: by whose row it is check_restoring tells who may go on.
  insert into daybook_private.seal_heads (ledger) values (restore_ledger.ledger);
end
$$;
comment on function daybook_private.restore_ledger(text, jsonb) is
  'Begins to put back an exported ledger, from its row in ledgers. The rest follows in the same transaction. Raises 42501, LDARG, LDDUP.';
revoke execute on function daybook_private.restore_ledger(text, jsonb) from public;
--! EndIncluded daybook_private/functions/restore_ledger.sql
--! Included daybook_private/functions/fold_accounts.sql
-- fold_account for many at once, those of them that nobody holds: what one statement does for hundreds costs a
-- fraction of hundreds of transactions. As there, the lock first, by an earlier statement than the one that reads
-- the queue; nothing is folded where counters have drifted; and entries are found by their keys and joined by hashing.
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
  set enable_nestloop to off
as $$
#variable_conflict use_column
declare
  ours uuid[];
begin
  select coalesce(array_agg(l.id), '{}') into ours
    from (select a.id
            from daybook.accounts a
           where a.ledger = fold_accounts.ledger and a.id = any (account_ids)
             for no key update skip locked) l;
  held := array(select unnest(account_ids) except select unnest(ours));
  with sound as (
    select c.account_id
      from daybook_private.account_counters c
     where c.ledger = fold_accounts.ledger and c.account_id = any (ours) and c.drifted_at is null
  ),
  taken as (
    delete from daybook_private.entry_queue q
     where q.ledger = fold_accounts.ledger and q.account_id = any (array(select s.account_id from sound s))
    returning q.account_id, q.entry_id, q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
  ),
  running as (
    select
      t.account_id,
      t.entry_id,
      row_number() over w as n,
      sum(t.pending_debits) over w as pending_debits,
      sum(t.pending_credits) over w as pending_credits,
      sum(t.posted_debits) over w as posted_debits,
      sum(t.posted_credits) over w as posted_credits
    from taken t
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
     where c.ledger = fold_accounts.ledger and c.account_id = any (ours) and c.account_id = t.account_id
    returning c.account_id, old.lock_version, old.pending_debits, old.pending_credits, old.posted_debits, old.posted_credits
  ),
  versioned as (
    update daybook.entries e
       set lock_version = c.lock_version + r.n,
           pending_debits = c.pending_debits + r.pending_debits,
           pending_credits = c.pending_credits + r.pending_credits,
           posted_debits = c.posted_debits + r.posted_debits,
           posted_credits = c.posted_credits + r.posted_credits
      from running r
      join counted c on c.account_id = r.account_id
     where e.ledger = fold_accounts.ledger and e.account_id = r.account_id and e.id = r.entry_id
       and e.account_id = any (ours) and e.id = any (array(select t.entry_id from taken t))
  )
  select coalesce(sum(t.n), 0) into folded from total t;
end
$$;
comment on function daybook_private.fold_accounts(text, uuid[]) is
  'Applies the queued entries of accounts to their counters, as fold_account does; returns how many, and which accounts somebody holds. For the worker, one call a transaction.';
revoke execute on function daybook_private.fold_accounts(text, uuid[]) from public;
grant execute on function daybook_private.fold_accounts(text, uuid[]) to daybook_worker;
--! EndIncluded daybook_private/functions/fold_accounts.sql
--! Included daybook_private/functions/queued_accounts.sql
-- Hops from account to account over the key instead of reading the whole queue: a hot account's
-- thousands of rows cost one look. A planner that takes the queue for empty, as it does, would read and
-- sort all of it for each hop: 18 s for 18 000 rows of 4 000 accounts.
create or replace function daybook_private.queued_accounts(count integer)
  returns table (ledger text, account_id uuid)
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_bitmapscan to off
  set enable_sort to off
as $$
  with recursive queued as (
    (select q.ledger, q.account_id
       from daybook_private.entry_queue q
      order by q.ledger, q.account_id
      limit 1)
    union all
    (select n.ledger, n.account_id
       from queued p
      cross join lateral (
        select q.ledger, q.account_id
          from daybook_private.entry_queue q
         where (q.ledger, q.account_id) > (p.ledger, p.account_id)
         order by q.ledger, q.account_id
         limit 1) n)
  )
  select q.ledger, q.account_id from queued q limit queued_accounts.count
$$;
comment on function daybook_private.queued_accounts(integer) is
  'Accounts that have queued entries, at most so many; what the worker folds next.';
revoke execute on function daybook_private.queued_accounts(integer) from public;
grant execute on function daybook_private.queued_accounts(integer) to daybook_worker;
--! EndIncluded daybook_private/functions/queued_accounts.sql

grant select on daybook.detached_months to daybook_reader;
grant select on daybook_private.detachments, daybook_private.current_lines to daybook_reader;
alter table daybook_private.detachments enable row level security;
alter table daybook_private.detached_sums enable row level security;
create policy everybody_reads on daybook_private.detachments for select using (true);
--! Included daybook_private/functions/is_queueable.sql
-- What is_simple_request and is_plain say, with fewer expressions: enqueueing one by one, they are a tenth of the call.
create or replace function daybook_private.is_queueable(input daybook.transaction_input)
  returns boolean
  language plpgsql
  immutable
as $$
declare
  metadata_text constant text := input.metadata::text;
  entry daybook.entry_input;
begin
  if (cardinality(input.entries) between 2 and 1000
      and num_nulls(input.status, input.effective_at, input.expires_at, input.external_id, input.description,
                    input.category_locks, input.archive_on_lock_failure) = 7
      and daybook_private.is_clean_text(input.idempotency_key, 1, 255)
      and (metadata_text like '{%' and octet_length(metadata_text) <= 65536) is not false) is not true then
    return false;
  end if;
  foreach entry in array input.entries loop
    if (entry.amount > 0 and entry.amount < 1e36 and scale(entry.amount) = 0
        and num_nulls(entry.lock_version, entry.show_resulting_balances, entry.metadata,
                      entry.pending_balance, entry.posted_balance, entry.available_balance) = 6
        and entry.direction is not null and daybook_private.is_address(entry.account)) is not true then
      return false;
    end if;
  end loop;
  return true;
end
$$;
comment on function daybook_private.is_queueable(daybook.transaction_input) is
  'Whether a request has a key, is well-formed and of the most common kind; others need check_queueable.';
revoke execute on function daybook_private.is_queueable(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/is_queueable.sql
--! Included daybook_private/functions/create_portion.sql
-- Members that need not be made alone are made together, up to the first that is refused; that one is
-- made alone, for create_member to say why. The more often that happens the shorter are the runs that
-- are tried. For a few entries sets cost more than they save: their members are made alone as well; for
-- many, single updates of the same counters, each of which leaves a row version behind, cost ever more.
create or replace function daybook_private.create_portion(
  ledger text,
  inputs daybook.transaction_input[],
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[],
  has_locks boolean,
  is_atomic boolean
)
  returns setof daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  few constant integer := 48; -- entries
  count constant integer := cardinality(members);
  before constant integer := members[1].first_line - 1;
  alone constant integer[] := array(
    select m.ordinality from unnest(members) with ordinality m where m.is_alone order by 1) || (count + 1);
  next_alone integer := 1;
  size integer := count;
  at integer := 1;
  stop integer; -- the first one that is not tried, or is refused
  refusals integer;
  is_run boolean;
  result daybook.transaction_result;
begin
  while at <= count loop
    stop := least(at + size, alone[next_alone]);
    refusals := 0;
    is_run := stop > at and members[stop - 1].last_line - members[at].first_line + 1 >= few;
    if is_run and has_locks then
      stop := coalesce(daybook_private.first_refused(ledger, members[at:stop - 1],
        lines[members[at].first_line - before:members[stop - 1].last_line - before]) - members[1].index + 1, stop);
      refusals := (stop < least(at + size, alone[next_alone]))::integer;
    end if;
    if is_run and stop > at then
      return query
        select * from daybook_private.make_run(ledger, inputs, members[at:stop - 1],
          lines[members[at].first_line - before:members[stop - 1].last_line - before]);
      at := stop;
    end if;
    if stop = alone[next_alone] then
      next_alone := next_alone + 1;
      stop := least(stop + 1, count + 1);
    else
      stop := stop + refusals;
    end if;
    while at < stop loop
      result := daybook_private.make_alone(ledger, inputs[members[at].index], members[at],
        lines[members[at].first_line - before:members[at].last_line - before], is_atomic);
      return next result;
      refusals := refusals + (result.error_code is not null)::integer;
      at := at + 1;
    end loop;
    size := case when refusals > 0 then greatest(size / 2, 1) else least(size * 2, count) end;
  end loop;
end
$$;
comment on function daybook_private.create_portion(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[], boolean, boolean) is
  'Makes some members of a batch, in order, whose keys and accounts it has taken; inputs are those of the whole batch. Results in their order.';
revoke execute on function daybook_private.create_portion(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[], boolean, boolean) from public;
--! EndIncluded daybook_private/functions/create_portion.sql
drop function daybook_private.lock_categories(text, daybook.category_lock_input[], uuid[]);
--! Included daybook_private/functions/lock_categories.sql
-- Every category that contains any of the accounts is locked, not only those that the call has bounds on: of
-- two calls with bounds on different categories, each would otherwise pass without seeing the other.
-- What contains the accounts is read before the locks are got, and again by a later statement when they
-- are: a change that was waited for may have added to it. A category that comes before one that is
-- held cannot be waited for, so all are given up, by rolling back a subtransaction, and taken anew.
-- A lock is enough, nothing is updated: at READ COMMITTED the statement after the wait sees what the
-- holder committed. Whoever holds these rows keeps every change away from the accounts' part of the graph.
create or replace function daybook_private.lock_categories(
  ledger text,
  category_locks daybook.category_lock_input[],
  account_ids uuid[],
  also text[] default '{}'
)
  returns uuid[]
  language plpgsql
  volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  bounded constant text[] := array(select l.category from unnest(category_locks) l);
  held text[];
  containing text[] := also || array(select distinct c.category from daybook_private.categories_of(ledger, account_ids) c);
  covered uuid[];
begin
  for attempt in 1..100 loop
    held := containing;
    begin
      perform
        from daybook.categories c
       where c.ledger = lock_categories.ledger and c.category = any (held)
       order by c.category
         for no key update;
      select also || coalesce(array_agg(distinct c.category), '{}'),
             coalesce(array_agg(distinct c.account_id) filter (where c.category = any (bounded)), '{}')
        into containing, covered
        from daybook_private.categories_of(lock_categories.ledger, account_ids) c;
      if not containing <@ held then
        raise exception using errcode = 'LDGRW', message = 'the accounts are in more categories by now';
      end if;
      for n in 1..cardinality(bounded) loop
        if bounded[n] <> all (containing) then
          perform daybook_private.refuse_argument('category_locks', 'covers an account of the transaction',
            to_jsonb(bounded[n]), n);
        end if;
      end loop;
      return covered;
    exception when sqlstate 'LDGRW' then
      null;  -- Variables survive it: the next attempt knows of them.
    end;
  end loop;
  perform daybook_private.refuse('40001', 'the categories of the accounts keep changing');
end
$$;
comment on function daybook_private.lock_categories(text, daybook.category_lock_input[], uuid[], text[]) is
  'Locks, ascending and waiting, every category that contains any of these accounts, and some also; returns those of them that the given category locks cover. Raises LDARG for a category lock that covers none.';
revoke execute on function daybook_private.lock_categories(text, daybook.category_lock_input[], uuid[], text[]) from public;
--! EndIncluded daybook_private/functions/lock_categories.sql
--! Included daybook_private/functions/cover_batch.sql
-- What cover_lines does for one transaction, for all members with category locks at once: they are made
-- alone, and then wait for nobody any more. An account that is covered for one of them counts as
-- covered for each; it is locked ahead either way.
create or replace function daybook_private.cover_batch(
  ledger text,
  inputs daybook.transaction_input[],
  lines daybook_private.batch_line[]
)
  returns daybook_private.batch_line[]
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
declare
  bounded text[];
  accounts uuid[];
  place integer;
begin
  if not exists (select from unnest(inputs) t where t.category_locks is not null) then
    return lines;
  end if;
  select array_agg(distinct c.category) into bounded
    from unnest(inputs) t
   cross join lateral unnest(t.category_locks) c;
  if bounded is null then
    return lines;
  end if;
  accounts := array(
    select distinct l.account_id
      from unnest(lines) l
      join unnest(inputs) with ordinality t on t.ordinality = l.member
     where cardinality(t.category_locks) > 0 and l.account_id is not null);
  -- Those with bounds too that contain none of the accounts: what is added to them later would be waited for later.
  perform daybook_private.lock_categories(ledger, '{}', accounts, bounded);
  -- A later statement than the locks, which sees every change that was waited for.
  for place in
    select l.ordinality
      from unnest(lines) with ordinality l
      join unnest(inputs) with ordinality t on t.ordinality = l.member
      join (select distinct c.account_id
              from daybook_private.categories_of(cover_batch.ledger, accounts) c
             where c.category = any (bounded)) c on c.account_id = l.account_id
     where cardinality(t.category_locks) > 0
  loop
    lines[place].locked := true;
  end loop;
  return lines;
end
$$;
comment on function daybook_private.cover_batch(text, daybook.transaction_input[], daybook_private.batch_line[]) is
  'Locks the categories of the accounts of all members of a batch that have category locks; returns the lines, those locked too that these cover.';
revoke execute on function daybook_private.cover_batch(text, daybook.transaction_input[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/cover_batch.sql
