--! Previous: sha1:6ecf8046bc1a910709f3e4636674143d9dc06b57
--! Hash: sha1:c57a46e0fe04c6c0fbbfb545f4284b85d9c5d21b
--! Message: Time and truth

drop function daybook_private.refuse_unavailable(jsonb);
drop function daybook_private.log_event(text, text, jsonb, uuid, uuid);
drop function daybook_private.broken_category(text, daybook.category_lock_input[]);

create index entries_effective_idx on daybook.entries (ledger, account_id, effective_at, id);
create index entries_version_idx on daybook.entries (ledger, account_id, lock_version);
alter table daybook_private.account_counters add column drifted_at timestamptz;
alter type daybook_private.line add attribute drifted_at timestamptz;

create index log_events_books_idx on daybook_private.log_events (ledger, id) where transaction_id is null;

--! Included extensions.sql
-- pg_trgm finds words that are spelt almost alike. It is a trusted extension: CREATE on the database is
-- enough to install it. Where it is already installed, in whatever schema, that one is used.
do $$
begin
  if not exists (select from pg_extension where extname = 'pg_trgm') then
    create schema daybook_trgm;
    comment on schema daybook_trgm is 'The extension pg_trgm, which compares words, for search_transactions.';
    create extension pg_trgm with schema daybook_trgm;
  end if;
end
$$;
--! EndIncluded extensions.sql
--! Included daybook_private/types/account_sums.sql
create type daybook_private.account_sums as (
  account_id uuid,
  entries bigint,
  pending_debits numeric,
  pending_credits numeric,
  posted_debits numeric,
  posted_credits numeric
);
comment on type daybook_private.account_sums is
  'How many entries of an account were counted, and its four counters over them, in minor units.';
--! EndIncluded daybook_private/types/account_sums.sql
--! Included daybook_private/types/verdict.sql
-- reached: how far the figures are right: the last sound entry's id, and the version and counters after it.
-- violation is null if nothing is wrong up to there; is_end: and nothing comes behind it.
create type daybook_private.verdict as (
  reached daybook_private.line,
  is_end boolean,
  violation text,
  facts jsonb
);
comment on type daybook_private.verdict is
  'What came of comparing some of an account''s cached figures with its entries.';
--! EndIncluded daybook_private/types/verdict.sql
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
--! Included daybook_private/functions/refuse_changed_entry.sql
-- What an entry says never changes. Its version and counters are a cache: a queued entry gets them once,
-- and where an account is known to have drifted they are made anew by rebuild_balances.
create or replace function daybook_private.refuse_changed_entry()
  returns trigger
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
begin
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
--! Included daybook_private/functions/add_line.sql
create or replace function daybook_private.add_line(total daybook_private.line, line daybook_private.line)
  returns daybook_private.line
  language plpgsql
  immutable
as $$
declare
  pending constant numeric := daybook_private.pending_share(line.effect, line.amount);
  posted constant numeric := daybook_private.posted_share(line.effect, line.amount);
begin
  total.lock_version := total.lock_version + 1;
  if line.direction = 'debit' then
    total.pending_debits := total.pending_debits + pending;
    total.posted_debits := total.posted_debits + posted;
  else
    total.pending_credits := total.pending_credits + pending;
    total.posted_credits := total.posted_credits + posted;
  end if;
  return total;
end
$$;
comment on function daybook_private.add_line(daybook_private.line, daybook_private.line) is
  'Counters of an account with one more line.';
revoke execute on function daybook_private.add_line(daybook_private.line, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/add_line.sql
--! Included daybook_private/tables/drifts.sql
-- Few or none. Written and deleted together with drifted_at of the account's counters, under the lock of
-- the account; by ledger it tells a batch that it need not look at each account.
create table daybook_private.drifts (
  ledger text collate "C" not null,
  account_id uuid not null,
  found_at timestamptz not null,
  facts jsonb not null,
  constraint drifts_pkey primary key (ledger, account_id)
);
comment on table daybook_private.drifts is
  'Accounts whose cached figures were found to differ from their entries, until they are rebuilt: what was wrong, and since when it is known.';
--! EndIncluded daybook_private/tables/drifts.sql
--! Included daybook_private/tables/account_checks.sql
-- Two walks along the versions of each account. The recent one goes on where it stopped whenever there are
-- new versions; the full one starts anew each day. Both stop after a bounded number of entries and go on there.
create table daybook_private.account_checks (
  ledger text collate "C" not null,
  account_id uuid not null,
  is_full boolean not null,
  reached daybook_private.line not null,
  finished_at timestamptz,
  constraint account_checks_pkey primary key (ledger, account_id, is_full)
) with (fillfactor = 70);
comment on table daybook_private.account_checks is
  'How far the cached figures of each account were found to be what its entries say, and when its last version was last reached.';
--! EndIncluded daybook_private/tables/account_checks.sql
--! Included daybook_private/tables/ledger_checks.sql
create table daybook_private.ledger_checks (
  ledger text collate "C" not null,
  reached uuid not null default '00000000-0000-0000-0000-000000000000',
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint ledger_checks_pkey primary key (ledger)
) with (fillfactor = 70);
comment on table daybook_private.ledger_checks is
  'How far the worker''s pass over the transactions of each ledger has come, and when the last one ended.';
--! EndIncluded daybook_private/tables/ledger_checks.sql
--! Included daybook_private/tables/findings.sql
-- last_seen_at tells what a later pass did not find any more.
create table daybook_private.findings (
  ledger text collate "C" not null,
  violation text collate "C" not null,
  subject text collate "C" not null,
  facts jsonb not null,
  found_at timestamptz not null,
  last_seen_at timestamptz not null,
  constraint findings_pkey primary key (ledger, violation, subject)
);
comment on table daybook_private.findings is
  'What the worker has found wrong with transactions and totals, until a later pass finds it right.';
--! EndIncluded daybook_private/tables/findings.sql
--! Included daybook_private/tables/rollup_cursors.sql
-- Versions of an account have no gaps and are committed in their order, so that one number says
-- exactly what is in its sums and what is not yet.
create table daybook_private.rollup_cursors (
  ledger text collate "C" not null,
  account_id uuid not null,
  lock_version bigint not null default 0,
  later_from uuid not null default '00000000-0000-0000-0000-000000000000',
  rolled_up_at timestamptz not null default now(),
  effective_unit text collate "C" not null default 'month',
  recorded_unit text collate "C" not null default 'month',
  constraint rollup_cursors_pkey primary key (ledger, account_id)
) with (fillfactor = 50);
comment on table daybook_private.rollup_cursors is
  'How far the sums of each account go: its entries up to lock_version are in entry_sums, later ones are not. Where to look for later ones, later_from says, but only as a hint: one that waited for long has an older id. The units are the shortest periods that there are sums of: month, day or hour.';
--! EndIncluded daybook_private/tables/rollup_cursors.sql
--! Included daybook_private/tables/entry_sums.sql
-- Sums per period instead of running totals: an entry of the past changes one row of each kind, none
-- behind it. Kinds are pairs of a period of effective time and one of recorded time, of UTC: years, months, days
-- and hours of the one with `ever`, which starts at -infinity, of the other; or months, days and hours of both.
-- An account has no sums of shorter periods than it needs: many rows of a single entry would be dearer than entries.
create table daybook_private.entry_sums (
  ledger text collate "C" not null,
  account_id uuid not null,
  effective_in text collate "C" not null,
  recorded_in text collate "C" not null,
  effective_from timestamptz not null,
  recorded_from timestamptz not null,
  entries bigint not null,
  pending_debits numeric not null,
  pending_credits numeric not null,
  posted_debits numeric not null,
  posted_credits numeric not null,
  first_id uuid not null,
  last_id uuid not null,
  constraint entry_sums_pkey primary key
    (ledger, account_id, effective_in, recorded_in, effective_from, recorded_from)
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 0
);
comment on table daybook_private.entry_sums is
  'What the entries of an account, up to the version in rollup_cursors, add to its four counters, by effective and recorded time; and the range of their ids.';
--! EndIncluded daybook_private/tables/entry_sums.sql
--! Included daybook_private/tables/settlements.sql
-- One row, of ledger *. See daybook_private.settled_until.
create table daybook_private.settlements (
  ledger text collate "C" not null,
  settled_until timestamptz not null,
  candidate_until timestamptz not null,
  candidate_xid xid8 not null,
  constraint settlements_pkey primary key (ledger)
);
comment on table daybook_private.settlements is
  'Up to when everything that began is committed or gone, and the time that is to follow: once nothing runs that began before candidate_xid.';
--! EndIncluded daybook_private/tables/settlements.sql
--! Included daybook_private/tables/seals.sql
-- Numbers are the order of sealing: what was committed late, or found missing, comes later, whatever its id.
create table daybook_private.seals (
  ledger text collate "C" not null,
  no bigint not null,
  log_id uuid not null,
  leaf bytea not null,
  constraint seals_pkey primary key (ledger, no),
  constraint seal_of_a_record_is_its_only_one unique (ledger, log_id)
);
comment on table daybook_private.seals is
  'The records of each ledger''s log, numbered from 1 without gaps, with the hash of each one''s canonical text.';

create trigger _900_immutable before update or delete on daybook_private.seals
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook_private.seals
  for each statement execute function daybook_private.refuse_change();
--! EndIncluded daybook_private/tables/seals.sql
--! Included daybook_private/tables/seal_blocks.sql
create table daybook_private.seal_blocks (
  ledger text collate "C" not null,
  block bigint not null,
  first_no bigint not null,
  last_no bigint not null,
  previous_hash bytea not null,
  hash bytea not null,
  sealed_at timestamptz not null,
  constraint seal_blocks_pkey primary key (ledger, block),
  constraint seal_block_ends_once unique (ledger, last_no)
);
comment on table daybook_private.seal_blocks is
  'What was sealed at once: its hash is over the leaves of its records and the hash of the block before it.';

create trigger _900_immutable before update or delete on daybook_private.seal_blocks
  for each row execute function daybook_private.refuse_change();
create trigger _900_no_truncate before truncate on daybook_private.seal_blocks
  for each statement execute function daybook_private.refuse_change();
--! EndIncluded daybook_private/tables/seal_blocks.sql
--! Included daybook_private/tables/seal_heads.sql
-- The row's lock is the right to seal. The last three columns only save work, and are told anew from nothing:
-- everything below scan_from is sealed, and no more is expected there; latest is the highest id that was
-- sealed; fully_swept_at is when it was last begun to look through all of the log for records that were missed.
create table daybook_private.seal_heads (
  ledger text collate "C" not null,
  block bigint not null default 0,
  no bigint not null default 0,
  hash bytea not null default decode(repeat('00', 32), 'hex'),
  scan_from uuid not null default '00000000-0000-0000-0000-000000000000',
  latest uuid not null default '00000000-0000-0000-0000-000000000000',
  fully_swept_at timestamptz,
  constraint seal_heads_pkey primary key (ledger)
) with (fillfactor = 50);
comment on table daybook_private.seal_heads is
  'The last block of each ledger''s log, and where to look for what is not sealed yet.';
--! EndIncluded daybook_private/tables/seal_heads.sql
--! Included daybook_private/tables/search_documents.sql
-- What transactions are searched by, filled by the worker a moment later (see index_search): the hot path
-- knows nothing of it. A row is what search_documents_of gives, as of the event named in it;
-- whatever was recorded since is read from the books themselves by the search.
create table daybook_private.search_documents (
  ledger text collate "C" not null,
  transaction_id uuid not null,
  status daybook.transaction_status not null,
  effective_at timestamptz not null,
  created_at timestamptz not null,
  external_id text collate "C",
  words text collate "C",
  facts jsonb,
  last_event_id uuid,
  constraint search_documents_pkey primary key (ledger, transaction_id)
) with (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
create index search_documents_effective_idx on daybook_private.search_documents (ledger, effective_at, transaction_id);
create index search_documents_created_idx on daybook_private.search_documents (ledger, created_at, transaction_id);
create index search_documents_status_idx on daybook_private.search_documents (ledger, status, effective_at, transaction_id)
  where status <> 'posted';
create index search_documents_external_id_idx on daybook_private.search_documents (ledger, external_id)
  where external_id is not null;
create index search_documents_facts_idx on daybook_private.search_documents using gin (facts jsonb_path_ops);
-- The operator class is found wherever pg_trgm is installed.
select set_config('search_path', concat_ws(', ', 'pg_catalog', quote_ident(n.nspname), 'pg_temp'), true)
  from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
create index search_documents_words_idx on daybook_private.search_documents using gin (words gin_trgm_ops);
select set_config('search_path', 'pg_catalog, pg_temp', true);
comment on table daybook_private.search_documents is
  'One row per transaction, for search: words are its description and the short texts in its metadata, facts its metadata below the ledger''s name, so that an index of facts keeps ledgers apart.';
--! EndIncluded daybook_private/tables/search_documents.sql
--! Included daybook_private/tables/search_lines.sql
create table daybook_private.search_lines (
  ledger text collate "C" not null,
  transaction_id uuid not null,
  position integer not null,
  account_id uuid not null,
  direction daybook.direction not null,
  amount numeric not null,
  currency text collate "C" not null,
  effective_at timestamptz not null,
  created_at timestamptz not null,
  constraint search_lines_pkey primary key (ledger, transaction_id, position)
) with (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
create index search_lines_effective_idx on daybook_private.search_lines (ledger, account_id, effective_at, transaction_id);
create index search_lines_created_idx on daybook_private.search_lines (ledger, account_id, created_at, transaction_id);
create index search_lines_amount_idx on daybook_private.search_lines (ledger, account_id, amount, transaction_id);
create index search_lines_currency_idx on daybook_private.search_lines (ledger, currency, amount, transaction_id);
comment on table daybook_private.search_lines is
  'The lines of each transaction in search_documents as it is now, with its times, for search.';
--! EndIncluded daybook_private/tables/search_lines.sql
--! Included daybook_private/tables/search_heads.sql
create table daybook_private.search_heads (
  ledger text collate "C" not null,
  indexed_until uuid not null default '00000000-0000-0000-0000-000000000000',
  constraint search_heads_pkey primary key (ledger)
);
comment on table daybook_private.search_heads is
  'Whatever a ledger recorded up to this id is in search_documents and search_lines, and some of what came later.';
--! EndIncluded daybook_private/tables/search_heads.sql
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
  set enable_seqscan to off
  set jit to off
as $$
#variable_conflict use_column
declare
  sums daybook_private.line;
begin
  select count(*),
         coalesce(sum(s.pending) filter (where e.direction = 'debit'), 0),
         coalesce(sum(s.pending) filter (where e.direction = 'credit'), 0),
         coalesce(sum(s.posted) filter (where e.direction = 'debit'), 0),
         coalesce(sum(s.posted) filter (where e.direction = 'credit'), 0)
    into sums.lock_version, sums.pending_debits, sums.pending_credits, sums.posted_debits, sums.posted_credits
    from daybook.entries e
   cross join lateral (
           select daybook_private.pending_share(e.effect, e.amount) as pending,
                  daybook_private.posted_share(e.effect, e.amount) as posted) s
   where e.ledger = true_counters.ledger and e.account_id = true_counters.account_id;
  return sums;
end
$$;
comment on function daybook_private.true_counters(text, uuid) is
  'The four counters of an account, minor units, and the number of its entries as lock_version, added up from its entries alone. No cache is believed.';
revoke execute on function daybook_private.true_counters(text, uuid) from public;
grant execute on function daybook_private.true_counters(text, uuid) to daybook_reader;
--! EndIncluded daybook_private/functions/true_counters.sql
--! Included daybook/views/balances.sql
-- Counters and queue are read by one statement, so by one snapshot: an entry is in exactly one of them.
-- Counters that have drifted are not believed: the entries are added up.
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
    having c.drifted_at is null
    union all
    select s.lock_version, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits
    from daybook_private.true_counters(c.ledger, c.account_id) s
    where c.drifted_at is not null
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
--! Included daybook/views/rollups.sql
create or replace view daybook.rollups with (security_invoker = true) as
  select c.ledger, c.address as account, c.account_id,
         c.lock_version as applied_version,
         coalesce(u.lock_version, 0) as rolled_up_version,
         u.rolled_up_at
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
--! EndIncluded daybook/views/rollups.sql
--! Included daybook/types/trial_balance_row.sql
create type daybook.trial_balance_row as (
  ledger text,
  account text,
  currency text,
  currency_exponent smallint,
  normal_balance daybook.direction,
  posted_debits numeric,
  posted_credits numeric,
  debit_balance numeric,
  credit_balance numeric
);
comment on type daybook.trial_balance_row is
  'An account in a trial balance, or the total of all accounts of a currency.';
comment on column daybook.trial_balance_row.ledger is 'The ledger.';
comment on column daybook.trial_balance_row.account is 'Address of the account; null in the total of a currency.';
comment on column daybook.trial_balance_row.currency is 'Currency of the amounts.';
comment on column daybook.trial_balance_row.currency_exponent is 'Decimal places of the currency''s minor unit.';
comment on column daybook.trial_balance_row.normal_balance is 'The side that raises the account''s balance; null in a total.';
comment on column daybook.trial_balance_row.posted_debits is 'Debits of posted entries, minor units.';
comment on column daybook.trial_balance_row.posted_credits is 'Credits of posted entries, minor units.';
comment on column daybook.trial_balance_row.debit_balance is
  'By how much debits exceed credits, minor units; 0 if they do not. In a total the sum of the accounts''.';
comment on column daybook.trial_balance_row.credit_balance is
  'By how much credits exceed debits, minor units; 0 if they do not. In a total the sum of the accounts''.';
--! EndIncluded daybook/types/trial_balance_row.sql
--! Included daybook/types/statement_entry.sql
create type daybook.statement_entry as (
  ledger text,
  entry_id uuid,
  transaction_id uuid,
  position integer,
  effective_at timestamptz,
  created_at timestamptz,
  direction daybook.direction,
  amount numeric,
  balance numeric,
  description text,
  external_id text,
  metadata jsonb
);
comment on type daybook.statement_entry is 'A posted entry in a statement of its account, with the balance that results.';
comment on column daybook.statement_entry.ledger is 'The ledger.';
comment on column daybook.statement_entry.entry_id is 'The entry.';
comment on column daybook.statement_entry.transaction_id is 'The transaction it belongs to.';
comment on column daybook.statement_entry.position is 'Its place in the transaction, from 1.';
comment on column daybook.statement_entry.effective_at is 'When it takes effect in the books.';
comment on column daybook.statement_entry.created_at is 'When it was recorded: when the transaction was made, or a pending one posted.';
comment on column daybook.statement_entry.direction is 'debit or credit.';
comment on column daybook.statement_entry.amount is 'Minor units of the currency, always positive.';
comment on column daybook.statement_entry.balance is
  'The posted balance after it, in minor units, over all entries that are effective before it or at the same time and have a smaller id.';
comment on column daybook.statement_entry.description is 'Description of the transaction.';
comment on column daybook.statement_entry.external_id is 'Your name for the transaction.';
comment on column daybook.statement_entry.metadata is 'The entry''s metadata.';
--! EndIncluded daybook/types/statement_entry.sql
--! Included daybook/types/account_statement.sql
create type daybook.account_statement as (
  ledger text,
  account text,
  account_id uuid,
  currency text,
  currency_exponent smallint,
  normal_balance daybook.direction,
  starts_at timestamptz,
  ends_at timestamptz,
  opening_balance numeric,
  debits numeric,
  credits numeric,
  closing_balance numeric,
  entries daybook.statement_entry[],
  next_page text
);
comment on type daybook.account_statement is
  'What was posted to an account in a span of effective time, and its balances before and after; or a page of it.';
comment on column daybook.account_statement.ledger is 'The ledger.';
comment on column daybook.account_statement.account is 'Address of the account.';
comment on column daybook.account_statement.account_id is 'The account.';
comment on column daybook.account_statement.currency is 'Currency of the amounts.';
comment on column daybook.account_statement.currency_exponent is 'Decimal places of the currency''s minor unit.';
comment on column daybook.account_statement.normal_balance is 'The side that raises the balance.';
comment on column daybook.account_statement.starts_at is 'Entries effective from this time on; null for all there ever were.';
comment on column daybook.account_statement.ends_at is 'Entries effective before this time; null for all, future-dated ones too.';
comment on column daybook.account_statement.opening_balance is 'The posted balance before starts_at, in minor units.';
comment on column daybook.account_statement.debits is 'All debits of the statement, in minor units.';
comment on column daybook.account_statement.credits is 'All credits of the statement, in minor units.';
comment on column daybook.account_statement.closing_balance is 'The posted balance before ends_at, in minor units.';
comment on column daybook.account_statement.entries is
  'The entries of this page in the order in which they take effect, and of their ids where that is one time.';
comment on column daybook.account_statement.next_page is
  'Give it as after to get the next page of the same statement; null on the last one.';
--! EndIncluded daybook/types/account_statement.sql
--! Included daybook_private/types/statement_cursor.sql
-- What a later page must know of the first one's snapshot. An account's versions are gap-free and in the order
-- of commits, so of its applied entries those up to a version were there. The others that were there had none
-- yet: they were queued, and are named; only those that the pages behind this one can show.
create type daybook_private.statement_cursor as (
  statement bigint,
  lock_version bigint,
  queued uuid[],
  opening_debits numeric,
  opening_credits numeric,
  closing_debits numeric,
  closing_credits numeric,
  balance numeric,
  effective_at timestamptz,
  entry_id uuid
);
comment on type daybook_private.statement_cursor is
  'Where a page of a statement ends: which statement (a hash of what was asked), the snapshot it shows, its sums, and the last entry with the balance after it.';
--! EndIncluded daybook_private/types/statement_cursor.sql
--! Included daybook/types/search_sort.sql
create type daybook.search_sort as enum ('effective_at', 'created_at', 'amount');
comment on type daybook.search_sort is
  'What search_transactions sorts by: effective time, time of recording, or amount of the matching line.';
--! EndIncluded daybook/types/search_sort.sql
--! Included daybook/types/found_transaction.sql
create type daybook.found_transaction as (
  ledger text,
  id uuid,
  status daybook.transaction_status,
  version integer,
  effective_at timestamptz,
  created_at timestamptz,
  posted_at timestamptz,
  archived_at timestamptz,
  archived_reason text,
  expires_at timestamptz,
  external_id text,
  description text,
  metadata jsonb,
  reverses_transaction_id uuid,
  reversed_by_transaction_id uuid,
  partially_posts_transaction_id uuid,
  counterpart_ledger text,
  counterpart_transaction_id uuid,
  amount numeric,
  currency text,
  cursor text
);
comment on type daybook.found_transaction is 'A transaction that a search found, and where it stands in the search.';
do $$
declare
  c record;
begin
  -- Each column means what it means in transactions.
  for c in
    select a.attname, pg_catalog.col_description('daybook.transactions'::regclass, t.attnum) as description
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_attribute t on t.attrelid = 'daybook.transactions'::regclass and t.attname = a.attname
     where a.attrelid = 'daybook.found_transaction'::regclass and a.attnum > 0
  loop
    execute format('comment on column daybook.found_transaction.%I is %L', c.attname, c.description);
  end loop;
end
$$;
comment on column daybook.found_transaction.amount is
  'Minor units of the matching line: of several the greatest, or the least where the search sorts by rising amounts; null if it has none.';
comment on column daybook.found_transaction.currency is 'Currency of the amount.';
comment on column daybook.found_transaction.cursor is 'Give it as after, to get what comes next.';
--! EndIncluded daybook/types/found_transaction.sql
--! Included daybook_private/types/search_filter.sql
create type daybook_private.search_filter as (
  ledger text,
  account_ids uuid[],
  direction daybook.direction,
  currency text,
  amount_min numeric,
  amount_max numeric,
  status daybook.transaction_status,
  effective_from timestamptz,
  effective_before timestamptz,
  created_from timestamptz,
  created_before timestamptz,
  external_id text,
  facts jsonb,
  words text,
  word_keys text[],
  sort daybook.search_sort,
  ascending boolean,
  after_at timestamptz,
  after_amount numeric,
  after_id uuid
);
comment on type daybook_private.search_filter is
  'What a search asks for: null asks nothing, and no account_ids means all accounts; after_id is null on the first page.';
--! EndIncluded daybook_private/types/search_filter.sql
--! Included daybook_private/types/search_hit.sql
create type daybook_private.search_hit as (
  at timestamptz,
  key numeric,
  transaction_id uuid,
  amount numeric,
  currency text
);
comment on type daybook_private.search_hit is
  'A transaction in a search, and its place: the time or, where amounts are sorted, the key; then the id.';
--! EndIncluded daybook_private/types/search_hit.sql
--! Included daybook_private/functions/log_event.sql
-- What the queue's worker applies is recorded as asked by whoever queued it: the origin says who.
-- Fields that were not given are left out; what is inside a field, metadata above all, stays as it was.
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
    (ledger, kind, transaction_id, account_id, data, actor, request_id, client_address)
  values
    (log_event.ledger, log_event.kind, log_event.transaction_id, log_event.account_id,
     (select coalesce(jsonb_object_agg(d.key, d.value), '{}') from jsonb_each(log_event.data) d where d.value <> 'null'),
     coalesce((log_event.origin).actor, daybook_private.actor()),
     case when (log_event.origin).actor is null then daybook_private.request_id() else (log_event.origin).request_id end,
     case when (log_event.origin).actor is null then daybook_private.client_address() else (log_event.origin).client_address end)
$$;
comment on function daybook_private.log_event(text, text, jsonb, uuid, uuid, daybook_private.origin) is
  'Records an operation in the log: what was asked, by whom, from where.';
revoke execute on function daybook_private.log_event(text, text, jsonb, uuid, uuid, daybook_private.origin) from public;
--! EndIncluded daybook_private/functions/log_event.sql
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
    case when closed then 'close_account' else 'reopen_account' end,
    jsonb_build_object('closed_at', account.closed_at), null, account.id);
  return account;
end
$$;
comment on function daybook_private.set_account_closed(text, text, boolean) is
  'Closes or reopens an account; nothing happens if it is so already.';
revoke execute on function daybook_private.set_account_closed(text, text, boolean) from public;
--! EndIncluded daybook_private/functions/set_account_closed.sql
--! Included daybook_private/functions/without_drift.sql
create or replace function daybook_private.without_drift(ledger text, totals daybook_private.line, drifted uuid[])
  returns daybook_private.line
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  account uuid;
  wrong daybook_private.line;
  sums daybook_private.line;
begin
  foreach account in array drifted loop
    select sum(s.pending_debits), sum(s.pending_credits), sum(s.posted_debits), sum(s.posted_credits)
      into wrong.pending_debits, wrong.pending_credits, wrong.posted_debits, wrong.posted_credits
      from (select c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
              from daybook_private.account_counters c
             where c.ledger = without_drift.ledger and c.account_id = account
            union all
            select q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
              from daybook_private.entry_queue q
             where q.ledger = without_drift.ledger and q.account_id = account) s;
    sums := daybook_private.true_counters(ledger, account);
    totals.pending_debits := totals.pending_debits - wrong.pending_debits + sums.pending_debits;
    totals.pending_credits := totals.pending_credits - wrong.pending_credits + sums.pending_credits;
    totals.posted_debits := totals.posted_debits - wrong.posted_debits + sums.posted_debits;
    totals.posted_credits := totals.posted_credits - wrong.posted_credits + sums.posted_credits;
  end loop;
  return totals;
end
$$;
comment on function daybook_private.without_drift(text, daybook_private.line, uuid[]) is
  'Totals over counters and queues, with what the entries of drifted accounts say in place of what their counters say.';
revoke execute on function daybook_private.without_drift(text, daybook_private.line, uuid[]) from public;
--! EndIncluded daybook_private/functions/without_drift.sql
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
  drifted uuid[];
begin
  with members as materialized (
    select daybook_private.category_accounts(category_totals.ledger, category_totals.category) as account_ids
  ),
  summands as (
    select s.*
      from members m
     cross join lateral (
        select c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits,
               case when c.drifted_at is not null then c.account_id end as drifted
          from daybook_private.account_counters c
         where c.ledger = category_totals.ledger and c.account_id = any (m.account_ids)
        union all
        select q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits, null
          from daybook_private.entry_queue q
         where q.ledger = category_totals.ledger and q.account_id = any (m.account_ids)) s
  )
  select g.currency, g.normal_balance, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits, s.drifted
    into totals.currency, totals.normal_balance,
         totals.pending_debits, totals.pending_credits, totals.posted_debits, totals.posted_credits, drifted
    from daybook.categories g
   cross join (
      select coalesce(sum(pending_debits), 0), coalesce(sum(pending_credits), 0),
             coalesce(sum(posted_debits), 0), coalesce(sum(posted_credits), 0),
             array_agg(drifted) filter (where drifted is not null)
        from summands) s (pending_debits, pending_credits, posted_debits, posted_credits, drifted)
   where g.ledger = category_totals.ledger and g.category = category_totals.category;
  if drifted is not null then
    totals := daybook_private.without_drift(ledger, totals, drifted);
  end if;
  return totals;
end
$$;
comment on function daybook_private.category_totals(text, text) is
  'The four counters of all accounts in a category, directly or through others, each account once, queued entries counted; nulls for a category that does not exist.';
revoke execute on function daybook_private.category_totals(text, text) from public;
--! EndIncluded daybook_private/functions/category_totals.sql
--! Included daybook_private/functions/with_drifted_lines.sql
-- What the entries of drifted accounts say leaves out the lines of the call that asks: they are queued
-- by now, but are entries only when it is known that nothing refuses them.
create or replace function daybook_private.with_drifted_lines(
  ledger text,
  category text,
  totals daybook_private.line,
  lines daybook_private.line[]
)
  returns daybook_private.line
  language plpgsql
  volatile
as $$
declare
  line daybook_private.line;
  members uuid[];
begin
  foreach line in array lines loop
    if line.drifted_at is not null then
      members := coalesce(members, daybook_private.category_accounts(ledger, category));
      if line.account_id = any (members) then
        totals := daybook_private.add_line(totals, line);
      end if;
    end if;
  end loop;
  return totals;
end
$$;
comment on function daybook_private.with_drifted_lines(text, text, daybook_private.line, daybook_private.line[]) is
  'Totals of a category, with those applied lines that concern drifted accounts in it on top.';
revoke execute on function daybook_private.with_drifted_lines(text, text, daybook_private.line, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/with_drifted_lines.sql
--! Included daybook_private/functions/broken_category.sql
-- Called when every entry is in its counters or queued, under the locks of lock_categories: each
-- statement sees all that calls with locks on the same categories have committed.
create or replace function daybook_private.broken_category(
  ledger text,
  category_locks daybook.category_lock_input[],
  lines daybook_private.line[]
)
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
      daybook_private.with_drifted_lines(
        ledger, lock.category, daybook_private.category_totals(ledger, lock.category), lines));
    if facts is not null then
      return row('LDCAT', 'a condition on a category would be broken',
        jsonb_build_object('index', n, 'category', lock.category) || facts)::daybook_private.refusal;
    end if;
  end loop;
  return null;
end
$$;
comment on function daybook_private.broken_category(text, daybook.category_lock_input[], daybook_private.line[]) is
  'LDCAT for the first category lock of applied lines whose bounds the balance of its category breaks, its place as index; null when all hold.';
revoke execute on function daybook_private.broken_category(text, daybook.category_lock_input[], daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/broken_category.sql
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
    on conflict do nothing
    returning id, created_at into member.id, member.created_at;
  if found then
    perform daybook_private.log_event(member.ledger, 'add_to_category',
      to_jsonb(member) - '{ledger,account_id}'::text[],
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
--! Included daybook_private/functions/fold_queue.sql
-- The caller holds the account by an earlier statement: only then does this one's
-- snapshot see every entry that was queued before the lock was got. What the caller has added to
-- the counters meanwhile stays on top: versions and counters of folded entries leave it out.
-- Where counters have drifted nothing is folded until they are rebuilt.
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
       and exists (select from daybook_private.account_counters c
                    where c.ledger = fold_queue.ledger and c.account_id = fold_queue.account_id and c.drifted_at is null)
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
                     null, null, null, null, null, null, null)::daybook_private.line];
  end if;
  return array(
    select row(l.position, l.id, l.account_id, l.direction, l.amount, l.currency, l.any_locked, l.metadata, null,
               l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits, order_lines.request_hash,
               null, null, null, null, l.available_min, l.effect, null)::daybook_private.line
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
        null, null, null, null, minimum, effect, null)::daybook_private.line;
    else
      net := net - entry.amount;
      lines[n] := row(n, uuidv7(), account_id, 'credit', entry.amount, currency, locked, coalesce(entry.metadata, '{}'), null,
        0, entry.amount, 0, case when effect = 'pending' then 0 else entry.amount end, request_hash,
        null, null, null, null, minimum, effect, null)::daybook_private.line;
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
--! Included daybook_private/functions/period_lock.sql
create or replace function daybook_private.period_lock(ledger text)
  returns bigint
  language sql
  immutable
  parallel safe
as $$
  select pg_catalog.hashtextextended('daybook periods of ' || ledger, 0)
$$;
comment on function daybook_private.period_lock(text) is
  'The advisory lock on the periods of a ledger: shared by who writes entries at a given time, exclusive to who closes.';
revoke execute on function daybook_private.period_lock(text) from public;
--! EndIncluded daybook_private/functions/period_lock.sql
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
--! Included daybook_private/functions/check_period.sql
create or replace function daybook_private.check_period(ledger text, effective_at timestamptz)
  returns void
  language plpgsql
  volatile
as $$
declare
  closed_until constant timestamptz := daybook_private.hold_periods(ledger);
begin
  if effective_at < closed_until then
    perform daybook_private.refuse('LDPER', 'the period is closed',
      jsonb_build_object('ledger', ledger, 'effective_at', effective_at, 'closed_until', closed_until));
  end if;
end
$$;
comment on function daybook_private.check_period(text, timestamptz) is
  'Raises LDPER for new entries that would take effect in a closed period.';
revoke execute on function daybook_private.check_period(text, timestamptz) from public;
--! EndIncluded daybook_private/functions/check_period.sql
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
  if input.effective_at is not null then
    perform daybook_private.check_period(ledger, input.effective_at);
  end if;
  return daybook_private.cover_lines(ledger, input.category_locks, lines);
end
$$;
comment on function daybook_private.settle_lines(text, daybook.transaction_input, daybook_private.line[], uuid) is
  'What comes between the key and the accounts'' locks, where a request needs it. Raises LDARG, LDAMT, LDLED, LDACC, LDCTG, LDUNB, LDEXT, LDCLS, LDPER.';
revoke execute on function daybook_private.settle_lines(text, daybook.transaction_input, daybook_private.line[], uuid) from public;
--! EndIncluded daybook_private/functions/settle_lines.sql
--! Included daybook_private/functions/queue_on_drifted.sql
-- Nothing is added to a chain of versions that is known to be broken: what is written while an account is
-- drifted waits in its queue, like entries that did not wait, and is folded after the repair. The counters
-- stay as they were found; the facts of the account are right.
create or replace function daybook_private.queue_on_drifted(
  ledger text,
  line daybook_private.line,
  facts daybook_private.line
)
  returns daybook_private.line
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  update daybook_private.account_counters c
     set lock_version = facts.lock_version - 1,
         pending_debits = facts.pending_debits - line.pending_debits,
         pending_credits = facts.pending_credits - line.pending_credits,
         posted_debits = facts.posted_debits - line.posted_debits,
         posted_credits = facts.posted_credits - line.posted_credits
   where c.ledger = queue_on_drifted.ledger and c.account_id = line.account_id;
  line := daybook_private.queue_entry(ledger, line);
  line.normal_balance := facts.normal_balance;
  line.balance_min := facts.balance_min;
  line.balance_max := facts.balance_max;
  line.closed_at := facts.closed_at;
  line.drifted_at := facts.drifted_at;
  return line;
end
$$;
comment on function daybook_private.queue_on_drifted(text, daybook_private.line, daybook_private.line) is
  'Takes back what a locked entry has added to the counters of an account that has drifted, and queues it instead; returns it with the facts of the account and without version and counters.';
revoke execute on function daybook_private.queue_on_drifted(text, daybook_private.line, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/queue_on_drifted.sql
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
--! Included daybook_private/functions/judged_lines.sql
-- Where counters have drifted, what a condition is about comes from the entries: all that are accepted by
-- now, and on top the lines of this call, which are not among them yet. Queued entries count, as always.
create or replace function daybook_private.judged_lines(ledger text, lines daybook_private.line[])
  returns daybook_private.line[]
  language plpgsql
  volatile
as $$
declare
  account uuid;
  total daybook_private.line;
begin
  for n in 1..cardinality(lines) loop
    exit when not lines[n].locked;
    continue when lines[n].drifted_at is null;
    if account is distinct from lines[n].account_id then
      account := lines[n].account_id;
      total := daybook_private.true_counters(ledger, account);
    end if;
    total := daybook_private.add_line(total, lines[n]);
    lines[n].lock_version := total.lock_version;
    lines[n].pending_debits := total.pending_debits;
    lines[n].pending_credits := total.pending_credits;
    lines[n].posted_debits := total.posted_debits;
    lines[n].posted_credits := total.posted_credits;
  end loop;
  return lines;
end
$$;
comment on function daybook_private.judged_lines(text, daybook_private.line[]) is
  'Applied lines as conditions are to see them: those of drifted accounts with the version and counters that follow from the entries, all others as they are.';
revoke execute on function daybook_private.judged_lines(text, daybook_private.line[]) from public;
--! EndIncluded daybook_private/functions/judged_lines.sql
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
        and line.drifted_at is null
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
     or input.category_locks is not null or coalesce(input.effective_at, origin.effective_at) is not null then
    input.effective_at := coalesce(input.effective_at, origin.effective_at);
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
    transaction_id, null, origin);
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
--! Included daybook_private/functions/reserve_periods.sql
-- As reserve_keys does, and after all keys and external ids. Where no member says when it takes effect
-- nothing can be in a closed period, and nothing is looked at.
create or replace function daybook_private.reserve_periods(ledger text, members daybook_private.batch_member[])
  returns daybook_private.batch_member[]
  language plpgsql
  volatile
as $$
declare
  earliest constant timestamptz := (select min(m.effective_at) from unnest(members) m);
  closed_until timestamptz;
  late integer;
begin
  if earliest is null then
    return members;
  end if;
  closed_until := daybook_private.hold_periods(ledger);
  if earliest < closed_until then
    for late in
      select m.index from unnest(members) m where m.effective_at < closed_until and not m.is_replay
    loop
      members[late].is_alone := true;
    end loop;
  end if;
  return members;
end
$$;
comment on function daybook_private.reserve_periods(text, daybook_private.batch_member[]) is
  'Keeps periods from being closed where a batch has times of its own; returns the members with those marked that must be made alone because theirs is closed.';
revoke execute on function daybook_private.reserve_periods(text, daybook_private.batch_member[]) from public;
--! EndIncluded daybook_private/functions/reserve_periods.sql
--! Included daybook_private/functions/part_drifted.sql
-- The sets in which a batch is judged read the counters. Where those are not to be believed each member
-- is judged by itself. Called under the locks of all locked lines' accounts.
create or replace function daybook_private.part_drifted(
  ledger text,
  members daybook_private.batch_member[],
  lines daybook_private.batch_line[]
)
  returns daybook_private.batch_member[]
  language plpgsql
  volatile
  set enable_nestloop to off
as $$
declare
  parted integer;
begin
  perform
    from daybook_private.drifts d
   where d.ledger = part_drifted.ledger
   limit 1;
  if not found then
    return members;
  end if;
  for parted in
    select distinct l.member
      from unnest(lines) l
      join daybook_private.drifts d on d.ledger = part_drifted.ledger and d.account_id = l.account_id
     where l.locked
  loop
    members[parted].is_alone := true;
  end loop;
  return members;
end
$$;
comment on function daybook_private.part_drifted(text, daybook_private.batch_member[], daybook_private.batch_line[]) is
  'The members of a batch; those with locked lines on drifted accounts are to be made alone.';
revoke execute on function daybook_private.part_drifted(text, daybook_private.batch_member[], daybook_private.batch_line[]) from public;
--! EndIncluded daybook_private/functions/part_drifted.sql
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
      pending.transaction_id, null, pending.origin);
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
-- Accounts that somebody else holds are not waited for: what comes to them goes into the queue; so does
-- what comes to accounts whose counters have drifted, which nobody adds to until they are rebuilt.
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
  held uuid[] := array(
    select a.id
      from daybook.accounts a
     where a.ledger = make_chunk.ledger and a.id = any (accounts)
       for no key update skip locked);
  ids constant uuid[] := array(select uuidv7() from generate_series(1, cardinality(lines)));
  created_at constant timestamptz := clock_timestamp();
  has_pending constant boolean := exists (select from unnest(members) m where m.status = 'pending');
begin
  if exists (select from daybook_private.drifts d where d.ledger = make_chunk.ledger) then
    held := array(
      select h from unnest(held) h
       where not exists (select from daybook_private.drifts d where d.ledger = make_chunk.ledger and d.account_id = h));
  end if;
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
--! Included daybook_private/functions/create_batch.sql
-- The outcome is that of create_member for one after the other, but most are made by sets: what cannot
-- be, and what is refused, is left to create_member. What is waited for is waited for ahead, for all
-- members, in the order in which a single call waits (keys, external ids, periods, categories, accounts), each
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
  members := daybook_private.reserve_periods(ledger, members);
  lines := daybook_private.cover_batch(ledger, inputs, lines);
  has_locks := exists (select from unnest(lines) l where l.locked);
  if has_locks then
    lines := daybook_private.spread_locks(lines);
    perform daybook_private.lock_batch(ledger, members, lines);
    members := daybook_private.part_drifted(ledger, members, lines);
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
exception when sqlstate 'LDARG' then
  get stacked diagnostics
    code = returned_sqlstate, message = message_text, detail_text = pg_exception_detail;
  detail := detail_text::jsonb;
  perform daybook_private.refuse(code, message,
    detail || jsonb_strip_nulls(jsonb_build_object('index', check_queueable.index, 'entry_index', detail -> 'index')));
end
$$;
comment on function daybook_private.check_queueable(daybook.transaction_input, integer) is
  'Raises LDARG, with its place, for a member that is malformed or has no idempotency key.';
revoke execute on function daybook_private.check_queueable(daybook.transaction_input, integer) from public;
--! EndIncluded daybook_private/functions/check_queueable.sql
--! Included daybook_private/functions/held_lines.sql
-- Partial postings have released parts of the pending entries, position by position. One pass over them:
-- a look for each line's own would take seconds for a thousand lines.
create or replace function daybook_private.held_lines(pending daybook.transactions)
  returns daybook_private.line[]
  language sql
  stable
as $$
  select array_agg(row(h.position, null, h.account_id, h.direction, h.amount, h.currency, h.locked, h.metadata, null,
                       0, 0, 0, 0, null, null, null, null, null, null, null, null)::daybook_private.line order by h.position)
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
      null, null, null, null, null, null, answer_lines.effect, null)::daybook_private.line order by l.position)
    from unnest(held) l
   cross join lateral (
     select daybook_private.pending_share(answer_lines.effect, l.amount) as pending,
            daybook_private.posted_share(answer_lines.effect, l.amount) as posted) a
