--! Previous: sha1:e79580abf89f1281338287a0a98d2568d40cbe93
--! Hash: sha1:6ecf8046bc1a910709f3e4636674143d9dc06b57
--! Message: whole-life-of-a-transaction

drop function daybook_private.check_finish(uuid, text, integer);
drop function daybook_private.check_conditions(daybook.entry_input[], boolean, daybook_private.line[]);
drop function daybook_private.lock_pending(text, uuid, integer, boolean);
drop function daybook_private.finish_transaction(text, uuid, text, text, integer);
drop function daybook_private.hash_asked(daybook.entry_input, bigint);
drop function daybook_private.fold_beneath(text, daybook_private.line[], daybook_private.line[]);
drop function daybook_private.judge_entry(daybook.entry_input, integer, bigint, text, uuid, boolean);
drop function daybook_private.prepare_entries(text, daybook.entry_input[], boolean, bigint);
drop function daybook_private.check_in_order(text, daybook.transaction_input);
drop function daybook_private.broken_limit(daybook_private.line, boolean, daybook_private.line[]);
drop function daybook_private.judge_conditions(daybook.entry_input[], boolean, daybook_private.line[]);
drop function daybook_private.complete_result(text, daybook.transaction_input, daybook.transaction_result);
drop function daybook_private.create_one(text, daybook.transaction_input);
drop function daybook_private.keep_decline(text, daybook.transaction_input, text, text, jsonb);
drop function daybook_private.create_or_decline(text, daybook.transaction_input);

alter type daybook_private.line add attribute effect daybook.entry_effect;
alter table daybook.transactions add column entries_version integer not null default 1;
comment on column daybook.transactions.entries_version is
  'The version that wrote its present pending entries: 1 until they are replaced.';
comment on column daybook.transactions.reversed_by_transaction_id is
  'The latest transaction made to undo this one; when it was archived and nothing of it posted, another may follow and takes its place here.';
create index log_events_transaction_idx on daybook_private.log_events (ledger, transaction_id);
alter table daybook_private.entry_queue set (vacuum_truncate = off);
-- What is there was hashed by the first release.
alter table daybook_private.idempotency_keys add column hash_version smallint not null default 1;
alter table daybook_private.idempotency_keys alter column hash_version set default 2;

--! Included daybook/types/receipt.sql
create type daybook.receipt as (
  ledger text,
  receipt_id uuid,
  state text,
  idempotency_key text,
  transaction_id uuid,
  error_code text,
  error_message text,
  error_detail jsonb,
  accepted_at timestamptz,
  finished_at timestamptz
);
comment on type daybook.receipt is 'What became of a transaction that was handed to the write-ahead queue.';
comment on column daybook.receipt.ledger is 'The ledger.';
comment on column daybook.receipt.receipt_id is 'UUIDv7 of the receipt.';
comment on column daybook.receipt.state is
  'queued: accepted, and durable once the call has committed. applied: a transaction came of it. refused: it ended with an error, and its key is free again.';
comment on column daybook.receipt.idempotency_key is 'The key of the request.';
comment on column daybook.receipt.transaction_id is
  'The transaction that came of it; when the key had been used by the same request before, the one of that time.';
comment on column daybook.receipt.error_code is
  'SQLSTATE of the refusal; also of an applied one whose transaction was archived because a balance refused it (archive_on_lock_failure).';
comment on column daybook.receipt.error_message is 'The refusal in a sentence.';
comment on column daybook.receipt.error_detail is 'The facts of the refusal; amounts as strings.';
comment on column daybook.receipt.accepted_at is 'When the queue accepted it.';
comment on column daybook.receipt.finished_at is 'When it was applied or refused.';
--! EndIncluded daybook/types/receipt.sql
--! Included daybook_private/types/origin.sql
create type daybook_private.origin as (
  transaction_id uuid,
  effective_at timestamptz,
  actor text,
  request_id text,
  client_address inet,
  reverses_transaction_id uuid,
  partially_posts_transaction_id uuid,
  counterpart_ledger text,
  counterpart_transaction_id uuid
);
comment on type daybook_private.origin is
  'Where a transaction comes from, when it is not a plain call: its id and effective time unless the request says otherwise, who asked for it, and what it is linked to. Null in all fields for a plain call.';
--! EndIncluded daybook_private/types/origin.sql
--! Included daybook_private/types/refusal.sql
create type daybook_private.refusal as (
  code text,
  message text,
  detail jsonb
);
comment on type daybook_private.refusal is
  'An error that is about to be raised, unless something can still be done about it; null in all fields for none.';
--! EndIncluded daybook_private/types/refusal.sql
--! Included daybook_private/types/change_request.sql
create type daybook_private.change_request as (
  operation text,
  transaction_id uuid,
  entries daybook.entry_input[],
  effective_at timestamptz,
  external_id text,
  description text,
  metadata jsonb,
  expires_at timestamptz,
  idempotency_key text,
  category_locks daybook.category_lock_input[],
  expected_version integer
);
comment on type daybook_private.change_request is
  'A call that changes a pending transaction: the operation is the name of its function; arguments that it does not have are null.';
--! EndIncluded daybook_private/types/change_request.sql
--! Included daybook_private/types/batch_line.sql
-- asked is the line as it was given, where its account's lock must be had to judge it; null for all others.
-- is_sound: well-formed, with a whole amount. is_ready: besides, its account is there and open, and it asks
-- for nothing that only a transaction made alone can give.
create type daybook_private.batch_line as (
  member integer,
  position integer,
  account_id uuid,
  direction daybook.direction,
  amount numeric,
  currency text,
  effect daybook.entry_effect,
  locked boolean,
  metadata jsonb,
  asked daybook.entry_input,
  request_hash bigint,
  is_sound boolean,
  is_ready boolean
);
comment on type daybook_private.batch_line is
  'An entry of a batch on its way into the books: the line of a member, both counted from 1.';
--! EndIncluded daybook_private/types/batch_line.sql
--! Included daybook_private/types/batch_member.sql
-- idempotency_key and external_id are null if they are malformed, request_hash if anything of the request is:
-- such a member is refused when it is made, and stands for nothing before.
-- first_line and last_line are its places in the array of all lines.
create type daybook_private.batch_member as (
  index integer,
  transaction_id uuid,
  status daybook.transaction_status,
  version integer,
  effective_at timestamptz,
  idempotency_key text,
  external_id text,
  description text,
  metadata jsonb,
  expires_at timestamptz,
  origin daybook_private.origin,
  request_hash bigint,
  first_line integer,
  last_line integer,
  is_alone boolean,
  is_replay boolean
);
comment on type daybook_private.batch_member is
  'A transaction of a batch. is_alone: only create_member can make it, or say why not. is_replay: its key was known before; id, status and version are those of then.';
--! EndIncluded daybook_private/types/batch_member.sql
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
--! Included daybook_private/functions/refuse_ledger.sql
create or replace function daybook_private.refuse_ledger(ledger text)
  returns void
  language plpgsql
  stable
as $$
begin
  perform daybook_private.refuse('42501', 'permission denied for this ledger',
    jsonb_build_object('ledger', ledger));
end
$$;
comment on function daybook_private.refuse_ledger(text) is
  'Raises 42501: the same for a ledger, account or category that is not the caller''s and for one that does not exist.';
revoke execute on function daybook_private.refuse_ledger(text) from public;
--! EndIncluded daybook_private/functions/refuse_ledger.sql
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
             old.archived_reason, old.expires_at, old.external_id, old.description, old.entries_version)
            is distinct from
            (new.status, new.version, new.effective_at, new.posted_at, new.archived_at,
             new.archived_reason, new.expires_at, new.external_id, new.description, new.entries_version) then
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
--! Included daybook_private/functions/guard_entries.sql
-- Reads nothing but the rows of the statement that fired it. Each statement must write whole
-- transactions; the ledger's own functions do, and so must anybody who inserts by hand. A first
-- look for the one balanced transaction that nearly every statement is, given up (NaN) at the first row
-- that belongs to another, as in a batch, or is unsound; groups only after that.
create or replace function daybook_private.guard_entries()
  returns trigger
  language plpgsql
as $$
declare
  line record;
  same text;
  net numeric := 0;
begin
  for line in
    select concat_ws(' ', w.ledger, w.transaction_id, w.transaction_version, w.effect, w.currency) as same,
           case when w.direction = 'debit' then w.amount else -w.amount end as net,
           w.amount > 0 and w.amount < 1e36 and scale(w.amount) = 0 as is_sound
      from written w
  loop
    net := net + case when line.is_sound and line.same = coalesce(same, line.same) then line.net else 'NaN' end;
    exit when net = 'NaN';
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
--! Included daybook_private/functions/request_id.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.request_id()
  returns text
  language sql
  stable
  parallel safe
as $$
  select nullif(pg_catalog.left(pg_catalog.current_setting('daybook.request_id', true), 200), '')
$$;
comment on function daybook_private.request_id() is
  'The request id that the caller gave, at most 200 characters of it.';
