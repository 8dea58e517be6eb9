-- Accounts are looked at to their end, however much is written meanwhile.
--!include daybook_private/functions/check_accounts.sql
-- Sums by time: only months are opened that later entries are in, and less is computed for each.
drop function if exists daybook_private.entry_cells(text, uuid, bigint, bigint, boolean);
drop function if exists daybook_private.add_sums(daybook_private.rollup_cursors, bigint, bigint, boolean, integer);
--!include daybook_private/functions/period_start.sql
--!include daybook_private/functions/entry_cells.sql
--!include daybook_private/functions/refine_sums.sql
--!include daybook_private/functions/add_sums.sql
--!include daybook_private/functions/roll_up_account.sql
