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
