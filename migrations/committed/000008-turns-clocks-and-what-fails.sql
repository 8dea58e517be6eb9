--! Previous: sha1:bae0cd3e2e42b48c7eef842e4b5d8818f786d3d9
--! Hash: sha1:b3fbf1db2e0d7a1207840b2cd8aeef1fcca4b0b2
--! Message: turns-clocks-and-what-fails

-- Turns are rows, which nobody but the ledger can hold.
--! Included daybook_private/tables/turns.sql
-- What one session at a time does, or one instead of many: it holds the row until its transaction ends. A row, for an
-- advisory lock can be taken by anybody who may connect, and held for ever.
create table daybook_private.turns (
  ledger text collate "C" not null,
  task text collate "C" not null,
  constraint turns_pkey primary key (ledger, task)
);
comment on table daybook_private.turns is
  'Whose turn it is: a row for each task of the instance (ledger *) that sessions take turns at, held by a lock while somebody is at it, and never changed.';

insert into daybook_private.turns (ledger, task)
values ('*', 'check'), ('*', 'check everything'), ('*', 'move months'), ('*', 'make partitions');
--! EndIncluded daybook_private/tables/turns.sql
alter table daybook_private.turns enable row level security;
--! Included daybook_private/functions/take_turn.sql
create or replace function daybook_private.take_turn(task text)
  returns void
  language plpgsql
  volatile
as $$
begin
  perform
    from daybook_private.turns t
   where t.ledger = '*' and t.task = take_turn.task
     for update;
  if not found then
    raise exception 'there is no task %', task;
  end if;
end
$$;
comment on function daybook_private.take_turn(text) is
  'Waits for one''s turn at a task, and has it until the transaction ends.';
revoke execute on function daybook_private.take_turn(text) from public;
--! EndIncluded daybook_private/functions/take_turn.sql
--! Included daybook_private/functions/ensure_partitions.sql
-- Made on its own and then attached: `create … partition of` would block every writer behind one
-- idle transaction. A lock that is not got soon is given up; the next call tries again.
create or replace function daybook_private.ensure_partitions(months_ahead integer default 3)
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set lock_timeout to '2s'
  set timezone to 'UTC'
as $$
declare
  parent regclass;
  month timestamptz;
  made integer := 0;
begin
  perform daybook_private.take_turn('make partitions');
  foreach parent in array array[
    'daybook.transactions', 'daybook.entries', 'daybook_private.log_events']::regclass[]
  loop
    for n in 0..months_ahead loop
      month := date_trunc('month', now()) + make_interval(months => n);
      made := made + daybook_private.ensure_partition(parent, month);
    end loop;
  end loop;
  return made;
end
$$;
comment on function daybook_private.ensure_partitions(integer) is
  'Makes the partitions of this month and of some to come, where they are missing; returns how many it made.';
revoke execute on function daybook_private.ensure_partitions(integer) from public;
grant execute on function daybook_private.ensure_partitions(integer) to daybook_worker;
--! EndIncluded daybook_private/functions/ensure_partitions.sql
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
  perform daybook_private.take_turn('move months');
  select m.* into detached from daybook_private.detachments m where m.ledger = '*' and m.month = hold_month.month;
  return detached;
end
$$;
comment on function daybook_private.hold_month(timestamptz, integer) is
  'Lets the caller pass who may move this month of entries, and holds all months for it; returns what is known of this one. Raises 42501, LDARG, LDISO.';
revoke execute on function daybook_private.hold_month(timestamptz, integer) from public;
--! EndIncluded daybook_private/functions/hold_month.sql
--! Included daybook/functions/prepare_restore.sql
create or replace function daybook.prepare_restore(month timestamptz)
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set lock_timeout to '2s'
  set timezone to 'UTC'
as $$
declare
  parent regclass;
  made integer := 0;
begin
  if not daybook_private.may_use_every_ledger('admin') then
    perform daybook_private.refuse('42501', 'only an administrator of every ledger may make partitions');
  end if;
  if month between '2000-01-01' and now() + interval '1 year' is not true then
    perform daybook_private.refuse_argument('month', 'not before 2000, not a year ahead', to_jsonb(month));
  end if;
  perform daybook_private.take_turn('make partitions');
  foreach parent in array array[
    'daybook.transactions', 'daybook.entries', 'daybook_private.log_events']::regclass[]
  loop
    made := made + daybook_private.ensure_partition(parent, date_trunc('month', month));
  end loop;
  return made;
end
$$;
comment on function daybook.prepare_restore(timestamptz) is
  E'@behavior -*\nMake the partitions of the month of this time, where they are missing, for records that are older than this database; returns how many it made. For daybook import, before the transaction of restore_rows. Raises 42501, LDARG.';
revoke execute on function daybook.prepare_restore(timestamptz) from public;
grant execute on function daybook.prepare_restore(timestamptz) to daybook_admin;
--! EndIncluded daybook/functions/prepare_restore.sql
-- The balances of a single call are those after its entries, as in batches.
drop function if exists daybook_private.resulting_balances(text, daybook.entry_input[]);
drop function if exists daybook_private.show_balances(text, text, daybook.entry_input[], daybook.transaction_result);
drop function if exists daybook_private.complete_change(text, daybook_private.change_request, daybook.transaction_result);
--! Included daybook_private/functions/resulting_balances.sql
-- As they are after the lines of this call, which were written under the accounts' locks: what others have queued since is not
-- part of it. Lines of an account whose counters have drifted carry none: its balance is what all its entries come to.
create or replace function daybook_private.resulting_balances(
  ledger text,
  entries daybook.entry_input[],
  lines daybook_private.line[]
)
  returns daybook.balances[]
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select array_agg(
           case when l.lock_version is null then (
             select b from daybook.balances b where b.ledger = c.ledger and b.account_id = c.account_id)
           else row(
             c.ledger, c.address, c.account_id, c.currency, c.currency_exponent, c.normal_balance,
             l.lock_version, l.pending_debits, l.pending_credits,
             daybook_private.net_balance(c.normal_balance, l.pending_credits, l.pending_debits),
             l.posted_debits, l.posted_credits,
             daybook_private.net_balance(c.normal_balance, l.posted_credits, l.posted_debits),
             daybook_private.available_balance(c.normal_balance,
               l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits))::daybook.balances
           end order by e.index)
    from (
      select u.account, min(u.index) as index
        from unnest(entries) with ordinality as u (
               account, direction, amount, lock_version, pending_balance, posted_balance,
               available_balance, show_resulting_balances, metadata, index)
       where u.show_resulting_balances
       group by u.account
    ) e
    join daybook_private.account_counters c on c.ledger = resulting_balances.ledger and c.address = e.account
   cross join lateral (
      select n.* from unnest(lines) n where n.account_id = c.account_id order by n.lock_version desc limit 1) l
$$;
comment on function daybook_private.resulting_balances(text, daybook.entry_input[], daybook_private.line[]) is
  'Balances, after the applied lines of a call, of the accounts whose entries asked for them, once each; null if none did.';
