-- Asked row by row when lines are indexed for searches: inlined now.
--!include daybook_private/functions/uuid_at.sql
--!include daybook_private/functions/search_lines_of.sql
-- Most rounds of a busy ledger are about recent records alone.
drop function daybook_private.seal_log(text, integer, uuid, uuid);
--!include daybook_private/functions/seal_log.sql
--!include daybook_private/functions/add_block.sql
