import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

const names = async (sql: string, values: unknown[] = []) =>
  (await database.pool.query<{ name: string }>(sql, values)).rows.map(({ name }) => name);

const ROLES = [
  "daybook_reader",
  "daybook_auditor",
  "daybook_writer",
  "daybook_admin",
  "daybook_worker",
  "daybook_authenticator",
] as const;
type Role = (typeof ROLES)[number];

const READS = [
  "account_balance",
  "account_balances",
  "account_statement",
  "allocate",
  "category_balance",
  "category_entries",
  "category_transactions",
  "check_log_head",
  "credit",
  "debit",
  "eq",
  "gt",
  "gte",
  "log_head",
  "lt",
  "lte",
  "not_eq",
  "queued_transaction",
  "search_transactions",
  "transaction_versions",
  "trial_balance",
  "verify_log",
];
const WRITES = [
  "add_to_category",
  "archive_transaction",
  "close_account",
  "close_period",
  "create_category",
  "create_transaction",
  "create_transactions",
  "delete_account_metadata",
  "delete_transaction_metadata",
  "enqueue_transactions",
  "grant_category_access",
  "grant_ledger_access",
  "open_account",
  "open_accounts",
  "partially_post_transaction",
  "post_transaction",
  "remove_from_category",
  "reopen_account",
  "reopen_period",
  "reverse_transaction",
  "revoke_category_access",
  "revoke_ledger_access",
  "set_account_limits",
  "set_account_metadata",
  "set_transaction_metadata",
  "transfer_between_ledgers",
  "update_transaction",
];
/** Checks of the books, for auditors. */
const VERIFIES = ["verify_accounts", "verify_acknowledged", "verify_totals", "verify_transactions"];
const ADMINISTERS = [
  "attach_month",
  "create_currency",
  "create_ledger",
  "detach_month",
  "export_rows",
  "finish_restore",
  "prepare_restore",
  "rebuild_balances",
  "rebuild_from_log",
  "rebuild_search",
  "restore_rows",
  "set_queue_limit",
];

/** Who may execute what: the public face, complete. A new function must be entered here. */
const EXECUTE: Record<Role, string[]> = {
  daybook_reader: READS,
  daybook_auditor: [...READS, ...VERIFIES],
  daybook_writer: [...READS, ...WRITES],
  daybook_admin: [...READS, ...WRITES, ...VERIFIES, ...ADMINISTERS],
  daybook_worker: [],
  daybook_authenticator: [],
};

const RELATIONS = [
  "accounts",
  "balance_health",
  "balances",
  "categories",
  "category_members",
  "currencies",
  "current_entries",
  "detached_accounts",
  "detached_months",
  "entries",
  "ledgers",
  "log",
  "partition_health",
  "rollups",
  "transaction_queue",
  "transactions",
];

/**
 * Rights that a role has once it acts as itself: the authenticator, which inherits nothing, has none.
 * `usage` of the role's memberships is what has_…_privilege looks at.
 */
const executable = (role: string, schema: string) =>
  names(
    `select distinct p.proname::text as name from pg_proc p
      where p.pronamespace = $2::regnamespace and p.prokind in ('f', 'p')
        and has_function_privilege($1, p.oid, 'execute') order by 1`,
    [role, schema],
  );

describe.each(ROLES)("%s", (role) => {
  test("may execute exactly these functions", async () => {
    expect(await executable(role, "daybook")).toEqual(EXECUTE[role].toSorted());
  });

  test("may select exactly these relations", async () => {
    const selectable = await names(
      `select c.relname::text as name from pg_class c
        where c.relnamespace = 'daybook'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
          and has_table_privilege($1, c.oid, 'select') order by 1`,
      [role],
    );
    expect(selectable).toEqual(/worker|authenticator/.test(role) ? [] : RELATIONS);
  });

  test("may change nothing directly, in no relation and no column", async () => {
    const changeable = await names(
      `select c.oid::regclass::text || ' ' || privilege as name
         from pg_class c, unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger', 'maintain']) privilege
        where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
          and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_table_privilege($1, c.oid, privilege)
       union all
       select c.oid::regclass::text || ' column ' || privilege
         from pg_class c, unnest(array['insert', 'update', 'references']) privilege
        where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
          and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_any_column_privilege($1, c.oid, privilege)`,
      [role],
    );
    expect(changeable).toEqual([]);
  });

  test("creates nothing in the ledger's schemas and reaches the private one only as the worker", async () => {
    const rights = await names(
      `select n || ' ' || privilege as name
         from unnest(array['daybook', 'daybook_private']) n, unnest(array['usage', 'create']) privilege
        where has_schema_privilege($1, n, privilege) order by 1`,
      [role],
    );
    const expected =
      role === "daybook_worker" ? ["daybook usage", "daybook_private usage"] : ["daybook usage"];
    expect(rights).toEqual(role === "daybook_authenticator" ? [] : expected);
  });
});

