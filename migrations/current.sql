drop function daybook_private.log_body(text, uuid);
--!include daybook_private/functions/cover_batch.sql
--!include daybook_private/functions/refuse_changed_entry.sql
drop function daybook_private.create_pair(text, daybook.entry_input[], text, jsonb, integer);
drop function daybook_private.create_held(text, daybook.entry_input[], text, jsonb, uuid);
drop function daybook_private.write_pair(text, uuid, jsonb, numeric, text, uuid, tid, integer, boolean, uuid, tid);
--!include daybook_private/functions/is_period_open.sql
--!include daybook_private/functions/hash_with_text.sql
--!include daybook_private/functions/hash_dated.sql
drop function daybook_private.hold_minimum(text, uuid, numeric, numeric);
--!include daybook_private/types/taken.sql
--!include daybook_private/functions/take_debit.sql
--!include daybook_private/functions/create_held.sql
--!include daybook_private/functions/write_pair.sql
--!include daybook_private/functions/apply_entries.sql
--!include daybook_private/functions/create_pair.sql
--!include daybook/functions/create_transaction.sql

-- An export may take the place of an empty ledger: then, and then only, its creation may be deleted.
drop function daybook.restore_rows(text, text, jsonb);
drop function daybook_private.restore_ledger(text, jsonb);
--!include daybook_private/functions/is_restoring.sql
--!include daybook_private/functions/is_being_replaced.sql
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
--!include daybook_private/functions/index_search.sql
--!include daybook_private/functions/lock_seal_head.sql
--!include daybook_private/functions/check_replaceable.sql
--!include daybook_private/functions/replace_ledger.sql
--!include daybook_private/functions/restore_ledger.sql
--!include daybook_private/functions/check_restoring.sql
--!include daybook/functions/restore_rows.sql
--!include daybook/functions/finish_restore.sql

-- Many members in one transaction.
comment on table daybook_private.category_graphs is
  'One row per ledger, held by whoever changes what is in its categories; in how many transactions that was done at least.';
--!include daybook_private/functions/prepare_membership.sql

comment on column daybook.rebuilt_account.before is
  'Lock version and counters before, minor units, queued entries left out; null if only sums by time were wrong.';
comment on column daybook.rebuilt_account.after is
  'Lock version and counters now, minor units, queued entries left out; null if only sums by time were wrong.';
-- An account with thousands of queued entries does not hold up others.
--!include daybook_private/functions/fold_account.sql
--!include daybook_private/functions/fold_accounts.sql

-- Which accounts have entries in detached months.
--!include daybook/views/detached_accounts.sql
grant select on daybook.detached_accounts, daybook_private.detached_sums to daybook_reader;
create policy readers_of_the_ledger on daybook_private.detached_sums for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));

-- Enqueueing one by one in fewer statements, and with an index less.
drop index daybook_private.queued_transactions_sample_idx;
--!include daybook_private/functions/has_room.sql
--!include daybook_private/functions/enqueue_each.sql
--!include daybook/functions/enqueue_transactions.sql
