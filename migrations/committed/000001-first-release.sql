--! Previous: -
--! Hash: sha1:e79580abf89f1281338287a0a98d2568d40cbe93
--! Message: first-release

--! Included daybook.sql
-- The ledger, from nothing: this table of contents builds every object in dependency order.
-- Each include is one file, and a file holds today's definition of one object with its comment and
-- its execute grants. Roles come from ../roles.sql, all other grants from grants.sql.

--! Included schemas.sql
create schema daybook;
comment on schema daybook is
  'The ledger: double-entry books with functions that write and tables and views that can be read.';

create schema daybook_private;
comment on schema daybook_private is
  'Machinery of the ledger: counters, queues, keys and helpers. Not an interface; it may change in any release.';

-- Nothing made later is open to everybody by default.
alter default privileges in schema daybook revoke execute on functions from public;
alter default privileges in schema daybook_private revoke execute on functions from public;
alter default privileges revoke execute on functions from public;
--! EndIncluded schemas.sql

-- Words of the ledger
--! Included daybook/types/direction.sql
create type daybook.direction as enum ('debit', 'credit');
comment on type daybook.direction is
  'The side of an account that an entry is written on; also the side on which an account normally stands.';
--! EndIncluded daybook/types/direction.sql
--! Included daybook/types/transaction_status.sql
create type daybook.transaction_status as enum ('pending', 'posted', 'archived');
comment on type daybook.transaction_status is
  'pending: holds money and may still change. posted: final. archived: given up, it holds nothing any more; final.';
--! EndIncluded daybook/types/transaction_status.sql
--! Included daybook/types/entry_effect.sql
create type daybook.entry_effect as enum ('pending', 'posted', 'settled', 'released');
comment on type daybook.entry_effect is
  'What an entry did to its account''s counters. pending: raised the pending ones. posted: raised pending and posted ones. '
  'settled: a pending entry was posted, raised the posted ones. released: a pending entry was given up, lowered the pending ones.';
--! EndIncluded daybook/types/entry_effect.sql
--! Included daybook/types/balance_bounds.sql
create type daybook.balance_bounds as (
  gt numeric,
  gte numeric,
  eq numeric,
  not_eq numeric,
  lte numeric,
  lt numeric
);
comment on type daybook.balance_bounds is
  'Limits on a balance as it is after the transaction, in minor units; at least one, whole numbers, negative ones are fine.';
comment on column daybook.balance_bounds.gt is 'The balance must be greater than this.';
comment on column daybook.balance_bounds.gte is 'The balance must be at least this.';
comment on column daybook.balance_bounds.eq is 'The balance must be exactly this.';
comment on column daybook.balance_bounds.not_eq is 'The balance must not be this.';
comment on column daybook.balance_bounds.lte is 'The balance must be at most this.';
comment on column daybook.balance_bounds.lt is 'The balance must be less than this.';
--! EndIncluded daybook/types/balance_bounds.sql
--! Included daybook/types/account_input.sql
create type daybook.account_input as (
  address text,
  currency text,
  normal_balance daybook.direction,
  balance_min numeric,
  balance_max numeric,
  description text,
  metadata jsonb
);
comment on type daybook.account_input is 'An account to open.';
comment on column daybook.account_input.address is
  'Segments of letters, digits, _ and - joined by colons (users:alice:card), at most 255 characters, unique in the ledger.';
comment on column daybook.account_input.currency is 'Code of a currency that the instance knows.';
comment on column daybook.account_input.normal_balance is 'The side that raises the balance; credit by default.';
comment on column daybook.account_input.balance_min is
  'Lower limit of the available balance, minor units; null for none.';
comment on column daybook.account_input.balance_max is
  'Upper limit of the balance with pending inflows counted, minor units; null for none.';
comment on column daybook.account_input.description is 'At most 1000 characters.';
comment on column daybook.account_input.metadata is 'A JSON object of at most 64 kB; {} by default.';
--! EndIncluded daybook/types/account_input.sql
--! Included daybook/types/entry_input.sql
create type daybook.entry_input as (
  account text,
  direction daybook.direction,
  amount numeric,
  lock_version bigint,
  pending_balance daybook.balance_bounds,
  posted_balance daybook.balance_bounds,
  available_balance daybook.balance_bounds,
  show_resulting_balances boolean,
  metadata jsonb
);
comment on type daybook.entry_input is
  'One line of a transaction to make. With a lock_version, bounds or show_resulting_balances it waits for its account; without, it never does.';
comment on column daybook.entry_input.account is 'Address of the account.';
comment on column daybook.entry_input.direction is 'debit or credit.';
comment on column daybook.entry_input.amount is
  'Positive whole number of the currency''s minor unit, below 10^36. A fraction is refused, never rounded.';
comment on column daybook.entry_input.lock_version is
  'The account''s lock version just before this transaction; another one refuses the transaction (VERSION_CONFLICT).';
comment on column daybook.entry_input.pending_balance is 'Bounds on the account''s pending balance after the transaction.';
comment on column daybook.entry_input.posted_balance is 'Bounds on the account''s posted balance after the transaction.';
comment on column daybook.entry_input.available_balance is 'Bounds on the account''s available balance after the transaction.';
comment on column daybook.entry_input.show_resulting_balances is 'Return the account''s balances after the transaction.';
comment on column daybook.entry_input.metadata is 'A JSON object of at most 64 kB; {} by default.';
--! EndIncluded daybook/types/entry_input.sql
--! Included daybook/types/category_lock_input.sql
create type daybook.category_lock_input as (
  category text,
  pending_balance daybook.balance_bounds,
  posted_balance daybook.balance_bounds,
  available_balance daybook.balance_bounds
);
comment on type daybook.category_lock_input is
  'Bounds on the balance of a category after the transaction.';
comment on column daybook.category_lock_input.category is 'Name of the category.';
comment on column daybook.category_lock_input.pending_balance is 'Bounds on the category''s pending balance.';
comment on column daybook.category_lock_input.posted_balance is 'Bounds on the category''s posted balance.';
comment on column daybook.category_lock_input.available_balance is 'Bounds on the category''s available balance.';
--! EndIncluded daybook/types/category_lock_input.sql
--! Included daybook/types/transaction_input.sql
create type daybook.transaction_input as (
  entries daybook.entry_input[],
  status daybook.transaction_status,
  effective_at timestamptz,
  idempotency_key text,
  external_id text,
  description text,
  metadata jsonb,
  category_locks daybook.category_lock_input[],
  archive_on_lock_failure boolean,
  expires_at timestamptz
);
comment on type daybook.transaction_input is 'A transaction to make.';
comment on column daybook.transaction_input.entries is '2 to 1000 lines whose debits equal credits in every currency.';
comment on column daybook.transaction_input.status is 'posted (default) or pending.';
comment on column daybook.transaction_input.effective_at is
  'When it takes effect in the books; past and future are allowed; by default when it is made.';
comment on column daybook.transaction_input.idempotency_key is
  '1 to 255 characters of the caller''s choice: the same key with the same request is carried out once.';
comment on column daybook.transaction_input.external_id is
  '1 to 180 characters, unique among the ledger''s pending and posted transactions.';
comment on column daybook.transaction_input.description is 'At most 1000 characters.';
comment on column daybook.transaction_input.metadata is 'A JSON object of at most 64 kB; {} by default.';
comment on column daybook.transaction_input.category_locks is 'Bounds on balances of categories.';
comment on column daybook.transaction_input.archive_on_lock_failure is
  'Keep a transaction that a balance condition or limit refuses as archived instead of raising the error.';
comment on column daybook.transaction_input.expires_at is
  'From this time on a pending transaction can no longer be posted.';
--! EndIncluded daybook/types/transaction_input.sql
--! Included daybook_private/types/line.sql
-- normal_balance to closed_at are facts of a locked line's account, read with its lock; null in all others.
-- available_min is the condition of a line that has no other; null where judge_conditions must look.
-- request_hash runs over the request up to this line: the last one has the whole.
-- A composite of its own, not the row type of entries: that one drags the table's triggers and
-- defaults along wherever a function copies it.
create type daybook_private.line as (
  position integer,
  id uuid,
  account_id uuid,
  direction daybook.direction,
  amount numeric,
  currency text,
  locked boolean,
  metadata jsonb,
  lock_version bigint,
  pending_debits numeric,
  pending_credits numeric,
  posted_debits numeric,
  posted_credits numeric,
  request_hash bigint,
  normal_balance daybook.direction,
  balance_min numeric,
  balance_max numeric,
  closed_at timestamptz,
  available_min numeric
);
comment on type daybook_private.line is
  'An entry on its way into the books. Before it is applied its last four fields are what it adds to its account''s counters; afterwards they are the counters, and lock_version the account''s version, or null if it was queued.';
--! EndIncluded daybook_private/types/line.sql
--! Included daybook_private/types/judgement.sql
create type daybook_private.judgement as (
  request_hash bigint,
  locked boolean,
  is_sound boolean
);
comment on type daybook_private.judgement is
  'What judge_entry found about an entry that is not of the common kind.';
--! EndIncluded daybook_private/types/judgement.sql

-- Refusals, and small questions that others ask
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
    detail = refuse.detail::text,
    hint = case
      when code = '42501' then 'Ask an administrator for the role, and for access to the ledger (grant_ledger_access).'
      when code = '0A000' then 'Leave the argument out.'
      when code = '40001' then 'Repeat the call as it is.'
      when code = 'LDARG' then 'Correct the argument named in the detail and call again.'
      when code = 'LDISO' then 'Call it at READ COMMITTED: an older snapshot would miss entries queued since.'
      when code = 'LDIDM' then 'Use a new idempotency key for a new request; repeat a request with the same arguments.'
      when code = 'LDAMT' then 'Amounts are positive whole numbers of the minor unit, below 10^36.'
      when code = 'LDLED' then 'Create the ledger first (create_ledger).'
      when code = 'LDACC' then 'Open the accounts first (open_account, open_accounts).'
      when code = 'LDTXN' then 'Check the ledger and the transaction id.'
      when code = 'LDDUP' then 'Use another name, or repeat the request that made it.'
      when code = 'LDCUR' then 'Use a currency of the table currencies, or add it (create_currency).'
      when code = 'LDUNB' then 'Debits must equal credits in every currency.'
      when code = 'LDEXT' then 'The transaction named in the detail holds this external id.'
      when code = 'LDSTA' then 'Read the transaction: its status does not allow this.'
      when code = 'LDCLS' then 'Use an open account, or reopen this one (reopen_account).'
      when code = 'LDVER' then 'Read the current version, decide again, and call with it.'
      when code = 'LDBAL' then 'The balance would break the condition that the entry carries; nothing was written.'
      when code = 'LDLIM' then 'The account''s own limit would be broken; nothing was written.'
      when code = 'LDIMM' then 'Records never change; write a further transaction instead.'
    end;
end
$$;
comment on function daybook_private.refuse(text, text, jsonb) is
  'Raises an error of the ledger: SQLSTATE, a sentence, the facts as JSON, and what to do.';
revoke execute on function daybook_private.refuse(text, text, jsonb) from public;
--! EndIncluded daybook_private/functions/refuse.sql
--! Included daybook_private/functions/refuse_argument.sql
create or replace function daybook_private.refuse_argument(argument text, rule text, value jsonb default null, index integer default null)
  returns void
  language plpgsql
  stable
as $$
begin
  perform daybook_private.refuse('LDARG', format('%s: %s', argument, rule),
    jsonb_strip_nulls(jsonb_build_object('argument', argument, 'index', index))
      || jsonb_build_object('value', value));
end
$$;
comment on function daybook_private.refuse_argument(text, text, jsonb, integer) is
  'Raises LDARG with the argument, the rule that it breaks, the value, and the index of the entry or element.';
revoke execute on function daybook_private.refuse_argument(text, text, jsonb, integer) from public;
--! EndIncluded daybook_private/functions/refuse_argument.sql
--! Included daybook_private/functions/refuse_unavailable.sql
create or replace function daybook_private.refuse_unavailable(given jsonb)
  returns void
  language plpgsql
  stable
as $$
declare
  argument text;
begin
  for argument in select g.key from jsonb_each(given) g where g.value = 'true' limit 1 loop
    perform daybook_private.refuse('0A000', format('%s is not available yet', argument),
      jsonb_build_object('argument', argument));
  end loop;
end
$$;
comment on function daybook_private.refuse_unavailable(jsonb) is
  'Raises 0A000 for the first argument that was given (name: true) though its feature is not there yet.';
revoke execute on function daybook_private.refuse_unavailable(jsonb) from public;
--! EndIncluded daybook_private/functions/refuse_unavailable.sql
--! Included daybook_private/functions/refuse_change.sql
create or replace function daybook_private.refuse_change()
  returns trigger
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.refuse('LDIMM', 'records of the ledger cannot be changed or deleted',
    jsonb_build_object('operation', lower(tg_op)));
  return null;
end
$$;
comment on function daybook_private.refuse_change() is
  'Trigger: raises LDIMM for whoever tries to change or delete a record, the owner included.';
revoke execute on function daybook_private.refuse_change() from public;
--! EndIncluded daybook_private/functions/refuse_change.sql
--! Included daybook_private/functions/refuse_changed_transaction.sql
-- What may happen to a transaction's row: a pending one may become the next version of itself;
-- a posted or archived one keeps everything but its metadata and the link to its reversal.
create or replace function daybook_private.refuse_changed_transaction()
  returns trigger
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' or (old.ledger, old.id, old.created_at, old.actor, old.request_id, old.client_address,
      old.reverses_transaction_id, old.partially_posts_transaction_id,
      old.counterpart_ledger, old.counterpart_transaction_id)
     is distinct from
     (new.ledger, new.id, new.created_at, new.actor, new.request_id, new.client_address,
      new.reverses_transaction_id, new.partially_posts_transaction_id,
      new.counterpart_ledger, new.counterpart_transaction_id)
     or (old.reversed_by_transaction_id is distinct from new.reversed_by_transaction_id
         and old.status <> 'posted')
     or (old.status <> 'pending' or new.version <> old.version + 1)
        and (old.status, old.version, old.effective_at, old.posted_at, old.archived_at,
             old.archived_reason, old.expires_at, old.external_id, old.description)
            is distinct from
            (new.status, new.version, new.effective_at, new.posted_at, new.archived_at,
             new.archived_reason, new.expires_at, new.external_id, new.description) then
    perform daybook_private.refuse('LDIMM', 'this cannot be changed in a transaction',
      jsonb_build_object('ledger', old.ledger, 'transaction_id', old.id, 'status', old.status));
  end if;
  return new;
end
$$;
comment on function daybook_private.refuse_changed_transaction() is
  'Trigger: raises LDIMM for a change of a transaction that its life does not know, the owner''s included.';
revoke execute on function daybook_private.refuse_changed_transaction() from public;
--! EndIncluded daybook_private/functions/refuse_changed_transaction.sql
--! Included daybook_private/functions/refuse_changed_entry.sql
create or replace function daybook_private.refuse_changed_entry()
  returns trigger
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE'
     or old.lock_version is not null
     or new.lock_version is null
     or (old.ledger, old.id, old.transaction_id, old.transaction_version, old.position,
         old.account_id, old.direction, old.amount, old.currency, old.effect, old.locked,
         old.effective_at, old.created_at, old.metadata)
        is distinct from
        (new.ledger, new.id, new.transaction_id, new.transaction_version, new.position,
         new.account_id, new.direction, new.amount, new.currency, new.effect, new.locked,
         new.effective_at, new.created_at, new.metadata) then
    perform daybook_private.refuse('LDIMM', 'entries cannot be changed or deleted',
      jsonb_build_object('ledger', old.ledger, 'entry_id', old.id, 'operation', lower(tg_op)));
  end if;
  return new;
end
$$;
comment on function daybook_private.refuse_changed_entry() is
  'Trigger: raises LDIMM for a change of an entry other than the version and counters that a queued one gets once.';
revoke execute on function daybook_private.refuse_changed_entry() from public;
--! EndIncluded daybook_private/functions/refuse_changed_entry.sql
--! Included daybook_private/functions/guard_entries.sql
-- Reads nothing but the rows of the statement that fired it. Each statement must write whole
-- transactions; the ledger's own functions do, and so must anybody who inserts by hand. A first
-- look for the one balanced transaction that nearly every statement is; groups only after that.
create or replace function daybook_private.guard_entries()
  returns trigger
  language plpgsql
as $$
declare
  line record;
  same text;
  net numeric := 0;
  is_one_balanced boolean := true;
begin
  for line in
    select concat_ws(' ', w.ledger, w.transaction_id, w.transaction_version, w.effect, w.currency) as same,
           case when w.direction = 'debit' then w.amount else -w.amount end as net,
           w.amount > 0 and w.amount < 1e36 and scale(w.amount) = 0 as is_sound
      from written w
  loop
    net := net + line.net;
    is_one_balanced := is_one_balanced and line.is_sound and line.same = coalesce(same, line.same);
    same := line.same;
  end loop;
  if is_one_balanced and net = 0 then
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
--! Included daybook_private/functions/uuid_at.sql
create or replace function daybook_private.uuid_at(at timestamptz)
  returns uuid
  language sql
  immutable
  strict
  parallel safe
  set search_path to pg_catalog, pg_temp
