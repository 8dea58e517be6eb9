drop function daybook_private.log_body(text, uuid);
--!include daybook_private/functions/cover_batch.sql
