drop function daybook_private.move_partition(regclass, timestamptz, name);
drop function daybook_private.swap_partition(regclass, text, text, uuid, uuid);
--!include daybook_private/functions/true_counters.sql
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
--!include daybook_private/functions/hold_minimum.sql
--!include daybook_private/functions/write_pair.sql
--!include daybook_private/functions/create_held.sql
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
--!include daybook_private/functions/sums_of_entries.sql
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
--!include daybook/types/acknowledged_input.sql
--!include daybook/functions/verify_acknowledged.sql
--!include daybook_private/functions/short_facts.sql
--!include daybook_private/functions/refuse.sql
--!include daybook_private/functions/refuse_rows.sql
--!include daybook_private/functions/pass_recent.sql
--!include daybook_private/functions/check_accounts.sql
--!include daybook/functions/restore_rows.sql
--!include daybook/functions/finish_restore.sql
alter type daybook_private.origin add attribute waited uuid[];
comment on type daybook_private.origin is
  'Where a transaction comes from, when it is not a plain call: its id and effective time unless the request says otherwise, who asked for it, what it is linked to, and which accounts are held for it already. Null in all fields for a plain call.';
drop function daybook_private.make_alone(text, daybook.transaction_input, daybook_private.batch_member, boolean);
--!include daybook_private/functions/without_late_limits.sql
--!include daybook_private/functions/create_one.sql
--!include daybook_private/functions/batch_members.sql
--!include daybook_private/functions/make_alone.sql
--!include daybook_private/functions/apply_queued.sql
--!include daybook/functions/reverse_transaction.sql
--!include daybook/functions/transfer_between_ledgers.sql
--!include daybook_private/functions/broken_entries.sql
--!include daybook_private/functions/broken_statuses.sql
--!include daybook_private/functions/broken_holds.sql
--!include daybook_private/functions/broken_bonds.sql
--!include daybook_private/functions/verify_piece.sql
--!include daybook_private/functions/recount_account.sql
--!include daybook/functions/rebuild_search.sql
--!include daybook/functions/export_rows.sql
--!include daybook_private/functions/entry_cells.sql
--!include daybook_private/functions/refine_sums.sql
--!include daybook_private/functions/add_sums.sql
--!include daybook_private/functions/roll_up_account.sql
--!include daybook_private/functions/last_effective_entries.sql
--!include daybook_private/functions/last_recorded_entries.sql
--!include daybook_private/functions/later_sums.sql
--!include daybook_private/functions/later_entries.sql
--!include daybook_private/functions/account_sums_at.sql
--!include daybook_private/functions/accounts_to_roll_up.sql
--!include daybook_private/functions/broken_sums.sql
--!include daybook/views/rollups.sql
--!include daybook_private/functions/category_accounts.sql
--!include daybook/functions/account_balances.sql
--!include daybook/functions/trial_balance.sql
--!include daybook_private/functions/restore_ledger.sql
--!include daybook_private/functions/fold_accounts.sql
--!include daybook_private/functions/queued_accounts.sql

grant select on daybook.detached_months to daybook_reader;
grant select on daybook_private.detachments, daybook_private.current_lines to daybook_reader;
alter table daybook_private.detachments enable row level security;
alter table daybook_private.detached_sums enable row level security;
create policy everybody_reads on daybook_private.detachments for select using (true);
--!include daybook_private/functions/is_queueable.sql
--!include daybook_private/functions/create_portion.sql
drop function daybook_private.lock_categories(text, daybook.category_lock_input[], uuid[]);
--!include daybook_private/functions/lock_categories.sql
--!include daybook_private/functions/cover_batch.sql
