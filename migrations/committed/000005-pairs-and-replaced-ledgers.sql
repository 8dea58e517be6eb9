--! Previous: sha1:3dc21b1d37fe1dc5cddf70c2f14263029aa6fd09
--! Hash: sha1:86c64234c4450cf2f12673808802c2a03590814d
--! Message: pairs-and-replaced-ledgers

drop function daybook_private.log_body(text, uuid);
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
   cross join lateral unnest(t.category_locks) c
   where c.category is not null;
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
--! Included daybook_private/functions/refuse_changed_entry.sql
-- What an entry says never changes. Its version and counters are a cache: a queued entry gets them once,
-- and where an account is known to have drifted they are made anew by rebuild_balances. What is deleted goes
-- into the table of a detached month in the same step.
-- A queued entry is judged first, and without a query: an expression with one is planned anew for each entry, which
-- took as long as all the rest of folding it.
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
drop function daybook_private.create_pair(text, daybook.entry_input[], text, jsonb, integer);
drop function daybook_private.create_held(text, daybook.entry_input[], text, jsonb, uuid);
drop function daybook_private.write_pair(text, uuid, jsonb, numeric, text, uuid, tid, integer, boolean, uuid, tid);
--! Included daybook_private/functions/is_period_open.sql
-- What check_period does, in fewer steps, for who reads at READ COMMITTED: an expression that locks, and a later
-- statement that reads, so that it sees what was closed while the lock was waited for.
create or replace function daybook_private.is_period_open(ledger text, effective_at timestamptz)
  returns boolean
  language plpgsql
  volatile
as $$
begin
  if pg_advisory_xact_lock_shared(daybook_private.period_lock(ledger)) is null then
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
--! Included daybook_private/functions/hash_with_text.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.hash_with_text(value jsonb, value_text text, seed bigint)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select coalesce(
    pg_catalog.hashtextextended(
      case when value_text like '%.%' then daybook_private.without_zero_fractions(value_text) else value_text end,
      pg_catalog.jsonb_hash_extended(value, seed + 1)),
    seed)
$$;
comment on function daybook_private.hash_with_text(jsonb, text, bigint) is
  'What hash_metadata says of a value, for who has its text already.';
revoke execute on function daybook_private.hash_with_text(jsonb, text, bigint) from public;
--! EndIncluded daybook_private/functions/hash_with_text.sql
--! Included daybook_private/functions/hash_dated.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.hash_dated(effective_at timestamptz, metadata jsonb, metadata_text text)
  returns bigint
  language sql
  stable
  parallel safe
as $$
  select pg_catalog.hashtextextended('[null, ' || extract(epoch from effective_at)::text || ', null, null, null, null]',
    daybook_private.hash_with_text(metadata, metadata_text, 1))
$$;
comment on function daybook_private.hash_dated(timestamptz, jsonb, text) is
  'What hash_full_header says of a request with an effective time, and perhaps metadata (and its text), and nothing else.';
revoke execute on function daybook_private.hash_dated(timestamptz, jsonb, text) from public;
--! EndIncluded daybook_private/functions/hash_dated.sql
drop function daybook_private.hold_minimum(text, uuid, numeric, numeric);
--! Included daybook_private/types/taken.sql
create type daybook_private.taken as (
  account_id uuid,
  lock_version bigint,
  pending_debits numeric,
  pending_credits numeric,
  posted_debits numeric,
  posted_credits numeric,
  minimum numeric
);
comment on type daybook_private.taken is
  'An account to which an entry was applied, with its counters after it, which are null if it was queued; and the minimum that the account had to keep.';
--! EndIncluded daybook_private/types/taken.sql
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
--! Included daybook_private/functions/create_held.sql
-- create_pair has found the period closed, or that something speaks against the debit, perhaps after it had waited for its
-- account. That stays held, so create_one must not wait for the other one, whatever limit was set there meanwhile.
create or replace function daybook_private.create_held(
  ledger text, entries daybook.entry_input[], idempotency_key text, metadata jsonb, effective_at timestamptz,
  debit_account text
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
    row(entries, null, create_held.effective_at, create_held.idempotency_key, null, null, create_held.metadata, null, null, null)::daybook.transaction_input,
    row(null, null, null, null, null, null, null, null, null,
      array(select a.id from daybook.accounts a where a.ledger = create_held.ledger and a.address = debit_account))::daybook_private.origin);
  return result.transaction_id;
