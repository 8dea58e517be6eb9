import type { Pool } from "pg";
import type { Composites } from "./values.ts";

export type Signature = { name: string; args: { name: string; type: string; optional: boolean }[] };

/** Every function of the contract, and the composite types that their arguments are made of. */
export async function readContract(
  pool: Pick<Pool, "query">,
): Promise<{ signatures: Signature[]; types: Composites }> {
  const functions = await pool.query<Signature>(`
    select p.proname as name,
           coalesce(jsonb_agg(jsonb_build_object('name', n, 'type', format_type(t, null),
             'optional', o > p.pronargs - p.pronargdefaults) order by o) filter (where t is not null), '[]') as args
      from pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) with ordinality a (n, t, o)
     where p.pronamespace = 'daybook'::regnamespace
     group by p.oid, p.proname order by 1`);
  const composites = await pool.query<{ type: string; fields: Composites[string] }>(`
    select format_type(t.oid, null) as type,
           jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, null)) order by a.attnum) as fields
      from pg_type t
      join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
      join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
     where t.typnamespace = 'daybook'::regnamespace
     group by t.oid`);
  return {
    signatures: functions.rows,
    types: Object.fromEntries(composites.rows.map(({ type, fields }) => [type, fields])),
  };
}

const PAIR = "array[daybook.debit('alice', 5), daybook.credit('bank', 5)]";

/** Arguments by name that every function accepts; what is not named here is left out. */
const USUAL: Record<string, string> = {
  ledger: "'main'",
  account: "'alice'",
  address: "'alice'",
  category: "'people'",
  currency: "'USD'",
  amount: "5",
  bound: "5",
  entries: PAIR,
  accounts: "array['alice', 'bob']",
  transaction_id: ":pending",
  receipt_id: ":receipt",
  role: "'test_reader'",
  key: "'key'",
  transactions:
    "array[row(array[daybook.debit('alice', 5), daybook.credit('bank', 5)], null, null, 'key', null, null, null, null, null, null)]::daybook.transaction_input[]",
  until: "'2001-02-01'",
};

/** Where a function wants something else. */
const OWN: Record<string, Record<string, string>> = {
  attach_month: { month: "'2020-01-01Z'" },
  add_to_category: { account: "'bob'" },
  allocate: { amount: "100", weights: "'{1,2}'" },
  check_log_head: { no: "1", hash: "repeat('0', 64)" },
  create_category: { category: "'new'" },
  create_currency: { code: "'NEW'", exponent: "2" },
  create_ledger: { ledger: "'new'" },
  export_rows: { part: "'key'" },
  detach_month: { month: "'2020-01-01Z'" },
  finish_restore: { ledger: "'restored'", facts: "'{}'" },
  grant_ledger_access: { access: "'read'" },
  open_account: { address: "'new'" },
  open_accounts: {
    accounts: "array[row('new', 'USD', null, null, null, null, null)]::daybook.account_input[]",
  },
  post_transaction: { entries: "null" },
  prepare_restore: { month: "'2020-01-01'" },
  restore_rows: { ledger: "'restored'", part: "'account'", rows: "'[]'" },
  remove_from_category: { account: "'alice'" },
  reverse_transaction: { transaction_id: ":posted" },
  set_account_metadata: { metadata: "'{}'" },
  set_queue_limit: { max_depth: "1000" },
  set_transaction_metadata: { metadata: "'{}'" },
  transfer_between_ledgers: {
    from_ledger: "'main'",
    from_account: "'alice'",
    to_ledger: "'main-abroad'",
    to_account: "'carl'",
    from_clearing_account: "'clearing'",
    to_clearing_account: "'clearing'",
  },
  update_transaction: { description: "'changed'" },
  verify_acknowledged: {
    acknowledged: "array[row(:pending, 1, 'pending', null, 'key')]::daybook.acknowledged_input[]",
  },
  verify_log: { from_no: "1", max_records: "10" },
};

const RESTORE = `select daybook.restore_rows('restored', 'ledger', '[{"metadata": {}, "created_at": "2020-01-01"}]'); `;

/** What has to be done before in the same transaction. */
const BEFORE: Record<string, string> = {
  finish_restore: RESTORE,
  restore_rows: RESTORE,
};

/** Values by argument with which a function accepts a call, optional arguments among them. */
export function usualOf(name: string): Record<string, string> {
  return { ...USUAL, ...OWN[name] };
}

/** A call that is accepted, some of its arguments replaced. */
export function callOf({ name, args }: Signature, replaced: Record<string, string> = {}): string {
  const values = { ...usualOf(name), ...replaced };
  const list = args
    .filter(
      (arg) => arg.name in values && (!arg.optional || arg.name in { ...OWN[name], ...replaced }),
    )
    .map((arg) => `${arg.name} => ${values[arg.name]}`);
  return `${BEFORE[name] ?? ""}select * from daybook.${name}(${list.join(", ")})`;
}
