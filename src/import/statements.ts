import type { Statement } from "./lane.ts";

/**
 * Ledger, the lines as one JSON array, and the key of each that brings none. PostgreSQL reads the lines: no number
 * is rounded. A decline is kept, so it has an id; what was refused has none.
 */
export const CREATE_TRANSACTIONS: Statement = {
  name: "create_transactions",
  text: `
    select r.replayed, r.archived_reason is not null as declined,
           case when r.transaction_id is null
             then jsonb_build_object('code', r.error_code, 'message', r.error_message, 'detail', r.error_detail)
           end as refusal
      from daybook.create_transactions($1, array(
             select jsonb_populate_record(null::daybook.transaction_input,
                      l.line || case when k.key is null then '{}' else jsonb_build_object('idempotency_key', k.key) end)
               from jsonb_array_elements($2::jsonb) with ordinality l (line, n)
               join unnest($3::text[]) with ordinality k (key, n) on k.n = l.n
              order by l.n)) r
     order by r.index`,
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