end
$$;
comment on function daybook_private.create_held(text, daybook.entry_input[], text, jsonb, timestamptz, text) is
  'Makes the transaction that create_pair has begun, whose key it has taken and whose debited account it may hold by now; returns its id, or raises what create_one raises.';
revoke execute on function daybook_private.create_held(text, daybook.entry_input[], text, jsonb, timestamptz, text) from public;
--! EndIncluded daybook_private/functions/create_held.sql
--! Included daybook_private/functions/write_pair.sql
-- What apply_entries, write_transaction and write_entries do for all others. Neither entry waits, but for a debit that must
-- keep a minimum (take_debit): an account that the caller holds already is free to him. The debited account is looked up,
-- locked and debited at once. The credited one is known: if its row of accounts has moved since, it is taken for one
-- that is held, and the entry queues.
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
  credited record;
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
                and a.id <> credit_id and a.closed_at is null and a.balance_min is null and a.balance_max is null
                for no key update skip locked)
    returning c.account_id, c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits, null
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
    (write_pair.ledger, write_pair.transaction_id, 'posted', coalesce(write_pair.effective_at, created_at), created_at, created_at,
     coalesce(write_pair.metadata, '{}'),
     daybook_private.actor(), daybook_private.request_id(), daybook_private.client_address());
  insert into daybook.entries
    (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount,
     currency, effect, locked, effective_at, created_at, lock_version,
     pending_debits, pending_credits, posted_debits, posted_credits)
  values
    (write_pair.ledger, debit_entry, write_pair.transaction_id, 1, debit_position, debited.account_id, 'debit', write_pair.amount,
     write_pair.currency, 'posted', minimum is not null, coalesce(write_pair.effective_at, created_at), created_at, debited.lock_version,
     debited.pending_debits, debited.pending_credits, debited.posted_debits, debited.posted_credits),
    (write_pair.ledger, credit_entry, write_pair.transaction_id, 1, 3 - debit_position, credit_id, 'credit', write_pair.amount,
     write_pair.currency, 'posted', false, coalesce(write_pair.effective_at, created_at), created_at, credited.lock_version,
     credited.pending_debits, credited.pending_credits, credited.posted_debits, credited.posted_credits);
  return write_pair.transaction_id;
end
$$;
comment on function daybook_private.write_pair(text, daybook.entry_input[], text, jsonb, timestamptz, uuid, numeric, text, text, integer, numeric, uuid, tid) is
  'Applies and writes a posted transaction of one debit and one credit; returns its id. Raises what create_one raises if something speaks against the debit.';
revoke execute on function daybook_private.write_pair(text, daybook.entry_input[], text, jsonb, timestamptz, uuid, numeric, text, text, integer, numeric, uuid, tid) from public;
--! EndIncluded daybook_private/functions/write_pair.sql
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
    if line.locked then
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
--! Included daybook_private/functions/create_pair.sql
-- The fast way of the commonest request: one posted debit and one credit of the same amount, on two open
-- accounts, perhaps with a key, metadata, an effective time, and a least available balance that the entry or the limit of its
-- account asks of the debited one. Statements and expressions are what a call costs, so it has few of them, and simple
-- ones: two statements cost less than a join. The credited account is judged before anything is written, for once the debited
-- one is held there is no way back. Whatever is not like that, or not what it seemed, is for create_one, which comes
-- to the same in all cases and says what is wrong.
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
  dated_hash bigint;
  minimum_hash bigint;
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
    return case when debit.direction > credit.direction and debit_position = 1
      then daybook_private.create_pair(ledger, entries, idempotency_key, metadata, effective_at, 2) end;
  end if;
  if debit.available_balance is distinct from null or effective_at is not null then
    if effective_at is not null then
      dated_hash := daybook_private.hash_dated(effective_at, metadata, metadata_text);
    end if;
    if debit.available_balance is distinct from null then
      if (daybook_private.is_lone_minimum(debit) and scale((debit.available_balance).gte) = 0) is not true then
        return null;
      end if;
      minimum := (debit.available_balance).gte;
      minimum_hash := hash_numeric_extended(minimum, -debit_position);
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
       coalesce(dated_hash, daybook_private.hash_with_text(create_pair.metadata, metadata_text, 0))
         # daybook_private.hash_line(debit.account, 'debit', debit.amount, debit_position)
         # daybook_private.hash_line(credit.account, 'credit', credit.amount, 3 - debit_position)
         # coalesce(minimum_hash, 0))
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
  if cardinality(entries) = 2 and num_nulls(status, external_id, description, category_locks, archive_on_lock_failure,
       expires_at, dry_run) = 7 then
    transaction_id := daybook_private.create_pair(ledger, entries, idempotency_key, metadata, effective_at, 1);
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

