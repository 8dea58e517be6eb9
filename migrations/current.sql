-- What fails is named, so that the worker passes it over for a while and goes on with all others.
drop function if exists daybook_private.expire_transactions(integer);
drop function if exists daybook_private.check_accounts(text, uuid, boolean, integer, integer);
drop function if exists daybook_private.check_transactions(text, integer);
-- Accounts with very many queued entries are folded by a session of their own.
drop function if exists daybook_private.fold_accounts(text, uuid[]);
--!include daybook_private/functions/blame.sql
--!include daybook_private/functions/expire_transactions.sql
--!include daybook_private/functions/index_missed.sql
--!include daybook_private/functions/long_queues.sql
--!include daybook_private/functions/fold_accounts.sql
-- Checks believe no time that is later than now, keep what they still find, and look at accounts to their end.
--!include daybook_private/functions/due_checks.sql
--!include daybook_private/functions/next_sweep.sql
--!include daybook_private/functions/check_accounts.sql
--!include daybook_private/functions/check_transactions.sql
--!include daybook_private/functions/check_totals.sql
-- Sums by time: only months are opened that later entries are in, and less is computed for each.
drop function if exists daybook_private.entry_cells(text, uuid, bigint, bigint, boolean);
drop function if exists daybook_private.add_sums(daybook_private.rollup_cursors, bigint, bigint, boolean, integer);
--!include daybook_private/functions/period_start.sql
--!include daybook_private/functions/entry_cells.sql
--!include daybook_private/functions/refine_sums.sql
--!include daybook_private/functions/add_sums.sql
--!include daybook_private/functions/roll_up_account.sql