return rpad(lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0')::uuid;
comment on function daybook_private.uuid_at(timestamptz) is
  'The smallest id that a UUIDv7 made at this time can have: where partitions by time begin.';
revoke execute on function daybook_private.uuid_at(timestamptz) from public;
--! EndIncluded daybook_private/functions/uuid_at.sql
--! Included daybook_private/functions/claimed_actor.sql
create or replace function daybook_private.claimed_actor()
  returns text
  language sql
  stable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select concat_ws(':', session_user::text, nullif(current_setting('daybook.subject', true), ''))
$$;
comment on function daybook_private.claimed_actor() is
  'The login and the user of the request''s token, joined by a colon.';
revoke execute on function daybook_private.claimed_actor() from public;
--! EndIncluded daybook_private/functions/claimed_actor.sql
--! Included daybook_private/functions/claimed_address.sql
create or replace function daybook_private.claimed_address()
  returns inet
  language sql
  stable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select nullif(current_setting('daybook.client_address', true), '')::inet
$$;
comment on function daybook_private.claimed_address() is
  'The network address that the server says a request came from.';
revoke execute on function daybook_private.claimed_address() from public;
--! EndIncluded daybook_private/functions/claimed_address.sql
--! Included daybook_private/functions/actor.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.actor()
  returns text
  language sql
  stable
  parallel safe
as $$
  select case
    when session_user = 'daybook_authenticator'::name then daybook_private.claimed_actor()
    else session_user::text
  end
$$;
comment on function daybook_private.actor() is
  'Who is calling: the login, and behind the server''s own login the user of the request''s token.';
revoke execute on function daybook_private.actor() from public;
--! EndIncluded daybook_private/functions/actor.sql
--! Included daybook_private/functions/client_address.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.client_address()
  returns inet
  language sql
  stable
  parallel safe
as $$
  select case
    when session_user = 'daybook_authenticator'::name then daybook_private.claimed_address()
    else pg_catalog.inet_client_addr()
  end
$$;
comment on function daybook_private.client_address() is
  'Where the call comes from; behind the server''s own login, where the request came from.';
revoke execute on function daybook_private.client_address() from public;
--! EndIncluded daybook_private/functions/client_address.sql
--! Included daybook_private/functions/is_clean_text.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.is_clean_text(value text, length_min integer, length_max integer)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.length(value) between length_min and length_max
     and value operator(pg_catalog.!~) '[\u0001-\u001f\u007f-\u009f]' collate "C"
$$;
comment on function daybook_private.is_clean_text(text, integer, integer) is
  'Whether a text has a length within bounds and no control characters; null for null.';
revoke execute on function daybook_private.is_clean_text(text, integer, integer) from public;
--! EndIncluded daybook_private/functions/is_clean_text.sql
--! Included daybook_private/functions/is_address.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.is_address(value text)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.length(value) operator(pg_catalog.<=) 255
     and value operator(pg_catalog.~) '^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)*$'
$$;
comment on function daybook_private.is_address(text) is
  'Whether a text is an address: segments joined by colons, at most 255 characters; null for null.';
revoke execute on function daybook_private.is_address(text) from public;
--! EndIncluded daybook_private/functions/is_address.sql
--! Included daybook_private/functions/is_metadata.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.is_metadata(value jsonb)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.jsonb_typeof(value) operator(pg_catalog.=) 'object'
     and pg_catalog.octet_length(value::text) operator(pg_catalog.<=) 65536
$$;
comment on function daybook_private.is_metadata(jsonb) is
  'Whether a value is a JSON object of at most 64 kB; null for null.';
revoke execute on function daybook_private.is_metadata(jsonb) from public;
--! EndIncluded daybook_private/functions/is_metadata.sql
--! Included daybook_private/functions/is_bounds.sql
create or replace function daybook_private.is_bounds(bounds daybook.balance_bounds)
  returns boolean
  language plpgsql
  immutable
  parallel safe
as $$
declare
  bound numeric;
begin
  if bounds is null then
    return false;
  end if;
  foreach bound in array
    array[bounds.gt, bounds.gte, bounds.eq, bounds.not_eq, bounds.lte, bounds.lt]
  loop
    if bound <> trunc(bound) or not abs(bound) < 'Infinity' then
      return false;
    end if;
  end loop;
  return true;
end
$$;
comment on function daybook_private.is_bounds(daybook.balance_bounds) is
  'Whether bounds bound something, by whole numbers. All fields null is bounds without a bound; whether there are bounds at all is the caller''s question.';
revoke execute on function daybook_private.is_bounds(daybook.balance_bounds) from public;
--! EndIncluded daybook_private/functions/is_bounds.sql
--! Included daybook_private/functions/is_simple_request.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.is_simple_request(input daybook.transaction_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.cardinality(input.entries) between 2 and 1000
     and input.status is null
     and input.effective_at is null
     and input.expires_at is null
     and input.external_id is null
     and input.description is null
     and input.category_locks is null
     and input.archive_on_lock_failure is null
     and daybook_private.is_clean_text(input.idempotency_key, 1, 255) is not false
     and daybook_private.is_metadata(input.metadata) is not false
$$;
comment on function daybook_private.is_simple_request(daybook.transaction_input) is
  'Whether a request is well-formed and of the most common kind; others need check_transaction.';
revoke execute on function daybook_private.is_simple_request(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/is_simple_request.sql
--! Included daybook_private/functions/without_zero_fractions.sql
create or replace function daybook_private.without_zero_fractions(value text)
  returns text
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select regexp_replace(
    regexp_replace(value, '(\.[0-9]*[1-9])0+(?![0-9])', '\1', 'g'), '\.0+(?![0-9])', '', 'g')
$$;
comment on function daybook_private.without_zero_fractions(text) is
  'A text in which each number has no needless zeros behind its point: 1.50 is 1.5, and 1.0 is 1.';
revoke execute on function daybook_private.without_zero_fractions(text) from public;
--! EndIncluded daybook_private/functions/without_zero_fractions.sql
--! Included daybook_private/functions/hash_metadata.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
-- jsonb's own hash knows that 1 and 1.0 are one number, but not where arrays and objects end; the
-- text knows where they end. Zeros are taken from strings in the text too: the first hash knows those.
create or replace function daybook_private.hash_metadata(value jsonb, seed bigint)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select case
    when value is null then seed
    else pg_catalog.hashtextextended(
      case when value::text like '%.%' then daybook_private.without_zero_fractions(value::text) else value::text end,
      pg_catalog.jsonb_hash_extended(value, seed + 1))
  end
$$;
comment on function daybook_private.hash_metadata(jsonb, bigint) is
  'Hash of a JSON value by what it is, not by how it is written; null and {} differ.';
revoke execute on function daybook_private.hash_metadata(jsonb, bigint) from public;
--! EndIncluded daybook_private/functions/hash_metadata.sql
--! Included daybook_private/functions/hash_bounds.sql
create or replace function daybook_private.hash_bounds(bounds daybook.balance_bounds)
  returns jsonb
  language sql
  immutable
  parallel safe
as $$
  select case when bounds is not distinct from null then 'null'::jsonb else jsonb_build_array(
    trim_scale(bounds.gt), trim_scale(bounds.gte), trim_scale(bounds.eq),
    trim_scale(bounds.not_eq), trim_scale(bounds.lte), trim_scale(bounds.lt)) end
$$;
comment on function daybook_private.hash_bounds(daybook.balance_bounds) is
  'Bounds in one form, to be hashed: numbers by value, in order, null for none.';
revoke execute on function daybook_private.hash_bounds(daybook.balance_bounds) from public;
--! EndIncluded daybook_private/functions/hash_bounds.sql
--! Included daybook_private/functions/hash_asked.sql
create or replace function daybook_private.hash_asked(entry daybook.entry_input, seed bigint)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select hashtextextended(
    jsonb_build_array(
      entry.lock_version, entry.show_resulting_balances,
      daybook_private.hash_bounds(entry.pending_balance), daybook_private.hash_bounds(entry.posted_balance),
      daybook_private.hash_bounds(entry.available_balance))::text,
    daybook_private.hash_metadata(entry.metadata, seed))
$$;
comment on function daybook_private.hash_asked(daybook.entry_input, bigint) is
  'Hash of what an entry asks beside account, direction and amount.';
revoke execute on function daybook_private.hash_asked(daybook.entry_input, bigint) from public;
--! EndIncluded daybook_private/functions/hash_asked.sql
--! Included daybook_private/functions/hash_full_header.sql
create or replace function daybook_private.hash_full_header(input daybook.transaction_input)
  returns bigint
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select hashtextextended(
    jsonb_build_array(
      input.status, extract(epoch from input.effective_at), input.external_id, input.description,
      input.archive_on_lock_failure, extract(epoch from input.expires_at))::text,
    daybook_private.hash_metadata(input.metadata, 1))
$$;
comment on function daybook_private.hash_full_header(daybook.transaction_input) is
  'Hash of all of a request but its entries and key, times as instants.';
revoke execute on function daybook_private.hash_full_header(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/hash_full_header.sql
--! Included daybook_private/functions/hash_header.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.hash_header(input daybook.transaction_input)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select case
    when daybook_private.is_simple_request(input) then daybook_private.hash_metadata(input.metadata, 0)
    else daybook_private.hash_full_header(input)
  end
$$;
comment on function daybook_private.hash_header(daybook.transaction_input) is
  'Where the hash of a request begins: all of it but entries and key. Requests that come with one key are told apart by it.';
revoke execute on function daybook_private.hash_header(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/hash_header.sql
--! Included daybook_private/functions/hash_account.sql
create or replace function daybook_private.hash_account(input daybook.account_input)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select hashtextextended(
    jsonb_build_array(input.currency, coalesce(input.normal_balance, 'credit'),
      trim_scale(input.balance_min), trim_scale(input.balance_max), input.description)::text,
    daybook_private.hash_metadata(coalesce(input.metadata, '{}'), 0))
$$;
comment on function daybook_private.hash_account(daybook.account_input) is
  'Hash of a request to open an account, nulls as their defaults, to tell a repeated request from a different one.';
revoke execute on function daybook_private.hash_account(daybook.account_input) from public;
--! EndIncluded daybook_private/functions/hash_account.sql
--! Included daybook_private/functions/asks_nothing.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.asks_nothing(entry daybook.entry_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select entry.lock_version is null
     and entry.show_resulting_balances is null
     and not (entry.available_balance is distinct from null)
     and not (entry.pending_balance is distinct from null)
     and not (entry.posted_balance is distinct from null)
     and entry.metadata is null
$$;
comment on function daybook_private.asks_nothing(daybook.entry_input) is
  'Whether an entry is an account, a direction and an amount, and nothing else.';
revoke execute on function daybook_private.asks_nothing(daybook.entry_input) from public;
--! EndIncluded daybook_private/functions/asks_nothing.sql
--! Included daybook_private/functions/is_plain.sql
-- The address is not looked at: an account that was found under it proves it well-formed.
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.is_plain(entry daybook.entry_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select daybook_private.asks_nothing(entry)
     and entry.direction is not null
     and entry.amount > 0
     and entry.amount < 1e36
     and scale(entry.amount) = 0
$$;
comment on function daybook_private.is_plain(daybook.entry_input) is
  'Whether an entry is the common case: well-formed, a whole amount, and asking for nothing special.';
revoke execute on function daybook_private.is_plain(daybook.entry_input) from public;
--! EndIncluded daybook_private/functions/is_plain.sql
--! Included daybook_private/functions/asks_lock.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
-- A composite is tested by `not (x is null)`: `x is not null` is false as soon as one field is null.
create or replace function daybook_private.asks_lock(entry daybook.entry_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select entry.lock_version is not null
      or entry.show_resulting_balances is true
      or not (entry.available_balance is null)
      or not (entry.pending_balance is null)
      or not (entry.posted_balance is null)
$$;
comment on function daybook_private.asks_lock(daybook.entry_input) is
  'Whether an entry asks for what only its account''s lock can give: a version, a condition, or the resulting balances.';
revoke execute on function daybook_private.asks_lock(daybook.entry_input) from public;
--! EndIncluded daybook_private/functions/asks_lock.sql
--! Included daybook_private/functions/is_limited.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.is_limited(
  direction daybook.direction,
  normal_balance daybook.direction,
  balance_min numeric,
  balance_max numeric
)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select coalesce(balance_min is not null and direction <> normal_balance
               or balance_max is not null and direction = normal_balance, false)
$$;
comment on function daybook_private.is_limited(daybook.direction, daybook.direction, numeric, numeric) is
  'Whether an account has a limit that an entry in this direction can break.';
revoke execute on function daybook_private.is_limited(daybook.direction, daybook.direction, numeric, numeric) from public;
--! EndIncluded daybook_private/functions/is_limited.sql
--! Included daybook_private/functions/is_lone_minimum.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.is_lone_minimum(entry daybook.entry_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select entry.lock_version is null
     and entry.metadata is null
     and entry.show_resulting_balances is null
     and not (entry.posted_balance is distinct from null)
     and not (entry.pending_balance is distinct from null)
     and (entry.available_balance).gte is not null
     and (entry.available_balance).gt is null
     and (entry.available_balance).eq is null
     and (entry.available_balance).not_eq is null
     and (entry.available_balance).lte is null
     and (entry.available_balance).lt is null
$$;
comment on function daybook_private.is_lone_minimum(daybook.entry_input) is
  'Whether all that an entry asks for is the most usual condition: an available balance of at least so much.';
revoke execute on function daybook_private.is_lone_minimum(daybook.entry_input) from public;
--! EndIncluded daybook_private/functions/is_lone_minimum.sql
--! Included daybook_private/functions/is_plain_but_minimum.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.is_plain_but_minimum(entry daybook.entry_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select daybook_private.is_lone_minimum(entry)
     and scale((entry.available_balance).gte) = 0
     and entry.direction is not null
     and entry.amount > 0
     and entry.amount < 1e36
     and scale(entry.amount) = 0
$$;
comment on function daybook_private.is_plain_but_minimum(daybook.entry_input) is
  'Whether an entry is well-formed, a whole amount, and asks only for an available balance of at least so much.';
revoke execute on function daybook_private.is_plain_but_minimum(daybook.entry_input) from public;
--! EndIncluded daybook_private/functions/is_plain_but_minimum.sql
--! Included daybook_private/functions/net_balance.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.net_balance(normal_balance daybook.direction, credits numeric, debits numeric)
  returns numeric
  language sql
  immutable
  parallel safe
as $$
  select case when normal_balance = 'credit' then credits - debits else debits - credits end
$$;
comment on function daybook_private.net_balance(daybook.direction, numeric, numeric) is
  'Pending or posted balance, signed by the account''s normal balance.';
revoke execute on function daybook_private.net_balance(daybook.direction, numeric, numeric) from public;
grant execute on function daybook_private.net_balance(daybook.direction, numeric, numeric) to daybook_reader;
--! EndIncluded daybook_private/functions/net_balance.sql
--! Included daybook_private/functions/available_balance.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
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
as $$
  select case
    when normal_balance = 'credit' then posted_credits - pending_debits
    else posted_debits - pending_credits
  end
$$;
comment on function daybook_private.available_balance(daybook.direction, numeric, numeric, numeric, numeric) is
  'What can be spent: posted inflows less pending outflows.';
revoke execute on function daybook_private.available_balance(daybook.direction, numeric, numeric, numeric, numeric) from public;
grant execute on function daybook_private.available_balance(daybook.direction, numeric, numeric, numeric, numeric) to daybook_reader;
--! EndIncluded daybook_private/functions/available_balance.sql
--! Included daybook_private/functions/broken_bound.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.broken_bound(bounds daybook.balance_bounds, balance numeric)
  returns text
  language sql
  immutable
  parallel safe
as $$
  select case
    when balance <= bounds.gt then 'gt'
    when balance < bounds.gte then 'gte'
    when balance <> bounds.eq then 'eq'
    when balance = bounds.not_eq then 'not_eq'
    when balance > bounds.lte then 'lte'
    when balance >= bounds.lt then 'lt'
  end
$$;
comment on function daybook_private.broken_bound(daybook.balance_bounds, numeric) is
  'The first bound that a balance breaks; null when it keeps them all.';
revoke execute on function daybook_private.broken_bound(daybook.balance_bounds, numeric) from public;
--! EndIncluded daybook_private/functions/broken_bound.sql

-- Books: what the ledger is
--! Included daybook/tables/currencies.sql
create table daybook.currencies (
  code text collate "C" not null,
  exponent smallint not null,
  name text not null,
  constraint currencies_pkey primary key (code),
  constraint currency_code_is_well_formed check (code ~ '^[A-Z][A-Z0-9_]{0,31}$'),
  constraint currency_exponent_is_in_range check (exponent between 0 and 30)
);
comment on table daybook.currencies is
  'Currencies known to the instance: ISO 4217 and those added by create_currency. They never change.';
comment on column daybook.currencies.code is 'ISO 4217 code, or one of your own.';
comment on column daybook.currencies.exponent is
  'Decimal places of the minor unit: 2 for USD, whose amounts are in cents.';
comment on column daybook.currencies.name is 'Name for people.';

create trigger _900_immutable before update or delete on daybook.currencies
  for each row execute function daybook_private.refuse_change();
create trigger _900_immutable_truncate before truncate on daybook.currencies
  for each statement execute function daybook_private.refuse_change();
--! EndIncluded daybook/tables/currencies.sql
--! Included daybook/tables/currencies_iso_4217.sql
-- ISO 4217 as published 2024-06-25, written by scripts/currencies.ts.
-- Codes without a minor unit (gold, special drawing rights) have exponent 0.
insert into daybook.currencies (code, exponent, name) values
  ('AED', 2, 'UAE Dirham'),
  ('AFN', 2, 'Afghani'),
  ('ALL', 2, 'Lek'),
  ('AMD', 2, 'Armenian Dram'),
  ('ANG', 2, 'Netherlands Antillean Guilder'),
  ('AOA', 2, 'Kwanza'),
  ('ARS', 2, 'Argentine Peso'),
  ('AUD', 2, 'Australian Dollar'),
  ('AWG', 2, 'Aruban Florin'),
  ('AZN', 2, 'Azerbaijan Manat'),
  ('BAM', 2, 'Convertible Mark'),
  ('BBD', 2, 'Barbados Dollar'),
  ('BDT', 2, 'Taka'),
  ('BGN', 2, 'Bulgarian Lev'),
  ('BHD', 3, 'Bahraini Dinar'),
  ('BIF', 0, 'Burundi Franc'),
  ('BMD', 2, 'Bermudian Dollar'),
  ('BND', 2, 'Brunei Dollar'),
  ('BOB', 2, 'Boliviano'),
  ('BOV', 2, 'Mvdol'),
  ('BRL', 2, 'Brazilian Real'),
  ('BSD', 2, 'Bahamian Dollar'),
  ('BTN', 2, 'Ngultrum'),
  ('BWP', 2, 'Pula'),
  ('BYN', 2, 'Belarusian Ruble'),
  ('BZD', 2, 'Belize Dollar'),
  ('CAD', 2, 'Canadian Dollar'),
  ('CDF', 2, 'Congolese Franc'),
  ('CHE', 2, 'WIR Euro'),
  ('CHF', 2, 'Swiss Franc'),
  ('CHW', 2, 'WIR Franc'),
  ('CLF', 4, 'Unidad de Fomento'),
  ('CLP', 0, 'Chilean Peso'),
  ('CNY', 2, 'Yuan Renminbi'),
  ('COP', 2, 'Colombian Peso'),
  ('COU', 2, 'Unidad de Valor Real'),
  ('CRC', 2, 'Costa Rican Colon'),
  ('CUC', 2, 'Peso Convertible'),
  ('CUP', 2, 'Cuban Peso'),
  ('CVE', 2, 'Cabo Verde Escudo'),
  ('CZK', 2, 'Czech Koruna'),
  ('DJF', 0, 'Djibouti Franc'),
  ('DKK', 2, 'Danish Krone'),
  ('DOP', 2, 'Dominican Peso'),
  ('DZD', 2, 'Algerian Dinar'),
  ('EGP', 2, 'Egyptian Pound'),
  ('ERN', 2, 'Nakfa'),
  ('ETB', 2, 'Ethiopian Birr'),
  ('EUR', 2, 'Euro'),
  ('FJD', 2, 'Fiji Dollar'),
  ('FKP', 2, 'Falkland Islands Pound'),
  ('GBP', 2, 'Pound Sterling'),
  ('GEL', 2, 'Lari'),
  ('GHS', 2, 'Ghana Cedi'),
  ('GIP', 2, 'Gibraltar Pound'),
  ('GMD', 2, 'Dalasi'),
  ('GNF', 0, 'Guinean Franc'),
  ('GTQ', 2, 'Quetzal'),
  ('GYD', 2, 'Guyana Dollar'),
  ('HKD', 2, 'Hong Kong Dollar'),
  ('HNL', 2, 'Lempira'),
  ('HTG', 2, 'Gourde'),
  ('HUF', 2, 'Forint'),
  ('IDR', 2, 'Rupiah'),
  ('ILS', 2, 'New Israeli Sheqel'),
  ('INR', 2, 'Indian Rupee'),
  ('IQD', 3, 'Iraqi Dinar'),
  ('IRR', 2, 'Iranian Rial'),
  ('ISK', 0, 'Iceland Krona'),
  ('JMD', 2, 'Jamaican Dollar'),
  ('JOD', 3, 'Jordanian Dinar'),
  ('JPY', 0, 'Yen'),
  ('KES', 2, 'Kenyan Shilling'),
  ('KGS', 2, 'Som'),
  ('KHR', 2, 'Riel'),
  ('KMF', 0, 'Comorian Franc '),
  ('KPW', 2, 'North Korean Won'),
  ('KRW', 0, 'Won'),
  ('KWD', 3, 'Kuwaiti Dinar'),
  ('KYD', 2, 'Cayman Islands Dollar'),
  ('KZT', 2, 'Tenge'),
  ('LAK', 2, 'Lao Kip'),
  ('LBP', 2, 'Lebanese Pound'),
  ('LKR', 2, 'Sri Lanka Rupee'),
  ('LRD', 2, 'Liberian Dollar'),
  ('LSL', 2, 'Loti'),
  ('LYD', 3, 'Libyan Dinar'),
  ('MAD', 2, 'Moroccan Dirham'),
  ('MDL', 2, 'Moldovan Leu'),
  ('MGA', 2, 'Malagasy Ariary'),
  ('MKD', 2, 'Denar'),
  ('MMK', 2, 'Kyat'),
  ('MNT', 2, 'Tugrik'),
  ('MOP', 2, 'Pataca'),
  ('MRU', 2, 'Ouguiya'),
  ('MUR', 2, 'Mauritius Rupee'),
  ('MVR', 2, 'Rufiyaa'),
  ('MWK', 2, 'Malawi Kwacha'),
  ('MXN', 2, 'Mexican Peso'),
  ('MXV', 2, 'Mexican Unidad de Inversion (UDI)'),
  ('MYR', 2, 'Malaysian Ringgit'),
  ('MZN', 2, 'Mozambique Metical'),
  ('NAD', 2, 'Namibia Dollar'),
  ('NGN', 2, 'Naira'),
  ('NIO', 2, 'Cordoba Oro'),
  ('NOK', 2, 'Norwegian Krone'),
  ('NPR', 2, 'Nepalese Rupee'),
  ('NZD', 2, 'New Zealand Dollar'),
  ('OMR', 3, 'Rial Omani'),
  ('PAB', 2, 'Balboa'),
  ('PEN', 2, 'Sol'),
  ('PGK', 2, 'Kina'),
  ('PHP', 2, 'Philippine Peso'),
  ('PKR', 2, 'Pakistan Rupee'),
  ('PLN', 2, 'Zloty'),
  ('PYG', 0, 'Guarani'),
  ('QAR', 2, 'Qatari Rial'),
  ('RON', 2, 'Romanian Leu'),
  ('RSD', 2, 'Serbian Dinar'),
  ('RUB', 2, 'Russian Ruble'),
  ('RWF', 0, 'Rwanda Franc'),
  ('SAR', 2, 'Saudi Riyal'),
  ('SBD', 2, 'Solomon Islands Dollar'),
  ('SCR', 2, 'Seychelles Rupee'),
  ('SDG', 2, 'Sudanese Pound'),
  ('SEK', 2, 'Swedish Krona'),
  ('SGD', 2, 'Singapore Dollar'),
  ('SHP', 2, 'Saint Helena Pound'),
  ('SLE', 2, 'Leone'),
  ('SOS', 2, 'Somali Shilling'),
  ('SRD', 2, 'Surinam Dollar'),
  ('SSP', 2, 'South Sudanese Pound'),
  ('STN', 2, 'Dobra'),
  ('SVC', 2, 'El Salvador Colon'),
  ('SYP', 2, 'Syrian Pound'),
  ('SZL', 2, 'Lilangeni'),
  ('THB', 2, 'Baht'),
  ('TJS', 2, 'Somoni'),
  ('TMT', 2, 'Turkmenistan New Manat'),
  ('TND', 3, 'Tunisian Dinar'),
  ('TOP', 2, 'Pa’anga'),
  ('TRY', 2, 'Turkish Lira'),
  ('TTD', 2, 'Trinidad and Tobago Dollar'),
  ('TWD', 2, 'New Taiwan Dollar'),
  ('TZS', 2, 'Tanzanian Shilling'),
  ('UAH', 2, 'Hryvnia'),
  ('UGX', 0, 'Uganda Shilling'),
  ('USD', 2, 'US Dollar'),
  ('USN', 2, 'US Dollar (Next day)'),
  ('UYI', 0, 'Uruguay Peso en Unidades Indexadas (UI)'),
  ('UYU', 2, 'Peso Uruguayo'),
  ('UYW', 4, 'Unidad Previsional'),
  ('UZS', 2, 'Uzbekistan Sum'),
  ('VED', 2, 'Bolívar Soberano'),
  ('VES', 2, 'Bolívar Soberano'),
  ('VND', 0, 'Dong'),
  ('VUV', 0, 'Vatu'),
  ('WST', 2, 'Tala'),
  ('XAF', 0, 'CFA Franc BEAC'),
  ('XAG', 0, 'Silver'),
  ('XAU', 0, 'Gold'),
  ('XBA', 0, 'Bond Markets Unit European Composite Unit (EURCO)'),
  ('XBB', 0, 'Bond Markets Unit European Monetary Unit (E.M.U.-6)'),
  ('XBC', 0, 'Bond Markets Unit European Unit of Account 9 (E.U.A.-9)'),
  ('XBD', 0, 'Bond Markets Unit European Unit of Account 17 (E.U.A.-17)'),
  ('XCD', 2, 'East Caribbean Dollar'),
  ('XDR', 0, 'SDR (Special Drawing Right)'),
  ('XOF', 0, 'CFA Franc BCEAO'),
  ('XPD', 0, 'Palladium'),
  ('XPF', 0, 'CFP Franc'),
  ('XPT', 0, 'Platinum'),
  ('XSU', 0, 'Sucre'),
  ('XTS', 0, 'Codes specifically reserved for testing purposes'),
  ('XUA', 0, 'ADB Unit of Account'),
  ('XXX', 0, 'The codes assigned for transactions where no currency is involved'),
  ('YER', 2, 'Yemeni Rial'),
  ('ZAR', 2, 'Rand'),
  ('ZMW', 2, 'Zambian Kwacha'),
  ('ZWG', 2, 'Zimbabwe Gold')
on conflict (code) do nothing;
--! EndIncluded daybook/tables/currencies_iso_4217.sql
--! Included daybook/tables/ledgers.sql
create table daybook.ledgers (
  name text collate "C" not null,
  description text,
  metadata jsonb not null default '{}',
  closed_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint ledgers_pkey primary key (name),
  constraint ledger_name_is_well_formed check (name ~ '^[0-9A-Za-z_-]{1,63}$')
);
comment on table daybook.ledgers is
  'Named, independent sets of books. A ledger is never deleted.';
comment on column daybook.ledgers.name is 'Letters, digits, _ and -, at most 63; main is a good first one.';
comment on column daybook.ledgers.description is 'For people, at most 1000 characters.';
comment on column daybook.ledgers.metadata is 'A JSON object of yours.';
comment on column daybook.ledgers.closed_until is
  'Entries effective before this time are refused; null while no period is closed.';
comment on column daybook.ledgers.created_at is 'When it was made.';

create trigger _900_no_delete before delete on daybook.ledgers
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook.ledgers
  for each statement execute function daybook_private.refuse_change();
create trigger _900_immutable before update on daybook.ledgers
  for each row
  when ((old.name, old.created_at) is distinct from (new.name, new.created_at))
  execute function daybook_private.refuse_change();
--! EndIncluded daybook/tables/ledgers.sql
--! Included daybook/tables/accounts.sql
-- The limits and closed_at that bind stand in daybook_private.account_counters, under the lock
-- that every posting takes; the functions that set them write both rows in one transaction.
create table daybook.accounts (
  ledger text collate "C" not null,
  id uuid not null default uuidv7(),
  address text collate "C" not null,
  currency text collate "C" not null,
  currency_exponent smallint not null,
  normal_balance daybook.direction not null,
  balance_min numeric,
  balance_max numeric,
  description text,
  metadata jsonb not null default '{}',
  closed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  request_hash bigint not null,
  constraint accounts_pkey primary key (ledger, id),
  constraint account_address_is_unique_in_ledger unique (ledger, address),
  constraint account_ledger_exists foreign key (ledger) references daybook.ledgers (name),
  constraint account_currency_exists foreign key (currency) references daybook.currencies (code),
  constraint account_address_is_well_formed
    check (length(address) <= 255 and address ~ '^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)*$')
);
create index accounts_currency_idx on daybook.accounts (currency);
comment on table daybook.accounts is
  'Accounts: one currency and one normal balance each. An account is closed, never deleted.';
comment on column daybook.accounts.ledger is 'The ledger it belongs to.';
comment on column daybook.accounts.id is 'UUIDv7.';
comment on column daybook.accounts.address is 'Its name in the ledger: segments joined by colons, users:alice:card.';
comment on column daybook.accounts.currency is 'The currency of all its amounts.';
comment on column daybook.accounts.currency_exponent is 'Decimal places of the currency''s minor unit.';
comment on column daybook.accounts.normal_balance is 'The side that raises its balance.';
comment on column daybook.accounts.balance_min is
  'Lower limit of the available balance, minor units; null for none.';
comment on column daybook.accounts.balance_max is
  'Upper limit of the balance with pending inflows counted, minor units; null for none.';
comment on column daybook.accounts.description is 'For people, at most 1000 characters.';
comment on column daybook.accounts.metadata is 'A JSON object of yours.';
comment on column daybook.accounts.closed_at is 'Since when it takes no new entries; null while open.';
comment on column daybook.accounts.created_at is 'When it was opened.';
comment on column daybook.accounts.request_hash is
  E'@behavior -*\nHash of the request that opened it, to tell a repeated request from a different one.';

create trigger _900_no_delete before delete on daybook.accounts
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook.accounts
  for each statement execute function daybook_private.refuse_change();
create trigger _900_immutable before update on daybook.accounts
  for each row
  when (
    (old.ledger, old.id, old.address, old.currency, old.currency_exponent, old.normal_balance, old.created_at, old.request_hash)
    is distinct from
    (new.ledger, new.id, new.address, new.currency, new.currency_exponent, new.normal_balance, new.created_at, new.request_hash)
  )
  execute function daybook_private.refuse_change();
--! EndIncluded daybook/tables/accounts.sql
--! Included daybook/tables/transactions.sql
-- A transaction that is made posted is its own log record (see the view daybook.log): who made it
-- stands here, and nothing of it changes afterwards but metadata and the link to its reversal.
-- Partitioned by month of its id; no index beside the key, so that the hot path writes one row.
create table daybook.transactions (
  ledger text collate "C" not null,
  id uuid not null,
  status daybook.transaction_status not null,
  version integer not null default 1,
  effective_at timestamptz not null,
  created_at timestamptz not null,
  posted_at timestamptz,
  archived_at timestamptz,
  archived_reason text,
  expires_at timestamptz,
  external_id text collate "C",
  description text,
  metadata jsonb not null default '{}',
  reverses_transaction_id uuid,
  reversed_by_transaction_id uuid,
  partially_posts_transaction_id uuid,
  counterpart_ledger text collate "C",
  counterpart_transaction_id uuid,
  actor text not null,
  request_id text,
  client_address inet,
  constraint transactions_pkey primary key (ledger, id)
) partition by range (id);
create table daybook.transactions_default partition of daybook.transactions default;

comment on table daybook.transactions is
  'Transactions: what was moved, when, and what became of it. Their lines are in entries.';
comment on table daybook.transactions_default is
  'Catches rows of months for which no partition was made ahead; it should stay empty.';
comment on column daybook.transactions.ledger is 'The ledger.';
comment on column daybook.transactions.id is 'UUIDv7, made by the ledger.';
comment on column daybook.transactions.status is 'pending, posted or archived; the last two are final.';
comment on column daybook.transactions.version is 'Starts at 1 and rises with every change except of metadata.';
comment on column daybook.transactions.effective_at is 'When it takes effect in the books.';
comment on column daybook.transactions.created_at is 'When it was recorded.';
comment on column daybook.transactions.posted_at is 'When it became posted.';
comment on column daybook.transactions.archived_at is 'When it was archived: what it held was free from then on.';
comment on column daybook.transactions.archived_reason is
  'Why it was archived, if not on request: balance_lock_failure, expired, fully_posted.';
comment on column daybook.transactions.expires_at is 'From this time on it can no longer be posted.';
comment on column daybook.transactions.external_id is
  'Your name for it, unique among the ledger''s pending and posted transactions.';
comment on column daybook.transactions.description is 'For people, at most 1000 characters.';
comment on column daybook.transactions.metadata is 'A JSON object of yours.';
comment on column daybook.transactions.reverses_transaction_id is 'The transaction that this one undoes.';
comment on column daybook.transactions.reversed_by_transaction_id is 'The transaction that undoes this one.';
comment on column daybook.transactions.partially_posts_transaction_id is
  'The pending transaction of which this one posts a part.';
comment on column daybook.transactions.counterpart_ledger is 'Ledger of the other half of a transfer between ledgers.';
comment on column daybook.transactions.counterpart_transaction_id is 'The other half of a transfer between ledgers.';
comment on column daybook.transactions.actor is 'Login that made it, and the user it claimed to act for.';
comment on column daybook.transactions.request_id is 'Request id that the caller gave.';
comment on column daybook.transactions.client_address is 'Network address the request came from.';

create trigger _900_no_truncate before truncate on daybook.transactions
  for each statement execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook.transactions_default
  for each statement execute function daybook_private.refuse_change();
create trigger _900_final before update or delete on daybook.transactions
  for each row execute function daybook_private.refuse_changed_transaction();
--! EndIncluded daybook/tables/transactions.sql
--! Included daybook/tables/entries.sql
-- Written once. Each counter of an account is the plain sum of its entries, so whatever happens to
-- a transaction later is a further entry, never a change of one. Only an entry that was queued
-- gets its lock_version and counters afterwards, once, when it is folded into its account.
-- The currency is the account's, repeated here so that the guard, which also meets the owner's own
-- inserts, needs to read nothing but the rows that were written. The guard checks the amounts too:
-- PostgreSQL parses a check constraint anew for every insert statement, on the hot path 5 % of the call.
create table daybook.entries (
  ledger text collate "C" not null,
  id uuid not null,
  transaction_id uuid not null,
  transaction_version integer not null,
  position integer not null,
  account_id uuid not null,
  direction daybook.direction not null,
  amount numeric not null,
  currency text collate "C" not null,
  effect daybook.entry_effect not null,
  locked boolean not null,
  effective_at timestamptz not null,
  created_at timestamptz not null,
  metadata jsonb not null default '{}',
  lock_version bigint,
  pending_debits numeric,
  pending_credits numeric,
  posted_debits numeric,
  posted_credits numeric,
  constraint entries_pkey primary key (ledger, account_id, id)
) partition by range (id);
create table daybook.entries_default partition of daybook.entries default;
create index entries_transaction_idx on daybook.entries (ledger, transaction_id);

comment on table daybook.entries is
  'Entries: the immutable lines of transactions, and what each did to its account.';
comment on table daybook.entries_default is
  'Catches rows of months for which no partition was made ahead; it should stay empty.';
comment on column daybook.entries.ledger is 'The ledger.';
comment on column daybook.entries.id is 'UUIDv7.';
comment on column daybook.entries.transaction_id is 'The transaction it belongs to.';
comment on column daybook.entries.transaction_version is 'The version of the transaction that wrote it.';
comment on column daybook.entries.position is 'Its place in the transaction, from 1.';
comment on column daybook.entries.account_id is 'The account.';
comment on column daybook.entries.direction is 'debit or credit.';
comment on column daybook.entries.amount is 'Minor units of the currency, always positive; released ones subtract.';
comment on column daybook.entries.currency is 'The account''s currency.';
comment on column daybook.entries.effect is 'What it did to the account''s counters.';
comment on column daybook.entries.locked is
  'Whether it waited for its account, or might have been queued (the mode that later changes keep).';
comment on column daybook.entries.effective_at is 'When it takes effect in the books.';
comment on column daybook.entries.created_at is 'When it was recorded.';
comment on column daybook.entries.metadata is 'A JSON object of yours.';
comment on column daybook.entries.lock_version is
  'The account''s lock version with this entry; null while it is queued.';
comment on column daybook.entries.pending_debits is 'The account''s pending debits after it, minor units; null while queued.';
comment on column daybook.entries.pending_credits is 'The account''s pending credits after it, minor units; null while queued.';
comment on column daybook.entries.posted_debits is 'The account''s posted debits after it, minor units; null while queued.';
comment on column daybook.entries.posted_credits is 'The account''s posted credits after it, minor units; null while queued.';

create trigger _100_guard after insert on daybook.entries
  referencing new table as written
  for each statement execute function daybook_private.guard_entries();
create trigger _100_guard after insert on daybook.entries_default
  referencing new table as written
  for each statement execute function daybook_private.guard_entries();
create trigger _900_immutable before update or delete on daybook.entries
  for each row execute function daybook_private.refuse_changed_entry();
create trigger _900_no_truncate before truncate on daybook.entries
  for each statement execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook.entries_default
  for each statement execute function daybook_private.refuse_change();
--! EndIncluded daybook/tables/entries.sql

-- Machinery: counters, queue, keys and the log's table
--! Included daybook_private/tables/ledger_access.sql
create table daybook_private.ledger_access (
  ledger text collate "C" not null,
  role text collate "C" not null,
  access text not null,
  granted_at timestamptz not null default clock_timestamp(),
  constraint ledger_access_pkey primary key (ledger, role),
  constraint ledger_access_of_the_server_is_in_tokens check (role <> 'daybook_authenticator'),
  constraint ledger_access_is_known check (access in ('read', 'write', 'admin'))
);
comment on table daybook_private.ledger_access is
  'Which ledgers a direct SQL login, or a role it is a member of, may use; the ledger * stands for every one.';
--! EndIncluded daybook_private/tables/ledger_access.sql
--! Included daybook_private/tables/account_counters.sql
-- Updated by whoever holds the account's row in accounts. The facts that bind a posting (closed,
-- limits) stand here and not only there: read beside the lock they would be stale after waiting for
-- it. What never changes of an account (address, currency) stands here as well, so that a balance is
-- one row of one table. Half-filled pages and no index on what changes keep updates in place.
create table daybook_private.account_counters (
  ledger text collate "C" not null,
  account_id uuid not null,
  address text collate "C" not null,
  currency text collate "C" not null,
  currency_exponent smallint not null,
  normal_balance daybook.direction not null,
  balance_min numeric,
  balance_max numeric,
  closed_at timestamptz,
  lock_version bigint not null default 0,
  pending_debits numeric not null default 0,
  pending_credits numeric not null default 0,
  posted_debits numeric not null default 0,
  posted_credits numeric not null default 0,
  constraint account_counters_pkey primary key (ledger, account_id),
  constraint account_counters_address_is_unique_in_ledger unique (ledger, address)
) with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);
comment on table daybook_private.account_counters is
  'The four counters of each account over all its applied entries; queued entries come on top.';
--! EndIncluded daybook_private/tables/account_counters.sql
--! Included daybook_private/tables/entry_queue.sql
-- Entries that found their account's counters held and did not wait. Whoever folds them in holds
-- the counters' lock first and reads the queue in a later statement than the one that got the lock.
-- It is never analyzed: what was true of a hot account's thousands of rows a second ago would turn
-- looks by key into scans, in plans that sessions keep. For the same reason functions that read it
-- do without sequential scans, and look for any row in the order of the key.
create table daybook_private.entry_queue (
  ledger text collate "C" not null,
  account_id uuid not null,
  entry_id uuid not null,
  pending_debits numeric not null,
  pending_credits numeric not null,
  posted_debits numeric not null,
  posted_credits numeric not null,
  constraint entry_queue_pkey primary key (ledger, account_id, entry_id)
) with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_threshold = 2147483647
);
comment on table daybook_private.entry_queue is
  'What queued entries will add to their account''s counters.';
--! EndIncluded daybook_private/tables/entry_queue.sql
--! Included daybook_private/tables/idempotency_keys.sql
create table daybook_private.idempotency_keys (
  ledger text collate "C" not null,
  key text collate "C" not null,
  operation text not null,
  request_hash bigint not null,
  transaction_id uuid not null,
  status daybook.transaction_status not null,
  version integer not null,
  result jsonb,
  created_at timestamptz not null default now(),
  constraint idempotency_keys_pkey primary key (ledger, key)
);
create index idempotency_keys_created_at_idx on daybook_private.idempotency_keys using brin (created_at);
comment on table daybook_private.idempotency_keys is
  'Keys that were used, with what their call returned; result only where the other columns do not say it all.';
--! EndIncluded daybook_private/tables/idempotency_keys.sql
--! Included daybook_private/tables/external_ids.sql
create table daybook_private.external_ids (
  ledger text collate "C" not null,
  external_id text collate "C" not null,
  transaction_id uuid not null,
  constraint external_ids_pkey primary key (ledger, external_id)
);
comment on table daybook_private.external_ids is
  'External ids of pending and posted transactions; a table of its own because transactions are partitioned.';
--! EndIncluded daybook_private/tables/external_ids.sql
--! Included daybook_private/tables/log_events.sql
create table daybook_private.log_events (
  ledger text collate "C" not null,
  id uuid not null default uuidv7(),
  kind text not null,
  transaction_id uuid,
  account_id uuid,
  data jsonb not null,
  actor text not null,
  request_id text,
  client_address inet,
  created_at timestamptz not null default clock_timestamp(),
  constraint log_events_pkey primary key (ledger, id)
) partition by range (id);
create table daybook_private.log_events_default partition of daybook_private.log_events default;
comment on table daybook_private.log_events is
  'One record per operation, except transactions made posted, whose row in transactions is the record.';
comment on table daybook_private.log_events_default is
  'Catches rows of months for which no partition was made ahead; it should stay empty.';

create trigger _900_immutable before update or delete on daybook_private.log_events
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook_private.log_events
  for each statement execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook_private.log_events_default
  for each statement execute function daybook_private.refuse_change();
--! EndIncluded daybook_private/tables/log_events.sql

-- Who may do what in which ledger
--! Included daybook_private/functions/claimed_ledgers.sql
create or replace function daybook_private.claimed_ledgers()
  returns text[]
  language sql
  stable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select string_to_array(nullif(current_setting('daybook.ledgers', true), ''), ',')
$$;
comment on function daybook_private.claimed_ledgers() is
  'The ledgers of the request''s token, * for every one. Trust it only when the login is daybook_authenticator: others can set it themselves.';
revoke execute on function daybook_private.claimed_ledgers() from public;
--! EndIncluded daybook_private/functions/claimed_ledgers.sql
--! Included daybook_private/functions/granted_access.sql
create or replace function daybook_private.granted_access(ledger text, access text)
  returns boolean
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select
      from daybook_private.ledger_access g
      join pg_catalog.pg_roles r on r.rolname = g.role
     where g.ledger = granted_access.ledger
       and (g.access = granted_access.access or g.access = 'admin' or granted_access.access = 'read')
       and pg_has_role(session_user, r.oid, 'member')
  )
$$;
comment on function daybook_private.granted_access(text, text) is
  'Whether the login, or a role it is a member of, was granted this access to a ledger.';
revoke execute on function daybook_private.granted_access(text, text) from public;
--! EndIncluded daybook_private/functions/granted_access.sql
--! Included daybook_private/functions/may_use_every_ledger.sql
create or replace function daybook_private.may_use_every_ledger(access text)
  returns boolean
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if session_user = 'daybook_authenticator' then
    return coalesce('*' = any (daybook_private.claimed_ledgers()), false)
      and (access <> 'admin' or current_setting('role') = 'daybook_admin');
  end if;
  return pg_has_role(session_user, 'daybook_admin', 'member')
    or pg_has_role(session_user, 'daybook_owner', 'member')
    or daybook_private.granted_access('*', access);
end
$$;
comment on function daybook_private.may_use_every_ledger(text) is
  'Whether the caller may use all ledgers with this access, those that do not exist yet included.';
revoke execute on function daybook_private.may_use_every_ledger(text) from public;
--! EndIncluded daybook_private/functions/may_use_every_ledger.sql
--! Included daybook_private/functions/check_ledger_name.sql
create or replace function daybook_private.check_ledger_name(ledger text)
  returns void
  language plpgsql
  immutable
as $$
begin
  if ledger is null or ledger !~ '^[0-9A-Za-z_-]{1,63}$' then
    perform daybook_private.refuse_argument('ledger', 'a name has 1 to 63 letters, digits, _ and -',
      to_jsonb(left(ledger, 100)));
  end if;
end
$$;
comment on function daybook_private.check_ledger_name(text) is 'Raises LDARG for a malformed ledger name.';
revoke execute on function daybook_private.check_ledger_name(text) from public;
--! EndIncluded daybook_private/functions/check_ledger_name.sql
--! Included daybook_private/functions/authorize.sql
-- Which functions a caller may execute is a matter of roles and grants; which ledgers, of this.
-- Settings are believed only behind the server's login, because every other login can set them.
-- A login with a grant of its own is found by one look; group roles and administrators take more.
create or replace function daybook_private.authorize(ledger text, access text)
  returns boolean
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  if session_user = 'daybook_authenticator' then
    if authorize.ledger = any (daybook_private.claimed_ledgers()) and authorize.ledger <> '*'
       and (access <> 'admin' or current_setting('role') = 'daybook_admin') then
      return true;
    end if;
  else
    perform
      from daybook_private.ledger_access g
     where g.ledger = authorize.ledger
       and g.role = session_user
       and (g.access = authorize.access or g.access = 'admin' or authorize.access = 'read');
    if found or daybook_private.granted_access(ledger, access) then
      return true;
    end if;
  end if;
  if daybook_private.may_use_every_ledger(access) then
    perform daybook_private.check_ledger_name(ledger);
    return true;
  end if;
  perform daybook_private.refuse('42501', 'permission denied for this ledger',
    jsonb_build_object('ledger', ledger));
  return false;
end
$$;
comment on function daybook_private.authorize(text, text) is
  'Lets the caller pass who may use the ledger with this access: read, write or admin. Raises 42501 otherwise, and LDARG for a malformed name.';
revoke execute on function daybook_private.authorize(text, text) from public;
--! EndIncluded daybook_private/functions/authorize.sql
--! Included daybook_private/functions/readable_ledgers.sql
create or replace function daybook_private.readable_ledgers()
  returns text[]
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  select case
    when daybook_private.may_use_every_ledger('read')
      then array(select name from daybook.ledgers) || '*'::text
    when session_user = 'daybook_authenticator'
      then coalesce(daybook_private.claimed_ledgers(), '{}')
    else array(
      select g.ledger
        from daybook_private.ledger_access g
        join pg_catalog.pg_roles r on r.rolname = g.role
       where pg_has_role(session_user, r.oid, 'member'))
  end
$$;
comment on function daybook_private.readable_ledgers() is
  'The ledgers whose rows the caller may see; policies call it once per statement.';
revoke execute on function daybook_private.readable_ledgers() from public;
grant execute on function daybook_private.readable_ledgers() to daybook_reader;
--! EndIncluded daybook_private/functions/readable_ledgers.sql
--! Included daybook_private/functions/check_ledger_exists.sql
create or replace function daybook_private.check_ledger_exists(ledger text)
  returns void
  language plpgsql
  stable
as $$
begin
  perform daybook_private.check_ledger_name(ledger);
  if not exists (select from daybook.ledgers l where l.name = check_ledger_exists.ledger) then
    perform daybook_private.refuse('LDLED', 'ledger not found', jsonb_build_object('ledger', ledger));
  end if;
end
$$;
comment on function daybook_private.check_ledger_exists(text) is
  'Raises LDARG for a malformed name, LDLED for a ledger that does not exist.';
revoke execute on function daybook_private.check_ledger_exists(text) from public;
--! EndIncluded daybook_private/functions/check_ledger_exists.sql
--! Included daybook_private/functions/check_grantor.sql
create or replace function daybook_private.check_grantor(ledger text)
  returns void
  language plpgsql
  stable
as $$
begin
  if ledger <> '*' or ledger is null then
    perform daybook_private.authorize(ledger, 'admin');
  elsif not daybook_private.may_use_every_ledger('admin') then
    perform daybook_private.refuse('42501', 'permission denied for this ledger',
      jsonb_build_object('ledger', ledger));
  end if;
end
$$;
comment on function daybook_private.check_grantor(text) is
  'Raises 42501 or LDARG unless the caller may say who uses this ledger, or all of them (*).';
revoke execute on function daybook_private.check_grantor(text) from public;
--! EndIncluded daybook_private/functions/check_grantor.sql

-- What can be read
--! Included daybook/views/balances.sql
-- Counters and queue are read by one statement, so by one snapshot: an entry is in exactly one of them.
create view daybook.balances with (security_invoker = true) as
  select
    c.ledger,
    c.address as account,
    c.account_id,
    c.currency,
    c.currency_exponent,
    c.normal_balance,
    b.lock_version,
    b.pending_debits,
    b.pending_credits,
    daybook_private.net_balance(c.normal_balance, b.pending_credits, b.pending_debits) as pending_amount,
    b.posted_debits,
    b.posted_credits,
    daybook_private.net_balance(c.normal_balance, b.posted_credits, b.posted_debits) as posted_amount,
    daybook_private.available_balance(c.normal_balance,
      b.pending_debits, b.pending_credits, b.posted_debits, b.posted_credits) as available_amount
  from daybook_private.account_counters c
  cross join lateral (
    select
      c.lock_version + count(*) as lock_version,
      c.pending_debits + coalesce(sum(q.pending_debits), 0) as pending_debits,
      c.pending_credits + coalesce(sum(q.pending_credits), 0) as pending_credits,
      c.posted_debits + coalesce(sum(q.posted_debits), 0) as posted_debits,
      c.posted_credits + coalesce(sum(q.posted_credits), 0) as posted_credits
    from daybook_private.entry_queue q
    where q.ledger = c.ledger and q.account_id = c.account_id
  ) b;
comment on view daybook.balances is
  'The current balances of every account, over all entries whatever their effective time, queued ones counted. Amounts in minor units.';
comment on column daybook.balances.ledger is 'The ledger.';
comment on column daybook.balances.account is 'Address of the account.';
comment on column daybook.balances.account_id is 'The account.';
comment on column daybook.balances.currency is 'Currency of the amounts.';
comment on column daybook.balances.currency_exponent is 'Decimal places of the currency''s minor unit.';
comment on column daybook.balances.normal_balance is 'The side that raises the balance.';
comment on column daybook.balances.lock_version is 'How many entries the account has accepted.';
comment on column daybook.balances.pending_debits is 'Debits of pending and posted entries.';
comment on column daybook.balances.pending_credits is 'Credits of pending and posted entries.';
comment on column daybook.balances.pending_amount is 'Balance of pending and posted entries.';
comment on column daybook.balances.posted_debits is 'Debits of posted entries.';
comment on column daybook.balances.posted_credits is 'Credits of posted entries.';
comment on column daybook.balances.posted_amount is 'Balance of posted entries.';
comment on column daybook.balances.available_amount is
  'What can be spent: the posted balance less pending outflows; pending inflows do not count.';
--! EndIncluded daybook/views/balances.sql
--! Included daybook/views/current_entries.sql
create view daybook.current_entries with (security_invoker = true) as
  select e.*
    from daybook.entries e
    join daybook.transactions t on t.ledger = e.ledger and t.id = e.transaction_id
   where case
     when t.status = 'posted' then e.effect in ('posted', 'settled')
     when t.status = 'pending' then e.effect = 'pending'
     else e.effect = 'released'
   end;
comment on view daybook.current_entries is
  'The lines of each transaction as it is now, once each.';
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
--! Included daybook/views/log.sql
-- A transaction that was made posted is its own record; every other operation has a row in log_events.
create view daybook.log with (security_invoker = true) as
  select
    t.ledger,
    t.id,
    'create_transaction'::text as kind,
    t.id as transaction_id,
    null::uuid as account_id,
    jsonb_strip_nulls(jsonb_build_object(
      'status', t.status,
      'effective_at', t.effective_at,
      'external_id', t.external_id,
      'description', t.description
    )) as data,
    t.actor,
    t.request_id,
    t.client_address,
    t.created_at
  from daybook.transactions t
  where t.status = 'posted' and t.version = 1
  union all
  select
    e.ledger, e.id, e.kind, e.transaction_id, e.account_id, e.data,
    e.actor, e.request_id, e.client_address, e.created_at
  from daybook_private.log_events e;
comment on view daybook.log is
  'The immutable record of every operation: who did what, when and from where.';
comment on column daybook.log.ledger is 'The ledger; * for operations on the whole instance.';
comment on column daybook.log.id is 'UUIDv7 of the record.';
comment on column daybook.log.kind is 'The operation, by the name of its function.';
comment on column daybook.log.transaction_id is 'The transaction it made or changed.';
comment on column daybook.log.account_id is 'The account it made or changed.';
comment on column daybook.log.data is 'What was asked.';
comment on column daybook.log.actor is 'The login, and the user it claimed to act for.';
comment on column daybook.log.request_id is 'Request id that the caller gave.';
comment on column daybook.log.client_address is 'Network address the request came from.';
comment on column daybook.log.created_at is 'When it happened.';
--! EndIncluded daybook/views/log.sql
--! Included daybook/types/transaction_result.sql
create type daybook.transaction_result as (
  index integer,
  ledger text,
  transaction_id uuid,
  status daybook.transaction_status,
  version integer,
  replayed boolean,
  archived_reason text,
  balances daybook.balances[],
  error_code text,
  error_message text,
  error_detail jsonb
);
comment on type daybook.transaction_result is 'What a call that writes a transaction did.';
comment on column daybook.transaction_result.index is 'Position in a batch, from 1; null for a single call.';
comment on column daybook.transaction_result.ledger is 'The ledger.';
comment on column daybook.transaction_result.transaction_id is 'The transaction; null after a dry run.';
comment on column daybook.transaction_result.status is 'The transaction''s status after the call.';
comment on column daybook.transaction_result.version is 'The transaction''s version after the call.';
comment on column daybook.transaction_result.replayed is
  'True when the idempotency key was known: nothing was done, this is what the first call returned.';
comment on column daybook.transaction_result.archived_reason is 'Why the transaction is archived, when it is.';
comment on column daybook.transaction_result.balances is
  'Balances after the transaction of the accounts whose entries asked for them.';
comment on column daybook.transaction_result.error_code is 'SQLSTATE of the refusal, when it was refused.';
comment on column daybook.transaction_result.error_message is 'The refusal in a sentence.';
comment on column daybook.transaction_result.error_detail is 'The facts of the refusal; amounts as strings.';
--! EndIncluded daybook/types/transaction_result.sql

-- What a caller wrote, checked before anything is looked up
--! Included daybook_private/functions/check_text.sql
create or replace function daybook_private.check_text(
  argument text,
  value text,
  length_min integer,
  length_max integer,
  index integer default null
)
  returns void
  language plpgsql
  immutable
as $$
begin
  if not daybook_private.is_clean_text(value, length_min, length_max) then
    perform daybook_private.refuse_argument(argument,
      format('%s to %s characters, no control characters', length_min, length_max),
      to_jsonb(left(value, 300)), index);
  end if;
end
$$;
comment on function daybook_private.check_text(text, text, integer, integer, integer) is
  'Raises LDARG unless the text is null, or of a length within bounds and free of control characters.';
revoke execute on function daybook_private.check_text(text, text, integer, integer, integer) from public;
--! EndIncluded daybook_private/functions/check_text.sql
--! Included daybook_private/functions/check_metadata.sql
create or replace function daybook_private.check_metadata(value jsonb, index integer default null)
  returns void
  language plpgsql
  immutable
as $$
begin
  if not daybook_private.is_metadata(value) then
    perform daybook_private.refuse_argument('metadata', 'a JSON object of at most 64 kB',
      to_jsonb(jsonb_typeof(value)), index);
  end if;
end
$$;
comment on function daybook_private.check_metadata(jsonb, integer) is
  'Raises LDARG unless the value is null or a JSON object of at most 64 kB.';
revoke execute on function daybook_private.check_metadata(jsonb, integer) from public;
--! EndIncluded daybook_private/functions/check_metadata.sql
--! Included daybook_private/functions/check_address.sql
create or replace function daybook_private.check_address(argument text, value text, index integer default null)
  returns void
  language plpgsql
  immutable
as $$
begin
  if daybook_private.is_address(value) is not true then
    perform daybook_private.refuse_argument(argument,
      'an address has segments of letters, digits, _ and - joined by colons, at most 255 characters',
      to_jsonb(left(value, 300)), index);
  end if;
end
$$;
comment on function daybook_private.check_address(text, text, integer) is
  'Raises LDARG unless the value is a well-formed account address.';
revoke execute on function daybook_private.check_address(text, text, integer) from public;
--! EndIncluded daybook_private/functions/check_address.sql
--! Included daybook_private/functions/check_bounds.sql
create or replace function daybook_private.check_bounds(argument text, bounds daybook.balance_bounds, index integer default null)
  returns void
  language plpgsql
  immutable
as $$
begin
  if bounds is distinct from null and not daybook_private.is_bounds(bounds) then
    perform daybook_private.refuse_argument(argument, 'at least one bound, whole numbers', to_jsonb(bounds), index);
  end if;
end
$$;
comment on function daybook_private.check_bounds(text, daybook.balance_bounds, integer) is
  'Raises LDARG for bounds that bound nothing, or not by whole numbers.';
revoke execute on function daybook_private.check_bounds(text, daybook.balance_bounds, integer) from public;
--! EndIncluded daybook_private/functions/check_bounds.sql
--! Included daybook_private/functions/check_limits.sql
create or replace function daybook_private.check_limits(balance_min numeric, balance_max numeric, index integer default null)
  returns void
  language plpgsql
  immutable
as $$
begin
  if balance_min <> trunc(balance_min) or not abs(balance_min) < 1e72 then
    perform daybook_private.refuse_argument('balance_min', 'a whole number', to_jsonb(balance_min::text), index);
  end if;
  if balance_max <> trunc(balance_max) or not abs(balance_max) < 1e72 then
    perform daybook_private.refuse_argument('balance_max', 'a whole number', to_jsonb(balance_max::text), index);
  end if;
  if balance_min > balance_max then
    perform daybook_private.refuse_argument('balance_min', 'not above balance_max', to_jsonb(balance_min::text), index);
  end if;
end
$$;
comment on function daybook_private.check_limits(numeric, numeric, integer) is
  'Raises LDARG for limits that are not whole numbers, or the wrong way round.';
revoke execute on function daybook_private.check_limits(numeric, numeric, integer) from public;
--! EndIncluded daybook_private/functions/check_limits.sql
--! Included daybook_private/functions/check_account.sql
create or replace function daybook_private.check_account(input daybook.account_input, index integer)
  returns void
  language plpgsql
  immutable
as $$
begin
  perform daybook_private.check_address('address', input.address, index);
  if input.currency is null then
    perform daybook_private.refuse_argument('currency', 'must be given', null, index);
  end if;
  perform daybook_private.check_limits(input.balance_min, input.balance_max, index);
  perform daybook_private.check_text('description', input.description, 0, 1000, index);
  perform daybook_private.check_metadata(input.metadata, index);
end
$$;
comment on function daybook_private.check_account(daybook.account_input, integer) is
  'Raises LDARG for a malformed account.';
revoke execute on function daybook_private.check_account(daybook.account_input, integer) from public;
--! EndIncluded daybook_private/functions/check_account.sql
--! Included daybook_private/functions/check_entry.sql
create or replace function daybook_private.check_entry(entry daybook.entry_input, index integer)
  returns void
  language plpgsql
  immutable
as $$
begin
  perform daybook_private.check_address('account', entry.account, index);
  if entry.direction is null then
    perform daybook_private.refuse_argument('direction', 'debit or credit', null, index);
  end if;
  if entry.amount is null then
    perform daybook_private.refuse_argument('amount', 'must be given', null, index);
  end if;
  if entry.lock_version < 0 then
    perform daybook_private.refuse_argument('lock_version', 'not negative', to_jsonb(entry.lock_version), index);
  end if;
  perform daybook_private.check_bounds('pending_balance', entry.pending_balance, index);
  perform daybook_private.check_bounds('posted_balance', entry.posted_balance, index);
  perform daybook_private.check_bounds('available_balance', entry.available_balance, index);
  perform daybook_private.check_metadata(entry.metadata, index);
end
$$;
comment on function daybook_private.check_entry(daybook.entry_input, integer) is
  'Raises LDARG for a malformed line of a transaction.';
revoke execute on function daybook_private.check_entry(daybook.entry_input, integer) from public;
--! EndIncluded daybook_private/functions/check_entry.sql
--! Included daybook_private/functions/check_transaction.sql
-- The rules that need no look at the books, in full; is_simple_request judges the common case.
-- Whether expires_at lies in the future is checked after the key: a replay stays one when it has come.
create or replace function daybook_private.check_transaction(input daybook.transaction_input)
  returns void
  language plpgsql
  immutable
as $$
begin
  if cardinality(input.category_locks) > 0 then
    perform daybook_private.refuse('0A000', 'category locks are not available yet',
      jsonb_build_object('argument', 'category_locks'));
  end if;
  if cardinality(input.entries) between 2 and 1000 is not true then
    perform daybook_private.refuse_argument('entries', '2 to 1000 of them', to_jsonb(cardinality(input.entries)));
  end if;
  if input.status = 'archived' then
    perform daybook_private.refuse_argument('status', 'pending or posted', to_jsonb(input.status));
  end if;
  if not isfinite(input.effective_at) then
    perform daybook_private.refuse_argument('effective_at', 'a finite time', to_jsonb(input.effective_at));
  end if;
  if not isfinite(input.expires_at)
     or input.expires_at is not null and input.status is distinct from 'pending' then
    perform daybook_private.refuse_argument('expires_at', 'a finite time, of a pending transaction',
      to_jsonb(input.expires_at));
  end if;
  perform daybook_private.check_text('idempotency_key', input.idempotency_key, 1, 255);
  perform daybook_private.check_text('external_id', input.external_id, 1, 180);
  perform daybook_private.check_text('description', input.description, 0, 1000);
  perform daybook_private.check_metadata(input.metadata);
end
$$;
comment on function daybook_private.check_transaction(daybook.transaction_input) is
  'Raises LDARG for a malformed transaction, 0A000 for category locks.';
revoke execute on function daybook_private.check_transaction(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/check_transaction.sql
--! Included daybook_private/functions/check_finish.sql
create or replace function daybook_private.check_finish(transaction_id uuid, idempotency_key text, expected_version integer)
  returns void
  language plpgsql
  stable
as $$
begin
  if transaction_id is null then
    perform daybook_private.refuse_argument('transaction_id', 'must be given');
  end if;
  if expected_version < 1 then
    perform daybook_private.refuse_argument('expected_version', 'at least 1', to_jsonb(expected_version));
  end if;
  perform daybook_private.check_text('idempotency_key', idempotency_key, 1, 255);
  if current_setting('transaction_isolation') <> 'read committed' then
    perform daybook_private.refuse('LDISO', 'changing a transaction needs READ COMMITTED',
      jsonb_build_object('isolation', current_setting('transaction_isolation')));
  end if;
end
$$;
comment on function daybook_private.check_finish(uuid, text, integer) is
  'Raises LDARG or LDISO for a call that cannot change a transaction, before anything is looked up.';
revoke execute on function daybook_private.check_finish(uuid, text, integer) from public;
--! EndIncluded daybook_private/functions/check_finish.sql
--! Included daybook_private/functions/check_isolation.sql
-- An old snapshot would also miss that an account was closed or limited since: locking its row then
-- fails with 40001, and the caller repeats his transaction.
create or replace function daybook_private.check_isolation(ledger text, input daybook.transaction_input)
  returns void
  language plpgsql
  volatile
as $$
declare
  entry daybook.entry_input;
  account daybook.accounts;
  n integer := 0;
begin
  -- Checked here too because LDARG comes before LDISO; a known key gives its replay even when the time has come.
  if input.expires_at <= clock_timestamp() and not exists (
       select from daybook_private.idempotency_keys k
        where k.ledger = check_isolation.ledger and k.key = input.idempotency_key) then
    perform daybook_private.refuse_argument('expires_at', 'in the future', to_jsonb(input.expires_at));
  end if;
  foreach entry in array input.entries loop
    n := n + 1;
    select a.* into account
      from daybook.accounts a
     where a.ledger = check_isolation.ledger and a.address = entry.account
       for share skip locked;
    if not found then
      -- Somebody is using the account, and nothing waits here: the facts of the snapshot must do.
      select a.* into account
        from daybook.accounts a
       where a.ledger = check_isolation.ledger and a.address = entry.account;
    end if;
    if daybook_private.asks_lock(entry) or daybook_private.is_limited(
         entry.direction, account.normal_balance, account.balance_min, account.balance_max) then
      perform daybook_private.refuse('LDISO', 'an entry that waits for its account needs READ COMMITTED',
        jsonb_build_object('index', n, 'isolation', current_setting('transaction_isolation')));
    end if;
  end loop;
end
$$;
comment on function daybook_private.check_isolation(text, daybook.transaction_input) is
  'Raises LDARG for a past expires_at, LDISO for locked entries; called only when the transaction is not at READ COMMITTED.';
revoke execute on function daybook_private.check_isolation(text, daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/check_isolation.sql

-- Books and accounts
--! Included daybook_private/functions/log_event.sql
-- Fields that were not given are left out; what is inside a field, metadata above all, stays as it was.
create or replace function daybook_private.log_event(
  ledger text,
  kind text,
  data jsonb,
  transaction_id uuid default null,
  account_id uuid default null
)
  returns void
  language sql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
  insert into daybook_private.log_events
    (ledger, kind, transaction_id, account_id, data, actor, request_id, client_address)
  values
    (log_event.ledger, log_event.kind, log_event.transaction_id, log_event.account_id,
     (select coalesce(jsonb_object_agg(d.key, d.value), '{}') from jsonb_each(log_event.data) d where d.value <> 'null'),
     daybook_private.actor(),
     nullif(left(current_setting('daybook.request_id', true), 200), ''), daybook_private.client_address())
$$;
comment on function daybook_private.log_event(text, text, jsonb, uuid, uuid) is
  'Records an operation in the log: what was asked, by whom, from where.';
revoke execute on function daybook_private.log_event(text, text, jsonb, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/log_event.sql
--! Included daybook_private/functions/refuse_missing_accounts.sql
create or replace function daybook_private.refuse_missing_accounts(ledger text, addresses text[])
  returns void
  language plpgsql
  stable
as $$
begin
  perform daybook_private.check_ledger_exists(ledger);
  perform daybook_private.refuse('LDACC', 'accounts not found', jsonb_build_object('ledger', ledger,
    'accounts', array(select a from unnest(addresses) with ordinality u (a, n) group by a order by min(n))));
end
$$;
comment on function daybook_private.refuse_missing_accounts(text, text[]) is
  'Raises LDLED when the ledger itself is missing, LDACC with all the missing addresses otherwise.';
revoke execute on function daybook_private.refuse_missing_accounts(text, text[]) from public;
--! EndIncluded daybook_private/functions/refuse_missing_accounts.sql
--! Included daybook_private/functions/check_openable.sql
create or replace function daybook_private.check_openable(ledger text, accounts daybook.account_input[])
  returns void
  language plpgsql
  stable
as $$
declare
  wrong record;
begin
  for wrong in
    select i.ordinality as index, i.address
      from unnest(accounts) with ordinality i
      left join daybook.accounts a on a.ledger = check_openable.ledger and a.address = i.address
     where daybook_private.hash_account(row(i.address, i.currency, i.normal_balance, i.balance_min, i.balance_max,
                                            i.description, i.metadata)::daybook.account_input)
           <> coalesce(a.request_hash, (
                select daybook_private.hash_account(row(f.address, f.currency, f.normal_balance, f.balance_min,
                         f.balance_max, f.description, f.metadata)::daybook.account_input)
                  from unnest(accounts) with ordinality f
                 where f.address = i.address
                 order by f.ordinality
                 limit 1))
     order by i.ordinality
     limit 1
  loop
    perform daybook_private.refuse('LDDUP', 'the account exists and was opened by a different request',
      to_jsonb(wrong) || jsonb_build_object('ledger', ledger));
  end loop;
  for wrong in
    select i.ordinality as index, i.address, i.currency
      from unnest(accounts) with ordinality i
     where not exists (select from daybook.currencies u where u.code = i.currency)
     order by i.ordinality
     limit 1
  loop
    perform daybook_private.refuse('LDCUR', 'unknown currency', to_jsonb(wrong));
  end loop;
end
$$;
comment on function daybook_private.check_openable(text, daybook.account_input[]) is
  'Raises LDDUP, then LDCUR, for the first of several accounts that cannot be opened.';
revoke execute on function daybook_private.check_openable(text, daybook.account_input[]) from public;
--! EndIncluded daybook_private/functions/check_openable.sql
--! Included daybook_private/functions/open_one_account.sql
create or replace function daybook_private.open_one_account(ledger text, input daybook.account_input)
  returns daybook.accounts
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  normal_balance constant daybook.direction := coalesce(input.normal_balance, 'credit');
  request_hash constant bigint := daybook_private.hash_account(input);
  account daybook.accounts;
begin
  insert into daybook.accounts
    (ledger, address, currency, currency_exponent, normal_balance, balance_min, balance_max, description, metadata, request_hash)
  select open_one_account.ledger, input.address, u.code, u.exponent, normal_balance, trunc(input.balance_min),
         trunc(input.balance_max), input.description, coalesce(input.metadata, '{}'), request_hash
    from daybook.currencies u
   where u.code = input.currency
  on conflict do nothing
  returning * into account;
  if found then
    insert into daybook_private.account_counters
      (ledger, account_id, address, currency, currency_exponent, normal_balance, balance_min, balance_max)
    values
      (account.ledger, account.id, account.address, account.currency, account.currency_exponent,
       account.normal_balance, account.balance_min, account.balance_max);
    perform daybook_private.log_event(account.ledger, 'open_account', to_jsonb(input), null, account.id);
    return account;
  end if;
  select a.* into account
    from daybook.accounts a
   where a.ledger = open_one_account.ledger and a.address = input.address;
  if not found then
    perform daybook_private.refuse('LDCUR', 'unknown currency',
      jsonb_build_object('address', input.address, 'currency', input.currency));
  end if;
  if account.request_hash <> request_hash then
    perform daybook_private.refuse('LDDUP', 'the account exists and was opened by a different request',
      jsonb_build_object('ledger', account.ledger, 'address', account.address, 'account_id', account.id));
  end if;
  return account;
end
$$;
comment on function daybook_private.open_one_account(text, daybook.account_input) is
  'Opens an account whose input was checked; the same request again returns it. Raises LDDUP, LDCUR.';
revoke execute on function daybook_private.open_one_account(text, daybook.account_input) from public;
--! EndIncluded daybook_private/functions/open_one_account.sql
--! Included daybook_private/functions/lock_account.sql
-- The account's row is what every posting locks: what is then set in it and in the counters binds
-- each locked entry that comes after.
create or replace function daybook_private.lock_account(ledger text, address text)
  returns daybook.accounts
  language plpgsql
  volatile
as $$
declare
  account daybook.accounts;
begin
  perform daybook_private.check_address('address', address);
  perform
    from daybook.accounts a
   where a.ledger = lock_account.ledger and a.address = lock_account.address
     for no key update;
  -- A later statement than the lock, so that it sees what was set while it was waited for.
  select a.* into account
    from daybook.accounts a
   where a.ledger = lock_account.ledger and a.address = lock_account.address;
  if not found then
    perform daybook_private.refuse_missing_accounts(ledger, array[address]);
  end if;
  return account;
end
$$;
comment on function daybook_private.lock_account(text, text) is
  'Locks an account that is about to change. Raises LDARG, LDLED, LDACC.';
revoke execute on function daybook_private.lock_account(text, text) from public;
--! EndIncluded daybook_private/functions/lock_account.sql
--! Included daybook_private/functions/set_account_closed.sql
create or replace function daybook_private.set_account_closed(ledger text, address text, closed boolean)
  returns daybook.accounts
  language plpgsql
  volatile
as $$
declare
  account daybook.accounts;
begin
  account := daybook_private.lock_account(ledger, address);
  if closed = (account.closed_at is not null) then
    return account;
  end if;
  account.closed_at := case when closed then clock_timestamp() end;
  update daybook_private.account_counters c
     set closed_at = account.closed_at
   where c.ledger = account.ledger and c.account_id = account.id;
  update daybook.accounts a
     set closed_at = account.closed_at
   where a.ledger = account.ledger and a.id = account.id;
  perform daybook_private.log_event(account.ledger,
    case when closed then 'close_account' else 'reopen_account' end, '{}', null, account.id);
  return account;
end
$$;
comment on function daybook_private.set_account_closed(text, text, boolean) is
  'Closes or reopens an account; nothing happens if it is so already.';
revoke execute on function daybook_private.set_account_closed(text, text, boolean) from public;
--! EndIncluded daybook_private/functions/set_account_closed.sql
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
  if (currency.exponent, currency.name)
     <> (create_currency.exponent, coalesce(create_currency.name, create_currency.code)) then
    perform daybook_private.refuse('LDDUP', 'the currency exists with other facts', to_jsonb(currency));
  end if;
  return currency;
end
$$;
comment on function daybook.create_currency(text, integer, text) is
  'Add a currency to the instance; the same request again returns it. Currencies never change. Raises 42501, LDARG, LDDUP.';
revoke execute on function daybook.create_currency(text, integer, text) from public;
grant execute on function daybook.create_currency(text, integer, text) to daybook_admin;
--! EndIncluded daybook/functions/create_currency.sql
--! Included daybook/functions/create_ledger.sql
create or replace function daybook.create_ledger(
  ledger text,
  description text default null,
  metadata jsonb default null
)
  returns daybook.ledgers
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  made daybook.ledgers;
begin
  perform daybook_private.authorize(ledger, 'admin');
  perform daybook_private.check_ledger_name(ledger);
  perform daybook_private.check_text('description', description, 0, 1000);
  perform daybook_private.check_metadata(metadata);
  insert into daybook.ledgers (name, description, metadata)
    values (create_ledger.ledger, create_ledger.description, coalesce(create_ledger.metadata, '{}'))
    on conflict do nothing
    returning * into made;
  if found then
    perform daybook_private.log_event(made.name, 'create_ledger', to_jsonb(made));
    return made;
  end if;
  select l.* into strict made from daybook.ledgers l where l.name = create_ledger.ledger;
  if (made.description, made.metadata)
     is distinct from (create_ledger.description, coalesce(create_ledger.metadata, '{}')) then
    perform daybook_private.refuse('LDDUP', 'the ledger exists and was made by a different request',
      jsonb_build_object('ledger', made.name));
  end if;
  return made;
end
$$;
comment on function daybook.create_ledger(text, text, jsonb) is
  'Make a ledger, an independent set of books; the same request again returns it. Raises 42501, LDARG, LDDUP.';
revoke execute on function daybook.create_ledger(text, text, jsonb) from public;
grant execute on function daybook.create_ledger(text, text, jsonb) to daybook_admin;
--! EndIncluded daybook/functions/create_ledger.sql
--! Included daybook/functions/grant_ledger_access.sql
create or replace function daybook.grant_ledger_access(role text, ledger text, access text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform daybook_private.check_grantor(ledger);
  if role = 'daybook_authenticator' or not exists (
       select from pg_roles r where r.rolname = grant_ledger_access.role) then
    perform daybook_private.refuse_argument('role',
      'a role of this server other than daybook_authenticator, whose ledgers are in tokens', to_jsonb(role));
  end if;
  if access in ('read', 'write', 'admin') is not true then
    perform daybook_private.refuse_argument('access', 'read, write or admin', to_jsonb(access));
  end if;
  if ledger <> '*' then
    perform daybook_private.check_ledger_exists(ledger);
  end if;
  insert into daybook_private.ledger_access (ledger, role, access)
    values (grant_ledger_access.ledger, grant_ledger_access.role, grant_ledger_access.access)
    on conflict (ledger, role) do update set access = excluded.access;
  perform daybook_private.log_event(grant_ledger_access.ledger, 'grant_ledger_access',
    jsonb_build_object('role', role, 'access', access));
end
$$;
comment on function daybook.grant_ledger_access(text, text, text) is
  'Let a database role use a ledger by direct SQL: read, write, or admin; the ledger * is every one, also of the future. It also needs a role such as daybook_writer, which says what it may do at all. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.grant_ledger_access(text, text, text) from public;
grant execute on function daybook.grant_ledger_access(text, text, text) to daybook_writer;
--! EndIncluded daybook/functions/grant_ledger_access.sql
--! Included daybook/functions/revoke_ledger_access.sql
create or replace function daybook.revoke_ledger_access(role text, ledger text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.check_grantor(ledger);
  if role is null then
    perform daybook_private.refuse_argument('role', 'must be given');
  end if;
  if ledger <> '*' then
    perform daybook_private.check_ledger_exists(ledger);
  end if;
  delete from daybook_private.ledger_access g
   where g.ledger = revoke_ledger_access.ledger and g.role = revoke_ledger_access.role;
  if found then
    perform daybook_private.log_event(ledger, 'revoke_ledger_access', jsonb_build_object('role', role));
  end if;
end
$$;
comment on function daybook.revoke_ledger_access(text, text) is
  'Take back what grant_ledger_access gave; no error if there was nothing. Do so before a role is dropped: grants go by name. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.revoke_ledger_access(text, text) from public;
grant execute on function daybook.revoke_ledger_access(text, text) to daybook_writer;
--! EndIncluded daybook/functions/revoke_ledger_access.sql
--! Included daybook/functions/open_account.sql
create or replace function daybook.open_account(
  ledger text,
  address text,
  currency text,
  normal_balance daybook.direction default 'credit',
  balance_min numeric default null,
  balance_max numeric default null,
  description text default null,
  metadata jsonb default null
)
  returns daybook.accounts
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  input constant daybook.account_input := row(
    address, currency, normal_balance, balance_min, balance_max, description, metadata);
begin
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.check_account(input, null);
  perform daybook_private.check_ledger_exists(ledger);
  return daybook_private.open_one_account(ledger, input);
end
$$;
comment on function daybook.open_account(text, text, text, daybook.direction, numeric, numeric, text, jsonb) is
  'Open an account; the same request again returns it as it is now. Limits are in minor units. Raises 42501, LDARG, LDLED, LDDUP, LDCUR.';
revoke execute on function daybook.open_account(text, text, text, daybook.direction, numeric, numeric, text, jsonb) from public;
grant execute on function daybook.open_account(text, text, text, daybook.direction, numeric, numeric, text, jsonb) to daybook_writer;
--! EndIncluded daybook/functions/open_account.sql
--! Included daybook/functions/open_accounts.sql
-- Opened in the order of their addresses, so that two calls with the same ones cannot deadlock.
create or replace function daybook.open_accounts(ledger text, accounts daybook.account_input[])
  returns setof daybook.accounts
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  input daybook.account_input;
  index integer := 0;
begin
  perform daybook_private.authorize(open_accounts.ledger, 'write');
  if cardinality(accounts) <= 100000 is not true then
    perform daybook_private.refuse_argument('accounts', 'at most 100 000', to_jsonb(cardinality(accounts)));
  end if;
  foreach input in array accounts loop
    index := index + 1;
    perform daybook_private.check_account(input, index);
  end loop;
  perform daybook_private.check_ledger_exists(open_accounts.ledger);
  perform daybook_private.check_openable(open_accounts.ledger, accounts);
  for input in select a.* from unnest(accounts) a order by a.address loop
    perform daybook_private.open_one_account(open_accounts.ledger, input);
  end loop;
  return query
    select a.*
      from unnest(accounts) with ordinality u
      join daybook.accounts a on a.ledger = open_accounts.ledger and a.address = u.address
     order by u.ordinality;
end
$$;
comment on function daybook.open_accounts(text, daybook.account_input[]) is
  'Open up to 100 000 accounts, all or none; returns them in order. Raises 42501, LDARG, LDLED, LDDUP, LDCUR.';
revoke execute on function daybook.open_accounts(text, daybook.account_input[]) from public;
grant execute on function daybook.open_accounts(text, daybook.account_input[]) to daybook_writer;
--! EndIncluded daybook/functions/open_accounts.sql
--! Included daybook/functions/close_account.sql
create or replace function daybook.close_account(ledger text, address text)
  returns daybook.accounts
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'write');
  return daybook_private.set_account_closed(ledger, address, true);
end
$$;
comment on function daybook.close_account(text, text) is
  'Close an account at any balance: it takes no new entries, what is pending may still be settled or released. Idempotent. Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.close_account(text, text) from public;
grant execute on function daybook.close_account(text, text) to daybook_writer;
--! EndIncluded daybook/functions/close_account.sql
--! Included daybook/functions/reopen_account.sql
create or replace function daybook.reopen_account(ledger text, address text)
  returns daybook.accounts
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'write');
  return daybook_private.set_account_closed(ledger, address, false);
end
$$;
comment on function daybook.reopen_account(text, text) is
  'Reopen a closed account. Idempotent. Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.reopen_account(text, text) from public;
grant execute on function daybook.reopen_account(text, text) to daybook_writer;
--! EndIncluded daybook/functions/reopen_account.sql
--! Included daybook/functions/set_account_limits.sql
create or replace function daybook.set_account_limits(
  ledger text,
  address text,
  balance_min numeric default null,
  balance_max numeric default null
)
  returns daybook.accounts
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  account daybook.accounts;
begin
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.check_limits(balance_min, balance_max);
  account := daybook_private.lock_account(ledger, address);
  update daybook_private.account_counters c
     set balance_min = trunc(set_account_limits.balance_min), balance_max = trunc(set_account_limits.balance_max)
   where c.ledger = account.ledger and c.account_id = account.id;
  update daybook.accounts a
     set balance_min = trunc(set_account_limits.balance_min), balance_max = trunc(set_account_limits.balance_max)
   where a.ledger = account.ledger and a.id = account.id
  returning a.* into account;
  perform daybook_private.log_event(account.ledger, 'set_account_limits',
    jsonb_build_object('balance_min', account.balance_min, 'balance_max', account.balance_max),
    null, account.id);
  return account;
end
$$;
comment on function daybook.set_account_limits(text, text, numeric, numeric) is
  'Set both limits of an account, in minor units; null removes one. The balance may lie outside them. Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.set_account_limits(text, text, numeric, numeric) from public;
grant execute on function daybook.set_account_limits(text, text, numeric, numeric) to daybook_writer;
--! EndIncluded daybook/functions/set_account_limits.sql
--! Included daybook/functions/set_account_metadata.sql
create or replace function daybook.set_account_metadata(ledger text, address text, metadata jsonb)
  returns daybook.accounts
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  account daybook.accounts;
begin
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.check_metadata(metadata);
  account := daybook_private.lock_account(ledger, address);
  account.metadata := account.metadata || coalesce(metadata, '{}');
  perform daybook_private.check_metadata(account.metadata);
  update daybook.accounts a
     set metadata = account.metadata
   where a.ledger = account.ledger and a.id = account.id;
  perform daybook_private.log_event(account.ledger, 'set_account_metadata',
    jsonb_build_object('metadata', metadata), null, account.id);
  return account;
end
$$;
comment on function daybook.set_account_metadata(text, text, jsonb) is
  'Merge a JSON object into an account''s metadata, at the top level. Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.set_account_metadata(text, text, jsonb) from public;
grant execute on function daybook.set_account_metadata(text, text, jsonb) to daybook_writer;
--! EndIncluded daybook/functions/set_account_metadata.sql
--! Included daybook/functions/delete_account_metadata.sql
create or replace function daybook.delete_account_metadata(ledger text, address text, key text)
  returns daybook.accounts
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  account daybook.accounts;
begin
  perform daybook_private.authorize(ledger, 'write');
  if key is null then
    perform daybook_private.refuse_argument('key', 'must be given');
  end if;
  account := daybook_private.lock_account(ledger, address);
  account.metadata := account.metadata - key;
  update daybook.accounts a
     set metadata = account.metadata
   where a.ledger = account.ledger and a.id = account.id;
  perform daybook_private.log_event(account.ledger, 'delete_account_metadata',
    jsonb_build_object('key', key), null, account.id);
  return account;
end
$$;
comment on function daybook.delete_account_metadata(text, text, text) is
  'Remove a key from an account''s metadata; an absent one is no error. Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.delete_account_metadata(text, text, text) from public;
grant execute on function daybook.delete_account_metadata(text, text, text) to daybook_writer;
--! EndIncluded daybook/functions/delete_account_metadata.sql

-- The hot path: how money moves
--! Included daybook_private/functions/total_of.sql
create or replace function daybook_private.total_of(lines daybook_private.line[], account_id uuid)
  returns daybook_private.line
  language plpgsql
  immutable
as $$
declare
  total daybook_private.line;
begin
  select count(*), coalesce(sum(l.pending_debits), 0), coalesce(sum(l.pending_credits), 0),
         coalesce(sum(l.posted_debits), 0), coalesce(sum(l.posted_credits), 0)
    into total.lock_version, total.pending_debits, total.pending_credits, total.posted_debits, total.posted_credits
    from unnest(lines) l
   where l.account_id = total_of.account_id;
  return total;
end
$$;
comment on function daybook_private.total_of(daybook_private.line[], uuid) is
  'What lines add to an account: how many, as lock_version, and how much.';
revoke execute on function daybook_private.total_of(daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/total_of.sql
--! Included daybook_private/functions/fold_queue.sql
-- The caller holds the account by an earlier statement: only then does this one's
-- snapshot see every entry that was queued before the lock was got. What the caller has added to
-- the counters meanwhile stays on top: versions and counters of folded entries leave it out.
-- Entries are found by their keys (the array), and joined by hashing: a plan cached while the queue was
-- empty would otherwise compare each with each.
create or replace function daybook_private.fold_queue(ledger text, account_id uuid, on_top daybook_private.line)
  returns daybook_private.line
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
#variable_conflict use_column
declare
  folded daybook_private.line;
begin
  with taken as (
    delete from daybook_private.entry_queue q
     where q.ledger = fold_queue.ledger and q.account_id = fold_queue.account_id
    returning q.entry_id, q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
  ),
  running as (
    select
      t.entry_id,
      row_number() over w as n,
      sum(t.pending_debits) over w as pending_debits,
      sum(t.pending_credits) over w as pending_credits,
      sum(t.posted_debits) over w as posted_debits,
      sum(t.posted_credits) over w as posted_credits
    from taken t
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
    returning old.lock_version, old.pending_debits, old.pending_credits, old.posted_debits, old.posted_credits
  ),
  versioned as (
    update daybook.entries e
       set lock_version = c.lock_version - on_top.lock_version + r.n,
           pending_debits = c.pending_debits - on_top.pending_debits + r.pending_debits,
           pending_credits = c.pending_credits - on_top.pending_credits + r.pending_credits,
           posted_debits = c.posted_debits - on_top.posted_debits + r.posted_debits,
           posted_credits = c.posted_credits - on_top.posted_credits + r.posted_credits
      from running r, counted c
     where e.ledger = fold_queue.ledger and e.account_id = fold_queue.account_id and e.id = r.entry_id
       and e.id = any (array(select t.entry_id from taken t))
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
--! Included daybook_private/functions/fold_beneath.sql
-- Entries that were queued before these come before them: they are folded in beneath, and the
-- versions and counters of these lines rise by what came in.
create or replace function daybook_private.fold_beneath(
  ledger text,
  added daybook_private.line[],
  lines daybook_private.line[]
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  previous_account uuid;
  folded daybook_private.line;
begin
  for n in 1..cardinality(lines) loop
    exit when not lines[n].locked;
    if lines[n].account_id is distinct from previous_account then
      previous_account := lines[n].account_id;
      folded := null;
      perform
        from daybook_private.entry_queue q
       where q.ledger = fold_beneath.ledger and q.account_id = previous_account
       order by q.entry_id
       limit 1;
      if found then
        folded := daybook_private.fold_queue(ledger, previous_account, daybook_private.total_of(added, previous_account));
      end if;
    end if;
    if folded.lock_version > 0 then
      lines[n].lock_version := lines[n].lock_version + folded.lock_version;
      lines[n].pending_debits := lines[n].pending_debits + folded.pending_debits;
      lines[n].pending_credits := lines[n].pending_credits + folded.pending_credits;
      lines[n].posted_debits := lines[n].posted_debits + folded.posted_debits;
      lines[n].posted_credits := lines[n].posted_credits + folded.posted_credits;
    end if;
  end loop;
  return lines;
end
$$;
comment on function daybook_private.fold_beneath(text, daybook_private.line[], daybook_private.line[]) is
  'Folds the queues of locked lines'' accounts in under the lines, which were just applied and had added so much; returns them with their new versions and counters.';
revoke execute on function daybook_private.fold_beneath(text, daybook_private.line[], daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/fold_beneath.sql
--! Included daybook_private/functions/replay.sql
create or replace function daybook_private.replay(
  ledger text,
  key text,
  operation text,
  request_hash bigint
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  known daybook_private.idempotency_keys;
begin
  select k.* into known
    from daybook_private.idempotency_keys k
   where k.ledger = replay.ledger and k.key = replay.key;
  if not found then
    return null;
  end if;
  if (known.operation, known.request_hash) <> (replay.operation, replay.request_hash) then
    perform daybook_private.refuse('LDIDM', 'this idempotency key was used for another request',
      jsonb_build_object('ledger', known.ledger, 'idempotency_key', known.key,
                         'operation', known.operation, 'transaction_id', known.transaction_id));
  end if;
  return jsonb_populate_record(
    row(null, known.ledger, known.transaction_id, known.status, known.version,
        true, null, null, null, null, null)::daybook.transaction_result,
    coalesce(known.result, '{}'));
end
$$;
comment on function daybook_private.replay(text, text, text, bigint) is
  'What the first call with an idempotency key returned; null if the key is unknown. Raises LDIDM for another request.';
revoke execute on function daybook_private.replay(text, text, text, bigint) from public;
--! EndIncluded daybook_private/functions/replay.sql
--! Included daybook_private/functions/claim_key.sql
-- Of concurrent calls with one key the first inserts, the others wait here for it to commit and
-- then read, in a later statement, what it did. One that vanished (refused, or purged) frees the key.
create or replace function daybook_private.claim_key(
  ledger text,
  key text,
  operation text,
  request_hash bigint,
  transaction_id uuid,
  status daybook.transaction_status,
  version integer
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  first_result daybook.transaction_result;
begin
  loop
    insert into daybook_private.idempotency_keys
      (ledger, key, operation, request_hash, transaction_id, status, version)
    values
      (claim_key.ledger, claim_key.key, claim_key.operation, claim_key.request_hash,
       claim_key.transaction_id, claim_key.status, claim_key.version)
    on conflict do nothing;
    if found then
      return null;
    end if;
    first_result := daybook_private.replay(
      claim_key.ledger, claim_key.key, claim_key.operation, claim_key.request_hash);
    if first_result.transaction_id is not null then
      return first_result;
    end if;
  end loop;
end
$$;
comment on function daybook_private.claim_key(text, text, text, bigint, uuid, daybook.transaction_status, integer) is
  'Takes an idempotency key: null when it was free, else what its first call returned, as a replay. Raises LDIDM for another request.';
revoke execute on function daybook_private.claim_key(text, text, text, bigint, uuid, daybook.transaction_status, integer) from public;
--! EndIncluded daybook_private/functions/claim_key.sql
--! Included daybook_private/functions/claim_external_id.sql
create or replace function daybook_private.claim_external_id(ledger text, external_id text, transaction_id uuid)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
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
--! Included daybook_private/functions/order_lines.sql
-- A balanced pair of which one waits is by far the most common here: it is put in order without a query.
create or replace function daybook_private.order_lines(
  lines daybook_private.line[],
  request_hash bigint,
  is_pair boolean,
  is_sound boolean
)
  returns daybook_private.line[]
  language plpgsql
  immutable
as $$
begin
  if is_pair and lines[1].account_id <> lines[2].account_id then
    if lines[1].locked then
      return lines;
    end if;
    lines[1].request_hash := request_hash;
    return array[lines[2], lines[1]];
  end if;
  if not is_sound or exists (
       select from unnest(lines) l
        group by l.currency
       having sum(case when l.direction = 'debit' then l.amount else -l.amount end) <> 0) then
    return array[row(null, null, null, null, null, null, null, null, null, null, null, null, null, request_hash,
                     null, null, null, null, null)::daybook_private.line];
  end if;
  return array(
    select row(l.position, l.id, l.account_id, l.direction, l.amount, l.currency, l.any_locked, l.metadata, null,
               l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits, order_lines.request_hash,
               null, null, null, null, l.available_min)::daybook_private.line
      from (select u.*, bool_or(u.locked) over (partition by u.account_id) as any_locked
              from unnest(lines) u) l
     order by not l.any_locked, case when l.any_locked then l.account_id end, l.position);
end
$$;
comment on function daybook_private.order_lines(daybook_private.line[], bigint, boolean, boolean) is
  'Lines in the order in which accounts are taken: locked ones by account, then the others; an account with any locked line has only locked ones. Unsound or unbalanced: one line with nothing but the hash.';
revoke execute on function daybook_private.order_lines(daybook_private.line[], bigint, boolean, boolean) from public;
--! EndIncluded daybook_private/functions/order_lines.sql
--! Included daybook_private/functions/judge_entry.sql
create or replace function daybook_private.judge_entry(
  entry daybook.entry_input,
  index integer,
  request_hash bigint,
  ledger text,
  account_id uuid,
  is_special boolean
)
  returns daybook_private.judgement
  language plpgsql
  stable
as $$
declare
  judgement daybook_private.judgement;
  account record;
begin
  perform daybook_private.check_entry(entry, index);
  judgement.request_hash := case
    when daybook_private.is_lone_minimum(entry) then hash_numeric_extended((entry.available_balance).gte, request_hash # 1)
    when daybook_private.asks_nothing(entry) then request_hash
    else daybook_private.hash_asked(entry, request_hash)
  end;
  judgement.locked := daybook_private.asks_lock(entry);
  judgement.is_sound := account_id is not null
    and entry.amount > 0 and entry.amount < 1e36 and entry.amount = trunc(entry.amount);
  if is_special then
    select a.normal_balance, a.balance_min, a.balance_max, a.closed_at into account
      from daybook.accounts a
     where a.ledger = judge_entry.ledger and a.id = judge_entry.account_id;
    judgement.locked := judgement.locked or daybook_private.is_limited(
      entry.direction, account.normal_balance, account.balance_min, account.balance_max);
    judgement.is_sound := judgement.is_sound and account.closed_at is null;
  end if;
  return judgement;
end
$$;
comment on function daybook_private.judge_entry(daybook.entry_input, integer, bigint, text, uuid, boolean) is
  'Looks closely at an entry that is not of the common kind: hash, whether it must wait, whether it can go on. Raises LDARG.';
revoke execute on function daybook_private.judge_entry(daybook.entry_input, integer, bigint, text, uuid, boolean) from public;
--! EndIncluded daybook_private/functions/judge_entry.sql
--! Included daybook_private/functions/prepare_entries.sql
-- One pass over what the caller wrote, before anything is locked or written. It changes nothing, so
-- it may run before the idempotency key is looked at; what would be refused after the key only
-- makes lines unsound, and check_in_order then says what it is.
-- Facts of accounts are read without a lock: an unlocked entry may go by them, a locked one is
-- judged again by check_conditions under the lock.
-- Values are hashed, not their text (100 and 100.00 are one amount), and the direction by comparison:
-- an enum's own hash is of an object id, which a restored dump changes.
-- An expression costs a microsecond or two per call, however simple: hence few and long ones.
create or replace function daybook_private.prepare_entries(
  ledger text,
  entries daybook.entry_input[],
  is_pending boolean,
  request_hash bigint
)
  returns daybook_private.line[]
  language plpgsql
  stable
as $$
declare
  lines daybook_private.line[];
  entry daybook.entry_input;
  judgement daybook_private.judgement;
  account_id uuid;
  account_currency text;
  is_special boolean;
  currency text;
  minimum numeric;
  locked boolean;
  is_common boolean := true;
  is_sound boolean := true;
  net numeric := 0::numeric;
  n integer := 0;
  locks integer := 0;
begin
  foreach entry in array entries loop
    n := n + 1;
    request_hash := hash_numeric_extended(entry.amount, hashtextextended(entry.account,
      case when entry.direction = 'debit' then request_hash else ~request_hash end));
    select a.id, a.currency,
           a.balance_min is not null or a.balance_max is not null or a.closed_at is not null
      into account_id, account_currency, is_special
      from daybook.accounts a
     where a.ledger = prepare_entries.ledger and a.address = entry.account;
    minimum := null;
    locked := false;
    if (not is_special and account_currency = coalesce(currency, account_currency)
        and daybook_private.is_plain(entry)) is not true then
      if (not is_special and account_currency = coalesce(currency, account_currency)
          and daybook_private.is_plain_but_minimum(entry)) is true then
        minimum := (entry.available_balance).gte;
        request_hash := hash_numeric_extended(minimum, request_hash # 1);
        locked := true;
      else
        judgement := daybook_private.judge_entry(entry, n, request_hash, ledger, account_id, is_special);
        request_hash := judgement.request_hash;
        locked := judgement.locked;
        entry.amount := case when judgement.is_sound then trunc(entry.amount) else 0 end;
        is_sound := is_sound and judgement.is_sound;
        is_common := is_common and account_currency = coalesce(currency, account_currency);
      end if;
      locks := locks + locked::integer;
    end if;
    currency := account_currency;
    if entry.direction = 'debit' then
      net := net + entry.amount;
      lines[n] := row(n, uuidv7(), account_id, 'debit', entry.amount, currency, locked, coalesce(entry.metadata, '{}'), null,
        entry.amount, 0, case when is_pending then 0 else entry.amount end, 0, request_hash,
        null, null, null, null, minimum)::daybook_private.line;
    else
      net := net - entry.amount;
      lines[n] := row(n, uuidv7(), account_id, 'credit', entry.amount, currency, locked, coalesce(entry.metadata, '{}'), null,
        0, entry.amount, 0, case when is_pending then 0 else entry.amount end, request_hash,
        null, null, null, null, minimum)::daybook_private.line;
    end if;
  end loop;
  if locks = 0 and is_common and is_sound and net = 0 then
    return lines;
  end if;
  return daybook_private.order_lines(lines, request_hash, is_common and is_sound and net = 0 and n = 2 and locks = 1, is_sound);
end
$$;
comment on function daybook_private.prepare_entries(text, daybook.entry_input[], boolean, bigint) is
  'Reads the entries of a request and the facts of their accounts: lines in the order in which accounts are taken. Raises LDARG; if something else is amiss there is one line, with nothing but the hash.';
revoke execute on function daybook_private.prepare_entries(text, daybook.entry_input[], boolean, bigint) from public;
--! EndIncluded daybook_private/functions/prepare_entries.sql
--! Included daybook_private/functions/check_balanced.sql
create or replace function daybook_private.check_balanced(ledger text, entries daybook.entry_input[])
  returns void
  language plpgsql
  stable
as $$
declare
  unbalanced record;
begin
  for unbalanced in
    select a.currency,
           trunc(coalesce(sum(e.amount) filter (where e.direction = 'debit'), 0))::text as debits,
           trunc(coalesce(sum(e.amount) filter (where e.direction = 'credit'), 0))::text as credits
      from unnest(entries) with ordinality e
      join daybook.accounts a on a.ledger = check_balanced.ledger and a.address = e.account
     group by a.currency
    having sum(case when e.direction = 'debit' then e.amount else -e.amount end) <> 0
     order by min(e.ordinality)
     limit 1
  loop
    perform daybook_private.refuse('LDUNB', 'debits and credits differ', to_jsonb(unbalanced));
  end loop;
end
$$;
comment on function daybook_private.check_balanced(text, daybook.entry_input[]) is
  'Raises LDUNB, with both sums, unless debits equal credits in every currency.';
revoke execute on function daybook_private.check_balanced(text, daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/check_balanced.sql
--! Included daybook_private/functions/check_in_order.sql
-- The slow and orderly way through the checks that come after the idempotency key, for a request
-- in which prepare_entries found something amiss. When nothing is, the books have changed since.
create or replace function daybook_private.check_in_order(ledger text, input daybook.transaction_input)
  returns void
  language plpgsql
  volatile
as $$
declare
  entry daybook.entry_input;
  n integer := 0;
  missing text[];
begin
  foreach entry in array input.entries loop
    n := n + 1;
    if (entry.amount > 0 and entry.amount < 1e36 and entry.amount = trunc(entry.amount)) is not true then
      perform daybook_private.refuse('LDAMT', 'an amount is a positive whole number below 10^36',
        jsonb_build_object('index', n, 'amount', entry.amount::text));
    end if;
  end loop;
  missing := array(
    select e.account
      from unnest(input.entries) with ordinality e
     where not exists (
             select from daybook.accounts a
              where a.ledger = check_in_order.ledger and a.address = e.account)
     order by e.ordinality);
  if cardinality(missing) > 0 then
    perform daybook_private.refuse_missing_accounts(ledger, missing);
  end if;
  perform daybook_private.check_balanced(ledger, input.entries);
end
$$;
comment on function daybook_private.check_in_order(text, daybook.transaction_input) is
  'Raises LDAMT, LDLED, LDACC or LDUNB, in this order, for what is wrong with a well-formed request.';
revoke execute on function daybook_private.check_in_order(text, daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/check_in_order.sql
--! Included daybook_private/functions/check_open.sql
create or replace function daybook_private.check_open(ledger text, entries daybook.entry_input[])
  returns void
  language plpgsql
  stable
as $$
declare
  closed record;
begin
  for closed in
    select e.ordinality as index, e.account
      from unnest(entries) with ordinality e
      join daybook.accounts a on a.ledger = check_open.ledger and a.address = e.account
     where a.closed_at is not null
     order by e.ordinality
     limit 1
  loop
    perform daybook_private.refuse('LDCLS', 'account is closed', to_jsonb(closed));
  end loop;
end
$$;
comment on function daybook_private.check_open(text, daybook.entry_input[]) is
  'Raises LDCLS for the first entry whose account is closed.';
revoke execute on function daybook_private.check_open(text, daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/check_open.sql
--! Included daybook_private/functions/settle_lines.sql
create or replace function daybook_private.settle_lines(
  ledger text,
  input daybook.transaction_input,
  lines daybook_private.line[],
  transaction_id uuid
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
begin
  if input.expires_at <= clock_timestamp() then
    perform daybook_private.refuse_argument('expires_at', 'in the future', to_jsonb(input.expires_at));
  end if;
  if lines[1].account_id is null then
    perform daybook_private.check_in_order(ledger, input);
  end if;
  if input.external_id is not null then
    perform daybook_private.claim_external_id(ledger, input.external_id, transaction_id);
  end if;
  for attempt in 1..10 loop
    exit when lines[1].account_id is not null;
    perform daybook_private.check_in_order(ledger, input);
    perform daybook_private.check_open(ledger, input.entries);
    -- Nothing is wrong by now: an account was opened or reopened in between. Read again.
    lines := daybook_private.prepare_entries(
      ledger, input.entries, input.status = 'pending', daybook_private.hash_header(input));
  end loop;
  if lines[1].account_id is null then
    perform daybook_private.refuse('40001', 'the accounts of the request keep changing');
  end if;
  return lines;
end
$$;
comment on function daybook_private.settle_lines(text, daybook.transaction_input, daybook_private.line[], uuid) is
  'What comes between the key and the accounts'' locks, where a request needs it. Raises LDARG, LDAMT, LDLED, LDACC, LDUNB, LDEXT, LDCLS.';
revoke execute on function daybook_private.settle_lines(text, daybook.transaction_input, daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/settle_lines.sql
--! Included daybook_private/functions/queue_entry.sql
create or replace function daybook_private.queue_entry(ledger text, line daybook_private.line)
  returns daybook_private.line
  language plpgsql
  volatile
as $$
begin
  insert into daybook_private.entry_queue
    values (ledger, line.account_id, line.id, line.pending_debits, line.pending_credits,
            line.posted_debits, line.posted_credits);
  line.lock_version := null;
  line.pending_debits := null;
  line.pending_credits := null;
  line.posted_debits := null;
  line.posted_credits := null;
  return line;
end
$$;
comment on function daybook_private.queue_entry(text, daybook_private.line) is
  'Leaves in the queue what an entry adds; returns the entry without version and counters.';
revoke execute on function daybook_private.queue_entry(text, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/queue_entry.sql
--! Included daybook_private/functions/apply_entries.sql
-- THE ONE PLACE THAT LOCKS ACCOUNTS, in the order in which the lines come (order_lines): those
-- that must wait for their account first, by account id, waiting; then all others, none of which
-- ever waits. Whoever waits holds nothing that the one he waits for still needs: no deadlock.
--   locked:   update (waits, adds, fetches). When all of them are held, what is queued for them is
--             folded in beneath, by later statements, whose snapshots are taken after every wait:
--             entries may have been queued for one account while the next was waited for.
--   unlocked: update if the account is free, else leave the amounts in the queue and go on.
-- What is locked is the row in accounts, which stands for the account and hardly ever changes: `skip
-- locked` on a row that others keep updating, as the counters are, now and then waits after all, for
-- PostgreSQL follows the update chain of a change that commits just then.
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
  added constant daybook_private.line[] := lines;
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
                c.normal_balance, c.balance_min, c.balance_max, c.closed_at
        into strict line.lock_version, line.pending_debits, line.pending_credits, line.posted_debits, line.posted_credits,
                line.normal_balance, line.balance_min, line.balance_max, line.closed_at;
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
      lines := daybook_private.fold_beneath(apply_entries.ledger, added, lines);
    end if;
  end if;
  return lines;
end
$$;
comment on function daybook_private.apply_entries(text, daybook_private.line[]) is
  'Adds entries to their accounts'' counters or queues; returns them with version and counters, which are null for queued ones.';
revoke execute on function daybook_private.apply_entries(text, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/apply_entries.sql
--! Included daybook_private/functions/version_before.sql
create or replace function daybook_private.version_before(lines daybook_private.line[], account_id uuid)
  returns bigint
  language sql
  immutable
as $$
  select min(l.lock_version) - 1 from unnest(lines) l where l.account_id = version_before.account_id
$$;
comment on function daybook_private.version_before(daybook_private.line[], uuid) is
  'The lock version of an account just before the transaction whose applied entries these are.';
revoke execute on function daybook_private.version_before(daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/version_before.sql
--! Included daybook_private/functions/bound_facts.sql
create or replace function daybook_private.bound_facts(balance text, bounds daybook.balance_bounds, bound text, actual numeric)
  returns jsonb
  language sql
  immutable
as $$
  select jsonb_build_object('balance', balance, 'bound', bound,
    'limit', to_jsonb(bounds) ->> bound, 'actual', actual::text)
$$;
comment on function daybook_private.bound_facts(text, daybook.balance_bounds, text, numeric) is
  'Which balance, which bound, its limit, and the balance it would have been.';
revoke execute on function daybook_private.bound_facts(text, daybook.balance_bounds, text, numeric) from public;
--! EndIncluded daybook_private/functions/bound_facts.sql
--! Included daybook_private/functions/broken_balance.sql
create or replace function daybook_private.broken_balance(entry daybook.entry_input, line daybook_private.line)
  returns jsonb
  language plpgsql
  immutable
as $$
declare
  balance numeric;
  bound text;
begin
  if not (entry.pending_balance is null) then
    balance := daybook_private.net_balance(line.normal_balance, line.pending_credits, line.pending_debits);
    bound := daybook_private.broken_bound(entry.pending_balance, balance);
    if bound is not null then
      return daybook_private.bound_facts('pending_balance', entry.pending_balance, bound, balance);
    end if;
  end if;
  if not (entry.posted_balance is null) then
    balance := daybook_private.net_balance(line.normal_balance, line.posted_credits, line.posted_debits);
    bound := daybook_private.broken_bound(entry.posted_balance, balance);
    if bound is not null then
      return daybook_private.bound_facts('posted_balance', entry.posted_balance, bound, balance);
    end if;
  end if;
  if not (entry.available_balance is null) then
    balance := daybook_private.available_balance(line.normal_balance,
      line.pending_debits, line.pending_credits, line.posted_debits, line.posted_credits);
    bound := daybook_private.broken_bound(entry.available_balance, balance);
    if bound is not null then
      return daybook_private.bound_facts('available_balance', entry.available_balance, bound, balance);
    end if;
  end if;
  return null;
end
$$;
comment on function daybook_private.broken_balance(daybook.entry_input, daybook_private.line) is
  'The first condition of an entry that the counters of its account''s last line break, as facts for the error; null when all hold.';
revoke execute on function daybook_private.broken_balance(daybook.entry_input, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/broken_balance.sql
--! Included daybook_private/functions/broken_limit.sql
-- A limit refuses only what moves its figure outward and ends beyond it: a transaction that leaves
-- an account outside its limits equal or better passes, however far outside it is.
create or replace function daybook_private.broken_limit(
  line daybook_private.line,
  is_pending boolean,
  lines daybook_private.line[]
)
  returns jsonb
  language plpgsql
  immutable
as $$
declare
  is_credit constant boolean := line.normal_balance = 'credit';
  low numeric := daybook_private.available_balance(line.normal_balance,
    line.pending_debits, line.pending_credits, line.posted_debits, line.posted_credits);
  high numeric := case when is_credit
    then line.pending_credits - line.posted_debits
    else line.pending_debits - line.posted_credits end;
  inflow numeric;
  outflow numeric;
begin
  if (low < line.balance_min or high > line.balance_max) is not true then
    return null;
  end if;
  select coalesce(sum(l.amount) filter (where l.direction = line.normal_balance), 0),
         coalesce(sum(l.amount) filter (where l.direction <> line.normal_balance), 0)
    into inflow, outflow
    from unnest(lines) l
   where l.account_id = line.account_id;
  -- A pending inflow does not raise what is available, a pending outflow does not lower what may come in.
  if low < line.balance_min
     and outflow > (case when is_pending then 0 else inflow end) then
    return jsonb_build_object('limit', 'balance_min', 'balance_min', line.balance_min::text, 'actual', low::text);
  end if;
  if high > line.balance_max
     and inflow > (case when is_pending then 0 else outflow end) then
    return jsonb_build_object('limit', 'balance_max', 'balance_max', line.balance_max::text, 'actual', high::text);
  end if;
  return null;
end
$$;
comment on function daybook_private.broken_limit(daybook_private.line, boolean, daybook_private.line[]) is
  'The limit of an account that a transaction''s applied entries break, as facts for the error; null when none.';
revoke execute on function daybook_private.broken_limit(daybook_private.line, boolean, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/broken_limit.sql
--! Included daybook_private/functions/judge_conditions.sql
-- Locked lines come first, those of one account together: an account's last line has its counters
-- after the whole transaction. All lines are looked at, because the code decides what is raised.
create or replace function daybook_private.judge_conditions(
  entries daybook.entry_input[],
  is_pending boolean,
  lines daybook_private.line[]
)
  returns boolean
  language plpgsql
  immutable
as $$
declare
  line daybook_private.line;
  entry daybook.entry_input;
  facts jsonb;
  code text;
  broken jsonb := '{}';
  is_shown boolean := false;
begin
  for n in reverse cardinality(lines)..1 loop
    continue when not lines[n].locked;
    if line.account_id is distinct from lines[n].account_id then
      line := lines[n];
    end if;
    entry := entries[lines[n].position];
    is_shown := is_shown or entry.show_resulting_balances is true;
    code := null;
    if line.closed_at is not null then
      code := 'LDCLS';
      facts := '{}';
    elsif entry.lock_version <> daybook_private.version_before(lines, line.account_id) then
      code := 'LDVER';
      facts := jsonb_build_object('lock_version', entry.lock_version,
        'actual', daybook_private.version_before(lines, line.account_id));
    else
      facts := daybook_private.broken_balance(entry, line);
      code := case when facts is not null then 'LDBAL' end;
      if facts is null and (line.balance_min is not null or line.balance_max is not null) then
        facts := daybook_private.broken_limit(line, is_pending, lines);
        code := case when facts is not null then 'LDLIM' end;
      end if;
    end if;
    if code is not null and coalesce((broken -> code ->> 'index')::integer > lines[n].position, true) then
      broken := broken || jsonb_build_object(code,
        jsonb_build_object('index', lines[n].position, 'account', entry.account) || facts);
    end if;
  end loop;
  foreach code in array array['LDCLS', 'LDVER', 'LDBAL', 'LDLIM'] loop
    if broken ? code then
      perform daybook_private.refuse(code, case
        when code = 'LDCLS' then 'account is closed'
        when code = 'LDVER' then 'the account is at another version'
        when code = 'LDBAL' then 'a balance condition would be broken'
        else 'a limit of the account would be broken'
      end, broken -> code);
    end if;
  end loop;
  return is_shown;
end
$$;
comment on function daybook_private.judge_conditions(daybook.entry_input[], boolean, daybook_private.line[]) is
  'Raises LDCLS, LDVER, LDBAL or LDLIM, in this order and the lowest entry first, for what applied locked entries break; returns whether any asked to see balances.';
revoke execute on function daybook_private.judge_conditions(daybook.entry_input[], boolean, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/judge_conditions.sql
--! Included daybook_private/functions/check_conditions.sql
-- Called when every entry is in its counters: each condition sees the whole transaction. What the
-- lines carry was read under the accounts' locks. A line that keeps the usual condition, alone on
-- its account, is passed by one expression; if any is not like that, judge_conditions looks at all.
-- It points at entries by position: an array that begins elsewhere than at 1 is made to begin there.
create or replace function daybook_private.check_conditions(
  entries daybook.entry_input[],
  is_pending boolean,
  lines daybook_private.line[]
)
  returns boolean
  language plpgsql
  immutable
as $$
declare
  line daybook_private.line;
  previous_account uuid;
begin
  foreach line in array lines loop
    exit when not line.locked;
    if (line.closed_at is null
        and line.balance_min is null
        and line.balance_max is null
        and line.account_id is distinct from previous_account
        and daybook_private.available_balance(line.normal_balance, line.pending_debits, line.pending_credits,
              line.posted_debits, line.posted_credits) >= line.available_min) is not true then
      return daybook_private.judge_conditions(array(select e from unnest(entries) e), is_pending, lines);
    end if;
    previous_account := line.account_id;
  end loop;
  return false;
end
$$;
comment on function daybook_private.check_conditions(daybook.entry_input[], boolean, daybook_private.line[]) is
  'Raises LDCLS, LDVER, LDBAL or LDLIM for what the locked entries of a transaction break; returns whether any asked to see balances.';
revoke execute on function daybook_private.check_conditions(daybook.entry_input[], boolean, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/check_conditions.sql
--! Included daybook_private/functions/resulting_balances.sql
create or replace function daybook_private.resulting_balances(ledger text, entries daybook.entry_input[])
  returns daybook.balances[]
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select array_agg(b order by e.index)
    from (
      select u.account, min(u.index) as index
        from unnest(entries) with ordinality as u (
               account, direction, amount, lock_version, pending_balance, posted_balance,
               available_balance, show_resulting_balances, metadata, index)
       where u.show_resulting_balances
       group by u.account
    ) e
    join daybook.balances b on b.ledger = resulting_balances.ledger and b.account = e.account
$$;
comment on function daybook_private.resulting_balances(text, daybook.entry_input[]) is
  'Balances of the accounts whose entries asked for them, once each; null if none did.';
revoke execute on function daybook_private.resulting_balances(text, daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/resulting_balances.sql
--! Included daybook_private/functions/complete_result.sql
create or replace function daybook_private.complete_result(
  ledger text,
  input daybook.transaction_input,
  result daybook.transaction_result
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  result.balances := daybook_private.resulting_balances(complete_result.ledger, input.entries);
  if result.balances is not null and input.idempotency_key is not null then
    update daybook_private.idempotency_keys k
       set result = jsonb_build_object('balances', complete_result.result.balances)
     where k.ledger = complete_result.ledger and k.key = input.idempotency_key;
  end if;
  if result.status = 'pending' then
    perform daybook_private.log_event(
      complete_result.ledger, 'create_transaction', to_jsonb(input), result.transaction_id);
  end if;
  return result;
end
$$;
comment on function daybook_private.complete_result(text, daybook.transaction_input, daybook.transaction_result) is
  'Adds the balances that entries asked for, keeps them for replays, and logs a transaction whose row may still change.';
revoke execute on function daybook_private.complete_result(text, daybook.transaction_input, daybook.transaction_result) from public;
--! EndIncluded daybook_private/functions/complete_result.sql
--! Included daybook_private/functions/create_one.sql
-- The hot path. It writes one row in transactions, one per entry, their counters or queue rows, and
-- the key; everything else can be derived later. Every way to make a transaction ends here.
create or replace function daybook_private.create_one(ledger text, input daybook.transaction_input)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  transaction_id constant uuid := uuidv7();
  status constant daybook.transaction_status := coalesce(input.status, 'posted');
  effect constant daybook.entry_effect := case when input.status = 'pending' then 'pending'::daybook.entry_effect else 'posted' end;
  lines daybook_private.line[];
  result daybook.transaction_result;
  created_at timestamptz;
  is_shown boolean := false;
begin
  if daybook_private.is_simple_request(input) then
    lines := daybook_private.prepare_entries(
      create_one.ledger, input.entries, false, daybook_private.hash_metadata(input.metadata, 0));
  else
    perform daybook_private.check_transaction(input);
    lines := daybook_private.prepare_entries(
      create_one.ledger, input.entries, input.status = 'pending', daybook_private.hash_header(input));
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
  if lines[1].account_id is null or input.external_id is not null or input.expires_at is not null then
    lines := daybook_private.settle_lines(create_one.ledger, input, lines, transaction_id);
  end if;
  lines := daybook_private.apply_entries(create_one.ledger, lines);
  if lines[1].locked then
    is_shown := daybook_private.check_conditions(input.entries, status = 'pending', lines);
  end if;
  -- Taken under the accounts' locks, so that along an account's versions it never runs backwards.
  created_at := clock_timestamp();
  insert into daybook.transactions
    (ledger, id, status, effective_at, created_at, posted_at, expires_at, external_id, description,
     metadata, actor, request_id, client_address)
  values
    (create_one.ledger, transaction_id, status, coalesce(input.effective_at, created_at), created_at,
     case when status = 'posted' then created_at end, input.expires_at, input.external_id,
     input.description, coalesce(input.metadata, '{}'), daybook_private.actor(),
     nullif(left(current_setting('daybook.request_id', true), 200), ''), daybook_private.client_address());
  insert into daybook.entries
    (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount,
     currency, effect, locked, effective_at, created_at, metadata, lock_version,
     pending_debits, pending_credits, posted_debits, posted_credits)
  select create_one.ledger, l.id, transaction_id, 1, l.position, l.account_id, l.direction, l.amount,
         l.currency, effect, l.locked,
         coalesce(input.effective_at, created_at), created_at, l.metadata, l.lock_version,
         l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits
    from unnest(lines) l;
  result := row(null, create_one.ledger, transaction_id, status, 1, false, null, null, null, null, null);
  if is_shown or status = 'pending' then
    return daybook_private.complete_result(create_one.ledger, input, result);
  end if;
  return result;
end
$$;
comment on function daybook_private.create_one(text, daybook.transaction_input) is
  'Makes one transaction, or raises and leaves no trace; with a known key returns what was returned then.';
revoke execute on function daybook_private.create_one(text, daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/create_one.sql
--! Included daybook_private/functions/keep_decline.sql
create or replace function daybook_private.keep_decline(
  ledger text,
  input daybook.transaction_input,
  error_code text,
  error_message text,
  error_detail jsonb
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  transaction_id constant uuid := uuidv7();
  created_at constant timestamptz := clock_timestamp();
  result daybook.transaction_result;
  lines daybook_private.line[];
begin
  lines := daybook_private.prepare_entries(
    keep_decline.ledger, input.entries, input.status = 'pending', daybook_private.hash_header(input));
  if input.idempotency_key is not null then
    result := daybook_private.claim_key(keep_decline.ledger, input.idempotency_key, 'create_transaction',
      lines[cardinality(lines)].request_hash, transaction_id, 'archived', 1);
    if result.transaction_id is not null then
      return result;
    end if;
  end if;
  insert into daybook.transactions
    (ledger, id, status, effective_at, created_at, archived_at, archived_reason, expires_at,
     description, metadata, actor, request_id, client_address)
  values
    (keep_decline.ledger, transaction_id, 'archived', coalesce(input.effective_at, created_at),
     created_at, created_at, 'balance_lock_failure', input.expires_at, input.description,
     coalesce(input.metadata, '{}'), daybook_private.actor(),
     nullif(left(current_setting('daybook.request_id', true), 200), ''), daybook_private.client_address());
  result := row(null, keep_decline.ledger, transaction_id, 'archived', 1, false, 'balance_lock_failure', null,
    keep_decline.error_code, keep_decline.error_message, keep_decline.error_detail)::daybook.transaction_result;
  perform daybook_private.log_event(keep_decline.ledger, 'create_transaction',
    to_jsonb(input) || jsonb_build_object('error_code', keep_decline.error_code,
                                          'error_detail', keep_decline.error_detail),
    transaction_id);
  update daybook_private.idempotency_keys k
     set result = jsonb_build_object(
           'archived_reason', result.archived_reason, 'error_code', result.error_code,
           'error_message', result.error_message, 'error_detail', result.error_detail)
   where k.ledger = keep_decline.ledger and k.key = input.idempotency_key;
  return result;
end
$$;
comment on function daybook_private.keep_decline(text, daybook.transaction_input, text, text, jsonb) is
  'Keeps a transaction that a balance refused as archived, without entries, with the reason.';
revoke execute on function daybook_private.keep_decline(text, daybook.transaction_input, text, text, jsonb) from public;
--! EndIncluded daybook_private/functions/keep_decline.sql
--! Included daybook_private/functions/create_or_decline.sql
create or replace function daybook_private.create_or_decline(ledger text, input daybook.transaction_input)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  code text;
  message text;
  detail text;
begin
  if input.archive_on_lock_failure is not true then
    return daybook_private.create_one(ledger, input);
  end if;
  begin
    return daybook_private.create_one(ledger, input);
  exception when sqlstate 'LDBAL' or sqlstate 'LDLIM' or sqlstate 'LDCAT' then
    get stacked diagnostics
      code = returned_sqlstate, message = message_text, detail = pg_exception_detail;
  end;
  return daybook_private.keep_decline(ledger, input, code, message, detail::jsonb);
end
$$;
comment on function daybook_private.create_or_decline(text, daybook.transaction_input) is
  'Makes one transaction; with archive_on_lock_failure one that a balance refuses is kept as archived.';
revoke execute on function daybook_private.create_or_decline(text, daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/create_or_decline.sql
--! Included daybook_private/functions/rehearse.sql
-- The whole call runs, waits and raises as it would; then its subtransaction is rolled back by an
-- error of our own, which carries nothing: variables survive it.
create or replace function daybook_private.rehearse(ledger text, input daybook.transaction_input)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  result daybook.transaction_result;
begin
  begin
    result := daybook_private.create_or_decline(ledger, input);
    raise exception using errcode = 'LDDRY', message = 'dry run';
  exception when sqlstate 'LDDRY' then
    if not result.replayed then
      result.transaction_id := null;
    end if;
  end;
  return result;
end
$$;
comment on function daybook_private.rehearse(text, daybook.transaction_input) is
  'A dry run: does everything that making the transaction would do, and keeps nothing.';
revoke execute on function daybook_private.rehearse(text, daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/rehearse.sql
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
  input constant daybook.transaction_input := row(
    entries, status, effective_at, idempotency_key, external_id, description, metadata,
    category_locks, archive_on_lock_failure, expires_at);
begin
  -- The common caller has a grant of his own, found by one look; authorize knows all the others.
  perform
    from daybook_private.ledger_access g
   where g.ledger = create_transaction.ledger and g.role = session_user and g.access in ('write', 'admin');
  if not found then
    perform daybook_private.authorize(ledger, 'write');
  end if;
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
  'Raises 42501, 0A000, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDUNB, LDEXT, LDCLS, LDVER, LDBAL, LDLIM.';
revoke execute on function daybook.create_transaction(
  text, daybook.entry_input[], daybook.transaction_status, timestamptz, text, text, text, jsonb,
  daybook.category_lock_input[], boolean, timestamptz, boolean
) from public;
grant execute on function daybook.create_transaction(
  text, daybook.entry_input[], daybook.transaction_status, timestamptz, text, text, text, jsonb,
  daybook.category_lock_input[], boolean, timestamptz, boolean
) to daybook_writer;
--! EndIncluded daybook/functions/create_transaction.sql

-- The life of a pending transaction
--! Included daybook_private/functions/lock_pending.sql
create or replace function daybook_private.lock_pending(
  ledger text,
  transaction_id uuid,
  expected_version integer,
  to_post boolean
)
  returns daybook.transactions
  language plpgsql
  volatile
as $$
declare
  found_transaction daybook.transactions;
  reason text;
begin
  select t.* into found_transaction
    from daybook.transactions t
   where t.ledger = lock_pending.ledger and t.id = lock_pending.transaction_id
     for no key update;
  if not found then
    perform daybook_private.check_ledger_exists(ledger);
    perform daybook_private.refuse('LDTXN', 'transaction not found',
      jsonb_build_object('ledger', ledger, 'transaction_id', transaction_id));
  end if;
  reason := case
    when found_transaction.status <> 'pending' then found_transaction.status::text
    when to_post and found_transaction.expires_at <= clock_timestamp() then 'expired'
  end;
  if reason is not null then
    perform daybook_private.refuse('LDSTA', format('the transaction is %s', reason),
      jsonb_build_object('ledger', ledger, 'transaction_id', transaction_id, 'status', reason,
                         'archived_reason', found_transaction.archived_reason));
  end if;
  if expected_version <> found_transaction.version then
    perform daybook_private.refuse('LDVER', 'the transaction is at another version',
      jsonb_build_object('transaction_id', transaction_id, 'expected_version', expected_version,
                         'actual', found_transaction.version));
  end if;
  return found_transaction;
end
$$;
comment on function daybook_private.lock_pending(text, uuid, integer, boolean) is
  'Locks a transaction that is about to change. Raises LDLED, LDTXN, LDSTA (expired ones can only be archived), LDVER.';
revoke execute on function daybook_private.lock_pending(text, uuid, integer, boolean) from public;
--! EndIncluded daybook_private/functions/lock_pending.sql
--! Included daybook_private/functions/finish_transaction.sql
-- Posting as created and archiving are one thing: the pending entries are answered by as many that
-- settle or release them, in their own modes and with their own effective time.
create or replace function daybook_private.finish_transaction(
  ledger text,
  transaction_id uuid,
  operation text,
  idempotency_key text,
  expected_version integer
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  outcome constant daybook.transaction_status :=
    case when operation = 'post_transaction' then 'posted'::daybook.transaction_status else 'archived' end;
  result daybook.transaction_result;
  pending daybook.transactions;
  effect constant daybook.entry_effect :=
    case when operation = 'post_transaction' then 'settled' else 'released' end;
  lines daybook_private.line[];
  finished_at timestamptz;
begin
  perform daybook_private.check_finish(transaction_id, idempotency_key, expected_version);
  if idempotency_key is not null then
    result := daybook_private.claim_key(finish_transaction.ledger, idempotency_key, operation,
      hashtextextended(jsonb_build_array(transaction_id, expected_version)::text, 0), transaction_id, outcome, 2);
    if result.transaction_id is not null then
      return result;
    end if;
  end if;
  pending := daybook_private.lock_pending(finish_transaction.ledger, finish_transaction.transaction_id,
    expected_version, outcome = 'posted');
  if pending.version > 1 and idempotency_key is not null then
    update daybook_private.idempotency_keys k
       set version = pending.version + 1
     where k.ledger = finish_transaction.ledger and k.key = finish_transaction.idempotency_key;
  end if;
  select array_agg(row(e.position, uuidv7(), e.account_id, e.direction, e.amount, e.currency, e.locked,
                       e.metadata, null,
                       case when e.direction = 'debit' and outcome = 'archived' then -e.amount else 0 end,
                       case when e.direction = 'credit' and outcome = 'archived' then -e.amount else 0 end,
                       case when e.direction = 'debit' and outcome = 'posted' then e.amount else 0 end,
                       case when e.direction = 'credit' and outcome = 'posted' then e.amount else 0 end,
                       null, null, null, null, null, null)::daybook_private.line
                   order by e.position)
    into strict lines
    from daybook.entries e
   where e.ledger = finish_transaction.ledger
     and e.transaction_id = finish_transaction.transaction_id
     and e.effect = 'pending';
  lines := daybook_private.apply_entries(finish_transaction.ledger, daybook_private.order_lines(lines, null, false, true));
  finished_at := clock_timestamp();
  update daybook.transactions t
     set status = outcome,
         version = pending.version + 1,
         posted_at = case when outcome = 'posted' then finished_at end,
         archived_at = case when outcome = 'archived' then finished_at end
   where t.ledger = finish_transaction.ledger and t.id = finish_transaction.transaction_id;
  insert into daybook.entries
    (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount,
     currency, effect, locked, effective_at, created_at, metadata, lock_version,
     pending_debits, pending_credits, posted_debits, posted_credits)
  select pending.ledger, l.id, pending.id, pending.version + 1, l.position, l.account_id, l.direction,
         l.amount, l.currency, effect, l.locked, pending.effective_at, finished_at, l.metadata,
         l.lock_version, l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits
    from unnest(lines) l;
  if outcome = 'archived' and pending.external_id is not null then
    delete from daybook_private.external_ids x
     where x.ledger = finish_transaction.ledger and x.external_id = pending.external_id;
  end if;
  perform daybook_private.log_event(finish_transaction.ledger, operation,
    jsonb_build_object('version', pending.version + 1), finish_transaction.transaction_id);
  return row(null, finish_transaction.ledger, finish_transaction.transaction_id, outcome,
    pending.version + 1, false, null, null, null, null, null)::daybook.transaction_result;
end
$$;
comment on function daybook_private.finish_transaction(text, uuid, text, text, integer) is
  'Posts or archives a pending transaction with the entries it has.';
revoke execute on function daybook_private.finish_transaction(text, uuid, text, text, integer) from public;
--! EndIncluded daybook_private/functions/finish_transaction.sql
--! Included daybook/functions/post_transaction.sql
create or replace function daybook.post_transaction(
  ledger text,
  transaction_id uuid,
  entries daybook.entry_input[] default null,
  effective_at timestamptz default null,
  idempotency_key text default null,
  category_locks daybook.category_lock_input[] default null,
  expected_version integer default null
)
  returns daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
begin
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.refuse_unavailable(jsonb_build_object(
    'entries', entries is not null, 'effective_at', effective_at is not null,
    'category_locks', category_locks is not null));
  return daybook_private.finish_transaction(
    ledger, transaction_id, 'post_transaction', idempotency_key, expected_version);
end
$$;
comment on function daybook.post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, daybook.category_lock_input[], integer) is
  'Post a pending transaction as it was created: no balance is checked again. Entries, effective_at and category_locks are not available yet. Raises 42501, 0A000, LDARG, LDISO, LDIDM, LDLED, LDTXN, LDSTA, LDVER.';
revoke execute on function daybook.post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, daybook.category_lock_input[], integer) from public;
grant execute on function daybook.post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, daybook.category_lock_input[], integer) to daybook_writer;
--! EndIncluded daybook/functions/post_transaction.sql
--! Included daybook/functions/archive_transaction.sql
create or replace function daybook.archive_transaction(
  ledger text,
  transaction_id uuid,
  idempotency_key text default null,
  expected_version integer default null
)
  returns daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
begin
  perform daybook_private.authorize(ledger, 'write');
  return daybook_private.finish_transaction(
    ledger, transaction_id, 'archive_transaction', idempotency_key, expected_version);
end
$$;
comment on function daybook.archive_transaction(text, uuid, text, integer) is
  'Archive a pending transaction: what it held is released. Raises 42501, LDARG, LDISO, LDIDM, LDLED, LDTXN, LDSTA, LDVER.';
revoke execute on function daybook.archive_transaction(text, uuid, text, integer) from public;
grant execute on function daybook.archive_transaction(text, uuid, text, integer) to daybook_writer;
--! EndIncluded daybook/functions/archive_transaction.sql

-- For people who write SQL by hand
--! Included daybook/functions/debit.sql
create or replace function daybook.debit(
  account text,
  amount numeric,
  available_balance daybook.balance_bounds default null,
  posted_balance daybook.balance_bounds default null,
  pending_balance daybook.balance_bounds default null,
  lock_version bigint default null,
  show_resulting_balances boolean default null,
  metadata jsonb default null
)
  returns daybook.entry_input
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(
  account, 'debit'::daybook.direction, amount, lock_version, pending_balance, posted_balance,
  available_balance, show_resulting_balances, metadata)::daybook.entry_input;
comment on function daybook.debit(text, numeric, daybook.balance_bounds, daybook.balance_bounds, daybook.balance_bounds, bigint, boolean, jsonb) is
  E'@behavior -*\nBuild an entry that debits an account, for SQL written by hand.';
revoke execute on function daybook.debit(text, numeric, daybook.balance_bounds, daybook.balance_bounds, daybook.balance_bounds, bigint, boolean, jsonb) from public;
grant execute on function daybook.debit(text, numeric, daybook.balance_bounds, daybook.balance_bounds, daybook.balance_bounds, bigint, boolean, jsonb) to daybook_reader;
--! EndIncluded daybook/functions/debit.sql
--! Included daybook/functions/credit.sql
create or replace function daybook.credit(
  account text,
  amount numeric,
  available_balance daybook.balance_bounds default null,
  posted_balance daybook.balance_bounds default null,
  pending_balance daybook.balance_bounds default null,
  lock_version bigint default null,
  show_resulting_balances boolean default null,
  metadata jsonb default null
)
  returns daybook.entry_input
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(
  account, 'credit'::daybook.direction, amount, lock_version, pending_balance, posted_balance,
  available_balance, show_resulting_balances, metadata)::daybook.entry_input;
comment on function daybook.credit(text, numeric, daybook.balance_bounds, daybook.balance_bounds, daybook.balance_bounds, bigint, boolean, jsonb) is
  E'@behavior -*\nBuild an entry that credits an account, for SQL written by hand.';
revoke execute on function daybook.credit(text, numeric, daybook.balance_bounds, daybook.balance_bounds, daybook.balance_bounds, bigint, boolean, jsonb) from public;
grant execute on function daybook.credit(text, numeric, daybook.balance_bounds, daybook.balance_bounds, daybook.balance_bounds, bigint, boolean, jsonb) to daybook_reader;
--! EndIncluded daybook/functions/credit.sql
--! Included daybook/functions/gt.sql
create or replace function daybook.gt(bound numeric)
  returns daybook.balance_bounds
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(bound, null, null, null, null, null)::daybook.balance_bounds;
comment on function daybook.gt(numeric) is
  E'@behavior -*\nBounds: the balance must be greater than this, in minor units; for SQL written by hand.';
revoke execute on function daybook.gt(numeric) from public;
grant execute on function daybook.gt(numeric) to daybook_reader;
--! EndIncluded daybook/functions/gt.sql
--! Included daybook/functions/gte.sql
create or replace function daybook.gte(bound numeric)
  returns daybook.balance_bounds
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(null, bound, null, null, null, null)::daybook.balance_bounds;
comment on function daybook.gte(numeric) is
  E'@behavior -*\nBounds: the balance must be at least this, in minor units; for SQL written by hand.';
revoke execute on function daybook.gte(numeric) from public;
grant execute on function daybook.gte(numeric) to daybook_reader;
--! EndIncluded daybook/functions/gte.sql
--! Included daybook/functions/eq.sql
create or replace function daybook.eq(bound numeric)
  returns daybook.balance_bounds
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(null, null, bound, null, null, null)::daybook.balance_bounds;
comment on function daybook.eq(numeric) is
  E'@behavior -*\nBounds: the balance must be exactly this, in minor units; for SQL written by hand.';
revoke execute on function daybook.eq(numeric) from public;
grant execute on function daybook.eq(numeric) to daybook_reader;
--! EndIncluded daybook/functions/eq.sql
--! Included daybook/functions/not_eq.sql
create or replace function daybook.not_eq(bound numeric)
  returns daybook.balance_bounds
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(null, null, null, bound, null, null)::daybook.balance_bounds;
comment on function daybook.not_eq(numeric) is
  E'@behavior -*\nBounds: the balance must be anything but this, in minor units; for SQL written by hand.';
revoke execute on function daybook.not_eq(numeric) from public;
grant execute on function daybook.not_eq(numeric) to daybook_reader;
--! EndIncluded daybook/functions/not_eq.sql
--! Included daybook/functions/lte.sql
create or replace function daybook.lte(bound numeric)
  returns daybook.balance_bounds
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(null, null, null, null, bound, null)::daybook.balance_bounds;
comment on function daybook.lte(numeric) is
  E'@behavior -*\nBounds: the balance must be at most this, in minor units; for SQL written by hand.';
revoke execute on function daybook.lte(numeric) from public;
grant execute on function daybook.lte(numeric) to daybook_reader;
--! EndIncluded daybook/functions/lte.sql
--! Included daybook/functions/lt.sql
create or replace function daybook.lt(bound numeric)
  returns daybook.balance_bounds
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
return row(null, null, null, null, null, bound)::daybook.balance_bounds;
comment on function daybook.lt(numeric) is
  E'@behavior -*\nBounds: the balance must be less than this, in minor units; for SQL written by hand.';
revoke execute on function daybook.lt(numeric) from public;
grant execute on function daybook.lt(numeric) to daybook_reader;
--! EndIncluded daybook/functions/lt.sql

-- Balances
--! Included daybook/functions/account_balance.sql
-- The usual question, by a login with a grant of its own about an account with an empty queue, is
-- answered by one statement. All others take the long way, where errors are raised in order.
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
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  balance daybook.balances;
begin
  select c.ledger, c.address, c.account_id, c.currency, c.currency_exponent, c.normal_balance,
         c.lock_version, c.pending_debits, c.pending_credits,
         daybook_private.net_balance(c.normal_balance, c.pending_credits, c.pending_debits),
         c.posted_debits, c.posted_credits,
         daybook_private.net_balance(c.normal_balance, c.posted_credits, c.posted_debits),
         daybook_private.available_balance(c.normal_balance,
           c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits)
    into balance
    from daybook_private.account_counters c
   where c.ledger = account_balance.ledger and c.address = account_balance.account
     and coalesce(account_balance.effective_at, account_balance.recorded_at) is null
     and account_balance.lock_version is null
     and exists (select from daybook_private.ledger_access g
                  where g.ledger = account_balance.ledger and g.role = session_user)
     and (select q.entry_id from daybook_private.entry_queue q
           where q.ledger = c.ledger and q.account_id = c.account_id
           order by q.entry_id
           limit 1) is null;
  if found then
    return balance;
  end if;
  perform daybook_private.authorize(account_balance.ledger, 'read');
  perform daybook_private.refuse_unavailable(jsonb_build_object(
    'effective_at', account_balance.effective_at is not null,
    'recorded_at', account_balance.recorded_at is not null,
    'lock_version', account_balance.lock_version is not null));
  perform daybook_private.check_address('account', account_balance.account);
  select b.* into balance
    from daybook.balances b
   where b.ledger = account_balance.ledger and b.account = account_balance.account;
  if not found then
    perform daybook_private.refuse_missing_accounts(account_balance.ledger, array[account_balance.account]);
  end if;
  return balance;
end
$$;
comment on function daybook.account_balance(text, text, timestamptz, timestamptz, bigint) is
  'The current balances of an account, in minor units, queued entries counted. Times and versions are not available yet. Raises 42501, 0A000, LDARG, LDLED, LDACC.';
revoke execute on function daybook.account_balance(text, text, timestamptz, timestamptz, bigint) from public;
grant execute on function daybook.account_balance(text, text, timestamptz, timestamptz, bigint) to daybook_reader;
--! EndIncluded daybook/functions/account_balance.sql
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
  perform daybook_private.authorize(ledger, 'read');
  perform daybook_private.refuse_unavailable(jsonb_build_object('effective_at', effective_at is not null));
  if cardinality(accounts) <= 10000 is not true then
    perform daybook_private.refuse_argument('accounts', 'at most 10 000', to_jsonb(cardinality(accounts)));
  end if;
  foreach address in array accounts loop
    index := index + 1;
    perform daybook_private.check_address('accounts', address, index);
  end loop;
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
  return query
    select b.*
      from unnest(accounts) with ordinality u (address, n)
      join daybook.balances b on b.ledger = account_balances.ledger and b.account = u.address
     order by u.n;
end
$$;
comment on function daybook.account_balances(text, text[], timestamptz) is
  'The current balances of up to 10 000 accounts, one row per address, in order, of one snapshot. Times are not available yet. Raises 42501, 0A000, LDARG, LDLED, LDACC with all missing addresses.';
revoke execute on function daybook.account_balances(text, text[], timestamptz) from public;
grant execute on function daybook.account_balances(text, text[], timestamptz) to daybook_reader;
--! EndIncluded daybook/functions/account_balances.sql

-- Upkeep, called by the worker
--! Included daybook_private/functions/queued_accounts.sql
-- Hops from account to account over the key instead of reading the whole queue: a hot account's
-- thousands of rows cost one look.
create or replace function daybook_private.queued_accounts(count integer)
  returns table (ledger text, account_id uuid)
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
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
--! Included daybook_private/functions/fold_account.sql
-- Waits for the account: with skip locked it would starve on a hot one. Two statements, so that the
-- second sees every entry that was queued before the lock was got.
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
--! Included daybook_private/functions/purge_idempotency_keys.sql
create or replace function daybook_private.purge_idempotency_keys(retention interval default '30 days')
  returns bigint
  language sql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  with purged as (
    delete from daybook_private.idempotency_keys k
     where k.created_at < now() - greatest(retention, interval '24 hours')
    returning 1
  )
  select count(*) from purged
$$;
comment on function daybook_private.purge_idempotency_keys(interval) is
  'Forgets idempotency keys older than the retention, which is never below 24 hours; returns how many.';
revoke execute on function daybook_private.purge_idempotency_keys(interval) from public;
grant execute on function daybook_private.purge_idempotency_keys(interval) to daybook_worker;
--! EndIncluded daybook_private/functions/purge_idempotency_keys.sql
--! Included daybook_private/functions/ensure_partition.sql
-- Rows that came before their partition keep it from being attached; they stay where they are, in
-- the default partition, and the other months go on.
create or replace function daybook_private.ensure_partition(parent regclass, month timestamptz)
  returns integer
  language plpgsql
  volatile
as $$
declare
  schema_name text;
  table_name text;
  partition text;
  is_late boolean;
begin
  select n.nspname, c.relname into strict schema_name, table_name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.oid = parent;
  partition := format('%I.%I', schema_name, table_name || to_char(month, '_YYYYMM'));
  if to_regclass(partition) is not null then
    return 0;
  end if;
  execute format('select exists (select from %I.%I where id >= %L and id < %L)', schema_name, table_name || '_default',
    daybook_private.uuid_at(month), daybook_private.uuid_at(month + interval '1 month')) into is_late;
  if is_late then
    raise warning 'rows of % are in the default partition of % already: it cannot be attached', to_char(month, 'YYYY-MM'), parent;
    return 0;
  end if;
  execute format('create table %s (like %s including defaults including constraints including storage)',
    partition, parent);
  execute format('alter table %s enable row level security', partition);
  execute format(
    'create trigger _900_no_truncate before truncate on %s for each statement
       execute function daybook_private.refuse_change()', partition);
  if parent = 'daybook.entries'::regclass then
    execute format(
      'create trigger _100_guard after insert on %s referencing new table as written
         for each statement execute function daybook_private.guard_entries()', partition);
  end if;
  execute format('alter table %s attach partition %s for values from (%L) to (%L)', parent, partition,
    daybook_private.uuid_at(month),
    daybook_private.uuid_at(month + interval '1 month'));
  return 1;
end
$$;
comment on function daybook_private.ensure_partition(regclass, timestamptz) is
  'Makes and attaches the partition of one month, given in UTC, unless it is there; returns how many it made.';
revoke execute on function daybook_private.ensure_partition(regclass, timestamptz) from public;
--! EndIncluded daybook_private/functions/ensure_partition.sql
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
  perform pg_advisory_xact_lock(hashtextextended('daybook.ensure_partitions', 0));
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

--! Included grants.sql
-- Who may do what, on one page. Execute grants stand beside their functions, all revoked from PUBLIC.
-- Nobody may insert, update, delete or truncate anything: functions owned by daybook_owner write.

grant usage on schema daybook to daybook_reader, daybook_worker;
-- Not the schema's names but its rows: the views of schema daybook read them as whoever asks.
grant usage on schema daybook_private to daybook_worker;

grant select on
  daybook.currencies, daybook.ledgers, daybook.accounts, daybook.transactions, daybook.entries,
  daybook.balances, daybook.current_entries, daybook.log
  to daybook_reader;
grant select on
  daybook_private.account_counters, daybook_private.entry_queue, daybook_private.log_events
  to daybook_reader;

-- Every table has row level security. A reader sees the rows of the ledgers that are his, asked once
-- per statement; a table without a policy is nobody's but the owner's.
alter table daybook.currencies enable row level security;
alter table daybook.ledgers enable row level security;
alter table daybook.accounts enable row level security;
alter table daybook.transactions enable row level security;
alter table daybook.transactions_default enable row level security;
alter table daybook.entries enable row level security;
alter table daybook.entries_default enable row level security;
alter table daybook_private.account_counters enable row level security;
alter table daybook_private.entry_queue enable row level security;
alter table daybook_private.log_events enable row level security;
alter table daybook_private.log_events_default enable row level security;
alter table daybook_private.idempotency_keys enable row level security;
alter table daybook_private.external_ids enable row level security;
alter table daybook_private.ledger_access enable row level security;

create policy everybody_reads on daybook.currencies for select using (true);
create policy readers_of_the_ledger on daybook.ledgers for select
  using (name = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook.accounts for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook.transactions for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook.entries for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook_private.account_counters for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook_private.entry_queue for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook_private.log_events for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
--! EndIncluded grants.sql
--! EndIncluded daybook.sql