-- An export may take the place of an empty ledger: then, and then only, its creation may be deleted.
drop function daybook.restore_rows(text, text, jsonb);
drop function daybook_private.restore_ledger(text, jsonb);
--! Included daybook_private/functions/is_restoring.sql
-- It is the head of a ledger's log that tells: only restore_ledger and the worker make one anew, while a ledger's
-- own row is also written by who closes a period.
create or replace function daybook_private.is_restoring(ledger text)
  returns boolean
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from daybook_private.seal_heads h
     where h.ledger = is_restoring.ledger and h.no = 0 and h.xmin = pg_current_xact_id_if_assigned()::xid);
end
$$;
comment on function daybook_private.is_restoring(text) is
  'Whether this very transaction is putting back the ledger from an export.';
revoke execute on function daybook_private.is_restoring(text) from public;
--! EndIncluded daybook_private/functions/is_restoring.sql
--! Included daybook_private/functions/is_being_replaced.sql
-- What the triggers ask that keep records from being deleted. The one exception is a ledger in which nothing
-- has been but its creation, while an export takes its place; see replace_ledger.
create or replace function daybook_private.is_being_replaced(ledger text)
  returns boolean
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  return daybook_private.is_restoring(ledger)
    and not exists (select from daybook.accounts a where a.ledger = is_being_replaced.ledger);
end
$$;
comment on function daybook_private.is_being_replaced(text) is
  'Whether this very transaction puts an export in the place of an empty ledger, and has not yet brought an account.';
revoke execute on function daybook_private.is_being_replaced(text) from public;
--! EndIncluded daybook_private/functions/is_being_replaced.sql
create or replace trigger _900_immutable before update on daybook.ledgers
  for each row
  when (old.name <> new.name
        or old.created_at <> new.created_at and not daybook_private.is_being_replaced(old.name))
  execute function daybook_private.refuse_change();
create or replace trigger _900_immutable before update on daybook_private.log_events
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_delete before delete on daybook_private.log_events
  for each row
  when (not daybook_private.is_being_replaced(old.ledger))
  execute function daybook_private.refuse_change();
create or replace trigger _900_immutable before update on daybook_private.seals
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_delete before delete on daybook_private.seals
  for each row
  when (not daybook_private.is_being_replaced(old.ledger))
  execute function daybook_private.refuse_change();
create or replace trigger _900_immutable before update on daybook_private.seal_blocks
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_delete before delete on daybook_private.seal_blocks
  for each row
  when (not daybook_private.is_being_replaced(old.ledger))
  execute function daybook_private.refuse_change();
--! Included daybook_private/functions/index_search.sql
-- Rows first, then lines: a change that commits in between is an event that the row does not name, so the
-- search does not trust the lines and the next round does it again. The head moves no further
-- than to where nothing can be committed any more; what stands above is found by comparing. While an import
-- holds the ledger, whose records are old and cannot be seen yet, there is nothing to do.
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
--! Included daybook_private/functions/lock_seal_head.sql
-- Null while somebody else seals. Only if nobody ever did, it inserts: which could wait for somebody else who does,
-- but not for an import, which holds the ledger itself and takes its time.
create or replace function daybook_private.lock_seal_head(ledger text)
  returns daybook_private.seal_heads
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  head daybook_private.seal_heads;
begin
  for tries in 1..2 loop
    select h.* into head
      from daybook_private.seal_heads h
     where h.ledger = lock_seal_head.ledger
       for update skip locked;
    exit when found or tries = 2
      or exists (select from daybook_private.seal_heads h where h.ledger = lock_seal_head.ledger);
    insert into daybook_private.seal_heads (ledger)
    select lock_seal_head.ledger
     where lock_seal_head.ledger = '*'
        or exists (select from daybook.ledgers l where l.name = lock_seal_head.ledger for key share skip locked)
    on conflict do nothing;
  end loop;
  return head;
