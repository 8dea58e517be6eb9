--!include daybook_private/functions/true_counters.sql
drop function daybook_private.broken_search(text);
--!include daybook_private/functions/broken_search.sql
--!include daybook_private/functions/broken_transactions.sql
--!include daybook_private/functions/check_transactions.sql
--!include daybook/functions/verify_transactions.sql
--!include daybook/functions/rebuild_search.sql
--!include daybook/functions/rebuild_from_log.sql
--!include daybook/functions/verify_log.sql
alter type daybook_private.origin add attribute waited uuid[];
comment on type daybook_private.origin is
  'Where a transaction comes from, when it is not a plain call: its id and effective time unless the request says otherwise, who asked for it, what it is linked to, and which accounts a batch holds for it. Null in all fields for a plain call.';
drop function daybook_private.make_alone(text, daybook.transaction_input, daybook_private.batch_member, boolean);
--!include daybook_private/functions/without_late_limits.sql
--!include daybook_private/functions/create_one.sql
--!include daybook_private/functions/batch_members.sql
--!include daybook_private/functions/make_alone.sql
--!include daybook_private/functions/create_portion.sql
--!include daybook_private/functions/apply_queued.sql
--!include daybook/functions/reverse_transaction.sql
--!include daybook/functions/transfer_between_ledgers.sql
