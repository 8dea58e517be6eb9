import type { Statement } from "./lane.ts";

/** Ledger, the line, and the key for a line that brings none. PostgreSQL reads the line: no number is rounded. */
export const CREATE_TRANSACTION: Statement = {
  name: "create_transaction",
  text: `
    select r.replayed, r.archived_reason is not null as declined
      from jsonb_populate_record(null::daybook.transaction_input, $2::jsonb) i
     cross join lateral daybook.create_transaction(
             ledger => $1,
             entries => i.entries,
             status => i.status,
             effective_at => i.effective_at,
             idempotency_key => coalesce(i.idempotency_key, $3),
             external_id => i.external_id,
             description => i.description,
             metadata => i.metadata,
             category_locks => i.category_locks,
             archive_on_lock_failure => i.archive_on_lock_failure,
             expires_at => i.expires_at) r`,
};

/** Ledger and `{"accounts": [...]}`. One whose opening is younger than this statement was opened by it. */
export const OPEN_ACCOUNTS: Statement = {
  name: "open_accounts",
  text: `
    select count(*) filter (where a.created_at >= statement_timestamp())::integer as opened,
           count(*) filter (where a.created_at < statement_timestamp())::integer as known
      from daybook.open_accounts($1, array(
             select i
               from jsonb_populate_recordset(null::daybook.account_input, $2::jsonb -> 'accounts') i)) a`,
};

/** Fails as every line would if the ledger is missing or not the caller's. */
export const CHECK_LEDGER: Statement = {
  name: "check_ledger",
  text: "select from daybook.open_accounts($1, '{}')",
};

export const CREATE_LEDGER: Statement = {
  name: "create_ledger",
  text: "select from daybook.create_ledger($1)",
};
