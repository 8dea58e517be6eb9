drop function daybook_private.check_finish(uuid, text, integer);
drop function daybook_private.check_conditions(daybook.entry_input[], boolean, daybook_private.line[]);
drop function daybook_private.lock_pending(text, uuid, integer, boolean);
drop function daybook_private.finish_transaction(text, uuid, text, text, integer);
drop function daybook_private.hash_asked(daybook.entry_input, bigint);
drop function daybook_private.fold_beneath(text, daybook_private.line[], daybook_private.line[]);
drop function daybook_private.judge_entry(daybook.entry_input, integer, bigint, text, uuid, boolean);
drop function daybook_private.prepare_entries(text, daybook.entry_input[], boolean, bigint);
drop function daybook_private.check_in_order(text, daybook.transaction_input);
drop function daybook_private.broken_limit(daybook_private.line, boolean, daybook_private.line[]);
drop function daybook_private.judge_conditions(daybook.entry_input[], boolean, daybook_private.line[]);
drop function daybook_private.complete_result(text, daybook.transaction_input, daybook.transaction_result);
drop function daybook_private.create_one(text, daybook.transaction_input);
drop function daybook_private.keep_decline(text, daybook.transaction_input, text, text, jsonb);
drop function daybook_private.create_or_decline(text, daybook.transaction_input);

alter type daybook_private.line add attribute effect daybook.entry_effect;
alter table daybook.transactions add column entries_version integer not null default 1;
comment on column daybook.transactions.entries_version is
  'The version that wrote its present pending entries: 1 until they are replaced.';
comment on column daybook.transactions.reversed_by_transaction_id is
  'The latest transaction made to undo this one; when it was archived and nothing of it posted, another may follow and takes its place here.';
create index log_events_transaction_idx on daybook_private.log_events (ledger, transaction_id);
alter table daybook_private.entry_queue set (vacuum_truncate = off);
-- What is there was hashed by the first release.
alter table daybook_private.idempotency_keys add column hash_version smallint not null default 1;
alter table daybook_private.idempotency_keys alter column hash_version set default 2;