$$;
comment on function daybook_private.answer_lines(daybook_private.line[], daybook.entry_effect, boolean) is
  'New lines that do something about each of the held ones: settle, release, or take its place; in its own mode, or as lines that do not wait.';
revoke execute on function daybook_private.answer_lines(daybook_private.line[], daybook.entry_effect, boolean) from public;
--! EndIncluded daybook_private/functions/answer_lines.sql
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
    refusal := daybook_private.judge_conditions(asked, daybook_private.judged_lines(ledger, lines));
    if refusal.code is null then
      refusal := daybook_private.broken_category(ledger, category_locks, lines);
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
      null, null, null, null, null, null, 'posted', null)::daybook_private.line order by e.position)
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
               0, 0, 0, 0, null, null, null, null, null, null, null, null)::daybook_private.line
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
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCTG, LDTXN, LDUNB, LDSTA, LDCLS, LDPER, LDVER, LDBAL, LDLIM, LDCAT.';
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
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDTXN, LDUNB, LDEXT, LDSTA, LDPER, LDVER, LDBAL.';
revoke execute on function daybook.partially_post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, text, jsonb, text, integer) from public;
grant execute on function daybook.partially_post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, text, jsonb, text, integer) to daybook_writer;
--! EndIncluded daybook/functions/partially_post_transaction.sql
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
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCTG, LDTXN, LDUNB, LDSTA, LDCLS, LDPER, LDVER, LDBAL, LDLIM, LDCAT.';
revoke execute on function daybook.post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, daybook.category_lock_input[], integer) from public;
grant execute on function daybook.post_transaction(text, uuid, daybook.entry_input[], timestamptz, text, daybook.category_lock_input[], integer) to daybook_writer;
--! EndIncluded daybook/functions/post_transaction.sql
--! Included daybook_private/functions/put_transaction_metadata.sql
-- The row in transactions is all that is recorded of one made posted, and here it is written over:
-- so the log keeps what was there before, and what was not.
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
       where m.value is distinct from put_transaction_metadata.metadata -> m.key),
      'added', (
      select jsonb_agg(n.key)
        from jsonb_object_keys(put_transaction_metadata.metadata) n (key)
       where not known.metadata ? n.key)),
    known.id);
  return row(null, known.ledger, known.id, known.status, known.version, false, known.archived_reason,
             null, null, null, null)::daybook.transaction_result;
end
$$;
comment on function daybook_private.put_transaction_metadata(daybook.transactions, jsonb, text, jsonb) is
  'Gives a locked transaction other metadata, and logs what was asked and which values it replaced.';
revoke execute on function daybook_private.put_transaction_metadata(daybook.transactions, jsonb, text, jsonb) from public;
--! EndIncluded daybook_private/functions/put_transaction_metadata.sql
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
  'Raises 42501, LDARG, LDISO, LDIDM, LDAMT, LDLED, LDACC, LDCUR, LDCLS, LDPER, LDLIM.';
revoke execute on function daybook.transfer_between_ledgers(text, text, text, text, numeric, text, text, timestamptz, text, text, jsonb) from public;
grant execute on function daybook.transfer_between_ledgers(text, text, text, text, numeric, text, text, timestamptz, text, text, jsonb) to daybook_writer;
--! EndIncluded daybook/functions/transfer_between_ledgers.sql
--! Included daybook_private/functions/check_until.sql
create or replace function daybook_private.check_until(until timestamptz)
  returns void
  language plpgsql
  immutable
as $$
begin
  if until is null then
    perform daybook_private.refuse_argument('until', 'must be given');
  end if;
  if not isfinite(until) then
    perform daybook_private.refuse_argument('until', 'a finite time', to_jsonb(until));
  end if;
end
$$;
comment on function daybook_private.check_until(timestamptz) is
  'Raises LDARG for a missing or infinite end of a period.';
revoke execute on function daybook_private.check_until(timestamptz) from public;
--! EndIncluded daybook_private/functions/check_until.sql
--! Included daybook_private/functions/await_writers.sql
-- Every call that makes entries locks rows of accounts before it looks at the clock, so whoever may still
-- commit an entry of the time until now holds such a lock on the table. Whoever comes later is later. A lock of
-- our own would do it at the price of a lock in every call; this costs nobody anything but who closes.
-- What the worker found settled is not under way any more: as a rule there is nobody to wait for.
create or replace function daybook_private.await_writers(until timestamptz, patience interval default '5 s')
  returns void
  language plpgsql
  volatile
as $$
declare
  deadline constant timestamptz := clock_timestamp() + patience;
  writers text[];
begin
  perform from daybook_private.settlements s where s.ledger = '*' and s.settled_until >= until;
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
--! Included daybook_private/functions/set_closed_until.sql
create or replace function daybook_private.set_closed_until(ledger text, until timestamptz, kind text)
  returns daybook.ledgers
  language plpgsql
  volatile
as $$
declare
  before timestamptz;
  changed daybook.ledgers;
begin
  perform from daybook.ledgers l where l.name = set_closed_until.ledger for no key update;
  -- A later statement than the lock, so that it sees what was set while it was waited for.
  select l.* into strict changed from daybook.ledgers l where l.name = set_closed_until.ledger;
  before := changed.closed_until;
  if until = before or (kind = 'close_period') <> (until > coalesce(before, '-infinity')) then
    return changed;
  end if;
  update daybook.ledgers l
     set closed_until = until
   where l.name = set_closed_until.ledger
  returning l.* into changed;
  perform daybook_private.log_event(changed.name, kind,
    jsonb_build_object('closed_until', changed.closed_until, 'closed_before', before));
  return changed;
end
$$;
comment on function daybook_private.set_closed_until(text, timestamptz, text) is
  'Closes or reopens the books of a ledger; nothing happens if they are closed, or open, so far already.';
revoke execute on function daybook_private.set_closed_until(text, timestamptz, text) from public;
--! EndIncluded daybook_private/functions/set_closed_until.sql
--! Included daybook/functions/close_period.sql
-- Until cannot lie in the future: so an entry that takes effect when it is made is never in a closed
-- period, and only who gives an effective time looks for one. It waits for transactions under way that
-- gave one, and those that come after wait for it: not for long, whatever holds it up. Who gave none
-- may have begun before a time that is only just over, and is waited for by await_writers.
create or replace function daybook.close_period(ledger text, until timestamptz)
  returns daybook.ledgers
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
  set lock_timeout to '5s'
as $$
begin
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.check_until(until);
  if until > clock_timestamp() then
    perform daybook_private.refuse_argument('until', 'not later than now: only what is over can be closed', to_jsonb(until));
  end if;
  perform daybook_private.check_ledger_exists(ledger);
  if not exists (
       select from daybook.ledgers l where l.name = close_period.ledger and l.closed_until >= until) then
    perform daybook_private.await_writers(until);
    perform pg_advisory_xact_lock(daybook_private.period_lock(ledger));
  end if;
  return daybook_private.set_closed_until(ledger, until, 'close_period');
end
$$;
comment on function daybook.close_period(text, timestamptz) is
  'Close the books of a ledger up to a time that is not later than now: entries effective before it are refused from then on (LDPER), while what is pending may still be posted as it was created, archived, or expire. What is closed stays closed: an earlier time changes nothing. Waits at most 5 s for open transactions that gave an effective_at, or that may have begun before the time (then 55P03: call again). '
  'Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.close_period(text, timestamptz) from public;
grant execute on function daybook.close_period(text, timestamptz) to daybook_writer;
--! EndIncluded daybook/functions/close_period.sql
--! Included daybook/functions/reopen_period.sql
create or replace function daybook.reopen_period(ledger text, until timestamptz)
  returns daybook.ledgers
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'write');
  perform daybook_private.check_until(until);
  perform daybook_private.check_ledger_exists(ledger);
  return daybook_private.set_closed_until(ledger, until, 'reopen_period');
end
$$;
comment on function daybook.reopen_period(text, timestamptz) is
  'Open the books of a ledger again from a time on: they stay closed until then. What is open stays open: a later time than that until which they are closed changes nothing. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.reopen_period(text, timestamptz) from public;
grant execute on function daybook.reopen_period(text, timestamptz) to daybook_writer;
--! EndIncluded daybook/functions/reopen_period.sql
--! Included daybook_private/functions/period_start.sql
-- Without a fixed search_path, so that it is inlined; it names only pg_catalog. Times of which PostgreSQL
-- has no whole year are in a first period of their own.
create or replace function daybook_private.period_start(period text, at timestamptz)
  returns timestamptz
  language sql
  immutable
  parallel safe
as $$
  select case
    when period = 'ever' or at < '4712-01-01 00:00:00+00 BC' then '-infinity'
    else date_trunc(period, at at time zone 'UTC') at time zone 'UTC'
  end
$$;
comment on function daybook_private.period_start(text, timestamptz) is
  'Where the year, month, day or hour of UTC begins that a time is in; -infinity for the period ever.';
revoke execute on function daybook_private.period_start(text, timestamptz) from public;
--! EndIncluded daybook_private/functions/period_start.sql
--! Included daybook_private/functions/periods_before.sql
create or replace function daybook_private.periods_before(at timestamptz, units text[])
  returns table (unit text, starts_at timestamptz, ends_at timestamptz)
  language sql
  immutable
  rows 4
  set search_path to pg_catalog, pg_temp
as $$
  select b.unit, coalesce(lag(b.starts_at) over (order by b.n), '-infinity'), b.starts_at
    from (select u.unit, u.n, daybook_private.period_start(u.unit, periods_before.at) as starts_at
            from unnest(units) with ordinality u (unit, n)) b
$$;
comment on function daybook_private.periods_before(timestamptz, text[]) is
  'All time before the smallest of some periods that a time is in, as whole periods: years before its year, months of that year before its month, and so on. Units from the longest to the shortest.';
revoke execute on function daybook_private.periods_before(timestamptz, text[]) from public;
--! EndIncluded daybook_private/functions/periods_before.sql
--! Included daybook_private/functions/units_down_to.sql
create or replace function daybook_private.units_down_to(unit text)
  returns text[]
  language sql
  immutable
  set search_path to pg_catalog, pg_temp
return ('{year,month,day,hour}'::text[])[1:array_position('{year,month,day,hour}', unit)];
comment on function daybook_private.units_down_to(text) is
  'The kinds of period from the year down to one of month, day and hour.';
revoke execute on function daybook_private.units_down_to(text) from public;
--! EndIncluded daybook_private/functions/units_down_to.sql
--! Included daybook_private/functions/entry_cells.sql
-- First by the shortest periods, these by days, and then by every kind of period: of many entries few hours, and fewer days.
-- Entries in the order of an index that gives it, while sorting is off: by no other one are they looked for,
-- even where statistics are missing or wrong.
create or replace function daybook_private.entry_cells(
  ledger text,
  account_id uuid,
  after_version bigint,
  to_version bigint
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
  effective_unit text;
  recorded_unit text;
begin
  select u.effective_unit, u.recorded_unit into effective_unit, recorded_unit
    from daybook_private.rollup_cursors u
   where u.ledger = entry_cells.ledger and u.account_id = entry_cells.account_id;
  return query
    with kinds as materialized (
      select e as effective_in, 'ever' as recorded_in from unnest(daybook_private.units_down_to(effective_unit)) e
      union all
      select 'ever', r from unnest(daybook_private.units_down_to(recorded_unit)) r
      union all
      select e, r
        from unnest(daybook_private.units_down_to(effective_unit)) e, unnest(daybook_private.units_down_to(recorded_unit)) r
       where e <> 'year' and r <> 'year'
    ),
    shortest as materialized (
      select daybook_private.period_start(effective_unit, e.effective_at) as effective_at,
             daybook_private.period_start(recorded_unit, e.created_at) as recorded_at,
             count(*) as entries,
             coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as pending_debits,
             coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as pending_credits,
             coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0) as posted_debits,
             coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0) as posted_credits,
             min(uuid_send(e.id)) as first_id,
             max(uuid_send(e.id)) as last_id
        from (select * from daybook.entries e
               where e.ledger = entry_cells.ledger and e.account_id = entry_cells.account_id
                 and e.lock_version between entry_cells.after_version + 1 and entry_cells.to_version
               order by e.lock_version
              offset 0) e
       group by 1, 2
    ),
    days as materialized (
      select daybook_private.period_start('day', h.effective_at) as effective_at,
             daybook_private.period_start('day', h.recorded_at) as recorded_at,
             sum(h.entries) as entries,
             sum(h.pending_debits) as pending_debits, sum(h.pending_credits) as pending_credits,
             sum(h.posted_debits) as posted_debits, sum(h.posted_credits) as posted_credits,
             min(h.first_id) as first_id, max(h.last_id) as last_id
        from shortest h
       group by 1, 2
    )
    select entry_cells.ledger, entry_cells.account_id, p.effective_in, p.recorded_in,
           daybook_private.period_start(p.effective_in, p.effective_at),
           daybook_private.period_start(p.recorded_in, p.recorded_at),
           sum(p.entries)::bigint,
           sum(p.pending_debits), sum(p.pending_credits), sum(p.posted_debits), sum(p.posted_credits),
           encode(min(p.first_id), 'hex')::uuid, encode(max(p.last_id), 'hex')::uuid
      from (select * from shortest cross join kinds k where 'hour' in (k.effective_in, k.recorded_in)
            union all
            select * from days cross join kinds k where 'hour' not in (k.effective_in, k.recorded_in)) p
     group by 3, 4, 5, 6;
end
$$;
comment on function daybook_private.entry_cells(text, uuid, bigint, bigint) is
  'The rows of entry_sums over the entries of an account above one version, up to another, computed from the entries.';
revoke execute on function daybook_private.entry_cells(text, uuid, bigint, bigint) from public;
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
         effective_unit = case when not effective then u.effective_unit when u.effective_unit = 'month' then 'day' else 'hour' end,
         recorded_unit = case when not recorded then u.recorded_unit when u.recorded_unit = 'month' then 'day' else 'hour' end
   where u.ledger = refine_sums.ledger and u.account_id = refine_sums.account_id;
end
$$;
comment on function daybook_private.refine_sums(text, uuid, boolean, boolean) is
  'Drops the sums of an account, to be made anew with shorter periods of effective or recorded time. The caller holds its cursor.';
revoke execute on function daybook_private.refine_sums(text, uuid, boolean, boolean) from public;
--! EndIncluded daybook_private/functions/refine_sums.sql
--! Included daybook_private/functions/roll_up_account.sql
-- Whoever holds the account's cursor adds the entries behind it; another one goes on to other
-- accounts. The entries are read in a later statement than the one that got the lock, and they and the cursor
-- change together: for every snapshot an entry is either in the sums or above the cursor.
-- The entries of one shortest period are read one by one: when they become many, shorter periods are needed.
create or replace function daybook_private.roll_up_account(
  ledger text,
  account_id uuid,
  max_entries integer default 20000,
  max_of_period integer default 500
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
  newest bigint;
  added bigint;
  last_period timestamptz;
  effective_is_crowded boolean;
  recorded_is_crowded boolean;
begin
  insert into daybook_private.rollup_cursors (ledger, account_id)
  values (roll_up_account.ledger, roll_up_account.account_id)
  on conflict do nothing;
  select u.* into cursor
    from daybook_private.rollup_cursors u
   where u.ledger = roll_up_account.ledger and u.account_id = roll_up_account.account_id
     for no key update skip locked;
  select least(c.lock_version, cursor.lock_version + max_entries) into newest
    from daybook_private.account_counters c
   where c.ledger = roll_up_account.ledger and c.account_id = roll_up_account.account_id and c.drifted_at is null;
  if newest > cursor.lock_version is not true then
    return 0;
  end if;
  with cells as materialized (
    select n.*
      from daybook_private.entry_cells(roll_up_account.ledger, roll_up_account.account_id, cursor.lock_version, newest) n
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
  select (select sum(n.entries) from cells n where n.effective_in = 'ever' and n.recorded_in = 'year'),
         (select max(n.recorded_from) from cells n where n.effective_in = 'ever' and n.recorded_in = cursor.recorded_unit),
         cursor.effective_unit <> 'hour' and exists (
           select from written w
            where w.effective_in = cursor.effective_unit and w.recorded_in = 'ever' and w.entries > max_of_period),
         cursor.recorded_unit <> 'hour' and exists (
           select from written w
            where w.effective_in = 'ever' and w.recorded_in = cursor.recorded_unit and w.entries > max_of_period)
    into added, last_period, effective_is_crowded, recorded_is_crowded;
  if added = newest - cursor.lock_version is not true then
    raise exception 'of the entries of account % with versions % to % there are %', account_id, cursor.lock_version + 1, newest, added;
  end if;
  update daybook_private.rollup_cursors u
     set lock_version = newest, later_from = daybook_private.uuid_at(last_period - interval '1 hour'), rolled_up_at = now()
   where u.ledger = roll_up_account.ledger and u.account_id = roll_up_account.account_id;
  if effective_is_crowded or recorded_is_crowded then
    perform daybook_private.refine_sums(ledger, account_id, effective_is_crowded, recorded_is_crowded);
  end if;
  return added;
end
$$;
comment on function daybook_private.roll_up_account(text, uuid, integer, integer) is
  'Adds an account''s next entries to its sums, at most so many, or begins again with shorter periods when one of the shortest has more entries than that; returns how many it read. None of an account whose counters are distrusted, or that somebody else is at. For the worker, one call a transaction.';
revoke execute on function daybook_private.roll_up_account(text, uuid, integer, integer) from public;
grant execute on function daybook_private.roll_up_account(text, uuid, integer, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/roll_up_account.sql
--! Included daybook_private/functions/sums_of_entries.sql
-- What all caches must equal: nothing but entries is read.
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
    select e.account_id, count(*),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0)
      from daybook.entries e
     where e.ledger = sums_of_entries.ledger and e.account_id = any (account_ids)
       and e.effective_at <= effective_to and e.created_at <= recorded_to
     group by e.account_id;
end
$$;
comment on function daybook_private.sums_of_entries(text, uuid[], timestamptz, timestamptz) is
  'The counters of accounts as the plain sums of their entries, queued ones too, effective by one time and recorded by another, inclusive; a null counts all. No row for an account without any.';
revoke execute on function daybook_private.sums_of_entries(text, uuid[], timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/sums_of_entries.sql
--! Included daybook_private/functions/rolled_up_sums.sql
-- Each period's rows are one range of the key (`offset 0` keeps it so, whatever the planner guesses).
create or replace function daybook_private.rolled_up_sums(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz,
  recorded_at timestamptz,
  effective_units text[],
  recorded_units text[]
)
  returns setof daybook_private.account_sums
  language plpgsql
  stable
as $$
#variable_conflict use_column
begin
  if recorded_at is null then
    return query
      select r.*
        from daybook_private.periods_before(effective_at, effective_units) p
       cross join lateral (
          select s.account_id, s.entries, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits
            from daybook_private.entry_sums s
           where s.ledger = rolled_up_sums.ledger and s.account_id = any (account_ids)
             and s.effective_in = p.unit and s.recorded_in = 'ever'
             and s.effective_from >= p.starts_at and s.effective_from < p.ends_at
          offset 0) r;
  elsif effective_at is null then
    return query
      select r.*
        from daybook_private.periods_before(recorded_at, recorded_units) p
       cross join lateral (
          select s.account_id, s.entries, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits
            from daybook_private.entry_sums s
           where s.ledger = rolled_up_sums.ledger and s.account_id = any (account_ids)
             and s.effective_in = 'ever' and s.recorded_in = p.unit and s.effective_from = '-infinity'
             and s.recorded_from >= p.starts_at and s.recorded_from < p.ends_at
          offset 0) r;
  else
    return query
      select r.*
        from daybook_private.periods_before(effective_at, effective_units) pe
       cross join daybook_private.periods_before(recorded_at, recorded_units) pr
       cross join lateral (
          select s.account_id, s.entries, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits
            from daybook_private.entry_sums s
           where s.ledger = rolled_up_sums.ledger and s.account_id = any (account_ids)
             and s.effective_in = pe.unit and s.recorded_in = pr.unit
             and s.effective_from >= pe.starts_at and s.effective_from < pe.ends_at
             and s.recorded_from >= pr.starts_at and s.recorded_from < pr.ends_at
          offset 0) r;
  end if;
end
$$;
comment on function daybook_private.rolled_up_sums(text, uuid[], timestamptz, timestamptz, text[], text[]) is
  'Sums of accounts over whole periods, of these units, before the last of them that a time is in, effective or recorded or both. Several rows an account.';
revoke execute on function daybook_private.rolled_up_sums(text, uuid[], timestamptz, timestamptz, text[], text[]) from public;
--! EndIncluded daybook_private/functions/rolled_up_sums.sql
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
       and e.lock_version <= u.lock_version and e.created_at <= recorded_end
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
       and e.lock_version <= u.lock_version
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
  effective_to timestamptz,
  recorded_to timestamptz
)
  returns table (seen bigint, sums daybook_private.account_sums)
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  whole constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  return query
    select l.seen, row(u.account_id, l.entries, l.pending_debits, l.pending_credits, l.posted_debits, l.posted_credits)::daybook_private.account_sums
      from daybook_private.rollup_cursors u
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
                   and e.id >= coalesce(first_id, whole)
                   and e.id >= case when first_id is null then whole else u.later_from end
                 order by e.lock_version
                offset 0) e) l
     where u.ledger = later_sums.ledger and u.account_id = any (account_ids);
