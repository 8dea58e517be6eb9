--!include daybook_private/functions/true_counters.sql
drop function daybook_private.broken_search(text);
--!include daybook_private/functions/broken_search.sql
--!include daybook_private/functions/broken_transactions.sql
--!include daybook_private/functions/check_transactions.sql
--!include daybook/functions/verify_transactions.sql
--!include daybook/functions/rebuild_search.sql
--!include daybook/functions/rebuild_from_log.sql
--!include daybook/functions/verify_log.sql