revoke execute on function daybook_private.request_id() from public;
--! EndIncluded daybook_private/functions/request_id.sql
--! Included daybook_private/functions/is_bare_request.sql
-- Without a fixed search_path, so that it is inlined; it names nothing.
create or replace function daybook_private.is_bare_request(input daybook.transaction_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select input.status is null
     and input.effective_at is null
     and input.expires_at is null
     and input.external_id is null
     and input.description is null
     and input.category_locks is null
     and input.archive_on_lock_failure is null
$$;
comment on function daybook_private.is_bare_request(daybook.transaction_input) is
  'Whether a request is entries, perhaps with a key and metadata, and nothing else.';
revoke execute on function daybook_private.is_bare_request(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/is_bare_request.sql
--! Included daybook_private/functions/is_simple_request.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.is_simple_request(input daybook.transaction_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.cardinality(input.entries) between 2 and 1000
     and daybook_private.is_bare_request(input)
     and daybook_private.is_clean_text(input.idempotency_key, 1, 255) is not false
     and daybook_private.is_metadata(input.metadata) is not false
$$;
comment on function daybook_private.is_simple_request(daybook.transaction_input) is
  'Whether a request is well-formed and of the most common kind; others need check_transaction.';
revoke execute on function daybook_private.is_simple_request(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/is_simple_request.sql
--! Included daybook_private/functions/hash_line.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
-- Values are hashed, not their text (100 and 100.00 are one amount), and the direction by comparison:
-- an enum's own hash is of an object id, which a restored dump changes.
create or replace function daybook_private.hash_line(account text, direction daybook.direction, amount numeric, index bigint)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.hash_numeric_extended(amount, pg_catalog.hashtextextended(account,
    case when direction = 'debit' then index else ~index end))
$$;
comment on function daybook_private.hash_line(text, daybook.direction, numeric, bigint) is
  'Hash of an entry that asks for nothing special, in its place. The hash of a request is that of its header XOR those of its entries, so that a loop and an aggregate come to the same.';
revoke execute on function daybook_private.hash_line(text, daybook.direction, numeric, bigint) from public;
--! EndIncluded daybook_private/functions/hash_line.sql
--! Included daybook_private/functions/hash_category_locks.sql
create or replace function daybook_private.hash_category_locks(category_locks daybook.category_lock_input[])
  returns bigint
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select case when category_locks is null then 0 else (
    select hashtextextended(coalesce(jsonb_agg(jsonb_build_array(
             l.category, daybook_private.hash_bounds(l.pending_balance),
             daybook_private.hash_bounds(l.posted_balance), daybook_private.hash_bounds(l.available_balance))
             order by l.ordinality), '[]')::text, 0)
      from unnest(category_locks) with ordinality l) end
$$;
comment on function daybook_private.hash_category_locks(daybook.category_lock_input[]) is
  'Hash of the category locks of a request; 0 for none.';
revoke execute on function daybook_private.hash_category_locks(daybook.category_lock_input[]) from public;
--! EndIncluded daybook_private/functions/hash_category_locks.sql
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
    # daybook_private.hash_category_locks(input.category_locks)
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
    when daybook_private.is_bare_request(input) then daybook_private.hash_metadata(input.metadata, 0)
    else daybook_private.hash_full_header(input)
  end
$$;
comment on function daybook_private.hash_header(daybook.transaction_input) is
  'Where the hash of a request begins: all of it but entries and key. Requests that come with one key are told apart by it.';
revoke execute on function daybook_private.hash_header(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/hash_header.sql
--! Included daybook_private/functions/hash_all_asked.sql
create or replace function daybook_private.hash_all_asked(entry daybook.entry_input, index bigint)
  returns bigint
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select hashtextextended(
    jsonb_build_array(
      entry.lock_version, entry.show_resulting_balances,
      daybook_private.hash_bounds(entry.pending_balance), daybook_private.hash_bounds(entry.posted_balance),
      daybook_private.hash_bounds(entry.available_balance))::text,
    daybook_private.hash_metadata(entry.metadata, -index))
$$;
comment on function daybook_private.hash_all_asked(daybook.entry_input, bigint) is
  'What hash_asked is for an entry that asks for more than the usual.';
revoke execute on function daybook_private.hash_all_asked(daybook.entry_input, bigint) from public;
--! EndIncluded daybook_private/functions/hash_all_asked.sql
--! Included daybook_private/functions/hash_asked.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
create or replace function daybook_private.hash_asked(entry daybook.entry_input, index bigint)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select case
    when daybook_private.asks_nothing(entry) then 0
    when daybook_private.is_lone_minimum(entry)
      then pg_catalog.hash_numeric_extended((entry.available_balance).gte, -index)
    else daybook_private.hash_all_asked(entry, index)
  end
$$;
comment on function daybook_private.hash_asked(daybook.entry_input, bigint) is
  'Hash of what an entry asks beside account, direction and amount, in its place; 0 for nothing. It is XORed to that of the line.';
revoke execute on function daybook_private.hash_asked(daybook.entry_input, bigint) from public;
--! EndIncluded daybook_private/functions/hash_asked.sql
--! Included daybook_private/functions/hash_change.sql
create or replace function daybook_private.hash_change(request daybook_private.change_request)
  returns bigint
  language sql
  immutable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select hashtextextended(
      jsonb_build_array(
        request.transaction_id, extract(epoch from request.effective_at), request.external_id, request.description,
        extract(epoch from request.expires_at), request.expected_version, cardinality(request.entries))::text,
      daybook_private.hash_metadata(request.metadata, 2))
    # daybook_private.hash_category_locks(request.category_locks)
    # coalesce((
        select bit_xor(daybook_private.hash_line(e.account, e.direction, e.amount, e.ordinality)
                       # daybook_private.hash_asked(
                           row(e.account, e.direction, e.amount, e.lock_version, e.pending_balance, e.posted_balance,
                               e.available_balance, e.show_resulting_balances, e.metadata)::daybook.entry_input,
                           e.ordinality))
          from unnest(request.entries) with ordinality e), 0)
$$;
comment on function daybook_private.hash_change(daybook_private.change_request) is
  'Hash of all arguments of a call that changes a transaction, but its key.';
revoke execute on function daybook_private.hash_change(daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/hash_change.sql
--! Included daybook_private/functions/expected_balance.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.expected_balance(
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
    when normal_balance = 'credit' then pending_credits - posted_debits
    else pending_debits - posted_credits
  end
$$;
comment on function daybook_private.expected_balance(daybook.direction, numeric, numeric, numeric, numeric) is
  'The balance with pending inflows counted and pending outflows not: what a balance_max bounds.';
revoke execute on function daybook_private.expected_balance(daybook.direction, numeric, numeric, numeric, numeric) from public;
--! EndIncluded daybook_private/functions/expected_balance.sql
--! Included daybook_private/functions/pending_share.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.pending_share(effect daybook.entry_effect, amount numeric)
  returns numeric
  language sql
  immutable
  parallel safe
as $$
  select case when effect = 'released' then -amount when effect = 'settled' then 0 else amount end
$$;
comment on function daybook_private.pending_share(daybook.entry_effect, numeric) is
  'What an entry of this effect adds to its account''s pending counter on its side.';
revoke execute on function daybook_private.pending_share(daybook.entry_effect, numeric) from public;
--! EndIncluded daybook_private/functions/pending_share.sql
--! Included daybook_private/functions/posted_share.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog.
create or replace function daybook_private.posted_share(effect daybook.entry_effect, amount numeric)
  returns numeric
  language sql
  immutable
  parallel safe
as $$
  select case when effect = 'posted' or effect = 'settled' then amount else 0 end
$$;
comment on function daybook_private.posted_share(daybook.entry_effect, numeric) is
  'What an entry of this effect adds to its account''s posted counter on its side.';
revoke execute on function daybook_private.posted_share(daybook.entry_effect, numeric) from public;
--! EndIncluded daybook_private/functions/posted_share.sql
--! Included daybook_private/functions/total_of.sql
-- Told from what lines are, not from their counters: those are something else once a line is applied.
create or replace function daybook_private.total_of(lines daybook_private.line[], account_id uuid)
  returns daybook_private.line
  language plpgsql
  immutable
as $$
declare
  total daybook_private.line;
begin
  select count(*),
         coalesce(sum(a.pending) filter (where a.direction = 'debit'), 0),
         coalesce(sum(a.pending) filter (where a.direction = 'credit'), 0),
         coalesce(sum(a.posted) filter (where a.direction = 'debit'), 0),
         coalesce(sum(a.posted) filter (where a.direction = 'credit'), 0)
    into total.lock_version, total.pending_debits, total.pending_credits, total.posted_debits, total.posted_credits
    from (select l.direction,
                 daybook_private.pending_share(l.effect, l.amount) as pending,
                 daybook_private.posted_share(l.effect, l.amount) as posted
            from unnest(lines) l
           where l.account_id = total_of.account_id) a;
  return total;
end
$$;
comment on function daybook_private.total_of(daybook_private.line[], uuid) is
  'What lines add to an account: how many, as lock_version, and how much.';
revoke execute on function daybook_private.total_of(daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/total_of.sql
--! Included daybook/tables/categories.sql
create table daybook.categories (
  ledger text collate "C" not null,
  category text collate "C" not null,
  currency text collate "C" not null,
  currency_exponent smallint not null,
  normal_balance daybook.direction not null,
  description text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  request_hash bigint not null,
  constraint categories_pkey primary key (ledger, category),
  constraint category_ledger_exists foreign key (ledger) references daybook.ledgers (name),
  constraint category_currency_exists foreign key (currency) references daybook.currencies (code),
  constraint category_name_is_well_formed
    check (length(category) <= 255 and category ~ '^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)*$')
);
create index categories_currency_idx on daybook.categories (currency);
comment on table daybook.categories is
  'Categories: named sets of accounts and of other categories, of one currency and one normal balance. Never deleted.';
comment on column daybook.categories.ledger is 'The ledger it belongs to.';
comment on column daybook.categories.category is 'Its name in the ledger: segments joined by colons, customers:eu.';
comment on column daybook.categories.currency is 'The currency of all its accounts.';
comment on column daybook.categories.currency_exponent is 'Decimal places of the currency''s minor unit.';
comment on column daybook.categories.normal_balance is 'The side that raises the balance of all its accounts.';
comment on column daybook.categories.description is 'For people, at most 1000 characters.';
comment on column daybook.categories.metadata is 'A JSON object of yours.';
comment on column daybook.categories.created_at is 'When it was made.';
comment on column daybook.categories.request_hash is
  E'@behavior -*\nHash of the request that made it, to tell a repeated request from a different one.';

create trigger _900_no_delete before delete on daybook.categories
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook.categories
  for each statement execute function daybook_private.refuse_change();
create trigger _900_immutable before update on daybook.categories
  for each row
  when (
    (old.ledger, old.category, old.currency, old.currency_exponent, old.normal_balance, old.created_at, old.request_hash)
    is distinct from
    (new.ledger, new.category, new.currency, new.currency_exponent, new.normal_balance, new.created_at, new.request_hash)
  )
  execute function daybook_private.refuse_change();
--! EndIncluded daybook/tables/categories.sql
--! Included daybook/tables/category_members.sql
-- The edges of a graph without cycles. They hold what is so today; what was so stands in the log.
create table daybook.category_members (
  ledger text collate "C" not null,
  id uuid not null default uuidv7(),
  category text collate "C" not null,
  account text collate "C",
  account_id uuid,
  child_category text collate "C",
  created_at timestamptz not null default clock_timestamp(),
  constraint category_members_pkey primary key (ledger, id),
  constraint category_has_an_account_once unique (ledger, category, account_id),
  constraint category_has_a_child_once unique (ledger, category, child_category),
  constraint category_member_of_exists
    foreign key (ledger, category) references daybook.categories (ledger, category),
  constraint category_member_account_exists
    foreign key (ledger, account_id) references daybook.accounts (ledger, id),
  constraint category_member_child_exists
    foreign key (ledger, child_category) references daybook.categories (ledger, category),
  constraint category_member_is_an_account_or_a_category check (
    num_nonnulls(account_id, child_category) = 1
    and (account is null) = (account_id is null)
    and category <> child_category)
);
create index category_members_account_idx on daybook.category_members (ledger, account_id);
create index category_members_child_idx on daybook.category_members (ledger, child_category);
comment on table daybook.category_members is
  'What is directly in each category: an account or another category. Either may be in many.';
comment on column daybook.category_members.ledger is 'The ledger.';
comment on column daybook.category_members.id is 'UUIDv7.';
comment on column daybook.category_members.category is 'The category that has this member.';
comment on column daybook.category_members.account is 'Address of the account, if the member is one.';
comment on column daybook.category_members.account_id is 'The account, if the member is one.';
comment on column daybook.category_members.child_category is 'The other category, if the member is one.';
comment on column daybook.category_members.created_at is 'When it was added.';

create trigger _900_immutable before update on daybook.category_members
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook.category_members
  for each statement execute function daybook_private.refuse_change();
--! EndIncluded daybook/tables/category_members.sql
--! Included daybook_private/tables/category_access.sql
create table daybook_private.category_access (
  ledger text collate "C" not null,
  category text collate "C" not null,
  role text collate "C" not null,
  granted_at timestamptz not null default clock_timestamp(),
  constraint category_access_pkey primary key (ledger, category, role),
  constraint category_access_to_what_exists
    foreign key (ledger, category) references daybook.categories (ledger, category),
  constraint category_access_of_the_server_is_in_tokens check (role <> 'daybook_authenticator')
);
comment on table daybook_private.category_access is
  'Which categories a direct SQL login, or a role it is a member of, may read without its ledger.';
--! EndIncluded daybook_private/tables/category_access.sql
--! Included daybook_private/tables/category_graphs.sql
-- Two changes that each see the graph without the other could close a cycle together. So every change
-- takes its ledger's row first. It updates the row: to an older snapshot, which would not see
-- what others changed since, PostgreSQL then says so itself (40001).
create table daybook_private.category_graphs (
  ledger text collate "C" not null,
  changes bigint not null,
  constraint category_graphs_pkey primary key (ledger)
);
comment on table daybook_private.category_graphs is
  'One row per ledger, held by whoever changes what is in its categories; how often that was done.';
--! EndIncluded daybook_private/tables/category_graphs.sql
--! Included daybook_private/tables/expiring_holds.sql
-- Read where a balance would refuse, by account, and by the worker, by time; a row for each account
-- that a pending transaction with an expiry holds something of, until it is posted or archived.
create table daybook_private.expiring_holds (
  ledger text collate "C" not null,
  account_id uuid not null,
  expires_at timestamptz not null,
  transaction_id uuid not null,
  constraint expiring_holds_pkey primary key (ledger, account_id, expires_at, transaction_id)
) with (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 1000
);
create index expiring_holds_expires_at_idx on daybook_private.expiring_holds (expires_at);
comment on table daybook_private.expiring_holds is
  'When pending transactions expire, by the accounts that they hold something of.';
--! EndIncluded daybook_private/tables/expiring_holds.sql
--! Included daybook_private/tables/queued_transactions.sql
-- Requests that wait to be applied, and nothing else: what is finished moves to finished_receipts.
-- So this table stays as small as the queue is, and vacuuming it is cheap however many receipts are
-- kept. Applying happens at the head, where deleted rows gather: whoever applies begins behind those
-- that he knows to be gone (queue_heads), and the table is vacuumed early.
-- Positions are of a sequence and not of the clock: who enqueues after another's call has returned
-- comes after it, even if the clock was set back or the server was replaced in between.
-- It is never analyzed, and functions that read it do without sequential scans: see entry_queue.
create sequence daybook_private.queue_positions;
comment on sequence daybook_private.queue_positions is
  'Positions in the queues of all ledgers; those of calls that were rolled back are left out.';

create table daybook_private.queued_transactions (
  ledger text collate "C" not null,
  position bigint not null,
  receipt_id uuid not null,
  idempotency_key text collate "C" not null,
  entry_count integer not null,
  request daybook.transaction_input not null,
  actor text not null,
  request_id text,
  client_address inet,
  accepted_at timestamptz not null,
  constraint queued_transactions_pkey primary key (ledger, position),
  constraint queued_transaction_receipt_is_unique_in_ledger unique (ledger, receipt_id),
  constraint queued_transaction_key_is_unique_in_ledger unique (ledger, idempotency_key)
) with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_threshold = -1,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_threshold = 2147483647
);
-- A sample, to count a long queue by: see has_room.
create index queued_transactions_sample_idx on daybook_private.queued_transactions (ledger, accepted_at)
  where position % 4096 = 0;
comment on table daybook_private.queued_transactions is
  'The write-ahead queue: requests that were accepted and wait to be applied, in order of position.';
--! EndIncluded daybook_private/tables/queued_transactions.sql
--! Included daybook_private/tables/finished_receipts.sql
-- Insert-only, and purged as idempotency keys are. Of applied ones the request is not kept: the
-- transaction tells it. Of refused ones nothing else would.
create table daybook_private.finished_receipts (
  ledger text collate "C" not null,
  receipt_id uuid not null,
  state text not null,
  idempotency_key text collate "C" not null,
  transaction_id uuid,
  error_code text,
  error_message text,
  error_detail jsonb,
  request daybook.transaction_input,
  request_hash bigint,
  actor text not null,
  accepted_at timestamptz not null,
  finished_at timestamptz not null,
  constraint finished_receipts_pkey primary key (ledger, receipt_id),
  constraint finished_receipt_state_is_known check (state in ('applied', 'refused'))
);
create index finished_receipts_applied_key_idx on daybook_private.finished_receipts (ledger, idempotency_key)
  where state = 'applied';
create index finished_receipts_finished_at_idx on daybook_private.finished_receipts using brin (finished_at);
comment on table daybook_private.finished_receipts is
  'Receipts of the write-ahead queue that were applied or refused.';
--! EndIncluded daybook_private/tables/finished_receipts.sql
--! Included daybook_private/tables/queue_heads.sql
-- Its row's lock is the right to apply the ledger's queue. Everything up to the position is gone for
-- good, so that reading begins behind the dead rows of what was applied. That is known only when every
-- call that drew a position up to there has ended: hence the candidate, a position that becomes the
-- next border as soon as all transactions older than next_xid are over. In a cluster restored from a
-- dump transaction ids begin anew; a candidate from the future is then replaced.
create table daybook_private.queue_heads (
  ledger text collate "C" not null,
  position bigint not null default 0,
  next_position bigint not null default 0,
  next_xid xid8,
  constraint queue_heads_pkey primary key (ledger)
) with (fillfactor = 50);
comment on table daybook_private.queue_heads is
  'Up to where each ledger''s queue has been applied and nothing can come any more.';
--! EndIncluded daybook_private/tables/queue_heads.sql
--! Included daybook_private/tables/queue_limits.sql
create table daybook_private.queue_limits (
  ledger text collate "C" not null,
  max_depth bigint not null,
  constraint queue_limits_pkey primary key (ledger),
  constraint queue_limit_is_not_negative check (max_depth >= 0)
);
comment on table daybook_private.queue_limits is
  'How many transactions may wait in a ledger''s queue; the ledger * stands for every one.';
insert into daybook_private.queue_limits (ledger, max_depth) values ('*', 1000000);
--! EndIncluded daybook_private/tables/queue_limits.sql
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
  perform daybook_private.refuse_ledger(ledger);
  return false;
end
$$;
comment on function daybook_private.authorize(text, text) is
  'Lets the caller pass who may use the ledger with this access: read, write or admin. Raises 42501 otherwise, and LDARG for a malformed name.';
revoke execute on function daybook_private.authorize(text, text) from public;
--! EndIncluded daybook_private/functions/authorize.sql
--! Included daybook_private/functions/check_grantee.sql
create or replace function daybook_private.check_grantee(role text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  if role = 'daybook_authenticator' or not exists (
       select from pg_roles r where r.rolname = check_grantee.role) then
    perform daybook_private.refuse_argument('role',
      'a role of this server other than daybook_authenticator, whose access is in tokens', to_jsonb(role));
  end if;
end
$$;
comment on function daybook_private.check_grantee(text) is
  'Raises LDARG unless this is a role that can be given access.';
revoke execute on function daybook_private.check_grantee(text) from public;
--! EndIncluded daybook_private/functions/check_grantee.sql
--! Included daybook_private/functions/claimed_categories.sql
create or replace function daybook_private.claimed_categories()
  returns text[]
  language sql
  stable
  parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select string_to_array(nullif(current_setting('daybook.categories', true), ''), ',')
$$;
comment on function daybook_private.claimed_categories() is
  'The categories of the request''s token, each as ledger/category. Trust it only when the login is daybook_authenticator: others can set it themselves.';
revoke execute on function daybook_private.claimed_categories() from public;
--! EndIncluded daybook_private/functions/claimed_categories.sql
--! Included daybook_private/functions/granted_categories.sql
create or replace function daybook_private.granted_categories()
  returns table (ledger text, category text)
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if session_user = 'daybook_authenticator' then
    return query
      select split_part(c, '/', 1), split_part(c, '/', 2)
        from unnest(daybook_private.claimed_categories()) c;
  else
    return query
      select g.ledger, g.category
        from daybook_private.category_access g
        join pg_catalog.pg_roles r on r.rolname = g.role
       where pg_has_role(session_user, r.oid, 'member');
  end if;
end
$$;
comment on function daybook_private.granted_categories() is
  'The categories that the caller was given to read, those within them left out.';
revoke execute on function daybook_private.granted_categories() from public;
--! EndIncluded daybook_private/functions/granted_categories.sql
--! Included daybook_private/functions/partly_readable_ledgers.sql
-- Asked in every statement of every reader. Hardly anybody has categories only: that is found out first.
create or replace function daybook_private.partly_readable_ledgers()
  returns text[]
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if session_user = 'daybook_authenticator' then
    if nullif(current_setting('daybook.categories', true), '') is null then
      return '{}';
    end if;
  elsif not exists (select from daybook_private.category_access) then
    return '{}';
  end if;
  return array(
    select distinct g.ledger
      from daybook_private.granted_categories() g
     where g.ledger <> all ((select daybook_private.readable_ledgers())::text[]));
end
$$;
comment on function daybook_private.partly_readable_ledgers() is
  'The ledgers of which the caller may read some categories and nothing else; policies call it once per statement.';
revoke execute on function daybook_private.partly_readable_ledgers() from public;
grant execute on function daybook_private.partly_readable_ledgers() to daybook_reader;
--! EndIncluded daybook_private/functions/partly_readable_ledgers.sql
--! Included daybook_private/functions/visible_ledgers.sql
create or replace function daybook_private.visible_ledgers()
  returns text[]
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  select daybook_private.readable_ledgers() || daybook_private.partly_readable_ledgers()
$$;
comment on function daybook_private.visible_ledgers() is
  'The ledgers of which the caller may see anything; policies call it once per statement.';
revoke execute on function daybook_private.visible_ledgers() from public;
grant execute on function daybook_private.visible_ledgers() to daybook_reader;
--! EndIncluded daybook_private/functions/visible_ledgers.sql
--! Included daybook_private/functions/categories_above.sql
create or replace function daybook_private.categories_above(ledger text, categories text[])
  returns text[]
  language plpgsql
  stable
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
begin
  return array(
    with recursive above (category) as (
      select u.category collate "C" from unnest(categories) u (category)
      union
      select m.category
        from above a
        join daybook.category_members m
          on m.ledger = categories_above.ledger and m.child_category = a.category
    )
    select a.category from above a);
end
$$;
comment on function daybook_private.categories_above(text, text[]) is
  'These categories and all that contain them, directly or through others, once each.';
revoke execute on function daybook_private.categories_above(text, text[]) from public;
--! EndIncluded daybook_private/functions/categories_above.sql
--! Included daybook_private/functions/categories_of.sql
-- One plan for all, by the indexes: planned for each array anew it would take ten times as long.
create or replace function daybook_private.categories_of(ledger text, account_ids uuid[])
  returns table (account_id uuid, category text)
  language plpgsql
  stable
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
begin
  return query
    with recursive containing (account_id, category) as (
      select m.account_id, m.category
        from unnest(account_ids) u (account_id)
        join daybook.category_members m
          on m.ledger = categories_of.ledger and m.account_id = u.account_id
      union
      select c.account_id, m.category
        from containing c
        join daybook.category_members m
          on m.ledger = categories_of.ledger and m.child_category = c.category
    )
    select c.account_id, c.category from containing c;
end
$$;
comment on function daybook_private.categories_of(text, uuid[]) is
  'For each of these accounts the categories that contain it, directly or through others, once each.';
revoke execute on function daybook_private.categories_of(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/categories_of.sql
--! Included daybook_private/functions/readable_categories.sql
create or replace function daybook_private.readable_categories()
  returns table (ledger text, category text)
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with recursive below (ledger, category) as (
      select g.ledger collate "C", g.category collate "C"
        from daybook_private.granted_categories() g
       where g.ledger = any ((select daybook_private.partly_readable_ledgers())::text[])
      union
      select m.ledger, m.child_category
        from below b
        join daybook.category_members m
          on m.ledger = b.ledger and m.category = b.category and m.child_category is not null
    )
    select b.ledger, b.category from below b;
end
$$;
comment on function daybook_private.readable_categories() is
  'The categories that the caller may read without their ledger: those he was given and all within them.';
revoke execute on function daybook_private.readable_categories() from public;
grant execute on function daybook_private.readable_categories() to daybook_reader;
--! EndIncluded daybook_private/functions/readable_categories.sql
--! Included daybook_private/functions/readable_accounts.sql
-- As the keys of an object, in which a row's account is found by halving; a policy that asked a set
-- for it instead would make every reader's statement dearer to plan.
create or replace function daybook_private.readable_accounts()
  returns jsonb
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set jit to off
as $$
begin
  return (
    select coalesce(jsonb_object_agg(m.account_id, null), '{}')
      from daybook_private.readable_categories() b
     cross join lateral (
        select m.account_id
          from daybook.category_members m
         where m.ledger = b.ledger and m.category = b.category and m.account_id is not null
        offset 0) m);
end
$$;
comment on function daybook_private.readable_accounts() is
  'The ids of the accounts that the caller may read without their ledger, by the categories they are in today, as keys of an object; policies call it once per statement.';
revoke execute on function daybook_private.readable_accounts() from public;
grant execute on function daybook_private.readable_accounts() to daybook_reader;
--! EndIncluded daybook_private/functions/readable_accounts.sql
--! Included daybook_private/functions/accounts_of.sql
create or replace function daybook_private.accounts_of(ledger text, transaction_id uuid)
  returns text[]
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select e.account_id
      from daybook.entries e
     where e.ledger = accounts_of.ledger and e.transaction_id = accounts_of.transaction_id);
end
$$;
comment on function daybook_private.accounts_of(text, uuid) is
  'The ids of the accounts that a transaction ever had an entry on, as texts; for policies.';
revoke execute on function daybook_private.accounts_of(text, uuid) from public;
grant execute on function daybook_private.accounts_of(text, uuid) to daybook_reader;
--! EndIncluded daybook_private/functions/accounts_of.sql
--! Included daybook_private/functions/authorize_category.sql
create or replace function daybook_private.authorize_category(ledger text, category text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  if ledger = any (daybook_private.partly_readable_ledgers()) then
    if not exists (
         select
           from daybook_private.granted_categories() g
          where g.ledger = authorize_category.ledger
            and g.category = any (daybook_private.categories_above(
                  authorize_category.ledger, array[authorize_category.category]))) then
      perform daybook_private.refuse_ledger(ledger);
    end if;
    return;
  end if;
  perform daybook_private.authorize(ledger, 'read');
end
$$;
comment on function daybook_private.authorize_category(text, text) is
  'Lets the caller pass who may read the ledger, or this category of it. Raises 42501 otherwise, whether or not there is such a category.';
revoke execute on function daybook_private.authorize_category(text, text) from public;
--! EndIncluded daybook_private/functions/authorize_category.sql
--! Included daybook_private/functions/authorize_accounts.sql
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
--! Included daybook/views/balances.sql
-- Counters and queue are read by one statement, so by one snapshot: an entry is in exactly one of them.
create or replace view daybook.balances with (security_invoker = true) as
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
create or replace view daybook.current_entries with (security_invoker = true) as
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
--! Included daybook/views/log.sql
-- A transaction that was made posted is its own record; every other operation has a row in log_events.
create or replace view daybook.log with (security_invoker = true) as
  select
    t.ledger,
    t.id,
    case
      when t.reverses_transaction_id is not null then 'reverse_transaction'
      when t.partially_posts_transaction_id is not null then 'partially_post_transaction'
      when t.counterpart_ledger is not null then 'transfer_between_ledgers'
      else 'create_transaction'
    end as kind,
    t.id as transaction_id,
    null::uuid as account_id,
    jsonb_strip_nulls(jsonb_build_object(
      'status', t.status,
      'effective_at', t.effective_at,
      'external_id', t.external_id,
      'description', t.description,
      'reverses_transaction_id', t.reverses_transaction_id,
      'partially_posts_transaction_id', t.partially_posts_transaction_id,
      'counterpart_ledger', t.counterpart_ledger,
      'counterpart_transaction_id', t.counterpart_transaction_id
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
--! Included daybook/types/transaction_version.sql
create type daybook.transaction_version as (
  ledger text,
  transaction_id uuid,
  version integer,
  status daybook.transaction_status,
  effective_at timestamptz,
  expires_at timestamptz,
  description text,
  entries daybook.entries[],
  operation text,
  data jsonb,
  actor text,
  request_id text,
  client_address inet,
  created_at timestamptz
);
comment on type daybook.transaction_version is 'A transaction as it was from one change to the next.';
comment on column daybook.transaction_version.ledger is 'The ledger.';
comment on column daybook.transaction_version.transaction_id is 'The transaction.';
comment on column daybook.transaction_version.version is 'From 1; each change but of metadata makes the next.';
comment on column daybook.transaction_version.status is 'Its status in this version.';
comment on column daybook.transaction_version.effective_at is 'Its effective time in this version.';
comment on column daybook.transaction_version.expires_at is 'When it would have expired, as of this version.';
comment on column daybook.transaction_version.description is 'Its description in this version.';
comment on column daybook.transaction_version.entries is
  'Its lines in this version, once each; of a pending one what was left to post, of an archived one what was released. None if it was declined.';
comment on column daybook.transaction_version.operation is 'The operation that made this version.';
comment on column daybook.transaction_version.data is 'What was asked.';
comment on column daybook.transaction_version.actor is 'Who asked: the login, and the user it claimed to act for.';
comment on column daybook.transaction_version.request_id is 'Request id that the caller gave.';
comment on column daybook.transaction_version.client_address is 'Network address the request came from.';
comment on column daybook.transaction_version.created_at is 'When this version was made.';
--! EndIncluded daybook/types/transaction_version.sql
--! Included daybook_private/functions/check_transaction.sql
-- The rules that need no look at the books, in full; is_simple_request judges the common case.
-- Whether expires_at lies in the future is checked after the key: a replay stays one when it has come.
create or replace function daybook_private.check_transaction(input daybook.transaction_input)
  returns void
  language plpgsql
  immutable
as $$
begin
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
  perform daybook_private.check_category_locks(input.category_locks);
end
$$;
comment on function daybook_private.check_transaction(daybook.transaction_input) is
  'Raises LDARG for a malformed transaction.';
revoke execute on function daybook_private.check_transaction(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/check_transaction.sql
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
end
$$;
comment on function daybook_private.check_change(daybook_private.change_request) is
  'Raises LDARG for a malformed call that changes a transaction.';
revoke execute on function daybook_private.check_change(daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/check_change.sql
--! Included daybook_private/functions/check_partial.sql
create or replace function daybook_private.check_partial(request daybook_private.change_request)
  returns void
  language plpgsql
  immutable
as $$
declare
  n integer := 0;
  entry daybook.entry_input;
begin
  if request.entries is null then
    perform daybook_private.refuse_argument('entries', 'must be given');
  end if;
  perform daybook_private.check_change(request);
  foreach entry in array request.entries loop
    n := n + 1;
    perform daybook_private.check_entry(entry, n);
  end loop;
end
$$;
comment on function daybook_private.check_partial(daybook_private.change_request) is
  'Raises LDARG for a malformed call that posts a part of a pending transaction.';
revoke execute on function daybook_private.check_partial(daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/check_partial.sql
--! Included daybook_private/functions/check_batch.sql
create or replace function daybook_private.check_batch(transactions daybook.transaction_input[], is_atomic boolean)
  returns void
  language plpgsql
  immutable
as $$
declare
  entries bigint;
  declining integer;
begin
  if cardinality(transactions) between 0 and 10000 is not true then
    perform daybook_private.refuse_argument('transactions', 'at most 10 000', to_jsonb(cardinality(transactions)));
  end if;
  select sum(cardinality(t.entries)), min(t.ordinality) filter (where t.archive_on_lock_failure)
    into entries, declining
    from unnest(transactions) with ordinality t;
  if entries > 100000 then
    perform daybook_private.refuse_argument('transactions', 'at most 100 000 entries in all', to_jsonb(entries));
  end if;
  if is_atomic and declining is not null then
    perform daybook_private.refuse_argument('archive_on_lock_failure', 'not in an atomic batch', 'true', declining);
  end if;
end
$$;
comment on function daybook_private.check_batch(daybook.transaction_input[], boolean) is
  'Raises LDARG for a batch that is too large, or that is atomic and would keep declined transactions.';
revoke execute on function daybook_private.check_batch(daybook.transaction_input[], boolean) from public;
--! EndIncluded daybook_private/functions/check_batch.sql
--! Included daybook_private/functions/check_read_committed.sql
create or replace function daybook_private.check_read_committed()
  returns void
  language plpgsql
  stable
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform daybook_private.refuse('LDISO', 'changing a transaction needs READ COMMITTED',
      jsonb_build_object('isolation', current_setting('transaction_isolation')));
  end if;
end
$$;
comment on function daybook_private.check_read_committed() is
  'Raises LDISO at other isolation levels: an older snapshot would miss what happened since.';
revoke execute on function daybook_private.check_read_committed() from public;
--! EndIncluded daybook_private/functions/check_read_committed.sql
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
  if cardinality(input.category_locks) > 0 then
    perform daybook_private.refuse('LDISO', 'a category lock needs READ COMMITTED',
      jsonb_build_object('isolation', current_setting('transaction_isolation')));
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
     daybook_private.request_id(), daybook_private.client_address())
$$;
comment on function daybook_private.log_event(text, text, jsonb, uuid, uuid) is
  'Records an operation in the log: what was asked, by whom, from where.';
revoke execute on function daybook_private.log_event(text, text, jsonb, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/log_event.sql
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
    select h.index, h.address
      from (select i.ordinality as index, i.address, i.request_hash,
                   first_value(i.request_hash) over (partition by i.address order by i.ordinality) as first_hash
              from (select u.ordinality, u.address,
                           daybook_private.hash_account(row(u.address, u.currency, u.normal_balance, u.balance_min,
                             u.balance_max, u.description, u.metadata)::daybook.account_input) as request_hash
                      from unnest(accounts) with ordinality u) i) h
      left join daybook.accounts a on a.ledger = check_openable.ledger and a.address = h.address
     where h.request_hash <> coalesce(a.request_hash, h.first_hash)
     order by h.index
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
  perform daybook_private.check_grantee(role);
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
--! Included daybook_private/functions/refuse_missing_categories.sql
create or replace function daybook_private.refuse_missing_categories(ledger text, categories text[])
  returns void
  language plpgsql
  stable
as $$
begin
  perform daybook_private.check_ledger_exists(ledger);
  perform daybook_private.refuse('LDCTG', 'categories not found', jsonb_build_object('ledger', ledger,
    'categories', array(select c from unnest(categories) with ordinality u (c, n) group by c order by min(n))));
end
$$;
comment on function daybook_private.refuse_missing_categories(text, text[]) is
  'Raises LDLED when the ledger itself is missing, LDCTG with all the missing names otherwise.';
revoke execute on function daybook_private.refuse_missing_categories(text, text[]) from public;
--! EndIncluded daybook_private/functions/refuse_missing_categories.sql
--! Included daybook_private/functions/check_categories.sql
create or replace function daybook_private.check_categories(ledger text, categories text[])
  returns void
  language plpgsql
  stable
as $$
declare
  missing constant text[] := array(
    select u.category
      from unnest(categories) with ordinality u (category, n)
     where not exists (
             select from daybook.categories c
              where c.ledger = check_categories.ledger and c.category = u.category)
     order by u.n);
begin
  if cardinality(missing) > 0 then
    perform daybook_private.refuse_missing_categories(ledger, missing);
  end if;
end
$$;
comment on function daybook_private.check_categories(text, text[]) is
  'Raises LDLED, or LDCTG with all names that are no category of the ledger.';
revoke execute on function daybook_private.check_categories(text, text[]) from public;
--! EndIncluded daybook_private/functions/check_categories.sql
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
    on conflict on constraint category_graphs_pkey do update set changes = g.changes + 1;
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
--! Included daybook_private/functions/check_member.sql
create or replace function daybook_private.check_member(member daybook.category_members)
  returns void
  language plpgsql
  volatile
as $$
declare
  given record;
  wanted record;
begin
  select c.currency, c.normal_balance into wanted
    from daybook.categories c
   where c.ledger = member.ledger and c.category = member.category;
  if member.account_id is not null then
    select a.currency, a.normal_balance into given
      from daybook.accounts a
     where a.ledger = member.ledger and a.id = member.account_id;
  else
    select c.currency, c.normal_balance into given
      from daybook.categories c
     where c.ledger = member.ledger and c.category = member.child_category;
  end if;
  if given <> wanted then
    perform daybook_private.refuse('LDCUR', 'a category has one currency and one normal balance',
      jsonb_strip_nulls(jsonb_build_object('category', member.category, 'currency', wanted.currency,
        'normal_balance', wanted.normal_balance, 'account', member.account,
        'child_category', member.child_category, 'member_currency', given.currency,
        'member_normal_balance', given.normal_balance)));
  end if;
  if member.child_category = any (daybook_private.categories_above(member.ledger, array[member.category])) then
    perform daybook_private.refuse('LDCYC', 'the category would contain itself',
      jsonb_build_object('category', member.category, 'child_category', member.child_category));
  end if;
end
$$;
comment on function daybook_private.check_member(daybook.category_members) is
  'Raises LDCUR for a member of another currency or normal balance, LDCYC for one that contains the category. The ledger''s graph must be held.';
revoke execute on function daybook_private.check_member(daybook.category_members) from public;
--! EndIncluded daybook_private/functions/check_member.sql
--! Included daybook_private/functions/check_category_locks.sql
create or replace function daybook_private.check_category_locks(category_locks daybook.category_lock_input[])
  returns void
  language plpgsql
  immutable
as $$
declare
  lock daybook.category_lock_input;
  names text[] := '{}';
  n integer := 0;
begin
  if cardinality(category_locks) > 100 then
    perform daybook_private.refuse_argument('category_locks', 'at most 100', to_jsonb(cardinality(category_locks)));
  end if;
  foreach lock in array coalesce(category_locks, '{}') loop
    n := n + 1;
    perform daybook_private.check_address('category', lock.category, n);
    perform daybook_private.check_bounds('pending_balance', lock.pending_balance, n);
    perform daybook_private.check_bounds('posted_balance', lock.posted_balance, n);
    perform daybook_private.check_bounds('available_balance', lock.available_balance, n);
    if lock.pending_balance is null and lock.posted_balance is null and lock.available_balance is null then
      perform daybook_private.refuse_argument('category_locks', 'bounds on at least one balance', to_jsonb(lock.category), n);
    end if;
    if lock.category = any (names) then
      perform daybook_private.refuse_argument('category_locks', 'each category once', to_jsonb(lock.category), n);
    end if;
    names := names || lock.category;
  end loop;
end
$$;
comment on function daybook_private.check_category_locks(daybook.category_lock_input[]) is
  'Raises LDARG for malformed category locks; looks nothing up.';
revoke execute on function daybook_private.check_category_locks(daybook.category_lock_input[]) from public;
--! EndIncluded daybook_private/functions/check_category_locks.sql
--! Included daybook_private/functions/check_categories_exist.sql
create or replace function daybook_private.check_categories_exist(ledger text, category_locks daybook.category_lock_input[])
  returns void
  language plpgsql
  stable
as $$
begin
  perform daybook_private.check_categories(ledger, array(select l.category from unnest(category_locks) l));
end
$$;
comment on function daybook_private.check_categories_exist(text, daybook.category_lock_input[]) is
  'Raises LDLED, or LDCTG with all categories of the locks that do not exist.';
revoke execute on function daybook_private.check_categories_exist(text, daybook.category_lock_input[]) from public;
--! EndIncluded daybook_private/functions/check_categories_exist.sql
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
  account_ids uuid[]
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
  containing text[] := array(select distinct c.category from daybook_private.categories_of(ledger, account_ids) c);
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
      select coalesce(array_agg(distinct c.category), '{}'),
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
comment on function daybook_private.lock_categories(text, daybook.category_lock_input[], uuid[]) is
  'Locks, ascending and waiting, every category that contains any of these accounts; returns those of them that the given category locks cover. Raises LDARG for a category lock that covers none.';
revoke execute on function daybook_private.lock_categories(text, daybook.category_lock_input[], uuid[]) from public;
--! EndIncluded daybook_private/functions/lock_categories.sql
--! Included daybook_private/functions/category_accounts.sql
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
        offset 0) m);
end
$$;
comment on function daybook_private.category_accounts(text, text) is
  'The accounts in a category, directly or through others, once each.';
revoke execute on function daybook_private.category_accounts(text, text) from public;
--! EndIncluded daybook_private/functions/category_accounts.sql
--! Included daybook_private/functions/category_totals.sql
-- One statement, so one snapshot of counters and queue. The accounts come as one array: an index is
-- asked for all of them in one pass, in its own order.
-- A join, whose planner cannot know how many accounts a category has, takes four times as long.
create or replace function daybook_private.category_totals(ledger text, category text)
  returns daybook_private.line
  language plpgsql
  stable
  set enable_seqscan to off
  set jit to off
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
declare
  totals daybook_private.line;
begin
  with members as materialized (
    select daybook_private.category_accounts(category_totals.ledger, category_totals.category) as account_ids
  ),
  summands as (
    select s.*
      from members m
     cross join lateral (
        select c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
          from daybook_private.account_counters c
         where c.ledger = category_totals.ledger and c.account_id = any (m.account_ids)
        union all
        select q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
          from daybook_private.entry_queue q
         where q.ledger = category_totals.ledger and q.account_id = any (m.account_ids)) s
  )
  select g.currency, g.normal_balance, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits
    into totals.currency, totals.normal_balance,
         totals.pending_debits, totals.pending_credits, totals.posted_debits, totals.posted_credits
    from daybook.categories g
   cross join (
      select coalesce(sum(pending_debits), 0), coalesce(sum(pending_credits), 0),
             coalesce(sum(posted_debits), 0), coalesce(sum(posted_credits), 0)
        from summands) s (pending_debits, pending_credits, posted_debits, posted_credits)
   where g.ledger = category_totals.ledger and g.category = category_totals.category;
  return totals;
end
$$;
comment on function daybook_private.category_totals(text, text) is
  'The four counters of all accounts in a category, directly or through others, each account once, queued entries counted; nulls for a category that does not exist.';
revoke execute on function daybook_private.category_totals(text, text) from public;
--! EndIncluded daybook_private/functions/category_totals.sql
--! Included daybook_private/functions/broken_category.sql
-- Called when every entry is in its counters or queued, under the locks of lock_categories: each
-- statement sees all that calls with locks on the same categories have committed.
create or replace function daybook_private.broken_category(ledger text, category_locks daybook.category_lock_input[])
  returns daybook_private.refusal
  language plpgsql
  volatile
as $$
declare
  lock daybook.category_lock_input;
  facts jsonb;
  n integer := 0;
begin
  foreach lock in array coalesce(category_locks, '{}') loop
    n := n + 1;
    facts := daybook_private.broken_balance(
      row(null, null, null, null, lock.pending_balance, lock.posted_balance, lock.available_balance,
          null, null)::daybook.entry_input,
      daybook_private.category_totals(ledger, lock.category));
    if facts is not null then
      return row('LDCAT', 'a condition on a category would be broken',
        jsonb_build_object('index', n, 'category', lock.category) || facts)::daybook_private.refusal;
    end if;
  end loop;
  return null;
end
$$;
comment on function daybook_private.broken_category(text, daybook.category_lock_input[]) is
  'LDCAT for the first category lock whose bounds the balance of its category breaks, its place as index; null when all hold.';
revoke execute on function daybook_private.broken_category(text, daybook.category_lock_input[]) from public;
--! EndIncluded daybook_private/functions/broken_category.sql
--! Included daybook_private/functions/cover_lines.sql
-- What a category lock covers must wait for its account, and is judged apart from the usual conditions.
create or replace function daybook_private.cover_lines(
  ledger text,
  category_locks daybook.category_lock_input[],
  lines daybook_private.line[]
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  covered uuid[];
begin
  if cardinality(category_locks) > 0 is not true then
    return lines;
  end if;
  covered := daybook_private.lock_categories(
    ledger, category_locks, array(select l.account_id from unnest(lines) l));
  for n in 1..cardinality(lines) loop
    lines[n].locked := lines[n].locked or lines[n].account_id = any (covered);
    lines[n].available_min := null;
  end loop;
  return daybook_private.order_lines(lines, lines[1].request_hash, false, true);
end
$$;
comment on function daybook_private.cover_lines(text, daybook.category_lock_input[], daybook_private.line[]) is
  'Locks the categories of the lines'' accounts, if there are category locks; returns the lines in the order in which accounts are then taken. Raises LDARG for a category lock that covers none of them.';
revoke execute on function daybook_private.cover_lines(text, daybook.category_lock_input[], daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/cover_lines.sql
--! Included daybook/functions/create_category.sql
create or replace function daybook.create_category(
  ledger text,
  category text,
  currency text,
  normal_balance daybook.direction default 'credit',
  description text default null,
  metadata jsonb default null
)
  returns daybook.categories
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  input constant daybook.account_input := row(
    category, currency, normal_balance, null, null, description, metadata);
  request_hash constant bigint := daybook_private.hash_account(input);
  made daybook.categories;
begin
  perform daybook_private.authorize(create_category.ledger, 'write');
  perform daybook_private.check_address('category', create_category.category);
  perform daybook_private.check_account(input, null);
  perform daybook_private.check_ledger_exists(create_category.ledger);
  insert into daybook.categories
    (ledger, category, currency, currency_exponent, normal_balance, description, metadata, request_hash)
  select create_category.ledger, create_category.category, u.code, u.exponent, coalesce(create_category.normal_balance, 'credit'),
         create_category.description, coalesce(create_category.metadata, '{}'), request_hash
    from daybook.currencies u
   where u.code = create_category.currency
  on conflict do nothing
  returning * into made;
  if found then
    perform daybook_private.log_event(made.ledger, 'create_category', to_jsonb(made) - 'request_hash');
    return made;
  end if;
  select c.* into made
    from daybook.categories c
   where c.ledger = create_category.ledger and c.category = create_category.category;
  if not found then
    perform daybook_private.refuse('LDCUR', 'unknown currency',
      jsonb_build_object('category', create_category.category, 'currency', create_category.currency));
  end if;
  if made.request_hash <> request_hash then
    perform daybook_private.refuse('LDDUP', 'the category exists and was made by a different request',
      jsonb_build_object('ledger', made.ledger, 'category', made.category));
  end if;
  return made;
end
$$;
comment on function daybook.create_category(text, text, text, daybook.direction, text, jsonb) is
  'Make a category, a named set of accounts and of other categories, all of one currency and normal balance; the same request again returns it. Raises 42501, LDARG, LDLED, LDDUP, LDCUR.';
revoke execute on function daybook.create_category(text, text, text, daybook.direction, text, jsonb) from public;
grant execute on function daybook.create_category(text, text, text, daybook.direction, text, jsonb) to daybook_writer;
--! EndIncluded daybook/functions/create_category.sql
--! Included daybook/functions/add_to_category.sql
create or replace function daybook.add_to_category(
  ledger text,
  category text,
  account text default null,
  child_category text default null
)
  returns daybook.categories
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  member daybook.category_members;
  parent daybook.categories;
begin
  perform daybook_private.authorize(add_to_category.ledger, 'write');
  member := daybook_private.prepare_membership(
    add_to_category.ledger, add_to_category.category, add_to_category.account, add_to_category.child_category);
  perform daybook_private.check_member(member);
  insert into daybook.category_members (ledger, category, account, account_id, child_category)
    values (member.ledger, member.category, member.account, member.account_id, member.child_category)
    on conflict do nothing;
  if found then
    perform daybook_private.log_event(member.ledger, 'add_to_category',
      jsonb_build_object('category', member.category, 'account', member.account, 'child_category', member.child_category),
      null, member.account_id);
  end if;
  select c.* into parent
    from daybook.categories c
   where c.ledger = member.ledger and c.category = member.category;
  return parent;
end
$$;
comment on function daybook.add_to_category(text, text, text, text) is
  'Put an account or a child_category into a category and so into all that contain it; returns the category. Nothing happens if it is in there. Raises 42501, LDARG, LDLED, LDACC, LDCTG, LDCUR, LDCYC.';
revoke execute on function daybook.add_to_category(text, text, text, text) from public;
grant execute on function daybook.add_to_category(text, text, text, text) to daybook_writer;
--! EndIncluded daybook/functions/add_to_category.sql
--! Included daybook/functions/remove_from_category.sql
create or replace function daybook.remove_from_category(
  ledger text,
  category text,
  account text default null,
  child_category text default null
)
  returns daybook.categories
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  member daybook.category_members;
  parent daybook.categories;
begin
  perform daybook_private.authorize(remove_from_category.ledger, 'write');
  member := daybook_private.prepare_membership(
    remove_from_category.ledger, remove_from_category.category,
    remove_from_category.account, remove_from_category.child_category);
  delete from daybook.category_members m
   where m.ledger = member.ledger and m.category = member.category
     and (m.account_id = member.account_id or m.child_category = member.child_category);
  if found then
    perform daybook_private.log_event(member.ledger, 'remove_from_category',
      jsonb_build_object('category', member.category, 'account', member.account, 'child_category', member.child_category),
      null, member.account_id);
  end if;
  select c.* into parent
    from daybook.categories c
   where c.ledger = member.ledger and c.category = member.category;
  return parent;
end
$$;
comment on function daybook.remove_from_category(text, text, text, text) is
  'Take an account or a child_category out of a category; returns the category. Nothing happens if it is not directly in there. Raises 42501, LDARG, LDLED, LDACC, LDCTG.';
revoke execute on function daybook.remove_from_category(text, text, text, text) from public;
grant execute on function daybook.remove_from_category(text, text, text, text) to daybook_writer;
--! EndIncluded daybook/functions/remove_from_category.sql
--! Included daybook/functions/grant_category_access.sql
create or replace function daybook.grant_category_access(role text, ledger text, category text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform daybook_private.authorize(grant_category_access.ledger, 'admin');
  perform daybook_private.check_grantee(grant_category_access.role);
  perform daybook_private.check_address('category', grant_category_access.category);
  perform daybook_private.check_categories(grant_category_access.ledger, array[grant_category_access.category]);
  insert into daybook_private.category_access (ledger, category, role)
    values (grant_category_access.ledger, grant_category_access.category, grant_category_access.role)
    on conflict do nothing;
  if found then
    perform daybook_private.log_event(grant_category_access.ledger, 'grant_category_access',
      jsonb_build_object('role', grant_category_access.role, 'category', grant_category_access.category));
  end if;
end
$$;
comment on function daybook.grant_category_access(text, text, text) is
  'Let a database role read, by direct SQL, the accounts that are in a category, directly or through others, with their entries, balances and transactions, and nothing else of the ledger. It also needs the role daybook_reader. Raises 42501, LDARG, LDLED, LDCTG.';
revoke execute on function daybook.grant_category_access(text, text, text) from public;
grant execute on function daybook.grant_category_access(text, text, text) to daybook_writer;
--! EndIncluded daybook/functions/grant_category_access.sql
--! Included daybook/functions/revoke_category_access.sql
create or replace function daybook.revoke_category_access(role text, ledger text, category text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'admin');
  if role is null then
    perform daybook_private.refuse_argument('role', 'must be given');
  end if;
  perform daybook_private.check_address('category', category);
  perform daybook_private.check_categories(ledger, array[category]);
  delete from daybook_private.category_access g
   where g.ledger = revoke_category_access.ledger
     and g.category = revoke_category_access.category
     and g.role = revoke_category_access.role;
  if found then
    perform daybook_private.log_event(ledger, 'revoke_category_access',
      jsonb_build_object('role', role, 'category', category));
  end if;
end
$$;
comment on function daybook.revoke_category_access(text, text, text) is
  'Take back what grant_category_access gave; no error if there was nothing. Do so before a role is dropped: grants go by name. Raises 42501, LDARG, LDLED, LDCTG.';
revoke execute on function daybook.revoke_category_access(text, text, text) from public;
grant execute on function daybook.revoke_category_access(text, text, text) to daybook_writer;
--! EndIncluded daybook/functions/revoke_category_access.sql
--! Included daybook_private/functions/fold_beneath.sql
-- Entries that were queued before these come before them: they are folded in beneath, and the
-- versions and counters of these lines rise by what came in.
create or replace function daybook_private.fold_beneath(
  ledger text,
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
        folded := daybook_private.fold_queue(ledger, previous_account, daybook_private.total_of(lines, previous_account));
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
comment on function daybook_private.fold_beneath(text, daybook_private.line[]) is
  'Folds the queues of locked lines'' accounts in under the lines, which were just applied; returns them with their new versions and counters.';
revoke execute on function daybook_private.fold_beneath(text, daybook_private.line[]) from public;
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
  if known.operation <> replay.operation
     or known.hash_version = 2 and known.request_hash <> replay.request_hash then
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
                     null, null, null, null, null, null)::daybook_private.line];
  end if;
  return array(
    select row(l.position, l.id, l.account_id, l.direction, l.amount, l.currency, l.any_locked, l.metadata, null,
               l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits, order_lines.request_hash,
               null, null, null, null, l.available_min, l.effect)::daybook_private.line
      from (select u.*, bool_or(u.locked) over (partition by u.account_id) as any_locked
              from unnest(lines) u) l
     order by not l.any_locked, case when l.any_locked then l.account_id end,
              l.effect < 'settled', l.position);
end
$$;
comment on function daybook_private.order_lines(daybook_private.line[], bigint, boolean, boolean) is
  'Lines in the order in which accounts are taken: locked ones by account, then the others; an account with any locked line has only locked ones. Of an account, what settles or releases comes before what is new. Unsound or unbalanced: one line with nothing but the hash.';
revoke execute on function daybook_private.order_lines(daybook_private.line[], bigint, boolean, boolean) from public;
--! EndIncluded daybook_private/functions/order_lines.sql
--! Included daybook_private/functions/judge_entry.sql
create or replace function daybook_private.judge_entry(
  entry daybook.entry_input,
  index integer,
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
  judgement.request_hash := daybook_private.hash_asked(entry, index);
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
comment on function daybook_private.judge_entry(daybook.entry_input, integer, text, uuid, boolean) is
  'Looks closely at an entry that is not of the common kind: hash, whether it must wait, whether it can go on. Raises LDARG.';
revoke execute on function daybook_private.judge_entry(daybook.entry_input, integer, text, uuid, boolean) from public;
--! EndIncluded daybook_private/functions/judge_entry.sql
--! Included daybook_private/functions/prepare_entries.sql
-- One pass over what the caller wrote, before anything is locked or written. It changes nothing, so
-- it may run before the idempotency key is looked at; what would be refused after the key only
-- makes lines unsound, and check_in_order then says what it is.
-- Facts of accounts are read without a lock: an unlocked entry may go by them, a locked one is
-- judged again by check_conditions under the lock.
-- An expression costs a microsecond or two per call, however simple: hence few and long ones.
create or replace function daybook_private.prepare_entries(
  ledger text,
  entries daybook.entry_input[],
  effect daybook.entry_effect,
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
    request_hash := request_hash # daybook_private.hash_line(entry.account, entry.direction, entry.amount, n);
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
        request_hash := request_hash # hash_numeric_extended(minimum, -n);
        locked := true;
      else
        judgement := daybook_private.judge_entry(entry, n, ledger, account_id, is_special);
        request_hash := request_hash # judgement.request_hash;
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
        entry.amount, 0, case when effect = 'pending' then 0 else entry.amount end, 0, request_hash,
        null, null, null, null, minimum, effect)::daybook_private.line;
    else
      net := net - entry.amount;
      lines[n] := row(n, uuidv7(), account_id, 'credit', entry.amount, currency, locked, coalesce(entry.metadata, '{}'), null,
        0, entry.amount, 0, case when effect = 'pending' then 0 else entry.amount end, request_hash,
        null, null, null, null, minimum, effect)::daybook_private.line;
    end if;
  end loop;
  if locks = 0 and is_common and is_sound and net = 0 then
    return lines;
  end if;
  return daybook_private.order_lines(lines, request_hash, is_common and is_sound and net = 0 and n = 2 and locks = 1, is_sound);
end
$$;
comment on function daybook_private.prepare_entries(text, daybook.entry_input[], daybook.entry_effect, bigint) is
  'Reads the entries of a request and the facts of their accounts: lines in the order in which accounts are taken. Raises LDARG; if something else is amiss there is one line, with nothing but the hash.';
revoke execute on function daybook_private.prepare_entries(text, daybook.entry_input[], daybook.entry_effect, bigint) from public;
--! EndIncluded daybook_private/functions/prepare_entries.sql
--! Included daybook_private/functions/check_amounts.sql
create or replace function daybook_private.check_amounts(entries daybook.entry_input[])
  returns void
  language plpgsql
  immutable
as $$
declare
  entry daybook.entry_input;
  n integer := 0;
begin
  foreach entry in array coalesce(entries, '{}') loop
    n := n + 1;
    if (entry.amount > 0 and entry.amount < 1e36 and entry.amount = trunc(entry.amount)) is not true then
      perform daybook_private.refuse('LDAMT', 'an amount is a positive whole number below 10^36',
        jsonb_build_object('index', n, 'amount', entry.amount::text));
    end if;
  end loop;
end
$$;
comment on function daybook_private.check_amounts(daybook.entry_input[]) is
  'Raises LDAMT for the first entry whose amount is not a positive whole number below 10^36.';
revoke execute on function daybook_private.check_amounts(daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/check_amounts.sql
--! Included daybook_private/functions/check_accounts_exist.sql
create or replace function daybook_private.check_accounts_exist(ledger text, entries daybook.entry_input[])
  returns void
  language plpgsql
  stable
as $$
declare
  missing constant text[] := array(
    select e.account
      from unnest(entries) with ordinality e
     where not exists (
             select from daybook.accounts a
              where a.ledger = check_accounts_exist.ledger and a.address = e.account)
     order by e.ordinality);
begin
  if cardinality(missing) > 0 then
    perform daybook_private.refuse_missing_accounts(ledger, missing);
  end if;
end
$$;
comment on function daybook_private.check_accounts_exist(text, daybook.entry_input[]) is
  'Raises LDLED or LDACC, with all addresses that are missing.';
revoke execute on function daybook_private.check_accounts_exist(text, daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/check_accounts_exist.sql
--! Included daybook_private/functions/check_transaction_exists.sql
create or replace function daybook_private.check_transaction_exists(ledger text, transaction_id uuid)
  returns void
  language plpgsql
  stable
as $$
begin
  perform
    from daybook.transactions t
   where t.ledger = check_transaction_exists.ledger and t.id = check_transaction_exists.transaction_id;
  if not found then
    perform daybook_private.check_ledger_exists(ledger);
    perform daybook_private.refuse('LDTXN', 'transaction not found',
      jsonb_build_object('ledger', ledger, 'transaction_id', transaction_id));
  end if;
end
$$;
comment on function daybook_private.check_transaction_exists(text, uuid) is
  'Raises LDLED or LDTXN.';
revoke execute on function daybook_private.check_transaction_exists(text, uuid) from public;
--! EndIncluded daybook_private/functions/check_transaction_exists.sql
--! Included daybook_private/functions/check_in_order.sql
-- The slow and orderly way through the checks that come after the idempotency key, for a request
-- in which prepare_entries found something amiss, or that names categories. When nothing is wrong,
-- the books have changed since.
create or replace function daybook_private.check_in_order(
  ledger text,
  entries daybook.entry_input[],
  category_locks daybook.category_lock_input[],
  transaction_id uuid default null
)
  returns void
  language plpgsql
  volatile
as $$
begin
  perform daybook_private.check_amounts(entries);
  perform daybook_private.check_accounts_exist(ledger, entries);
  perform daybook_private.check_categories_exist(ledger, category_locks);
  if transaction_id is not null then
    perform daybook_private.check_transaction_exists(ledger, transaction_id);
  end if;
  perform daybook_private.check_balanced(ledger, entries);
end
$$;
comment on function daybook_private.check_in_order(text, daybook.entry_input[], daybook.category_lock_input[], uuid) is
  'Raises LDAMT, LDLED, LDACC, LDCTG, LDTXN (of the transaction that is to change, if any) or LDUNB, in this order, for what is wrong with a well-formed request.';
revoke execute on function daybook_private.check_in_order(text, daybook.entry_input[], daybook.category_lock_input[], uuid) from public;
--! EndIncluded daybook_private/functions/check_in_order.sql
--! Included daybook_private/functions/sound_lines.sql
create or replace function daybook_private.sound_lines(
  ledger text,
  entries daybook.entry_input[],
  effect daybook.entry_effect,
  lines daybook_private.line[]
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
begin
  for attempt in 1..10 loop
    exit when lines[1].account_id is not null;
    perform daybook_private.check_in_order(ledger, entries, null);
    perform daybook_private.check_open(ledger, entries);
    -- Nothing is wrong by now: an account was opened or reopened in between. Read again.
    lines := daybook_private.prepare_entries(ledger, entries, effect, 0);
  end loop;
  if lines[1].account_id is null then
    perform daybook_private.refuse('40001', 'the accounts of the request keep changing');
  end if;
  return lines;
end
$$;
comment on function daybook_private.sound_lines(text, daybook.entry_input[], daybook.entry_effect, daybook_private.line[]) is
  'The lines, if they can be applied; otherwise raises what is wrong with the entries: LDAMT, LDLED, LDACC, LDUNB, LDCLS.';
revoke execute on function daybook_private.sound_lines(text, daybook.entry_input[], daybook.entry_effect, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/sound_lines.sql
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
  if lines[1].account_id is null or input.category_locks is not null then
    perform daybook_private.check_in_order(ledger, input.entries, input.category_locks);
  end if;
  if input.external_id is not null then
    perform daybook_private.claim_external_id(ledger, input.external_id, transaction_id);
  end if;
  lines := daybook_private.sound_lines(
    ledger, input.entries, coalesce(input.status, 'posted')::text::daybook.entry_effect, lines);
  return daybook_private.cover_lines(ledger, input.category_locks, lines);
end
$$;
comment on function daybook_private.settle_lines(text, daybook.transaction_input, daybook_private.line[], uuid) is
  'What comes between the key and the accounts'' locks, where a request needs it. Raises LDARG, LDAMT, LDLED, LDACC, LDCTG, LDUNB, LDEXT, LDCLS.';
revoke execute on function daybook_private.settle_lines(text, daybook.transaction_input, daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/settle_lines.sql
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
--! Included daybook_private/functions/broken_limit.sql
-- A limit refuses only what moves its figure outward and ends beyond it: a transaction that leaves
-- an account outside its limits equal or better passes, however far outside it is.
create or replace function daybook_private.broken_limit(line daybook_private.line, lines daybook_private.line[])
  returns jsonb
  language plpgsql
  immutable
as $$
declare
  added daybook_private.line;
  low constant numeric := daybook_private.available_balance(line.normal_balance,
    line.pending_debits, line.pending_credits, line.posted_debits, line.posted_credits);
  high constant numeric := daybook_private.expected_balance(line.normal_balance,
    line.pending_debits, line.pending_credits, line.posted_debits, line.posted_credits);
begin
  if (low < line.balance_min or high > line.balance_max) is not true then
    return null;
  end if;
  added := daybook_private.total_of(lines, line.account_id);
  if low < line.balance_min
     and daybook_private.available_balance(line.normal_balance,
           added.pending_debits, added.pending_credits, added.posted_debits, added.posted_credits) < 0 then
    return jsonb_build_object('limit', 'balance_min', 'balance_min', line.balance_min::text, 'actual', low::text);
  end if;
  if high > line.balance_max
     and daybook_private.expected_balance(line.normal_balance,
           added.pending_debits, added.pending_credits, added.posted_debits, added.posted_credits) > 0 then
    return jsonb_build_object('limit', 'balance_max', 'balance_max', line.balance_max::text, 'actual', high::text);
  end if;
  return null;
end
$$;
comment on function daybook_private.broken_limit(daybook_private.line, daybook_private.line[]) is
  'The limit of an account that a transaction''s applied entries break, as facts for the error; null when none.';
revoke execute on function daybook_private.broken_limit(daybook_private.line, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/broken_limit.sql
--! Included daybook_private/functions/judge_conditions.sql
-- Locked lines come first, those of one account together: an account's last line has its counters
-- after the whole transaction. All lines are looked at, because the code decides what is raised. Lines
-- that settle or release what was there before are counted, but no entry of the request is about them.
create or replace function daybook_private.judge_conditions(
  entries daybook.entry_input[],
  lines daybook_private.line[]
)
  returns daybook_private.refusal
  language plpgsql
  immutable
as $$
declare
  line daybook_private.line;
  entry daybook.entry_input;
  facts jsonb;
  code text;
  broken jsonb := '{}';
begin
  if cardinality(entries) = 0 then
    return null; -- the lines repeat entries that were judged when they were made
  end if;
  for n in reverse cardinality(lines)..1 loop
    continue when not lines[n].locked;
    if line.account_id is distinct from lines[n].account_id then
      line := lines[n];
    end if;
    continue when lines[n].effect not in ('pending', 'posted');
    entry := entries[lines[n].position];
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
        facts := daybook_private.broken_limit(line, lines);
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
      return row(code, case
        when code = 'LDCLS' then 'account is closed'
        when code = 'LDVER' then 'the account is at another version'
        when code = 'LDBAL' then 'a balance condition would be broken'
        else 'a limit of the account would be broken'
      end, broken -> code)::daybook_private.refusal;
    end if;
  end loop;
  return null;
end
$$;
comment on function daybook_private.judge_conditions(daybook.entry_input[], daybook_private.line[]) is
  'LDCLS, LDVER, LDBAL or LDLIM, in this order and the lowest entry first, for what applied locked entries break; null when nothing is broken.';
revoke execute on function daybook_private.judge_conditions(daybook.entry_input[], daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/judge_conditions.sql
--! Included daybook_private/functions/keeps_minimums.sql
-- Called when every entry is in its counters. What the lines carry was read under the accounts' locks.
-- A line that keeps the usual condition, alone on its account, is passed by one expression; if any
-- is not like that, settle_conditions looks at all.
create or replace function daybook_private.keeps_minimums(lines daybook_private.line[])
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
      return false;
    end if;
    previous_account := line.account_id;
  end loop;
  return true;
end
$$;
comment on function daybook_private.keeps_minimums(daybook_private.line[]) is
  'Whether all that applied locked lines ask for is a least available balance, and each has it.';
revoke execute on function daybook_private.keeps_minimums(daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/keeps_minimums.sql
--! Included daybook_private/functions/show_balances.sql
create or replace function daybook_private.show_balances(
  ledger text,
  idempotency_key text,
  entries daybook.entry_input[],
  result daybook.transaction_result
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  result.balances := daybook_private.resulting_balances(show_balances.ledger, entries);
  if result.balances is not null and idempotency_key is not null then
    update daybook_private.idempotency_keys k
       set result = jsonb_build_object('balances', show_balances.result.balances)
     where k.ledger = show_balances.ledger and k.key = show_balances.idempotency_key;
  end if;
  return result;
end
$$;
comment on function daybook_private.show_balances(text, text, daybook.entry_input[], daybook.transaction_result) is
  'Adds the balances that entries asked for, and keeps them for replays.';
revoke execute on function daybook_private.show_balances(text, text, daybook.entry_input[], daybook.transaction_result) from public;
--! EndIncluded daybook_private/functions/show_balances.sql
--! Included daybook_private/functions/watch_expiry.sql
create or replace function daybook_private.watch_expiry(
  ledger text,
  transaction_id uuid,
  expires_at timestamptz,
  lines daybook_private.line[]
)
  returns void
  language plpgsql
  volatile
as $$
begin
  if expires_at is not null then
    insert into daybook_private.expiring_holds (ledger, account_id, expires_at, transaction_id)
    select distinct watch_expiry.ledger, l.account_id, watch_expiry.expires_at, watch_expiry.transaction_id
      from unnest(lines) l;
  end if;
end
$$;
comment on function daybook_private.watch_expiry(text, uuid, timestamptz, daybook_private.line[]) is
  'Notes when a pending transaction expires, if it does.';
revoke execute on function daybook_private.watch_expiry(text, uuid, timestamptz, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/watch_expiry.sql
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
  result := daybook_private.show_balances(complete_result.ledger, input.idempotency_key, input.entries, result);
  if result.status = 'pending' then
    perform daybook_private.log_event(complete_result.ledger,
      case when origin.reverses_transaction_id is null then 'create_transaction' else 'reverse_transaction' end,
      to_jsonb(input) || jsonb_build_object('version', 1, 'reverses_transaction_id', origin.reverses_transaction_id),
      result.transaction_id);
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
--! Included daybook_private/functions/write_entries.sql
-- Returns something, so that it can be called by an assignment, which costs less than a query.
-- created_at is taken under the accounts' locks, so that along an account's versions it never runs backwards.
create or replace function daybook_private.write_entries(
  ledger text,
  transaction_id uuid,
  transaction_version integer,
  effective_at timestamptz,
  created_at timestamptz,
  lines daybook_private.line[]
)
  returns boolean
  language plpgsql
  volatile
as $$
begin
  insert into daybook.entries
    (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount,
     currency, effect, locked, effective_at, created_at, metadata, lock_version,
     pending_debits, pending_credits, posted_debits, posted_credits)
  select write_entries.ledger, l.id, write_entries.transaction_id, write_entries.transaction_version,
         l.position, l.account_id, l.direction, l.amount, l.currency, l.effect, l.locked,
         write_entries.effective_at, write_entries.created_at, l.metadata, l.lock_version,
         l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits
    from unnest(lines) l;
  return true;
end
$$;
comment on function daybook_private.write_entries(text, uuid, integer, timestamptz, timestamptz, daybook_private.line[]) is
  'Writes applied lines into the books as entries of one version of a transaction.';
revoke execute on function daybook_private.write_entries(text, uuid, integer, timestamptz, timestamptz, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/write_entries.sql
--! Included daybook_private/functions/write_transaction.sql
-- Every new transaction is written here. One that was declined is archived at once and has no lines.
create or replace function daybook_private.write_transaction(
  ledger text,
  transaction_id uuid,
  status daybook.transaction_status,
  input daybook.transaction_input,
  origin daybook_private.origin,
  lines daybook_private.line[]
)
  returns timestamptz
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  created_at constant timestamptz := clock_timestamp();
  effective_at constant timestamptz := coalesce(input.effective_at, origin.effective_at, created_at);
  is_written boolean;
begin
  insert into daybook.transactions
    (ledger, id, status, effective_at, created_at, posted_at, archived_at, archived_reason, expires_at,
     external_id, description, metadata, reverses_transaction_id, partially_posts_transaction_id,
     counterpart_ledger, counterpart_transaction_id, actor, request_id, client_address)
  values
    (write_transaction.ledger, write_transaction.transaction_id, write_transaction.status,
     effective_at, created_at,
     case when status = 'posted' then created_at end,
     case when status = 'archived' then created_at end,
     case when status = 'archived' then 'balance_lock_failure' end,
     input.expires_at, case when status <> 'archived' then input.external_id end,
     input.description, coalesce(input.metadata, '{}'),
     origin.reverses_transaction_id, origin.partially_posts_transaction_id,
     origin.counterpart_ledger, origin.counterpart_transaction_id,
     coalesce(origin.actor, daybook_private.actor()),
     case when origin.actor is null then daybook_private.request_id() else origin.request_id end,
     case when origin.actor is null then daybook_private.client_address() else origin.client_address end);
  if lines is not null then
    is_written := daybook_private.write_entries(
      write_transaction.ledger, write_transaction.transaction_id, 1, effective_at, created_at, lines);
  end if;
  return effective_at;
end
$$;
comment on function daybook_private.write_transaction(text, uuid, daybook.transaction_status, daybook.transaction_input, daybook_private.origin, daybook_private.line[]) is
  'Writes a new transaction and its applied lines; returns its effective time.';
revoke execute on function daybook_private.write_transaction(text, uuid, daybook.transaction_status, daybook.transaction_input, daybook_private.origin, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/write_transaction.sql
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
     or input.category_locks is not null then
    lines := daybook_private.settle_lines(create_one.ledger, input, lines, transaction_id);
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
--! Included daybook_private/functions/keep_decline.sql
create or replace function daybook_private.keep_decline(
  ledger text,
  input daybook.transaction_input,
  origin daybook_private.origin,
  refusal daybook_private.refusal
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  transaction_id constant uuid := coalesce(origin.transaction_id, uuidv7());
  result daybook.transaction_result;
  lines daybook_private.line[];
begin
  if input.idempotency_key is not null then
    lines := daybook_private.prepare_entries(
      keep_decline.ledger, input.entries, 'posted', daybook_private.hash_header(input));
    result := daybook_private.claim_key(keep_decline.ledger, input.idempotency_key, 'create_transaction',
      lines[cardinality(lines)].request_hash, transaction_id, 'archived', 1);
    if result.transaction_id is not null then
      return result;
    end if;
  end if;
  perform daybook_private.write_transaction(
    keep_decline.ledger, transaction_id, 'archived', input, origin, null);
  result := row(null, keep_decline.ledger, transaction_id, 'archived', 1, false, 'balance_lock_failure', null,
    refusal.code, refusal.message, refusal.detail)::daybook.transaction_result;
  perform daybook_private.log_event(keep_decline.ledger, 'create_transaction',
    to_jsonb(input) || jsonb_build_object('version', 1, 'error_code', refusal.code, 'error_detail', refusal.detail),
    transaction_id);
  update daybook_private.idempotency_keys k
     set result = jsonb_build_object(
           'archived_reason', result.archived_reason, 'error_code', result.error_code,
           'error_message', result.error_message, 'error_detail', result.error_detail)
   where k.ledger = keep_decline.ledger and k.key = input.idempotency_key;
  return result;
end
$$;
comment on function daybook_private.keep_decline(text, daybook.transaction_input, daybook_private.origin, daybook_private.refusal) is
  'Keeps a transaction that a balance refused as archived, without entries, with the reason.';
revoke execute on function daybook_private.keep_decline(text, daybook.transaction_input, daybook_private.origin, daybook_private.refusal) from public;
--! EndIncluded daybook_private/functions/keep_decline.sql
--! Included daybook_private/functions/create_or_decline.sql
create or replace function daybook_private.create_or_decline(
  ledger text,
  input daybook.transaction_input,
  origin daybook_private.origin default null
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  refusal daybook_private.refusal;
begin
  if input.archive_on_lock_failure is not true then
    return daybook_private.create_one(ledger, input, origin);
  end if;
  begin
    return daybook_private.create_one(ledger, input, origin);
  exception when sqlstate 'LDBAL' or sqlstate 'LDLIM' or sqlstate 'LDCAT' then
    get stacked diagnostics
      refusal.code = returned_sqlstate, refusal.message = message_text, refusal.detail = pg_exception_detail;
  end;
  return daybook_private.keep_decline(ledger, input, origin, refusal);
end
$$;
comment on function daybook_private.create_or_decline(text, daybook.transaction_input, daybook_private.origin) is
  'Makes one transaction; with archive_on_lock_failure one that a balance refuses is kept as archived.';
revoke execute on function daybook_private.create_or_decline(text, daybook.transaction_input, daybook_private.origin) from public;
--! EndIncluded daybook_private/functions/create_or_decline.sql
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
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCTG, LDUNB, LDEXT, LDCLS, LDVER, LDBAL, LDLIM, LDCAT.';
revoke execute on function daybook.create_transaction(
  text, daybook.entry_input[], daybook.transaction_status, timestamptz, text, text, text, jsonb,
  daybook.category_lock_input[], boolean, timestamptz, boolean
) from public;
grant execute on function daybook.create_transaction(
  text, daybook.entry_input[], daybook.transaction_status, timestamptz, text, text, text, jsonb,
  daybook.category_lock_input[], boolean, timestamptz, boolean
) to daybook_writer;
--! EndIncluded daybook/functions/create_transaction.sql
--! Included daybook_private/functions/create_member.sql
-- What a refused member leaves behind is undone with its subtransaction. Errors that are none of the
-- member's (a deadlock, a lost connection) are everybody's.
create or replace function daybook_private.create_member(
  ledger text,
  input daybook.transaction_input,
  origin daybook_private.origin,
  is_atomic boolean,
  index integer
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  result daybook.transaction_result;
  refusal daybook_private.refusal;
begin
  begin
    result := daybook_private.create_or_decline(ledger, input, origin);
    result.index := index;
    return result;
  exception when others then
    if sqlstate not like 'LD%' then
      raise;
    end if;
    get stacked diagnostics
      refusal.code = returned_sqlstate, refusal.message = message_text, refusal.detail = pg_exception_detail;
  end;
  if is_atomic then
    perform daybook_private.refuse(refusal.code, refusal.message,
      case when refusal.detail ? 'index'
        then refusal.detail || jsonb_build_object('entry_index', refusal.detail -> 'index')
        else refusal.detail end || jsonb_build_object('index', index));
  end if;
  return row(index, ledger, null, null, null, false, null, null,
    refusal.code, refusal.message, refusal.detail)::daybook.transaction_result;
end
$$;
comment on function daybook_private.create_member(text, daybook.transaction_input, daybook_private.origin, boolean, integer) is
  'Makes one transaction of a batch; a refusal is a result, or in an atomic batch is raised with the member''s index.';
revoke execute on function daybook_private.create_member(text, daybook.transaction_input, daybook_private.origin, boolean, integer) from public;
--! EndIncluded daybook_private/functions/create_member.sql
--! Included daybook_private/functions/is_common_request.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
-- Whether expires_at has come is another question: it comes after the key.
create or replace function daybook_private.is_common_request(input daybook.transaction_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.cardinality(input.entries) between 2 and 1000
     and input.status is distinct from 'archived'
     and pg_catalog.isfinite(input.effective_at) is not false
     and (input.expires_at is null or input.status = 'pending' and pg_catalog.isfinite(input.expires_at))
     and input.category_locks is null
     and daybook_private.is_clean_text(input.idempotency_key, 1, 255) is not false
     and daybook_private.is_clean_text(input.external_id, 1, 180) is not false
     and daybook_private.is_clean_text(input.description, 0, 1000) is not false
     and daybook_private.is_metadata(input.metadata) is not false
$$;
comment on function daybook_private.is_common_request(daybook.transaction_input) is
  'Whether a request is well-formed, its entries aside, and locks no categories; of others check_transaction says what is wrong.';
revoke execute on function daybook_private.is_common_request(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/is_common_request.sql
--! Included daybook_private/functions/is_sound_entry.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog and this schema.
-- The address is not looked at: an account that was found under it proves it well-formed.
create or replace function daybook_private.is_sound_entry(entry daybook.entry_input)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select entry.direction is not null
     and (entry.amount > 0 and entry.amount < 1e36 and entry.amount = trunc(entry.amount)) is true
     and (entry.lock_version is null or entry.lock_version >= 0)
     and (not (entry.pending_balance is distinct from null) or daybook_private.is_bounds(entry.pending_balance))
     and (not (entry.posted_balance is distinct from null) or daybook_private.is_bounds(entry.posted_balance))
     and (not (entry.available_balance is distinct from null) or daybook_private.is_bounds(entry.available_balance))
     and daybook_private.is_metadata(entry.metadata) is not false
$$;
comment on function daybook_private.is_sound_entry(daybook.entry_input) is
  'Whether an entry is well-formed and its amount a positive whole number below 10^36; of others check_entry and check_amounts say what is wrong.';
revoke execute on function daybook_private.is_sound_entry(daybook.entry_input) from public;
--! EndIncluded daybook_private/functions/is_sound_entry.sql
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
               a.id is not null and a.closed_at is null and e.show_resulting_balances is not true
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
--! Included daybook_private/functions/spread_locks.sql
-- An account with any locked line in a transaction has only locked ones there. That it has both is rare.
create or replace function daybook_private.spread_locks(lines daybook_private.batch_line[])
  returns daybook_private.batch_line[]
  language plpgsql
  immutable
as $$
declare
  place integer;
begin
  for place in
    select l.place
      from (select u.ordinality::integer as place, u.locked,
                   bool_or(u.locked) over (partition by u.member, u.account_id) as any_locked
              from unnest(lines) with ordinality u) l
     where l.any_locked and not l.locked
  loop
    lines[place].locked := true;
  end loop;
  return lines;
end
$$;
comment on function daybook_private.spread_locks(daybook_private.batch_line[]) is
  'The lines of a batch, those locked too that share their account with a locked one of the same member.';
revoke execute on function daybook_private.spread_locks(daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/spread_locks.sql
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
                   o.counterpart_ledger, o.counterpart_transaction_id)::daybook_private.origin end as origin
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
--! Included daybook_private/functions/reserve_keys.sql
-- In the order of the keys, so that batches never wait for each other in a circle. Members that are
-- made alone take part: who must be waited for is waited for now, before any account is held; what
-- they leave here is taken away again when it is their turn.
create or replace function daybook_private.reserve_keys(ledger text, members daybook_private.batch_member[])
  returns daybook_private.batch_member[]
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
#variable_conflict use_column
declare
  taken uuid[];
  known record;
begin
  begin
    -- Nearly always all keys are new, and then this is half of what `on conflict` costs.
    insert into daybook_private.idempotency_keys (ledger, key, operation, request_hash, transaction_id, status, version)
    select reserve_keys.ledger, m.idempotency_key, 'create_transaction', coalesce(m.request_hash, 0),
           m.transaction_id, m.status, m.version
      from unnest(members) m
     where m.idempotency_key is not null
     order by m.idempotency_key collate "C";
    return members;
  exception when unique_violation then
    null;
  end;
  with inserted as (
    insert into daybook_private.idempotency_keys (ledger, key, operation, request_hash, transaction_id, status, version)
    select distinct on (m.idempotency_key collate "C")
           reserve_keys.ledger, m.idempotency_key, 'create_transaction', coalesce(m.request_hash, 0),
           m.transaction_id, m.status, m.version
      from unnest(members) m
     where m.idempotency_key is not null
     order by m.idempotency_key collate "C", m.index
    on conflict do nothing
    returning transaction_id
  )
  select array(select transaction_id from inserted) into taken;
  -- A later statement than the insert, which sees what those did who were waited for. The first of
  -- several members with one key has taken it: the others have to see what becomes of it.
  for known in
    with late as (
      select m.index, m.idempotency_key, m.request_hash
        from unnest(members) m
        left join unnest(taken) t (id) on t.id = m.transaction_id
       where m.idempotency_key is not null and t.id is null
    )
    select l.index, k.transaction_id, k.status, k.version,
           coalesce(k.request_hash = l.request_hash and k.operation = 'create_transaction'
                    and k.result is null and t.id is null, false) as is_replay
      from late l
      left join daybook_private.idempotency_keys k
        on k.ledger = reserve_keys.ledger and k.key = l.idempotency_key
       and k.key = any (array(select l.idempotency_key from late l))
      left join unnest(taken) t (id) on t.id = k.transaction_id
  loop
    members[known.index].is_replay := known.is_replay;
    members[known.index].is_alone := not known.is_replay;
    if known.is_replay then
      members[known.index].transaction_id := known.transaction_id;
      members[known.index].status := known.status;
      members[known.index].version := known.version;
    end if;
  end loop;
  return members;
end
$$;
comment on function daybook_private.reserve_keys(text, daybook_private.batch_member[]) is
  'Takes the idempotency keys of a batch, waiting; returns the members with those marked that are replays, or must be made alone for their keys.';
revoke execute on function daybook_private.reserve_keys(text, daybook_private.batch_member[]) from public;
--! EndIncluded daybook_private/functions/reserve_keys.sql
--! Included daybook_private/functions/reserve_external_ids.sql
-- As reserve_keys does, in the order of the ids, and after all keys.
create or replace function daybook_private.reserve_external_ids(ledger text, members daybook_private.batch_member[])
  returns daybook_private.batch_member[]
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
#variable_conflict use_column
declare
  taken uuid[];
  late integer;
begin
  if not exists (select from unnest(members) m where m.external_id is not null) then
    return members;
  end if;
  with inserted as (
    insert into daybook_private.external_ids (ledger, external_id, transaction_id)
    select distinct on (m.external_id collate "C") reserve_external_ids.ledger, m.external_id, m.transaction_id
      from unnest(members) m
     where m.external_id is not null and not m.is_replay
     order by m.external_id collate "C", m.index
    on conflict do nothing
    returning transaction_id
  )
  select array(select transaction_id from inserted) into taken;
  for late in
    select m.index
      from unnest(members) m
      left join unnest(taken) t (id) on t.id = m.transaction_id
     where m.external_id is not null and not m.is_replay and t.id is null
  loop
    members[late].is_alone := true;
  end loop;
  return members;
end
$$;
comment on function daybook_private.reserve_external_ids(text, daybook_private.batch_member[]) is
  'Takes the external ids of a batch, waiting; returns the members with those marked that must be made alone for theirs.';
revoke execute on function daybook_private.reserve_external_ids(text, daybook_private.batch_member[]) from public;
--! EndIncluded daybook_private/functions/reserve_external_ids.sql
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
  perform daybook_private.lock_categories(ledger, '{}', accounts);
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
--! Included daybook_private/functions/lock_batch.sql
-- All accounts that any member must wait for, ascending, before any other is touched: see
-- apply_entries. Afterwards the batch waits for nobody.
-- Their queues are folded in later statements, whose snapshots are taken after every wait.
create or replace function daybook_private.lock_batch(
  ledger text,
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[]
)
  returns void
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
declare
  accounts constant uuid[] := array(
    select distinct l.account_id
      from unnest(lines) l
      join unnest(members) m on m.index = l.member
     where l.locked and l.account_id is not null and not m.is_replay);
  account uuid;
begin
  perform
    from daybook.accounts a
   where a.ledger = lock_batch.ledger and a.id = any (accounts)
   order by a.id
     for no key update;
  for account in
    select a.id
      from unnest(accounts) a (id)
     cross join lateral (
             select from daybook_private.entry_queue q
              where q.ledger = lock_batch.ledger and q.account_id = a.id
              order by q.entry_id
              limit 1) q
  loop
    perform daybook_private.fold_queue(ledger, account, daybook_private.total_of('{}', account));
  end loop;
end
$$;
comment on function daybook_private.lock_batch(text, daybook_private.batch_member[], daybook_private.batch_line[]) is
  'Locks the accounts of all locked lines of a batch, waiting, and folds their queues.';
revoke execute on function daybook_private.lock_batch(text, daybook_private.batch_member[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/lock_batch.sql
--! Included daybook_private/functions/first_refused.sql
-- Judged as if all members before it had been made: the counters with everything that those and it
-- add, and then what judge_conditions asks. It matters only on accounts with locked lines.
create or replace function daybook_private.first_refused(
  ledger text,
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[]
)
  returns integer
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
declare
  accounts uuid[];
begin
  if exists (select from unnest(members) m where m.is_replay) then
    lines := array(select l from unnest(lines) l join unnest(members) m on m.index = l.member where not m.is_replay);
  end if;
  accounts := array(select distinct l.account_id from unnest(lines) l where l.locked);
  if cardinality(accounts) = 0 then
    return null;
  end if;
  return (
    with added as (
      select l.account_id, l.member, count(*) as entries,
             coalesce(sum(l.amount) filter (where l.direction = 'debit'), 0) as pending_debits,
             coalesce(sum(l.amount) filter (where l.direction = 'credit'), 0) as pending_credits,
             coalesce(sum(l.amount) filter (where l.direction = 'debit' and l.effect = 'posted'), 0) as posted_debits,
             coalesce(sum(l.amount) filter (where l.direction = 'credit' and l.effect = 'posted'), 0) as posted_credits
        from unnest(lines) l
        join unnest(accounts) a (id) on a.id = l.account_id
       group by l.account_id, l.member
    ),
    state as (
      select a.account_id, a.member, c.closed_at, c.balance_min, c.balance_max,
             c.lock_version + sum(a.entries) over w - a.entries as version_before,
             daybook_private.net_balance(c.normal_balance, c.pending_credits + sum(a.pending_credits) over w,
               c.pending_debits + sum(a.pending_debits) over w) as pending,
             daybook_private.net_balance(c.normal_balance, c.posted_credits + sum(a.posted_credits) over w,
               c.posted_debits + sum(a.posted_debits) over w) as posted,
             daybook_private.available_balance(c.normal_balance,
               c.pending_debits + sum(a.pending_debits) over w, c.pending_credits + sum(a.pending_credits) over w,
               c.posted_debits + sum(a.posted_debits) over w, c.posted_credits + sum(a.posted_credits) over w) as available,
             daybook_private.expected_balance(c.normal_balance,
               c.pending_debits + sum(a.pending_debits) over w, c.pending_credits + sum(a.pending_credits) over w,
               c.posted_debits + sum(a.posted_debits) over w, c.posted_credits + sum(a.posted_credits) over w) as expected,
             daybook_private.available_balance(c.normal_balance,
               a.pending_debits, a.pending_credits, a.posted_debits, a.posted_credits) as available_change,
             daybook_private.expected_balance(c.normal_balance,
               a.pending_debits, a.pending_credits, a.posted_debits, a.posted_credits) as expected_change
        from added a
        join daybook_private.account_counters c
          on c.ledger = first_refused.ledger and c.account_id = a.account_id and c.account_id = any (accounts)
      window w as (partition by a.account_id order by a.member rows unbounded preceding)
    )
    select min(l.member)
      from unnest(lines) l
      join state s on s.account_id = l.account_id and s.member = l.member
     where l.locked
       and (s.closed_at is not null
            or (l.asked).lock_version <> s.version_before
            or daybook_private.broken_bound((l.asked).pending_balance, s.pending) is not null
            or daybook_private.broken_bound((l.asked).posted_balance, s.posted) is not null
            or daybook_private.broken_bound((l.asked).available_balance, s.available) is not null
            or s.available < s.balance_min and s.available_change < 0
            or s.expected > s.balance_max and s.expected_change > 0));
end
$$;
comment on function daybook_private.first_refused(text, daybook_private.batch_member[], daybook_private.batch_line[]) is
  'The first member that anything its locked lines ask, or a limit, or a closed account would refuse, if these were made in order; null for none. Replays are left out.';
revoke execute on function daybook_private.first_refused(text, daybook_private.batch_member[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/first_refused.sql
--! Included daybook_private/functions/write_chunk.sql
create or replace function daybook_private.write_chunk(
  ledger text,
  members daybook_private.batch_member[],
  created_at timestamptz
)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  as_actor constant text := daybook_private.actor();
  as_request_id constant text := daybook_private.request_id();
  as_client_address constant inet := daybook_private.client_address();
begin
  insert into daybook.transactions
    (ledger, id, status, effective_at, created_at, posted_at, expires_at, external_id, description, metadata,
     reverses_transaction_id, partially_posts_transaction_id, counterpart_ledger, counterpart_transaction_id,
     actor, request_id, client_address)
  select write_chunk.ledger, m.transaction_id, m.status, coalesce(m.effective_at, write_chunk.created_at),
         write_chunk.created_at, case when m.status = 'posted' then write_chunk.created_at end,
         m.expires_at, m.external_id, m.description, coalesce(m.metadata, '{}'),
         (m.origin).reverses_transaction_id, (m.origin).partially_posts_transaction_id,
         (m.origin).counterpart_ledger, (m.origin).counterpart_transaction_id,
         coalesce((m.origin).actor, as_actor),
         case when (m.origin).actor is null then as_request_id else (m.origin).request_id end,
         case when (m.origin).actor is null then as_client_address else (m.origin).client_address end
    from unnest(members) m;
end
$$;
comment on function daybook_private.write_chunk(text, daybook_private.batch_member[], timestamptz) is
  'Writes the rows of new transactions.';
revoke execute on function daybook_private.write_chunk(text, daybook_private.batch_member[], timestamptz) from public;
--! EndIncluded daybook_private/functions/write_chunk.sql
--! Included daybook_private/functions/apply_chunk.sql
-- What apply_entries and write_entries do for one transaction. The counters are read and raised under
-- the locks of the accounts that are held; running sums on top of what they were give each entry its
-- version and counters. The others' are null: those entries are queued. Where nothing is pending the
-- posted sums are the pending ones, and half of the adding is saved.
create or replace function daybook_private.apply_chunk(
  ledger text,
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[],
  ids uuid[],
  held uuid[],
  has_pending boolean,
  created_at timestamptz
)
  returns void
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
#variable_conflict use_column
begin
  with added as (
    select l.account_id, count(*) as entries,
           coalesce(sum(l.amount) filter (where l.direction = 'debit'), 0) as pending_debits,
           coalesce(sum(l.amount) filter (where l.direction = 'credit'), 0) as pending_credits,
           sum(case when l.direction = 'debit' and l.effect = 'posted' then l.amount else 0 end)
             filter (where has_pending) as posted_debits,
           sum(case when l.direction = 'credit' and l.effect = 'posted' then l.amount else 0 end)
             filter (where has_pending) as posted_credits
      from unnest(lines) l
     group by l.account_id
  ),
  counted as (
    update daybook_private.account_counters c
       set lock_version = c.lock_version + a.entries,
           pending_debits = c.pending_debits + a.pending_debits,
           pending_credits = c.pending_credits + a.pending_credits,
           posted_debits = c.posted_debits + coalesce(a.posted_debits, a.pending_debits),
           posted_credits = c.posted_credits + coalesce(a.posted_credits, a.pending_credits)
      from added a
     where c.ledger = apply_chunk.ledger and c.account_id = a.account_id and c.account_id = any (held)
    returning old.account_id, old.lock_version, old.pending_debits, old.pending_credits, old.posted_debits, old.posted_credits
  ),
  running as (
    select l.*, l.unnest as id, row_number() over w as entries,
           sum(case when l.direction = 'debit' then l.amount else 0 end) over w as pending_debits,
           sum(case when l.direction = 'credit' then l.amount else 0 end) over w as pending_credits,
           sum(case when l.direction = 'debit' and l.effect = 'posted' then l.amount else 0 end)
             filter (where has_pending) over w as posted_debits,
           sum(case when l.direction = 'credit' and l.effect = 'posted' then l.amount else 0 end)
             filter (where has_pending) over w as posted_credits
      from unnest(lines, ids) l
    window w as (partition by l.account_id order by l.member, l.position rows unbounded preceding)
  )
  insert into daybook.entries
    (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount,
     currency, effect, locked, effective_at, created_at, metadata, lock_version,
     pending_debits, pending_credits, posted_debits, posted_credits)
  select apply_chunk.ledger, r.id, m.transaction_id, 1, r.position, r.account_id, r.direction, r.amount,
         r.currency, r.effect, r.locked, coalesce(m.effective_at, apply_chunk.created_at), apply_chunk.created_at, r.metadata,
         c.lock_version + r.entries,
         c.pending_debits + r.pending_debits, c.pending_credits + r.pending_credits,
         c.posted_debits + coalesce(r.posted_debits, r.pending_debits),
         c.posted_credits + coalesce(r.posted_credits, r.pending_credits)
    from running r
    join unnest(members) m on m.index = r.member
    left join counted c on c.account_id = r.account_id;
end
$$;
comment on function daybook_private.apply_chunk(text, daybook_private.batch_member[], daybook_private.batch_line[], uuid[], uuid[], boolean, timestamptz) is
  'Adds the entries of transactions to the counters of the accounts that are held, and writes all of them into the books.';
revoke execute on function daybook_private.apply_chunk(text, daybook_private.batch_member[], daybook_private.batch_line[], uuid[], uuid[], boolean, timestamptz) from public;
--! EndIncluded daybook_private/functions/apply_chunk.sql
--! Included daybook_private/functions/queue_chunk.sql
create or replace function daybook_private.queue_chunk(
  ledger text,
  lines daybook_private.batch_line[],
  ids uuid[],
  held uuid[]
)
  returns void
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
begin
  insert into daybook_private.entry_queue
  select queue_chunk.ledger, l.account_id, l.unnest,
         case when l.direction = 'debit' then l.amount else 0 end,
         case when l.direction = 'credit' then l.amount else 0 end,
         case when l.direction = 'debit' and l.effect = 'posted' then l.amount else 0 end,
         case when l.direction = 'credit' and l.effect = 'posted' then l.amount else 0 end
    from unnest(lines, ids) l
    left join unnest(held) h (id) on h.id = l.account_id
   where h.id is null;
end
$$;
comment on function daybook_private.queue_chunk(text, daybook_private.batch_line[], uuid[], uuid[]) is
  'Leaves in the queue what the entries of a batch add to accounts that are not held.';
revoke execute on function daybook_private.queue_chunk(text, daybook_private.batch_line[], uuid[], uuid[]) from public;
--! EndIncluded daybook_private/functions/queue_chunk.sql
--! Included daybook_private/functions/complete_chunk.sql
create or replace function daybook_private.complete_chunk(
  ledger text,
  inputs daybook.transaction_input[],
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[],
  created_at timestamptz
)
  returns void
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
#variable_conflict use_column
declare
  pending daybook_private.batch_member;
begin
  for pending in
    select m.* from unnest(members) m where m.status = 'pending' order by m.index
  loop
    perform daybook_private.log_event(ledger, 'create_transaction',
      to_jsonb(inputs[pending.index])
        || jsonb_build_object('version', 1, 'effective_at', coalesce(pending.effective_at, created_at)),
      pending.transaction_id);
  end loop;
  insert into daybook_private.expiring_holds (ledger, account_id, expires_at, transaction_id)
  select distinct complete_chunk.ledger, l.account_id, m.expires_at, m.transaction_id
    from unnest(members) m
    join unnest(lines) l on l.member = m.index
   where m.expires_at is not null;
end
$$;
comment on function daybook_private.complete_chunk(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[], timestamptz) is
  'What new transactions need beside their rows when they are pending, as complete_result: the log, their expiry.';
revoke execute on function daybook_private.complete_chunk(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[], timestamptz) from public;
--! EndIncluded daybook_private/functions/complete_chunk.sql
--! Included daybook_private/functions/make_chunk.sql
-- Accounts that somebody else holds are not waited for: what comes to them goes into the queue.
-- created_at is taken under the locks, so that along an account's versions it never runs backwards.
create or replace function daybook_private.make_chunk(
  ledger text,
  inputs daybook.transaction_input[],
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[]
)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  accounts constant uuid[] := array(select distinct l.account_id from unnest(lines) l);
  held constant uuid[] := array(
    select a.id
      from daybook.accounts a
     where a.ledger = make_chunk.ledger and a.id = any (accounts)
       for no key update skip locked);
  ids constant uuid[] := array(select uuidv7() from generate_series(1, cardinality(lines)));
  created_at constant timestamptz := clock_timestamp();
  has_pending constant boolean := exists (select from unnest(members) m where m.status = 'pending');
begin
  perform daybook_private.write_chunk(ledger, members, created_at);
  perform daybook_private.apply_chunk(ledger, members, lines, ids, held, has_pending, created_at);
  if cardinality(held) < cardinality(accounts) then
    perform daybook_private.queue_chunk(ledger, lines, ids, held);
  end if;
  if has_pending then
    perform daybook_private.complete_chunk(ledger, inputs, members, lines, created_at);
  end if;
end
$$;
comment on function daybook_private.make_chunk(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[]) is
  'Makes transactions of which it is known that nothing refuses them; inputs are those of the whole batch.';
revoke execute on function daybook_private.make_chunk(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/make_chunk.sql
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
           null::text, null::daybook.balances[], null::text, null::text, null::jsonb
      from unnest(members) m;
end
$$;
comment on function daybook_private.make_run(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[]) is
  'Makes members of a batch of which it is known that nothing refuses them, replays among them or not; their results.';
revoke execute on function daybook_private.make_run(text, daybook.transaction_input[], daybook_private.batch_member[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/make_run.sql
--! Included daybook_private/functions/make_alone.sql
-- What the batch took ahead for this member is given back first: create_member takes it again, or not.
-- Until the batch has ended others still wait for it.
create or replace function daybook_private.make_alone(
  ledger text,
  input daybook.transaction_input,
  member daybook_private.batch_member,
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
  return daybook_private.create_member(ledger, input, origin, is_atomic, member.index);
end
$$;
comment on function daybook_private.make_alone(text, daybook.transaction_input, daybook_private.batch_member, boolean) is
  'Makes one member of a batch by itself, as create_member does.';
revoke execute on function daybook_private.make_alone(text, daybook.transaction_input, daybook_private.batch_member, boolean) from public;
--! EndIncluded daybook_private/functions/make_alone.sql
--! Included daybook_private/functions/create_portion.sql
-- Members that need not be made alone are made together, up to the first that is refused; that one is
-- made alone, for create_member to say why. The more often that happens the shorter are the runs that
-- are tried. For a few members sets cost more than they save: those are made alone as well.
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
  few constant integer := 24;
  count constant integer := cardinality(members);
  before constant integer := members[1].first_line - 1;
  alone constant integer[] := array(
    select m.ordinality from unnest(members) with ordinality m where m.is_alone order by 1) || (count + 1);
  next_alone integer := 1;
  size integer := count;
  at integer := 1;
  stop integer; -- the first one that is not tried, or is refused
  refusals integer;
  result daybook.transaction_result;
begin
  while at <= count loop
    stop := least(at + size, alone[next_alone]);
    refusals := 0;
    if has_locks and stop - at >= few then
      stop := coalesce(daybook_private.first_refused(ledger, members[at:stop - 1],
        lines[members[at].first_line - before:members[stop - 1].last_line - before]) - members[1].index + 1, stop);
      refusals := (stop < least(at + size, alone[next_alone]))::integer;
    end if;
    if stop - at >= few then
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
      result := daybook_private.make_alone(ledger, inputs[members[at].index], members[at], is_atomic);
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
--! Included daybook_private/functions/create_batch.sql
-- The outcome is that of create_member for one after the other, but most are made by sets: what cannot
-- be, and what is refused, is left to create_member. What is waited for is waited for ahead, for all
-- members, in the order in which a single call waits (keys, external ids, categories, accounts), each
-- sorted. In portions, so that memory does not grow with the batch.
-- One plan for arrays of all sizes: a plan for each would cost more than a small batch.
-- Above READ COMMITTED nothing waits, and an older snapshot would not see what was waited for.
create or replace function daybook_private.create_batch(
  ledger text,
  inputs daybook.transaction_input[],
  origins daybook_private.origin[],
  is_atomic boolean
)
  returns setof daybook.transaction_result
  language plpgsql
  volatile
  set plan_cache_mode to force_generic_plan
as $$
declare
  count constant integer := cardinality(inputs);
  lines daybook_private.batch_line[];
  members daybook_private.batch_member[];
  has_locks boolean;
  at integer := 1;
  stop integer;
begin
  if count = 1 or current_setting('transaction_isolation') <> 'read committed' then
    for n in 1..count loop
      return next daybook_private.create_member(ledger, inputs[n], origins[n], is_atomic, n);
    end loop;
    return;
  end if;
  lines := daybook_private.batch_lines(ledger, inputs);
  members := daybook_private.batch_members(inputs, origins, lines);
  members := daybook_private.reserve_keys(ledger, members);
  members := daybook_private.reserve_external_ids(ledger, members);
  lines := daybook_private.cover_batch(ledger, inputs, lines);
  has_locks := exists (select from unnest(lines) l where l.locked);
  if has_locks then
    lines := daybook_private.spread_locks(lines);
    perform daybook_private.lock_batch(ledger, members, lines);
  end if;
  while at <= count loop
    stop := least(at + 1000, count + 1);
    while stop - at > 1 and members[stop - 1].last_line - members[at].first_line > 10000 loop
      stop := (at + stop) / 2;
    end loop;
    return query
      select * from daybook_private.create_portion(ledger, inputs, members[at:stop - 1],
        lines[members[at].first_line:members[stop - 1].last_line], has_locks, is_atomic);
    at := stop;
  end loop;
end
$$;
comment on function daybook_private.create_batch(text, daybook.transaction_input[], daybook_private.origin[], boolean) is
  'Makes transactions as if one after the other; results in their order. Atomic: raises the first refusal, with the index of the member.';
revoke execute on function daybook_private.create_batch(text, daybook.transaction_input[], daybook_private.origin[], boolean) from public;
--! EndIncluded daybook_private/functions/create_batch.sql
--! Included daybook/functions/create_transactions.sql
create or replace function daybook.create_transactions(
  ledger text,
  transactions daybook.transaction_input[],
  atomic boolean default false
)
  returns setof daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
begin
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.check_batch(transactions, coalesce(atomic, false));
  return query
    select * from daybook_private.create_batch(
      create_transactions.ledger,
      -- Members are counted from 1, wherever the caller's array begins.
      case when array_ndims(transactions) = 1 and array_lower(transactions, 1) = 1
        then transactions else array(select t from unnest(transactions) t) end,
      null, coalesce(atomic, false));
end
$$;
comment on function daybook.create_transactions(text, daybook.transaction_input[], boolean) is
  'Make up to 10 000 transactions of at most 100 000 entries, as if one after the other; results in their order. Each stands or falls alone: a refused one is a row with error_code. Atomic: the first refusal is raised, with the transaction''s place as index in the detail, and nothing is kept. '
  'Raises 42501 and LDARG, and for an atomic batch whatever create_transaction raises.';
revoke execute on function daybook.create_transactions(text, daybook.transaction_input[], boolean) from public;
grant execute on function daybook.create_transactions(text, daybook.transaction_input[], boolean) to daybook_writer;
--! EndIncluded daybook/functions/create_transactions.sql
--! Included daybook_private/functions/hash_request.sql
create or replace function daybook_private.hash_request(input daybook.transaction_input)
  returns bigint
  language plpgsql
  immutable
as $$
declare
  request_hash bigint := daybook_private.hash_header(input);
  entry daybook.entry_input;
  n integer := 0;
begin
  foreach entry in array input.entries loop
    n := n + 1;
    request_hash := request_hash
      # daybook_private.hash_line(entry.account, entry.direction, entry.amount, n)
      # daybook_private.hash_asked(entry, n);
  end loop;
  return request_hash;
end
$$;
comment on function daybook_private.hash_request(daybook.transaction_input) is
  'Hash of a request to make a transaction, as its idempotency key keeps it.';
revoke execute on function daybook_private.hash_request(daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/hash_request.sql
--! Included daybook_private/functions/is_queueable.sql
create or replace function daybook_private.is_queueable(input daybook.transaction_input)
  returns boolean
  language plpgsql
  immutable
as $$
declare
  entry daybook.entry_input;
begin
  if (input.idempotency_key is not null and daybook_private.is_simple_request(input)) is not true then
    return false;
  end if;
  foreach entry in array input.entries loop
    if (daybook_private.is_plain(entry) and daybook_private.is_address(entry.account)) is not true then
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
--! Included daybook_private/functions/check_queueable.sql
-- What is wrong with a member is told as for a single call, with the member's place as index and the
-- line's as entry_index.
create or replace function daybook_private.check_queueable(input daybook.transaction_input, index integer)
  returns void
  language plpgsql
  immutable
as $$
declare
  entry daybook.entry_input;
  n integer := 0;
  code text;
  message text;
  detail jsonb;
  detail_text text;
begin
  perform daybook_private.check_transaction(input);
  if input.idempotency_key is null then
    perform daybook_private.refuse_argument('idempotency_key', 'must be given');
  end if;
  foreach entry in array input.entries loop
    n := n + 1;
    perform daybook_private.check_entry(entry, n);
  end loop;
exception when sqlstate 'LDARG' or sqlstate '0A000' then
  get stacked diagnostics
    code = returned_sqlstate, message = message_text, detail_text = pg_exception_detail;
  detail := detail_text::jsonb;
  perform daybook_private.refuse(code, message,
    detail || jsonb_strip_nulls(jsonb_build_object('index', check_queueable.index, 'entry_index', detail -> 'index')));
end
$$;
comment on function daybook_private.check_queueable(daybook.transaction_input, integer) is
  'Raises LDARG, with its place, for a member that is malformed or has no idempotency key; 0A000 for what is not available yet.';
revoke execute on function daybook_private.check_queueable(daybook.transaction_input, integer) from public;
--! EndIncluded daybook_private/functions/check_queueable.sql
--! Included daybook_private/functions/check_all_queueable.sql
create or replace function daybook_private.check_all_queueable(transactions daybook.transaction_input[])
  returns void
  language plpgsql
  immutable
as $$
declare
  input daybook.transaction_input;
  n integer := 0;
  entries integer := 0;
begin
  if cardinality(transactions) <= 10000 is not true then
    perform daybook_private.refuse_argument('transactions', 'at most 10 000', to_jsonb(cardinality(transactions)));
  end if;
  foreach input in array transactions loop
    n := n + 1;
    if not daybook_private.is_queueable(input) then
      perform daybook_private.check_queueable(input, n);
    end if;
    entries := entries + cardinality(input.entries);
  end loop;
  if entries > 100000 then
    perform daybook_private.refuse_argument('transactions', 'at most 100 000 entries', to_jsonb(entries));
  end if;
end
$$;
comment on function daybook_private.check_all_queueable(daybook.transaction_input[]) is
  'Raises LDARG for too many members or entries, and for the first member that is malformed or has no idempotency key.';
revoke execute on function daybook_private.check_all_queueable(daybook.transaction_input[]) from public;
--! EndIncluded daybook_private/functions/check_all_queueable.sql
--! Included daybook_private/functions/has_room.sql
-- A short queue is counted, a long one estimated from every 4096th position: a few hundred index
-- entries for a million. Only asked when the distance to the queue's head, which is as long or longer
-- than the queue, seems too long. Both are read in the order of one index, so that no plan that was
-- made while the queue was empty uses another.
create or replace function daybook_private.has_room(ledger text, more integer)
  returns boolean
  language plpgsql
  stable
as $$
declare
  max_depth bigint;
  depth bigint;
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
    select 4096 * count(*) into depth
      from (select q.accepted_at
              from daybook_private.queued_transactions q
             where q.ledger = has_room.ledger and q.position % 4096 = 0
             order by q.accepted_at
            offset 0) q;
  end if;
  return depth + more <= max_depth;
end
$$;
comment on function daybook_private.has_room(text, integer) is
  'Whether the ledger''s queue may take so many more transactions.';
revoke execute on function daybook_private.has_room(text, integer) from public;
--! EndIncluded daybook_private/functions/has_room.sql
--! Included daybook_private/functions/known_receipt.sql
-- The queue first: what moves on in between is then found among the finished ones. The next key in
-- order, and whether it is the one: a plan that was made while the table was empty, and is kept, would
-- otherwise be free to use another index, and read all of the ledger.
create or replace function daybook_private.known_receipt(ledger text, input daybook.transaction_input, index integer)
  returns daybook.receipt
  language plpgsql
  volatile
as $$
declare
  receipt daybook.receipt;
  is_same boolean;
begin
  select q.idempotency_key = input.idempotency_key
           and daybook_private.hash_request(q.request) = daybook_private.hash_request(input),
         q.ledger, q.receipt_id, 'queued', q.idempotency_key, null, null, null, null, q.accepted_at, null
    into is_same,
         receipt.ledger, receipt.receipt_id, receipt.state, receipt.idempotency_key, receipt.transaction_id,
         receipt.error_code, receipt.error_message, receipt.error_detail, receipt.accepted_at, receipt.finished_at
    from daybook_private.queued_transactions q
   where q.ledger = known_receipt.ledger and q.idempotency_key >= input.idempotency_key
   order by q.idempotency_key
   limit 1;
  if receipt.idempotency_key is distinct from input.idempotency_key then
    select f.idempotency_key = input.idempotency_key and f.request_hash = daybook_private.hash_request(input),
           f.ledger, f.receipt_id, f.state, f.idempotency_key, f.transaction_id,
           f.error_code, f.error_message, f.error_detail, f.accepted_at, f.finished_at
      into is_same,
           receipt.ledger, receipt.receipt_id, receipt.state, receipt.idempotency_key, receipt.transaction_id,
           receipt.error_code, receipt.error_message, receipt.error_detail, receipt.accepted_at, receipt.finished_at
      from daybook_private.finished_receipts f
     where f.ledger = known_receipt.ledger and f.idempotency_key >= input.idempotency_key and f.state = 'applied'
     order by f.idempotency_key
     limit 1;
    if receipt.idempotency_key is distinct from input.idempotency_key then
      return null;
    end if;
  end if;
  if is_same is false then
    perform daybook_private.refuse('LDIDM', 'this idempotency key was used for another request',
      jsonb_build_object('index', index, 'ledger', ledger, 'idempotency_key', input.idempotency_key,
                         'receipt_id', receipt.receipt_id, 'transaction_id', receipt.transaction_id));
  end if;
  return receipt;
end
$$;
comment on function daybook_private.known_receipt(text, daybook.transaction_input, integer) is
  'The receipt that a request''s key has, waiting or applied; null if it has none. Raises LDIDM for another request.';
revoke execute on function daybook_private.known_receipt(text, daybook.transaction_input, integer) from public;
--! EndIncluded daybook_private/functions/known_receipt.sql
--! Included daybook_private/functions/enqueue_one.sql
-- Waits for whoever enqueues or applies the same key in an open transaction. One that was applied
-- meanwhile has left the queue, so the insert goes through and only a later statement can see it.
-- A position is drawn only when the transaction has its id: see queue_heads.
create or replace function daybook_private.enqueue_one(ledger text, input daybook.transaction_input, index integer)
  returns daybook.receipt
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  receipt daybook.receipt;
  next_key text;
  is_counted boolean := false;
begin
  loop
    insert into daybook_private.queued_transactions
      (ledger, position, receipt_id, idempotency_key, entry_count, request,
       actor, request_id, client_address, accepted_at)
    select enqueue_one.ledger, n.position, uuidv7(), input.idempotency_key, cardinality(input.entries), input,
           daybook_private.actor(), daybook_private.request_id(),
           daybook_private.client_address(), clock_timestamp()
      from (select nextval('daybook_private.queue_positions') as position where pg_current_xact_id() is not null offset 0) n
     where is_counted
        or n.position - coalesce((select h.position from daybook_private.queue_heads h where h.ledger = enqueue_one.ledger), 0)
           <= (select l.max_depth from daybook_private.queue_limits l where l.ledger = '*')
    on conflict do nothing
    returning ledger, receipt_id, 'queued', idempotency_key, null, null, null, null, accepted_at, null
      into receipt;
    if found then
      select f.idempotency_key into next_key -- see known_receipt
        from daybook_private.finished_receipts f
       where f.ledger = enqueue_one.ledger and f.idempotency_key >= input.idempotency_key and f.state = 'applied'
       order by f.idempotency_key
       limit 1;
      if next_key is distinct from input.idempotency_key then
        return receipt;
      end if;
      delete from daybook_private.queued_transactions q
       where q.ledger = enqueue_one.ledger and q.receipt_id = receipt.receipt_id;
    end if;
    receipt := daybook_private.known_receipt(enqueue_one.ledger, input, index);
    if receipt.receipt_id is not null then
      return receipt;
    end if;
    if not daybook_private.has_room(enqueue_one.ledger, 1) then
      perform daybook_private.refuse('LDQUE', 'the queue is full', jsonb_build_object('ledger', enqueue_one.ledger));
    end if;
    is_counted := true;
  end loop;
end
$$;
comment on function daybook_private.enqueue_one(text, daybook.transaction_input, integer) is
  'Puts a well-formed request into the queue, or finds the receipt that its key has. Raises LDIDM, LDQUE.';
revoke execute on function daybook_private.enqueue_one(text, daybook.transaction_input, integer) from public;
--! EndIncluded daybook_private/functions/enqueue_one.sql
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
begin
  -- In their own order, so that of several wrong ones the first is told.
  foreach input in array transactions loop
    n := n + 1;
    receipts[n] := daybook_private.known_receipt(ledger, input, n);
  end loop;
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
--! Included daybook_private/functions/enqueue_many.sql
-- One insert in the order of keys, as two calls with the same ones must not deadlock; positions are in
-- the order of the members. If any key was known, the members are looked at one by one instead: those
-- just inserted are then found waiting. Positions are drawn only when the transaction has its id: see
-- queue_heads.
create or replace function daybook_private.enqueue_many(ledger text, transactions daybook.transaction_input[])
  returns daybook.receipt[]
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  count constant integer := cardinality(transactions);
  positions constant bigint[] := array(
    select nextval('daybook_private.queue_positions') from generate_series(1, cardinality(transactions)) where pg_current_xact_id() is not null);
  accepted_at constant timestamptz := clock_timestamp();
  receipts daybook.receipt[];
  is_known boolean;
begin
  with accepted as (
    insert into daybook_private.queued_transactions as q
      (ledger, position, receipt_id, idempotency_key, entry_count, request,
       actor, request_id, client_address, accepted_at)
    select enqueue_many.ledger, positions[t.ordinality], uuidv7(), t.idempotency_key, cardinality(t.entries),
           row(t.entries, t.status, t.effective_at, t.idempotency_key, t.external_id, t.description, t.metadata,
               t.category_locks, t.archive_on_lock_failure, t.expires_at)::daybook.transaction_input,
           daybook_private.actor(), daybook_private.request_id(),
           daybook_private.client_address(), accepted_at
      from unnest(transactions) with ordinality t
     where positions[count] - coalesce((select h.position from daybook_private.queue_heads h where h.ledger = enqueue_many.ledger), 0)
           <= (select l.max_depth from daybook_private.queue_limits l where l.ledger = '*')
        or daybook_private.has_room(enqueue_many.ledger, count)
     order by t.idempotency_key collate "C", t.ordinality
    on conflict do nothing
    returning q.position, q.receipt_id, q.idempotency_key
  )
  select array_agg(row(enqueue_many.ledger, a.receipt_id, 'queued', a.idempotency_key,
                       null, null, null, null, accepted_at, null)::daybook.receipt order by a.position)
    into receipts
    from accepted a;
  -- A later statement: it sees what was applied while the insert waited.
  is_known := exists (
    select
      from unnest(transactions) t
     cross join lateral ( -- see known_receipt
        select f.idempotency_key
          from daybook_private.finished_receipts f
         where f.ledger = enqueue_many.ledger and f.idempotency_key >= t.idempotency_key and f.state = 'applied'
         order by f.idempotency_key
         limit 1) n
     where n.idempotency_key = t.idempotency_key);
  if cardinality(receipts) = count and not is_known then
    return receipts;
  end if;
  delete from daybook_private.queued_transactions q
   using daybook_private.finished_receipts f
   where q.ledger = enqueue_many.ledger
     and q.position = any (positions)
     and f.ledger = enqueue_many.ledger
     and f.idempotency_key = q.idempotency_key
     and f.state = 'applied';
  return daybook_private.enqueue_each(ledger, transactions);
end
$$;
comment on function daybook_private.enqueue_many(text, daybook.transaction_input[]) is
  'Puts well-formed requests into the queue, or finds the receipts that their keys have; in the order of the requests. Raises LDIDM, LDQUE.';
revoke execute on function daybook_private.enqueue_many(text, daybook.transaction_input[]) from public;
--! EndIncluded daybook_private/functions/enqueue_many.sql
--! Included daybook/functions/enqueue_transactions.sql
create or replace function daybook.enqueue_transactions(ledger text, transactions daybook.transaction_input[])
  returns setof daybook.receipt
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
begin
  -- The common caller has a grant of his own, found by one look; authorize knows all the others. Theirs
  -- may be for ledgers that do not exist.
  perform
    from daybook_private.ledger_access g
   where g.ledger = enqueue_transactions.ledger and g.role = session_user and g.access in ('write', 'admin');
  if not found then
    perform daybook_private.authorize(ledger, 'write');
    perform daybook_private.check_all_queueable(transactions);
    perform daybook_private.check_ledger_exists(ledger);
  elsif (cardinality(transactions) = 1 and daybook_private.is_queueable(transactions[1])) is not true then
    perform daybook_private.check_all_queueable(transactions);
  end if;
  if transactions[1] is distinct from null and cardinality(transactions) = 1 then
    return next daybook_private.enqueue_one(ledger, transactions[1], 1);
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
--! Included daybook/functions/queued_transaction.sql
create or replace function daybook.queued_transaction(ledger text, receipt_id uuid)
  returns daybook.receipt
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
declare
  receipt daybook.receipt;
begin
  perform daybook_private.authorize(ledger, 'read');
  if receipt_id is null then
    perform daybook_private.refuse_argument('receipt_id', 'must be given');
  end if;
  -- Both in one snapshot: a receipt is in exactly one of them. Read in order: see known_receipt.
  select q.ledger, q.receipt_id, 'queued', q.idempotency_key, null, null, null, null, q.accepted_at, null
    into receipt
    from daybook_private.queued_transactions q
   where q.ledger = queued_transaction.ledger and q.receipt_id >= queued_transaction.receipt_id
   order by q.receipt_id
   limit 1;
  if receipt.receipt_id = queued_transaction.receipt_id then
    return receipt;
  end if;
  select f.ledger, f.receipt_id, f.state, f.idempotency_key, f.transaction_id,
         f.error_code, f.error_message, f.error_detail, f.accepted_at, f.finished_at
    into receipt
    from daybook_private.finished_receipts f
   where f.ledger = queued_transaction.ledger and f.receipt_id >= queued_transaction.receipt_id
   order by f.receipt_id
   limit 1;
  if receipt.receipt_id is distinct from queued_transaction.receipt_id then
    perform daybook_private.check_ledger_exists(ledger);
    perform daybook_private.refuse('LDRCP', 'receipt not found',
      jsonb_build_object('ledger', ledger, 'receipt_id', receipt_id));
  end if;
  return receipt;
end
$$;
comment on function daybook.queued_transaction(text, uuid) is
  'What became of a transaction that was handed to the write-ahead queue. Finished receipts are kept as long as idempotency keys are. Raises 42501, LDARG, LDLED, LDRCP.';
revoke execute on function daybook.queued_transaction(text, uuid) from public;
grant execute on function daybook.queued_transaction(text, uuid) to daybook_reader;
--! EndIncluded daybook/functions/queued_transaction.sql
--! Included daybook/functions/set_queue_limit.sql
create or replace function daybook.set_queue_limit(max_depth bigint)
  returns bigint
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if not daybook_private.may_use_every_ledger('admin') then
    perform daybook_private.refuse('42501', 'only an administrator of every ledger may limit the queues');
  end if;
  if set_queue_limit.max_depth >= 0 is not true then
    perform daybook_private.refuse_argument('max_depth', 'a number, not negative', to_jsonb(set_queue_limit.max_depth));
  end if;
  update daybook_private.queue_limits l
     set max_depth = set_queue_limit.max_depth
   where l.ledger = '*';
  perform daybook_private.log_event('*', 'set_queue_limit', jsonb_build_object('max_depth', set_queue_limit.max_depth));
  return set_queue_limit.max_depth;
end
$$;
comment on function daybook.set_queue_limit(bigint) is
  'Set how many transactions may wait in each ledger''s write-ahead queue before further ones are refused with LDQUE; 0 refuses all new ones while the waiting ones are applied. Returns the limit. Raises 42501, LDARG.';
revoke execute on function daybook.set_queue_limit(bigint) from public;
grant execute on function daybook.set_queue_limit(bigint) to daybook_admin;
--! EndIncluded daybook/functions/set_queue_limit.sql
--! Included daybook/views/transaction_queue.sql
create view daybook.transaction_queue with (security_invoker = true) as
  select
    g.name as ledger,
    w.depth,
    m.max_depth,
    w.oldest_accepted_at,
    statement_timestamp() - w.oldest_accepted_at as oldest_age
  from daybook.ledgers g
  cross join (select l.max_depth from daybook_private.queue_limits l where l.ledger = '*') m
  cross join lateral (
    select count(*) as depth, min(q.accepted_at) as oldest_accepted_at
      from daybook_private.queued_transactions q
     where q.ledger = g.name
  ) w;
comment on view daybook.transaction_queue is
  'The write-ahead queue of each ledger: how many transactions wait, and since when the oldest does.';
comment on column daybook.transaction_queue.ledger is 'The ledger.';
comment on column daybook.transaction_queue.depth is 'How many transactions wait to be applied.';
comment on column daybook.transaction_queue.max_depth is 'How many may wait before further ones are refused.';
comment on column daybook.transaction_queue.oldest_accepted_at is
  'When the one that waits longest was accepted; null if none waits.';
comment on column daybook.transaction_queue.oldest_age is 'For how long it has waited.';
--! EndIncluded daybook/views/transaction_queue.sql
--! Included daybook_private/functions/check_json_fields.sql
-- jsonb_populate_record drops what it does not know; a misspelt condition must not get lost.
create or replace function daybook_private.check_json_fields(transaction jsonb)
  returns void
  language plpgsql
  immutable
as $$
declare
  field text;
begin
  with recursive part as (
    select 'transaction' as kind, '' as path, transaction as value
    union all
    select c.kind, p.path || c.path, c.value
      from part p
     cross join lateral (
        select 'entry' as kind, 'entries.' as path, e as value
          from jsonb_array_elements(case when p.kind = 'transaction' then nullif(p.value -> 'entries', 'null') end) e
        union all
        select 'lock', 'category_locks.', e
          from jsonb_array_elements(case when p.kind = 'transaction' then nullif(p.value -> 'category_locks', 'null') end) e
        union all
        select 'bounds', b.key || '.', b.value
          from jsonb_each(case when p.kind in ('entry', 'lock') then p.value end) b
         where b.key in ('pending_balance', 'posted_balance', 'available_balance') and b.value <> 'null'
     ) c
  )
  select p.path || k into field
    from part p
   cross join lateral jsonb_object_keys(p.value) k
   where k <> all (case p.kind
           when 'transaction' then '{entries,status,effective_at,idempotency_key,external_id,description,metadata,category_locks,archive_on_lock_failure,expires_at}'
           when 'entry' then '{account,direction,amount,lock_version,pending_balance,posted_balance,available_balance,show_resulting_balances,metadata}'
           when 'lock' then '{category,pending_balance,posted_balance,available_balance}'
           else '{gt,gte,eq,not_eq,lte,lt}'
         end::text[])
   limit 1;
  if found then
    perform daybook_private.refuse_argument('transaction', 'no such field', to_jsonb(field));
  end if;
end
$$;
comment on function daybook_private.check_json_fields(jsonb) is
  'Raises LDARG for the first field of a transaction, its entries and their bounds that transaction_input does not have.';
revoke execute on function daybook_private.check_json_fields(jsonb) from public;
--! EndIncluded daybook_private/functions/check_json_fields.sql
--! Included daybook_private/functions/input_from_json.sql
create or replace function daybook_private.input_from_json(transaction jsonb)
  returns daybook.transaction_input
  language plpgsql
  stable
as $$
declare
  message text;
begin
  if (transaction - '{entries,status,effective_at,idempotency_key,external_id,description,metadata,archive_on_lock_failure,expires_at}'::text[] = '{}'
      and not jsonb_path_exists(transaction,
        '$.entries[*].keyvalue() ? (@.key != "account" && @.key != "direction" && @.key != "amount")')) is not true then
    perform daybook_private.check_json_fields(transaction);
  end if;
  return jsonb_populate_record(null::daybook.transaction_input, transaction);
exception when data_exception then
  get stacked diagnostics message = message_text;
  perform daybook_private.refuse_argument('transaction', message);
end
$$;
comment on function daybook_private.input_from_json(jsonb) is
  'A transaction_input written as JSON. Raises LDARG for fields that it does not have and values that are none of their type.';
revoke execute on function daybook_private.input_from_json(jsonb) from public;
--! EndIncluded daybook_private/functions/input_from_json.sql
--! Included daybook_private/functions/accept_intake.sql
create or replace function daybook_private.accept_intake()
  returns trigger
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform from daybook.enqueue_transactions(new.ledger, array[daybook_private.input_from_json(new.transaction)]);
  return new;
end
$$;
comment on function daybook_private.accept_intake() is
  'Enqueues a row that is inserted into transaction_intake.';
revoke execute on function daybook_private.accept_intake() from public;
--! EndIncluded daybook_private/functions/accept_intake.sql
--! Included daybook/views/transaction_intake.sql
-- A door without a room behind it: what is inserted goes into the queue, and nothing can be read.
-- For COPY, which knows only relations.
create view daybook.transaction_intake with (security_invoker = true) as
  select null::text as ledger, null::jsonb as transaction
   where false;
comment on view daybook.transaction_intake is
  E'@behavior -*\nRows inserted here, by COPY above all, are enqueued as by enqueue_transactions. Nobody may insert until an administrator grants it.';
comment on column daybook.transaction_intake.ledger is 'The ledger.';
comment on column daybook.transaction_intake.transaction is
  'A JSON object with the fields of transaction_input, idempotency_key included.';

create trigger _100_accept instead of insert on daybook.transaction_intake
  for each row execute function daybook_private.accept_intake();
--! EndIncluded daybook/views/transaction_intake.sql
--! Included daybook_private/functions/take_queued.sql
-- As many as create_transactions takes at once: 100 000 entries. Its first step is a plain range of the
-- key, so that it begins behind the dead rows of what was applied before. Planned anew each time: a
-- plan that was made while the queue was empty, and is kept, could use any index and read all of it.
create or replace function daybook_private.take_queued(ledger text, after bigint, max integer)
  returns daybook_private.queued_transactions[]
  language sql
  volatile
  set plan_cache_mode to force_custom_plan
as $$
  with taken as (
    delete from daybook_private.queued_transactions q
     where q.ledger = take_queued.ledger
       and q.position = any (array(
             select n.position
               from (select o.position, sum(o.entry_count) over (order by o.position) as entries
                       from (select w.position, w.entry_count
                               from daybook_private.queued_transactions w
                              where w.ledger = take_queued.ledger and w.position > take_queued.after
                              order by w.position
                              limit take_queued.max) o) n
              where n.entries <= 100000))
    returning q
  )
  select array_agg(t.q order by (t.q).position) from taken t
$$;
comment on function daybook_private.take_queued(text, bigint, integer) is
  'Takes the oldest transactions behind a position out of a ledger''s queue; null if there are none.';
revoke execute on function daybook_private.take_queued(text, bigint, integer) from public;
--! EndIncluded daybook_private/functions/take_queued.sql
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
      array(select row(null, t.accepted_at, t.actor, t.request_id, t.client_address, null, null, null, null)::daybook_private.origin
              from unnest(taken) with ordinality t order by t.ordinality),
      false) r
$$;
comment on function daybook_private.apply_queued(text, daybook_private.queued_transactions[]) is
  'Makes transactions of what was queued, by whoever queued them, effective when they were accepted unless they say otherwise.';
revoke execute on function daybook_private.apply_queued(text, daybook_private.queued_transactions[]) from public;
--! EndIncluded daybook_private/functions/apply_queued.sql
--! Included daybook_private/functions/apply_or_refuse.sql
-- The only handler of everything: a transaction that cannot be applied at all must not keep those
-- behind it waiting for ever. What the server suffers from, and what passes, is no fault of the
-- transaction and is raised as before.
create or replace function daybook_private.apply_or_refuse(ledger text, queued daybook_private.queued_transactions)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
  results daybook.transaction_result[];
  code text;
  message text;
begin
  begin
    results := daybook_private.apply_queued(ledger, array[queued]);
    return results[1];
  exception when others then
    get stacked diagnostics code = returned_sqlstate, message = message_text;
    if code ~ '^(08|25|40|53|55|57|58|XX001|XX002)' then
      raise;
    end if;
  end;
  raise warning 'queued transaction refused: ledger %, receipt %: % (%)', ledger, queued.receipt_id, message, code;
  return row(1, ledger, null, null, null, false, null, null, code, message, null)::daybook.transaction_result;
end
$$;
comment on function daybook_private.apply_or_refuse(text, daybook_private.queued_transactions) is
  'Makes one transaction of what was queued, or refuses it with whatever error it ends with, and logs that.';
revoke execute on function daybook_private.apply_or_refuse(text, daybook_private.queued_transactions) from public;
--! EndIncluded daybook_private/functions/apply_or_refuse.sql
--! Included daybook_private/functions/queued_ledgers.sql
-- Hops from ledger to ledger over the key instead of reading the whole queue.
create or replace function daybook_private.queued_ledgers(count integer, after text default '')
  returns setof text
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
as $$
  with recursive queued as (
    (select q.ledger
       from daybook_private.queued_transactions q
      where q.ledger > queued_ledgers.after
      order by q.ledger
      limit 1)
    union all
    (select n.ledger
       from queued p
      cross join lateral (
        select q.ledger
          from daybook_private.queued_transactions q
         where q.ledger > p.ledger
         order by q.ledger
         limit 1) n)
  )
  select q.ledger from queued q limit queued_ledgers.count
$$;
comment on function daybook_private.queued_ledgers(integer, text) is
  'Ledgers whose write-ahead queue is not empty, by name, after one of them and at most so many; what the worker drains next.';
revoke execute on function daybook_private.queued_ledgers(integer, text) from public;
grant execute on function daybook_private.queued_ledgers(integer, text) to daybook_worker;
--! EndIncluded daybook_private/functions/queued_ledgers.sql
--! Included daybook_private/functions/finish_receipts.sql
-- The hash of the request is that of its key, which it shares whoever used the key first.
create or replace function daybook_private.finish_receipts(
  ledger text,
  taken daybook_private.queued_transactions[],
  results daybook.transaction_result[]
)
  returns void
  language sql
  volatile
as $$
  insert into daybook_private.finished_receipts
    (ledger, receipt_id, state, idempotency_key, transaction_id, error_code, error_message, error_detail,
     request, request_hash, actor, accepted_at, finished_at)
  select finish_receipts.ledger, t.receipt_id, case when r.transaction_id is null then 'refused' else 'applied' end,
         t.idempotency_key, r.transaction_id, r.error_code, r.error_message, r.error_detail,
         case when r.transaction_id is null then t.request end, k.request_hash,
         t.actor, t.accepted_at, clock_timestamp()
    from unnest(taken) with ordinality t
    join unnest(results) r on r.index = t.ordinality
    left join lateral (
           select i.request_hash
             from daybook_private.idempotency_keys i
            where i.ledger = finish_receipts.ledger and i.key = t.idempotency_key and r.transaction_id is not null
            limit 1) k on true
$$;
comment on function daybook_private.finish_receipts(text, daybook_private.queued_transactions[], daybook.transaction_result[]) is
  'Keeps the ends of receipts that were taken out of the queue: applied, or refused with the error.';
revoke execute on function daybook_private.finish_receipts(text, daybook_private.queued_transactions[], daybook.transaction_result[]) from public;
--! EndIncluded daybook_private/functions/finish_receipts.sql
--! Included daybook_private/functions/advance_head.sql
create or replace function daybook_private.advance_head(
  head daybook_private.queue_heads,
  last bigint,
  is_settled boolean,
  newest bigint
)
  returns void
  language plpgsql
  volatile
as $$
begin
  if is_settled then
    head.position := greatest(head.position, least(head.next_position, last));
  end if;
  if newest is not null and (
       head.next_xid is null
       or head.next_xid > pg_current_xact_id()
       or is_settled and head.next_position <= last) then
    head.next_position := newest;
    head.next_xid := pg_current_xact_id();
  end if;
  update daybook_private.queue_heads h
     set position = head.position, next_position = head.next_position, next_xid = head.next_xid
   where h.ledger = head.ledger;
end
$$;
comment on function daybook_private.advance_head(daybook_private.queue_heads, bigint, boolean, bigint) is
  'Moves a queue''s head as far as nothing can be left behind it, after everything up to the last position was taken, and chooses the next candidate.';
revoke execute on function daybook_private.advance_head(daybook_private.queue_heads, bigint, boolean, bigint) from public;
--! EndIncluded daybook_private/functions/advance_head.sql
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
  'Applies the oldest transactions of a ledger''s queue, at most so many, and ends their receipts; returns how many, 0 also while somebody else does it. As a last resort the oldest alone, and if it fails for another reason than the ledger''s rules it is refused. For the worker, one call a transaction.';
revoke execute on function daybook_private.drain_queue(text, integer, boolean) from public;
grant execute on function daybook_private.drain_queue(text, integer, boolean) to daybook_worker;
--! EndIncluded daybook_private/functions/drain_queue.sql
--! Included daybook_private/functions/held_lines.sql
-- Partial postings have released parts of the pending entries, position by position. One pass over them:
-- a look for each line's own would take seconds for a thousand lines.
create or replace function daybook_private.held_lines(pending daybook.transactions)
  returns daybook_private.line[]
  language sql
  stable
as $$
  select array_agg(row(h.position, null, h.account_id, h.direction, h.amount, h.currency, h.locked, h.metadata, null,
                       0, 0, 0, 0, null, null, null, null, null, null, null)::daybook_private.line order by h.position)
    from (
      select e.position, e.account_id, e.direction, e.currency, e.locked, e.metadata,
             e.effect, e.amount - coalesce(sum(e.amount) filter (where e.effect = 'released') over (partition by e.position), 0) as amount
        from daybook.entries e
       where e.ledger = pending.ledger and e.transaction_id = pending.id
         and (e.effect = 'pending' and e.transaction_version = pending.entries_version
              or e.effect = 'released' and e.transaction_version > pending.entries_version)) h
   where h.effect = 'pending' and h.amount > 0
$$;
comment on function daybook_private.held_lines(daybook.transactions) is
  'What a pending transaction still holds, as lines that add nothing yet.';
revoke execute on function daybook_private.held_lines(daybook.transactions) from public;
--! EndIncluded daybook_private/functions/held_lines.sql
--! Included daybook_private/functions/answer_lines.sql
create or replace function daybook_private.answer_lines(
  held daybook_private.line[],
  effect daybook.entry_effect,
  keeps_modes boolean
)
  returns daybook_private.line[]
  language sql
  volatile
as $$
  select array_agg(row(
      l.position, uuidv7(), l.account_id, l.direction, l.amount, l.currency, l.locked and keeps_modes, l.metadata, null,
      case when l.direction = 'debit' then a.pending else 0 end, case when l.direction = 'credit' then a.pending else 0 end,
      case when l.direction = 'debit' then a.posted else 0 end, case when l.direction = 'credit' then a.posted else 0 end,
      null, null, null, null, null, null, answer_lines.effect)::daybook_private.line order by l.position)
    from unnest(held) l
   cross join lateral (
     select daybook_private.pending_share(answer_lines.effect, l.amount) as pending,
            daybook_private.posted_share(answer_lines.effect, l.amount) as posted) a
$$;
comment on function daybook_private.answer_lines(daybook_private.line[], daybook.entry_effect, boolean) is
  'New lines that do something about each of the held ones: settle, release, or take its place; in its own mode, or as lines that do not wait.';
revoke execute on function daybook_private.answer_lines(daybook_private.line[], daybook.entry_effect, boolean) from public;
--! EndIncluded daybook_private/functions/answer_lines.sql
--! Included daybook_private/functions/lock_transaction.sql
create or replace function daybook_private.lock_transaction(ledger text, transaction_id uuid)
  returns daybook.transactions
  language plpgsql
  volatile
as $$
declare
  locked_transaction daybook.transactions;
begin
  select t.* into locked_transaction
    from daybook.transactions t
   where t.ledger = lock_transaction.ledger and t.id = lock_transaction.transaction_id
     for no key update;
  if not found then
    perform daybook_private.check_transaction_exists(ledger, transaction_id);
  end if;
  return locked_transaction;
end
$$;
comment on function daybook_private.lock_transaction(text, uuid) is
  'Locks a transaction that is about to change and returns it. Raises LDLED, LDTXN.';
revoke execute on function daybook_private.lock_transaction(text, uuid) from public;
--! EndIncluded daybook_private/functions/lock_transaction.sql
--! Included daybook_private/functions/check_pending.sql
create or replace function daybook_private.check_pending(pending daybook.transactions, may_be_expired boolean)
  returns void
  language plpgsql
  stable
as $$
declare
  reason constant text := case
    when pending.status <> 'pending' then pending.status::text
    when not may_be_expired and pending.expires_at <= clock_timestamp() then 'expired'
  end;
begin
  if reason is not null then
    perform daybook_private.refuse('LDSTA', format('the transaction is %s', reason),
      jsonb_build_object('ledger', pending.ledger, 'transaction_id', pending.id, 'status', reason,
                         'archived_reason', pending.archived_reason));
  end if;
end
$$;
comment on function daybook_private.check_pending(daybook.transactions, boolean) is
  'Raises LDSTA, with posted, archived or expired as the status, unless the transaction is pending.';
revoke execute on function daybook_private.check_pending(daybook.transactions, boolean) from public;
--! EndIncluded daybook_private/functions/check_pending.sql
--! Included daybook_private/functions/check_version.sql
create or replace function daybook_private.check_version(pending daybook.transactions, expected_version integer)
  returns void
  language plpgsql
  stable
as $$
begin
  if expected_version <> pending.version then
    perform daybook_private.refuse('LDVER', 'the transaction is at another version',
      jsonb_build_object('transaction_id', pending.id, 'expected_version', expected_version,
                         'actual', pending.version));
  end if;
end
$$;
comment on function daybook_private.check_version(daybook.transactions, integer) is
  'Raises LDVER unless the transaction is at the version that the caller expects, if he does.';
revoke execute on function daybook_private.check_version(daybook.transactions, integer) from public;
--! EndIncluded daybook_private/functions/check_version.sql
--! Included daybook_private/functions/move_expiry.sql
-- Partial postings may have used up what was held of some account; its note is there all the same.
create or replace function daybook_private.move_expiry(
  pending daybook.transactions,
  changed daybook.transactions,
  lines daybook_private.line[]
)
  returns void
  language plpgsql
  volatile
as $$
begin
  if changed.status = 'pending' and changed.expires_at is not distinct from pending.expires_at
     and changed.entries_version = pending.entries_version then
    return;
  end if;
  if pending.expires_at is not null then
    delete from daybook_private.expiring_holds x
     where x.ledger = pending.ledger
       and x.account_id = any (array(
             select e.account_id
               from daybook.entries e
              where e.ledger = pending.ledger and e.transaction_id = pending.id and e.effect = 'pending'))
       and x.expires_at = pending.expires_at
       and x.transaction_id = pending.id;
  end if;
  if changed.status = 'pending' and changed.expires_at is not null then
    perform daybook_private.watch_expiry(changed.ledger, changed.id, changed.expires_at, case
      when changed.entries_version = pending.entries_version then daybook_private.held_lines(pending)
      else array(select l from unnest(lines) l where l.effect = 'pending') end);
  end if;
end
$$;
comment on function daybook_private.move_expiry(daybook.transactions, daybook.transactions, daybook_private.line[]) is
  'Keeps note of when a transaction expires as it becomes its next version, by these lines, which are not written yet.';
revoke execute on function daybook_private.move_expiry(daybook.transactions, daybook.transactions, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/move_expiry.sql
--! Included daybook_private/functions/record_change.sql
-- What settles or releases carries the effective time of what it settles or releases. Whether there is
-- still time is asked once more: the call may have waited for accounts until it was over.
create or replace function daybook_private.record_change(
  pending daybook.transactions,
  changed daybook.transactions,
  lines daybook_private.line[],
  operation text,
  asked jsonb,
  changed_at timestamptz default clock_timestamp()
)
  returns void
  language plpgsql
  volatile
as $$
declare
  answers constant daybook_private.line[] := array(select l from unnest(lines) l where l.effect in ('settled', 'released'));
  others constant daybook_private.line[] := array(select l from unnest(lines) l where l.effect in ('pending', 'posted'));
begin
  perform daybook_private.check_pending(pending, operation in ('archive_transaction', 'expire_transaction'));
  perform daybook_private.move_expiry(pending, changed, lines);
  update daybook.transactions t
     set status = changed.status, version = changed.version, effective_at = changed.effective_at,
         posted_at = case when changed.status = 'posted' then changed_at end,
         archived_at = case when changed.status = 'archived' then changed_at end,
         archived_reason = changed.archived_reason, expires_at = changed.expires_at,
         description = changed.description, entries_version = changed.entries_version
   where t.ledger = changed.ledger and t.id = changed.id;
  if cardinality(answers) > 0 then
    perform daybook_private.write_entries(
      changed.ledger, changed.id, changed.version, pending.effective_at, changed_at, answers);
  end if;
  if cardinality(others) > 0 then
    perform daybook_private.write_entries(
      changed.ledger, changed.id, changed.version, changed.effective_at, changed_at, others);
  end if;
  if changed.status = 'archived' and changed.external_id is not null then
    delete from daybook_private.external_ids x
     where x.ledger = changed.ledger and x.external_id = changed.external_id;
  end if;
  perform daybook_private.log_event(changed.ledger, operation, asked || jsonb_build_object(
    'version', changed.version, 'effective_at', changed.effective_at, 'expires_at', changed.expires_at,
    'description', changed.description), changed.id);
end
$$;
comment on function daybook_private.record_change(daybook.transactions, daybook.transactions, daybook_private.line[], text, jsonb, timestamptz) is
  'Writes the next version of a transaction: its row, the applied lines, what hangs on it, and the log. Raises LDSTA if it expired meanwhile.';
revoke execute on function daybook_private.record_change(daybook.transactions, daybook.transactions, daybook_private.line[], text, jsonb, timestamptz) from public;
--! EndIncluded daybook_private/functions/record_change.sql
--! Included daybook_private/functions/expire_transaction.sql
-- Never waits: what it releases goes through the queues of the accounts.
create or replace function daybook_private.expire_transaction(pending daybook.transactions)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  changed daybook.transactions := pending;
  lines daybook_private.line[] := daybook_private.answer_lines(daybook_private.held_lines(pending), 'released', false);
begin
  for n in 1..cardinality(lines) loop
    lines[n] := daybook_private.queue_entry(pending.ledger, lines[n]);
  end loop;
  changed.status := 'archived';
  changed.version := pending.version + 1;
  changed.archived_reason := 'expired';
  perform daybook_private.record_change(pending, changed, lines, 'expire_transaction', '{}');
  return lines;
end
$$;
comment on function daybook_private.expire_transaction(daybook.transactions) is
  'Archives a transaction that the caller has locked and whose time is over; returns what it released.';
revoke execute on function daybook_private.expire_transaction(daybook.transactions) from public;
--! EndIncluded daybook_private/functions/expire_transaction.sql
--! Included daybook_private/functions/expire_due.sql
-- Called under the accounts' locks, so it must not wait for a transaction that somebody holds who may
-- be waiting for one of them. Such a hold is about to leave; whether the balance allows the call then
-- nobody can say yet. Of the transaction that the caller is changing the lines have already answered what
-- it held, even if its time has come meanwhile.
-- The time is taken once: a comparison with the clock itself could not use the index.
create or replace function daybook_private.expire_due(ledger text, lines daybook_private.line[], changing uuid)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  now constant timestamptz := clock_timestamp();
  accounts constant uuid[] := array(select distinct l.account_id from unnest(lines) l where l.locked);
  due uuid;
  pending daybook.transactions;
  released daybook_private.line[];
  is_busy boolean := false;
begin
  for due in
    select distinct x.transaction_id
      from daybook_private.expiring_holds x
     where x.ledger = expire_due.ledger and x.account_id = any (accounts) and x.expires_at <= now
       and x.transaction_id is distinct from changing
  loop
    select t.* into pending
      from daybook.transactions t
     where t.ledger = expire_due.ledger and t.id = due and t.status = 'pending' and t.expires_at <= clock_timestamp()
       for no key update skip locked;
    if found then
      released := released || daybook_private.expire_transaction(pending);
    else
      perform
        from daybook_private.expiring_holds x
       where x.ledger = expire_due.ledger and x.account_id = any (accounts) and x.expires_at <= now
         and x.transaction_id = due;
      -- Not noted any more: since it was seen what it held has left, or it was given more time.
      released := case when found then released else coalesce(released, '{}') end;
      is_busy := is_busy or found;
    end if;
  end loop;
  if released is null and is_busy then
    perform daybook_private.refuse('40001', 'an expired hold on the account is just being released');
  end if;
  return released;
end
$$;
comment on function daybook_private.expire_due(text, daybook_private.line[], uuid) is
  'Archives expired transactions, but the one that is changing, that hold something of locked lines'' accounts; returns what they released, which may be nothing if somebody else has archived them meanwhile, or null if none was due. Raises 40001 if somebody else is about to.';
revoke execute on function daybook_private.expire_due(text, daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/expire_due.sql
--! Included daybook_private/functions/settle_conditions.sql
-- A balance that refuses may be one that holds have not left yet whose time is over: they are
-- archived first, and what they release is folded in beneath the lines. Then everything is judged again.
create or replace function daybook_private.settle_conditions(
  ledger text,
  entries daybook.entry_input[],
  category_locks daybook.category_lock_input[],
  lines daybook_private.line[],
  changing uuid default null
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  -- Positions are counted from 1, wherever the caller's array begins.
  asked daybook.entry_input[] := array(select e from unnest(entries) e);
  refusal daybook_private.refusal;
  released daybook_private.line[];
  line daybook_private.line;
begin
  loop
    refusal := daybook_private.judge_conditions(asked, lines);
    if refusal.code is null then
      refusal := daybook_private.broken_category(ledger, category_locks);
    end if;
    if refusal.code is null then
      return lines;
    end if;
    released := case when refusal.code in ('LDBAL', 'LDLIM', 'LDCAT')
      then daybook_private.expire_due(ledger, lines, changing) end;
    if released is null then
      perform daybook_private.refuse(refusal.code, refusal.message, refusal.detail);
    end if;
    lines := daybook_private.fold_beneath(ledger, lines);
    -- A lock version is that of the account when the call came, which has itself moved it on by this much.
    foreach line in array lines loop
      if line.effect in ('pending', 'posted') and asked[line.position].lock_version is not null then
        asked[line.position].lock_version := asked[line.position].lock_version
          + (daybook_private.total_of(released, line.account_id)).lock_version;
      end if;
    end loop;
  end loop;
end
$$;
comment on function daybook_private.settle_conditions(text, daybook.entry_input[], daybook.category_lock_input[], daybook_private.line[], uuid) is
  'Judges everything that applied locked entries ask, of a new transaction or the one that is changing; returns the lines, which may have moved up. Raises LDCLS, LDVER, LDBAL, LDLIM, LDCAT.';
revoke execute on function daybook_private.settle_conditions(text, daybook.entry_input[], daybook.category_lock_input[], daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/settle_conditions.sql
--! Included daybook_private/functions/claim_change.sql
-- The key is claimed before the transaction is looked at, with what the result will most likely be;
-- complete_change corrects it.
create or replace function daybook_private.claim_change(
  ledger text,
  request daybook_private.change_request,
  transaction_id uuid,
  status daybook.transaction_status,
  version integer
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
begin
  if request.idempotency_key is null then
    return null;
  end if;
  return daybook_private.claim_key(ledger, request.idempotency_key, request.operation,
    daybook_private.hash_change(request), transaction_id, status, version);
end
$$;
comment on function daybook_private.claim_change(text, daybook_private.change_request, uuid, daybook.transaction_status, integer) is
  'Takes the key of a call that changes a transaction, if it has one: null, or what its first call returned. Raises LDIDM.';
revoke execute on function daybook_private.claim_change(text, daybook_private.change_request, uuid, daybook.transaction_status, integer) from public;
--! EndIncluded daybook_private/functions/claim_change.sql
--! Included daybook_private/functions/complete_change.sql
create or replace function daybook_private.complete_change(
  ledger text,
  request daybook_private.change_request,
  result daybook.transaction_result
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
  return daybook_private.show_balances(ledger, request.idempotency_key, request.entries, result);
end
$$;
comment on function daybook_private.complete_change(text, daybook_private.change_request, daybook.transaction_result) is
  'Adds the balances that entries asked for to the result of a change, and keeps the result for replays.';
revoke execute on function daybook_private.complete_change(text, daybook_private.change_request, daybook.transaction_result) from public;
--! EndIncluded daybook_private/functions/complete_change.sql
--! Included daybook_private/functions/next_version.sql
create or replace function daybook_private.next_version(
  pending daybook.transactions,
  request daybook_private.change_request,
  outcome daybook.transaction_status
)
  returns daybook.transactions
  language plpgsql
  immutable
as $$
declare
  changed daybook.transactions := pending;
begin
  changed.status := outcome;
  changed.version := pending.version + 1;
  changed.effective_at := coalesce(request.effective_at, pending.effective_at);
  changed.description := coalesce(request.description, pending.description);
  changed.expires_at := coalesce(request.expires_at, pending.expires_at);
  if request.entries is not null or changed.effective_at <> pending.effective_at then
    changed.entries_version := changed.version;
  end if;
  return changed;
end
$$;
comment on function daybook_private.next_version(daybook.transactions, daybook_private.change_request, daybook.transaction_status) is
  'What a pending transaction becomes by a change.';
revoke execute on function daybook_private.next_version(daybook.transactions, daybook_private.change_request, daybook.transaction_status) from public;
--! EndIncluded daybook_private/functions/next_version.sql
--! Included daybook_private/functions/change_lines.sql
-- Entries that stay keep their mode. Where the caller gives new ones, theirs decides: what they
-- replace does not wait for an account that they do not wait for.
create or replace function daybook_private.change_lines(
  pending daybook.transactions,
  changed daybook.transactions,
  written daybook_private.line[]
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  held constant daybook_private.line[] := daybook_private.held_lines(pending);
  effect constant daybook.entry_effect := case when changed.status = 'posted' then 'posted' else 'pending' end;
begin
  return case
    when changed.status = 'archived' then daybook_private.answer_lines(held, 'released', true)
    when written is not null then daybook_private.answer_lines(held, 'released', false) || written
    when changed.effective_at <> pending.effective_at
      then daybook_private.answer_lines(held, 'released', true) || daybook_private.answer_lines(held, effect, true)
    when changed.status = 'posted' then daybook_private.answer_lines(held, 'settled', true)
  end;
end
$$;
comment on function daybook_private.change_lines(daybook.transactions, daybook.transactions, daybook_private.line[]) is
  'The lines that lead from a pending transaction to its next version; null if its entries stay as they are.';
revoke execute on function daybook_private.change_lines(daybook.transactions, daybook.transactions, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/change_lines.sql
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
  perform daybook_private.check_version(pending, request.expected_version);
  changed := daybook_private.next_version(pending, request, outcome);
  lines := daybook_private.change_lines(pending, changed, lines);
  lines := daybook_private.apply_change(ledger, request, lines);
  perform daybook_private.record_change(pending, changed, lines, request.operation,
    to_jsonb(request) - 'operation' - 'transaction_id' - 'idempotency_key');
  result := row(null, ledger, changed.id, changed.status, changed.version, false, null, null, null, null, null);
  return daybook_private.complete_change(ledger, request, result);
end
$$;
comment on function daybook_private.change_transaction(text, daybook_private.change_request) is
  'Makes a pending transaction its next version: posted, archived, or pending with other entries, times or description.';
revoke execute on function daybook_private.change_transaction(text, daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/change_transaction.sql
--! Included daybook_private/functions/posted_lines.sql
create or replace function daybook_private.posted_lines(ledger text, entries daybook.entry_input[])
  returns daybook_private.line[]
  language sql
  volatile
as $$
  select array_agg(row(
      e.position, uuidv7(), e.account_id, e.direction, e.amount, e.currency, e.locked, e.metadata, null,
      case when e.direction = 'debit' then e.amount else 0 end, case when e.direction = 'credit' then e.amount else 0 end,
      case when e.direction = 'debit' then e.amount else 0 end, case when e.direction = 'credit' then e.amount else 0 end,
      null, null, null, null, null, null, 'posted')::daybook_private.line order by e.position)
    from (
      select u.position, a.id as account_id, (u.entry).direction, trunc((u.entry).amount) as amount, a.currency,
             daybook_private.asks_lock(u.entry)
               or daybook_private.is_limited((u.entry).direction, a.normal_balance, a.balance_min, a.balance_max) as locked,
             coalesce((u.entry).metadata, '{}') as metadata
        from (select n as position, entries[n] as entry from generate_subscripts(entries, 1) n) u
        join daybook.accounts a on a.ledger = posted_lines.ledger and a.address = (u.entry).account) e
$$;
comment on function daybook_private.posted_lines(text, daybook.entry_input[]) is
  'The lines of well-formed entries that are to be posted, whether their accounts are open or not.';
revoke execute on function daybook_private.posted_lines(text, daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/posted_lines.sql
--! Included daybook_private/functions/check_left.sql
create or replace function daybook_private.check_left(
  entries daybook.entry_input[],
  posted daybook_private.line[],
  held daybook_private.line[]
)
  returns void
  language plpgsql
  stable
as $$
declare
  excess record;
begin
  for excess in
    select p.index, (entries[p.index]).account as account, p.direction, p.amount::text as amount, h.remaining
      from (select min(u.position) as index, u.account_id, u.direction, sum(u.amount) as amount
              from unnest(posted) u group by u.account_id, u.direction) p
      left join (select l.account_id, l.direction, sum(l.amount) as remaining
                   from unnest(held) l group by l.account_id, l.direction) h
        on h.account_id = p.account_id and h.direction = p.direction
     order by p.index
  loop
    if excess.remaining is null then
      perform daybook_private.refuse_argument('entries', 'an account and direction of which something is left',
        to_jsonb(excess.account || ' ' || excess.direction), excess.index);
    elsif excess.amount::numeric > excess.remaining then
      perform daybook_private.refuse('LDAMT', 'more than is left of the pending transaction',
        to_jsonb(excess) || jsonb_build_object('remaining', excess.remaining::text));
    end if;
  end loop;
end
$$;
comment on function daybook_private.check_left(daybook.entry_input[], daybook_private.line[], daybook_private.line[]) is
  'Raises LDARG for an entry that matches nothing held, LDAMT with the remainder for more than is left, by account and direction.';
revoke execute on function daybook_private.check_left(daybook.entry_input[], daybook_private.line[], daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/check_left.sql
--! Included daybook_private/functions/partial_lines.sql
create or replace function daybook_private.partial_lines(
  ledger text,
  entries daybook.entry_input[],
  held daybook_private.line[]
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  posted constant daybook_private.line[] := daybook_private.posted_lines(ledger, entries);
begin
  perform daybook_private.check_left(entries, posted, held);
  return posted || daybook_private.answer_lines(array(
    select row(h.position, null, h.account_id, h.direction, h.amount, h.currency, h.locked, h.metadata, null,
               0, 0, 0, 0, null, null, null, null, null, null, null)::daybook_private.line
      from (
        -- Of several pending entries of one account and direction the first is used up first.
        select l.position, l.account_id, l.direction, l.currency, l.locked, l.metadata,
               least(l.amount, p.amount - (sum(l.amount) over (
                 partition by l.account_id, l.direction order by l.position) - l.amount)) as amount
          from unnest(held) l
          join (select u.account_id, u.direction, sum(u.amount) as amount
                  from unnest(posted) u group by u.account_id, u.direction) p
            on p.account_id = l.account_id and p.direction = l.direction) h
     where h.amount > 0), 'released', false);
end
$$;
comment on function daybook_private.partial_lines(text, daybook.entry_input[], daybook_private.line[]) is
  'The lines of a partial posting: posted ones, and released ones that take the same from what is held. Raises LDARG, LDAMT.';
revoke execute on function daybook_private.partial_lines(text, daybook.entry_input[], daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/partial_lines.sql
--! Included daybook_private/functions/apply_partial.sql
create or replace function daybook_private.apply_partial(
  ledger text,
  request daybook_private.change_request,
  lines daybook_private.line[]
)
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
begin
  lines := daybook_private.apply_entries(ledger, daybook_private.order_lines(lines, null, false, true));
  if lines[1].locked then
    for n in 1..cardinality(lines) loop
      lines[n].closed_at := null; -- a hold on an account that was closed since may be captured
    end loop;
    lines := daybook_private.settle_conditions(ledger, request.entries, null, lines, request.transaction_id);
  end if;
  return lines;
end
$$;
comment on function daybook_private.apply_partial(text, daybook_private.change_request, daybook_private.line[]) is
  'Applies the lines of a partial posting and judges what its entries ask. Raises LDVER, LDBAL.';
revoke execute on function daybook_private.apply_partial(text, daybook_private.change_request, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/apply_partial.sql
--! Included daybook_private/functions/partially_post.sql
-- A new transaction is posted, and what is pending shrinks by the same amounts in the same step. Limits
-- and closed accounts do not refuse what a hold was granted for; the conditions of the entries do.
create or replace function daybook_private.partially_post(ledger text, request daybook_private.change_request)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
declare
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
  return daybook_private.show_balances(ledger, request.idempotency_key, request.entries, result);
end
$$;
comment on function daybook_private.partially_post(text, daybook_private.change_request) is
  'Posts a part of what a pending transaction holds as a transaction of its own.';
revoke execute on function daybook_private.partially_post(text, daybook_private.change_request) from public;
--! EndIncluded daybook_private/functions/partially_post.sql
--! Included daybook/functions/update_transaction.sql
create or replace function daybook.update_transaction(
  ledger text,
  transaction_id uuid,
  entries daybook.entry_input[] default null,
  effective_at timestamptz default null,
  description text default null,
  expires_at timestamptz default null,
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
  return daybook_private.change_transaction(ledger, row('update_transaction', transaction_id, entries, effective_at,
    null, description, null, expires_at, idempotency_key, category_locks, expected_version)::daybook_private.change_request);
end
$$;
comment on function daybook.update_transaction(text, uuid, daybook.entry_input[], timestamptz, text, timestamptz, text, daybook.category_lock_input[], integer) is
  'Change a pending transaction: its entries, effective time, description or expiry; what is left out stays. Entries replace the pending ones and are checked like those of a new transaction; without them nothing is checked again. '
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCTG, LDTXN, LDUNB, LDSTA, LDCLS, LDVER, LDBAL, LDLIM, LDCAT.';
revoke execute on function daybook.update_transaction(text, uuid, daybook.entry_input[], timestamptz, text, timestamptz, text, daybook.category_lock_input[], integer) from public;
grant execute on function daybook.update_transaction(text, uuid, daybook.entry_input[], timestamptz, text, timestamptz, text, daybook.category_lock_input[], integer) to daybook_writer;
--! EndIncluded daybook/functions/update_transaction.sql
--! Included daybook/functions/partially_post_transaction.sql
create or replace function daybook.partially_post_transaction(
  ledger text,
  transaction_id uuid,
  entries daybook.entry_input[],
  effective_at timestamptz default null,
  external_id text default null,
  description text default null,
  metadata jsonb default null,
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
  return daybook_private.partially_post(ledger, row('partially_post_transaction', transaction_id, entries, effective_at,
    external_id, description, metadata, null, idempotency_key, null, expected_version)::daybook_private.change_request);
end
$$;
comment on function daybook.partially_post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, text, jsonb, text, integer) is
  'Post a part of what a pending transaction holds: a new posted transaction, linked to the pending one, whose hold shrinks by the same amounts. Entries are matched by account and direction to what is left. When nothing is left the pending transaction is archived (fully_posted). Effective by default when the pending one is. Returns the new transaction. '
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDTXN, LDUNB, LDEXT, LDSTA, LDVER, LDBAL.';
revoke execute on function daybook.partially_post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, text, jsonb, text, integer) from public;
grant execute on function daybook.partially_post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, text, jsonb, text, integer) to daybook_writer;
--! EndIncluded daybook/functions/partially_post_transaction.sql
--! Included daybook_private/functions/entries_of_version.sql
create or replace function daybook_private.entries_of_version(
  ledger text,
  transaction_id uuid,
  version integer,
  is_final boolean
)
  returns daybook.entries[]
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  with written as (
    select e.*, max(e.transaction_version) filter (where e.effect = 'pending') over () as pending_version,
           bool_or(e.effect in ('posted', 'settled')) over () as is_posted
      from daybook.entries e
     where e.ledger = entries_of_version.ledger and e.transaction_id = entries_of_version.transaction_id
       and e.transaction_version <= version
  ),
  lines as (
    select w.*, case when is_final then w.amount else w.amount - coalesce(sum(w.amount) filter (
             where w.effect = 'released' and w.transaction_version > w.pending_version) over (partition by w.position), 0) end as rest
      from written w
  )
  select coalesce(array_agg(row(
      l.ledger, l.id, l.transaction_id, l.transaction_version, l.position, l.account_id, l.direction, l.rest,
      l.currency, l.effect, l.locked, l.effective_at, l.created_at, l.metadata, l.lock_version,
      l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits)::daybook.entries
      order by l.position), '{}')
    from lines l
   where l.rest > 0
     and case
       when not is_final then l.effect = 'pending' and l.transaction_version = l.pending_version
       when l.is_posted then l.effect in ('posted', 'settled')
       else l.effect = 'released' and l.transaction_version = version
     end
$$;
comment on function daybook_private.entries_of_version(text, uuid, integer, boolean) is
  'The lines of a transaction in one of its versions; final for one that is posted or archived.';
revoke execute on function daybook_private.entries_of_version(text, uuid, integer, boolean) from public;
--! EndIncluded daybook_private/functions/entries_of_version.sql
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
  return daybook_private.change_transaction(ledger, row('post_transaction', transaction_id, entries, effective_at,
    null, null, null, null, idempotency_key, category_locks, expected_version)::daybook_private.change_request);
end
$$;
comment on function daybook.post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, daybook.category_lock_input[], integer) is
  'Post a pending transaction. Without entries as it was created: no balance is checked again. Entries replace the pending ones and are checked like those of a new transaction. With another effective_at, or other entries, the pending entries are released and new ones posted. '
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCTG, LDTXN, LDUNB, LDSTA, LDCLS, LDVER, LDBAL, LDLIM, LDCAT.';
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
  return daybook_private.change_transaction(ledger, row('archive_transaction', transaction_id, null, null,
    null, null, null, null, idempotency_key, null, expected_version)::daybook_private.change_request);
end
$$;
comment on function daybook.archive_transaction(text, uuid, text, integer) is
  'Archive a pending transaction: what it held is released. Raises 42501, LDARG, LDISO, LDIDM, LDLED, LDTXN, LDSTA, LDVER.';
revoke execute on function daybook.archive_transaction(text, uuid, text, integer) from public;
grant execute on function daybook.archive_transaction(text, uuid, text, integer) to daybook_writer;
--! EndIncluded daybook/functions/archive_transaction.sql
--! Included daybook_private/functions/put_transaction_metadata.sql
-- The row in transactions is all that is recorded of one made posted, and here it is written over:
-- so the log keeps what was there before.
create or replace function daybook_private.put_transaction_metadata(
  known daybook.transactions,
  metadata jsonb,
  kind text,
  asked jsonb
)
  returns daybook.transaction_result
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  update daybook.transactions t
     set metadata = put_transaction_metadata.metadata
   where t.ledger = known.ledger and t.id = known.id;
  perform daybook_private.log_event(known.ledger, kind,
    asked || jsonb_build_object('replaced', (
      select jsonb_object_agg(m.key, m.value)
        from jsonb_each(known.metadata) m
       where m.value is distinct from put_transaction_metadata.metadata -> m.key)),
    known.id);
  return row(null, known.ledger, known.id, known.status, known.version, false, known.archived_reason,
             null, null, null, null)::daybook.transaction_result;
end
$$;
comment on function daybook_private.put_transaction_metadata(daybook.transactions, jsonb, text, jsonb) is
  'Gives a locked transaction other metadata, and logs what was asked and which values it replaced.';
revoke execute on function daybook_private.put_transaction_metadata(daybook.transactions, jsonb, text, jsonb) from public;
--! EndIncluded daybook_private/functions/put_transaction_metadata.sql
--! Included daybook/functions/set_transaction_metadata.sql
create or replace function daybook.set_transaction_metadata(ledger text, transaction_id uuid, metadata jsonb)
  returns daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  known daybook.transactions;
begin
  perform daybook_private.authorize(ledger, 'write');
  if transaction_id is null then
    perform daybook_private.refuse_argument('transaction_id', 'must be given');
  end if;
  perform daybook_private.check_metadata(metadata);
  known := daybook_private.lock_transaction(ledger, transaction_id);
  perform daybook_private.check_metadata(known.metadata || metadata);
  return daybook_private.put_transaction_metadata(
    known, known.metadata || coalesce(metadata, '{}'), 'set_transaction_metadata',
    jsonb_build_object('metadata', metadata));
end
$$;
comment on function daybook.set_transaction_metadata(text, uuid, jsonb) is
  'Merge a JSON object into a transaction''s metadata, at the top level, at any time, whatever its status; its version stays. Raises 42501, LDARG, LDLED, LDTXN.';
revoke execute on function daybook.set_transaction_metadata(text, uuid, jsonb) from public;
grant execute on function daybook.set_transaction_metadata(text, uuid, jsonb) to daybook_writer;
--! EndIncluded daybook/functions/set_transaction_metadata.sql
--! Included daybook/functions/delete_transaction_metadata.sql
create or replace function daybook.delete_transaction_metadata(ledger text, transaction_id uuid, key text)
  returns daybook.transaction_result
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  known daybook.transactions;
begin
  perform daybook_private.authorize(ledger, 'write');
  if transaction_id is null then
    perform daybook_private.refuse_argument('transaction_id', 'must be given');
  end if;
  if key is null then
    perform daybook_private.refuse_argument('key', 'must be given');
  end if;
  known := daybook_private.lock_transaction(ledger, transaction_id);
  return daybook_private.put_transaction_metadata(
    known, known.metadata - key, 'delete_transaction_metadata', jsonb_build_object('key', key));
end
$$;
comment on function daybook.delete_transaction_metadata(text, uuid, text) is
  'Remove a key from a transaction''s metadata, at any time, whatever its status; an absent one is no error. Raises 42501, LDARG, LDLED, LDTXN.';
revoke execute on function daybook.delete_transaction_metadata(text, uuid, text) from public;
grant execute on function daybook.delete_transaction_metadata(text, uuid, text) to daybook_writer;
--! EndIncluded daybook/functions/delete_transaction_metadata.sql
--! Included daybook_private/functions/opposite_entries.sql
-- What a transaction posted is what its entries say that were posted or settled, whichever version wrote them.
create or replace function daybook_private.opposite_entries(ledger text, transaction_id uuid)
  returns daybook.entry_input[]
  language sql
  stable
as $$
  select array_agg(row(a.address,
                       case when e.direction = 'debit' then 'credit'::daybook.direction else 'debit' end,
                       e.amount, null, null, null, null, null, nullif(e.metadata, '{}'))::daybook.entry_input
                   order by e.position)
    from daybook.entries e
    join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
   where e.ledger = opposite_entries.ledger
     and a.ledger = opposite_entries.ledger
     and e.transaction_id = opposite_entries.transaction_id
     and e.effect in ('posted', 'settled')
$$;
comment on function daybook_private.opposite_entries(text, uuid) is
  'The entries that undo a posted transaction: the same accounts, amounts and metadata in the same order, debits and credits swapped.';
revoke execute on function daybook_private.opposite_entries(text, uuid) from public;
--! EndIncluded daybook_private/functions/opposite_entries.sql
--! Included daybook_private/functions/was_partially_posted.sql
-- What a change of the entries releases it holds again in the same version, and archiving is the last
-- version: any other release went into a transaction of its own.
create or replace function daybook_private.was_partially_posted(archived daybook.transactions)
  returns boolean
  language sql
  stable
as $$
  select archived.archived_reason is not distinct from 'fully_posted' or exists (
    select
      from daybook.entries r
     where r.ledger = archived.ledger and r.transaction_id = archived.id
       and r.effect = 'released' and r.transaction_version < archived.version
       and not exists (
             select
               from daybook.entries h
              where h.ledger = archived.ledger and h.transaction_id = archived.id
                and h.effect = 'pending' and h.transaction_version = r.transaction_version))
$$;
comment on function daybook_private.was_partially_posted(daybook.transactions) is
  'Whether a part of an archived transaction, or all of it, was posted before.';
revoke execute on function daybook_private.was_partially_posted(daybook.transactions) from public;
--! EndIncluded daybook_private/functions/was_partially_posted.sql
--! Included daybook_private/functions/check_reversible.sql
-- Called when the original is locked, so that no other reversal of it is under way. What became of the
-- one before is read after that, and archived is final.
create or replace function daybook_private.check_reversible(original daybook.transactions)
  returns void
  language plpgsql
  volatile
as $$
declare
  reversal daybook.transactions;
  reason text;
begin
  select t.* into reversal
    from daybook.transactions t
   where t.ledger = original.ledger and t.id = original.reversed_by_transaction_id;
  reason := case
    when original.status <> 'posted' then original.status::text
    when original.counterpart_transaction_id is not null then 'between_ledgers'
    when reversal.status <> 'archived' or daybook_private.was_partially_posted(reversal) then 'reversed'
  end;
  if reason is not null then
    perform daybook_private.refuse('LDSTA',
      case
        when reason = 'between_ledgers' then 'one half of a transfer between ledgers is not reversed alone'
        when reason = 'reversed' then 'the transaction is reversed already'
        else format('the transaction is %s, and only a posted one is reversed', reason)
      end,
      jsonb_strip_nulls(jsonb_build_object(
        'ledger', original.ledger, 'transaction_id', original.id, 'status', reason,
        'archived_reason', original.archived_reason,
        'reversed_by_transaction_id', original.reversed_by_transaction_id,
        'counterpart_ledger', original.counterpart_ledger,
        'counterpart_transaction_id', original.counterpart_transaction_id)));
  end if;
end
$$;
comment on function daybook_private.check_reversible(daybook.transactions) is
  'Raises LDSTA unless the transaction is posted, no half of a transfer between ledgers, and not reversed; which of them is the status in the detail: pending, archived, between_ledgers, reversed.';
revoke execute on function daybook_private.check_reversible(daybook.transactions) from public;
--! EndIncluded daybook_private/functions/check_reversible.sql
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
  input.entries := daybook_private.opposite_entries(original.ledger, original.id);
  input.status := reverse_transaction.status;
  input.effective_at := reverse_transaction.effective_at;
  input.description := reverse_transaction.description;
  input.metadata := reverse_transaction.metadata;
  result := daybook_private.create_one(original.ledger, input,
    row(reversal_id, original.effective_at, null, null, null, original.id, null, null, null)::daybook_private.origin);
  update daybook.transactions t
     set reversed_by_transaction_id = reversal_id
   where t.ledger = original.ledger and t.id = original.id;
  return result;
end
$$;
comment on function daybook.reverse_transaction(text, uuid, timestamptz, daybook.transaction_status, text, jsonb, text) is
  'Undo a posted transaction by a new one with debits and credits swapped, linked both ways; returns the new one. Its effective time is the original''s unless another is given; it is posted unless status says pending. Once only, unless the reversal was archived; a reversal may itself be reversed. '
  'Raises 42501, LDARG, LDISO, LDIDM, LDLED, LDTXN, LDSTA, LDCLS, LDLIM.';
revoke execute on function daybook.reverse_transaction(text, uuid, timestamptz, daybook.transaction_status, text, jsonb, text) from public;
grant execute on function daybook.reverse_transaction(text, uuid, timestamptz, daybook.transaction_status, text, jsonb, text) to daybook_writer;
--! EndIncluded daybook/functions/reverse_transaction.sql
--! Included daybook_private/functions/hash_transfer.sql
create or replace function daybook_private.hash_transfer(
  to_ledger text,
  from_entries daybook.entry_input[],
  to_entries daybook.entry_input[],
  input daybook.transaction_input
)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select hash_numeric_extended(from_entries[1].amount,
    hashtextextended(
      jsonb_build_array(
        to_ledger, from_entries[1].account, to_entries[2].account, from_entries[2].account, to_entries[1].account,
        extract(epoch from input.effective_at), input.description)::text,
      daybook_private.hash_metadata(input.metadata, 3)))
$$;
comment on function daybook_private.hash_transfer(text, daybook.entry_input[], daybook.entry_input[], daybook.transaction_input) is
  'Hash of all arguments of a transfer between ledgers, but its key and the ledger where the key lives.';
revoke execute on function daybook_private.hash_transfer(text, daybook.entry_input[], daybook.entry_input[], daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/hash_transfer.sql
--! Included daybook_private/functions/account_currencies.sql
create or replace function daybook_private.account_currencies(ledger text, entries daybook.entry_input[])
  returns jsonb
  language sql
  stable
as $$
  select jsonb_agg(jsonb_build_object('ledger', account_currencies.ledger, 'account', e.account, 'currency', a.currency)
                   order by e.ordinality)
    from unnest(entries) with ordinality e
    left join daybook.accounts a on a.ledger = account_currencies.ledger and a.address = e.account
$$;
comment on function daybook_private.account_currencies(text, daybook.entry_input[]) is
  'Ledger, account and currency of each entry, in order; the currency is null where there is no such account.';
revoke execute on function daybook_private.account_currencies(text, daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/account_currencies.sql
--! Included daybook_private/functions/check_transfer.sql
create or replace function daybook_private.check_transfer(
  from_ledger text,
  to_ledger text,
  from_entries daybook.entry_input[],
  to_entries daybook.entry_input[],
  input daybook.transaction_input
)
  returns void
  language plpgsql
  immutable
as $$
begin
  if from_ledger = to_ledger then
    perform daybook_private.refuse_argument('to_ledger', 'another ledger than from_ledger', to_jsonb(to_ledger));
  end if;
  perform daybook_private.check_address('from_account', from_entries[1].account);
  perform daybook_private.check_address('to_account', to_entries[2].account);
  if from_entries[1].amount is null then
    perform daybook_private.refuse_argument('amount', 'must be given');
  end if;
  perform daybook_private.check_address('from_clearing_account', from_entries[2].account);
  perform daybook_private.check_address('to_clearing_account', to_entries[1].account);
  if from_entries[1].account = from_entries[2].account then
    perform daybook_private.refuse_argument('from_clearing_account', 'another account than from_account',
      to_jsonb(from_entries[2].account));
  end if;
  if to_entries[1].account = to_entries[2].account then
    perform daybook_private.refuse_argument('to_clearing_account', 'another account than to_account',
      to_jsonb(to_entries[1].account));
  end if;
  if not isfinite(input.effective_at) then
    perform daybook_private.refuse_argument('effective_at', 'a finite time', to_jsonb(input.effective_at));
  end if;
  perform daybook_private.check_text('idempotency_key', input.idempotency_key, 1, 255);
  perform daybook_private.check_text('description', input.description, 0, 1000);
  perform daybook_private.check_metadata(input.metadata);
end
$$;
comment on function daybook_private.check_transfer(text, text, daybook.entry_input[], daybook.entry_input[], daybook.transaction_input) is
  'Raises LDARG for a malformed transfer between ledgers.';
revoke execute on function daybook_private.check_transfer(text, text, daybook.entry_input[], daybook.entry_input[], daybook.transaction_input) from public;
--! EndIncluded daybook_private/functions/check_transfer.sql
--! Included daybook_private/functions/check_transfer_accounts.sql
-- One ledger per statement: ledgers may live on different machines.
create or replace function daybook_private.check_transfer_accounts(
  from_ledger text,
  to_ledger text,
  from_entries daybook.entry_input[],
  to_entries daybook.entry_input[]
)
  returns void
  language plpgsql
  stable
as $$
declare
  accounts constant jsonb := daybook_private.account_currencies(from_ledger, from_entries)
    || daybook_private.account_currencies(to_ledger, to_entries);
begin
  if accounts @> '[{"currency": null}]' then
    perform daybook_private.check_ledger_exists(from_ledger);
    perform daybook_private.check_ledger_exists(to_ledger);
    perform daybook_private.refuse('LDACC', 'accounts not found',
      jsonb_build_object(
        'accounts', jsonb_path_query_array(accounts, '$[*] ? (@.currency == null).account'),
        'ledgers', jsonb_path_query_array(accounts, '$[*] ? (@.currency == null).ledger')));
  end if;
  if jsonb_path_exists(accounts, '$[*] ? (@.currency != $one)', jsonb_build_object('one', accounts #> '{0,currency}')) then
    perform daybook_private.refuse('LDCUR', 'the accounts of a transfer have different currencies',
      jsonb_build_object('accounts', accounts));
  end if;
  perform daybook_private.check_open(from_ledger, from_entries);
  perform daybook_private.check_open(to_ledger, to_entries);
end
$$;
comment on function daybook_private.check_transfer_accounts(text, text, daybook.entry_input[], daybook.entry_input[]) is
  'Looks at the four accounts of a transfer between ledgers. Raises LDLED, LDACC with all missing addresses and the ledger of each, LDCUR with all currencies, LDCLS.';
revoke execute on function daybook_private.check_transfer_accounts(text, text, daybook.entry_input[], daybook.entry_input[]) from public;
--! EndIncluded daybook_private/functions/check_transfer_accounts.sql
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
      row(half.id, null, null, null, null, null, null, half.counterpart_ledger, half.counterpart_id)::daybook_private.origin);
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
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCUR, LDCLS, LDLIM.';
revoke execute on function daybook.transfer_between_ledgers(text, text, text, text, numeric, text, text, timestamptz, text, text, jsonb) from public;
grant execute on function daybook.transfer_between_ledgers(text, text, text, text, numeric, text, text, timestamptz, text, text, jsonb) to daybook_writer;
--! EndIncluded daybook/functions/transfer_between_ledgers.sql
--! Included daybook/functions/allocate.sql
-- Exact at every size: div and mod of numerics neither round nor lose digits, and the bound on weights
-- keeps each product within what a numeric holds. The remainders all have one divisor, the sum of the
-- weights, so they are compared as they are. A weight of zero has no remainder and never gets a unit.
create or replace function daybook.allocate(amount numeric, weights numeric[])
  returns numeric[]
  language plpgsql
  immutable
  parallel safe
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  weight numeric;
  total numeric := 0;
  index integer := 0;
begin
  if cardinality(weights) between 1 and 1000 is not true then
    perform daybook_private.refuse_argument('weights', '1 to 1000 of them', to_jsonb(cardinality(weights)));
  end if;
  foreach weight in array weights loop
    index := index + 1;
    if (weight >= 0 and weight < 1e72) is not true then
      perform daybook_private.refuse_argument('weights', 'each is zero or more, below 10^72',
        to_jsonb(left(weight::text, 100)), index);
    end if;
    total := total + weight;
  end loop;
  if total = 0 then
    perform daybook_private.refuse_argument('weights', 'not all zero');
  end if;
  if amount is null then
    perform daybook_private.refuse_argument('amount', 'must be given');
  end if;
  if not (amount >= 0 and amount < 1e36 and amount = trunc(amount)) then
    perform daybook_private.refuse('LDAMT', 'an amount to divide is a whole number, zero or more, below 10^36',
      jsonb_build_object('amount', left(amount::text, 100)));
  end if;
  return array(
    select s.share + (row_number() over (order by s.remainder desc, s.n) <= trunc(amount) - sum(s.share) over ())::integer
      from (select u.n, div(trunc(amount) * u.weight, total) as share, mod(trunc(amount) * u.weight, total) as remainder
              from unnest(weights) with ordinality u (weight, n)) s
     order by s.n);
end
$$;
comment on function daybook.allocate(numeric, numeric[]) is
  'Divide an amount in minor units by weights, without losing a unit: whole parts in the order of the weights, whose sum is the amount. '
  'Each part is rounded down, and what is left goes by one unit to those that lost most, of equals to the earlier. '
  '1 to 1000 weights, zero or more, not all zero; only their proportion counts. Zero is divided into zeros. Raises LDARG, LDAMT.';
revoke execute on function daybook.allocate(numeric, numeric[]) from public;
grant execute on function daybook.allocate(numeric, numeric[]) to daybook_reader;
--! EndIncluded daybook/functions/allocate.sql
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
as $$
#variable_conflict use_column
declare
  balance daybook.balances;
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
     where c.ledger = account_balance.ledger and c.address = account_balance.account
       and exists (select from daybook_private.ledger_access g
                    where g.ledger = account_balance.ledger and g.role = session_user)
       and (select q.entry_id from daybook_private.entry_queue q
             where q.ledger = c.ledger and q.account_id = c.account_id
             order by q.entry_id
             limit 1) is null;
    if found then
      return balance;
    end if;
  end if;
  perform daybook_private.authorize_accounts(account_balance.ledger, array[account_balance.account]);
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
  perform daybook_private.authorize_accounts(ledger, accounts);
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
--! Included daybook/functions/category_balance.sql
-- A STABLE function reads one snapshot, however many statements it has.
create or replace function daybook.category_balance(ledger text, category text, effective_at timestamptz default null)
  returns daybook.balances
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  totals daybook_private.line;
  balance daybook.balances;
begin
  perform daybook_private.authorize_category(ledger, category);
  perform daybook_private.refuse_unavailable(jsonb_build_object('effective_at', effective_at is not null));
  perform daybook_private.check_address('category', category);
  perform daybook_private.check_categories(ledger, array[category]);
  totals := daybook_private.category_totals(ledger, category);
  select c.ledger, null, null, c.currency, c.currency_exponent, c.normal_balance, null,
         totals.pending_debits, totals.pending_credits,
         daybook_private.net_balance(c.normal_balance, totals.pending_credits, totals.pending_debits),
         totals.posted_debits, totals.posted_credits,
         daybook_private.net_balance(c.normal_balance, totals.posted_credits, totals.posted_debits),
         daybook_private.available_balance(c.normal_balance,
           totals.pending_debits, totals.pending_credits, totals.posted_debits, totals.posted_credits)
    into balance
    from daybook.categories c
   where c.ledger = category_balance.ledger and c.category = category_balance.category;
  return balance;
end
$$;
comment on function daybook.category_balance(text, text, timestamptz) is
  'The current balances of all accounts in a category, directly or through others, each account once, in minor units, queued entries counted; account and lock_version are null. Times are not available yet. Raises 42501, 0A000, LDARG, LDLED, LDCTG.';
revoke execute on function daybook.category_balance(text, text, timestamptz) from public;
grant execute on function daybook.category_balance(text, text, timestamptz) to daybook_reader;
--! EndIncluded daybook/functions/category_balance.sql
--! Included daybook_private/functions/check_page.sql
create or replace function daybook_private.check_page(first integer)
  returns integer
  language plpgsql
  immutable
as $$
begin
  if first not between 1 and 1000 then
    perform daybook_private.refuse_argument('first', '1 to 1000', to_jsonb(first));
  end if;
  return coalesce(first, 100);
end
$$;
comment on function daybook_private.check_page(integer) is
  'How many rows a page has, 100 if nothing is said. Raises LDARG beyond 1000.';
revoke execute on function daybook_private.check_page(integer) from public;
--! EndIncluded daybook_private/functions/check_page.sql
--! Included daybook_private/functions/category_lines.sql
-- The newest entry of each account is one look at an index. As many accounts as the page has rows hold
-- all of it, those with the newest of these; and if there are so many, nothing of it is older than theirs.
create or replace function daybook_private.category_lines(ledger text, account_ids uuid[], first integer, after uuid)
  returns setof daybook.entries
  language plpgsql
  stable
as $$
#variable_conflict use_column
begin
  return query
    with heads as materialized (
      select u.account_id, e.id
        from unnest(account_ids) u (account_id)
       cross join lateral (
          select e.id
            from daybook.entries e
           where e.ledger = category_lines.ledger and e.account_id = u.account_id and e.id < category_lines.after
           order by e.id desc
           limit 1) e
       order by e.id desc
       limit category_lines.first
    ),
    page as materialized (
      select e.account_id, e.id
        from heads h
       cross join lateral (
          select e.account_id, e.id
            from daybook.entries e
           where e.ledger = category_lines.ledger and e.account_id = h.account_id and e.id < category_lines.after
             and e.id >= coalesce(
                   (select h.id from heads h order by h.id desc offset category_lines.first - 1),
                   '00000000-0000-0000-0000-000000000000')
           order by e.id desc
           limit category_lines.first) e
       order by e.id desc
       limit category_lines.first
    )
    select e.*
      from page p
     cross join lateral (
        select e.*
          from daybook.entries e
         where e.ledger = category_lines.ledger and e.account_id = p.account_id and e.id = p.id
        offset 0) e
     order by e.id desc;
end
$$;
comment on function daybook_private.category_lines(text, uuid[], integer, uuid) is
  'The newest entries of these accounts before an id, newest first, at most so many.';
revoke execute on function daybook_private.category_lines(text, uuid[], integer, uuid) from public;
--! EndIncluded daybook_private/functions/category_lines.sql
--! Included daybook_private/functions/is_small_category.sql
create or replace function daybook_private.is_small_category(ledger text, account_ids uuid[])
  returns boolean
  language plpgsql
  stable
as $$
begin
  return cardinality(account_ids) <= 1000 and (
    select coalesce(sum(c.lock_version), 0) <= 10000
      from daybook_private.account_counters c
     where c.ledger = is_small_category.ledger and c.account_id = any (account_ids));
end
$$;
comment on function daybook_private.is_small_category(text, uuid[]) is
  'Whether these are few accounts with few entries, all of which can be read at once.';
revoke execute on function daybook_private.is_small_category(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/is_small_category.sql
--! Included daybook_private/functions/category_recent.sql
-- Looks at every transaction of the ledger, newest first, so only at so many: enough for a category
-- that much of the ledger's money passes through, whose accounts have too many entries to sort.
create or replace function daybook_private.category_recent(ledger text, account_ids uuid[], count integer, after uuid)
  returns table (transaction_id uuid, is_in boolean)
  language plpgsql
  stable
as $$
#variable_conflict use_column
begin
  return query
    with recent as materialized (
      select t.id
        from daybook.transactions t
       where t.ledger = category_recent.ledger and t.id < category_recent.after
       order by t.id desc
       limit category_recent.count
    ),
    touched as materialized (
      select e.transaction_id
        from recent r
       cross join lateral (
          select e.transaction_id, e.account_id
            from daybook.entries e
           where e.ledger = category_recent.ledger and e.transaction_id = r.id
          offset 0) e
       where e.account_id in (select u.account_id from unnest(account_ids) u (account_id))
    )
    select r.id, r.id in (select t.transaction_id from touched t)
      from recent r
     order by r.id desc;
end
$$;
comment on function daybook_private.category_recent(text, uuid[], integer, uuid) is
  'The so many newest transactions before an id, and of each whether it has an entry on any of these accounts.';
revoke execute on function daybook_private.category_recent(text, uuid[], integer, uuid) from public;
--! EndIncluded daybook_private/functions/category_recent.sql
--! Included daybook_private/functions/category_history.sql
-- Goes by the accounts' own entries and so does not meet the rest of the ledger. An entry may be much
-- younger than its transaction, when that is posted, but is not older: the hour is for clocks that
-- were set back. So whatever began in a span of time is found among the entries written since.
-- The span grows until it holds enough.
create or replace function daybook_private.category_history(ledger text, account_ids uuid[], count integer, after uuid)
  returns uuid[]
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  until constant timestamptz := coalesce(uuid_extract_timestamp(after), now());
  since timestamptz;
  days integer;
  entries_from uuid;
  transactions_from uuid;
  found_ids uuid[];
begin
  foreach days in array array[1, 8, 64, 512, 4096, null] loop
    since := greatest(until - make_interval(days => days), 'epoch');
    transactions_from := daybook_private.uuid_at(since);
    entries_from := daybook_private.uuid_at(greatest(since - interval '1 hour', 'epoch'));
    found_ids := array(
      select distinct e.transaction_id
        from unnest(account_ids) u (account_id)
       cross join lateral (
          select e.transaction_id
            from daybook.entries e
           where e.ledger = category_history.ledger and e.account_id = u.account_id
             and e.id >= entries_from
             and e.transaction_id < category_history.after
             and e.transaction_id >= transactions_from
          offset 0) e
       order by e.transaction_id desc
       limit category_history.count);
    exit when cardinality(found_ids) = count or since = 'epoch';
  end loop;
  return found_ids;
end
$$;
comment on function daybook_private.category_history(text, uuid[], integer, uuid) is
  'The newest transactions before an id that have an entry on any of these accounts, at most so many, newest first.';
revoke execute on function daybook_private.category_history(text, uuid[], integer, uuid) from public;
--! EndIncluded daybook_private/functions/category_history.sql
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
begin
  perform daybook_private.authorize_category(ledger, category);
  perform daybook_private.check_address('category', category);
  count := daybook_private.check_page(first);
  perform daybook_private.check_categories(ledger, array[category]);
  return query
    select e.*
      from daybook_private.category_lines(ledger, daybook_private.category_accounts(ledger, category), count,
             coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff')) e;
end
$$;
comment on function daybook.category_entries(text, text, integer, uuid) is
  'The entries on the accounts that are in a category today, directly or through others, newest first, each once; at most 1000, after the id of the last one of the page before. Raises 42501, LDARG, LDLED, LDCTG.';
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
begin
  perform daybook_private.authorize_category(category_transactions.ledger, category_transactions.category);
  perform daybook_private.check_address('category', category_transactions.category);
  count := daybook_private.check_page(category_transactions.first);
  perform daybook_private.check_categories(category_transactions.ledger, array[category_transactions.category]);
  account_ids := daybook_private.category_accounts(category_transactions.ledger, category_transactions.category);
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
     order by p.n;
end
$$;
comment on function daybook.category_transactions(text, text, integer, uuid) is
  'The transactions, of any status, that ever had an entry on an account that is in a category today, directly or through others, newest first, each once; at most 1000, after the id of the last one of the page before. Raises 42501, LDARG, LDLED, LDCTG.';
revoke execute on function daybook.category_transactions(text, text, integer, uuid) from public;
grant execute on function daybook.category_transactions(text, text, integer, uuid) to daybook_reader;
--! EndIncluded daybook/functions/category_transactions.sql
--! Included daybook_private/functions/expire_transactions.sql
-- Those that somebody is changing do not count: however many he holds, the others are not kept waiting.
-- The time is taken once: a comparison with the clock itself could not use the index.
create or replace function daybook_private.expire_transactions(count integer)
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
     where h.expires_at <= now
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
end
$$;
comment on function daybook_private.expire_transactions(integer) is
  'Archives transactions whose time is over and that nobody is changing just now; returns how many, at most count. For the worker.';
revoke execute on function daybook_private.expire_transactions(integer) from public;
grant execute on function daybook_private.expire_transactions(integer) to daybook_worker;
--! EndIncluded daybook_private/functions/expire_transactions.sql
--! Included daybook_private/functions/purge_receipts.sql
create or replace function daybook_private.purge_receipts(retention interval default '30 days')
  returns bigint
  language sql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  with purged as (
    delete from daybook_private.finished_receipts f
     where f.finished_at < now() - greatest(retention, interval '24 hours')
    returning 1
  )
  select count(*) from purged
$$;
comment on function daybook_private.purge_receipts(interval) is
  'Forgets receipts finished longer ago than the retention, which is never below 24 hours; returns how many.';
revoke execute on function daybook_private.purge_receipts(interval) from public;
grant execute on function daybook_private.purge_receipts(interval) to daybook_worker;
--! EndIncluded daybook_private/functions/purge_receipts.sql

grant select on
  daybook.currencies, daybook.ledgers, daybook.accounts, daybook.transactions, daybook.entries,
  daybook.categories, daybook.category_members,
  daybook.balances, daybook.current_entries, daybook.log,
  daybook.transaction_queue
  to daybook_reader;
grant select on
  daybook_private.account_counters, daybook_private.entry_queue, daybook_private.log_events,
  daybook_private.queue_limits
  to daybook_reader;
grant select (ledger, accepted_at) on daybook_private.queued_transactions to daybook_reader;
alter table daybook.categories enable row level security;
alter table daybook.category_members enable row level security;
alter table daybook_private.category_graphs enable row level security;
alter table daybook_private.expiring_holds enable row level security;
alter table daybook_private.queued_transactions enable row level security;
alter table daybook_private.finished_receipts enable row level security;
alter table daybook_private.queue_heads enable row level security;
alter table daybook_private.queue_limits enable row level security;
alter table daybook_private.category_access enable row level security;
drop policy readers_of_the_ledger on daybook.accounts;
create policy readers_of_the_ledger on daybook.accounts for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? id::text));
create policy readers_of_the_ledger on daybook.categories for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (ledger, category) in (select r.ledger, r.category from daybook_private.readable_categories() r)));
create policy readers_of_the_ledger on daybook.category_members for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (ledger, category) in (select r.ledger, r.category from daybook_private.readable_categories() r)));
drop policy readers_of_the_ledger on daybook.transactions;
create policy readers_of_the_ledger on daybook.transactions for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ?| daybook_private.accounts_of(ledger, id)));
drop policy readers_of_the_ledger on daybook.entries;
create policy readers_of_the_ledger on daybook.entries for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
drop policy readers_of_the_ledger on daybook_private.account_counters;
create policy readers_of_the_ledger on daybook_private.account_counters for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
drop policy readers_of_the_ledger on daybook_private.entry_queue;
create policy readers_of_the_ledger on daybook_private.entry_queue for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
create policy readers_of_the_ledger on daybook_private.queued_transactions for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy everybody_reads on daybook_private.queue_limits for select using (true);


-- Pending transactions of the first release that expire.
insert into daybook_private.expiring_holds (ledger, account_id, expires_at, transaction_id)
select distinct t.ledger, e.account_id, t.expires_at, t.id
  from daybook.transactions t
  join daybook.entries e on e.ledger = t.ledger and e.transaction_id = t.id
 where t.status = 'pending' and t.expires_at is not null and e.effect = 'pending';
