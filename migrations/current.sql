drop function daybook_private.log_body(text, uuid);
--!include daybook_private/functions/cover_batch.sql
drop function daybook_private.create_pair(text, daybook.entry_input[], text, jsonb, integer);
drop function daybook_private.create_held(text, daybook.entry_input[], text, jsonb, uuid);
drop function daybook_private.write_pair(text, uuid, jsonb, numeric, text, uuid, tid, integer, boolean, uuid, tid);
--!include daybook_private/functions/is_period_open.sql
--!include daybook_private/functions/hash_with_text.sql
--!include daybook_private/functions/hash_dated.sql
--!include daybook_private/functions/write_pair.sql
--!include daybook_private/functions/create_held.sql
--!include daybook_private/functions/create_pair.sql
--!include daybook/functions/create_transaction.sql
