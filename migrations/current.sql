-- The hourly jobs go in steps, so that none of their statements is long.
drop function if exists daybook_private.index_missed(interval);
drop function if exists daybook_private.search_backlog(text, uuid, integer);
drop function if exists daybook_private.purge_idempotency_keys(interval);
drop function if exists daybook_private.purge_receipts(interval);
drop function if exists daybook_private.check_totals();
-- Purging goes page by page, and room in the table is used again: the index told nothing and cost every receipt.
drop index if exists daybook_private.finished_receipts_finished_at_idx;
--!include daybook_private/functions/search_backlog.sql
--!include daybook_private/functions/index_missed.sql
--!include daybook_private/functions/page_start.sql
--!include daybook_private/functions/has_page.sql
--!include daybook_private/functions/purge_idempotency_keys.sql
--!include daybook_private/functions/purge_receipts.sql
-- Rebuilding from the log leaves alone what somebody sets or takes away just then.
--!include daybook_private/functions/relog_accounts.sql
--!include daybook_private/functions/relog_category_grants.sql
--!include daybook_private/functions/relog_notes.sql
--!include daybook_private/functions/check_totals.sql
-- Names bound when a function is made, or written out, whatever search_path its caller has.
--!include daybook_private/functions/net_balance.sql
--!include daybook_private/functions/available_balance.sql
--!include daybook_private/functions/guard_entries.sql
-- By which transaction entries are moved, not only that they are. It is null but while that goes on.
alter table daybook_private.detachments
  alter column is_moving drop default,
  alter column is_moving drop not null,
  alter column is_moving type xid8 using null;
alter table daybook_private.detachments rename column is_moving to moving_in;
--!include daybook_private/functions/move_entries.sql
--!include daybook_private/functions/refuse_changed_entry.sql
--!include daybook_private/functions/is_being_replaced.sql
--!include daybook_private/functions/relog_settings.sql
--!include daybook_private/functions/refuse.sql
--!include daybook_private/functions/create_pair.sql
--!include daybook_private/functions/check_change.sql
--!include daybook_private/functions/apply_change.sql
--!include daybook/functions/create_currency.sql
--!include daybook_private/functions/broken_transfers.sql
--!include daybook_private/functions/broken_transactions.sql
--!include daybook_private/functions/search_posted_lines.sql