--!include daybook/types/receipt.sql
--!include daybook_private/types/origin.sql
--!include daybook_private/types/refusal.sql
--!include daybook_private/types/change_request.sql
--!include daybook_private/types/batch_line.sql
--!include daybook_private/types/batch_member.sql
--!include daybook_private/functions/refuse.sql
--!include daybook_private/functions/refuse_ledger.sql
--!include daybook_private/functions/refuse_changed_transaction.sql
--!include daybook_private/functions/guard_entries.sql
--!include daybook_private/functions/request_id.sql
--!include daybook_private/functions/is_bare_request.sql
--!include daybook_private/functions/is_simple_request.sql
--!include daybook_private/functions/hash_line.sql
--!include daybook_private/functions/hash_category_locks.sql
--!include daybook_private/functions/hash_full_header.sql
--!include daybook_private/functions/hash_header.sql
--!include daybook_private/functions/hash_all_asked.sql
--!include daybook_private/functions/hash_asked.sql
--!include daybook_private/functions/hash_change.sql
--!include daybook_private/functions/expected_balance.sql
--!include daybook_private/functions/pending_share.sql
--!include daybook_private/functions/posted_share.sql
--!include daybook_private/functions/total_of.sql
--!include daybook/tables/categories.sql
--!include daybook/tables/category_members.sql
--!include daybook_private/tables/category_access.sql
--!include daybook_private/tables/category_graphs.sql
--!include daybook_private/tables/expiring_holds.sql
--!include daybook_private/tables/queued_transactions.sql
--!include daybook_private/tables/finished_receipts.sql
--!include daybook_private/tables/queue_heads.sql
--!include daybook_private/tables/queue_limits.sql
--!include daybook_private/functions/authorize.sql
--!include daybook_private/functions/check_grantee.sql
--!include daybook_private/functions/claimed_categories.sql
--!include daybook_private/functions/granted_categories.sql
--!include daybook_private/functions/partly_readable_ledgers.sql
--!include daybook_private/functions/visible_ledgers.sql
--!include daybook_private/functions/categories_above.sql
--!include daybook_private/functions/categories_of.sql
--!include daybook_private/functions/readable_categories.sql
--!include daybook_private/functions/readable_accounts.sql
--!include daybook_private/functions/accounts_of.sql
--!include daybook_private/functions/authorize_category.sql
--!include daybook_private/functions/authorize_accounts.sql
--!include daybook/views/balances.sql
--!include daybook/views/current_entries.sql
--!include daybook/views/log.sql
--!include daybook/types/transaction_version.sql
--!include daybook_private/functions/check_transaction.sql
--!include daybook_private/functions/check_change.sql
--!include daybook_private/functions/check_partial.sql
--!include daybook_private/functions/check_batch.sql
--!include daybook_private/functions/check_read_committed.sql
--!include daybook_private/functions/check_isolation.sql
--!include daybook_private/functions/log_event.sql
--!include daybook_private/functions/check_openable.sql
--!include daybook/functions/grant_ledger_access.sql
--!include daybook_private/functions/refuse_missing_categories.sql
--!include daybook_private/functions/check_categories.sql
--!include daybook_private/functions/prepare_membership.sql
--!include daybook_private/functions/check_member.sql
--!include daybook_private/functions/check_category_locks.sql
--!include daybook_private/functions/check_categories_exist.sql
--!include daybook_private/functions/lock_categories.sql
--!include daybook_private/functions/category_accounts.sql
--!include daybook_private/functions/category_totals.sql
--!include daybook_private/functions/broken_category.sql
--!include daybook_private/functions/cover_lines.sql
--!include daybook/functions/create_category.sql
--!include daybook/functions/add_to_category.sql
--!include daybook/functions/remove_from_category.sql
--!include daybook/functions/grant_category_access.sql
--!include daybook/functions/revoke_category_access.sql
--!include daybook_private/functions/fold_beneath.sql
--!include daybook_private/functions/replay.sql
--!include daybook_private/functions/order_lines.sql
--!include daybook_private/functions/judge_entry.sql
--!include daybook_private/functions/prepare_entries.sql
--!include daybook_private/functions/check_amounts.sql
--!include daybook_private/functions/check_accounts_exist.sql
--!include daybook_private/functions/check_transaction_exists.sql
--!include daybook_private/functions/check_in_order.sql
--!include daybook_private/functions/sound_lines.sql
--!include daybook_private/functions/settle_lines.sql
--!include daybook_private/functions/apply_entries.sql
--!include daybook_private/functions/broken_limit.sql
--!include daybook_private/functions/judge_conditions.sql
--!include daybook_private/functions/keeps_minimums.sql
--!include daybook_private/functions/show_balances.sql
--!include daybook_private/functions/watch_expiry.sql
--!include daybook_private/functions/complete_result.sql
--!include daybook_private/functions/write_entries.sql
--!include daybook_private/functions/write_transaction.sql
--!include daybook_private/functions/create_one.sql
--!include daybook_private/functions/keep_decline.sql
--!include daybook_private/functions/create_or_decline.sql
--!include daybook/functions/create_transaction.sql
--!include daybook_private/functions/create_member.sql
--!include daybook_private/functions/is_common_request.sql
--!include daybook_private/functions/is_sound_entry.sql
--!include daybook_private/functions/batch_lines.sql
--!include daybook_private/functions/spread_locks.sql
--!include daybook_private/functions/batch_members.sql
--!include daybook_private/functions/reserve_keys.sql
--!include daybook_private/functions/reserve_external_ids.sql
--!include daybook_private/functions/cover_batch.sql
--!include daybook_private/functions/lock_batch.sql
--!include daybook_private/functions/first_refused.sql
--!include daybook_private/functions/write_chunk.sql
--!include daybook_private/functions/apply_chunk.sql
--!include daybook_private/functions/queue_chunk.sql
--!include daybook_private/functions/complete_chunk.sql
--!include daybook_private/functions/make_chunk.sql
--!include daybook_private/functions/make_run.sql
--!include daybook_private/functions/make_alone.sql
--!include daybook_private/functions/create_portion.sql
--!include daybook_private/functions/create_batch.sql
--!include daybook/functions/create_transactions.sql
--!include daybook_private/functions/hash_request.sql
--!include daybook_private/functions/is_queueable.sql
--!include daybook_private/functions/check_queueable.sql
--!include daybook_private/functions/check_all_queueable.sql
--!include daybook_private/functions/has_room.sql
--!include daybook_private/functions/known_receipt.sql
--!include daybook_private/functions/enqueue_one.sql
--!include daybook_private/functions/enqueue_each.sql
--!include daybook_private/functions/enqueue_many.sql
--!include daybook/functions/enqueue_transactions.sql
--!include daybook/functions/queued_transaction.sql
--!include daybook/functions/set_queue_limit.sql
--!include daybook/views/transaction_queue.sql
--!include daybook_private/functions/check_json_fields.sql
--!include daybook_private/functions/input_from_json.sql
--!include daybook_private/functions/accept_intake.sql
--!include daybook/views/transaction_intake.sql
--!include daybook_private/functions/take_queued.sql
--!include daybook_private/functions/apply_queued.sql
--!include daybook_private/functions/apply_or_refuse.sql
--!include daybook_private/functions/queued_ledgers.sql
--!include daybook_private/functions/finish_receipts.sql
--!include daybook_private/functions/advance_head.sql
--!include daybook_private/functions/drain_queue.sql
--!include daybook_private/functions/held_lines.sql
--!include daybook_private/functions/answer_lines.sql
--!include daybook_private/functions/lock_transaction.sql
--!include daybook_private/functions/check_pending.sql
--!include daybook_private/functions/check_version.sql
--!include daybook_private/functions/move_expiry.sql
--!include daybook_private/functions/record_change.sql
--!include daybook_private/functions/expire_transaction.sql
--!include daybook_private/functions/expire_due.sql
--!include daybook_private/functions/settle_conditions.sql
--!include daybook_private/functions/claim_change.sql
--!include daybook_private/functions/complete_change.sql
--!include daybook_private/functions/next_version.sql
--!include daybook_private/functions/change_lines.sql
--!include daybook_private/functions/apply_change.sql
--!include daybook_private/functions/change_transaction.sql
--!include daybook_private/functions/posted_lines.sql
--!include daybook_private/functions/check_left.sql
--!include daybook_private/functions/partial_lines.sql
--!include daybook_private/functions/apply_partial.sql
--!include daybook_private/functions/partially_post.sql
--!include daybook/functions/update_transaction.sql
--!include daybook/functions/partially_post_transaction.sql
--!include daybook_private/functions/entries_of_version.sql
--!include daybook/functions/transaction_versions.sql
--!include daybook/functions/post_transaction.sql
--!include daybook/functions/archive_transaction.sql
--!include daybook_private/functions/put_transaction_metadata.sql
--!include daybook/functions/set_transaction_metadata.sql
--!include daybook/functions/delete_transaction_metadata.sql
--!include daybook_private/functions/opposite_entries.sql
--!include daybook_private/functions/was_partially_posted.sql
--!include daybook_private/functions/check_reversible.sql
--!include daybook/functions/reverse_transaction.sql
--!include daybook_private/functions/hash_transfer.sql
--!include daybook_private/functions/account_currencies.sql
--!include daybook_private/functions/check_transfer.sql
--!include daybook_private/functions/check_transfer_accounts.sql
--!include daybook/functions/transfer_between_ledgers.sql
--!include daybook/functions/allocate.sql
--!include daybook/functions/account_balance.sql
--!include daybook/functions/account_balances.sql
--!include daybook/functions/category_balance.sql
--!include daybook_private/functions/check_page.sql
--!include daybook_private/functions/category_lines.sql
--!include daybook_private/functions/is_small_category.sql
--!include daybook_private/functions/category_recent.sql
--!include daybook_private/functions/category_history.sql
--!include daybook/functions/category_entries.sql
--!include daybook/functions/category_transactions.sql
--!include daybook_private/functions/expire_transactions.sql
--!include daybook_private/functions/purge_receipts.sql