end
$$;
comment on function daybook_private.lock_seal_head(text) is
  'Takes the right to seal a ledger''s log until the end of the transaction; null if somebody else has it.';
revoke execute on function daybook_private.lock_seal_head(text) from public;
--! EndIncluded daybook_private/functions/lock_seal_head.sql
--! Included daybook_private/functions/check_replaceable.sql
-- Grants are for whoever is to use the ledger, whatever will be in it. Anything else is somebody's work.
create or replace function daybook_private.check_replaceable(ledger text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
declare
  here constant text := ledger;
  in_the_way constant jsonb := jsonb_strip_nulls(jsonb_build_object(
    'record', (
      select jsonb_build_object('kind', e.kind, 'id', e.id, 'created_at', e.created_at)
        from daybook_private.log_events e
       where e.ledger = here and e.kind not in ('create_ledger', 'grant_ledger_access', 'revoke_ledger_access')
       order by e.id
       limit 1),
    'account', (select a.address from daybook.accounts a where a.ledger = here order by a.address limit 1),
    'receipt_id', coalesce(
      (select q.receipt_id from daybook_private.queued_transactions q where q.ledger = here order by q.position limit 1),
      (select r.receipt_id from daybook_private.finished_receipts r where r.ledger = here order by r.receipt_id limit 1))));
begin
  if in_the_way <> '{}' or not exists (
       select from daybook_private.log_events e where e.ledger = here and e.kind = 'create_ledger') then
    perform daybook_private.refuse('LDDUP',
      'the ledger exists here and has been used: an export can only become a ledger of its own',
      jsonb_build_object('ledger', ledger) || in_the_way);
  end if;
end
$$;
comment on function daybook_private.check_replaceable(text) is
  'Raises LDDUP for a ledger in whose log is more than its creation and grants, or whose queue was used, with what is there.';
revoke execute on function daybook_private.check_replaceable(text) from public;
--! EndIncluded daybook_private/functions/check_replaceable.sql
--! Included daybook_private/functions/replace_ledger.sql
-- The log of a ledger begins with its creation, and that of the one that was exported with another: both cannot be
-- number 1 of a chain. Where nothing followed, the export's takes its place. The creation that gives way, its seal
-- included, becomes part of the instance's own log, so that whoever kept its head finds what became of it.
--
-- The locks come first, until the end: on the ledger, for which who opens an account or a category waits, and on
-- the head of its log, for which who seals does not; the look whether it is empty is a later statement.
create or replace function daybook_private.replace_ledger(ledger text, facts jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
declare
  here constant text := ledger;
  head daybook_private.seal_heads;
  replaced jsonb;
begin
  perform from daybook.ledgers l where l.name = here for update;
  select h.* into head from daybook_private.seal_heads h where h.ledger = here for update;
  insert into daybook_private.seal_heads as h (ledger) values (here)
    on conflict on constraint seal_heads_pkey do update
      set (block, no, hash, scan_from, latest, fully_swept_at) = row(default, default, default, default, default, default);
  perform daybook_private.check_replaceable(here);
  replaced := jsonb_build_object(
    'ledger', here, 'no', coalesce(head.no, 0), 'hash', encode(head.hash, 'hex'),
    'records', (select jsonb_agg(to_jsonb(e) order by e.id) from daybook_private.log_events e where e.ledger = here));
  delete from daybook_private.seals s where s.ledger = here;
  delete from daybook_private.seal_blocks b where b.ledger = here;
  delete from daybook_private.log_events e where e.ledger = here;
  update daybook_private.search_heads h set indexed_until = default where h.ledger = here;
  begin
    update daybook.ledgers l
       set (description, metadata, closed_until, created_at) = row(r.description, r.metadata, r.closed_until, r.created_at)
      from jsonb_populate_record(null::daybook.ledgers, facts) r
     where l.name = here;
  exception when data_exception or integrity_constraint_violation then
    perform daybook_private.refuse_rows('ledger', sqlstate, sqlerrm);
  end;
  perform daybook_private.log_event('*', 'replace_ledger', replaced);
  return replaced;
end
$$;
comment on function daybook_private.replace_ledger(text, jsonb) is
  'Puts an exported ledger''s row in the place of one that is empty but for its creation and grants, whose records move into the log of the instance; returns these. Raises LDARG, LDDUP.';
revoke execute on function daybook_private.replace_ledger(text, jsonb) from public;
--! EndIncluded daybook_private/functions/replace_ledger.sql
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
  'Begins to put back an exported ledger, from its row in ledgers. The rest follows in the same transaction. Returns what replace_ledger does if it is in the place of an empty one. Raises 42501, LDARG, LDDUP.';
revoke execute on function daybook_private.restore_ledger(text, jsonb) from public;
--! EndIncluded daybook_private/functions/restore_ledger.sql
--! Included daybook_private/functions/check_restoring.sql
-- Rows are put back by whoever has just made their ledger, in the same transaction: what was there before
-- cannot be touched.
create or replace function daybook_private.check_restoring(ledger text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  if not daybook_private.is_restoring(ledger) then
    perform daybook_private.refuse_argument('ledger', 'not one that this transaction restores', to_jsonb(ledger));
  end if;
end
$$;
comment on function daybook_private.check_restoring(text) is
  'Lets pass who is putting back a ledger whose rows nobody else can see yet. Raises LDARG.';
revoke execute on function daybook_private.check_restoring(text) from public;
--! EndIncluded daybook_private/functions/check_restoring.sql
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
  E'@behavior -*\nPut back rows of an exported ledger that does not exist here, or is empty but for its creation and grants; for daybook import. All in one transaction: the part ledger first, which makes it, and returns the records and the head of the log of an empty one that it took the place of; then the others, at last finish_restore. Raises 42501, LDARG, LDDUP, LDUNB.';
revoke execute on function daybook.restore_rows(text, text, jsonb) from public;
grant execute on function daybook.restore_rows(text, text, jsonb) to daybook_admin;
--! EndIncluded daybook/functions/restore_rows.sql
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

-- Many members in one transaction.
comment on table daybook_private.category_graphs is
  'One row per ledger, held by whoever changes what is in its categories; in how many transactions that was done at least.';
--! Included daybook_private/functions/prepare_membership.sql
-- Locks in the order of every other call: categories by name, then the account. With them a change
-- waits for each call that holds a category lock on what changes, and each such call for it.
create or replace function daybook_private.prepare_membership(
  ledger text,
  category text,
  account text,
  child_category text
)
  returns daybook.category_members
  language plpgsql
  volatile
as $$
declare
  member daybook.category_members;
begin
  perform daybook_private.check_address('category', category);
  if num_nonnulls(account, child_category) <> 1 then
    perform daybook_private.refuse_argument('account', 'either an account or a child_category');
  elsif account is not null then
    perform daybook_private.check_address('account', account);
  else
    perform daybook_private.check_address('child_category', child_category);
  end if;
  perform daybook_private.check_ledger_exists(ledger);
  member.ledger := ledger;
  member.category := category;
  member.child_category := child_category;
  if account is not null then
    select a.address, a.id into member.account, member.account_id
      from daybook.accounts a
     where a.ledger = prepare_membership.ledger and a.address = prepare_membership.account;
    if not found then
      perform daybook_private.refuse_missing_accounts(ledger, array[account]);
    end if;
  end if;
  perform daybook_private.check_categories(ledger, array_remove(array[category, child_category], null));
  insert into daybook_private.category_graphs as g (ledger, changes)
    values (prepare_membership.ledger, 1)
    on conflict on constraint category_graphs_pkey do update set changes = g.changes + 1
      -- Once in a transaction is enough: each further version of the row would make the next change slower.
      where g.xmin <> pg_current_xact_id()::xid;
  -- A later statement than the one that may have waited, so that it sees the graph as it is.
  perform
    from daybook.categories c
   where c.ledger = prepare_membership.ledger
     and c.category = any (daybook_private.categories_above(
           prepare_membership.ledger, array[prepare_membership.category, prepare_membership.child_category] || array(
             select m.category
               from daybook.category_members m
              where m.ledger = prepare_membership.ledger and m.account_id = member.account_id)))
   order by c.category
     for no key update;
  perform
    from daybook.accounts a
   where a.ledger = prepare_membership.ledger and a.id = member.account_id
     for no key update;
  return member;
end
$$;
comment on function daybook_private.prepare_membership(text, text, text, text) is
  'Checks a change of what a category contains and takes the locks for it; returns the member to add or remove. Raises LDARG, LDLED, LDACC, LDCTG.';
revoke execute on function daybook_private.prepare_membership(text, text, text, text) from public;
--! EndIncluded daybook_private/functions/prepare_membership.sql

comment on column daybook.rebuilt_account.before is
  'Lock version and counters before, minor units, queued entries left out; null if only sums by time were wrong.';
comment on column daybook.rebuilt_account.after is
  'Lock version and counters now, minor units, queued entries left out; null if only sums by time were wrong.';
-- An account with thousands of queued entries does not hold up others.
--! Included daybook_private/functions/fold_account.sql
-- Waits for the account: with skip locked it would starve on a hot one. Two statements, so that the
-- second sees every entry that was queued before the lock was got. All of them at once, however many: whoever needs the account
-- for a locked entry needs all of them folded, by us or by himself, and gets them no sooner if we stop half way. Calls that
-- fold more than they have time for would, between two portions, keep us from ever finishing.
create or replace function daybook_private.fold_account(ledger text, account_id uuid)
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
begin
  perform
    from daybook.accounts a
   where a.ledger = fold_account.ledger and a.id = fold_account.account_id
     for no key update;
  return (daybook_private.fold_queue(ledger, account_id, daybook_private.total_of('{}', account_id))).lock_version;
end
$$;
comment on function daybook_private.fold_account(text, uuid) is
  'Applies an account''s queued entries to its counters; returns how many. For the worker, one call a transaction.';
revoke execute on function daybook_private.fold_account(text, uuid) from public;
grant execute on function daybook_private.fold_account(text, uuid) to daybook_worker;
--! EndIncluded daybook_private/functions/fold_account.sql
--! Included daybook_private/functions/fold_accounts.sql
-- fold_account for many at once, those of them that nobody holds: what one statement does for hundreds costs a
-- fraction of hundreds of transactions. As there, the lock first, by an earlier statement than the one that reads
-- the queue; nothing is folded where counters have drifted; and entries are found by their keys and joined by hashing.
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
             and (select q.entry_id from daybook_private.entry_queue q
                   where q.ledger = a.ledger and q.account_id = a.id
                   order by q.entry_id
                  offset 1000
                   limit 1) is null
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
  'Applies the queued entries of accounts to their counters, as fold_account does; returns how many, and which accounts somebody holds, or have more than 1000. For the worker, one call a transaction.';
revoke execute on function daybook_private.fold_accounts(text, uuid[]) from public;
grant execute on function daybook_private.fold_accounts(text, uuid[]) to daybook_worker;
--! EndIncluded daybook_private/functions/fold_accounts.sql

-- Which accounts have entries in detached months.
--! Included daybook/views/detached_accounts.sql
-- Of an account, the entries in the table and those counted here are all that it ever had: its lock version.
create or replace view daybook.detached_accounts with (security_invoker = true) as
  select c.ledger, c.address as account, c.account_id, d.entries, d.lock_version, d.detached_until
    from daybook_private.detached_sums d
    join daybook_private.account_counters c on c.ledger = d.ledger and c.account_id = d.account_id;
comment on view daybook.detached_accounts is
  'The accounts with entries in detached months, and how many: these are not in the table of entries, and in no list of it.';
comment on column daybook.detached_accounts.ledger is 'The ledger.';
comment on column daybook.detached_accounts.account is 'Address of the account.';
comment on column daybook.detached_accounts.account_id is 'The account.';
comment on column daybook.detached_accounts.entries is 'How many of its entries are detached.';
comment on column daybook.detached_accounts.lock_version is
  'The highest of their versions: from the next one on all its entries are here.';
comment on column daybook.detached_accounts.detached_until is
  'All of them were recorded, and take effect, before this moment: from it on the account''s entries are all here.';
--! EndIncluded daybook/views/detached_accounts.sql
grant select on daybook.detached_accounts, daybook_private.detached_sums to daybook_reader;
create policy readers_of_the_ledger on daybook_private.detached_sums for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));

-- Enqueueing one by one in fewer statements, and with an index less.
drop index daybook_private.queued_transactions_sample_idx;
--! Included daybook_private/functions/has_room.sql
-- A short queue is counted, a long one estimated: every 4093rd position from its first on is looked up, a few
-- hundred for a million; a prime, as calls that ask this may draw two positions each and use one. Only asked when the distance to the queue's head, which is as long or longer
-- than the queue, seems too long. All is read in the order of one index, so that no plan that was
-- made while the queue was empty uses another.
create or replace function daybook_private.has_room(ledger text, more integer)
  returns boolean
  language plpgsql
  stable
as $$
declare
  max_depth bigint;
  depth bigint;
  first bigint;
begin
  select l.max_depth into strict max_depth from daybook_private.queue_limits l where l.ledger = '*';
  if max_depth < 20000 then
    select count(*) into depth
      from (select q.position
              from daybook_private.queued_transactions q
             where q.ledger = has_room.ledger
             order by q.position
             limit max_depth + 1) q;
  else
    select q.position into first
      from daybook_private.queued_transactions q
     where q.ledger = has_room.ledger
     order by q.position
     limit 1;
    select 4093 * count(*) into depth
      from generate_series((first + 4092) / 4093 * 4093,
                           (select p.last_value from daybook_private.queue_positions p), 4093) s(position)
     cross join lateral (
        select q.position
          from daybook_private.queued_transactions q
         where q.ledger = has_room.ledger and q.position >= s.position
         order by q.position
         limit 1) n
     where n.position = s.position;
  end if;
  return depth + more <= max_depth;
end
$$;
comment on function daybook_private.has_room(text, integer) is
  'Whether the ledger''s queue may take so many more transactions.';
revoke execute on function daybook_private.has_room(text, integer) from public;
--! EndIncluded daybook_private/functions/has_room.sql
--! Included daybook_private/functions/enqueue_each.sql
create or replace function daybook_private.enqueue_each(ledger text, transactions daybook.transaction_input[])
  returns daybook.receipt[]
  language plpgsql
  volatile
as $$
declare
  input daybook.transaction_input;
  member record;
  receipt daybook.receipt;
  receipts daybook.receipt[];
  n integer := 0;
  new_count integer;
begin
  -- In their own order, so that of several wrong ones the first is told.
  foreach input in array transactions loop
    n := n + 1;
    receipts[n] := daybook_private.known_receipt(ledger, input, n);
  end loop;
  -- For all of them at once: an estimate does not see them one by one.
  select count(distinct t.idempotency_key) into new_count
    from unnest(transactions) with ordinality t
    join unnest(receipts) with ordinality r on r.ordinality = t.ordinality
   where r.receipt_id is null;
  if new_count > 0 and not daybook_private.has_room(ledger, new_count) then
    perform daybook_private.refuse('LDQUE', 'the queue is full', jsonb_build_object('ledger', ledger));
  end if;
  for member in
    select row(t.entries, t.status, t.effective_at, t.idempotency_key, t.external_id, t.description, t.metadata,
               t.category_locks, t.archive_on_lock_failure, t.expires_at)::daybook.transaction_input as input,
           t.ordinality::integer as index
      from unnest(transactions) with ordinality t
      join unnest(receipts) with ordinality r on r.ordinality = t.ordinality
     where r.receipt_id is null
     order by t.idempotency_key collate "C", t.ordinality
  loop
    receipts[member.index] := daybook_private.enqueue_one(ledger, member.input, member.index);
  end loop;
  return receipts;
end
$$;
comment on function daybook_private.enqueue_each(text, daybook.transaction_input[]) is
  'Puts requests into the queue one by one, some of whose keys have receipts. Raises LDIDM, LDQUE.';
revoke execute on function daybook_private.enqueue_each(text, daybook.transaction_input[]) from public;
--! EndIncluded daybook_private/functions/enqueue_each.sql
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
     and names ~ '^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)*\n[ -~]+$' and octet_length(names) <= 255
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
