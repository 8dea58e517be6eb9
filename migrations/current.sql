-- The write-ahead queue
--!include daybook/types/receipt.sql
--!include daybook_private/tables/queued_transactions.sql
--!include daybook_private/tables/finished_receipts.sql
--!include daybook_private/tables/queue_heads.sql
--!include daybook_private/tables/queue_limits.sql
--!include daybook_private/functions/refuse.sql
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
--!include daybook_private/functions/drain_queue.sql
--!include daybook_private/functions/purge_receipts.sql
grant select on daybook.transaction_queue, daybook_private.queue_limits to daybook_reader;
grant select (ledger, accepted_at) on daybook_private.queued_transactions to daybook_reader;
alter table daybook_private.queued_transactions enable row level security;
alter table daybook_private.finished_receipts enable row level security;
alter table daybook_private.queue_heads enable row level security;
alter table daybook_private.queue_limits enable row level security;
create policy readers_of_the_ledger on daybook_private.queued_transactions for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy everybody_reads on daybook_private.queue_limits for select using (true);