end
$$;
comment on function daybook_private.later_sums(text, uuid[], uuid, timestamptz, timestamptz) is
  'How many applied entries above their cursors were found of each account, looking from an id and the account''s own hint on, or everywhere; and the sums of those effective by one time and recorded by another.';
revoke execute on function daybook_private.later_sums(text, uuid[], uuid, timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/later_sums.sql
--! Included daybook_private/functions/later_entries.sql
-- An account's versions have no gaps, so it is known how many must be found: if looking from later_from
-- on finds fewer, some were on their way for longer than that, and are looked for everywhere.
create or replace function daybook_private.later_entries(
  ledger text,
  account_ids uuid[],
  effective_to timestamptz,
  recorded_to timestamptz
)
  returns setof daybook_private.account_sums
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  behind uuid[];
  missing bigint;
  first_id uuid;
  sums daybook_private.account_sums[];
  seen bigint;
begin
  select array_agg(u.account_id), sum(c.lock_version - u.lock_version), (array_agg(u.later_from order by u.later_from))[1]
    into behind, missing, first_id
    from daybook_private.rollup_cursors u
    join daybook_private.account_counters c on c.ledger = u.ledger and c.account_id = u.account_id
   where u.ledger = later_entries.ledger and u.account_id = any (account_ids) and c.lock_version > u.lock_version;
  if missing > 0 then
    select sum(s.seen), array_agg(s.sums) into seen, sums
      from daybook_private.later_sums(ledger, behind, first_id, effective_to, recorded_to) s;
    if seen = missing is not true then
      select array_agg(s.sums) into sums
        from daybook_private.later_sums(ledger, behind, null, effective_to, recorded_to) s;
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
  'Sums of the entries of accounts above their cursors, queued ones too, effective by one time and recorded by another. Several rows an account.';
revoke execute on function daybook_private.later_entries(text, uuid[], timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/later_entries.sql
--! Included daybook_private/functions/account_sums_at.sql
-- One snapshot, however many statements: sums of whole periods, the entries of the last period, and
-- those that are not in the sums yet. Accounts without sums, or whose counters are distrusted, are added up
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
  first_unit constant integer := 1 + (num_nulls(effective_at, recorded_at) = 0)::integer; -- of both times there are no sums of years
  plain uuid[] := account_ids;
  rolled uuid[];
  effective_unit text;
  recorded_unit text;
begin
  for rolled, effective_unit, recorded_unit in
    select array_agg(u.account_id), u.effective_unit, u.recorded_unit
      from daybook_private.rollup_cursors u
      join daybook_private.account_counters c on c.ledger = u.ledger and c.account_id = u.account_id
     where u.ledger = account_sums_at.ledger and u.account_id = any (account_ids)
       and u.lock_version > 0 and c.drifted_at is null and num_nonnulls(effective_at, recorded_at) > 0
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
        select * from daybook_private.later_entries(ledger, rolled,
          coalesce(effective_at, 'infinity'), coalesce(recorded_at, 'infinity'))
      )
      select p.account_id, sum(p.entries)::bigint,
             sum(p.pending_debits), sum(p.pending_credits), sum(p.posted_debits), sum(p.posted_credits)
        from parts p
       group by p.account_id;
    plain := array(select unnest(plain) except select unnest(rolled));
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
--! Included daybook_private/functions/balances_at.sql
create or replace function daybook_private.balances_at(
  ledger text,
  account_ids uuid[],
  effective_at timestamptz default null,
  recorded_at timestamptz default null
)
  returns setof daybook.balances
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select c.ledger, c.address, c.account_id, c.currency, c.currency_exponent, c.normal_balance, b.entries,
           b.pending_debits, b.pending_credits,
           daybook_private.net_balance(c.normal_balance, b.pending_credits, b.pending_debits),
           b.posted_debits, b.posted_credits,
           daybook_private.net_balance(c.normal_balance, b.posted_credits, b.posted_debits),
           daybook_private.available_balance(c.normal_balance,
             b.pending_debits, b.pending_credits, b.posted_debits, b.posted_credits)
      from daybook_private.account_counters c
      left join daybook_private.account_sums_at(balances_at.ledger, account_ids, effective_at, recorded_at) s
        on s.account_id = c.account_id
     cross join lateral (
        select coalesce(s.entries, 0) as entries,
               coalesce(s.pending_debits, 0) as pending_debits, coalesce(s.pending_credits, 0) as pending_credits,
               coalesce(s.posted_debits, 0) as posted_debits, coalesce(s.posted_credits, 0) as posted_credits) b
     where c.ledger = balances_at.ledger and c.account_id = any (account_ids);
end
$$;
comment on function daybook_private.balances_at(text, uuid[], timestamptz, timestamptz) is
  'The balances of accounts over the entries effective by one time and recorded by another, inclusive; lock_version is how many entries were counted. One row an account, in no order.';
revoke execute on function daybook_private.balances_at(text, uuid[], timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/balances_at.sql
--! Included daybook_private/functions/sums_of_version.sql
-- Each applied entry knows the counters after it. Queued ones come on top, in the order of their ids, in
-- which they will get their versions. Where counters are distrusted, entries are added up.
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
    select sums_of_version.account_id, count(*),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit'), 0),
           coalesce(sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit'), 0)
      into sums
      from (select * from daybook.entries e
             where e.ledger = sums_of_version.ledger and e.account_id = sums_of_version.account_id
             order by e.lock_version nulls last, e.id
             limit version) e;
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
    perform daybook_private.refuse_argument('lock_version', 'not before the entries that are kept', to_jsonb(version));
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
--! Included daybook_private/functions/category_totals_at.sql
create or replace function daybook_private.category_totals_at(ledger text, category text, effective_at timestamptz)
  returns daybook_private.line
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  accounts constant uuid[] := daybook_private.category_accounts(ledger, category);
  totals daybook_private.line;
begin
  select coalesce(sum(s.pending_debits), 0), coalesce(sum(s.pending_credits), 0),
         coalesce(sum(s.posted_debits), 0), coalesce(sum(s.posted_credits), 0)
    into totals.pending_debits, totals.pending_credits, totals.posted_debits, totals.posted_credits
    from daybook_private.account_sums_at(category_totals_at.ledger, accounts, category_totals_at.effective_at) s;
  return totals;
end
$$;
comment on function daybook_private.category_totals_at(text, text, timestamptz) is
  'The four counters of all accounts that are in a category today, directly or through others, each once, over the entries effective by a time.';
revoke execute on function daybook_private.category_totals_at(text, text, timestamptz) from public;
--! EndIncluded daybook_private/functions/category_totals_at.sql
--! Included daybook_private/functions/accounts_to_roll_up.sql
-- One pass over all accounts, which the worker therefore asks for seldom; nothing on the way of a
-- posting tells it.
create or replace function daybook_private.accounts_to_roll_up(min_entries integer, max_accounts integer)
  returns table (ledger text, account_id uuid)
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select c.ledger, c.account_id
      from daybook_private.account_counters c
      left join daybook_private.rollup_cursors u on u.ledger = c.ledger and u.account_id = c.account_id
     where c.lock_version >= min_entries and c.drifted_at is null
       and c.lock_version - coalesce(u.lock_version, 0) >= min_entries
     limit max_accounts;
end
$$;
comment on function daybook_private.accounts_to_roll_up(integer, integer) is
  'Accounts with at least so many entries that are not in their sums yet; for the worker.';
revoke execute on function daybook_private.accounts_to_roll_up(integer, integer) from public;
grant execute on function daybook_private.accounts_to_roll_up(integer, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/accounts_to_roll_up.sql
--! Included daybook_private/functions/forget_sums.sql
create or replace function daybook_private.forget_sums(ledger text, account_id uuid)
  returns void
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform
    from daybook_private.rollup_cursors u
   where u.ledger = forget_sums.ledger and u.account_id = forget_sums.account_id
     for update;
  delete from daybook_private.entry_sums s
   where s.ledger = forget_sums.ledger and s.account_id = forget_sums.account_id;
  delete from daybook_private.rollup_cursors u
   where u.ledger = forget_sums.ledger and u.account_id = forget_sums.account_id;
end
$$;
comment on function daybook_private.forget_sums(text, uuid) is
  'Drops the sums of an account, so that they are made anew from its entries; reads stay exact meanwhile, but slower.';
revoke execute on function daybook_private.forget_sums(text, uuid) from public;
--! EndIncluded daybook_private/functions/forget_sums.sql
--! Included daybook_private/functions/check_moment.sql
create or replace function daybook_private.check_moment(
  effective_at timestamptz,
  recorded_at timestamptz default null,
  lock_version bigint default null
)
  returns void
  language plpgsql
  stable
as $$
begin
  if isfinite(effective_at) is false then
    perform daybook_private.refuse_argument('effective_at', 'a finite time', to_jsonb(effective_at));
  end if;
  if isfinite(recorded_at) is false then
    perform daybook_private.refuse_argument('recorded_at', 'a finite time', to_jsonb(recorded_at));
  end if;
  if lock_version < 0 then
    perform daybook_private.refuse_argument('lock_version', 'not negative', to_jsonb(lock_version));
  end if;
  if lock_version is not null and num_nonnulls(effective_at, recorded_at) > 0 then
    perform daybook_private.refuse_argument('lock_version', 'not together with a time', to_jsonb(lock_version));
  end if;
end
$$;
comment on function daybook_private.check_moment(timestamptz, timestamptz, bigint) is
  'Raises LDARG unless the times of a balance are finite, or its version is not negative and comes without times.';
revoke execute on function daybook_private.check_moment(timestamptz, timestamptz, bigint) from public;
--! EndIncluded daybook_private/functions/check_moment.sql
--! Included daybook/functions/account_balance.sql
-- The usual question, by a login with a grant of its own about an account with an empty queue and counters that are trusted, is
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
  elsif coalesce(account_balance.effective_at, account_balance.recorded_at) is null then
    select b.* into balance
      from daybook.balances b
     where b.ledger = account_balance.ledger and b.account = account_balance.account;
  else
    select b.* into balance
      from daybook_private.balances_at(
             account_balance.ledger, array[account_id], account_balance.effective_at, account_balance.recorded_at) b;
  end if;
  return balance;
end
$$;
comment on function daybook.account_balance(text, text, timestamptz, timestamptz, bigint) is
  'The balances of an account, in minor units, queued entries counted: now; or over the entries effective by one time, recorded by another, or both, inclusive, lock_version being how many these are; or with so many of its entries, in the order of their versions. Raises 42501, LDARG, LDLED, LDACC.';
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
                where a.ledger = account_balances.ledger and a.address = any (accounts)), effective_at) b
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
  perform daybook_private.check_address('category', category);
  perform daybook_private.check_moment(effective_at);
  perform daybook_private.check_categories(ledger, array[category]);
  totals := case
    when effective_at is null then daybook_private.category_totals(ledger, category)
    else daybook_private.category_totals_at(ledger, category, effective_at)
  end;
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
  'The balances of all accounts that are in a category today, directly or through others, each account once, in minor units, queued entries counted: now, or over the entries effective by a time; account and lock_version are null. Raises 42501, LDARG, LDLED, LDCTG.';
revoke execute on function daybook.category_balance(text, text, timestamptz) from public;
grant execute on function daybook.category_balance(text, text, timestamptz) to daybook_reader;
--! EndIncluded daybook/functions/category_balance.sql
--! Included daybook_private/functions/posted_sums.sql
create or replace function daybook_private.posted_sums(ledger text)
  returns table (account_id uuid, debits numeric, credits numeric)
  language plpgsql
  stable
as $$
#variable_conflict use_column
begin
  return query
    select c.account_id, c.posted_debits + coalesce(q.debits, 0), c.posted_credits + coalesce(q.credits, 0)
      from daybook_private.account_counters c
      left join (
        select q.account_id, sum(q.posted_debits) as debits, sum(q.posted_credits) as credits
          from daybook_private.entry_queue q
         where q.ledger = posted_sums.ledger
         group by q.account_id) q on q.account_id = c.account_id
     where c.ledger = posted_sums.ledger and c.drifted_at is null
    union all
    select s.account_id, s.posted_debits, s.posted_credits
      from daybook_private.account_sums_at(ledger, array(
             select c.account_id
               from daybook_private.account_counters c
              where c.ledger = posted_sums.ledger and c.drifted_at is not null)) s;
end
$$;
comment on function daybook_private.posted_sums(text) is
  'What was posted to the accounts of a ledger: counters and queue, each read once as a whole, and the entries of accounts whose counters are not believed. At most one row an account.';
revoke execute on function daybook_private.posted_sums(text) from public;
--! EndIncluded daybook_private/functions/posted_sums.sql
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
  return query
    select s.account_id, s.posted_debits, s.posted_credits
      from daybook_private.account_sums_at(ledger, case when is_scanned then rolled else rolled || others end, effective_at) s;
  if is_scanned then
    return query
      select e.account_id,
             coalesce(sum(e.amount) filter (where e.direction = 'debit'), 0),
             coalesce(sum(e.amount) filter (where e.direction = 'credit'), 0)
        from daybook.entries e
       where e.ledger = posted_sums_at.ledger and e.effective_at <= posted_sums_at.effective_at
         and e.effect in ('posted', 'settled')
         and not exists (select from unnest(rolled) r (account_id) where r.account_id = e.account_id)
       group by e.account_id;
  end if;
end
$$;
comment on function daybook_private.posted_sums_at(text, timestamptz) is
  'What was posted to the accounts of a ledger by a time, inclusive, queued entries counted. At most one row an account.';
revoke execute on function daybook_private.posted_sums_at(text, timestamptz) from public;
--! EndIncluded daybook_private/functions/posted_sums_at.sql
--! Included daybook/functions/trial_balance.sql
-- A STABLE function reads one snapshot, however many statements it has. Whole tables are read and joined by
-- hashing, whatever a plan was made for.
create or replace function daybook.trial_balance(ledger text, effective_at timestamptz default null)
  returns setof daybook.trial_balance_row
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
  set enable_nestloop to off
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
--! Included daybook_private/functions/check_span.sql
create or replace function daybook_private.check_span(starts_at timestamptz, ends_at timestamptz)
  returns void
  language plpgsql
  immutable
as $$
begin
  if not isfinite(starts_at) then
    perform daybook_private.refuse_argument('starts_at', 'a finite time', to_jsonb(starts_at));
  end if;
  if not isfinite(ends_at) then
    perform daybook_private.refuse_argument('ends_at', 'a finite time', to_jsonb(ends_at));
  end if;
  if ends_at < starts_at then
    perform daybook_private.refuse_argument('ends_at', 'not before starts_at', to_jsonb(ends_at));
  end if;
end
$$;
comment on function daybook_private.check_span(timestamptz, timestamptz) is
  'Raises LDARG for a span of time that ends before it starts, or for infinite times.';
revoke execute on function daybook_private.check_span(timestamptz, timestamptz) from public;
--! EndIncluded daybook_private/functions/check_span.sql
--! Included daybook_private/functions/read_cursor.sql
create or replace function daybook_private.read_cursor(after text, statement bigint)
  returns daybook_private.statement_cursor
  language plpgsql
  stable
as $$
declare
  cursor daybook_private.statement_cursor;
  ids bytea;
begin
  begin
    cursor := jsonb_populate_record(cursor, convert_from(decode(split_part(after, '.', 1), 'base64'), 'UTF8')::jsonb);
    ids := decode(split_part(after, '.', 2), 'base64');
    cursor.queued := array(
      select encode(substr(ids, at, 16), 'hex')::uuid from generate_series(1, length(ids), 16) at);
  exception when data_exception or statement_too_complex then
    cursor := null;
  end;
  if not (cursor is not null) or cursor.statement <> read_cursor.statement then
    perform daybook_private.refuse_argument('after', 'next_page of a page of the same statement');
  end if;
  return cursor;
end
$$;
comment on function daybook_private.read_cursor(text, bigint) is
  'A cursor as write_cursor wrote it. Raises LDARG if it is none, or one of another statement.';
revoke execute on function daybook_private.read_cursor(text, bigint) from public;
--! EndIncluded daybook_private/functions/read_cursor.sql
--! Included daybook_private/functions/write_cursor.sql
-- The ids of queued entries, of which a busy account may have thousands, stand behind a dot, 16 bytes each.
create or replace function daybook_private.write_cursor(cursor daybook_private.statement_cursor)
  returns text
  language sql
  stable
as $$
  select translate(
    encode(convert_to((to_jsonb(cursor) - 'queued')::text, 'UTF8'), 'base64') || '.'
      || coalesce((select encode(string_agg(uuid_send(q.id), ''), 'base64') from unnest(cursor.queued) q (id)), ''),
    e'\n', '')
$$;
comment on function daybook_private.write_cursor(daybook_private.statement_cursor) is
  'A cursor as text that means something to read_cursor alone.';
revoke execute on function daybook_private.write_cursor(daybook_private.statement_cursor) from public;
--! EndIncluded daybook_private/functions/write_cursor.sql
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
      select coalesce(max(e.lock_version), 0)
        from daybook.entries e
       where e.ledger = open_statement.ledger and e.account_id = counters.account_id);
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
--! Included daybook_private/functions/statement_entries.sql
-- One range of the index, from the cursor on, and the running balance over no more than the page. Of the first
-- page's snapshot is what has a version up to the cursor's, or is named by it; the first page itself takes all.
create or replace function daybook_private.statement_entries(
  ledger text,
  counters daybook_private.account_counters,
  ends_at timestamptz,
  cursor daybook_private.statement_cursor,
  count integer
)
  returns daybook.statement_entry[]
  language plpgsql
  stable
as $$
declare
  is_first constant boolean := cursor.queued is null;
begin
  return array(
    with page as materialized (
      select e.*
        from daybook.entries e
       where e.ledger = statement_entries.ledger and e.account_id = counters.account_id
         and (e.effective_at, e.id) > (cursor.effective_at, cursor.entry_id)
         and e.effective_at < coalesce(statement_entries.ends_at, 'infinity')
         and e.effect in ('posted', 'settled')
         and (is_first or e.lock_version <= cursor.lock_version or e.id in (select q.id from unnest(cursor.queued) q (id)))
       order by e.effective_at, e.id
       limit statement_entries.count
    )
    select row(p.ledger, p.id, p.transaction_id, p.position, p.effective_at, p.created_at, p.direction, p.amount,
               cursor.balance + sum(case when p.direction = counters.normal_balance then p.amount else -p.amount end)
                 over (order by p.effective_at, p.id rows unbounded preceding),
               t.description, t.external_id, p.metadata)::daybook.statement_entry
      from page p
      left join lateral (
        select t.description, t.external_id
          from daybook.transactions t
         where t.ledger = statement_entries.ledger and t.id = p.transaction_id
        offset 0) t on true
     order by p.effective_at, p.id);
end
$$;
comment on function daybook_private.statement_entries(text, daybook_private.account_counters, timestamptz, daybook_private.statement_cursor, integer) is
  'The next so many posted entries of an account behind a cursor, with the balance after each.';
revoke execute on function daybook_private.statement_entries(text, daybook_private.account_counters, timestamptz, daybook_private.statement_cursor, integer) from public;
--! EndIncluded daybook_private/functions/statement_entries.sql
--! Included daybook_private/functions/next_cursor.sql
create or replace function daybook_private.next_cursor(
  ledger text,
  account_id uuid,
  ends_at timestamptz,
  cursor daybook_private.statement_cursor,
  last daybook.statement_entry
)
  returns daybook_private.statement_cursor
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  is_first constant boolean := cursor.queued is null;
begin
  cursor.effective_at := last.effective_at;
  cursor.entry_id := last.entry_id;
  cursor.balance := last.balance;
  if is_first then
    cursor.queued := array(
      select e.id
        from daybook.entries e
       where e.ledger = next_cursor.ledger and e.account_id = next_cursor.account_id
         and e.lock_version is null
         and (e.effective_at, e.id) > (last.effective_at, last.entry_id)
         and e.effective_at < coalesce(ends_at, 'infinity')
         and e.effect in ('posted', 'settled'));
  elsif cardinality(cursor.queued) > 0 then
    cursor.queued := array(
      select e.id
        from daybook.entries e
       where e.ledger = next_cursor.ledger and e.account_id = next_cursor.account_id
         and e.id = any (cursor.queued)
         and (e.effective_at, e.id) > (last.effective_at, last.entry_id));
  end if;
  return cursor;
end
$$;
comment on function daybook_private.next_cursor(text, uuid, timestamptz, daybook_private.statement_cursor, daybook.statement_entry) is
  'The cursor moved on to a page''s last entry. On the first page it begins to name what is queued behind it.';
revoke execute on function daybook_private.next_cursor(text, uuid, timestamptz, daybook_private.statement_cursor, daybook.statement_entry) from public;
--! EndIncluded daybook_private/functions/next_cursor.sql
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
--! Included daybook_private/functions/is_like.sql
-- Bound to pg_trgm's function when it is created, wherever that is installed.
select set_config('search_path', concat_ws(', ', 'pg_catalog', quote_ident(n.nspname), 'pg_temp'), true)
  from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
create or replace function daybook_private.is_like(sought text, value text)
  returns boolean
  language sql
  immutable
  parallel safe
return word_similarity(sought, value) >= 0.5;
select set_config('search_path', 'pg_catalog, pg_temp', true);
comment on function daybook_private.is_like(text, text) is
  'Whether a run of words in a text is spelt at least half like what is sought, as pg_trgm counts.';
revoke execute on function daybook_private.is_like(text, text) from public;
--! EndIncluded daybook_private/functions/is_like.sql
--! Included daybook_private/functions/search_words.sql
-- Bound to pg_trgm's operator when it is created, wherever that is installed. The first statement loads the
-- library, without which only a superuser may name its setting.
select set_config('search_path', concat_ws(', ', 'pg_catalog', quote_ident(n.nspname), 'pg_temp'), true)
  from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
select show_limit() is not null;
create or replace function daybook_private.search_words(ledger text, sought text, most integer)
  returns setof uuid
  language sql
  stable
  set "pg_trgm.word_similarity_threshold" to 0.5
  set enable_seqscan to off
  set enable_indexscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
begin atomic
  select d.transaction_id
    from daybook_private.search_documents d
   where d.ledger = search_words.ledger and d.words %> search_words.sought
   limit search_words.most;
end;
select set_config('search_path', 'pg_catalog, pg_temp', true);
comment on function daybook_private.search_words(text, text, integer) is
  'Transactions with words like these in their description or anywhere in their metadata: at most so many, of all that is_like accepts.';
revoke execute on function daybook_private.search_words(text, text, integer) from public;
--! EndIncluded daybook_private/functions/search_words.sql
--! Included daybook_private/functions/search_documents_of.sql
create or replace function daybook_private.search_documents_of(ledger text, ids uuid[])
  returns setof daybook_private.search_documents
  language plpgsql
  stable
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
           (select e.id
              from daybook_private.log_events e
             where e.ledger = search_documents_of.ledger and e.transaction_id = t.id
             order by e.id desc
             limit 1)
      from unnest(ids) u (id)
     cross join lateral (
        select t.*
          from daybook.transactions t
         where t.ledger = search_documents_of.ledger and t.id = u.id
        offset 0) t;
end
$$;
comment on function daybook_private.search_documents_of(text, uuid[]) is
  'What these transactions are searched by, as of now, from the books.';
revoke execute on function daybook_private.search_documents_of(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/search_documents_of.sql
--! Included daybook_private/functions/search_lines_of.sql
-- An entry may be much younger than its transaction but is not older, so older partitions need no look;
-- the hour is for clocks that were set back.
create or replace function daybook_private.search_lines_of(ledger text, ids uuid[])
  returns setof daybook_private.search_lines
  language plpgsql
  stable
as $$
#variable_conflict use_column
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
          from daybook.current_entries c
         where c.ledger = search_lines_of.ledger and c.transaction_id = u.id
           and c.id >= daybook_private.uuid_at(greatest(uuid_extract_timestamp(u.id) - interval '1 hour', 'epoch'))
        offset 0) c;
end
$$;
comment on function daybook_private.search_lines_of(text, uuid[]) is
  'The lines by which these transactions are searched, as of now, from the books.';
revoke execute on function daybook_private.search_lines_of(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/search_lines_of.sql
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
               where d.ledger = search_backlog.ledger and d.transaction_id = t.id)
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
               where d.ledger = search_backlog.ledger and d.transaction_id = e.transaction_id and d.last_event_id >= e.id)
      limit most)
     order by 1
     limit most;
end
$$;
comment on function daybook_private.search_backlog(text, uuid, integer) is
  'What was recorded above an id and is not yet in search_documents, oldest first, and the transaction that it made or changed.';
revoke execute on function daybook_private.search_backlog(text, uuid, integer) from public;
--! EndIncluded daybook_private/functions/search_backlog.sql
--! Included daybook_private/functions/search_accepts.sql
-- Inlined: it names only pg_catalog and daybook_private.
create or replace function daybook_private.search_accepts(filter daybook_private.search_filter, document daybook_private.search_documents)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select (filter.status is null or document.status = filter.status)
     and (filter.effective_from is null or document.effective_at >= filter.effective_from)
     and (filter.effective_before is null or document.effective_at < filter.effective_before)
     and (filter.created_from is null or document.created_at >= filter.created_from)
     and (filter.created_before is null or document.created_at < filter.created_before)
     and (filter.external_id is null or document.external_id = filter.external_id)
     and (filter.facts is null or document.facts @> filter.facts)
     and (filter.words is null or daybook_private.is_like(filter.words, document.words))
$$;
comment on function daybook_private.search_accepts(daybook_private.search_filter, daybook_private.search_documents) is
  'Whether a transaction is one that a search asks for, as far as that does not depend on its lines, nor on which of its words count.';
revoke execute on function daybook_private.search_accepts(daybook_private.search_filter, daybook_private.search_documents) from public;
--! EndIncluded daybook_private/functions/search_accepts.sql
--! Included daybook_private/functions/search_accepts_line.sql
-- Inlined: it names only pg_catalog.
create or replace function daybook_private.search_accepts_line(filter daybook_private.search_filter, line daybook_private.search_lines)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select (filter.account_ids is null or line.account_id = any (filter.account_ids))
     and (filter.direction is null or line.direction = filter.direction)
     and (filter.currency is null or line.currency = filter.currency)
     and (filter.amount_min is null or line.amount >= filter.amount_min)
     and (filter.amount_max is null or line.amount <= filter.amount_max)
$$;
comment on function daybook_private.search_accepts_line(daybook_private.search_filter, daybook_private.search_lines) is
  'Whether a line is one that a search asks for.';
revoke execute on function daybook_private.search_accepts_line(daybook_private.search_filter, daybook_private.search_lines) from public;
--! EndIncluded daybook_private/functions/search_accepts_line.sql
--! Included daybook_private/functions/search_asks_lines.sql
create or replace function daybook_private.search_asks_lines(filter daybook_private.search_filter)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select filter.account_ids is not null or filter.direction is not null or filter.currency is not null
      or filter.amount_min is not null or filter.amount_max is not null or filter.sort = 'amount'
$$;
comment on function daybook_private.search_asks_lines(daybook_private.search_filter) is
  'Whether a transaction without a matching line is none that a search asks for.';
revoke execute on function daybook_private.search_asks_lines(daybook_private.search_filter) from public;
--! EndIncluded daybook_private/functions/search_asks_lines.sql
--! Included daybook_private/functions/search_is_after.sql
-- Inlined: it names only pg_catalog. One of at and key is null, in the rows and in the filter.
create or replace function daybook_private.search_is_after(filter daybook_private.search_filter, at timestamptz, key numeric, id uuid)
  returns boolean
  language sql
  immutable
  parallel safe
as $$
  select case
    when filter.after_id is null then true
    when filter.sort = 'amount' and filter.ascending then (key, id) > (filter.after_amount, filter.after_id)
    when filter.sort = 'amount' then (key, id) < (filter.after_amount, filter.after_id)
    when filter.ascending then (at, id) > (filter.after_at, filter.after_id)
    else (at, id) < (filter.after_at, filter.after_id)
  end
$$;
comment on function daybook_private.search_is_after(daybook_private.search_filter, timestamptz, numeric, uuid) is
  'Whether a place in a search comes after the one where the page before ended.';
revoke execute on function daybook_private.search_is_after(daybook_private.search_filter, timestamptz, numeric, uuid) from public;
--! EndIncluded daybook_private/functions/search_is_after.sql
--! Included daybook_private/functions/search_has_words.sql
-- Each text by itself: what resembles a part resembles the whole, but not the other way around.
create or replace function daybook_private.search_has_words(filter daybook_private.search_filter, id uuid)
  returns boolean
  language plpgsql
  stable
as $$
begin
  return exists (
    select
      from daybook.transactions t
     cross join lateral (
        select t.description as value
        union all
        select t.metadata ->> k.key
          from unnest(filter.word_keys) k (key)
         where jsonb_typeof(t.metadata -> k.key) = 'string' and length(t.metadata ->> k.key) <= 200) v
     where t.ledger = filter.ledger and t.id = search_has_words.id
       and daybook_private.is_like(filter.words, v.value));
end
$$;
comment on function daybook_private.search_has_words(daybook_private.search_filter, uuid) is
  'Whether a transaction''s description, or one of those texts in its metadata that the search names, resembles what it asks for.';
revoke execute on function daybook_private.search_has_words(daybook_private.search_filter, uuid) from public;
--! EndIncluded daybook_private/functions/search_has_words.sql
--! Included daybook_private/functions/search_indexed.sql
-- Lines are looked at for all of them only where they matter to which are found and where they stand.
create or replace function daybook_private.search_indexed(
  filter daybook_private.search_filter,
  ids uuid[],
  changed uuid[],
  most integer
)
  returns setof daybook_private.search_hit
  language plpgsql
  stable
  set plan_cache_mode to force_custom_plan
  set enable_seqscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
begin
  return query
    with documents as materialized (
      select d.transaction_id, d.effective_at, d.created_at
        from daybook_private.search_documents d
       where d.ledger = filter.ledger
         and d.transaction_id = any (ids)
         and d.transaction_id <> all (changed)
         and daybook_private.search_accepts(filter, d)
         and (filter.words is null or daybook_private.search_has_words(filter, d.transaction_id))
    )
    select p.at, p.key, p.transaction_id, coalesce(p.amount, m.amount), coalesce(p.currency, m.currency)
      from (
        select case filter.sort when 'effective_at' then d.effective_at when 'created_at' then d.created_at end as at,
               case when filter.sort = 'amount' then l.amount end as key,
               d.transaction_id, l.amount, l.currency
          from documents d
          left join lateral (
            select l.amount, l.currency
              from daybook_private.search_lines l
             where daybook_private.search_asks_lines(filter)
               and l.ledger = filter.ledger and l.transaction_id = d.transaction_id
               and daybook_private.search_accepts_line(filter, l)
             order by case when not (filter.sort = 'amount' and filter.ascending) then l.amount end desc, l.amount, l.position
             limit 1) l on true
         where (l.amount is not null or not daybook_private.search_asks_lines(filter))
           and daybook_private.search_is_after(filter,
                 case filter.sort when 'effective_at' then d.effective_at when 'created_at' then d.created_at end,
                 l.amount, d.transaction_id)
         order by case when filter.ascending and filter.sort = 'effective_at' then d.effective_at end,
                  case when filter.ascending and filter.sort = 'created_at' then d.created_at end,
                  case when filter.ascending and filter.sort = 'amount' then l.amount end,
                  case when filter.ascending then d.transaction_id end,
                  case when not filter.ascending and filter.sort = 'effective_at' then d.effective_at end desc,
                  case when not filter.ascending and filter.sort = 'created_at' then d.created_at end desc,
                  case when not filter.ascending and filter.sort = 'amount' then l.amount end desc,
                  case when not filter.ascending then d.transaction_id end desc
         limit most) p
      left join lateral (
        select l.amount, l.currency
          from daybook_private.search_lines l
         where not daybook_private.search_asks_lines(filter)
           and l.ledger = filter.ledger and l.transaction_id = p.transaction_id
         order by l.amount desc, l.position
         limit 1) m on true;