revoke execute on function daybook_private.resulting_balances(text, daybook.entry_input[], daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/resulting_balances.sql
--! Included daybook_private/functions/show_balances.sql
create or replace function daybook_private.show_balances(
  ledger text,
  idempotency_key text,
  entries daybook.entry_input[],
  result daybook.transaction_result,
  lines daybook_private.line[]
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  -- To find none would cost half as much as the whole call.
  if not exists (select from unnest(entries) e where e.show_resulting_balances) then
    return result;
  end if;
  result.balances := daybook_private.resulting_balances(show_balances.ledger, entries, lines);
  if result.balances is not null and idempotency_key is not null then
    update daybook_private.idempotency_keys k
       set result = jsonb_build_object('balances', show_balances.result.balances)
     where k.ledger = show_balances.ledger and k.key = show_balances.idempotency_key;
  end if;
  return result;
end
$$;
comment on function daybook_private.show_balances(text, text, daybook.entry_input[], daybook.transaction_result, daybook_private.line[]) is
  'Adds the balances that entries asked for, and keeps them for replays.';
revoke execute on function daybook_private.show_balances(text, text, daybook.entry_input[], daybook.transaction_result, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/show_balances.sql
--! Included daybook_private/functions/complete_result.sql
create or replace function daybook_private.complete_result(
  ledger text,
  input daybook.transaction_input,
  result daybook.transaction_result,
  lines daybook_private.line[],
  origin daybook_private.origin
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  result := daybook_private.show_balances(complete_result.ledger, input.idempotency_key, input.entries, result, lines);
  if result.status = 'pending' then
    perform daybook_private.log_event(complete_result.ledger,
      case when origin.reverses_transaction_id is null then 'create_transaction' else 'reverse_transaction' end,
      to_jsonb(input) || jsonb_build_object('version', 1, 'reverses_transaction_id', origin.reverses_transaction_id),
      result.transaction_id, null, origin);
    perform daybook_private.watch_expiry(
      complete_result.ledger, result.transaction_id, input.expires_at, lines);
  end if;
  return result;
end
$$;
comment on function daybook_private.complete_result(text, daybook.transaction_input, daybook.transaction_result, daybook_private.line[], daybook_private.origin) is
  'What a new transaction needs beside its rows when it is pending or entries asked for balances: the log, its expiry, the balances.';
revoke execute on function daybook_private.complete_result(text, daybook.transaction_input, daybook.transaction_result, daybook_private.line[], daybook_private.origin) from public;
--! EndIncluded daybook_private/functions/complete_result.sql
--! Included daybook_private/functions/complete_change.sql
create or replace function daybook_private.complete_change(
  ledger text,
  request daybook_private.change_request,
  result daybook.transaction_result,
  lines daybook_private.line[]
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
begin
  update daybook_private.idempotency_keys k
     set version = complete_change.result.version
   where k.ledger = complete_change.ledger and k.key = request.idempotency_key
     and k.version <> complete_change.result.version;
  return daybook_private.show_balances(ledger, request.idempotency_key, request.entries, result, lines);
end
$$;
comment on function daybook_private.complete_change(text, daybook_private.change_request, daybook.transaction_result, daybook_private.line[]) is
  'Adds the balances that entries asked for to the result of a change, and keeps the result for replays.';
revoke execute on function daybook_private.complete_change(text, daybook_private.change_request, daybook.transaction_result, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/complete_change.sql
--! Included daybook_private/functions/change_transaction.sql
-- Posting, updating and archiving are one thing: what the pending entries hold is answered by further
-- entries, and the transaction becomes its next version.
create or replace function daybook_private.change_transaction(ledger text, request daybook_private.change_request)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  outcome constant daybook.transaction_status := case
    when request.operation = 'post_transaction' then 'posted'
    when request.operation = 'archive_transaction' then 'archived'
    else 'pending' end;
  effect constant daybook.entry_effect := case when outcome = 'posted' then 'posted' else 'pending' end;
  result daybook.transaction_result;
  pending daybook.transactions;
  changed daybook.transactions;
  lines daybook_private.line[];
begin
  perform daybook_private.check_change(request);
  if request.entries is not null then
    lines := daybook_private.prepare_entries(ledger, request.entries, effect, 0);
  end if;
  perform daybook_private.check_read_committed();
  result := daybook_private.claim_change(ledger, request, request.transaction_id, outcome,
    2);
  if result.transaction_id is not null then
    return result;
  end if;
  if request.expires_at <= clock_timestamp() then
    perform daybook_private.refuse_argument('expires_at', 'in the future', to_jsonb(request.expires_at));
  end if;
  if request.category_locks is not null or request.entries is not null and lines[1].account_id is null then
    perform daybook_private.check_in_order(ledger, request.entries, request.category_locks, request.transaction_id);
  end if;
  pending := daybook_private.lock_transaction(ledger, request.transaction_id);
  perform daybook_private.check_pending(pending, outcome = 'archived');
  if request.entries is not null then
    lines := daybook_private.sound_lines(ledger, request.entries, effect, lines);
  end if;
  if request.entries is not null or request.effective_at <> pending.effective_at then
    perform daybook_private.check_period(ledger, coalesce(request.effective_at, pending.effective_at));
  end if;
  perform daybook_private.check_version(pending, request.expected_version);
  changed := daybook_private.next_version(pending, request, outcome);
  lines := daybook_private.change_lines(pending, changed, lines);
  lines := daybook_private.apply_change(ledger, request, lines);
  perform daybook_private.record_change(pending, changed, lines, request.operation,
    to_jsonb(request) - 'operation' - 'transaction_id' - 'idempotency_key');
  result := row(null, ledger, changed.id, changed.status, changed.version, false, null, null, null, null, null);
  return daybook_private.complete_change(ledger, request, result, lines);
end
$$;
comment on function daybook_private.change_transaction(text, daybook_private.change_request) is
  'Makes a pending transaction its next version: posted, archived, or pending with other entries, times or description.';
revoke execute on function daybook_private.change_transaction(text, daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/change_transaction.sql
--! Included daybook_private/functions/drain_queue.sql
-- One transaction from the queue to the books: the receipts are taken out, applied and given their end,
-- or nothing of it has happened. Who holds the ledger's head drains; others go on to another ledger.
create or replace function daybook_private.drain_queue(ledger text, max integer, is_last_resort boolean default false)
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  head daybook_private.queue_heads;
  -- In this order: who draws a position has a transaction id already, so whoever drew one up to this is
  -- older than the id that the lock below gets.
  is_new constant boolean := pg_current_xact_id_if_assigned() is null;
  newest constant bigint := (select p.last_value from daybook_private.queue_positions p);
  is_settled boolean;
  taken daybook_private.queued_transactions[];
  results daybook.transaction_result[];
begin
  -- At another level members would be refused for good that nothing is wrong with.
  perform daybook_private.check_read_committed();
  select h.* into head
    from daybook_private.queue_heads h
   where h.ledger = drain_queue.ledger
     for update skip locked;
  if not found then
    -- Somebody else is at it, or nobody ever was. Only then insert, which would wait for somebody else,
    -- and in a transaction of its own, so that nobody waits for a whole batch.
    perform from daybook_private.queue_heads h where h.ledger = drain_queue.ledger;
    if not found then
      insert into daybook_private.queue_heads (ledger) values (drain_queue.ledger) on conflict do nothing;
    end if;
    return 0;
  end if;
  -- A statement before the next one, which then sees everything that those transactions left.
  is_settled := coalesce(pg_snapshot_xmin(pg_current_snapshot()) >= head.next_xid, false);
  taken := daybook_private.take_queued(
    drain_queue.ledger, head.position, case when is_last_resort then 1 else max end);
  if taken is null then
    return 0;
  end if;
  results := case
    when is_last_resort then array[daybook_private.apply_or_refuse(drain_queue.ledger, taken[1])]
    else daybook_private.apply_queued(drain_queue.ledger, taken)
  end;
  assert cardinality(results) = cardinality(taken), 'each receipt that was taken has an end';
  perform daybook_private.finish_receipts(drain_queue.ledger, taken, results);
  perform daybook_private.advance_head(
    head, taken[cardinality(taken)].position, is_settled, case when is_new then newest end);
  return cardinality(taken);
end
$$;
comment on function daybook_private.drain_queue(text, integer, boolean) is
  'Applies the oldest transactions of a ledger''s queue, at most so many, and ends their receipts; returns how many, 0 also while somebody else does it. As a last resort the oldest alone, and if it fails for another reason than the ledger''s rules it is refused. Raises LDISO. For the worker, one call a transaction.';
revoke execute on function daybook_private.drain_queue(text, integer, boolean) from public;
grant execute on function daybook_private.drain_queue(text, integer, boolean) to daybook_worker;
--! EndIncluded daybook_private/functions/drain_queue.sql
-- Literals that mean the same whatever standard_conforming_strings says.
--! Included daybook_private/functions/without_zero_fractions.sql
create or replace function daybook_private.without_zero_fractions(value text)
  returns text
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select regexp_replace(
    regexp_replace(value, '([.][0-9]*[1-9])0+(?![0-9])', e'\\1', 'g'), '[.]0+(?![0-9])', '', 'g')
$$;
comment on function daybook_private.without_zero_fractions(text) is
  'A text in which each number has no needless zeros behind its point: 1.50 is 1.5, and 1.0 is 1.';
revoke execute on function daybook_private.without_zero_fractions(text) from public;
--! EndIncluded daybook_private/functions/without_zero_fractions.sql
--! Included daybook_private/functions/partition_states.sql
create or replace function daybook_private.partition_states()
  returns table (relation text, months integer, covered_until timestamptz, default_is_empty boolean)
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select r.name, p.months, p.covered_until,
           case r.name
             when 'transactions' then not exists (select from only daybook.transactions_default)
             when 'entries' then not exists (select from only daybook.entries_default)
             else not exists (select from only daybook_private.log_events_default)
           end
      from (values ('transactions', 'daybook.transactions'::regclass), ('entries', 'daybook.entries'),
                   ('log_events', 'daybook_private.log_events')) r (name, parent)
     cross join lateral (
        select count(*)::integer as months,
               max(uuid_extract_timestamp(overlay(overlay(b.bound placing '7' from 15) placing '8' from 20)::uuid)) as covered_until
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid
         cross join lateral (
            select substring(pg_get_expr(c.relpartbound, c.oid) from 'TO [(]''([-0-9a-f]{36})''[)]') as bound) b
         where i.inhparent = r.parent and b.bound is not null) p;
end
$$;
comment on function daybook_private.partition_states() is
  'Of each table that is kept in months: how many there are, until when, and whether the default partition is empty.';
revoke execute on function daybook_private.partition_states() from public;
grant execute on function daybook_private.partition_states() to daybook_reader, daybook_worker;
--! EndIncluded daybook_private/functions/partition_states.sql
--! Included daybook_private/functions/is_clean_text.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.is_clean_text(value text, length_min integer, length_max integer)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.length(value) between length_min and length_max
     and value operator(pg_catalog.!~) e'[\\u0001-\\u001f\\u007f-\\u009f]' collate "C"
$$;
comment on function daybook_private.is_clean_text(text, integer, integer) is
  'Whether a text has a length within bounds and no control characters; null for null.';
revoke execute on function daybook_private.is_clean_text(text, integer, integer) from public;
--! EndIncluded daybook_private/functions/is_clean_text.sql
--! Included daybook/functions/enqueue_transactions.sql
-- The common call comes first: one request of two entries that ask for nothing, by a login with a grant of
-- its own, and a key that is not known. Statements and expressions are what a call costs, so it has few
-- of them; the insert asks for the grant and the room. Two addresses with a colon between are one. Whatever is not like that,
-- or not what it seemed, goes the long way, which comes to the same and says what is wrong.
create or replace function daybook.enqueue_transactions(ledger text, transactions daybook.transaction_input[])
  returns setof daybook.receipt
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  input constant daybook.transaction_input := transactions[1];
  a constant daybook.entry_input := input.entries[1];
  b constant daybook.entry_input := input.entries[2];
  names constant text := concat(a.account, ':', b.account, e'\n', input.idempotency_key);
  new_id uuid; -- no column's name: those win
  new_time timestamptz;
begin
  if cardinality(transactions) = 1 and cardinality(input.entries) = 2
     and names ~ e'^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)*\n[ -~]+$' and octet_length(names) <= 255
     and num_nulls(input.status, input.effective_at, input.expires_at, input.external_id, input.description,
                   input.category_locks, input.archive_on_lock_failure,
                   a.lock_version, a.show_resulting_balances, a.metadata, a.pending_balance, a.posted_balance, a.available_balance,
                   b.lock_version, b.show_resulting_balances, b.metadata, b.pending_balance, b.posted_balance, b.available_balance) = 19
     and a.direction is not null and a.amount is not null and b.direction is not null and b.amount is not null
     and (input.metadata is null or input.metadata @> '{}' and octet_length(input.metadata::text) <= 65536)
  then
    insert into daybook_private.queued_transactions
      (ledger, position, receipt_id, idempotency_key, entry_count, request,
       actor, request_id, client_address, accepted_at)
    select g.ledger, currval('daybook_private.queue_positions'), uuidv7(), input.idempotency_key, 2, transactions[1],
           g.role, daybook_private.request_id(), inet_client_addr(), clock_timestamp()
      from daybook_private.ledger_access g
     where g.ledger = enqueue_transactions.ledger and g.role = session_user and g.access in ('write', 'admin') and g.ledger <> '*'
       and case when pg_current_xact_id() is not null then nextval('daybook_private.queue_positions') end
             - coalesce((select h.position from daybook_private.queue_heads h where h.ledger = enqueue_transactions.ledger), 0)
           <= (select l.max_depth from daybook_private.queue_limits l where l.ledger = '*')
    on conflict (ledger, idempotency_key) do nothing
    returning receipt_id, accepted_at into new_id, new_time;
    if found then
      return query
        select enqueue_transactions.ledger, new_id, 'queued', input.idempotency_key,
               null::uuid, null, null, null::jsonb, new_time, null::timestamptz
         where (select f.idempotency_key -- see known_receipt
                  from daybook_private.finished_receipts f
                 where f.ledger = enqueue_transactions.ledger and f.idempotency_key >= input.idempotency_key and f.state = 'applied'
                 order by f.idempotency_key
                 limit 1) is distinct from input.idempotency_key;
      if found then
        return;
      end if;
      delete from daybook_private.queued_transactions q
       where q.ledger = enqueue_transactions.ledger and q.receipt_id = new_id;
    end if;
  end if;
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.check_all_queueable(transactions);
  perform daybook_private.check_ledger_exists(ledger);
  if input is distinct from null and cardinality(transactions) = 1 then
    return next daybook_private.enqueue_one(ledger, input, 1);
  else
    return query select r.* from unnest(daybook_private.enqueue_many(ledger, transactions)) r;
  end if;
end
$$;
comment on function daybook.enqueue_transactions(text, daybook.transaction_input[]) is
  'Hand up to 10 000 transactions (100 000 entries) to the write-ahead queue: durable when the call has committed, applied in order by the worker a moment later. Each needs an idempotency_key; the same key with the same request gives the same receipt, waiting or applied. Returns the receipts in order, all or none. '
  'Raises 42501, LDARG, LDIDM, LDLED, LDQUE; whatever else is wrong with a transaction ends its receipt as refused.';
revoke execute on function daybook.enqueue_transactions(text, daybook.transaction_input[]) from public;
grant execute on function daybook.enqueue_transactions(text, daybook.transaction_input[]) to daybook_writer;
--! EndIncluded daybook/functions/enqueue_transactions.sql
-- An import of what was not sealed for a day; heads that were set back; what a clock that is set back leaves behind.
--! Included daybook_private/functions/next_log_id.sql
-- What was done last to an account, a category, a grant, a period, or to a transaction's metadata is told by the order of
-- ids. Ids are made by the clock, and that may have been set back, or be another server's: so a record's id comes above
-- those that are there. Whoever changes the same thing had a lock on it, so his record is seen by this later statement.
-- As a rule nothing is above: it is a look at the ends of indexes, of this month and those to come, a fifth of what setting
-- a limit costs. The shift is counted from the id just made, not from the clock, because a session goes on from its own
-- last id when the clock is set back.
create or replace function daybook_private.next_log_id(ledger text, transaction_id uuid)
  returns uuid
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  made constant uuid := uuidv7();
  last uuid;
begin
  if next_log_id.transaction_id is null then
    select e.id into last
      from daybook_private.log_events e
     where e.ledger = next_log_id.ledger and e.id > made and e.transaction_id is null
     order by e.id desc
     limit 1;
  else
    select e.id into last
      from (select e.id
              from daybook_private.log_events e
             where e.ledger = next_log_id.ledger and e.id > made and e.transaction_id = next_log_id.transaction_id
            offset 0) e
     order by e.id desc
     limit 1;
  end if;
  return coalesce(
    uuidv7(uuid_extract_timestamp(last) - uuid_extract_timestamp(made) + interval '1 millisecond'), made);
end
$$;
comment on function daybook_private.next_log_id(text, uuid) is
  'An id for a record about a transaction, or about something else in a ledger, above those of all such records.';
revoke execute on function daybook_private.next_log_id(text, uuid) from public;
--! EndIncluded daybook_private/functions/next_log_id.sql
--! Included daybook_private/functions/log_event.sql
-- What the queue's worker applies is recorded as asked by whoever queued it: the origin says who.
-- Fields that were not given are left out; what is inside a field, metadata above all, stays as it was.
-- Versions of a transaction have numbers, and nothing comes before an account is opened: the ids of these records may be
-- the present time's, whatever is there.
create or replace function daybook_private.log_event(
  ledger text,
  kind text,
  data jsonb,
  transaction_id uuid default null,
  account_id uuid default null,
  origin daybook_private.origin default null
)
  returns void
  language sql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
  insert into daybook_private.log_events
    (ledger, id, kind, transaction_id, account_id, data, actor, request_id, client_address)
  values
    (log_event.ledger,
     case when log_event.transaction_id is null and log_event.kind <> 'open_account'
            or log_event.kind in ('set_transaction_metadata', 'delete_transaction_metadata')
       then daybook_private.next_log_id(log_event.ledger, log_event.transaction_id) else uuidv7() end,
     log_event.kind, log_event.transaction_id, log_event.account_id,
     (select coalesce(jsonb_object_agg(d.key, d.value), '{}') from jsonb_each(log_event.data) d where d.value <> 'null'),
     coalesce((log_event.origin).actor, daybook_private.actor()),
     case when (log_event.origin).actor is null then daybook_private.request_id() else (log_event.origin).request_id end,
     case when (log_event.origin).actor is null then daybook_private.client_address() else (log_event.origin).client_address end)
$$;
comment on function daybook_private.log_event(text, text, jsonb, uuid, uuid, daybook_private.origin) is
  'Records an operation in the log: what was asked, by whom, from where.';
revoke execute on function daybook_private.log_event(text, text, jsonb, uuid, uuid, daybook_private.origin) from public;
--! EndIncluded daybook_private/functions/log_event.sql
--! Included daybook_private/functions/settled_until.sql
-- An id is made a moment before it is committed, so records appear out of order. What follows them in
-- order of ids, and looks at each only once, needs a time before which nothing can appear any more.
-- A candidate, the present time with the next transaction number, has come true as soon as
-- no transaction below that number runs, prepared ones included. The number is remembered from one call
-- to the next and no longer: in a restored cluster, where numbers may begin anew, a number that is
-- still to come is given up for another. Ids are made when their transaction has its number, or a moment before it gets
-- that: who may have to wait for somebody gets it first. (Not for a call with the same key, which would cost all retries a
-- number; if that is undone, who has waited goes on with an older id, and is found when everything is looked at.) A time that is still to come was found before the clock was set back, and ids below it
-- are made once more: then all is found out anew. What relies on this wants to be proved now and then by looking at
-- everything: by five seconds a clock may be set back, by more only if somebody looks here before that time comes again.
create or replace function daybook_private.settled_until()
  returns uuid
  language plpgsql
  volatile
as $$
declare
  began constant timestamptz := now() - interval '5 seconds';
  running constant pg_snapshot := pg_current_snapshot();
  known daybook_private.settlements;
begin
  insert into daybook_private.settlements (ledger, settled_until, candidate_until, candidate_xid)
    select '*', 'epoch', began, pg_snapshot_xmax(running)
     where not exists (select from daybook_private.settlements s where s.ledger = '*')
    on conflict do nothing;
  select * into known from daybook_private.settlements s where s.ledger = '*' for update skip locked;
  if not found then  -- somebody else is about it
    select * into known from daybook_private.settlements s where s.ledger = '*';
  elsif greatest(known.settled_until, known.candidate_until) > clock_timestamp() then
    known.settled_until := 'epoch';
    update daybook_private.settlements s
       set settled_until = known.settled_until, candidate_until = began, candidate_xid = pg_snapshot_xmax(running)
     where s.ledger = '*';
  elsif pg_snapshot_xmin(running) >= known.candidate_xid then
    known.settled_until := greatest(known.settled_until, known.candidate_until);
    update daybook_private.settlements s
       set settled_until = known.settled_until, candidate_until = began, candidate_xid = pg_snapshot_xmax(running)
     where s.ledger = '*';
  elsif known.candidate_xid > pg_snapshot_xmax(running) then
    update daybook_private.settlements s
       set candidate_until = began, candidate_xid = pg_snapshot_xmax(running)
     where s.ledger = '*';
  end if;
  return daybook_private.uuid_at(case when known.settled_until <= clock_timestamp() then known.settled_until else 'epoch' end);
end
$$;
comment on function daybook_private.settled_until() is
  'An id below which nothing can be committed any more; the next call may know of a higher one. To be called in a statement before the one that reads.';
revoke execute on function daybook_private.settled_until() from public;
--! EndIncluded daybook_private/functions/settled_until.sql
--! Included daybook_private/functions/await_writers.sql
-- Every call that makes entries locks rows of accounts before it looks at the clock, so whoever may still
-- commit an entry of the time until now holds such a lock on the table. Whoever comes later is later. A lock of
-- our own would do it at the price of a lock in every call; this costs nobody anything but who closes.
-- What the worker found settled is not under way any more: as a rule there is nobody to wait for. A time that is still to
-- come was found settled before the clock was set back, and settles nothing.
create or replace function daybook_private.await_writers(until timestamptz, patience interval default '5 s')
  returns void
  language plpgsql
  volatile
as $$
declare
  deadline constant timestamptz := clock_timestamp() + patience;
  writers text[];
begin
  perform
    from daybook_private.settlements s
   where s.ledger = '*' and s.settled_until >= until and s.settled_until <= clock_timestamp();
  if found then
    return;
  end if;
  loop
    select array_agg(l.virtualtransaction) into writers
      from pg_locks l
     where l.locktype = 'relation' and l.relation = 'daybook.accounts'::regclass
       and l.database = (select d.oid from pg_database d where d.datname = current_database())
       and l.mode in ('RowShareLock', 'RowExclusiveLock') and l.granted
       and l.pid is distinct from pg_backend_pid()
       and (writers is null or l.virtualtransaction = any (writers));
    exit when writers is null;
    if clock_timestamp() > deadline then
      raise exception using
        errcode = '55P03',
        message = 'transactions that began before the end of the period are still open',
        detail = jsonb_build_object('open', cardinality(writers)),
        hint = 'Call again when they have ended; docs/runbook.md tells how to find them.';
    end if;
    perform pg_sleep(0.01);
  end loop;
end
$$;
comment on function daybook_private.await_writers(timestamptz, interval) is
  'Returns when every transaction has ended that may have made entries effective before a time that is over, for having given none. Raises 55P03 when that takes too long.';
revoke execute on function daybook_private.await_writers(timestamptz, interval) from public;
--! EndIncluded daybook_private/functions/await_writers.sql
--! Included daybook_private/functions/index_search.sql
-- Rows first, then lines: a change that commits in between is an event that the row does not name, so the
-- search does not trust the lines and the next round does it again. The head moves no further
-- than to where nothing can be committed any more; what stands above is found by comparing. While an import
-- holds the ledger, whose records are old and cannot be seen yet, there is nothing to do. A head that is still to come was
-- moved there before the clock was set back: it looks again, as far as index_missed does.
create or replace function daybook_private.index_search(ledger text, most integer default 1000)
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  settled constant uuid := daybook_private.settled_until();
  indexed_until uuid;
  found_ids uuid[];
  ids uuid[];
begin
  insert into daybook_private.search_heads (ledger)
    select l.name
      from daybook.ledgers l
     where l.name = index_search.ledger
       and not exists (select from daybook_private.search_heads h where h.ledger = index_search.ledger)
       for key share of l skip locked
    on conflict do nothing;
  select h.indexed_until into indexed_until
    from daybook_private.search_heads h
   where h.ledger = index_search.ledger
     for update skip locked;
  if not found then
    return 0;
  end if;
  if indexed_until > daybook_private.uuid_at(clock_timestamp()) then
    update daybook_private.search_heads h
       set indexed_until = daybook_private.uuid_at(now() - interval '2 hours')
     where h.ledger = index_search.ledger
    returning h.indexed_until into indexed_until;
  end if;
  select coalesce(array_agg(b.id), '{}'), array_agg(distinct b.transaction_id) into found_ids, ids
    from daybook_private.search_backlog(index_search.ledger, indexed_until, index_search.most) b;
  perform daybook_private.index_transactions(index_search.ledger, ids);
  update daybook_private.search_heads h
     set indexed_until = least(settled, found_ids[index_search.most])
   where h.ledger = index_search.ledger
     and h.indexed_until < least(settled, found_ids[index_search.most]);
  return cardinality(found_ids);
end
$$;
comment on function daybook_private.index_search(text, integer) is
  'Brings the next so many of a ledger''s records into what is searched; returns how many, 0 if another does it right now.';
revoke execute on function daybook_private.index_search(text, integer) from public;
grant execute on function daybook_private.index_search(text, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/index_search.sql
--! Included daybook_private/functions/unindexed_ledgers.sql
-- As index_search does it, who goes back to what is recent where a head is still to come.
create or replace function daybook_private.unindexed_ledgers()
  returns table (ledger text, oldest_at timestamptz)
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_bitmapscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
#variable_conflict use_column
declare
  present constant uuid := daybook_private.uuid_at(clock_timestamp());
  recent constant uuid := daybook_private.uuid_at(now() - interval '2 hours');
begin
  return query
    select l.name, least(uuid_extract_timestamp(t.id), uuid_extract_timestamp(e.id))
      from daybook.ledgers l
      left join lateral (
        select case when h.indexed_until > present then recent else h.indexed_until end as indexed_until
          from daybook_private.search_heads h
         where h.ledger = l.name) h on true
      left join lateral (
        select t.id
          from daybook.transactions t
         where t.ledger = l.name and t.id > coalesce(h.indexed_until, '00000000-0000-0000-0000-000000000000')
         order by t.id
         limit 1) t on true
      left join lateral (
        select e.id
          from daybook_private.log_events e
         where e.ledger = l.name and e.id > coalesce(h.indexed_until, '00000000-0000-0000-0000-000000000000')
         order by e.id
         limit 1) e on true
     where coalesce(t.id, e.id) is not null;
end
$$;
comment on function daybook_private.unindexed_ledgers() is
  'Ledgers with records that index_search may not have dealt with yet, and when the oldest of these was made.';
revoke execute on function daybook_private.unindexed_ledgers() from public;
grant execute on function daybook_private.unindexed_ledgers() to daybook_worker;
--! EndIncluded daybook_private/functions/unindexed_ledgers.sql
--! Included daybook_private/functions/apply_entries.sql
-- THE PLACE THAT LOCKS ACCOUNTS (a pair's are locked by the same rules: take_debit, write_pair), in the
-- order in which the lines come (order_lines): those
-- that must wait for their account first, by account id, waiting; then all others, none of which
-- ever waits. Whoever waits holds nothing that the one he waits for still needs: no deadlock.
--   locked:   update (waits, adds, fetches). When all of them are held, what is queued for them is
--             folded in beneath, by later statements, whose snapshots are taken after every wait:
--             entries may have been queued for one account while the next was waited for.
--   unlocked: update if the account is free, else leave the amounts in the queue and go on.
-- What is locked is the row in accounts, which stands for the account and hardly ever changes: `skip
-- locked` on a row that others keep updating, as the counters are, now and then waits after all, for
-- PostgreSQL follows the update chain of a change that commits just then.
-- On an account whose counters have drifted everything queues until they are rebuilt.
-- An older snapshot cannot update what changed since, so above READ COMMITTED unlocked ones queue.
create or replace function daybook_private.apply_entries(ledger text, lines daybook_private.line[])
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  line daybook_private.line;
  may_update constant boolean := current_setting('transaction_isolation') = 'read committed';
begin
  for n in 1..cardinality(lines) loop
    line := lines[n];
    -- Before it waits it has a transaction number: see settled_until.
    if line.locked and pg_current_xact_id() is not null then
      update daybook_private.account_counters c
         set lock_version = c.lock_version + 1,
             pending_debits = c.pending_debits + line.pending_debits,
             pending_credits = c.pending_credits + line.pending_credits,
             posted_debits = c.posted_debits + line.posted_debits,
             posted_credits = c.posted_credits + line.posted_credits
       where c.ledger = apply_entries.ledger and c.account_id = (
               select a.id from daybook.accounts a
                where a.ledger = apply_entries.ledger and a.id = line.account_id
                  for no key update)
      returning c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits,
                c.normal_balance, c.balance_min, c.balance_max, c.closed_at, c.drifted_at
        into strict line.lock_version, line.pending_debits, line.pending_credits, line.posted_debits, line.posted_credits,
                line.normal_balance, line.balance_min, line.balance_max, line.closed_at, line.drifted_at;
      if line.drifted_at is not null then
        line := daybook_private.queue_on_drifted(apply_entries.ledger, lines[n], line);
      end if;
    else
      if may_update then
        update daybook_private.account_counters c
           set lock_version = c.lock_version + 1,
               pending_debits = c.pending_debits + line.pending_debits,
               pending_credits = c.pending_credits + line.pending_credits,
               posted_debits = c.posted_debits + line.posted_debits,
               posted_credits = c.posted_credits + line.posted_credits
         where c.ledger = apply_entries.ledger and c.account_id = (
                 select a.id from daybook.accounts a
                  where a.ledger = apply_entries.ledger and a.id = line.account_id
                    for no key update skip locked)
           and c.drifted_at is null
        returning c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
          into line.lock_version, line.pending_debits, line.pending_credits, line.posted_debits, line.posted_credits;
      end if;
      if line.lock_version is null then
        line := daybook_private.queue_entry(apply_entries.ledger, lines[n]);
      end if;
    end if;
    lines[n] := line;
  end loop;
  if lines[1].locked then
    perform
      from daybook_private.entry_queue q
     where q.ledger = apply_entries.ledger and q.account_id = lines[1].account_id
     order by q.entry_id
     limit 1;
    if found or lines[2].locked then
      lines := daybook_private.fold_beneath(apply_entries.ledger, lines);
    end if;
  end if;
  return lines;
end
$$;
comment on function daybook_private.apply_entries(text, daybook_private.line[]) is
  'Adds entries to their accounts'' counters or queues; returns them with version and counters, which are null for queued ones.';
revoke execute on function daybook_private.apply_entries(text, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/apply_entries.sql
--! Included daybook_private/functions/take_debit.sql
-- The debit of a pair that does not come to the first look: one that asks for a least available balance, whose account has
-- a limit, or is held by somebody. What a lock is waited for is judged in a later statement than the one that got it:
-- only its snapshot sees what was applied and queued meanwhile.
create or replace function daybook_private.take_debit(
  ledger text, account text, entry_id uuid, amount numeric, currency text, credit_id uuid, minimum numeric
)
  returns daybook_private.taken
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  xid constant xid8 := pg_current_xact_id();  -- before it waits: see settled_until
  taken daybook_private.taken;
begin
  taken.minimum := minimum;
  if minimum is null then
    select a.id, a.balance_min
      into taken.account_id, taken.minimum
      from daybook.accounts a
     where a.ledger = take_debit.ledger and a.address = take_debit.account and a.closed_at is null
       and (a.balance_min is null and a.balance_max is null or a.normal_balance = 'credit')
       and a.id <> take_debit.credit_id and a.currency = take_debit.currency;
    if taken.minimum is null then
      if found then
        insert into daybook_private.entry_queue
          values (take_debit.ledger, taken.account_id, entry_id, amount, 0, amount, 0);
      end if;
      return taken;
    end if;
  end if;
  select a.id
    into taken.account_id
    from daybook.accounts a
   where a.ledger = take_debit.ledger and a.address = take_debit.account and a.id <> take_debit.credit_id
     for no key update;
  update daybook_private.account_counters c
     set lock_version = c.lock_version + 1,
         pending_debits = c.pending_debits + amount,
         posted_debits = c.posted_debits + amount
   where c.ledger = take_debit.ledger and c.account_id = taken.account_id
     and c.closed_at is null and c.drifted_at is null and c.normal_balance = 'credit' and c.currency = take_debit.currency
     and c.posted_credits - c.pending_debits - amount >= greatest(taken.minimum, c.balance_min)
     and (select q.entry_id
            from daybook_private.entry_queue q
           where q.ledger = take_debit.ledger and q.account_id = taken.account_id
           order by q.entry_id
           limit 1) is null
  returning c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
    into taken.lock_version, taken.pending_debits, taken.pending_credits, taken.posted_debits, taken.posted_credits;
  return case when taken.lock_version is not null then taken end;
end
$$;
comment on function daybook_private.take_debit(text, text, uuid, numeric, text, uuid, numeric) is
  'Debits an account: at once, held until the transaction ends, if it must keep a minimum available, asked for or its own limit, which is then returned; by the queue otherwise, without a lock_version. Without an account_id nothing was done: there is no such open account in the currency, beside that of the credit, or something speaks against it.';
revoke execute on function daybook_private.take_debit(text, text, uuid, numeric, text, uuid, numeric) from public;
--! EndIncluded daybook_private/functions/take_debit.sql
--! Included daybook_private/functions/claim_external_id.sql
create or replace function daybook_private.claim_external_id(ledger text, external_id text, transaction_id uuid)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  xid constant xid8 := pg_current_xact_id();  -- before it waits: see settled_until
  holder uuid;
begin
  loop
    -- Waits for whoever holds the id in an open transaction.
    insert into daybook_private.external_ids (ledger, external_id, transaction_id)
      values (claim_external_id.ledger, claim_external_id.external_id, claim_external_id.transaction_id)
      on conflict do nothing;
    exit when found;
    -- A later statement than the insert, which sees who won; if he has let go since, try again.
    select x.transaction_id into holder
      from daybook_private.external_ids x
     where x.ledger = claim_external_id.ledger and x.external_id = claim_external_id.external_id;
    if found then
      perform daybook_private.refuse('LDEXT', 'external id is taken', jsonb_build_object(
        'ledger', claim_external_id.ledger, 'external_id', claim_external_id.external_id,
        'transaction_id', holder));
    end if;
  end loop;
end
$$;
comment on function daybook_private.claim_external_id(text, text, uuid) is
  'Reserves an external id for a transaction; raises LDEXT with the holder when it is taken.';
revoke execute on function daybook_private.claim_external_id(text, text, uuid) from public;
--! EndIncluded daybook_private/functions/claim_external_id.sql
--! Included daybook_private/functions/is_period_open.sql
-- What check_period does, in fewer steps, for who reads at READ COMMITTED: an expression that locks, and a later
-- statement that reads, so that it sees what was closed while the lock was waited for.
create or replace function daybook_private.is_period_open(ledger text, effective_at timestamptz)
  returns boolean
  language plpgsql
  volatile
as $$
begin
  -- Before it waits: see settled_until.
  if pg_current_xact_id() is null or pg_advisory_xact_lock_shared(daybook_private.period_lock(ledger)) is null then
    return null;
  end if;
  perform
    from daybook.ledgers l
   where l.name = is_period_open.ledger and l.closed_until > effective_at;
  return not found and isfinite(effective_at);
end
$$;
comment on function daybook_private.is_period_open(text, timestamptz) is
  'Whether new entries may take effect at a time, which must be finite and in no closed period; it stays so until the transaction ends. At READ COMMITTED only.';
revoke execute on function daybook_private.is_period_open(text, timestamptz) from public;
--! EndIncluded daybook_private/functions/is_period_open.sql
--! Included daybook_private/functions/hold_periods.sql
-- Whoever writes entries at a time of his own choosing holds this lock, shared, until his transaction
-- ends, and close_period waits for it: when that has returned, nothing older is still under way. An
-- advisory lock, because locking the ledger's row would write it with every call. It is taken after
-- keys, external ids and transactions, and before categories and accounts, by everybody.
create or replace function daybook_private.hold_periods(ledger text)
  returns timestamptz
  language plpgsql
  volatile
as $$
declare
  xid constant xid8 := pg_current_xact_id();  -- before it waits: see settled_until
  closed_until timestamptz;
begin
  perform pg_advisory_xact_lock_shared(daybook_private.period_lock(ledger));
  -- A later statement than the lock, so that it sees what was closed while it was waited for.
  if current_setting('transaction_isolation') = 'read committed' then
    select l.closed_until into closed_until
      from daybook.ledgers l
     where l.name = hold_periods.ledger;
  else
    -- An older snapshot does not: then the row cannot be locked, which is 40001.
    select l.closed_until into closed_until
      from daybook.ledgers l
     where l.name = hold_periods.ledger
       for share;
  end if;
  return closed_until;
end
$$;
comment on function daybook_private.hold_periods(text) is
  'Until when the books of a ledger are closed; no more of them is closed before the transaction ends.';
revoke execute on function daybook_private.hold_periods(text) from public;
--! EndIncluded daybook_private/functions/hold_periods.sql
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
  xid constant xid8 := pg_current_xact_id();  -- before it waits: see settled_until
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
  xid constant xid8 := pg_current_xact_id();  -- before the ids: see settled_until
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
--! Included daybook_private/functions/partially_post.sql
-- A new transaction is posted, and what is pending shrinks by the same amounts in the same step. Limits
-- and closed accounts do not refuse what a hold was granted for; the conditions of the entries do.
create or replace function daybook_private.partially_post(ledger text, request daybook_private.change_request)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  xid constant xid8 := pg_current_xact_id();  -- before the id: see settled_until
  origin daybook_private.origin;
  input daybook.transaction_input;
  result daybook.transaction_result;
  pending daybook.transactions;
  changed daybook.transactions;
  held daybook_private.line[];
  lines daybook_private.line[];
begin
  -- Positions are counted from 1, wherever the caller's array begins.
  request.entries := (select array_agg(e) from unnest(request.entries) e);
  perform daybook_private.check_partial(request);
  perform daybook_private.check_read_committed();
  origin.transaction_id := uuidv7();
  origin.partially_posts_transaction_id := request.transaction_id;
  result := daybook_private.claim_change(ledger, request, origin.transaction_id, 'posted', 1);
  if result.transaction_id is not null then
    return result;
  end if;
  perform daybook_private.check_in_order(ledger, request.entries, null, request.transaction_id);
  if request.external_id is not null then
    perform daybook_private.claim_external_id(ledger, request.external_id, origin.transaction_id);
  end if;
  pending := daybook_private.lock_transaction(ledger, request.transaction_id);
  perform daybook_private.check_pending(pending, false);
  held := daybook_private.held_lines(pending);
  lines := daybook_private.partial_lines(ledger, request.entries, held);
  perform daybook_private.check_period(ledger, coalesce(request.effective_at, pending.effective_at));
  perform daybook_private.check_version(pending, request.expected_version);
  changed := pending;
  changed.version := pending.version + 1;
  if (select sum(l.amount) from unnest(held) l) = (select sum(l.amount) from unnest(lines) l where l.effect = 'released') then
    changed.status := 'archived';
    changed.archived_reason := 'fully_posted';
  end if;
  lines := daybook_private.apply_partial(ledger, request, lines);
  input := row(request.entries, 'posted', coalesce(request.effective_at, pending.effective_at), null, request.external_id,
    request.description, request.metadata, null, null, null);
  perform daybook_private.write_transaction(ledger, origin.transaction_id, 'posted', input, origin,
    array(select l from unnest(lines) l where l.effect = 'posted'));
  perform daybook_private.record_change(pending, changed, array(select l from unnest(lines) l where l.effect = 'released'),
    request.operation, jsonb_build_object('posted_transaction_id', origin.transaction_id),
    -- Both sides at one time: as of no time is one in the books without the other.
    (select t.created_at from daybook.transactions t
      where t.ledger = partially_post.ledger and t.id = origin.transaction_id));
  result := row(null, ledger, origin.transaction_id, 'posted', 1, false, null, null, null, null, null);
  return daybook_private.show_balances(ledger, request.idempotency_key, request.entries, result, lines);
end
$$;
comment on function daybook_private.partially_post(text, daybook_private.change_request) is
  'Posts a part of what a pending transaction holds as a transaction of its own.';
revoke execute on function daybook_private.partially_post(text, daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/partially_post.sql
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
  xid constant xid8 := pg_current_xact_id();  -- before the id: see settled_until
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
--! Included daybook_private/functions/check_blocks.sql
-- The chain as it is stored: each block against the one before it that is there, and against the leaves of its records. Of a
-- block that was changed the last number is told, so that a record of it that was changed is found first.
create or replace function daybook_private.check_blocks(ledger text, first_block bigint, last_block bigint)
  returns table (no bigint, log_id uuid, problem text, detail jsonb)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  with blocks as (
    select b.*, lag(b.block, 1, 0::bigint) over w as block_before, lag(b.last_no, 1, 0::bigint) over w as last_no_before,
           lag(b.hash, 1, decode(repeat('00', 32), 'hex')) over w as hash_before
      from daybook_private.seal_blocks b
     where b.ledger = check_blocks.ledger and b.block <= last_block
       and b.block >= coalesce((
             select max(p.block) from daybook_private.seal_blocks p
              where p.ledger = check_blocks.ledger and p.block < first_block), first_block)
    window w as (order by b.block)
  ),
  leaves as (
    select b.block, count(s.no) as seals, string_agg(encode(s.leaf, 'hex'), e'\n' order by s.no) as leaves
      from blocks b
      left join daybook_private.seals s
        on s.ledger = check_blocks.ledger and s.no between b.first_no and b.last_no
     where b.block >= first_block
     group by b.block
  )
  select b.last_no_before + 1, null::uuid, 'block_missing', jsonb_build_object('block', b.block_before + 1)
    from blocks b
   where b.block >= first_block and (b.block, b.first_no) <> (b.block_before + 1, b.last_no_before + 1)
  union all
  select b.first_no, null, 'chain_broken', jsonb_build_object('block', b.block,
           'previous_hash', encode(b.previous_hash, 'hex'), 'hash_of_previous', encode(b.hash_before, 'hex'))
    from blocks b
   where b.block >= first_block and b.block = b.block_before + 1 and b.previous_hash <> b.hash_before
  union all
  select n.no, null, 'seal_missing', jsonb_build_object('block', b.block)
    from blocks b
    join leaves l on l.block = b.block
   cross join lateral (
     select min(g.no) as no
       from (select b.first_no
             union all
             select s.no + 1 from daybook_private.seals s
              where s.ledger = check_blocks.ledger and s.no >= b.first_no and s.no < b.last_no) g (no)
      where not exists (select from daybook_private.seals s where s.ledger = check_blocks.ledger and s.no = g.no)) n
   where l.seals <> b.last_no - b.first_no + 1
  union all
  select b.last_no, null, 'block_changed', jsonb_build_object('block', b.block, 'first_no', b.first_no, 'hash', encode(b.hash, 'hex'),
           'hash_of_contents', encode(h.hash, 'hex'))
    from blocks b
    join leaves l on l.block = b.block
   cross join lateral daybook_private.block_hash(
     row(b.ledger, b.block, b.first_no, b.last_no, b.previous_hash, b.hash, b.sealed_at), l.leaves) h (hash)
   where l.seals = b.last_no - b.first_no + 1 and b.hash <> h.hash
$$;
comment on function daybook_private.check_blocks(text, bigint, bigint) is
  'What is wrong with the chain of a ledger''s log within these blocks, not looking at the records themselves.';
revoke execute on function daybook_private.check_blocks(text, bigint, bigint) from public;
--! EndIncluded daybook_private/functions/check_blocks.sql
--! Included daybook_private/functions/check_log_end.sql
-- A record that is older than a day before the newest sealed one should have been met by a sweep; where nothing
-- is sealed, one that is older than a day: all seals may have been taken away. What an import brought unsealed,
-- however old, has a day to be sealed here.
create or replace function daybook_private.check_log_end(ledger text)
  returns table (no bigint, log_id uuid, problem text, detail jsonb)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(h.no, b.last_no, s.no), null::uuid, 'head_differs',
         jsonb_build_object('head', h.no, 'last_block', b.last_no, 'last_seal', s.no)
    from (select check_log_end.ledger) l
    left join daybook_private.seal_heads h on h.ledger = l.ledger
    left join lateral (
      select b.block, b.last_no, b.hash
        from daybook_private.seal_blocks b
       where b.ledger = l.ledger
       order by b.block desc
       limit 1) b on true
    left join lateral (
      select max(s.no) as no from daybook_private.seals s where s.ledger = l.ledger) s on true
   where (coalesce(h.block, 0), coalesce(h.no, 0), coalesce(h.no, 0), h.hash) is distinct from (
          coalesce(b.block, 0), coalesce(b.last_no, 0), coalesce(s.no, 0),
          coalesce(b.hash, case when h.ledger is not null then decode(repeat('00', 32), 'hex') end))
  union all
  select null, d.log_id, 'state_differs', d.detail
    from daybook_private.differing_books(ledger) d
  union all
  select null, u.id, 'record_unsealed', jsonb_build_object('created_at', uuid_extract_timestamp(u.id))
    from (select check_log_end.ledger) l
    left join daybook_private.seal_heads h on h.ledger = l.ledger and h.no > 0
   cross join lateral unnest(daybook_private.unsealed_records(
     l.ledger, '00000000-0000-0000-0000-000000000000',
     daybook_private.uuid_at(least(uuid_extract_timestamp(h.latest), now()) - interval '1 day'), 1)) u (id)
   where not exists (
         select from daybook_private.log_events r
          where r.ledger = '*' and r.transaction_id is null and r.id > daybook_private.uuid_at(now() - interval '1 day')
            and r.kind = 'restore_ledger' and r.data ->> 'ledger' = check_log_end.ledger)
$$;
comment on function daybook_private.check_log_end(text) is
  'What is wrong with a ledger''s log as a whole: its head, what the log says of accounts and settings, old records that were never sealed.';
revoke execute on function daybook_private.check_log_end(text) from public;
--! EndIncluded daybook_private/functions/check_log_end.sql
--! Included daybook/functions/verify_log.sql
-- Goes through whole blocks, some thousand records at a time, and ends at the first part where something
-- is wrong. What happened to the log itself comes before what merely differs from it. What is about the log
-- as a whole is looked at when its end is reached: where its head says that it is, and where it is.
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
  if result.head_no between coalesce(verify_log.from_no, 1) - 1 and result.to_no or not exists (
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
--! Included daybook/functions/finish_restore.sql
-- Access is left behind: the roles of another server are others. The log says so, as it does when it is revoked. What
-- was granted here, on an empty ledger that was replaced, stays, and the new log says that too; nobody changes it meanwhile.
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
     set block = b.block, no = b.last_no, hash = b.hash,
         latest = (select s.log_id from daybook_private.seals s
                    where s.ledger = b.ledger order by s.log_id desc limit 1)
    from (select b.* from daybook_private.seal_blocks b
           where b.ledger = finish_restore.ledger
           order by b.block desc
           limit 1) b
   where h.ledger = finish_restore.ledger;
  perform daybook_private.log_event(finish_restore.ledger,
            case when g.category is null then 'revoke_ledger_access' else 'revoke_category_access' end,
            jsonb_build_object('role', g.role, 'category', g.category))
     from daybook_private.logged_grants(finish_restore.ledger) g;
  perform daybook_private.log_event(finish_restore.ledger, 'grant_ledger_access', to_jsonb(h))
     from (select g.role, g.access from daybook_private.ledger_access g
            where g.ledger = finish_restore.ledger for share) h;
  perform daybook_private.log_event('*', 'restore_ledger', jsonb_build_object('ledger', finish_restore.ledger) || coalesce(facts, '{}'));
end
$$;
comment on function daybook.finish_restore(text, jsonb) is
  E'@behavior -*\nEnd what restore_rows began, when all rows are there: the versions of entries are checked, caches and the head of the log made, and the instance''s log says what was restored. Raises 42501, LDARG.';
revoke execute on function daybook.finish_restore(text, jsonb) from public;
grant execute on function daybook.finish_restore(text, jsonb) to daybook_admin;
--! EndIncluded daybook/functions/finish_restore.sql
-- Accounts are looked at to their end, however much is written meanwhile.
-- What fails is named, so that the worker passes it over for a while and goes on with all others.
drop function if exists daybook_private.expire_transactions(integer);
drop function if exists daybook_private.check_accounts(text, uuid, boolean, integer, integer);
drop function if exists daybook_private.check_transactions(text, integer);
-- Accounts with very many queued entries are folded by a session of their own.
drop function if exists daybook_private.fold_accounts(text, uuid[]);
--! Included daybook_private/functions/blame.sql
-- From the handler of a call that deals with many: the worker passes over the one and goes on with the others.
create or replace function daybook_private.blame(code text, message text, culprit jsonb)
  returns void
  language plpgsql
  stable
as $$
begin
  raise exception using
    errcode = code, message = blame.message, detail = coalesce(jsonb_strip_nulls(culprit), '{}')::text;
end
$$;
comment on function daybook_private.blame(text, text, jsonb) is
  'Raises an error again with what it is about as its detail: none, if nobody knows.';
revoke execute on function daybook_private.blame(text, text, jsonb) from public;
--! EndIncluded daybook_private/functions/blame.sql
--! Included daybook_private/functions/expire_transactions.sql
-- Those that somebody is changing do not count: however many he holds, the others are not kept waiting.
-- The time is taken once: a comparison with the clock itself could not use the index.
-- One that cannot be archived, because rows of it are damaged, undoes the call and is named, to be passed over by the next.
create or replace function daybook_private.expire_transactions(count integer, passed_over uuid[] default '{}')
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
declare
  now constant timestamptz := clock_timestamp();
  due record;
  previous_id uuid;
  pending daybook.transactions;
  expired integer := 0;
begin
  for due in
    select h.ledger, h.transaction_id
      from daybook_private.expiring_holds h
     where h.expires_at <= now and h.transaction_id <> all (passed_over)
     order by h.expires_at, h.transaction_id
  loop
    exit when expired >= count;
    continue when due.transaction_id = previous_id;
    previous_id := due.transaction_id;
    -- It may have been given more time since it was seen.
    select t.* into pending
      from daybook.transactions t
     where t.ledger = due.ledger and t.id = due.transaction_id
       and t.status = 'pending' and t.expires_at <= clock_timestamp()
       for no key update skip locked;
    if found then
      perform daybook_private.expire_transaction(pending);
      expired := expired + 1;
    end if;
  end loop;
  return expired;
exception when others or assert_failure then
  perform daybook_private.blame(sqlstate, sqlerrm, to_jsonb(due));
end
$$;
comment on function daybook_private.expire_transactions(integer, uuid[]) is
  'Archives transactions whose time is over and that nobody is changing just now, but those passed over; returns how many, at most count. Any error names in its detail the one it is about. For the worker.';
revoke execute on function daybook_private.expire_transactions(integer, uuid[]) from public;
grant execute on function daybook_private.expire_transactions(integer, uuid[]) to daybook_worker;
--! EndIncluded daybook_private/functions/expire_transactions.sql
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
exception when others or assert_failure then
  perform daybook_private.blame(sqlstate, sqlerrm, jsonb_build_object('ledger', head.ledger));
end
$$;
comment on function daybook_private.index_missed(text, uuid, interval, integer) is
  'One step of a look, ledger by ledger in the order of their names, whether index_search has passed over something that was recorded lately; makes up for it. Goes on above an id of a ledger, or without one with the ledger behind it. Returns where to go on, a null ledger after the last one, and how many transactions were missed. Any error names in its detail the ledger it is about.';
revoke execute on function daybook_private.index_missed(text, uuid, interval, integer) from public;
grant execute on function daybook_private.index_missed(text, uuid, interval, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/index_missed.sql
--! Included daybook_private/functions/long_queues.sql
create or replace function daybook_private.long_queues(ledger text, account_ids uuid[])
  returns uuid[]
  language sql
  stable
as $$
  select coalesce(array_agg(a.id), '{}')
    from unnest(account_ids) a (id)
   where (
     select q.entry_id
       from daybook_private.entry_queue q
      where q.ledger = long_queues.ledger and q.account_id = a.id
      order by q.entry_id
     offset 1000
      limit 1) is not null
$$;
comment on function daybook_private.long_queues(text, uuid[]) is
  'Which of the accounts have more than 1000 queued entries.';
revoke execute on function daybook_private.long_queues(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/long_queues.sql
--! Included daybook_private/functions/fold_accounts.sql
-- fold_account for many at once, those of them that nobody holds: what one statement does for hundreds costs a
-- fraction of hundreds of transactions. As there, the lock first, by an earlier statement than the one that reads
-- the queue; nothing is folded where counters have drifted; and rows are found in the order of their keys. Entries are a range
-- of ids: with a list, to be looked for in each account, the primary key would seem dear to a planner.
-- An account with very many is left, for a call of its own: the others would be held until its thousands are done.
create or replace function daybook_private.fold_accounts(
  ledger text,
  account_ids uuid[],
  however_many boolean default false,
  out folded integer,
  out held uuid[],
  out long uuid[]
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
  long := case when however_many then '{}' else daybook_private.long_queues(ledger, account_ids) end;
  select coalesce(array_agg(l.id), '{}') into ours
    from (select a.id
            from daybook.accounts a
           where a.ledger = fold_accounts.ledger and a.id = any (account_ids) and a.id <> all (long)
           order by a.id
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
comment on function daybook_private.fold_accounts(text, uuid[], boolean) is
  'Applies the queued entries of accounts to their counters, as fold_account does; returns how many, which accounts were left, because somebody holds them or they have more than 1000, and which have these. For the worker, one call a transaction.';
revoke execute on function daybook_private.fold_accounts(text, uuid[], boolean) from public;
grant execute on function daybook_private.fold_accounts(text, uuid[], boolean) to daybook_worker;
--! EndIncluded daybook_private/functions/fold_accounts.sql
-- Checks believe no time that is later than now, keep what they still find, and look at accounts to their end.
--! Included daybook_private/functions/due_checks.sql
-- A recent walk is due when there are versions it has not reached, a full one a day after the last one ended,
-- or until it ends; an end later than now is of a clock that was ahead. Drifted accounts are known to be wrong.
create or replace function daybook_private.due_checks(after_ledger text, after_account uuid, max_accounts integer)
  returns table (ledger text, account_id uuid, recent boolean, whole boolean)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_hashjoin to off
as $$
  select p.ledger, p.account_id,
         p.drifted_at is null and p.lock_version > coalesce((r.reached).lock_version, 0),
         p.drifted_at is null
           and (f.finished_at is null or (f.reached).lock_version > 0
                or f.finished_at not between clock_timestamp() - interval '20 hours' and clock_timestamp())
    from (
      select c.ledger, c.account_id, c.lock_version, c.drifted_at
        from daybook_private.account_counters c
       where (c.ledger, c.account_id) > (after_ledger, after_account)
       order by c.ledger, c.account_id
       limit due_checks.max_accounts) p
    left join daybook_private.account_checks r on r.ledger = p.ledger and r.account_id = p.account_id and not r.is_full
    left join daybook_private.account_checks f on f.ledger = p.ledger and f.account_id = p.account_id and f.is_full
   order by p.ledger, p.account_id
$$;
comment on function daybook_private.due_checks(text, uuid, integer) is
  'The accounts behind the given one, at most so many, and whether a recent or a full check of each is due.';
revoke execute on function daybook_private.due_checks(text, uuid, integer) from public;
--! EndIncluded daybook_private/functions/due_checks.sql
--! Included daybook_private/functions/next_sweep.sql
-- All of a log once a day, and when the last time is later than now, of a clock that was ahead; what is younger than a day
-- whenever its turn comes.
create or replace function daybook_private.next_sweep(
  inout ledger text,
  out after uuid,
  out began timestamptz
)
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  select h.ledger,
         case when f.is_due then '00000000-0000-0000-0000-000000000000' else daybook_private.uuid_at(now() - interval '1 day') end,
         case when f.is_due then clock_timestamp() end
    from daybook_private.seal_heads h
   cross join lateral (
     select coalesce(h.fully_swept_at not between clock_timestamp() - interval '1 day' and clock_timestamp(), true) as is_due) f
   where h.ledger > next_sweep.ledger
     and (f.is_due or h.latest > daybook_private.uuid_at(now() - interval '1 day'))
   order by h.ledger
   limit 1
$$;
comment on function daybook_private.next_sweep(text) is
  'The next ledger by name whose log is to be swept, and where to begin; began is null unless all of it is. For the worker.';
revoke execute on function daybook_private.next_sweep(text) from public;
grant execute on function daybook_private.next_sweep(text) to daybook_worker;
--! EndIncluded daybook_private/functions/next_sweep.sql
--! Included daybook_private/functions/check_accounts.sql
-- One round of one of the worker's two walks: accounts in the order of their keys, behind the one where the
-- last round stopped, until the time is up. Each look is a statement, so a snapshot, of its own; no account is
-- locked unless it looks wrong. Most of what is recent is looked at together, ahead of the next round and only
-- behind all others: what both walks note of an account is written in one order, or they would deadlock.
-- An account is left when it was looked at to its end: with one piece a walk, one that gets more than that meanwhile would
-- never be caught up with. When the time is up before, the next round goes on with it.
-- One worker at a time is enough for each walk. An account that cannot be looked at, because rows of it are damaged, undoes
-- the call and is named, to be passed over by the next.
create or replace function daybook_private.check_accounts(
  after_ledger text,
  after_account uuid,
  is_full boolean,
  milliseconds integer default 200,
  max_entries integer default 5000,
  passed_over uuid[] default '{}'
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
  is_unfinished boolean;
  is_late boolean := false;
  verdict daybook_private.verdict;
begin
  checks := 0;
  drifted := '[]';
  perform
    from daybook_private.turns t
   where t.ledger = '*' and t.task = case when is_full then 'check everything' else 'check' end
     for update skip locked;
  if not found then
    return;
  end if;
  ledger := after_ledger;
  account_id := after_account;
  <<accounts>>
  for due in
    select * from daybook_private.due_checks(after_ledger, after_account, page)
  loop
    is_unfinished := (is_full and due.whole or not is_full and due.recent) and due.account_id <> all (passed_over);
    while is_unfinished loop
      checks := checks + 1;
      verdict := daybook_private.check_next_piece(due.ledger, due.account_id, is_full, max_entries);
      if verdict.violation is not null then
        drifted := drifted || jsonb_build_object('ledger', due.ledger, 'account_id', due.account_id,
          'violation', verdict.violation, 'facts', verdict.facts);
      end if;
      is_unfinished := verdict.violation is null and not verdict.is_end;
      is_late := clock_timestamp() > until;
      exit accounts when is_unfinished and is_late;
    end loop;
    seen := seen + 1;
    ledger := due.ledger;
    account_id := due.account_id;
    is_late := clock_timestamp() > until;
    exit when is_late;
  end loop;
  if seen < page and not is_late then
    ledger := null;
    account_id := null;
  elsif not is_full then
    begin
      checks := checks + daybook_private.pass_recent(ledger, account_id, page);
    exception when others or assert_failure then
      null; -- who is to blame is met, and named, by the looks at one after the other
    end;
  end if;
  return next;
exception when others or assert_failure then
  perform daybook_private.blame(sqlstate, sqlerrm, to_jsonb(due));
end
$$;
comment on function daybook_private.check_accounts(text, uuid, boolean, integer, integer, uuid[]) is
  'Compares cached figures of accounts behind the given one, but those passed over, with their entries, new ones or all, for so many milliseconds, and marks those that differ as drifted: the account behind which to go on (null after the last one), how many looks it took, what was found wrong. No row if another worker is at it. Any error names in its detail the account it is about.';
revoke execute on function daybook_private.check_accounts(text, uuid, boolean, integer, integer, uuid[]) from public;
grant execute on function daybook_private.check_accounts(text, uuid, boolean, integer, integer, uuid[]) to daybook_worker;
--! EndIncluded daybook_private/functions/check_accounts.sql
--! Included daybook_private/functions/check_transactions.sql
-- A pass over all transactions of a ledger a day, in pieces that are statements and snapshots of their own.
-- A transaction that is committed late, with an id that was passed, is met by the next pass. What belongs to
-- transactions that are gone may lie behind the last one. What the pass has not seen any more is forgotten in the end, but
-- what check_totals finds. A clock that was ahead makes no pass wait: whatever is said to be later than now is not
-- believed. A piece that fails, because rows are damaged, names its ledger, to be passed over by the next call.
create or replace function daybook_private.check_transactions(
  after_ledger text,
  milliseconds integer default 200,
  passed_over text[] default '{}'
)
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
  ledger := (
    select g.name from daybook.ledgers g where g.name > after_ledger and g.name <> all (passed_over) order by g.name limit 1);
  if ledger is null then
    return;
  end if;
  news := '[]';
  insert into daybook_private.ledger_checks (ledger) values (check_transactions.ledger) on conflict do nothing;
  select p.* into pass
    from daybook_private.ledger_checks p
   where p.ledger = check_transactions.ledger
     and (p.finished_at is null or p.finished_at < p.started_at
          or p.finished_at not between clock_timestamp() - interval '20 hours' and clock_timestamp())
     for no key update skip locked;
  if not found then
    return next;
    return;
  end if;
  if greatest(pass.started_at, pass.finished_at) > clock_timestamp() then
    pass.reached := '00000000-0000-0000-0000-000000000000';
    pass.finished_at := case when pass.finished_at <= clock_timestamp() then pass.finished_at end;
    pass.started_at := clock_timestamp();
  elsif pass.finished_at >= pass.started_at then
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
     where f.ledger = check_transactions.ledger and f.violation <> 'debits and credits of a currency differ'
       and f.last_seen_at < pass.started_at;
    update daybook_private.findings f
       set last_seen_at = clock_timestamp()
     where f.ledger = check_transactions.ledger and f.last_seen_at > clock_timestamp();
    pass.reached := '00000000-0000-0000-0000-000000000000';
    pass.finished_at := clock_timestamp();
  end if;
  update daybook_private.ledger_checks p
     set reached = pass.reached, started_at = pass.started_at, finished_at = pass.finished_at
   where p.ledger = check_transactions.ledger;
  news := to_jsonb(found_now);
  return next;
exception when others or assert_failure then
  perform daybook_private.blame(sqlstate, sqlerrm, jsonb_build_object('ledger', ledger));
end
$$;
comment on function daybook_private.check_transactions(text, integer, text[]) is
  'Goes on with the daily pass over the transactions of the ledger behind the given one, but those passed over, for so many milliseconds; returns which it was and what is newly found wrong, no row behind the last ledger. Any error names in its detail the ledger it is about. For the worker.';
revoke execute on function daybook_private.check_transactions(text, integer, text[]) from public;
grant execute on function daybook_private.check_transactions(text, integer, text[]) to daybook_worker;
--! EndIncluded daybook_private/functions/check_transactions.sql
--! Included daybook_private/functions/check_totals.sql
-- A ledger at a time, so that the worker goes through a thousand of them in short statements: see purge_receipts.
-- What is right again is forgotten.
create or replace function daybook_private.check_totals(inout ledger text default '', out news jsonb)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  found_now daybook.violation[];
begin
  ledger := (select g.name from daybook.ledgers g where g.name > check_totals.ledger order by g.name limit 1);
  if ledger is null then
    return;
  end if;
  found_now := array(select v from daybook_private.broken_totals(check_totals.ledger) v);
  delete from daybook_private.findings f
   where f.ledger = check_totals.ledger and f.violation = 'debits and credits of a currency differ'
     and f.subject <> all (array(select v.subject from unnest(found_now) v));
  news := to_jsonb(daybook_private.keep_findings(found_now));
exception when others or assert_failure then
  perform daybook_private.blame(sqlstate, sqlerrm, jsonb_build_object('ledger', ledger));
end
$$;
comment on function daybook_private.check_totals(text) is
  'Compares all debits with all credits in each currency of the ledger behind the given one, in the order of their names; returns which it was, null behind the last one, and what is newly found wrong. Any error names in its detail the ledger it is about. For the worker.';
revoke execute on function daybook_private.check_totals(text) from public;
grant execute on function daybook_private.check_totals(text) to daybook_worker;
--! EndIncluded daybook_private/functions/check_totals.sql
-- Sums by time: only months are opened that later entries are in, and less is computed for each.
drop function if exists daybook_private.entry_cells(text, uuid, bigint, bigint, boolean);
drop function if exists daybook_private.add_sums(daybook_private.rollup_cursors, bigint, bigint, boolean, integer);
--! Included daybook_private/functions/period_start.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog. Times of which PostgreSQL
-- has no whole year are in a first period of their own. date_trunc takes several times as long as date_bin.
create or replace function daybook_private.period_start(period text, at timestamptz)
  returns timestamptz
  language sql
  immutable
  parallel safe
as $$
  select case
    when period = 'ever' or at < '4712-01-01 00:00:00+00 BC' then '-infinity'
    when period = 'hour' then date_bin('1 hour', at, '2000-01-01 00:00:00+00')
    when period = 'day' then date_bin('1 day', at, '2000-01-01 00:00:00+00')
    else date_trunc(period, at at time zone 'UTC') at time zone 'UTC'
  end
$$;
comment on function daybook_private.period_start(text, timestamptz) is
  'Where the year, month, day or hour of UTC begins that a time is in; -infinity for the period ever.';
revoke execute on function daybook_private.period_start(text, timestamptz) from public;
--! EndIncluded daybook_private/functions/period_start.sql
--! Included daybook_private/functions/entry_cells.sql
-- First by the shortest periods, these by days, and then by every kind of period: of many entries few hours, and fewer days.
-- Sums of one time go through the entries by each time on its own.
-- Entries in the order of an index that gives it, while sorting is off: by no other one are they looked for,
-- even where statistics are missing or wrong. Months before that of the id `since` are not opened.
create or replace function daybook_private.entry_cells(
  ledger text,
  account_id uuid,
  after_version bigint,
  to_version bigint,
  of_both boolean,
  since uuid default '00000000-0000-0000-0000-000000000000'
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
  cursor daybook_private.rollup_cursors;
  effective_units text[];
  recorded_units text[];
begin
  select u.* into cursor
    from daybook_private.rollup_cursors u
   where u.ledger = entry_cells.ledger and u.account_id = entry_cells.account_id;
  effective_units := daybook_private.units_down_to(cursor.effective_unit);
  recorded_units := daybook_private.units_down_to(cursor.recorded_unit);
  return query
    with ways (way, effective_units, recorded_units, effective_unit, recorded_unit) as materialized (
      select 'both', effective_units[2:], recorded_units[2:], cursor.effective_unit, cursor.recorded_unit where of_both
      union all
      select 'effective', effective_units, '{ever}', cursor.effective_unit, 'ever' where not of_both
      union all
      select 'recorded', '{ever}', recorded_units, 'ever', cursor.recorded_unit where not of_both
    ),
    shortest as materialized (
      select w.way,
             daybook_private.period_start(w.effective_unit, e.effective_at) as effective_at,
             daybook_private.period_start(w.recorded_unit, e.created_at) as recorded_at,
             count(*) as entries,
             coalesce(sum(e.pending) filter (where e.is_debit), 0) as pending_debits,
             coalesce(sum(e.pending) filter (where not e.is_debit), 0) as pending_credits,
             coalesce(sum(e.posted) filter (where e.is_debit), 0) as posted_debits,
             coalesce(sum(e.posted) filter (where not e.is_debit), 0) as posted_credits,
             min(e.id) as first_id, max(e.id) as last_id
        from (select e.effective_at, e.created_at, uuid_send(e.id) as id, e.direction = 'debit' as is_debit,
                     daybook_private.pending_share(e.effect, e.amount) as pending,
                     daybook_private.posted_share(e.effect, e.amount) as posted
                from daybook.entries e
               where e.ledger = entry_cells.ledger and e.account_id = entry_cells.account_id
                 and e.lock_version between entry_cells.after_version + 1 and entry_cells.to_version and e.id >= entry_cells.since
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
comment on function daybook_private.entry_cells(text, uuid, bigint, bigint, boolean, uuid) is
  'The rows of entry_sums, of one time or of both, over the entries of an account above one version, up to another, whose ids are not below the given one, computed from the entries.';
revoke execute on function daybook_private.entry_cells(text, uuid, bigint, bigint, boolean, uuid) from public;
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
         later_from = '00000000-0000-0000-0000-000000000000',
         both_later_from = '00000000-0000-0000-0000-000000000000',
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
-- Written in the order of their key, so that sums of one kind lie together; none at all unless every entry was found.
create or replace function daybook_private.add_sums(
  cursor daybook_private.rollup_cursors,
  after_version bigint,
  to_version bigint,
  of_both boolean,
  max_of_period integer,
  since uuid,
  expected bigint
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
        from daybook_private.entry_cells(cursor.ledger, cursor.account_id, after_version, to_version, of_both, since) n
       order by n.effective_in, n.recorded_in, n.effective_from, n.recorded_from
    ),
    found as materialized (
      select coalesce(sum(n.entries), 0)::bigint as entries, max(n.recorded_from) as last_recorded
        from cells n
       where n.effective_in = widest and n.recorded_in = cursor.recorded_unit
    ),
    written as (
      insert into daybook_private.entry_sums as s
      select n.* from cells n where (select f.entries from found f) = expected
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
    select f.entries, f.last_recorded,
           cursor.effective_unit <> 'hour' and exists (
             select from written w
              where w.effective_in = cursor.effective_unit and w.recorded_in = 'ever' and w.entries > max_of_period),
           cursor.recorded_unit <> 'hour' and exists (
             select from written w
              where w.effective_in = 'ever' and w.recorded_in = cursor.recorded_unit and w.entries > max_of_period)
      from found f;
end
$$;
comment on function daybook_private.add_sums(daybook_private.rollup_cursors, bigint, bigint, boolean, integer, uuid, bigint) is
  'Adds the entries of an account above one version, up to another, to its sums of one time, or of both, if those with ids not below the given one are as many as expected. How many there were, the last period they were recorded in, and whether one of the shortest periods has more entries than so many. The caller holds the cursor.';
revoke execute on function daybook_private.add_sums(daybook_private.rollup_cursors, bigint, bigint, boolean, integer, uuid, bigint) from public;
--! EndIncluded daybook_private/functions/add_sums.sql
--! Included daybook_private/functions/roll_up_account.sql
-- Whoever holds the account's cursor adds the entries behind it; another one goes on to other
-- accounts. The entries are read in a later statement than the one that got the lock, and they and the cursor
-- change together: for every snapshot an entry is either in the sums or above the cursor.
-- The entries of one shortest period are read one by one: when they become many, shorter periods are needed.
-- Sums are of entries that are in the books; while some are being detached, nobody adds any.
-- Months before those that the cursor points at are not opened, but if entries are missing in the others: they waited for long.
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
  expected bigint;
  since uuid;
  added record;
  first_later uuid;
begin
  perform
    from daybook_private.turns t
   where t.ledger = '*' and t.task = 'move months'
     for key share skip locked;
  if not found then
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
  expected := newest - done - case when done < detached.lock_version then detached.entries else 0 end;
  foreach since in array array[
    case when of_both then cursor.both_later_from else cursor.later_from end, '00000000-0000-0000-0000-000000000000']
  loop
    select s.* into added
      from daybook_private.add_sums(cursor, done, newest, of_both, max_of_period, since, expected) s;
    exit when added.entries = expected;
  end loop;
  if added.entries = expected is not true then
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