test("the worker may execute only its upkeep in the private schema", async () => {
  expect(await executable("daybook_worker", "daybook_private")).toEqual([
    "accounts_to_roll_up",
    "check_accounts",
    "check_totals",
    "check_transactions",
    "drain_queue",
    "ensure_partitions",
    "expire_transactions",
    "fold_account",
    "fold_accounts",
    "index_missed",
    "index_search",
    "next_sweep",
    "partition_states",
    "purge_idempotency_keys",
    "purge_receipts",
    "queued_accounts",
    "queued_ledgers",
    "roll_up_account",
    "seal_log",
    "sweep_log",
    "unindexed_ledgers",
    "unsealed_ledgers",
  ]);
});

test("the worker may select nothing of the private schema", async () => {
  expect(
    await names(
      `select c.relname::text as name from pg_class c
        where c.relnamespace = 'daybook_private'::regnamespace and c.relkind in ('r', 'p', 'v')
          and has_table_privilege('daybook_worker', c.oid, 'select')`,
    ),
  ).toEqual([]);
});

test("PUBLIC has nothing: no function, no relation, no schema, no column", async () => {
  const granted = await names(`
    select 'function ' || p.oid::regprocedure as name
      from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     where p.pronamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace) and a.grantee = 0
    union all
    select 'relation ' || c.oid::regclass
      from pg_class c, aclexplode(c.relacl) a
     where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace) and a.grantee = 0
    union all
    select 'column ' || t.attrelid::regclass || '.' || t.attname
      from pg_attribute t join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
     where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace) and a.grantee = 0
    union all
    select 'schema ' || n.nspname from pg_namespace n, aclexplode(n.nspacl) a
     where n.nspname ~ '^daybook' and a.grantee = 0`);
  expect(granted).toEqual([]);
});

test("nobody may grant on, and everything belongs to the owner, who cannot log in", async () => {
  expect(
    await names(`
      select 'function ' || p.oid::regprocedure as name from pg_proc p, aclexplode(p.proacl) a
       where p.pronamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
         and a.is_grantable and a.grantee <> p.proowner
      union all
      select 'relation ' || c.oid::regclass from pg_class c, aclexplode(c.relacl) a
       where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
         and a.is_grantable and a.grantee <> c.relowner
      union all
      select 'owner of ' || p.oid::regprocedure from pg_proc p
       where p.pronamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
         and p.proowner <> 'daybook_owner'::regrole
      union all
      select 'owner of ' || c.oid::regclass from pg_class c
       where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
         and c.relowner <> 'daybook_owner'::regrole`),
  ).toEqual([]);
  const { rows } = await database.pool.query(
    "select rolcanlogin, rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = 'daybook_owner'",
  );
  expect(rows).toEqual([
    { rolcanlogin: false, rolsuper: false, rolbypassrls: false, rolcreaterole: false },
  ]);
});

test("what is made in the schemas later is not open to PUBLIC", async () => {
  const client = await database.connect();
  await client.query("begin; set local role daybook_owner");
  await client.query("create function daybook.later() returns int language sql return 1");
  await client.query("create function daybook_private.later() returns int language sql return 1");
  for (const schema of ["daybook", "daybook_private"]) {
    const { rows } = await client.query(
      `select has_function_privilege('daybook_admin', '${schema}.later()', 'execute') as may`,
    );
    expect(rows).toEqual([{ may: false }]);
  }
  await client.query("rollback");
});

test("no role that people get is superuser, bypasses row level security or is in the owner", async () => {
  expect(
    await names(
      `select r.rolname::text as name from pg_roles r
        where r.rolname ~ '^daybook_' and r.rolname <> 'daybook_owner'
          and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
               or pg_has_role(r.oid, 'daybook_owner', 'member'))`,
    ),
  ).toEqual([]);
});

test("the authenticator inherits nothing and may become a reader, an auditor, a writer or an admin", async () => {
  expect(
    await names(
      `select g.roleid::regrole::text as name from pg_auth_members g
        where g.member = 'daybook_authenticator'::regrole and g.set_option and not g.inherit_option and not g.admin_option
        order by 1`,
    ),
  ).toEqual(["daybook_admin", "daybook_auditor", "daybook_reader", "daybook_writer"]);
});
