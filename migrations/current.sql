-- The hourly jobs go in steps, so that none of their statements is long.
drop function if exists daybook_private.index_missed(interval);
drop function if exists daybook_private.search_backlog(text, uuid, integer);
drop function if exists daybook_private.purge_idempotency_keys(interval);
drop function if exists daybook_private.purge_receipts(interval);
-- Purging goes page by page, and room in the table is used again: the index told nothing and cost every receipt.
drop index if exists daybook_private.finished_receipts_finished_at_idx;
--!include daybook_private/functions/search_backlog.sql
--!include daybook_private/functions/index_missed.sql
--!include daybook_private/functions/page_start.sql
--!include daybook_private/functions/has_page.sql
--!include daybook_private/functions/purge_idempotency_keys.sql
--!include daybook_private/functions/purge_receipts.sql
-- Rebuilding from the log leaves alone what somebody sets or takes away just then.
--!include daybook_private/functions/relog_settings.sql
--!include daybook_private/functions/relog_accounts.sql
--!include daybook_private/functions/relog_category_grants.sql
--!include daybook_private/functions/relog_notes.sql
