drop function daybook_private.log_body(text, uuid);