end
$$;
comment on function daybook_private.search_indexed(daybook_private.search_filter, uuid[], uuid[], integer) is
  'Those of some transactions that a search asks for, at most so many, the first in its order, going by what is indexed of them; without those that have changed since.';
revoke execute on function daybook_private.search_indexed(daybook_private.search_filter, uuid[], uuid[], integer) from public;
--! EndIncluded daybook_private/functions/search_indexed.sql
--! Included daybook_private/functions/search_changed.sql
create or replace function daybook_private.search_changed(filter daybook_private.search_filter, changed uuid[])
  returns setof daybook_private.search_hit
  language plpgsql
  stable
  set plan_cache_mode to force_custom_plan
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
begin
  return query
    with documents as materialized (
      select d.*
        from daybook_private.search_documents_of(filter.ledger, changed) d
       where daybook_private.search_accepts(filter, d)
    ),
    lines as materialized (
      select distinct on (l.transaction_id) l.transaction_id, l.amount, l.currency
        from daybook_private.search_lines_of(filter.ledger, array(select d.transaction_id from documents d)) l
       where daybook_private.search_accepts_line(filter, l)
       order by l.transaction_id, case when not (filter.sort = 'amount' and filter.ascending) then l.amount end desc, l.amount, l.position
    )
    select case filter.sort when 'effective_at' then d.effective_at when 'created_at' then d.created_at end,
           case when filter.sort = 'amount' then l.amount end,
           d.transaction_id, l.amount, l.currency
      from documents d
      left join lines l on l.transaction_id = d.transaction_id
     where (l.amount is not null or not daybook_private.search_asks_lines(filter))
       and daybook_private.search_is_after(filter,
             case filter.sort when 'effective_at' then d.effective_at when 'created_at' then d.created_at end,
             l.amount, d.transaction_id)
       and (filter.words is null or daybook_private.search_has_words(filter, d.transaction_id));
end
$$;
comment on function daybook_private.search_changed(daybook_private.search_filter, uuid[]) is
  'Those of some transactions that a search asks for, going by the books: for what is not indexed yet.';
revoke execute on function daybook_private.search_changed(daybook_private.search_filter, uuid[]) from public;
--! EndIncluded daybook_private/functions/search_changed.sql
--! Included daybook_private/functions/search_walk.sql
-- What is constant in a call is folded away when it is planned, so each sort is a walk along its own index.
create or replace function daybook_private.search_walk(filter daybook_private.search_filter, most integer)
  returns setof daybook_private.search_hit
  language plpgsql
  stable
  set plan_cache_mode to force_custom_plan
  set enable_seqscan to off
  set enable_bitmapscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
begin
  return query
    select w.at, null::numeric, w.transaction_id, w.n, null::text
      from (
        select case filter.sort when 'effective_at' then d.effective_at else d.created_at end as at,
               d.transaction_id, d.is_accepted, row_number() over ()::numeric as n
          from (
            select d.effective_at, d.created_at, d.transaction_id, daybook_private.search_accepts(filter, d) as is_accepted
              from daybook_private.search_documents d
             where d.ledger = filter.ledger
               and (coalesce(filter.status, 'posted') = 'posted' or d.status <> 'posted' and d.status = filter.status)
               and (filter.sort <> 'effective_at' or filter.effective_from is null or d.effective_at >= filter.effective_from)
               and (filter.sort <> 'effective_at' or filter.effective_before is null or d.effective_at < filter.effective_before)
               and (filter.sort <> 'created_at' or filter.created_from is null or d.created_at >= filter.created_from)
               and (filter.sort <> 'created_at' or filter.created_before is null or d.created_at < filter.created_before)
               and daybook_private.search_is_after(filter,
                     case filter.sort when 'effective_at' then d.effective_at when 'created_at' then d.created_at end,
                     null, d.transaction_id)
             order by case when filter.ascending and filter.sort = 'effective_at' then d.effective_at end,
                      case when filter.ascending and filter.sort = 'created_at' then d.created_at end,
                      case when filter.ascending then d.transaction_id end,
                      case when not filter.ascending and filter.sort = 'effective_at' then d.effective_at end desc,
                      case when not filter.ascending and filter.sort = 'created_at' then d.created_at end desc,
                      case when not filter.ascending then d.transaction_id end desc
             limit most) d) w
     where w.is_accepted or w.n = most;
end
$$;
comment on function daybook_private.search_walk(daybook_private.search_filter, integer) is
  'Goes through the next so many of a ledger''s transactions in the order of a search by time, and returns those that it asks for as far as that does not depend on their lines; the last in any case. The amount is their number on the way.';
revoke execute on function daybook_private.search_walk(daybook_private.search_filter, integer) from public;
--! EndIncluded daybook_private/functions/search_walk.sql
--! Included daybook_private/functions/search_along_each.sql
create or replace function daybook_private.search_along_each(
  filter daybook_private.search_filter,
  account_ids uuid[],
  most_each integer,
  most integer
)
  returns table (at timestamptz, key numeric, transaction_id uuid, account_id uuid)
  language plpgsql
  stable
  set plan_cache_mode to force_custom_plan
  set enable_seqscan to off
  set enable_bitmapscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
#variable_conflict use_column
begin
  filter.account_ids := null;
  return query
    select case when filter.sort <> 'amount' then l.at end, case when filter.sort = 'amount' then l.amount end,
           l.transaction_id, u.account_id
      from unnest(account_ids) u (account_id)
     cross join lateral (
        select case filter.sort when 'effective_at' then l.effective_at when 'created_at' then l.created_at end as at,
               l.amount, l.transaction_id
          from daybook_private.search_lines l
         where l.ledger = filter.ledger and l.account_id = u.account_id
           and daybook_private.search_accepts_line(filter, l)
           and (filter.effective_from is null or l.effective_at >= filter.effective_from)
           and (filter.effective_before is null or l.effective_at < filter.effective_before)
           and (filter.created_from is null or l.created_at >= filter.created_from)
           and (filter.created_before is null or l.created_at < filter.created_before)
           and daybook_private.search_is_after(filter,
                 case filter.sort when 'effective_at' then l.effective_at when 'created_at' then l.created_at end,
                 l.amount, l.transaction_id)
         order by case when filter.ascending and filter.sort = 'effective_at' then l.effective_at end,
                  case when filter.ascending and filter.sort = 'created_at' then l.created_at end,
                  case when filter.ascending and filter.sort = 'amount' then l.amount end,
                  case when filter.ascending then l.transaction_id end,
                  case when not filter.ascending and filter.sort = 'effective_at' then l.effective_at end desc,
                  case when not filter.ascending and filter.sort = 'created_at' then l.created_at end desc,
                  case when not filter.ascending and filter.sort = 'amount' then l.amount end desc,
                  case when not filter.ascending then l.transaction_id end desc
         limit most_each) l
     order by case when filter.ascending then l.at end, case when filter.ascending and filter.sort = 'amount' then l.amount end,
              case when filter.ascending then l.transaction_id end,
              l.at desc, case when filter.sort = 'amount' then l.amount end desc, l.transaction_id desc
     limit most;
end
$$;
comment on function daybook_private.search_along_each(daybook_private.search_filter, uuid[], integer, integer) is
  'The next lines of each of these accounts, and of all these the first, in the order of a search.';
revoke execute on function daybook_private.search_along_each(daybook_private.search_filter, uuid[], integer, integer) from public;
--! EndIncluded daybook_private/functions/search_along_each.sql
--! Included daybook_private/functions/search_along_accounts.sql
-- The next line of each account is one look at an index. As many accounts as the page has rows hold all of
-- it, those with the first of these.
create or replace function daybook_private.search_along_accounts(filter daybook_private.search_filter, most integer)
  returns setof daybook_private.search_hit
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  heads uuid[] := filter.account_ids;
begin
  if cardinality(heads) > most then
    heads := array(select a.account_id from daybook_private.search_along_each(filter, heads, 1, most) a);
  end if;
  return query
    select a.at, a.key, a.transaction_id, row_number() over ()::numeric, null::text
      from daybook_private.search_along_each(filter, heads, most, most) a;
end
$$;
comment on function daybook_private.search_along_accounts(daybook_private.search_filter, integer) is
  'The next so many lines of a search''s accounts in the order of the search, those that it asks for as far as that does not depend on their transactions, with their number on the way as amount.';
revoke execute on function daybook_private.search_along_accounts(daybook_private.search_filter, integer) from public;
--! EndIncluded daybook_private/functions/search_along_accounts.sql
--! Included daybook_private/functions/check_search_time.sql
-- A statement timeout cannot be set for a statement that already runs, so the search looks at the clock
-- itself, between steps that are short.
create or replace function daybook_private.check_search_time()
  returns void
  language plpgsql
  stable
as $$
declare
  allowed constant interval := coalesce(nullif(current_setting('daybook.search_timeout', true), ''), '5s')::interval;
begin
  if allowed > interval '0' and clock_timestamp() - statement_timestamp() > allowed then
    perform daybook_private.refuse('57014', 'the search took too long and was given up',
      jsonb_build_object('timeout', allowed));
  end if;
end
$$;
comment on function daybook_private.check_search_time() is
  'Raises 57014 when the statement has run for longer than the setting daybook.search_timeout, 5s unless it is set.';
revoke execute on function daybook_private.check_search_time() from public;
--! EndIncluded daybook_private/functions/check_search_time.sql
--! Included daybook_private/functions/search_few.sql
create or replace function daybook_private.search_few(filter daybook_private.search_filter, asked text, most integer)
  returns uuid[]
  language plpgsql
  stable
  set plan_cache_mode to force_custom_plan
  set enable_seqscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
begin
  return array(
    select d.transaction_id
      from daybook_private.search_documents d
     where d.ledger = filter.ledger
       and (asked <> 'external_id' or d.external_id = filter.external_id)
       and (asked <> 'facts' or d.facts @> filter.facts)
       and (asked <> 'status' or (d.status <> 'posted' and d.status = filter.status))
       and (asked not in ('status', 'effective') or filter.effective_from is null or d.effective_at >= filter.effective_from)
       and (asked not in ('status', 'effective') or filter.effective_before is null or d.effective_at < filter.effective_before)
       and (asked <> 'created' or filter.created_from is null or d.created_at >= filter.created_from)
       and (asked <> 'created' or filter.created_before is null or d.created_at < filter.created_before)
     limit most);
end
$$;
comment on function daybook_private.search_few(daybook_private.search_filter, text, integer) is
  'At most so many transactions that match one thing of what a search asks for: external_id, facts, status, effective, created.';
revoke execute on function daybook_private.search_few(daybook_private.search_filter, text, integer) from public;
--! EndIncluded daybook_private/functions/search_few.sql
--! Included daybook_private/functions/search_few_lines.sql
create or replace function daybook_private.search_few_lines(filter daybook_private.search_filter, asked text, most integer)
  returns uuid[]
  language plpgsql
  stable
  set plan_cache_mode to force_custom_plan
  set enable_seqscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
begin
  if asked = 'accounts' then
    return array(
      select l.transaction_id
        from daybook_private.search_lines l
       where l.ledger = filter.ledger and l.account_id = any (filter.account_ids)
         and (filter.amount_min is null or l.amount >= filter.amount_min)
         and (filter.amount_max is null or l.amount <= filter.amount_max)
         and (filter.effective_from is null or l.effective_at >= filter.effective_from)
         and (filter.effective_before is null or l.effective_at < filter.effective_before)
         and (filter.created_from is null or l.created_at >= filter.created_from)
         and (filter.created_before is null or l.created_at < filter.created_before)
       limit most);
  end if;
  return array(
    select l.transaction_id
      from daybook.currencies c
     cross join lateral (
        select l.transaction_id
          from daybook_private.search_lines l
         where l.ledger = filter.ledger and l.currency = c.code
           and (filter.amount_min is null or l.amount >= filter.amount_min)
           and (filter.amount_max is null or l.amount <= filter.amount_max)
         limit most) l
     where filter.currency is null or c.code = filter.currency
     limit most);
end
$$;
comment on function daybook_private.search_few_lines(daybook_private.search_filter, text, integer) is
  'The transactions of at most so many lines that match one thing of what a search asks for, accounts or amount; one may appear several times.';
revoke execute on function daybook_private.search_few_lines(daybook_private.search_filter, text, integer) from public;
--! EndIncluded daybook_private/functions/search_few_lines.sql
--! Included daybook_private/functions/search_candidates.sql
-- Each thing asked for is tried by itself until one is found that few have. If there is none, there
-- is plenty of each, and whoever goes through everything in order soon has a page.
create or replace function daybook_private.search_candidates(filter daybook_private.search_filter, most integer)
  returns uuid[]
  language plpgsql
  stable
as $$
declare
  ids uuid[];
  asked text;
begin
  foreach asked in array array[
    case when filter.external_id is not null then 'external_id' end,
    case when cardinality(filter.account_ids) <= 100 then 'accounts' end,
    case when filter.facts is not null then 'facts' end,
    case when filter.status <> 'posted' and filter.sort <> 'effective_at' then 'status' end,
    case when coalesce(filter.currency, filter.amount_min::text, filter.amount_max::text) is not null then 'amount' end,
    case when filter.sort <> 'effective_at' and coalesce(filter.effective_from, filter.effective_before) is not null then 'effective' end,
    case when filter.sort <> 'created_at' and coalesce(filter.created_from, filter.created_before) is not null then 'created' end]
  loop
    continue when asked is null;
    ids := case
      when asked in ('accounts', 'amount') then daybook_private.search_few_lines(filter, asked, most + 1)
      else daybook_private.search_few(filter, asked, most + 1)
    end;
    if cardinality(ids) <= most then
      return ids;
    end if;
    perform daybook_private.check_search_time();
  end loop;
  return null;
end
$$;
comment on function daybook_private.search_candidates(daybook_private.search_filter, integer) is
  'At most so many transactions that hold all that a search asks for and is indexed; null if everything it asks for is common, words aside.';
revoke execute on function daybook_private.search_candidates(daybook_private.search_filter, integer) from public;
--! EndIncluded daybook_private/functions/search_candidates.sql
--! Included daybook_private/functions/search_word_candidates.sql
create or replace function daybook_private.search_word_candidates(filter daybook_private.search_filter, most integer)
  returns uuid[]
  language plpgsql
  stable
as $$
declare
  ids constant uuid[] := array(
    select w from daybook_private.search_words(filter.ledger, filter.words, most + 1) w);
begin
  return case when cardinality(ids) <= most then ids end;
end
$$;
comment on function daybook_private.search_word_candidates(daybook_private.search_filter, integer) is
  'All transactions with words like those that a search asks for; null if these are more than so many.';
revoke execute on function daybook_private.search_word_candidates(daybook_private.search_filter, integer) from public;
--! EndIncluded daybook_private/functions/search_word_candidates.sql
--! Included daybook_private/functions/search_along_amounts.sql
create or replace function daybook_private.search_along_amounts(filter daybook_private.search_filter, most integer)
  returns setof daybook_private.search_hit
  language plpgsql
  stable
  set plan_cache_mode to force_custom_plan
  set enable_seqscan to off
  set enable_bitmapscan to off
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
begin
  return query
    select null::timestamptz, l.amount, l.transaction_id, row_number() over ()::numeric, null::text
      from (
        select l.amount, l.transaction_id
          from daybook.currencies c
         cross join lateral (
            select l.amount, l.transaction_id
              from daybook_private.search_lines l
             where l.ledger = filter.ledger and l.currency = c.code
               and (filter.amount_min is null or l.amount >= filter.amount_min)
               and (filter.amount_max is null or l.amount <= filter.amount_max)
               and daybook_private.search_is_after(filter, null, l.amount, l.transaction_id)
             order by case when filter.ascending then l.amount end, case when filter.ascending then l.transaction_id end,
                      case when not filter.ascending then l.amount end desc,
                      case when not filter.ascending then l.transaction_id end desc
             limit most) l
         where filter.currency is null or c.code = filter.currency
         order by case when filter.ascending then l.amount end, case when filter.ascending then l.transaction_id end,
                  l.amount desc, l.transaction_id desc
         limit most) l;
end
$$;
comment on function daybook_private.search_along_amounts(daybook_private.search_filter, integer) is
  'The next so many lines of a ledger in the order of a search by amount, with their number on the way as amount.';
revoke execute on function daybook_private.search_along_amounts(daybook_private.search_filter, integer) from public;
--! EndIncluded daybook_private/functions/search_along_amounts.sql
--! Included daybook_private/functions/search_step.sql
create or replace function daybook_private.search_step(filter daybook_private.search_filter, most integer)
  returns daybook_private.search_hit[]
  language plpgsql
  stable
as $$
begin
  return case
    when cardinality(filter.account_ids) <= 5000
      then array(select a from daybook_private.search_along_accounts(filter, most) a)
    when filter.sort = 'amount'
      then array(select a from daybook_private.search_along_amounts(filter, most) a)
    else array(select w from daybook_private.search_walk(filter, most) w)
  end;
end
$$;
comment on function daybook_private.search_step(daybook_private.search_filter, integer) is
  'Goes so much further through the lines of a search''s accounts, unless there are too many of these or none are asked for: then through all of the ledger, in the order of the search.';
revoke execute on function daybook_private.search_step(daybook_private.search_filter, integer) from public;
--! EndIncluded daybook_private/functions/search_step.sql
--! Included daybook_private/functions/search_page.sql
-- Few candidates are looked at all at once. Otherwise the search goes through everything in its order, or
-- through the lines of its accounts, by steps that grow, until the page is full. Words take long to look
-- up if many have them, and then the first steps are enough; only if they are not, words are looked up. Where
-- amounts are sorted, a transaction is taken where the way meets it at its own amount: it has other lines.
create or replace function daybook_private.search_page(filter daybook_private.search_filter, first integer)
  returns setof daybook_private.search_hit
  language plpgsql
  stable
  set max_parallel_workers_per_gather to 0
  set jit to off
as $$
declare
  changed constant uuid[] := array(
    select distinct b.transaction_id
      from daybook_private.search_backlog(filter.ledger, coalesce(
             (select h.indexed_until from daybook_private.search_heads h where h.ledger = filter.ledger),
             '00000000-0000-0000-0000-000000000000')) b);
  candidates uuid[] := daybook_private.search_candidates(filter, 5000);
  place daybook_private.search_filter := filter;
  hits daybook_private.search_hit[] := '{}';
  step daybook_private.search_hit[];
  last daybook_private.search_hit;
  most integer := greatest(first + 1, 100);
begin
  while candidates is null loop
    perform daybook_private.check_search_time();
    step := daybook_private.search_step(place, most);
    hits := hits || array(
      select i
        from daybook_private.search_indexed(filter, array(select distinct s.transaction_id from unnest(step) s), changed, most) i
       where filter.sort <> 'amount'
          or exists (select from unnest(step) s where s.transaction_id = i.transaction_id and s.key = i.key));
    last := step[cardinality(step)];
    exit when cardinality(hits) >= first or (last.amount = most) is not true;
    place.after_at := last.at;
    place.after_amount := last.key;
    place.after_id := last.transaction_id;
    if filter.words is not null and most between 900 and 1900 then
      candidates := daybook_private.search_word_candidates(filter, 20000);
    end if;
    most := least(most * 3, case when filter.account_ids is null then 10000 else 2000 end);
  end loop;
  if candidates is not null then
    hits := array(select i from daybook_private.search_indexed(filter, candidates, changed, first) i);
  end if;
  if changed <> '{}' then
    hits := hits || array(select c from daybook_private.search_changed(filter, changed) c);
  end if;
  return query
    select h.*
      from unnest(hits) h
     order by case when filter.ascending then h.at end, case when filter.ascending then h.key end,
              case when filter.ascending then h.transaction_id end, h.at desc, h.key desc, h.transaction_id desc
     limit first;
end
$$;
comment on function daybook_private.search_page(daybook_private.search_filter, integer) is
  'The next page of a search, in its order. Raises 57014 if it takes too long.';
revoke execute on function daybook_private.search_page(daybook_private.search_filter, integer) from public;
--! EndIncluded daybook_private/functions/search_page.sql
--! Included daybook_private/functions/search_cursor.sql
create or replace function daybook_private.search_cursor(filter daybook_private.search_filter, hit daybook_private.search_hit)
  returns text
  language plpgsql
  stable
  set timezone to 'UTC'
  set datestyle to 'ISO'
as $$
begin
  return concat_ws('/', filter.sort, case when filter.ascending then 'asc' else 'desc' end,
    coalesce(hit.at::text, hit.key::text), hit.transaction_id);
end
$$;
comment on function daybook_private.search_cursor(daybook_private.search_filter, daybook_private.search_hit) is
  'The place of a transaction in a search, for the next page.';
revoke execute on function daybook_private.search_cursor(daybook_private.search_filter, daybook_private.search_hit) from public;
--! EndIncluded daybook_private/functions/search_cursor.sql
--! Included daybook_private/functions/search_after.sql
create or replace function daybook_private.search_after(filter daybook_private.search_filter, after text)
  returns daybook_private.search_filter
  language plpgsql
  stable
  set timezone to 'UTC'
  set datestyle to 'ISO'
as $$
declare
  parts constant text[] := string_to_array(after, '/');
begin
  if after is null then
    return filter;
  end if;
  if cardinality(parts) = 4
     and (parts[1], parts[2]) = (filter.sort::text, case when filter.ascending then 'asc' else 'desc' end)
     and pg_input_is_valid(parts[3], case when filter.sort = 'amount' then 'numeric' else 'timestamptz' end)
     and pg_input_is_valid(parts[4], 'uuid') then
    filter.after_id := parts[4];
    if filter.sort = 'amount' then
      filter.after_amount := parts[3];
    else
      filter.after_at := parts[3];
    end if;
    return filter;
  end if;
  perform daybook_private.refuse_argument('after', 'a cursor that the same search gave, sorted the same way', to_jsonb(left(after, 100)));
end
$$;
comment on function daybook_private.search_after(daybook_private.search_filter, text) is
  'The filter of the page that follows a cursor. Raises LDARG for what is no cursor, or one of another order.';
revoke execute on function daybook_private.search_after(daybook_private.search_filter, text) from public;
--! EndIncluded daybook_private/functions/search_after.sql
--! Included daybook_private/functions/check_search.sql
create or replace function daybook_private.check_search(
  filter daybook_private.search_filter,
  account text,
  category text,
  metadata jsonb,
  first integer
)
  returns void
  language plpgsql
  stable
as $$
declare
  at timestamptz;
begin
  perform daybook_private.check_ledger_name(filter.ledger);
  if account is not null then
    perform daybook_private.check_address('account', case when account like '%:*' then left(account, -2) else account end);
  end if;
  if category is not null then
    perform daybook_private.check_address('category', category);
  end if;
  if 'NaN' in (filter.amount_min, filter.amount_max) then
    perform daybook_private.refuse_argument('amount_min, amount_max', 'numbers in minor units');
  end if;
  foreach at in array array[filter.effective_from, filter.effective_before, filter.created_from, filter.created_before] loop
    if not isfinite(at) then
      perform daybook_private.refuse_argument('effective_from, effective_before, created_from, created_before', 'must be finite', to_jsonb(at));
    end if;
  end loop;
  if jsonb_typeof(metadata) <> 'object' then
    perform daybook_private.refuse_argument('metadata', 'must be a JSON object', metadata);
  end if;
  if length(filter.words) > 200 or filter.words !~ '[[:alnum:]]' then
    perform daybook_private.refuse_argument('words', 'at most 200 characters, letters or digits among them', to_jsonb(left(filter.words, 300)));
  end if;
  if cardinality(filter.word_keys) > 20 or filter.words is null and filter.word_keys is not null then
    perform daybook_private.refuse_argument('metadata_keys', 'at most 20, and only with words', to_jsonb(cardinality(filter.word_keys)));
  end if;
  if first not between 1 and 200 then
    perform daybook_private.refuse_argument('first', '1 to 200', to_jsonb(first));
  end if;
end
$$;
comment on function daybook_private.check_search(daybook_private.search_filter, text, text, jsonb, integer) is
  'Raises LDARG for what a search cannot ask for.';
revoke execute on function daybook_private.check_search(daybook_private.search_filter, text, text, jsonb, integer) from public;
--! EndIncluded daybook_private/functions/check_search.sql
--! Included daybook_private/functions/authorize_search.sql
create or replace function daybook_private.authorize_search(ledger text, account text, category text)
  returns void
  language plpgsql
  stable
as $$
begin
  if account not like '%:*' then
    perform daybook_private.authorize_accounts(ledger, array[account]);
  elsif category is null then
    perform daybook_private.authorize(ledger, 'read');
  end if;
  if category is not null then
    perform daybook_private.authorize_category(ledger, category);
  end if;
end
$$;
comment on function daybook_private.authorize_search(text, text, text) is
  'Lets the caller pass who may read the ledger, or all that is in the category and on the account that is searched. Raises 42501 otherwise.';
revoke execute on function daybook_private.authorize_search(text, text, text) from public;
--! EndIncluded daybook_private/functions/authorize_search.sql
--! Included daybook_private/functions/search_accounts.sql
-- In the order of bytes a colon is followed by a semicolon, so all addresses below one are a range.
create or replace function daybook_private.search_accounts(ledger text, account text, category text)
  returns uuid[]
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  account_ids uuid[];
  members uuid[];
begin
  if account like '%:*' then
    account_ids := array(
      select a.id
        from daybook.accounts a
       where a.ledger = search_accounts.ledger
         and a.address > left(account, -1) collate "C" and a.address < left(account, -2) || ';' collate "C");
  elsif account is not null then
    account_ids := array(
      select a.id from daybook.accounts a where a.ledger = search_accounts.ledger and a.address = search_accounts.account);
    if account_ids = '{}' then
      perform daybook_private.refuse_missing_accounts(search_accounts.ledger, array[search_accounts.account]);
    end if;
  end if;
  if category is null then
    return account_ids;
  end if;
  perform daybook_private.check_categories(search_accounts.ledger, array[search_accounts.category]);
  members := daybook_private.category_accounts(search_accounts.ledger, search_accounts.category);
  return case
    when account_ids is null then members
    else array(select unnest(account_ids) intersect select unnest(members))
  end;
end
$$;
comment on function daybook_private.search_accounts(text, text, text) is
  'The accounts with an address or below one, in a category, or both; null for all. Raises LDLED, LDACC, LDCTG.';
revoke execute on function daybook_private.search_accounts(text, text, text) from public;
--! EndIncluded daybook_private/functions/search_accounts.sql
--! Included daybook/functions/search_transactions.sql
-- What is asked of a line (account, category, direction, amount, currency) must hold of one line of the
-- transaction as it is now. All of it is one snapshot: what the worker has indexed, and what it has not yet.
create or replace function daybook.search_transactions(
  ledger text,
  account text default null,
  category text default null,
  direction daybook.direction default null,
  currency text default null,
  amount_min numeric default null,
  amount_max numeric default null,
  status daybook.transaction_status default null,
  effective_from timestamptz default null,
  effective_before timestamptz default null,
  created_from timestamptz default null,
  created_before timestamptz default null,
  external_id text default null,
  metadata jsonb default null,
  words text default null,
  metadata_keys text[] default null,
  sort daybook.search_sort default 'effective_at',
  ascending boolean default false,
  first integer default 50,
  after text default null
)
  returns setof daybook.found_transaction
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  filter daybook_private.search_filter := row(
    search_transactions.ledger, null, search_transactions.direction, search_transactions.currency,
    search_transactions.amount_min, search_transactions.amount_max, search_transactions.status,
    search_transactions.effective_from, search_transactions.effective_before,
    search_transactions.created_from, search_transactions.created_before, search_transactions.external_id,
    case when search_transactions.metadata <> '{}' then
      jsonb_build_object(coalesce(search_transactions.ledger, ''), search_transactions.metadata) end,
    search_transactions.words, search_transactions.metadata_keys, coalesce(search_transactions.sort, 'effective_at'),
    coalesce(search_transactions.ascending, false), null, null, null);
begin
  perform daybook_private.authorize_search(search_transactions.ledger, search_transactions.account, search_transactions.category);
  perform daybook_private.check_search(filter, search_transactions.account, search_transactions.category,
    search_transactions.metadata, search_transactions.first);
  filter := daybook_private.search_after(filter, search_transactions.after);
  perform daybook_private.check_ledger_exists(search_transactions.ledger);
  filter.account_ids := daybook_private.search_accounts(
    search_transactions.ledger, search_transactions.account, search_transactions.category);
  return query
    select t.ledger, t.id, t.status, t.version, t.effective_at, t.created_at, t.posted_at, t.archived_at, t.archived_reason,
           t.expires_at, t.external_id, t.description, t.metadata, t.reverses_transaction_id, t.reversed_by_transaction_id,
           t.partially_posts_transaction_id, t.counterpart_ledger, t.counterpart_transaction_id,
           h.amount, h.currency, daybook_private.search_cursor(filter, row(h.at, h.key, h.transaction_id, h.amount, h.currency))
      from daybook_private.search_page(filter, coalesce(search_transactions.first, 50)) with ordinality
             h (at, key, transaction_id, amount, currency, n)
     cross join lateral (
        select t.*
          from daybook.transactions t
         where t.ledger = search_transactions.ledger and t.id = h.transaction_id
        offset 0) t
     order by h.n;
end
$$;
comment on function daybook.search_transactions(text, text, text, daybook.direction, text, numeric, numeric, daybook.transaction_status, timestamptz, timestamptz, timestamptz, timestamptz, text, jsonb, text, text[], daybook.search_sort, boolean, integer, text) is
  'Find transactions by everything that is given: account is an address, or users:alice:* for all below one; amounts are in minor units, of one line; times from one to before another; metadata is contained; '
  'words are looked for, also misspelt, in the description and in the texts that metadata_keys names. Latest effective time first, or sorted by created_at or amount; at most 200, 50 if nothing is said, after the cursor of the last one of the page before. Raises 42501, LDARG, LDLED, LDACC, LDCTG, 57014.';
revoke execute on function daybook.search_transactions(text, text, text, daybook.direction, text, numeric, numeric, daybook.transaction_status, timestamptz, timestamptz, timestamptz, timestamptz, text, jsonb, text, text[], daybook.search_sort, boolean, integer, text) from public;
grant execute on function daybook.search_transactions(text, text, text, daybook.direction, text, numeric, numeric, daybook.transaction_status, timestamptz, timestamptz, timestamptz, timestamptz, text, jsonb, text, text[], daybook.search_sort, boolean, integer, text) to daybook_reader;
--! EndIncluded daybook/functions/search_transactions.sql
--! Included daybook_private/functions/settled_until.sql
-- An id is made a moment before it is committed, so records appear out of order. What follows them in
-- order of ids, and looks at each only once, needs a time before which nothing can appear any more.
-- A candidate, the present time with the next transaction number, has come true as soon as
-- no transaction below that number runs, prepared ones included. The number is remembered from one call
-- to the next and no longer: in a restored cluster, where numbers may begin anew, a number that is
-- still to come is given up for another. Ids are made less than five seconds before their
-- transaction gets its number, by a clock that is not set back; what relies on that wants to be proved
-- now and then by looking at everything.
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
  return daybook_private.uuid_at(coalesce(known.settled_until, 'epoch'));
end
$$;
comment on function daybook_private.settled_until() is
  'An id below which nothing can be committed any more; the next call may know of a higher one. To be called in a statement before the one that reads.';
revoke execute on function daybook_private.settled_until() from public;
--! EndIncluded daybook_private/functions/settled_until.sql
--! Included daybook_private/functions/unindexed_ledgers.sql
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
begin
  return query
    select l.name, least(uuid_extract_timestamp(t.id), uuid_extract_timestamp(e.id))
      from daybook.ledgers l
      left join daybook_private.search_heads h on h.ledger = l.name
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
--! Included daybook_private/functions/index_transactions.sql
create or replace function daybook_private.index_transactions(ledger text, ids uuid[])
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  insert into daybook_private.search_documents as d
    select s.* from daybook_private.search_documents_of(index_transactions.ledger, ids) s
    on conflict on constraint search_documents_pkey do update
      set status = excluded.status, effective_at = excluded.effective_at, external_id = excluded.external_id,
          words = excluded.words, facts = excluded.facts, last_event_id = excluded.last_event_id;
  delete from daybook_private.search_lines l
   where l.ledger = index_transactions.ledger and l.transaction_id = any (ids)
     and not exists (
           select
             from daybook_private.search_lines_of(index_transactions.ledger, ids) s
            where s.transaction_id = l.transaction_id and s.position = l.position
              and (s.account_id, s.direction, s.amount, s.effective_at) = (l.account_id, l.direction, l.amount, l.effective_at));
  insert into daybook_private.search_lines
    select s.* from daybook_private.search_lines_of(index_transactions.ledger, ids) s
    on conflict on constraint search_lines_pkey do nothing;