grant select on
  daybook.currencies, daybook.ledgers, daybook.accounts, daybook.transactions, daybook.entries,
  daybook.categories, daybook.category_members,
  daybook.balances, daybook.current_entries, daybook.log,
  daybook.transaction_queue
  to daybook_reader;
grant select on
  daybook_private.account_counters, daybook_private.entry_queue, daybook_private.log_events,
  daybook_private.queue_limits
  to daybook_reader;
grant select (ledger, accepted_at) on daybook_private.queued_transactions to daybook_reader;
alter table daybook.categories enable row level security;
alter table daybook.category_members enable row level security;
alter table daybook_private.category_graphs enable row level security;
alter table daybook_private.expiring_holds enable row level security;
alter table daybook_private.queued_transactions enable row level security;
alter table daybook_private.finished_receipts enable row level security;
alter table daybook_private.queue_heads enable row level security;
alter table daybook_private.queue_limits enable row level security;
alter table daybook_private.category_access enable row level security;
drop policy readers_of_the_ledger on daybook.accounts;
create policy readers_of_the_ledger on daybook.accounts for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? id::text));
create policy readers_of_the_ledger on daybook.categories for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (ledger, category) in (select r.ledger, r.category from daybook_private.readable_categories() r)));
create policy readers_of_the_ledger on daybook.category_members for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (ledger, category) in (select r.ledger, r.category from daybook_private.readable_categories() r)));
drop policy readers_of_the_ledger on daybook.transactions;
create policy readers_of_the_ledger on daybook.transactions for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ?| daybook_private.accounts_of(ledger, id)));
drop policy readers_of_the_ledger on daybook.entries;
create policy readers_of_the_ledger on daybook.entries for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
drop policy readers_of_the_ledger on daybook_private.account_counters;
create policy readers_of_the_ledger on daybook_private.account_counters for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
drop policy readers_of_the_ledger on daybook_private.entry_queue;
create policy readers_of_the_ledger on daybook_private.entry_queue for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
create policy readers_of_the_ledger on daybook_private.queued_transactions for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy everybody_reads on daybook_private.queue_limits for select using (true);


-- Pending transactions of the first release that expire.
insert into daybook_private.expiring_holds (ledger, account_id, expires_at, transaction_id)
select distinct t.ledger, e.account_id, t.expires_at, t.id
  from daybook.transactions t
  join daybook.entries e on e.ledger = t.ledger and e.transaction_id = t.id
 where t.status = 'pending' and t.expires_at is not null and e.effect = 'pending';
