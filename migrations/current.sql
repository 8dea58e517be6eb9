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
--!include daybook_private/functions/refuse_changed_entry.sql
--!include daybook_private/functions/dress_partition.sql
--!include daybook_private/functions/fold_queue.sql
--!include daybook_private/functions/fold_accounts.sql
--!include daybook_private/functions/authorize_accounts.sql
--!include daybook/functions/account_balance.sql
-- Asked row by row when lines are indexed for searches: inlined now.
--!include daybook_private/functions/uuid_at.sql
-- What is indexed for searches is read all at once, and inserted without a look for conflicts.
--!include daybook_private/functions/search_documents_of.sql
--!include daybook_private/functions/search_posted_lines.sql
--!include daybook_private/functions/search_lines_of.sql
--!include daybook_private/functions/index_transactions.sql
-- Texts of records: of transactions made posted without a join of entries before they are put together, of others without a
-- query for each.
drop function daybook_private.event_text(daybook_private.log_events, integer);
drop function daybook_private.version_text(daybook_private.log_events, integer);
--!include daybook_private/functions/version_text.sql
--!include daybook_private/functions/event_text.sql
--!include daybook_private/functions/entry_text.sql
--!include daybook_private/functions/entries_text.sql
--!include daybook_private/functions/posted_texts.sql
--!include daybook_private/functions/event_texts.sql
--!include daybook_private/functions/log_texts.sql
--!include daybook_private/functions/check_read_committed.sql
--!include daybook_private/functions/restore_ledger.sql
--!include daybook/functions/restore_rows.sql
--!include daybook_private/functions/search_backlog.sql
--!include daybook_private/functions/broken_notes.sql
--!include daybook_private/functions/current_lines_between.sql
--!include daybook_private/functions/broken_entries.sql
--!include daybook_private/functions/broken_holds.sql
--!include daybook_private/functions/broken_statuses.sql
--!include daybook_private/functions/broken_bonds.sql
--!include daybook_private/functions/broken_transactions.sql

--!include daybook_private/functions/batch_lines.sql
--!include daybook_private/functions/show_run.sql
--!include daybook_private/functions/make_run.sql

-- The way of plain pairs in fewer steps.
drop index daybook_private.idempotency_keys_created_at_idx;
--!include daybook_private/functions/guard_entries.sql
--!include daybook_private/functions/write_pair.sql
--!include daybook_private/functions/create_pair.sql