end
$$;
comment on function daybook_private.index_transactions(text, uuid[]) is
  'Writes what these transactions are searched by, as they are now. For callers that hold the ledger''s row in search_heads.';
revoke execute on function daybook_private.index_transactions(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/index_transactions.sql
--! Included daybook_private/functions/index_search.sql
-- Rows first, then lines: a change that commits in between is an event that the row does not name, so the
-- search does not trust the lines and the next round does it again. The head moves no further
-- than to where nothing can be committed any more; what stands above is found by comparing.
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
--! Included daybook_private/functions/index_missed.sql
-- The worker relies on clocks that are not set back (see settled_until). This does not.
create or replace function daybook_private.index_missed(since interval default '2 hours')
  returns integer
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  head daybook_private.search_heads;
  missed uuid[];
  total integer := 0;
begin
  for head in
    select h.* from daybook_private.search_heads h order by h.ledger for update
  loop
    missed := array(
      select distinct b.transaction_id
        from daybook_private.search_backlog(head.ledger, daybook_private.uuid_at(now() - since)) b
       where b.id <= head.indexed_until);
    if missed <> '{}' then
      perform daybook_private.index_transactions(head.ledger, missed);
      total := total + cardinality(missed);
    end if;
  end loop;
  return total;
end
$$;
comment on function daybook_private.index_missed(interval) is
  'Looks whether index_search has passed over something that was recorded lately, and makes up for it; returns how many transactions that were.';
revoke execute on function daybook_private.index_missed(interval) from public;
grant execute on function daybook_private.index_missed(interval) to daybook_worker;
--! EndIncluded daybook_private/functions/index_missed.sql
--! Included daybook_private/functions/dress_partition.sql
-- Triggers for each row come from the parent when it is attached, those for each statement do not.
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
  end if;
end
$$;
comment on function daybook_private.dress_partition(regclass, text) is
  'Gives a table that is to become a partition what its siblings have: row level security and the triggers for each statement.';
revoke execute on function daybook_private.dress_partition(regclass, text) from public;
--! EndIncluded daybook_private/functions/dress_partition.sql
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
  perform daybook_private.dress_partition(parent, partition);
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
            select substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([-0-9a-f]{36})''\)') as bound) b
         where i.inhparent = r.parent and b.bound is not null) p;
end
$$;
comment on function daybook_private.partition_states() is
  'Of each table that is kept in months: how many there are, until when, and whether the default partition is empty.';
revoke execute on function daybook_private.partition_states() from public;
grant execute on function daybook_private.partition_states() to daybook_reader, daybook_worker;
--! EndIncluded daybook_private/functions/partition_states.sql
--! Included daybook/views/partition_health.sql
create or replace view daybook.partition_health with (security_invoker = true) as
  select h.relation, h.months, h.covered_until, h.default_is_empty
    from daybook_private.partition_states() h;
comment on view daybook.partition_health is
  'The tables that are kept in months, one row each. For monitoring: covered_until is to be more than a month ahead, default_is_empty to be true.';
comment on column daybook.partition_health.relation is 'The table: transactions, entries, or log_events, which the log is read from.';
comment on column daybook.partition_health.months is 'How many months it has a partition for.';
comment on column daybook.partition_health.covered_until is 'The end of the last of them.';
comment on column daybook.partition_health.default_is_empty is
  'Whether nothing was recorded in a month without a partition; if false, see clear_default in the manual.';
--! EndIncluded daybook/views/partition_health.sql
--! Included daybook_private/functions/clear_default.sql
-- A month cannot get a partition while rows of it are in the default one. Here they go into a table of
-- their own, which is then attached: one step, in which nobody else writes. Rows of months that have
-- a partition cannot be in the default one. Owners alone may turn off what keeps records from being deleted.
create or replace function daybook_private.clear_default(parent regclass)
  returns bigint
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
  set lock_timeout to '5s'
  set timezone to 'UTC'
as $$
declare
  default_table constant text := parent::text || '_default';
  partition text;
  month timestamptz;
  moved bigint;
  total bigint := 0;
begin
  execute format('lock table %s in access exclusive mode', parent);
  execute format('alter table %s disable trigger user', default_table);
  loop
    execute format('select date_trunc(''month'', uuid_extract_timestamp(id)) from only %s order by id limit 1', default_table)
      into month;
    exit when month is null;
    partition := parent::text || to_char(month, '_YYYYMM');
    execute format('create table %s (like %s including defaults including constraints including storage)', partition, parent);
    execute format(
      'with moved as (delete from only %s where id >= %L and id < %L returning *) insert into %s select * from moved',
      default_table, daybook_private.uuid_at(month), daybook_private.uuid_at(month + interval '1 month'), partition);
    get diagnostics moved = row_count;
    total := total + moved;
    perform daybook_private.dress_partition(parent, partition);
    execute format('alter table %s attach partition %s for values from (%L) to (%L)', parent, partition,
      daybook_private.uuid_at(month), daybook_private.uuid_at(month + interval '1 month'));
  end loop;
  execute format('alter table %s enable trigger user', default_table);
  return total;
end
$$;
comment on function daybook_private.clear_default(regclass) is
  'Moves what is in the default partition of a table into partitions of its months, while everybody else waits; returns how many rows. Raises 55P03 if the table is not free within five seconds: call it again.';
revoke execute on function daybook_private.clear_default(regclass) from public;
--! EndIncluded daybook_private/functions/clear_default.sql
--! Included daybook_private/functions/swap_partition.sql
-- Whoever waits for the table makes all who come later wait behind him, so he does not wait for long, and tries again.
create or replace function daybook_private.swap_partition(parent regclass, partition text, copy text, lower_id uuid, upper_id uuid)
  returns void
  language plpgsql
  volatile
as $$
begin
  for attempt in 1..20 loop
    begin
      execute format('lock table %s in access exclusive mode', parent);
      exit;
    exception when lock_not_available then
      if attempt = 20 then
        raise;
      end if;
      perform pg_sleep(1);
    end;
  end loop;
  execute format('alter table %s detach partition %s', parent, partition);
  execute format('alter table %s rename to %I', partition, split_part(partition, '.', 2) || '_detached');
  execute format('alter table %s rename to %I', copy, split_part(partition, '.', 2));
  execute format('alter table %s attach partition %s for values from (%L) to (%L)', parent, partition, lower_id, upper_id);
end
$$;
comment on function daybook_private.swap_partition(regclass, text, text, uuid, uuid) is
  'Puts a copy in the place of a partition, which is detached. Raises 55P03 if the table is never free for a moment.';
revoke execute on function daybook_private.swap_partition(regclass, text, text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/swap_partition.sql
--! Included daybook_private/functions/move_partition.sql
-- The month is copied while everybody goes on, and then the copy takes its place in one short step: at no
-- moment is an entry missing or there twice. The original stays as a table by itself.
-- What is over for long does not change any more: an entry only when it is folded, and nothing can be
-- added where nothing can be committed. Transactions change, so they stay where they are.
create or replace function daybook_private.move_partition(parent regclass, month timestamptz, storage name)
  returns text
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
  set lock_timeout to '2s'
as $$
declare
  partition constant text := parent::text || to_char(month, '_YYYYMM');
  copy constant text := partition || '_copy';
  lower_id constant uuid := daybook_private.uuid_at(date_trunc('month', month));
  upper_id constant uuid := daybook_private.uuid_at(date_trunc('month', month) + interval '1 month');
  is_open boolean := false;
begin
  if parent not in ('daybook.entries'::regclass, 'daybook_private.log_events'::regclass) then
    raise exception 'only months of entries and log_events can be moved' using errcode = '22023';
  end if;
  if parent = 'daybook.entries'::regclass then
    execute format('select exists (select from %s where lock_version is null)', partition) into is_open;
  end if;
  if is_open or daybook_private.settled_until() < upper_id then
    raise exception 'the month is not over: entries may still be added or folded' using errcode = '55000';
  end if;
  perform set_config('default_tablespace', storage, true);
  execute format('create table %s (like %s including all)', copy, partition);
  perform set_config('default_tablespace', '', true);
  execute format('insert into %s select * from %s', copy, partition);
  perform daybook_private.dress_partition(parent, copy);
  execute format('alter table %s add constraint is_of_the_month check (id >= %L and id < %L and id is not null)', copy, lower_id, upper_id);
  execute format('analyze %s', copy);
  perform daybook_private.swap_partition(parent, partition, copy, lower_id, upper_id);
  execute format('alter table %s drop constraint is_of_the_month', partition);
  return partition || '_detached';
end
$$;
comment on function daybook_private.move_partition(regclass, timestamptz, name) is
  'Replaces a month of entries or of log_events by a copy of it in another tablespace, and returns the name of the detached original. Raises 55000 if the month is not over, 55P03 if the table is never free for a moment.';
revoke execute on function daybook_private.move_partition(regclass, timestamptz, name) from public;
--! EndIncluded daybook_private/functions/move_partition.sql
--! Included daybook_private/functions/original_metadata.sql
-- Undoes what the log says was done to it since. A key's first change tells what was there before: added
-- says nothing was, replaced says what. Records of earlier releases do not tell added keys; these
-- then count as having been there from the start.
create or replace function daybook_private.original_metadata(ledger text, transaction_id uuid, metadata jsonb)
  returns jsonb
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  with changes as (
    select e.id, r.key, r.value
      from daybook_private.log_events e
     cross join lateral (
       select p.key, p.value from jsonb_each(e.data -> 'replaced') p
       union all
       select a.key, null from jsonb_array_elements_text(e.data -> 'added') a (key)
     ) r
     where e.ledger = original_metadata.ledger and e.transaction_id = original_metadata.transaction_id
       and e.kind in ('set_transaction_metadata', 'delete_transaction_metadata')
  ),
  firsts as (
    select distinct on (c.key) c.key, c.value from changes c order by c.key, c.id
  )
  select (original_metadata.metadata - coalesce(array_agg(f.key), '{}'))
         || coalesce(jsonb_object_agg(f.key, f.value) filter (where f.value is not null), '{}')
    from firsts f
$$;
comment on function daybook_private.original_metadata(text, uuid, jsonb) is
  'The metadata that a transaction was made with, from what it has today and the log.';
revoke execute on function daybook_private.original_metadata(text, uuid, jsonb) from public;
--! EndIncluded daybook_private/functions/original_metadata.sql
--! Included daybook_private/functions/version_of.sql
-- Without a fixed search_path, so that it is inlined. Records of the first release, all of them about
-- transactions made pending, have no number in them.
create or replace function daybook_private.version_of(kind text, data jsonb)
  returns integer
  language sql
  immutable
  parallel safe
as $$
  select case
    when kind = 'create_transaction' then coalesce((data ->> 'version')::integer, 1)
    when kind in ('reverse_transaction', 'update_transaction', 'post_transaction', 'partially_post_transaction',
                  'archive_transaction', 'expire_transaction') then (data ->> 'version')::integer
  end
$$;
comment on function daybook_private.version_of(text, jsonb) is
  'Which version of its transaction a row of the log''s table made; null if it made none.';
revoke execute on function daybook_private.version_of(text, jsonb) from public;
--! EndIncluded daybook_private/functions/version_of.sql
--! Included daybook_private/functions/version_text.sql
-- What never changes stands in the first version; what a final one became, in the row.
create or replace function daybook_private.version_text(event daybook_private.log_events, version integer)
  returns text
  language sql
  stable
as $$
  select concat(
      ',"transaction":{"version":', version_text.version,
      ',"status":"', case when f.is_final then t.status else 'pending' end,
      '","effective_at":"', case when f.is_final then t.effective_at
                               else coalesce(((event).data ->> 'effective_at')::timestamptz, t.created_at) end, '"',
      ',"posted_at":"' || (case when f.is_final then t.posted_at end)::text || '"',
      ',"archived_at":"' || (case when f.is_final then t.archived_at end)::text || '"',
      ',"archived_reason":' || to_json(case when f.is_final then t.archived_reason end)::text,
      ',"expires_at":"' || (case when f.is_final then t.expires_at else ((event).data ->> 'expires_at')::timestamptz end)::text || '"',
      ',"description":' || to_json(case when f.is_final then t.description else (event).data ->> 'description' end)::text,
      case when version_text.version = 1 then concat(
        ',"created_at":"', t.created_at, '","actor":', to_json(t.actor),
        ',"request_id":' || to_json(t.request_id)::text, ',"client_address":"' || host(t.client_address) || '"',
        ',"external_id":' || to_json(t.external_id)::text,
        ',"metadata":' || nullif((event).data -> 'metadata', '{}')::text,
        ',"reverses_transaction_id":"' || t.reverses_transaction_id || '"',
        ',"partially_posts_transaction_id":"' || t.partially_posts_transaction_id || '"',
        ',"counterpart_ledger":"' || t.counterpart_ledger || '"',
        ',"counterpart_transaction_id":"' || t.counterpart_transaction_id || '"') end,
      '}')
    from daybook.transactions t
   cross join lateral (select t.status <> 'pending' and t.version = version_text.version as is_final) f
   where t.ledger = (event).ledger and t.id = (event).transaction_id
$$;
comment on function daybook_private.version_text(daybook_private.log_events, integer) is
  'Part of a record''s canonical text: the version of a transaction that it made.';
revoke execute on function daybook_private.version_text(daybook_private.log_events, integer) from public;
--! EndIncluded daybook_private/functions/version_text.sql
--! Included daybook_private/functions/account_text.sql
-- Limits and metadata as they were asked for: they may be others today.
create or replace function daybook_private.account_text(event daybook_private.log_events)
  returns text
  language sql
  stable
as $$
  select concat(
      ',"account":{"address":"', a.address, '","currency":"', a.currency, '","currency_exponent":', a.currency_exponent,
      ',"normal_balance":"', a.normal_balance, '"',
      ',"balance_min":"' || trunc(((event).data ->> 'balance_min')::numeric) || '"',
      ',"balance_max":"' || trunc(((event).data ->> 'balance_max')::numeric) || '"',
      ',"description":' || to_json(a.description)::text,
      ',"metadata":' || nullif((event).data -> 'metadata', '{}')::text,
      ',"created_at":"', a.created_at, '","request_hash":"', a.request_hash, '"}')
    from daybook.accounts a
   where a.ledger = (event).ledger and a.id = (event).account_id
$$;
comment on function daybook_private.account_text(daybook_private.log_events) is
  'Part of a record''s canonical text: an account as it was opened.';
revoke execute on function daybook_private.account_text(daybook_private.log_events) from public;
--! EndIncluded daybook_private/functions/account_text.sql
--! Included daybook_private/functions/category_text.sql
create or replace function daybook_private.category_text(event daybook_private.log_events)
  returns text
  language sql
  stable
as $$
  select concat(
      ',"category":{"category":"', c.category, '","currency":"', c.currency, '","currency_exponent":', c.currency_exponent,
      ',"normal_balance":"', c.normal_balance, '"',
      ',"description":' || to_json(c.description)::text,
      ',"metadata":' || nullif(c.metadata, '{}')::text,
      ',"created_at":"', c.created_at, '","request_hash":"', c.request_hash, '"}')
    from daybook.categories c
   where c.ledger = (event).ledger and c.category = (event).data ->> 'category'
$$;
comment on function daybook_private.category_text(daybook_private.log_events) is
  'Part of a record''s canonical text: a category as it was made.';
revoke execute on function daybook_private.category_text(daybook_private.log_events) from public;
--! EndIncluded daybook_private/functions/category_text.sql
--! Included daybook_private/functions/event_text.sql
-- Without a fixed search_path, because the caller has one.
create or replace function daybook_private.event_text(event daybook_private.log_events, version integer)
  returns text
  language sql
  stable
as $$
  select concat('{"ledger":"', (event).ledger, '","id":"', (event).id, '","kind":', to_json((event).kind),
    ',"created_at":"', (event).created_at, '","actor":', to_json((event).actor),
    ',"request_id":' || to_json((event).request_id)::text,
    ',"client_address":"' || host((event).client_address) || '"',
    ',"transaction_id":"' || (event).transaction_id || '"', ',"account_id":"' || (event).account_id || '"',
    ',"data":' || nullif((event).data, '{}')::text,
    case when event_text.version is not null then daybook_private.version_text(event, event_text.version) end,
    case when (event).kind = 'open_account' then daybook_private.account_text(event) end,
    case when (event).kind = 'create_category' then daybook_private.category_text(event) end)
$$;
comment on function daybook_private.event_text(daybook_private.log_events, integer) is
  'The canonical text of a record that is a row of the log''s table, without entries and the last brace.';
revoke execute on function daybook_private.event_text(daybook_private.log_events, integer) from public;
--! EndIncluded daybook_private/functions/event_text.sql
--! Included daybook_private/functions/log_texts.sql
-- One JSON object per record, whose text is the very thing that is hashed: so this must give the same for a
-- record ever after. docs/log.md describes it. Written by hand: building JSON from rows costs twice as
-- much, and this is done for every transaction. What is null or what it is by default is left out.
--
-- Only what can be told at any later time is in it: of a version that a pending transaction has left
-- behind, what the log kept of it; of its last one, the row, which is final; metadata as it was first;
-- an account as it was opened.
create or replace function daybook_private.log_texts(ledger text, log_ids uuid[])
  returns table (log_id uuid, body text)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
  set datestyle to 'ISO'
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
  with changed as (
    select distinct e.transaction_id
      from daybook_private.log_events e
     where e.ledger = log_texts.ledger and e.transaction_id = any (log_ids)
       and e.kind in ('set_transaction_metadata', 'delete_transaction_metadata')
  ),
  records as (
    select t.id, t.id as transaction_id, 1 as version, t.created_at, t.effective_at,
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
             ',"counterpart_transaction_id":"' || t.counterpart_transaction_id || '"', '}') as text
      from daybook.transactions t
     where t.ledger = log_texts.ledger and t.id = any (log_ids) and t.status = 'posted' and t.version = 1
    union all
    select e.id, e.transaction_id, v.version, null, null,
           daybook_private.event_text(e, v.version)
      from daybook_private.log_events e
     cross join lateral (
       select daybook_private.version_of(e.kind, e.data) as version) v
     where e.ledger = log_texts.ledger and e.id = any (log_ids)
  ),
  written as (
    select r.id, string_agg(concat('{"id":"', e.id, '","position":', e.position, ',"account_id":"', e.account_id,
             '","direction":"', e.direction, '","amount":"', e.amount, '","currency":"', e.currency,
             '","effect":"', e.effect, '"', case when e.locked then ',"locked":true' end,
             case when e.effective_at is distinct from r.effective_at then concat(',"effective_at":"', e.effective_at, '"') end,
             case when e.created_at is distinct from r.created_at then concat(',"created_at":"', e.created_at, '"') end,
             case when e.metadata <> '{}' then ',"metadata":' || e.metadata::text end, '}'), ',' order by e.id) as text
      from records r
      join daybook.entries e on e.transaction_id = r.transaction_id and e.transaction_version = r.version
     where e.ledger = log_texts.ledger
       and e.transaction_id = any (array(select s.transaction_id from records s where s.version is not null))
     group by r.id
  )
  select r.id, concat(r.text, ',"entries":[' || w.text || ']', '}')
    from records r
    left join written w on w.id = r.id
$$;
comment on function daybook_private.log_texts(text, uuid[]) is
  'The canonical text of records of a ledger''s log: what was done, by whom, and everything that it wrote. What is sealed is its hash.';
