-- Asked row by row when lines are indexed for searches: inlined now.
--!include daybook_private/functions/uuid_at.sql
--!include daybook_private/functions/search_lines_of.sql
-- Most rounds of a busy ledger are about recent records alone.
drop function daybook_private.seal_log(text, integer, uuid, uuid);
--!include daybook_private/functions/seal_log.sql
-- The texts of transactions made posted, without a join of entries before they are put together.
--!include daybook_private/functions/entry_text.sql
--!include daybook_private/functions/entries_text.sql
--!include daybook_private/functions/posted_texts.sql
--!include daybook_private/functions/event_texts.sql
--!include daybook_private/functions/log_texts.sql
--!include daybook_private/functions/check_read_committed.sql
--!include daybook_private/functions/restore_ledger.sql
--!include daybook/functions/restore_rows.sql

--!include daybook_private/functions/batch_lines.sql
--!include daybook_private/functions/show_run.sql
--!include daybook_private/functions/make_run.sql
