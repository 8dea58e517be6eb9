-- Turns are rows, which nobody but the ledger can hold.
--!include daybook_private/tables/turns.sql
alter table daybook_private.turns enable row level security;
--!include daybook_private/functions/take_turn.sql
--!include daybook_private/functions/ensure_partitions.sql
--!include daybook_private/functions/hold_month.sql
--!include daybook/functions/prepare_restore.sql
-- The balances of a single call are those after its entries, as in batches.
drop function if exists daybook_private.resulting_balances(text, daybook.entry_input[]);
drop function if exists daybook_private.show_balances(text, text, daybook.entry_input[], daybook.transaction_result);
drop function if exists daybook_private.complete_change(text, daybook_private.change_request, daybook.transaction_result);
--!include daybook_private/functions/resulting_balances.sql
--!include daybook_private/functions/show_balances.sql
--!include daybook_private/functions/complete_result.sql
--!include daybook_private/functions/complete_change.sql
--!include daybook_private/functions/change_transaction.sql
--!include daybook_private/functions/drain_queue.sql
-- Literals that mean the same whatever standard_conforming_strings says.
--!include daybook_private/functions/without_zero_fractions.sql
--!include daybook_private/functions/partition_states.sql
--!include daybook_private/functions/is_clean_text.sql
--!include daybook/functions/enqueue_transactions.sql
-- An import of what was not sealed for a day; heads that were set back; what a clock that is set back leaves behind.
--!include daybook_private/functions/next_log_id.sql
--!include daybook_private/functions/log_event.sql
--!include daybook_private/functions/settled_until.sql
--!include daybook_private/functions/await_writers.sql
--!include daybook_private/functions/index_search.sql
--!include daybook_private/functions/unindexed_ledgers.sql
--!include daybook_private/functions/apply_entries.sql
--!include daybook_private/functions/take_debit.sql
--!include daybook_private/functions/claim_external_id.sql
--!include daybook_private/functions/is_period_open.sql
--!include daybook_private/functions/hold_periods.sql
--!include daybook_private/functions/lock_categories.sql
--!include daybook_private/functions/batch_members.sql
--!include daybook_private/functions/partially_post.sql
--!include daybook/functions/reverse_transaction.sql
--!include daybook_private/functions/check_blocks.sql
--!include daybook_private/functions/check_log_end.sql
--!include daybook/functions/verify_log.sql
--!include daybook/functions/finish_restore.sql
-- Accounts are looked at to their end, however much is written meanwhile.
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