revoke execute on function daybook_private.log_texts(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/log_texts.sql
--! Included daybook_private/functions/log_body.sql
create or replace function daybook_private.log_body(ledger text, log_id uuid)
  returns jsonb
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select t.body::jsonb from daybook_private.log_texts(log_body.ledger, array[log_body.log_id]) t
$$;
comment on function daybook_private.log_body(text, uuid) is
  'A record of the log with everything that it wrote; null if there is none of that id.';
revoke execute on function daybook_private.log_body(text, uuid) from public;
--! EndIncluded daybook_private/functions/log_body.sql
--! Included daybook_private/functions/block_hash.sql
-- Lines of text, so that anybody can do it again with what is at hand: see docs/log.md.
create or replace function daybook_private.block_hash(block daybook_private.seal_blocks, leaves text)
  returns bytea
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
  set datestyle to 'ISO'
as $$
  select sha256(convert_to(concat_ws(e'\n',
    'daybook log 1', (block).ledger, (block).block, (block).first_no, (block).last_no, (block).sealed_at,
    encode((block).previous_hash, 'hex'), leaves), 'UTF8'))
$$;
comment on function daybook_private.block_hash(daybook_private.seal_blocks, text) is
  'The hash of a block of the sealed log; leaves: those of its records as hexadecimal lines, in order.';
revoke execute on function daybook_private.block_hash(daybook_private.seal_blocks, text) from public;
--! EndIncluded daybook_private/functions/block_hash.sql
--! Included daybook_private/functions/unsealed_records.sql
-- Both tables, and the seals beside them, are read in the order of their keys and merged, no further than
-- to the last record that is wanted: whatever the planner knows of tables that grow as fast as these.
create or replace function daybook_private.unsealed_records(ledger text, after uuid, until uuid, max integer)
  returns uuid[]
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_hashjoin to off
  set enable_nestloop to off
  set enable_sort to off
  set enable_bitmapscan to off
  set plan_cache_mode to force_generic_plan
as $$
  select array_agg(u.id order by u.id)
    from (
      select r.id
        from (
          (select t.id
             from daybook.transactions t
             left join daybook_private.seals s
               on s.ledger = unsealed_records.ledger and s.log_id > after and s.log_id <= until and s.log_id = t.id
            where t.ledger = unsealed_records.ledger and t.id > after and t.id <= until
              and t.status = 'posted' and t.version = 1 and s.log_id is null
            order by t.id
            limit unsealed_records.max)
          union all
          (select e.id
             from daybook_private.log_events e
             left join daybook_private.seals s
               on s.ledger = unsealed_records.ledger and s.log_id > after and s.log_id <= until and s.log_id = e.id
            where e.ledger = unsealed_records.ledger and e.id > after and e.id <= until and s.log_id is null
            order by e.id
            limit unsealed_records.max)
        ) r
       order by r.id
       limit unsealed_records.max
    ) u
$$;
comment on function daybook_private.unsealed_records(text, uuid, uuid, integer) is
  'Ids of records of a ledger''s log that are not sealed, behind one id and up to another, at most so many; null if there are none.';
revoke execute on function daybook_private.unsealed_records(text, uuid, uuid, integer) from public;
--! EndIncluded daybook_private/functions/unsealed_records.sql
--! Included daybook_private/functions/add_block.sql
create or replace function daybook_private.add_block(head daybook_private.seal_heads, log_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  made daybook_private.seal_blocks := row(
    head.ledger, head.block + 1, head.no + 1, head.no + cardinality(log_ids), head.hash, null, clock_timestamp());
  leaves text;
  sealed bigint;
begin
  with added as (
    insert into daybook_private.seals (ledger, no, log_id, leaf)
    select head.ledger, head.no + row_number() over (order by t.log_id), t.log_id, sha256(convert_to(t.body, 'UTF8'))
      from daybook_private.log_texts(head.ledger, log_ids) t
    returning no, leaf
  )
  select count(*), string_agg(encode(a.leaf, 'hex'), e'\n' order by a.no) into sealed, leaves
    from added a;
  assert sealed = cardinality(log_ids), 'each record has a text';
  made.hash := daybook_private.block_hash(made, leaves);
  insert into daybook_private.seal_blocks select made.*;
  update daybook_private.seal_heads h
     set block = made.block, no = made.last_no, hash = made.hash,
         latest = greatest(h.latest, log_ids[cardinality(log_ids)])
   where h.ledger = head.ledger;
end
$$;
comment on function daybook_private.add_block(daybook_private.seal_heads, uuid[]) is
  'Seals records, given in order, as the next block of a ledger''s log, whose head the caller has locked.';
revoke execute on function daybook_private.add_block(daybook_private.seal_heads, uuid[]) from public;
--! EndIncluded daybook_private/functions/add_block.sql
--! Included daybook_private/functions/lock_seal_head.sql
-- Null while somebody else seals. Only if nobody ever did, it inserts, which could wait for somebody else.
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
    insert into daybook_private.seal_heads (ledger) values (lock_seal_head.ledger) on conflict do nothing;
  end loop;
  return head;
end
$$;
comment on function daybook_private.lock_seal_head(text) is
  'Takes the right to seal a ledger''s log until the end of the transaction; null if somebody else has it.';
revoke execute on function daybook_private.lock_seal_head(text) from public;
--! EndIncluded daybook_private/functions/lock_seal_head.sql
--! Included daybook_private/functions/seal_log.sql
-- A round is as many calls as it takes, each a transaction: the first without after and settled, the next
-- with what it returned, until a call seals fewer than max. Who was behind the first in the order of ids and
-- was committed meanwhile is met by the next round, which begins where nothing can be committed any
-- more; or a minute back, lest a transaction that stays open makes every round longer: what comes later
-- than that is found by sweep_log.
--
-- The lock, then the look: the look sees everything that those sealed who had the lock before.
create or replace function daybook_private.seal_log(
  ledger text,
  max integer,
  inout after uuid default null,
  inout settled uuid default null,
  out sealed integer
)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  head daybook_private.seal_heads;
  log_ids uuid[];
begin
  head := daybook_private.lock_seal_head(seal_log.ledger);
  if head.ledger is null then
    return;
  end if;
  settled := coalesce(settled, greatest(
    daybook_private.settled_until(), daybook_private.uuid_at(clock_timestamp() - interval '1 minute')));
  log_ids := daybook_private.unsealed_records(
    head.ledger, coalesce(after, head.scan_from), 'ffffffff-ffff-ffff-ffff-ffffffffffff', max);
  sealed := coalesce(cardinality(log_ids), 0);
  if sealed > 0 then
    perform daybook_private.add_block(head, log_ids);
    after := log_ids[sealed];
  end if;
  update daybook_private.seal_heads h
     set scan_from = case when sealed < max then settled else least(settled, after) end
   where h.ledger = head.ledger
     and h.scan_from < case when sealed < max then settled else least(settled, after) end;
end
$$;
comment on function daybook_private.seal_log(text, integer, uuid, uuid) is
  'Seals what is new in a ledger''s log, at most so many records; sealed is null while somebody else does it. For the worker, one call a transaction.';
revoke execute on function daybook_private.seal_log(text, integer, uuid, uuid) from public;
grant execute on function daybook_private.seal_log(text, integer, uuid, uuid) to daybook_worker;
--! EndIncluded daybook_private/functions/seal_log.sql
--! Included daybook_private/functions/sweep_log.sql
-- What seal_log did not meet: committed more than a minute after its id was made, or while the clock was
-- set back. One step looks at max records and returns where the next one begins.
create or replace function daybook_private.sweep_log(
  ledger text,
  max integer,
  inout after uuid,
  in began timestamptz default null,
  out sealed integer
)
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  head daybook_private.seal_heads;
  until uuid;
  log_ids uuid[];
begin
  head := daybook_private.lock_seal_head(sweep_log.ledger);
  if head.ledger is null then
    return;
  end if;
  select s.log_id into until
    from daybook_private.seals s
   where s.ledger = head.ledger and s.log_id > after and s.log_id < head.scan_from
   order by s.log_id
  offset greatest(max, 1) - 1
   limit 1;
  log_ids := daybook_private.unsealed_records(head.ledger, after, coalesce(until, head.scan_from), max);
  sealed := coalesce(cardinality(log_ids), 0);
  if sealed > 0 then
    perform daybook_private.add_block(head, log_ids);
  end if;
  after := case when sealed = max then log_ids[sealed] else until end;
  if after is null and began is not null then
    update daybook_private.seal_heads h
       set fully_swept_at = began
     where h.ledger = head.ledger;
  end if;
end
$$;
comment on function daybook_private.sweep_log(text, integer, uuid, timestamptz) is
  'Looks behind an id for records that were not sealed, past so many, and seals them; after is null at the end, sealed while somebody else seals. A sweep of everything begins at the lowest id and tells when it began. For the worker, one call a transaction.';
revoke execute on function daybook_private.sweep_log(text, integer, uuid, timestamptz) from public;
grant execute on function daybook_private.sweep_log(text, integer, uuid, timestamptz) to daybook_worker;
--! EndIncluded daybook_private/functions/sweep_log.sql
--! Included daybook_private/functions/next_sweep.sql
-- All of a log once a day; what is younger than a day whenever its turn comes.
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
   cross join lateral (select coalesce(h.fully_swept_at < now() - interval '1 day', true) as is_due) f
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
--! Included daybook_private/functions/unsealed_ledgers.sql
-- Those with a record higher than any that was sealed, and those where lower ones may still come.
create or replace function daybook_private.unsealed_ledgers(count integer, after text default '')
  returns setof text
  language sql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
  select l.name
    from (select n.name from daybook.ledgers n union all select '*') l
    left join daybook_private.seal_heads h on h.ledger = l.name
   where l.name > unsealed_ledgers.after
     and (h.ledger is null or h.scan_from <= h.latest
          or exists (select from daybook_private.log_events e where e.ledger = h.ledger and e.id > h.latest)
          or exists (select from daybook.transactions t where t.ledger = h.ledger and t.id > h.latest))
   order by l.name
   limit unsealed_ledgers.count
$$;
comment on function daybook_private.unsealed_ledgers(integer, text) is
  'Ledgers whose log may have records to seal, by name, after one of them and at most so many; * is the instance''s.';
revoke execute on function daybook_private.unsealed_ledgers(integer, text) from public;
grant execute on function daybook_private.unsealed_ledgers(integer, text) to daybook_worker;
--! EndIncluded daybook_private/functions/unsealed_ledgers.sql
--! Included daybook_private/functions/logged_accounts.sql
-- What holds for an account is what the last record says that set it; for its metadata, key by key.
create or replace function daybook_private.logged_accounts(ledger text)
  returns table (account_id uuid, log_id uuid, balance_min numeric, balance_max numeric, closed_at timestamptz, metadata jsonb)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  with events as materialized (
    select e.id, e.kind, e.account_id, e.data, e.created_at
      from daybook_private.log_events e
     where e.ledger = logged_accounts.ledger and e.transaction_id is null and e.account_id is not null
       and e.kind in ('open_account', 'set_account_limits', 'close_account', 'reopen_account',
                      'set_account_metadata', 'delete_account_metadata')
  ),
  limits as (
    select distinct on (e.account_id) e.account_id,
           trunc((e.data ->> 'balance_min')::numeric) as balance_min, trunc((e.data ->> 'balance_max')::numeric) as balance_max
      from events e
     where e.kind in ('open_account', 'set_account_limits')
     order by e.account_id, e.id desc
  ),
  closings as (
    select distinct on (e.account_id) e.account_id,
           -- Records of earlier releases do not say when exactly.
           case when e.kind = 'close_account' then coalesce((e.data ->> 'closed_at')::timestamptz, e.created_at) end as closed_at
      from events e
     where e.kind in ('close_account', 'reopen_account')
     order by e.account_id, e.id desc
  ),
  keys as (
    select distinct on (e.account_id, k.key) e.account_id, k.key, k.value
      from events e
     cross join lateral (
       select m.key, m.value from jsonb_each(e.data -> 'metadata') m
       union all
       select e.data ->> 'key', null where e.kind = 'delete_account_metadata') k
     where e.kind in ('open_account', 'set_account_metadata', 'delete_account_metadata')
     order by e.account_id, k.key, e.id desc
  ),
  objects as (
    select k.account_id, jsonb_object_agg(k.key, k.value) filter (where k.value is not null) as metadata
      from keys k
     group by k.account_id
  )
  select e.account_id, e.id, l.balance_min, l.balance_max, c.closed_at, coalesce(o.metadata, '{}')
    from events e
    join limits l on l.account_id = e.account_id
    left join closings c on c.account_id = e.account_id
    left join objects o on o.account_id = e.account_id
   where e.kind = 'open_account'
$$;
comment on function daybook_private.logged_accounts(text) is
  'What the log says of a ledger''s accounts: limits, closing and metadata as they should be, and the record that opened each.';
revoke execute on function daybook_private.logged_accounts(text) from public;
--! EndIncluded daybook_private/functions/logged_accounts.sql
--! Included daybook_private/functions/logged_members.sql
create or replace function daybook_private.logged_members(ledger text)
  returns table (log_id uuid, category text, account text, child_category text)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select l.id, l.category, l.account, l.child_category
    from (
      select distinct on (m.category, m.account, m.child_category)
             e.id, e.kind, m.category, m.account, m.child_category
        from daybook_private.log_events e
       cross join lateral (
         select e.data ->> 'category' as category, e.data ->> 'account' as account,
                e.data ->> 'child_category' as child_category) m
       where e.ledger = logged_members.ledger and e.transaction_id is null
         and e.kind in ('add_to_category', 'remove_from_category')
       order by m.category, m.account, m.child_category, e.id desc
    ) l
   where l.kind = 'add_to_category'
$$;
comment on function daybook_private.logged_members(text) is
  'What the log says is in a ledger''s categories, and by which record.';
revoke execute on function daybook_private.logged_members(text) from public;
--! EndIncluded daybook_private/functions/logged_members.sql
--! Included daybook_private/functions/logged_grants.sql
create or replace function daybook_private.logged_grants(ledger text)
  returns table (log_id uuid, role text, category text, access text)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select l.id, l.role, l.category, l.access
    from (
      select distinct on (g.role, g.category) e.id, e.kind, g.role, g.category, e.data ->> 'access' as access
        from daybook_private.log_events e
       cross join lateral (select e.data ->> 'role' as role, e.data ->> 'category' as category) g
       where e.ledger = logged_grants.ledger and e.transaction_id is null
         and e.kind in ('grant_ledger_access', 'revoke_ledger_access', 'grant_category_access', 'revoke_category_access')
       order by g.role, g.category, e.id desc
    ) l
   where l.kind in ('grant_ledger_access', 'grant_category_access')
$$;
comment on function daybook_private.logged_grants(text) is
  'What the log says who may use a ledger, or a category of it, and by which record.';
revoke execute on function daybook_private.logged_grants(text) from public;
--! EndIncluded daybook_private/functions/logged_grants.sql
--! Included daybook_private/functions/differing_settings.sql
create or replace function daybook_private.differing_settings(ledger text)
  returns table (log_id uuid, detail jsonb)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  with events as (
    select e.id, e.kind, e.data
      from daybook_private.log_events e
     where e.ledger = differing_settings.ledger and e.transaction_id is null
       and e.kind in ('create_ledger', 'close_period', 'reopen_period', 'create_currency', 'set_queue_limit')
  )
  select e.id, jsonb_build_object('logged', v.logged, 'found', v.found)
    from daybook.ledgers l
    left join events e on e.kind = 'create_ledger'
    left join lateral (
      select p.data ->> 'closed_until' as closed_until
        from events p
       where p.kind in ('close_period', 'reopen_period')
       order by p.id desc
       limit 1) p on true
   cross join lateral (
     select jsonb_strip_nulls((e.data - 'metadata') || jsonb_build_object('closed_until', p.closed_until::timestamptz))
              || jsonb_build_object('metadata', e.data -> 'metadata', 'created_at', (e.data ->> 'created_at')::timestamptz) as logged,
            jsonb_strip_nulls(to_jsonb(l) - 'metadata') || jsonb_build_object('metadata', l.metadata) as found) v
   where l.name = differing_settings.ledger and v.logged is distinct from v.found
  union all
  select e.id, jsonb_build_object('logged', e.data, 'found', to_jsonb(c))
    from events e
    left join daybook.currencies c on c.code = e.data ->> 'code'
   where e.kind = 'create_currency' and e.data is distinct from to_jsonb(c)
  union all
  select e.id, jsonb_build_object('logged', e.data, 'found', jsonb_build_object('max_depth', q.max_depth))
    from (select e.id, e.data from events e where e.kind = 'set_queue_limit' order by e.id desc limit 1) e
    left join daybook_private.queue_limits q on q.ledger = differing_settings.ledger
   where (e.data ->> 'max_depth')::bigint is distinct from q.max_depth
$$;
comment on function daybook_private.differing_settings(text) is
  'Where a ledger itself, or for * the instance''s currencies and limits, are not what the log says, with the record that says it.';
revoke execute on function daybook_private.differing_settings(text) from public;
--! EndIncluded daybook_private/functions/differing_settings.sql
--! Included daybook_private/functions/differing_books.sql
-- Each part joins what the log says with what is there; what is equal is left out. Records of earlier
-- releases do not tell when exactly an account was closed.
create or replace function daybook_private.differing_books(ledger text)
  returns table (log_id uuid, detail jsonb)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
as $$
  select l.log_id, jsonb_build_object('account', a.address, 'logged', to_jsonb(l) - '{account_id,log_id}'::text[], 'found', to_jsonb(a))
    from (select a.id, a.address, a.balance_min, a.balance_max, a.closed_at, a.metadata
            from daybook.accounts a where a.ledger = differing_books.ledger) a
    full join daybook_private.logged_accounts(ledger) l on l.account_id = a.id
   where (a.balance_min, a.balance_max, a.metadata, a.closed_at is null)
         is distinct from (l.balance_min, l.balance_max, l.metadata, l.closed_at is null)
      or a.closed_at <> l.closed_at and not exists (
           select from daybook_private.log_events e
            where e.ledger = differing_books.ledger and e.transaction_id is null and e.account_id = a.id
              and e.kind = 'close_account' and e.created_at = l.closed_at)
  union all
  select l.log_id, jsonb_build_object('category', coalesce(l.category, m.category), 'account', coalesce(l.account, m.account),
           'child_category', coalesce(l.child_category, m.child_category),
           'logged', l.log_id is not null, 'found', m.category is not null)
    from (select m.category, m.child_category,
                 case when m.account_id is null or a.id is not null then m.account else 'another' end as account
            from daybook.category_members m
            left join daybook.accounts a on a.ledger = m.ledger and a.id = m.account_id and a.address = m.account
           where m.ledger = differing_books.ledger) m
    full join daybook_private.logged_members(ledger) l
      on (l.category, coalesce(l.account, ''), coalesce(l.child_category, ''))
       = (m.category, coalesce(m.account, ''), coalesce(m.child_category, ''))
   where l.log_id is null or m.category is null
  union all
  select l.log_id, jsonb_build_object('role', coalesce(l.role, g.role), 'category', coalesce(l.category, g.category),
           'logged', l.access, 'found', g.access)
    from (select g.role, null as category, g.access
            from daybook_private.ledger_access g where g.ledger = differing_books.ledger
          union all
          select g.role, g.category, null
            from daybook_private.category_access g where g.ledger = differing_books.ledger) g
    full join daybook_private.logged_grants(ledger) l
      on (l.role, coalesce(l.category, '')) = (g.role, coalesce(g.category, ''))
   where l.role is null or g.role is null or l.access is distinct from g.access
  union all
  select null, jsonb_build_object('category', c.category, 'logged', false, 'found', true)
    from daybook.categories c
   where c.ledger = differing_books.ledger
     and not exists (
           select from daybook_private.log_events e
            where e.ledger = differing_books.ledger and e.transaction_id is null
              and e.kind = 'create_category' and e.data ->> 'category' = c.category)
  union all
  select d.log_id, d.detail from daybook_private.differing_settings(ledger) d
$$;
comment on function daybook_private.differing_books(text) is
  'Where a ledger''s accounts, categories, grants and periods are not what the log says of them, with the record that says it.';
revoke execute on function daybook_private.differing_books(text) from public;
--! EndIncluded daybook_private/functions/differing_books.sql
--! Included daybook_private/functions/differing_metadata.sql
-- Key by key: the last record that set or deleted it counts; else what the transaction was made with, which
-- of one that was made posted is part of its own record's text.
create or replace function daybook_private.differing_metadata(ledger text, transaction_id uuid)
  returns jsonb
  language sql
  stable
as $$
  with keys as (
    select distinct on (k.key) k.key, k.value
      from daybook_private.log_events e
     cross join lateral (
       select m.key, m.value from jsonb_each(e.data -> 'metadata') m
       union all
       select e.data ->> 'key', null where e.kind = 'delete_transaction_metadata') k
     where e.ledger = differing_metadata.ledger and e.transaction_id = differing_metadata.transaction_id
       and (e.kind in ('set_transaction_metadata', 'delete_transaction_metadata')
            or e.kind in ('create_transaction', 'reverse_transaction'))
     order by k.key, e.id desc
  ),
  logged as (
    select coalesce(jsonb_object_agg(k.key, k.value) filter (where k.value is not null), '{}') as metadata,
           coalesce(array_agg(k.key), '{}') as keys
      from keys k
  )
  select jsonb_build_object('transaction_id', t.id, 'metadata', t.metadata, 'logged', l.metadata)
    from daybook.transactions t
   cross join logged l
   where t.ledger = differing_metadata.ledger and t.id = differing_metadata.transaction_id
     and case when t.status = 'posted' and t.version = 1
           then t.metadata is distinct from (t.metadata - l.keys) || l.metadata
           else t.metadata is distinct from l.metadata end
$$;
comment on function daybook_private.differing_metadata(text, uuid) is
  'The metadata of a transaction beside what the log says of it, if they differ; null if not.';
revoke execute on function daybook_private.differing_metadata(text, uuid) from public;
--! EndIncluded daybook_private/functions/differing_metadata.sql
--! Included daybook_private/functions/differing_transactions.sql
-- What a record's text leaves out because it may change later: the present version of a pending transaction, metadata,
-- links to reversals; and entries that no version accounts for.
create or replace function daybook_private.differing_transactions(ledger text, log_ids uuid[])
  returns table (log_id uuid, detail jsonb)
  language sql
  stable
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
  with events as (
    select e.id, e.kind, e.transaction_id, e.data, daybook_private.version_of(e.kind, e.data) as version
      from daybook_private.log_events e
     where e.ledger = differing_transactions.ledger and e.id = any (log_ids) and e.transaction_id is not null
  ),
  records as (
    select e.id, e.transaction_id, e.version, e.data from events e where e.version is not null
    union all
    select i.id, i.id, null, null from unnest(log_ids) i (id)
  ),
  found as (
    select r.id as log_id, r.version as of_version, r.data, t.*
      from records r
      join daybook.transactions t on t.ledger = differing_transactions.ledger and t.id = r.transaction_id
     where r.version is not null or t.status = 'posted' and t.version = 1
  )
  select f.log_id, jsonb_build_object('transaction_id', f.id, 'version', f.version, 'logged', f.data)
    from found f
   where f.of_version > f.version
      or f.of_version < f.version and not exists (
           select from daybook_private.log_events l
            where l.ledger = differing_transactions.ledger and l.transaction_id = f.id
              and daybook_private.version_of(l.kind, l.data) = f.version)
      or f.of_version = f.version and f.status = 'pending'
         and (f.effective_at, f.expires_at, f.description, f.posted_at, f.archived_at, f.archived_reason)
             is distinct from
             (coalesce((f.data ->> 'effective_at')::timestamptz, f.created_at), (f.data ->> 'expires_at')::timestamptz,
              f.data ->> 'description', null::timestamptz, null::timestamptz, null::text)
  union all
  select (select f.log_id from found f where f.id = e.transaction_id order by f.log_id limit 1),
         jsonb_build_object('transaction_id', e.transaction_id, 'entry_id', e.id, 'transaction_version', e.transaction_version)
    from daybook.entries e
   where e.ledger = differing_transactions.ledger and e.transaction_id = any (array(select a.id from found a))
     -- Looked up by hashing, whatever is known of how many there are.
     and (e.transaction_id, e.transaction_version) not in (
           select f.id, v from found f cross join generate_series(1, f.version) v)
  union all
  select f.log_id, jsonb_build_object('transaction_id', f.id, 'reversed_by_transaction_id', f.reversed_by_transaction_id)
    from found f
    left join daybook.transactions r on r.ledger = differing_transactions.ledger and r.id = f.reversed_by_transaction_id
   where f.reversed_by_transaction_id is not null and r.reverses_transaction_id is distinct from f.id
  union all
  select f.log_id, jsonb_build_object('transaction_id', o.id, 'reversed_by_transaction_id', o.reversed_by_transaction_id,
           'reversal', f.id)
    from found f
    left join daybook.transactions o on o.ledger = differing_transactions.ledger and o.id = f.reverses_transaction_id
   where f.reverses_transaction_id is not null
     and (o.reversed_by_transaction_id is null or f.status <> 'archived' and o.reversed_by_transaction_id <> f.id)
  union all
  select e.id, m.detail
    from events e
   cross join lateral daybook_private.differing_metadata(differing_transactions.ledger, e.transaction_id) m (detail)
   where m.detail is not null
     and (e.version = 1 or e.kind in ('set_transaction_metadata', 'delete_transaction_metadata'))
$$;
comment on function daybook_private.differing_transactions(text, uuid[]) is
  'Where transactions are today not what these records of the log say of them.';
revoke execute on function daybook_private.differing_transactions(text, uuid[]) from public;
--! EndIncluded daybook_private/functions/differing_transactions.sql
--! Included daybook_private/functions/check_blocks.sql
-- The chain as it is stored: each block against the one before it, and against the leaves of its records. Of a
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
     where b.ledger = check_blocks.ledger and b.block between first_block - 1 and last_block
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
    select s.no, s.log_id, case when t.log_id is null then 'record_missing' else 'record_changed' end,
           jsonb_build_object('leaf', encode(s.leaf, 'hex'), 'leaf_of_record', encode(l.leaf, 'hex'), 'record', t.body::jsonb)
      from daybook_private.seals s
      left join daybook_private.log_texts(check_records.ledger, log_ids) t on t.log_id = s.log_id
     cross join lateral (select sha256(convert_to(t.body, 'UTF8')) as leaf) l
     where s.ledger = check_records.ledger and s.no between first_no and last_no
       and s.leaf is distinct from l.leaf
    union all
    select s.no, s.log_id, 'state_differs', d.detail
      from daybook_private.differing_transactions(check_records.ledger, log_ids) d
      join daybook_private.seals s on s.ledger = check_records.ledger and s.log_id = d.log_id;
end
$$;
comment on function daybook_private.check_records(text, bigint, bigint) is
  'Which sealed records of a ledger''s log are missing or changed, and where transactions are not what they say.';
revoke execute on function daybook_private.check_records(text, bigint, bigint) from public;
--! EndIncluded daybook_private/functions/check_records.sql
--! Included daybook_private/functions/check_log_end.sql
-- A record that is older than a day before the newest sealed one should have been met by a sweep; where nothing
-- is sealed, one that is older than a day: all seals may have been taken away.
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
     daybook_private.uuid_at(coalesce(uuid_extract_timestamp(h.latest), now()) - interval '1 day'), 1)) u (id)
$$;
comment on function daybook_private.check_log_end(text) is
  'What is wrong with a ledger''s log as a whole: its head, what the log says of accounts and settings, old records that were never sealed.';
revoke execute on function daybook_private.check_log_end(text) from public;
--! EndIncluded daybook_private/functions/check_log_end.sql
--! Included daybook_private/functions/authorize_log.sql
create or replace function daybook_private.authorize_log(ledger text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  if ledger is distinct from '*' or not daybook_private.may_use_every_ledger('read') then
    perform daybook_private.authorize(ledger, 'read');
    perform daybook_private.check_ledger_exists(ledger);
  end if;
end
$$;
comment on function daybook_private.authorize_log(text) is
  'Lets the caller pass who may read the ledger, or for * every ledger. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook_private.authorize_log(text) from public;
--! EndIncluded daybook_private/functions/authorize_log.sql
--! Included daybook/types/log_head.sql
create type daybook.log_head as (
  ledger text,
  no bigint,
  hash text,
  sealed_at timestamptz
);
comment on type daybook.log_head is
  'How far a ledger''s log is sealed. Publish it or sign it elsewhere: whoever has it can tell later whether anything up to there was changed.';
comment on column daybook.log_head.ledger is 'The ledger; * for the instance''s own log.';
comment on column daybook.log_head.no is 'Number of the last sealed record; 0 if none is.';
comment on column daybook.log_head.hash is 'Hash over everything up to that record: 64 hexadecimal digits.';
comment on column daybook.log_head.sealed_at is 'When it was sealed; null if nothing is.';
--! EndIncluded daybook/types/log_head.sql
--! Included daybook/types/log_verification.sql
create type daybook.log_verification as (
  ledger text,
  from_no bigint,
  to_no bigint,
  head_no bigint,
  head_hash text,
  problem text,
  no bigint,
  log_id uuid,
  detail jsonb
);
comment on type daybook.log_verification is
  'What came of verifying a part of a ledger''s log: the first thing that is wrong, or none.';
comment on column daybook.log_verification.ledger is 'The ledger; * for the instance''s own log.';
comment on column daybook.log_verification.from_no is 'Number of the first record that was verified.';
comment on column daybook.log_verification.to_no is 'Number of the last one: the next part begins behind it.';
comment on column daybook.log_verification.head_no is 'Number of the last sealed record; when to_no is that, all was verified.';
comment on column daybook.log_verification.head_hash is 'Hash over everything up to that record: 64 hexadecimal digits.';
comment on column daybook.log_verification.problem is
  'Null if all is right; otherwise the first thing that is not: block_missing, chain_broken, seal_missing, block_changed, record_missing, record_changed, state_differs, head_differs or record_unsealed.';
comment on column daybook.log_verification.no is 'Number of the record where it is wrong, if it has one.';
comment on column daybook.log_verification.log_id is 'The record, if the problem is about one.';
comment on column daybook.log_verification.detail is 'What should be and what is.';
--! EndIncluded daybook/types/log_verification.sql
--! Included daybook/functions/log_head.sql
create or replace function daybook.log_head(ledger text)
  returns daybook.log_head
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  head daybook.log_head;
begin
  perform daybook_private.authorize_log(log_head.ledger);
  select h.ledger, h.no, encode(h.hash, 'hex'), b.sealed_at
    into head
    from daybook_private.seal_heads h
    left join daybook_private.seal_blocks b on b.ledger = h.ledger and b.block = h.block
   where h.ledger = log_head.ledger;
  if head.ledger is null then
    head := row(log_head.ledger, 0, repeat('0', 64), null);
  end if;
  return head;
end
$$;
comment on function daybook.log_head(text) is
  'How far a ledger''s log is sealed, and the hash over everything up to there; for the ledger * the instance''s own log. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.log_head(text) from public;
grant execute on function daybook.log_head(text) to daybook_reader;
--! EndIncluded daybook/functions/log_head.sql
--! Included daybook/functions/check_log_head.sql
create or replace function daybook.check_log_head(ledger text, no bigint, hash text)
  returns boolean
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform daybook_private.authorize_log(check_log_head.ledger);
  if check_log_head.no >= 0 is not true then
    perform daybook_private.refuse_argument('no', 'a number, not negative', to_jsonb(check_log_head.no));
  end if;
  if check_log_head.hash ~ '^[0-9a-fA-F]{64}$' is not true then
    perform daybook_private.refuse_argument('hash', '64 hexadecimal digits', to_jsonb(left(check_log_head.hash, 100)));
  end if;
  if check_log_head.no = 0 then
    return check_log_head.hash = repeat('0', 64);
  end if;
  return exists (
    select
      from daybook_private.seal_blocks b
     where b.ledger = check_log_head.ledger and b.last_no = check_log_head.no
       and b.hash = decode(check_log_head.hash, 'hex'));
end
$$;
comment on function daybook.check_log_head(text, bigint, text) is
  'Whether a ledger''s log still has the head that log_head once gave. If it has, and verify_log finds nothing wrong, then nothing up to there was changed since. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.check_log_head(text, bigint, text) from public;
grant execute on function daybook.check_log_head(text, bigint, text) to daybook_reader;
--! EndIncluded daybook/functions/check_log_head.sql
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
    coalesce(head.no, 0), coalesce(encode(head.hash, 'hex'), repeat('0', 64)), null, null, null, null);
  for part in
    select min(b.block) as first_block, max(b.block) as last_block, min(b.first_no) as first_no, max(b.last_no) as last_no
      from daybook_private.seal_blocks b
     where b.ledger = verify_log.ledger and b.last_no >= result.from_no
       and (verify_log.max_records is null or b.first_no < result.from_no + verify_log.max_records)
     group by (b.first_no - 1) / 5000
     order by first_no
  loop
    result.from_no := least(result.from_no, part.first_no);
    result.to_no := greatest(result.to_no, part.last_no);
    select p.problem, p.no, p.log_id, p.detail
      into result.problem, result.no, result.log_id, result.detail
      from (select b.* from daybook_private.check_blocks(verify_log.ledger, part.first_block, part.last_block) b
            union all
            select r.* from daybook_private.check_records(verify_log.ledger, part.first_no, part.last_no) r) p
     order by p.problem = 'state_differs', p.no
     limit 1;
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
  'Verifies that a ledger''s sealed log is whole and unchanged, and that accounts and transactions are what it says, from a record number on and about so many records: names the first thing that is wrong, if any. For the ledger * the instance''s own log. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.verify_log(text, bigint, bigint) from public;
grant execute on function daybook.verify_log(text, bigint, bigint) to daybook_reader;
--! EndIncluded daybook/functions/verify_log.sql
--! Included daybook_private/functions/replay_account.sql
create or replace function daybook_private.replay_account(event daybook_private.log_events, opened jsonb)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  account daybook.accounts;
begin
  if event.kind = 'open_account' then
    account := jsonb_populate_record(row(event.ledger, event.account_id, null, null, null, null, null, null, null, '{}', null, null, null)::daybook.accounts, opened);
    insert into daybook.accounts select account.*;
    insert into daybook_private.account_counters
      (ledger, account_id, address, currency, currency_exponent, normal_balance, balance_min, balance_max)
    values
      (account.ledger, account.id, account.address, account.currency, account.currency_exponent,
       account.normal_balance, account.balance_min, account.balance_max);
    return;
  end if;
  update daybook.accounts a
     set balance_min = case when event.kind = 'set_account_limits' then trunc((event.data ->> 'balance_min')::numeric) else a.balance_min end,
         balance_max = case when event.kind = 'set_account_limits' then trunc((event.data ->> 'balance_max')::numeric) else a.balance_max end,
         closed_at = case
           when event.kind = 'close_account' then coalesce((event.data ->> 'closed_at')::timestamptz, event.created_at)
           when event.kind = 'reopen_account' then null
           else a.closed_at end,
         metadata = case
           when event.kind = 'set_account_metadata' then a.metadata || coalesce(event.data -> 'metadata', '{}')
           when event.kind = 'delete_account_metadata' then a.metadata - (event.data ->> 'key')
           else a.metadata end
   where a.ledger = event.ledger and a.id = event.account_id
  returning a.* into account;
  update daybook_private.account_counters c
     set balance_min = account.balance_min, balance_max = account.balance_max, closed_at = account.closed_at
   where c.ledger = account.ledger and c.account_id = account.id
     and (c.balance_min, c.balance_max, c.closed_at) is distinct from (account.balance_min, account.balance_max, account.closed_at);
end
$$;
comment on function daybook_private.replay_account(daybook_private.log_events, jsonb) is
  'Part of replay_record: opens an account, or does to it what the record says.';
revoke execute on function daybook_private.replay_account(daybook_private.log_events, jsonb) from public;
--! EndIncluded daybook_private/functions/replay_account.sql
--! Included daybook_private/functions/replay_books.sql
-- Kinds that change nothing here, such as a drift that was found, are records all the same. Members
-- whose records are of earlier releases get ids and times of their own.
create or replace function daybook_private.replay_books(event daybook_private.log_events, made jsonb)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  facts constant jsonb := event.data || jsonb_build_object('ledger', event.ledger);
begin
  if event.kind = 'create_ledger' then
    insert into daybook.ledgers select r.* from jsonb_populate_record(null::daybook.ledgers, facts) r;
  elsif event.kind in ('close_period', 'reopen_period') then
    update daybook.ledgers l
       set closed_until = (facts ->> 'closed_until')::timestamptz
     where l.name = event.ledger;
  elsif event.kind = 'create_currency' then
    insert into daybook.currencies select r.* from jsonb_populate_record(null::daybook.currencies, facts) r;
  elsif event.kind = 'set_queue_limit' then
    update daybook_private.queue_limits q set max_depth = (facts ->> 'max_depth')::bigint where q.ledger = event.ledger;
  elsif event.kind = 'create_category' then
    insert into daybook.categories
    select r.* from jsonb_populate_record(null::daybook.categories, '{"metadata": {}}' || made || jsonb_build_object('ledger', event.ledger)) r;
  elsif event.kind = 'add_to_category' then
    insert into daybook.category_members
    select r.* from jsonb_populate_record(null::daybook.category_members,
      jsonb_build_object('id', event.id, 'created_at', event.created_at, 'account_id', event.account_id) || facts) r;
  elsif event.kind = 'remove_from_category' then
    delete from daybook.category_members m
     where m.ledger = event.ledger and m.category = facts ->> 'category'
       and (m.account_id = event.account_id or m.child_category = facts ->> 'child_category');
  elsif event.kind = 'grant_ledger_access' then
    insert into daybook_private.ledger_access (ledger, role, access)
      values (event.ledger, facts ->> 'role', facts ->> 'access')
      on conflict (ledger, role) do update set access = excluded.access;
  elsif event.kind = 'revoke_ledger_access' then
    delete from daybook_private.ledger_access g
     where g.ledger = event.ledger and g.role = facts ->> 'role';
  elsif event.kind = 'grant_category_access' then
    insert into daybook_private.category_access (ledger, category, role)
      values (event.ledger, facts ->> 'category', facts ->> 'role');
  elsif event.kind = 'revoke_category_access' then
    delete from daybook_private.category_access g
     where g.ledger = event.ledger and g.category = facts ->> 'category' and g.role = facts ->> 'role';
  end if;
end
$$;
comment on function daybook_private.replay_books(daybook_private.log_events, jsonb) is
  'Part of replay_record: does what the record says to a ledger, its categories, grants and periods.';
revoke execute on function daybook_private.replay_books(daybook_private.log_events, jsonb) from public;
--! EndIncluded daybook_private/functions/replay_books.sql
--! Included daybook_private/functions/replay_entries.sql
create or replace function daybook_private.replay_entries(made daybook.transactions, body jsonb)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  insert into daybook.entries
  select r.*
    from jsonb_array_elements(body -> 'entries') e
   cross join lateral jsonb_populate_record(null::daybook.entries, jsonb_build_object(
     'locked', false, 'metadata', '{}'::jsonb, 'effective_at', made.effective_at, 'created_at', made.created_at) || e
       || jsonb_build_object('ledger', made.ledger, 'transaction_id', made.id, 'transaction_version', made.version)) r;
  insert into daybook_private.entry_queue
    (ledger, account_id, entry_id, pending_debits, pending_credits, posted_debits, posted_credits)
  select e.ledger, e.account_id, e.id,
         case when e.direction = 'debit' then s.pending else 0 end, case when e.direction = 'credit' then s.pending else 0 end,
         case when e.direction = 'debit' then s.posted else 0 end, case when e.direction = 'credit' then s.posted else 0 end
    from daybook.entries e
   cross join lateral (
     select daybook_private.pending_share(e.effect, e.amount) as pending, daybook_private.posted_share(e.effect, e.amount) as posted) s
   where e.ledger = made.ledger and e.transaction_id = made.id and e.transaction_version = made.version;
end
$$;
comment on function daybook_private.replay_entries(daybook.transactions, jsonb) is
  'Part of replay_record: writes the entries of a version, queued.';
revoke execute on function daybook_private.replay_entries(daybook.transactions, jsonb) from public;
--! EndIncluded daybook_private/functions/replay_entries.sql
--! Included daybook_private/functions/replay_version.sql
create or replace function daybook_private.replay_version(body jsonb)
  returns void
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  facts constant jsonb := body -> 'transaction';
  made daybook.transactions;
begin
  if facts ->> 'version' = '1' then
    -- Of one made posted, what is its record's is its own too; a pending one says both.
    made := jsonb_populate_record(null::daybook.transactions, jsonb_build_object('metadata', '{}'::jsonb) || case
      when facts ? 'actor' then facts
      else jsonb_build_object('posted_at', body -> 'created_at') || body || facts end);
    made.ledger := body ->> 'ledger';
    made.id := body ->> 'transaction_id';
    made.entries_version := 1;
    insert into daybook.transactions select made.*;
    if made.status <> 'archived' and made.external_id is not null then
      insert into daybook_private.external_ids values (made.ledger, made.external_id, made.id);
    end if;
    update daybook.transactions t
       set reversed_by_transaction_id = made.id
     where t.ledger = made.ledger and t.id = made.reverses_transaction_id;
  else
    select t.* into strict made
      from daybook.transactions t
     where t.ledger = body ->> 'ledger' and t.id = (body ->> 'transaction_id')::uuid;
    made.description := null;
    made.expires_at := null;
    made := jsonb_populate_record(made, facts);
    if jsonb_path_exists(body, '$.entries[*] ? (@.effect == "pending" || @.effect == "posted")') then
      made.entries_version := made.version;
    end if;
    update daybook.transactions t
       set status = made.status, version = made.version, effective_at = made.effective_at, posted_at = made.posted_at,
           archived_at = made.archived_at, archived_reason = made.archived_reason, expires_at = made.expires_at,
           description = made.description, entries_version = made.entries_version
     where t.ledger = made.ledger and t.id = made.id;
    delete from daybook_private.external_ids x
     where made.status = 'archived' and x.ledger = made.ledger and x.external_id = made.external_id;
  end if;
  perform daybook_private.replay_entries(made, body);
  delete from daybook_private.expiring_holds x where x.ledger = made.ledger and x.transaction_id = made.id;
  insert into daybook_private.expiring_holds (ledger, account_id, expires_at, transaction_id)
  select distinct e.ledger, e.account_id, made.expires_at, e.transaction_id
    from daybook.entries e
   where made.status = 'pending' and made.expires_at is not null
     and e.ledger = made.ledger and e.transaction_id = made.id
     and e.effect = 'pending' and e.transaction_version = made.entries_version;
end
$$;
comment on function daybook_private.replay_version(jsonb) is
  'Part of replay_record: makes a transaction, or the version of it that the record made.';
revoke execute on function daybook_private.replay_version(jsonb) from public;
--! EndIncluded daybook_private/functions/replay_version.sql
--! Included daybook_private/functions/replay_record.sql
-- The log alone is enough: from the texts of its records, in the order of created_at, the whole ledger comes
-- again, with the same ids and times. Entries come queued, and get their versions when they are
-- folded. Nobody is granted this, and triggers and keys stay on.
create or replace function daybook_private.replay_record(body jsonb)
  returns void
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  event daybook_private.log_events := jsonb_populate_record(null::daybook_private.log_events, body);
begin
  if event.id is distinct from event.transaction_id then
    event.data := coalesce(event.data, '{}');
    insert into daybook_private.log_events select event.*;
  end if;
  if body ? 'transaction' then
    perform daybook_private.replay_version(body);
  elsif event.kind in ('set_transaction_metadata', 'delete_transaction_metadata') then
    update daybook.transactions t
       set metadata = case
             when event.kind = 'delete_transaction_metadata' then t.metadata - (event.data ->> 'key')
             else t.metadata || coalesce(event.data -> 'metadata', '{}') end
     where t.ledger = event.ledger and t.id = event.transaction_id;
  elsif event.account_id is not null and event.kind not in ('add_to_category', 'remove_from_category') then
    perform daybook_private.replay_account(event, body -> 'account');
  else
    perform daybook_private.replay_books(event, body -> 'category');
  end if;
end
$$;
comment on function daybook_private.replay_record(jsonb) is
  'Does once more what a record of the log says, given its canonical text as jsonb. Raises LDIMM and others where the books are not what they were then.';
