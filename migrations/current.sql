--!include daybook_private/functions/true_counters.sql
--!include daybook_private/functions/hold_minimum.sql
--!include daybook_private/functions/write_pair.sql
--!include daybook_private/functions/create_pair.sql
--!include daybook/functions/create_transaction.sql
drop function daybook_private.broken_search(text);
--!include daybook_private/functions/broken_search.sql
--!include daybook_private/functions/broken_transactions.sql
--!include daybook_private/functions/check_transactions.sql
--!include daybook/functions/verify_transactions.sql
--!include daybook/functions/rebuild_from_log.sql
alter type daybook.log_verification add attribute unread bigint;
comment on column daybook.log_verification.unread is
  'How many of these records could not be read as a whole because their entries are detached: they stand where they stood in the chain.';

--!include daybook_private/tables/detachments.sql
--!include daybook_private/tables/detached_sums.sql
--!include daybook_private/functions/refuse_changed_entry.sql
--!include daybook_private/functions/accounts_of.sql
--!include daybook_private/functions/detached_end.sql
--!include daybook_private/functions/detached_below.sql
--!include daybook_private/functions/detached_entries.sql
--!include daybook_private/functions/refuse_detached.sql
--!include daybook_private/functions/is_detached.sql
--!include daybook_private/functions/refuse_detached_lines.sql
--!include daybook_private/functions/check_has_entries.sql
--!include daybook_private/functions/start_line.sql
--!include daybook_private/functions/listed_from.sql
--!include daybook_private/functions/refuse_end.sql
--!include daybook/views/detached_months.sql
--!include daybook_private/functions/detached_table.sql
--!include daybook_private/functions/row_checksum.sql
--!include daybook_private/functions/entries_checksum.sql
--!include daybook_private/functions/next_transactions.sql
--!include daybook_private/functions/detachable_transactions.sql
--!include daybook_private/functions/broken_links.sql
--!include daybook_private/functions/broken_seals.sql
--!include daybook_private/functions/check_detaching.sql
--!include daybook_private/functions/hold_search.sql
--!include daybook_private/functions/hold_sums.sql
--!include daybook_private/functions/add_cells.sql
--!include daybook_private/functions/carry_forward.sql
--!include daybook_private/functions/move_entries.sql
--!include daybook_private/functions/hold_month.sql
--!include daybook_private/functions/keep_month.sql
--!include daybook_private/functions/begin_detaching.sql
--!include daybook_private/functions/detach_portion.sql
--!include daybook/functions/detach_month.sql
--!include daybook_private/functions/begin_attaching.sql
--!include daybook_private/functions/attach_portion.sql
--!include daybook/functions/attach_month.sql
--!include daybook_private/views/current_lines.sql
--!include daybook/views/current_entries.sql
--!include daybook/functions/transaction_versions.sql
--!include daybook_private/functions/was_partially_posted.sql
--!include daybook/functions/reverse_transaction.sql
--!include daybook_private/functions/roll_up_account.sql
--!include daybook_private/functions/sums_of_entries.sql
--!include daybook_private/functions/account_sums_at.sql
--!include daybook_private/functions/sums_of_version.sql
--!include daybook_private/functions/balance_of_version.sql
--!include daybook/functions/category_entries.sql
--!include daybook/functions/category_transactions.sql
--!include daybook_private/functions/posted_sums_at.sql
--!include daybook_private/functions/open_statement.sql
--!include daybook/functions/account_statement.sql
--!include daybook_private/functions/search_lines_of.sql
--!include daybook_private/functions/detached_records.sql
--!include daybook_private/functions/check_records.sql
--!include daybook/functions/verify_log.sql
--!include daybook_private/functions/broken_entries.sql
--!include daybook_private/functions/broken_statuses.sql
--!include daybook_private/functions/broken_holds.sql
--!include daybook_private/functions/broken_bonds.sql
--!include daybook_private/functions/verify_piece.sql
--!include daybook_private/functions/broken_sums.sql
--!include daybook_private/functions/recount_account.sql
--!include daybook/functions/rebuild_search.sql
--!include daybook/functions/export_rows.sql

grant select on daybook.detached_months to daybook_reader;
grant select on daybook_private.detachments, daybook_private.current_lines to daybook_reader;
alter table daybook_private.detachments enable row level security;
alter table daybook_private.detached_sums enable row level security;
create policy everybody_reads on daybook_private.detachments for select using (true);
--!include daybook_private/functions/is_queueable.sql
