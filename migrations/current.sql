--!include daybook_private/functions/check_read_committed.sql
--!include daybook_private/functions/restore_ledger.sql
--!include daybook/functions/restore_rows.sql

--!include daybook_private/functions/batch_lines.sql
--!include daybook_private/functions/show_run.sql
--!include daybook_private/functions/make_run.sql