revoke execute on function daybook_private.replay_record(jsonb) from public;
--! EndIncluded daybook_private/functions/replay_record.sql
--! Included daybook/types/violation.sql
create type daybook.violation as (
  violation text,
  ledger text,
  subject text,
  facts jsonb
);
comment on type daybook.violation is 'Something that is wrong with the books.';
comment on column daybook.violation.violation is 'What is wrong, in words.';
comment on column daybook.violation.ledger is 'The ledger.';
comment on column daybook.violation.subject is
  'What it is wrong with: the address of an account, the id of a transaction or an entry, a currency, an external id or a key.';
comment on column daybook.violation.facts is 'The figures that differ.';
--! EndIncluded daybook/types/violation.sql
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
      from daybook.current_entries e
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
create or replace function daybook_private.broken_statuses(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
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
     where (s.at_other_times = 0 and s.entries_version = coalesce(s.written_last, 1) and case
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
--! Included daybook_private/functions/held_by.sql
-- What settles or releases answers the pending entries of the version that was the latest before it.
-- Grouped by all that an answer has in common with what it answers; amount is what is left.
create or replace function daybook_private.held_by(ledger text, after_id uuid, to_id uuid)
  returns table (ledger text, transaction_id uuid, generation integer, "position" integer, account_id uuid,
                 direction daybook.direction, currency text, made bigint, amount numeric)
  language sql
  stable
as $$
  with answered as (
    select e.*, case when e.effect = 'pending' then e.transaction_version
                  else max(e.transaction_version) filter (where e.effect = 'pending') over earlier end as generation
      from daybook.entries e
     where e.ledger = held_by.ledger and e.transaction_id > held_by.after_id and e.transaction_id <= held_by.to_id and e.effect <> 'posted'
    window earlier as (partition by e.ledger, e.transaction_id
                           order by e.transaction_version range between unbounded preceding and 1 preceding)
  )
  select a.ledger, a.transaction_id, a.generation, a.position, a.account_id, a.direction, a.currency,
         count(*) filter (where a.effect = 'pending'),
         sum(case when a.effect = 'pending' then a.amount else -a.amount end)
    from answered a
   group by a.ledger, a.transaction_id, a.generation, a.position, a.account_id, a.direction, a.currency, a.effective_at
$$;
comment on function daybook_private.held_by(text, uuid, uuid) is
  'What pending entries of transactions, by a range of ids, hold or held, and what is left of it.';
revoke execute on function daybook_private.held_by(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/held_by.sql
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
      full join (select r.* from daybook.current_entries r where r.ledger = broken_holds.ledger and r.transaction_id > broken_holds.after_id and r.transaction_id <= broken_holds.to_id and r.effect = 'pending') c
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
--! Included daybook_private/functions/broken_transactions.sql
-- STABLE: one snapshot for all of it.
create or replace function daybook_private.broken_transactions(ledger text, after_id uuid, to_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
as $$
begin
  after_id := coalesce(after_id, '00000000-0000-0000-0000-000000000000');
  to_id := coalesce(to_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  return query select * from daybook_private.broken_entries(ledger, after_id, to_id);
  return query select * from daybook_private.broken_statuses(ledger, after_id, to_id);
  return query select * from daybook_private.broken_holds(ledger, after_id, to_id);
  return query select * from daybook_private.broken_bonds(ledger, after_id, to_id);
end
$$;
comment on function daybook_private.broken_transactions(text, uuid, uuid) is
  'Everything that is wrong with the transactions above one id, up to another, their entries, and what is noted about them.';
revoke execute on function daybook_private.broken_transactions(text, uuid, uuid) from public;
--! EndIncluded daybook_private/functions/broken_transactions.sql
--! Included daybook_private/functions/broken_notes.sql
create or replace function daybook_private.broken_notes(ledger text)
  returns setof daybook.violation
  language plpgsql
  stable
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
--! Included daybook_private/functions/broken_totals.sql
-- Counters with their queues; of accounts that have drifted the entries.
create or replace function daybook_private.broken_totals(ledger text)
  returns setof daybook.violation
  language plpgsql
  stable
  set jit to off
as $$
#variable_conflict use_column
begin
  return query
    with summands as (
      select c.currency, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits
        from daybook_private.account_counters c
       where c.ledger = broken_totals.ledger and c.drifted_at is null
      union all
      select c.currency, q.pending_debits, q.pending_credits, q.posted_debits, q.posted_credits
        from daybook_private.entry_queue q
        join daybook_private.account_counters c on c.ledger = q.ledger and c.account_id = q.account_id
       where q.ledger = broken_totals.ledger and c.drifted_at is null
      union all
      select c.currency, s.pending_debits, s.pending_credits, s.posted_debits, s.posted_credits
        from daybook_private.account_counters c
       cross join lateral daybook_private.true_counters(c.ledger, c.account_id) s
       where c.ledger = broken_totals.ledger and c.drifted_at is not null
    )
    select 'debits and credits of a currency differ', broken_totals.ledger, s.currency, jsonb_build_object(
             'pending_debits', sum(s.pending_debits)::text, 'pending_credits', sum(s.pending_credits)::text,
             'posted_debits', sum(s.posted_debits)::text, 'posted_credits', sum(s.posted_credits)::text)
      from summands s
     group by s.currency
    having sum(s.pending_debits) <> sum(s.pending_credits) or sum(s.posted_debits) <> sum(s.posted_credits);
end
$$;
comment on function daybook_private.broken_totals(text) is
  'The currencies of a ledger in which all debits do not equal all credits, queued entries counted.';
revoke execute on function daybook_private.broken_totals(text) from public;
--! EndIncluded daybook_private/functions/broken_totals.sql
--! Included daybook_private/functions/broken_search.sql
create or replace function daybook_private.broken_search(ledger text)
  returns setof daybook.violation
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  indexed_until constant uuid := (
    select h.indexed_until from daybook_private.search_heads h where h.ledger = broken_search.ledger);
  changed constant uuid[] := array(
    select b.transaction_id from daybook_private.search_backlog(broken_search.ledger, indexed_until) b);
  ids constant uuid[] := array(
    select d.transaction_id
      from daybook_private.search_documents d
     where d.ledger = broken_search.ledger and d.transaction_id <> all (changed));
begin
  return query
    select 'search was to know a record and does not', broken_search.ledger, b.transaction_id::text, to_jsonb(b)
      from daybook_private.search_backlog(broken_search.ledger, '00000000-0000-0000-0000-000000000000') b
     where b.id <= indexed_until
    union all
    select 'search knows something else than the books', broken_search.ledger, d.transaction_id::text,
           jsonb_build_object('search', to_jsonb(d), 'books', to_jsonb(s))
      from daybook_private.search_documents d
      left join daybook_private.search_documents_of(broken_search.ledger, ids) s on s.transaction_id = d.transaction_id
     where d.ledger = broken_search.ledger and d.transaction_id = any (ids) and d is distinct from s
    union all
    select 'search knows other lines than the books', broken_search.ledger,
           coalesce(l.transaction_id, s.transaction_id)::text, jsonb_build_object('search', to_jsonb(l), 'books', to_jsonb(s))
      from (select l.*
              from daybook_private.search_lines l
             where l.ledger = broken_search.ledger and l.transaction_id = any (ids)) l
      full join daybook_private.search_lines_of(broken_search.ledger, ids) s
        on s.transaction_id = l.transaction_id and s.position = l.position
     where (l.account_id, l.direction, l.amount, l.currency, l.effective_at, l.created_at)
           is distinct from (s.account_id, s.direction, s.amount, s.currency, s.effective_at, s.created_at);
end
$$;
comment on function daybook_private.broken_search(text) is
  'Where the tables that are searched differ from the books, which makes searches wrong; index_transactions with the transaction''s id repairs it. Reads the whole ledger.';
revoke execute on function daybook_private.broken_search(text) from public;
--! EndIncluded daybook_private/functions/broken_search.sql
--! Included daybook_private/functions/mark_drifted.sql
-- The caller holds the account and has seen, in a later statement than the one that got it, that something
-- is wrong: so a drift that was repaired meanwhile is not found again.
create or replace function daybook_private.mark_drifted(ledger text, account_id uuid, facts jsonb)
  returns boolean
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  now constant timestamptz := clock_timestamp();
begin
  update daybook_private.account_counters c
     set drifted_at = now
   where c.ledger = mark_drifted.ledger and c.account_id = mark_drifted.account_id and c.drifted_at is null;
  if not found then
    return false;
  end if;
  insert into daybook_private.drifts
    values (mark_drifted.ledger, mark_drifted.account_id, now, mark_drifted.facts)
    on conflict do nothing;
  perform daybook_private.log_event(
    mark_drifted.ledger, 'drift_found', mark_drifted.facts, null, mark_drifted.account_id);
  return true;
end
$$;
comment on function daybook_private.mark_drifted(text, uuid, jsonb) is
  'From now on nobody believes the counters of this account: balances and conditions are computed from its entries until rebuild_balances has repaired it. Logs the finding once; false if it was known.';
revoke execute on function daybook_private.mark_drifted(text, uuid, jsonb) from public;
--! EndIncluded daybook_private/functions/mark_drifted.sql
--! Included daybook_private/functions/no_line.sql
create or replace function daybook_private.no_line()
  returns daybook_private.line
  language sql
  immutable
as $$
  select row(null, null, null, null, null, null, null, null, 0, 0, 0, 0, 0,
             null, null, null, null, null, null, null, null)::daybook_private.line
$$;
comment on function daybook_private.no_line() is
  'Version and counters of an account without entries.';
revoke execute on function daybook_private.no_line() from public;
--! EndIncluded daybook_private/functions/no_line.sql
--! Included daybook_private/functions/verify_links.sql
-- Versions have no gap, and each entry's counters are those of the version before with what the entry
-- adds: so a walk in the order of versions proves the counters at its end, however many entries are behind
-- it. A plain order of versions starts below the first one, whatever is stored there.
create or replace function daybook_private.verify_links(ledger text, account_id uuid, reached daybook_private.line, max_entries integer)
  returns daybook_private.verdict
  language plpgsql
  stable
  set enable_seqscan to off
  set jit to off
as $$
#variable_conflict use_column
declare
  start constant bigint := case when reached.lock_version > 0 then reached.lock_version else -9223372036854775808 end;
  verdict daybook_private.verdict;
  chain record;
begin
  verdict.reached := reached;
  with piece as (
    select e.id, e.lock_version, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits,
           e.direction = 'debit' as is_debit,
           daybook_private.pending_share(e.effect, e.amount) as pending,
           daybook_private.posted_share(e.effect, e.amount) as posted
      from daybook.entries e
     where e.ledger = verify_links.ledger and e.account_id = verify_links.account_id and e.lock_version > start
     order by e.lock_version, e.id
     limit max_entries
  ),
  chained as (
    select p.id, p.lock_version, reached.lock_version + row_number() over w as n,
           array[p.pending_debits, p.pending_credits, p.posted_debits, p.posted_credits] as counters,
           array[reached.pending_debits + sum(case when p.is_debit then p.pending else 0 end) over w,
                 reached.pending_credits + sum(case when p.is_debit then 0 else p.pending end) over w,
                 reached.posted_debits + sum(case when p.is_debit then p.posted else 0 end) over w,
                 reached.posted_credits + sum(case when p.is_debit then 0 else p.posted end) over w] as expected
      from piece p
    window w as (order by p.lock_version, p.id rows unbounded preceding)
  ),
  judged as (
    select c.*, (c.lock_version, c.counters) is distinct from (c.n, c.expected) as is_wrong from chained c
  ),
  broken as (
    select * from judged j where j.is_wrong order by j.n limit 1
  )
  select (select count(*) from judged) as entries, b.id as broken_id,
         jsonb_build_object('entry_id', b.id, 'lock_version', b.lock_version, 'expected_lock_version', b.n,
           'counters', b.counters::text[], 'expected', b.expected::text[]) as facts,
         l.id, l.n, l.expected
    into chain
    from (values (1)) one
    left join broken b on true
    left join lateral (
           select j.id, j.n, j.expected from judged j
            where j.n < b.n or b.n is null
            order by j.n desc
            limit 1) l on true;
  if chain.n is not null then
    verdict.reached := row(null, chain.id, null, null, null, null, null, null, chain.n,
      chain.expected[1], chain.expected[2], chain.expected[3], chain.expected[4],
      null, null, null, null, null, null, null, null)::daybook_private.line;
  end if;
  verdict.is_end := chain.entries < max_entries and chain.broken_id is null;
  if chain.broken_id is not null then
    verdict.violation := 'version or counters of an entry are not those of its place';
    verdict.facts := chain.facts;
  end if;
  return verdict;
end
$$;
comment on function daybook_private.verify_links(text, uuid, daybook_private.line, integer) is
  'Walks along an account''s versions from the one that was reached, over at most so many entries; the first that has not the version and counters that follow from the entries is a violation.';
revoke execute on function daybook_private.verify_links(text, uuid, daybook_private.line, integer) from public;
--! EndIncluded daybook_private/functions/verify_links.sql
--! Included daybook_private/functions/queue_rows.sql
create or replace function daybook_private.queue_rows(ledger text, account_id uuid)
  returns setof daybook_private.entry_queue
  language sql
  stable
as $$
  select e.ledger, e.account_id, e.id,
         case when e.direction = 'debit' then s.pending else 0 end, case when e.direction = 'credit' then s.pending else 0 end,
         case when e.direction = 'debit' then s.posted else 0 end, case when e.direction = 'credit' then s.posted else 0 end
    from daybook.entries e
   cross join lateral (
           select daybook_private.pending_share(e.effect, e.amount) as pending,
                  daybook_private.posted_share(e.effect, e.amount) as posted) s
   where e.ledger = queue_rows.ledger and e.account_id = queue_rows.account_id and e.lock_version is null
$$;
comment on function daybook_private.queue_rows(text, uuid) is
  'The rows that an account''s queue ought to have: those of its entries that have no version yet.';
revoke execute on function daybook_private.queue_rows(text, uuid) from public;
--! EndIncluded daybook_private/functions/queue_rows.sql
--! Included daybook_private/functions/verify_end.sql
-- reached is the last link of the account. What comes on top of it waits in the queue.
create or replace function daybook_private.verify_end(ledger text, account_id uuid, reached daybook_private.line)
  returns daybook_private.verdict
  language plpgsql
  stable
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  verdict daybook_private.verdict;
  expected constant numeric[] := array[reached.lock_version, reached.pending_debits, reached.pending_credits,
                                       reached.posted_debits, reached.posted_credits];
  counters numeric[];
begin
  verdict.reached := reached;
  verdict.is_end := true;
  select array[c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits] into counters
    from daybook_private.account_counters c
   where c.ledger = verify_end.ledger and c.account_id = verify_end.account_id;
  if counters is distinct from expected then
    verdict.violation := 'the counters of an account are not the sum of its entries';
    verdict.facts := jsonb_build_object('counters', counters::text[], 'expected', expected::text[]);
    return verdict;
  end if;
  select jsonb_build_object('entry_id', e.entry_id, 'queued_id', q.entry_id) into verdict.facts
    from daybook_private.queue_rows(ledger, account_id) e
    full join (select r.* from daybook_private.entry_queue r
                where r.ledger = verify_end.ledger and r.account_id = verify_end.account_id) q
           on q.entry_id = e.entry_id
   where e is distinct from q
   limit 1;
  if verdict.facts is not null then
    verdict.violation := 'queue and unversioned entries differ';
  end if;
  return verdict;
end
$$;
comment on function daybook_private.verify_end(text, uuid, daybook_private.line) is
  'Compares an account''s counters with its last link, and its queue with the entries that have no version yet.';
revoke execute on function daybook_private.verify_end(text, uuid, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/verify_end.sql
--! Included daybook_private/functions/verify_piece.sql
-- STABLE: links, counters and queue are of one snapshot.
create or replace function daybook_private.verify_piece(ledger text, account_id uuid, reached daybook_private.line, max_entries integer)
  returns daybook_private.verdict
  language plpgsql
  stable
as $$
declare
  verdict daybook_private.verdict := daybook_private.verify_links(ledger, account_id, reached, max_entries);
begin
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
--! Included daybook_private/functions/broken_sums.sql
-- Sums and cursor change together: one snapshot has what the cursor says, neither more nor less. A cursor that
-- is ahead of the account would keep what comes next out of the sums.
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
  applied bigint;
begin
  select u.lock_version, c.lock_version into rolled_up, applied
    from daybook_private.rollup_cursors u
    join daybook_private.account_counters c on c.ledger = u.ledger and c.account_id = u.account_id
   where u.ledger = broken_sums.ledger and u.account_id = broken_sums.account_id;
  if not found and not exists (
       select from daybook_private.entry_sums t
        where t.ledger = broken_sums.ledger and t.account_id = broken_sums.account_id) then
    return null;
  end if;
  if rolled_up > applied then
    return jsonb_build_object('violation', 'sums by time are not those of the entries up to their cursor',
      'cursor', rolled_up, 'lock_version', applied);
  end if;
  return (
    select jsonb_build_object('violation', 'sums by time are not those of the entries up to their cursor',
             'sums', to_jsonb(s) - 'ledger' - 'account_id', 'expected', to_jsonb(e) - 'ledger' - 'account_id')
      from (select t.* from daybook_private.entry_sums t
             where t.ledger = broken_sums.ledger and t.account_id = broken_sums.account_id) s
      full join daybook_private.entry_cells(broken_sums.ledger, broken_sums.account_id, 0, coalesce(rolled_up, 0)) e
             on e.effective_in = s.effective_in and e.recorded_in = s.recorded_in
            and e.effective_from = s.effective_from and e.recorded_from = s.recorded_from
     where s is distinct from e
     limit 1);
end
$$;
comment on function daybook_private.broken_sums(text, uuid) is
  'What is wrong with the sums by time of an account: the first that is not that of its entries; null if all are right.';
revoke execute on function daybook_private.broken_sums(text, uuid) from public;
--! EndIncluded daybook_private/functions/broken_sums.sql
--! Included daybook_private/functions/drop_broken_sums.sql
-- Nobody need be asked: reads add up entries until the sums are made anew, and nothing else hangs on them.
create or replace function daybook_private.drop_broken_sums(ledger text, account_id uuid)
  returns jsonb
  language plpgsql
  volatile
as $$
declare
  facts constant jsonb := daybook_private.broken_sums(ledger, account_id);
begin
  if facts is not null then
    perform daybook_private.forget_sums(ledger, account_id);
    perform daybook_private.log_event(ledger, 'drift_found', facts, null, account_id);
  end if;
  return facts;
end
$$;
comment on function daybook_private.drop_broken_sums(text, uuid) is
  'Drops the sums by time of an account if any of them is wrong, so that they are made anew, and logs what was; null if all are right.';
revoke execute on function daybook_private.drop_broken_sums(text, uuid) from public;
--! EndIncluded daybook_private/functions/drop_broken_sums.sql
--! Included daybook_private/functions/confirm_drift.sql
-- What was seen wrong is looked at once more under the account's lock: it may have been rebuilt meanwhile.
-- Somebody who holds the account for long puts it off to the next look.
create or replace function daybook_private.confirm_drift(ledger text, account_id uuid, reached daybook_private.line, max_entries integer)
  returns daybook_private.verdict
  language plpgsql
  volatile
  set lock_timeout to '1s'
as $$
#variable_conflict use_column
declare
  verdict daybook_private.verdict;
begin
  begin
    perform
      from daybook.accounts a
     where a.ledger = confirm_drift.ledger and a.id = confirm_drift.account_id
       for no key update;
  exception when lock_not_available then
    return null;
  end;
  verdict := daybook_private.verify_piece(ledger, account_id, reached, max_entries);
  if verdict.violation is not null
     and not daybook_private.mark_drifted(ledger, account_id,
           jsonb_build_object('violation', verdict.violation) || verdict.facts) then
    return null;
  end if;
  return verdict;
end
$$;
comment on function daybook_private.confirm_drift(text, uuid, daybook_private.line, integer) is
  'Looks again at what verify_piece found wrong and marks the account drifted if it still is; null if the account was not to be had, or is known to have drifted.';
revoke execute on function daybook_private.confirm_drift(text, uuid, daybook_private.line, integer) from public;
--! EndIncluded daybook_private/functions/confirm_drift.sql
--! Included daybook_private/functions/check_next_piece.sql
create or replace function daybook_private.check_next_piece(
  ledger text,
  account_id uuid,
  is_full boolean,
  max_entries integer
)
  returns daybook_private.verdict
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  reached daybook_private.line;
  sums jsonb;
  verdict daybook_private.verdict;
begin
  select (k.reached).* into reached
    from daybook_private.account_checks k
   where k.ledger = check_next_piece.ledger and k.account_id = check_next_piece.account_id
     and k.is_full = check_next_piece.is_full;
  if not found then
    reached := daybook_private.no_line();
  end if;
  verdict := daybook_private.verify_piece(ledger, account_id, reached, max_entries);
  if verdict.violation is not null then
    verdict := daybook_private.confirm_drift(ledger, account_id, reached, max_entries);
  end if;
  if verdict is null or verdict.violation is not null then
    return verdict;
  end if;
  insert into daybook_private.account_checks as k (ledger, account_id, is_full, reached, finished_at)
  select check_next_piece.ledger, check_next_piece.account_id, w.is_full,
         case when verdict.is_end and w.is_full then daybook_private.no_line() else verdict.reached end,
         case when verdict.is_end then clock_timestamp() end
    from (values (true), (false)) w (is_full)
   where w.is_full = check_next_piece.is_full or verdict.is_end and check_next_piece.is_full
  on conflict (ledger, account_id, is_full) do update
     set reached = excluded.reached, finished_at = coalesce(excluded.finished_at, k.finished_at);
  if verdict.is_end and check_next_piece.is_full then
    sums := daybook_private.drop_broken_sums(ledger, account_id);
    verdict.violation := sums ->> 'violation';
    verdict.facts := sums;
  end if;
  return verdict;
end
$$;
comment on function daybook_private.check_next_piece(text, uuid, boolean, integer) is
  'Goes on with one of the two walks along an account''s versions by one piece, and marks the account drifted if something is wrong there; at the end of the full one come its sums by time; null if somebody holds an account that looks wrong, or it is known to be.';
revoke execute on function daybook_private.check_next_piece(text, uuid, boolean, integer) from public;
--! EndIncluded daybook_private/functions/check_next_piece.sql
--! Included daybook_private/functions/due_checks.sql
-- A recent walk is due when there are versions it has not reached, a full one a day after the last one ended,
-- or until it ends. Drifted accounts are known to be wrong.
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
           and (f.finished_at is null or (f.reached).lock_version > 0 or f.finished_at < clock_timestamp() - interval '20 hours')
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
--! Included daybook_private/functions/check_accounts.sql
-- One round of one of the worker's two walks, which do not wait for each other: accounts in the order of their keys, behind the one where the last round stopped, until
-- the time is up. Each look is a statement, so a snapshot, of its own; nothing is locked unless it
-- looks wrong. One worker at a time is enough for each walk.
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
  end if;
  return next;
end
$$;
comment on function daybook_private.check_accounts(text, uuid, boolean, integer, integer) is
  'Compares cached figures of accounts behind the given one with their entries, new ones or all, for so many milliseconds, and marks those that differ as drifted: the account where it stopped (null after the last one), how many looks it took, what was found wrong. No row if another worker is at it.';
revoke execute on function daybook_private.check_accounts(text, uuid, boolean, integer, integer) from public;
grant execute on function daybook_private.check_accounts(text, uuid, boolean, integer, integer) to daybook_worker;
--! EndIncluded daybook_private/functions/check_accounts.sql
--! Included daybook_private/functions/keep_findings.sql
create or replace function daybook_private.keep_findings(seen daybook.violation[])
  returns daybook.violation[]
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  now constant timestamptz := clock_timestamp();
  finding daybook.violation;
  news daybook.violation[] := '{}';
  is_new boolean;
begin
  foreach finding in array seen loop
    insert into daybook_private.findings as f
    values (finding.ledger, finding.violation, finding.subject, finding.facts, now, now)
    on conflict (ledger, violation, subject) do update set facts = excluded.facts, last_seen_at = excluded.last_seen_at
    returning f.found_at = f.last_seen_at into is_new;
    if is_new then
      news := news || finding;
      perform daybook_private.log_event(finding.ledger, 'violation_found', to_jsonb(finding) - 'ledger');
    end if;
  end loop;
  return news;
end
$$;
comment on function daybook_private.keep_findings(daybook.violation[]) is
  'Keeps what was found wrong; returns what was not known before, and logs that.';
revoke execute on function daybook_private.keep_findings(daybook.violation[]) from public;
--! EndIncluded daybook_private/functions/keep_findings.sql
--! Included daybook_private/functions/check_transactions.sql
-- A pass over all transactions of a ledger a day, in pieces that are statements and snapshots of their own.
-- A transaction that is committed late, with an id that was passed, is met by the next pass.
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
--! Included daybook_private/functions/check_totals.sql
create or replace function daybook_private.check_totals()
  returns jsonb
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  ledger text;
  news daybook.violation[] := '{}';
begin
  for ledger in
    select g.name from daybook.ledgers g order by g.name
  loop
    news := news || daybook_private.keep_findings(array(
      select v from daybook_private.broken_totals(ledger) v));
  end loop;
  return to_jsonb(news);
end
$$;
comment on function daybook_private.check_totals() is
  'Compares all debits with all credits, for each ledger and currency; returns what is newly found wrong. For the worker.';
revoke execute on function daybook_private.check_totals() from public;
grant execute on function daybook_private.check_totals() to daybook_worker;
--! EndIncluded daybook_private/functions/check_totals.sql
--! Included daybook_private/functions/broken_account.sql
-- STABLE: one snapshot, in pieces that fit into memory.
create or replace function daybook_private.broken_account(ledger text, account_id uuid)
  returns setof daybook.violation
  language plpgsql
  stable
as $$
#variable_conflict use_column
declare
  address text;
  verdict daybook_private.verdict;
  drift daybook_private.drifts;
  sums jsonb;
begin
  select a.address into address
    from daybook.accounts a
   where a.ledger = broken_account.ledger and a.id = broken_account.account_id;
  select d.* into drift
    from daybook_private.drifts d
   where d.ledger = broken_account.ledger and d.account_id = broken_account.account_id;
  if found then
    return next row(drift.facts ->> 'violation', ledger, address,
      drift.facts || jsonb_build_object('known_since', drift.found_at))::daybook.violation;
    return;
  end if;
  verdict.reached := daybook_private.no_line();
  loop
    verdict := daybook_private.verify_piece(ledger, account_id, verdict.reached, 10000);
    exit when verdict.is_end or verdict.violation is not null;
  end loop;
  if verdict.violation is not null then
    return next row(verdict.violation, ledger, address, verdict.facts)::daybook.violation;
  end if;
  sums := daybook_private.broken_sums(ledger, account_id);
  if sums is not null then
    return next row(sums ->> 'violation', ledger, address, sums)::daybook.violation;
  end if;
end
$$;
comment on function daybook_private.broken_account(text, uuid) is
  'What is wrong with the cached figures of an account: all its versions, its counters, its queue and its sums by time; of one that is known to have drifted, what was found then.';
revoke execute on function daybook_private.broken_account(text, uuid) from public;
--! EndIncluded daybook_private/functions/broken_account.sql
--! Included daybook/functions/verify_accounts.sql
create or replace function daybook.verify_accounts(ledger text, accounts text[])
  returns setof daybook.violation
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  wanted text;
  id uuid;
  index integer := 0;
begin
  perform daybook_private.authorize(verify_accounts.ledger, 'read');
  if cardinality(verify_accounts.accounts) <= 10000 is not true then
    perform daybook_private.refuse_argument('accounts', 'at most 10 000', to_jsonb(cardinality(verify_accounts.accounts)));
  end if;
  perform daybook_private.check_ledger_exists(verify_accounts.ledger);
  foreach wanted in array verify_accounts.accounts loop
    index := index + 1;
    perform daybook_private.check_address('accounts', wanted, index);
    id := (select a.id from daybook.accounts a where a.ledger = verify_accounts.ledger and a.address = wanted);
    if id is null then
      perform daybook_private.refuse_missing_accounts(verify_accounts.ledger, array[wanted]);
    end if;
    return query select * from daybook_private.broken_account(verify_accounts.ledger, id);
  end loop;
end
$$;
comment on function daybook.verify_accounts(text, text[]) is
  'Compare the cached figures of up to 10 000 accounts with their entries: every lock version, every resulting balance, the current balances, what is queued, and the sums by time. A row for each account that is wrong, with the first thing that is; none if all is right. Raises 42501, LDARG, LDLED, LDACC.';
revoke execute on function daybook.verify_accounts(text, text[]) from public;
grant execute on function daybook.verify_accounts(text, text[]) to daybook_auditor, daybook_admin;
--! EndIncluded daybook/functions/verify_accounts.sql
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
  'Examine transactions, those with ids above one and up to another, or all: entries add up to zero in each currency and tell the status, holds are what is left of them, links have two sides, and the log tells the same. A row for each thing that is wrong; none if all is right. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.verify_transactions(text, uuid, uuid) from public;
grant execute on function daybook.verify_transactions(text, uuid, uuid) to daybook_auditor, daybook_admin;
--! EndIncluded daybook/functions/verify_transactions.sql
--! Included daybook/functions/verify_totals.sql
create or replace function daybook.verify_totals(ledger text)
  returns setof daybook.violation
  language plpgsql
  stable
  security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'read');
  perform daybook_private.check_ledger_exists(ledger);
  return query select * from daybook_private.broken_totals(ledger);
  return query select * from daybook_private.broken_notes(ledger);
end
$$;
comment on function daybook.verify_totals(text) is
  'Compare all debits of a ledger with all credits in each currency, and examine what is noted about the whole of it: external ids, expiries, keys, facts of accounts. A row for each thing that is wrong; none if all is right. Raises 42501, LDARG, LDLED.';
revoke execute on function daybook.verify_totals(text) from public;
grant execute on function daybook.verify_totals(text) to daybook_auditor, daybook_admin;
--! EndIncluded daybook/functions/verify_totals.sql
--! Included daybook/views/balance_health.sql
-- Few rows of drifts and violations; counting accounts reads an index.
create or replace view daybook.balance_health with (security_invoker = true) as
  select
    g.name as ledger,
    d.accounts as drifted_accounts,
    d.found_at as drifted_since,
    f.violations,
    c.checked_accounts,
    c.oldest_check_at,
    t.finished_at as transactions_checked_at,
    q.entries as queued_entries,
    q.queued_at as oldest_queued_at
  from daybook.ledgers g
  cross join lateral (
    select count(*) as accounts, min(x.found_at) as found_at from daybook_private.drifts x where x.ledger = g.name
  ) d
  cross join lateral (
    select count(*) as violations from daybook_private.findings x where x.ledger = g.name
  ) f
  cross join lateral (
    select count(x.finished_at) as checked_accounts, min(x.finished_at) as oldest_check_at
      from daybook_private.account_checks x
     where x.ledger = g.name and x.is_full
  ) c
  cross join lateral (
    select count(*) as entries, min(uuid_extract_timestamp(x.entry_id)) as queued_at
      from daybook_private.entry_queue x
     where x.ledger = g.name
  ) q
  left join daybook_private.ledger_checks t on t.ledger = g.name;
comment on view daybook.balance_health is
  'Whether the cached figures of each ledger are what its entries say, as far as the worker has looked. For monitoring: drifted_accounts and violations are to be 0.';
comment on column daybook.balance_health.ledger is 'The ledger.';
comment on column daybook.balance_health.drifted_accounts is
  'Accounts whose cached figures were found wrong, and which are computed from their entries until they are rebuilt.';
comment on column daybook.balance_health.drifted_since is 'When the first of them was found; null if there is none.';
comment on column daybook.balance_health.violations is 'Other things that were found wrong, with transactions or totals.';
comment on column daybook.balance_health.checked_accounts is 'Accounts that were compared with all their entries at least once.';
comment on column daybook.balance_health.oldest_check_at is
  'When the account that was compared with all its entries the longest ago was; to be less than a day and a half ago.';
comment on column daybook.balance_health.transactions_checked_at is
  'When the last pass over all transactions ended; null before the first.';
comment on column daybook.balance_health.queued_entries is
  'Entries that balances count already but that have no lock version yet.';
comment on column daybook.balance_health.oldest_queued_at is
  'When the oldest of them was made; to be less than a few seconds ago, unless somebody''s open transaction holds its account, or it has drifted.';
--! EndIncluded daybook/views/balance_health.sql
--! Included daybook/types/rebuilt_account.sql
create type daybook.rebuilt_account as (
  ledger text,
  account text,
  account_id uuid,
  violation text,
  before jsonb,
  after jsonb,
  changed_entries bigint
);
comment on type daybook.rebuilt_account is 'An account whose cached figures were made anew from its entries.';
comment on column daybook.rebuilt_account.ledger is 'The ledger.';
comment on column daybook.rebuilt_account.account is 'Address of the account.';
comment on column daybook.rebuilt_account.account_id is 'The account.';
comment on column daybook.rebuilt_account.violation is
  'What was wrong; null if the account was marked as drifted but nothing was wrong any more.';
comment on column daybook.rebuilt_account.before is
  'Lock version and counters before, minor units, queued entries left out.';
comment on column daybook.rebuilt_account.after is
  'Lock version and counters now, minor units, queued entries left out.';
comment on column daybook.rebuilt_account.changed_entries is
  'How many entries got another lock version or other counters.';
--! EndIncluded daybook/types/rebuilt_account.sql
--! Included daybook_private/functions/walk_account.sql
-- A walk along all versions, in pieces that are statements and snapshots of their own: what it proved of
-- versions that are in the past stays true.
create or replace function daybook_private.walk_account(ledger text, account_id uuid, reached daybook_private.line)
  returns daybook_private.verdict
  language plpgsql
  volatile
as $$
declare
  verdict daybook_private.verdict;
begin
  verdict.reached := reached;
  loop
    verdict := daybook_private.verify_piece(ledger, account_id, verdict.reached, 10000);
    exit when verdict.is_end or verdict.violation is not null;
  end loop;
  return verdict;
end
$$;
comment on function daybook_private.walk_account(text, uuid, daybook_private.line) is
  'Compares an account''s versions from the one that was reached, its counters and its queue with its entries; stops at the first violation.';
revoke execute on function daybook_private.walk_account(text, uuid, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/walk_account.sql
--! Included daybook_private/functions/renumber_entries.sql
-- Behind the last sound link the entries keep their order and get the versions and counters that follow
-- from it. Those without a version that nobody queued come last. The trigger lets these five columns
-- change while the account is marked as drifted, and nothing else.
create or replace function daybook_private.renumber_entries(ledger text, account_id uuid, reached daybook_private.line)
  returns bigint
  language plpgsql
  volatile
  set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  changed bigint;
begin
  with chain as (
    select e.id,
           reached.lock_version + row_number() over w as lock_version,
           reached.pending_debits + sum(case when e.direction = 'debit' then s.pending else 0 end) over w as pending_debits,
           reached.pending_credits + sum(case when e.direction = 'credit' then s.pending else 0 end) over w as pending_credits,
           reached.posted_debits + sum(case when e.direction = 'debit' then s.posted else 0 end) over w as posted_debits,
           reached.posted_credits + sum(case when e.direction = 'credit' then s.posted else 0 end) over w as posted_credits
      from daybook.entries e
     cross join lateral (
             select daybook_private.pending_share(e.effect, e.amount) as pending,
                    daybook_private.posted_share(e.effect, e.amount) as posted) s
     where e.ledger = renumber_entries.ledger and e.account_id = renumber_entries.account_id
       and (reached.lock_version = 0 or e.lock_version >= reached.lock_version or e.lock_version is null)
       and e.id is distinct from reached.id
       and not (e.lock_version is null
                and exists (select from daybook_private.entry_queue q
                             where q.ledger = e.ledger and q.account_id = e.account_id and q.entry_id = e.id))
    window w as (order by e.lock_version, e.created_at, e.id rows unbounded preceding)
  )
  update daybook.entries e
     set lock_version = c.lock_version,
         pending_debits = c.pending_debits,
         pending_credits = c.pending_credits,
         posted_debits = c.posted_debits,
         posted_credits = c.posted_credits
    from chain c
   where e.ledger = renumber_entries.ledger and e.account_id = renumber_entries.account_id and e.id = c.id
     and (e.lock_version, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits)
         is distinct from
         (c.lock_version, c.pending_debits, c.pending_credits, c.posted_debits, c.posted_credits);
  get diagnostics changed = row_count;
  return changed;
end
$$;
comment on function daybook_private.renumber_entries(text, uuid, daybook_private.line) is
  'Gives an account''s entries behind its last sound link the versions and counters that follow from it; returns how many had others. The account is held by the caller and marked as drifted.';
revoke execute on function daybook_private.renumber_entries(text, uuid, daybook_private.line) from public;
--! EndIncluded daybook_private/functions/renumber_entries.sql
--! Included daybook_private/functions/requeue_entries.sql
-- Rows that others queue meanwhile are right, and appear together with their entries.
create or replace function daybook_private.requeue_entries(ledger text, account_id uuid)
  returns void
  language plpgsql
  volatile
  set enable_seqscan to off
as $$
#variable_conflict use_column
begin
  delete from daybook_private.entry_queue q
   where q.ledger = requeue_entries.ledger and q.account_id = requeue_entries.account_id
     and not exists (
           select from daybook_private.queue_rows(requeue_entries.ledger, requeue_entries.account_id) r where r = q);
  insert into daybook_private.entry_queue
  select r.*
    from daybook_private.queue_rows(requeue_entries.ledger, requeue_entries.account_id) r
  on conflict do nothing;
end
$$;
comment on function daybook_private.requeue_entries(text, uuid) is
  'Makes an account''s queue what it ought to be, by the entries that have no version yet. The account is held by the caller.';
revoke execute on function daybook_private.requeue_entries(text, uuid) from public;
--! EndIncluded daybook_private/functions/requeue_entries.sql
--! Included daybook_private/functions/counters_of.sql
create or replace function daybook_private.counters_of(ledger text, account_id uuid)
  returns jsonb
  language sql
  stable
as $$
  select jsonb_build_object('lock_version', c.lock_version,
           'pending_debits', c.pending_debits::text, 'pending_credits', c.pending_credits::text,
           'posted_debits', c.posted_debits::text, 'posted_credits', c.posted_credits::text)
    from daybook_private.account_counters c
   where c.ledger = counters_of.ledger and c.account_id = counters_of.account_id
$$;
comment on function daybook_private.counters_of(text, uuid) is
  'Version and counters of an account as they are cached, amounts as text.';
revoke execute on function daybook_private.counters_of(text, uuid) from public;
--! EndIncluded daybook_private/functions/counters_of.sql
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
  last daybook_private.line;
begin
  select e.lock_version, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits
    into last.lock_version, last.pending_debits, last.pending_credits, last.posted_debits, last.posted_credits
    from daybook.entries e
   where e.ledger = recount_account.ledger and e.account_id = recount_account.account_id and e.lock_version is not null
   order by e.lock_version desc
   limit 1;
  if not found then
    last := daybook_private.no_line();
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
--! Included daybook_private/functions/rebuild_account.sql
-- The walk needs no lock; what it proved need not be looked at again. Only then is the account held, and
-- only what comes behind the last sound link is done under the lock. Queued entries stay queued,
-- and the worker folds them as ever.
create or replace function daybook_private.rebuild_account(ledger text, account_id uuid)
  returns daybook.rebuilt_account
  language plpgsql
  volatile
as $$
#variable_conflict use_column
declare
  verdict daybook_private.verdict := daybook_private.walk_account(ledger, account_id, daybook_private.no_line());
  rebuilt daybook.rebuilt_account;
  sums jsonb;
begin
  select a.ledger, a.address, a.id into rebuilt.ledger, rebuilt.account, rebuilt.account_id
    from daybook.accounts a
   where a.ledger = rebuild_account.ledger and a.id = rebuild_account.account_id;
  if verdict.violation is null and not exists (
       select from daybook_private.drifts d
        where d.ledger = rebuild_account.ledger and d.account_id = rebuild_account.account_id) then
    sums := daybook_private.drop_broken_sums(ledger, account_id);
    rebuilt.violation := sums ->> 'violation';
    return case when sums is not null then rebuilt end;
  end if;
  perform
    from daybook.accounts a
   where a.ledger = rebuild_account.ledger and a.id = rebuild_account.account_id
     for no key update;
  -- Somebody else may have rebuilt it meanwhile.
  verdict := daybook_private.walk_account(ledger, account_id, verdict.reached);
  if verdict.violation is not null then
    perform daybook_private.mark_drifted(ledger, account_id,
      jsonb_build_object('violation', verdict.violation) || verdict.facts);
  end if;
  rebuilt.violation := coalesce((
    select d.facts ->> 'violation' from daybook_private.drifts d
     where d.ledger = rebuild_account.ledger and d.account_id = rebuild_account.account_id), verdict.violation);
  rebuilt.before := daybook_private.counters_of(ledger, account_id);
  rebuilt.changed_entries := daybook_private.renumber_entries(ledger, account_id, verdict.reached);
  perform daybook_private.requeue_entries(ledger, account_id);
  perform daybook_private.recount_account(ledger, account_id);
  perform daybook_private.forget_sums(ledger, account_id);
  rebuilt.after := daybook_private.counters_of(ledger, account_id);
  perform daybook_private.log_event(ledger, 'rebuild_balances',
    to_jsonb(rebuilt) - 'ledger' - 'account_id', null, account_id);
  return rebuilt;
end
$$;
comment on function daybook_private.rebuild_account(text, uuid) is
  'Makes an account''s versions, counters, queue and sums anew from its entries if any of them is wrong, and trusts them again; null if nothing was to be done.';
revoke execute on function daybook_private.rebuild_account(text, uuid) from public;
--! EndIncluded daybook_private/functions/rebuild_account.sql
--! Included daybook/functions/rebuild_balances.sql
-- Only accounts that are wrong are ever held, each from its own turn until the caller commits: whoever
-- repairs a whole ledger at work calls this account by account, as `daybook rebuild` does.
create or replace function daybook.rebuild_balances(ledger text, account text default null)
  returns setof daybook.rebuilt_account
  language plpgsql
  volatile
  security definer
  set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  id uuid;
  rebuilt daybook.rebuilt_account;
begin
  perform daybook_private.authorize(rebuild_balances.ledger, 'admin');
  if rebuild_balances.account is not null then
    perform daybook_private.check_address('account', rebuild_balances.account);
  end if;
  perform daybook_private.check_read_committed();
  perform daybook_private.check_ledger_exists(rebuild_balances.ledger);
  for id in
    select a.id
      from daybook.accounts a
     where a.ledger = rebuild_balances.ledger
       and (rebuild_balances.account is null or a.address = rebuild_balances.account)
     order by a.id
  loop
    rebuilt := daybook_private.rebuild_account(rebuild_balances.ledger, id);
    if rebuilt.account_id is not null then
      return next rebuilt;
    end if;
  end loop;
  if id is null and rebuild_balances.account is not null then
    perform daybook_private.refuse_missing_accounts(rebuild_balances.ledger, array[rebuild_balances.account]);
  end if;
end
$$;
comment on function daybook.rebuild_balances(text, text) is
  'Compare the cached figures of an account, or of all accounts of a ledger, with their entries, and make anew what differs: lock versions, counters, queue and sums. Entries themselves stay as they are. Returns what was changed. Raises 42501, LDARG, LDISO, LDLED, LDACC.';
revoke execute on function daybook.rebuild_balances(text, text) from public;
grant execute on function daybook.rebuild_balances(text, text) to daybook_admin;
--! EndIncluded daybook/functions/rebuild_balances.sql
--! Included daybook_private/functions/export_keys.sql
create or replace function daybook_private.export_keys(ledger text, after text, max integer)
  returns table (at text, line text)
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
as $$
begin
  return query
    select k.key, format('{"key":%s}', to_jsonb(k) - 'ledger')
      from daybook_private.idempotency_keys k
     where k.ledger = export_keys.ledger and k.key > export_keys.after
     order by k.key
     limit max;
end
$$;
comment on function daybook_private.export_keys(text, text, integer) is
  'Some idempotency keys of a ledger behind a key, as JSON: whoever takes the ledger elsewhere takes them along, so that a retry there is a replay too.';
revoke execute on function daybook_private.export_keys(text, text, integer) from public;
--! EndIncluded daybook_private/functions/export_keys.sql
--! Included daybook_private/functions/export_receipts.sql
create or replace function daybook_private.export_receipts(ledger text, after uuid, max integer)
  returns table (at text, line text)
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
as $$
begin
  return query
    select r.receipt_id::text, format('{"receipt":%s}', to_jsonb(r) - 'ledger')
      from daybook_private.finished_receipts r
     where r.ledger = export_receipts.ledger and r.receipt_id > export_receipts.after
     order by r.receipt_id
     limit max;
end
$$;
comment on function daybook_private.export_receipts(text, uuid, integer) is
  'Some finished receipts of a ledger behind one, as JSON.';
revoke execute on function daybook_private.export_receipts(text, uuid, integer) from public;
--! EndIncluded daybook_private/functions/export_receipts.sql
--! Included daybook_private/functions/export_log.sql
-- The text of a record goes out as it was hashed, byte by byte.
create or replace function daybook_private.export_log(ledger text, after bigint, max integer)
  returns table (at text, line text)
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
  set timezone to 'UTC'
  set datestyle to 'ISO'
as $$
declare
  log_ids constant uuid[] := array(
    select s.log_id
      from daybook_private.seals s
     where s.ledger = export_log.ledger and s.no > after and s.no <= after + max);
begin
  return query
    select l.no::text, l.line
      from (
        select s.no, 1 as place, format('{"seal":{"no":%s,"log_id":"%s","leaf":"%s","record":%s}}',
                 s.no, s.log_id, encode(s.leaf, 'hex'), coalesce(t.body, 'null')) as line
          from daybook_private.seals s
          left join daybook_private.log_texts(export_log.ledger, log_ids) t on t.log_id = s.log_id
         where s.ledger = export_log.ledger and s.no > after and s.no <= after + max
        union all
        select b.last_no, 2, format(
                 '{"block":{"block":%s,"first_no":%s,"last_no":%s,"previous_hash":"%s","hash":"%s","sealed_at":"%s"}}',
                 b.block, b.first_no, b.last_no, encode(b.previous_hash, 'hex'), encode(b.hash, 'hex'), b.sealed_at)
          from daybook_private.seal_blocks b
         where b.ledger = export_log.ledger and b.last_no > after and b.last_no <= after + max
      ) l
     order by l.no, l.place;
end
$$;
comment on function daybook_private.export_log(text, bigint, integer) is
  'The sealed records of a ledger''s log behind a number, at most so many, with their canonical text, and each block behind its last record, as lines of JSON.';
revoke execute on function daybook_private.export_log(text, bigint, integer) from public;
--! EndIncluded daybook_private/functions/export_log.sql
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
  perform pg_advisory_xact_lock(hashtextextended('daybook.ensure_partitions', 0));
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
--! Included daybook_private/functions/restore_ledger.sql
create or replace function daybook_private.restore_ledger(ledger text, facts jsonb)
  returns void
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform daybook_private.authorize(ledger, 'admin');
  perform daybook_private.check_ledger_name(ledger);
  insert into daybook.ledgers
  select r.* from jsonb_populate_record(null::daybook.ledgers, facts || jsonb_build_object('name', ledger)) r
  on conflict do nothing;
  if not found then
    perform daybook_private.refuse('LDDUP', 'the ledger exists here: an export can only become a ledger of its own',
      jsonb_build_object('ledger', ledger));
  end if;
  insert into daybook_private.seal_heads (ledger) values (restore_ledger.ledger);
end
$$;
comment on function daybook_private.restore_ledger(text, jsonb) is
  'Begins to put back an exported ledger, from its row in ledgers. The rest follows in the same transaction. Raises 42501, LDARG, LDDUP.';
revoke execute on function daybook_private.restore_ledger(text, jsonb) from public;
--! EndIncluded daybook_private/functions/restore_ledger.sql
--! Included daybook_private/functions/check_restoring.sql
-- Rows are put back by whoever has just made their ledger, in the same transaction: nobody else has seen it
-- yet, and nothing that was there before can be touched. It is the head of its log that tells: only restore_ledger
-- and the worker make one, while a ledger's own row is also written by who closes a period.
create or replace function daybook_private.check_restoring(ledger text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from daybook_private.seal_heads h where h.ledger = check_restoring.ledger and h.no = 0
                    and h.xmin = pg_current_xact_id_if_assigned()::xid) then
    perform daybook_private.refuse_argument('ledger', 'not one that this transaction restores', to_jsonb(ledger));
  end if;
end
$$;
comment on function daybook_private.check_restoring(text) is
  'Lets pass who is putting back a ledger that nobody else can see yet. Raises LDARG.';
revoke execute on function daybook_private.check_restoring(text) from public;
--! EndIncluded daybook_private/functions/check_restoring.sql
--! Included daybook_private/functions/restore_currencies.sql
-- Currencies belong to the whole instance and never change: one that is here already must be the same.
create or replace function daybook_private.restore_currencies(rows jsonb)
  returns void
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
declare
  other daybook.currencies;
  added_ones daybook.currencies[];
begin
  with added as (
    insert into daybook.currencies
    select r.* from jsonb_populate_recordset(null::daybook.currencies, rows) r
    on conflict do nothing
    returning *
  )
  select array_agg(a) into added_ones from added a;
  perform daybook_private.log_event('*', 'create_currency', to_jsonb(a)) from unnest(added_ones) a;
  select u.* into other
    from jsonb_populate_recordset(null::daybook.currencies, rows) r
    join daybook.currencies u on u.code = r.code
   where u.exponent <> r.exponent
   limit 1;
  if found then
    perform daybook_private.refuse('LDDUP', 'the currency has another exponent here', to_jsonb(other));
  end if;
end
$$;
comment on function daybook_private.restore_currencies(jsonb) is
  'Adds the currencies of an export that are missing, and says so in the log of the instance. Raises LDDUP where one differs.';
revoke execute on function daybook_private.restore_currencies(jsonb) from public;
--! EndIncluded daybook_private/functions/restore_currencies.sql
--! Included daybook_private/functions/restore_part.sql
-- Rows come as they were, by the names of their columns; their ledger is the one that is being restored,
-- whatever they say. A transaction brings all of its entries along.
create or replace function daybook_private.restore_part(ledger text, part text, rows jsonb)
  returns void
  language plpgsql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
declare
  here constant jsonb := jsonb_build_object('ledger', ledger);
begin
  if part = 'currency' then
    perform daybook_private.restore_currencies(rows);
  elsif part = 'account' then
    insert into daybook.accounts
    select r.* from jsonb_array_elements(rows) v, jsonb_populate_record(null::daybook.accounts, v || here) r;
  elsif part = 'category' then
    insert into daybook.categories
    select r.* from jsonb_array_elements(rows) v, jsonb_populate_record(null::daybook.categories, v || here) r;
  elsif part = 'member' then
    insert into daybook.category_members
    select r.* from jsonb_array_elements(rows) v, jsonb_populate_record(null::daybook.category_members, v || here) r;
  elsif part = 'transaction' then
    insert into daybook.transactions
    select r.* from jsonb_array_elements(rows) v, jsonb_populate_record(null::daybook.transactions, v || here) r;
    insert into daybook.entries
    select r.*
      from jsonb_array_elements(rows) v, jsonb_array_elements(v -> 'entries') e,
           jsonb_populate_record(null::daybook.entries, e || here || jsonb_build_object('transaction_id', v -> 'id')) r;
  elsif part = 'event' then
    insert into daybook_private.log_events
    select r.* from jsonb_array_elements(rows) v, jsonb_populate_record(null::daybook_private.log_events, v || here) r;
  elsif part = 'key' then
    insert into daybook_private.idempotency_keys
    select r.* from jsonb_array_elements(rows) v, jsonb_populate_record(null::daybook_private.idempotency_keys, v || here) r;
  elsif part = 'receipt' then
    insert into daybook_private.finished_receipts
    select r.* from jsonb_array_elements(rows) v, jsonb_populate_record(null::daybook_private.finished_receipts, v || here) r;
  elsif part = 'seal' then
    insert into daybook_private.seals (ledger, no, log_id, leaf)
    select restore_part.ledger, (v ->> 'no')::bigint, (v ->> 'log_id')::uuid, decode(v ->> 'leaf', 'hex')
      from jsonb_array_elements(rows) v;
  elsif part = 'block' then
    insert into daybook_private.seal_blocks (ledger, block, first_no, last_no, previous_hash, hash, sealed_at)
    select restore_part.ledger, (v ->> 'block')::bigint, (v ->> 'first_no')::bigint, (v ->> 'last_no')::bigint,
           decode(v ->> 'previous_hash', 'hex'), decode(v ->> 'hash', 'hex'), (v ->> 'sealed_at')::timestamptz
      from jsonb_array_elements(rows) v;
  else
    perform daybook_private.refuse_argument('part', 'unknown', to_jsonb(part));
  end if;
end
$$;
comment on function daybook_private.restore_part(text, text, jsonb) is
  'Puts back rows of one kind of a ledger: currency, account, category, member, transaction (with its entries), event, key, receipt, seal or block. Raises LDARG, LDDUP, LDUNB.';
revoke execute on function daybook_private.restore_part(text, text, jsonb) from public;
--! EndIncluded daybook_private/functions/restore_part.sql
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
    perform daybook_private.restore_part(ledger, part, rows);
  end if;
end
$$;
comment on function daybook.restore_rows(text, text, jsonb) is
  E'@behavior -*\nPut back rows of an exported ledger that does not exist here; for daybook import. All in one transaction: the part ledger first, which makes it, then the others, at last finish_restore. Raises 42501, LDARG, LDDUP, LDUNB.';
revoke execute on function daybook.restore_rows(text, text, jsonb) from public;
grant execute on function daybook.restore_rows(text, text, jsonb) to daybook_admin;
--! EndIncluded daybook/functions/restore_rows.sql
--! Included daybook_private/functions/check_versions.sql
create or replace function daybook_private.check_versions(ledger text)
  returns void
  language plpgsql
  stable
  set search_path to pg_catalog, pg_temp
as $$
declare
  broken daybook.entries;
begin
  select c.entry into broken.id
    from (select e.id as entry,
                 (e.lock_version, e.pending_debits, e.pending_credits, e.posted_debits, e.posted_credits)
                 is distinct from
                 (row_number() over w,
                  sum(case when e.direction = 'debit' then daybook_private.pending_share(e.effect, e.amount) else 0 end) over w,
                  sum(case when e.direction = 'credit' then daybook_private.pending_share(e.effect, e.amount) else 0 end) over w,
                  sum(case when e.direction = 'debit' then daybook_private.posted_share(e.effect, e.amount) else 0 end) over w,
                  sum(case when e.direction = 'credit' then daybook_private.posted_share(e.effect, e.amount) else 0 end) over w)
                 as is_broken
            from daybook.entries e
           where e.ledger = check_versions.ledger and e.lock_version is not null
          window w as (partition by e.account_id order by e.lock_version rows unbounded preceding)) c
   where c.is_broken
   limit 1;
  if found then
    perform daybook_private.refuse_argument('entries', 'version and counters of an entry do not follow from those before it', to_jsonb(broken.id));
  end if;
end
$$;
comment on function daybook_private.check_versions(text) is
  'Checks that along the versions of each account every entry''s counters are those before it and what it did. Raises LDARG.';
revoke execute on function daybook_private.check_versions(text) from public;
--! EndIncluded daybook_private/functions/check_versions.sql
--! Included daybook_private/functions/derive_caches.sql
-- The counters of an account count what was applied; what was not is in its queue. Sums by time, what
-- searches look through and so on are made by the worker, which finds the accounts by their counters.
create or replace function daybook_private.derive_caches(ledger text)
  returns void
  language sql
  volatile
  set search_path to pg_catalog, pg_temp
as $$
  insert into daybook_private.account_counters
    (ledger, account_id, address, currency, currency_exponent, normal_balance, balance_min, balance_max, closed_at,
     lock_version, pending_debits, pending_credits, posted_debits, posted_credits)
  select a.ledger, a.id, a.address, a.currency, a.currency_exponent, a.normal_balance, a.balance_min, a.balance_max,
         a.closed_at, coalesce(s.lock_version, 0), coalesce(s.pending_debits, 0), coalesce(s.pending_credits, 0),
         coalesce(s.posted_debits, 0), coalesce(s.posted_credits, 0)
    from daybook.accounts a
    left join (
      select e.account_id, count(*) as lock_version,
             sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'debit') as pending_debits,
             sum(daybook_private.pending_share(e.effect, e.amount)) filter (where e.direction = 'credit') as pending_credits,
             sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'debit') as posted_debits,
             sum(daybook_private.posted_share(e.effect, e.amount)) filter (where e.direction = 'credit') as posted_credits
        from daybook.entries e
       where e.ledger = derive_caches.ledger and e.lock_version is not null
       group by e.account_id) s on s.account_id = a.id
   where a.ledger = derive_caches.ledger;
  insert into daybook_private.entry_queue
    (ledger, account_id, entry_id, pending_debits, pending_credits, posted_debits, posted_credits)
  select e.ledger, e.account_id, e.id,
         case when e.direction = 'debit' then daybook_private.pending_share(e.effect, e.amount) else 0 end,
         case when e.direction = 'credit' then daybook_private.pending_share(e.effect, e.amount) else 0 end,
         case when e.direction = 'debit' then daybook_private.posted_share(e.effect, e.amount) else 0 end,
         case when e.direction = 'credit' then daybook_private.posted_share(e.effect, e.amount) else 0 end
    from daybook.entries e
   where e.ledger = derive_caches.ledger and e.lock_version is null;
  insert into daybook_private.external_ids (ledger, external_id, transaction_id)
  select t.ledger, t.external_id, t.id
    from daybook.transactions t
   where t.ledger = derive_caches.ledger and t.status <> 'archived' and t.external_id is not null;
  insert into daybook_private.expiring_holds (ledger, account_id, expires_at, transaction_id)
  select distinct t.ledger, e.account_id, t.expires_at, t.id
    from daybook.transactions t
    join daybook.entries e on e.ledger = t.ledger and e.transaction_id = t.id
   where t.ledger = derive_caches.ledger and t.status = 'pending' and t.expires_at is not null
     and e.ledger = derive_caches.ledger and e.effect = 'pending' and e.transaction_version = t.entries_version;
$$;
comment on function daybook_private.derive_caches(text) is
  'Makes the caches of a ledger that has none, from its accounts, transactions and entries: counters, queue, external ids and expiring holds.';
revoke execute on function daybook_private.derive_caches(text) from public;
--! EndIncluded daybook_private/functions/derive_caches.sql
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
  perform daybook_private.check_versions(ledger);
  perform daybook_private.derive_caches(ledger);
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
      on conflict (ledger, role) do update set access = excluded.access where g.access <> excluded.access
      returning g.role, old.access
    )
    select 'grant is not as it was recorded', relog_settings.ledger, c.role, jsonb_build_object('access', c.access)
      from (select * from gone union all select * from made) c;
end
$$;
comment on function daybook_private.relog_settings(text) is
  'Gives a ledger the closed period and the grants that the log says; returns what was otherwise.';
revoke execute on function daybook_private.relog_settings(text) from public;
--! EndIncluded daybook_private/functions/relog_settings.sql
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
       where a.ledger = relog_accounts.ledger
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
--! Included daybook_private/functions/relog_members.sql
create or replace function daybook_private.relog_members(ledger text)
  returns setof daybook.violation
  language plpgsql
  volatile
as $$
#variable_conflict use_column
begin
  -- Changes of the graph wait for each other here.
  insert into daybook_private.category_graphs as g (ledger, changes)
    values (relog_members.ledger, 1)
    on conflict on constraint category_graphs_pkey do update set changes = g.changes + 1;
  return query
    with logged as (
      select l.log_id, l.category, a.address as account, a.id as account_id, l.child_category
        from daybook_private.logged_members(relog_members.ledger) l
        left join daybook.accounts a on a.ledger = relog_members.ledger and a.address = l.account
    ),
    gone as (
      delete from daybook.category_members m
       where m.ledger = relog_members.ledger and not exists (
             select from logged l
              where l.category = m.category and l.account is not distinct from m.account
                and l.account_id is not distinct from m.account_id and l.child_category is not distinct from m.child_category)
      returning m.category, m.account, m.child_category
    ),
    made as (
      insert into daybook.category_members (ledger, id, category, account, account_id, child_category, created_at)
      select e.ledger, coalesce((e.data ->> 'id')::uuid, e.id), l.category, l.account, l.account_id, l.child_category,
             coalesce((e.data ->> 'created_at')::timestamptz, e.created_at)
        from logged l
        join daybook_private.log_events e on e.ledger = relog_members.ledger and e.id = l.log_id
       where not exists (
             select from daybook.category_members m
              where m.ledger = relog_members.ledger and m.category = l.category
                and m.account_id is not distinct from l.account_id and m.child_category is not distinct from l.child_category)
      returning category, account, child_category
    )
    select 'category is not as it was recorded', relog_members.ledger, c.category,
           jsonb_build_object('account', c.account, 'child_category', c.child_category, 'was_member', c.was_member)
      from (select g.*, true as was_member from gone g union all select m.*, false from made m) c;
end
$$;
comment on function daybook_private.relog_members(text) is
  'Gives categories the members that the log says; returns what was otherwise.';
revoke execute on function daybook_private.relog_members(text) from public;
--! EndIncluded daybook_private/functions/relog_members.sql
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
    select relog_category_grants.ledger, l.category, l.role from logged l
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
-- note in it, or neither.
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
      select relog_notes.ledger, w.external_id, w.id from wanted w
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
      select relog_notes.ledger, w.account_id, w.expires_at, w.id from wanted w
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
           from daybook.rebuild_balances(rebuild_from_log.ledger) r);
  if cardinality(wrong) > 0 then
    perform daybook_private.log_event(rebuild_from_log.ledger, 'rebuild_from_log',
      jsonb_build_object('changed', cardinality(wrong)));
  end if;
  return query select w.* from unnest(wrong) w;
end
$$;
comment on function daybook.rebuild_from_log(text) is
  'Make everything of a ledger that is not a record itself anew from the records: limits, closing and metadata of accounts, members of categories, grants, closed periods, external ids, expiries, and all cached balances. Returns what was otherwise than recorded, and puts that in the log. Raises 42501, LDARG, LDISO, LDLED.';
revoke execute on function daybook.rebuild_from_log(text) from public;
grant execute on function daybook.rebuild_from_log(text) to daybook_admin;
--! EndIncluded daybook/functions/rebuild_from_log.sql

grant select on
  daybook.currencies, daybook.ledgers, daybook.accounts, daybook.transactions, daybook.entries,
  daybook.categories, daybook.category_members,
  daybook.balances, daybook.rollups, daybook.current_entries, daybook.log,
  daybook.transaction_queue
  to daybook_reader;
grant select on
  daybook_private.account_counters, daybook_private.rollup_cursors, daybook_private.entry_queue, daybook_private.log_events,
  daybook_private.queue_limits
  to daybook_reader;
grant select on daybook.balance_health, daybook.partition_health to daybook_reader;
grant select on
  daybook_private.drifts, daybook_private.account_checks, daybook_private.ledger_checks, daybook_private.findings
  to daybook_reader;
alter table daybook_private.drifts enable row level security;
alter table daybook_private.account_checks enable row level security;
alter table daybook_private.ledger_checks enable row level security;
alter table daybook_private.findings enable row level security;
alter table daybook_private.rollup_cursors enable row level security;
alter table daybook_private.entry_sums enable row level security;
alter table daybook_private.settlements enable row level security;
alter table daybook_private.seals enable row level security;
alter table daybook_private.seal_blocks enable row level security;
alter table daybook_private.seal_heads enable row level security;
alter table daybook_private.search_documents enable row level security;
alter table daybook_private.search_lines enable row level security;
alter table daybook_private.search_heads enable row level security;
create policy readers_of_the_ledger on daybook_private.rollup_cursors for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
create policy readers_of_the_ledger on daybook_private.drifts for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook_private.account_checks for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook_private.ledger_checks for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook_private.findings for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
