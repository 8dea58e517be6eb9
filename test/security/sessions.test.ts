import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { asRefusal, callAs, move } from "../support/use-books.ts";

/* Real logins here: what a connection of its own can do, and nothing that only looks like one. */
let database: TestDatabase;
let admin: Client;
let server: Client;
let reader: Client;
let writer: Client;

beforeAll(async () => {
  database = await createDatabase();
  admin = await database.connectAs("test_admin");
  server = await database.connectAs("daybook_authenticator");
  reader = await database.connectAs("test_reader");
  writer = await database.connectAs("test_writer");
  for (const ledger of ["one", "two"]) {
    await callAs(admin, "create_ledger", { ledger });
    for (const address of ["alice", "bob"])
      await callAs(admin, "open_account", { ledger, address, currency: "USD" });
    await callAs(admin, "create_transaction", { ledger, entries: move("alice", "bob", 5) });
  }
  for (const role of ["test_reader", "test_writer"])
    await callAs(admin, "grant_ledger_access", { role, ledger: "one", access: "write" });
});
afterAll(() => database?.drop());
beforeEach(async () => {
  for (const client of [server, reader, writer]) {
    await client.query("rollback");
    await client.query("discard all");
  }
});

const ledgersOf = async (client: Client) =>
  (await client.query("select name from daybook.ledgers order by 1")).rows.map((row) => row.name);
const refusalOf = (attempt: Promise<unknown>) => attempt.then(() => ({ code: "none" }), asRefusal);
const balance = (client: Client, ledger: string) =>
  callAs(client, "account_balance", { ledger, account: "alice" });
const create = (client: Client, ledger: string) =>
  callAs(client, "create_transaction", { ledger, entries: move("alice", "bob", 1) });

const act = (role: string, ledgers: string, subject = "") =>
  server.query(
    `begin; set local role ${role};
     select set_config('daybook.ledgers', '${ledgers}', true), set_config('daybook.subject', '${subject}', true)`,
  );

describe("the server's login", () => {
  test("may do nothing before it takes a role", async () => {
    expect(await refusalOf(server.query("select * from daybook.ledgers"))).toMatchObject({
      code: "42501",
    });
    expect(await refusalOf(create(server, "one"))).toMatchObject({ code: "42501" });
  });

  test("sees the ledgers of its claim", async () => {
    await act("daybook_reader", "two");
    expect(await ledgersOf(server)).toEqual(["two"]);
    expect(await balance(server, "two")).toHaveLength(1);
  });

  test.each(["one", "none", "*", ""])(
    "is refused %j when the claim does not have it",
    async (ledger) => {
      await act("daybook_writer", "two");
      expect(await refusalOf(balance(server, ledger))).toMatchObject({ code: "42501" });
    },
  );

  test.each(["", ",", " one", "ONE", "one;two", "{one}", "on", "none"])(
    "the claim %j gives nothing of ledger one",
    async (claim) => {
      await act("daybook_writer", claim);
      expect(await ledgersOf(server)).toEqual([]);
      expect(await refusalOf(balance(server, "one"))).toMatchObject({ code: "42501" });
    },
  );

  test("a claim of several ledgers gives these, a claim of * all", async () => {
    await act("daybook_writer", "one,two");
    expect(await ledgersOf(server)).toEqual(["one", "two"]);
    await server.query("rollback");
    await act("daybook_writer", "*");
    expect(await ledgersOf(server)).toEqual(["one", "two"]);
    expect(await refusalOf(balance(server, "none"))).toMatchObject({ code: "LDLED" });
  });

  test("the role bounds what a claim may do", async () => {
    await act("daybook_reader", "one");
    expect(await refusalOf(create(server, "one"))).toMatchObject({ code: "42501" });
    await server.query("rollback");
    await act("daybook_writer", "*");
    expect(await refusalOf(callAs(server, "create_ledger", { ledger: "new" }))).toMatchObject({
      code: "42501",
    });
    await server.query("rollback");
    await act("daybook_writer", "*");
    const args = { role: "test_auditor", ledger: "one", access: "read" };
    expect(await refusalOf(callAs(server, "grant_ledger_access", args))).toMatchObject({
      code: "42501",
    });
    await server.query("rollback");
    await act("daybook_admin", "one");
    await callAs(server, "grant_ledger_access", args);
    expect(
      await refusalOf(callAs(server, "create_currency", { code: "COIN", exponent: 2 })),
    ).toMatchObject({ code: "42501" });
  });

  test("grants of other roles do not count for it", async () => {
    await callAs(admin, "grant_ledger_access", {
      role: "daybook_writer",
      ledger: "two",
      access: "write",
    });
    await act("daybook_writer", "one");
    expect(await ledgersOf(server)).toEqual(["one"]);
    await callAs(admin, "revoke_ledger_access", { role: "daybook_writer", ledger: "two" });
  });

  test("the subject is told in the log, beside the login", async () => {
    await act("daybook_writer", "one", "user-1");
    const [row] = await create(server, "one");
    const { rows } = await server.query("select actor from daybook.log where transaction_id = $1", [
      row!["transaction_id"],
    ]);
    expect(rows).toEqual([{ actor: "daybook_authenticator:user-1" }]);
  });

  test("may not become owner, worker or another login", async () => {
    for (const role of ["daybook_owner", "daybook_worker", "test_admin", "postgres"]) {
      expect(await refusalOf(server.query(`set role ${role}`))).toMatchObject({ code: "42501" });
      expect(await refusalOf(server.query(`set session authorization ${role}`))).toMatchObject({
        code: "42501",
      });
    }
  });
});

describe("any other login gains nothing by settings", () => {
  test.each(["daybook.ledgers", "daybook.subject", "daybook.client_address", "role"])(
    "%s",
    async (name) => {
      const value = name === "role" ? "daybook_reader" : "*";
      await writer.query(`set ${name} to ${name === "role" ? value : `'${value}'`}`);
      expect(await ledgersOf(writer)).toEqual(["one"]);
      expect(await refusalOf(balance(writer, "two"))).toMatchObject({ code: "42501" });
    },
  );

  test("nor does it change who he is in the log", async () => {
    await writer.query(
      "set daybook.subject to 'somebody'; set daybook.client_address to '10.9.8.7'",
    );
    const [row] = await create(writer, "one");
    const { rows } = await writer.query(
      "select actor, client_address::text from daybook.log where transaction_id = $1",
      [row!["transaction_id"]],
    );
    expect(rows[0]).toMatchObject({ actor: "test_writer" });
    expect(rows[0].client_address).not.toContain("10.9.8.7");
  });

  test("nor does an auditor's or a reader's login", async () => {
    await reader.query("set daybook.ledgers to '*'");
    expect(await ledgersOf(reader)).toEqual(["one"]);
    expect(await refusalOf(create(reader, "one"))).toMatchObject({ code: "42501" });
  });
});

describe("SET ROLE", () => {
  test("does not lend the other role's ledgers, nor lose one's own", async () => {
    await writer.query("set role daybook_reader");
    expect(await ledgersOf(writer)).toEqual(["one"]);
    expect(await refusalOf(create(writer, "one"))).toMatchObject({ code: "42501" });
  });

  test.each(["daybook_owner", "daybook_admin", "daybook_authenticator", "daybook_worker"])(
    "to %s is refused to a writer",
    async (role) => {
      expect(await refusalOf(writer.query(`set role ${role}`))).toMatchObject({ code: "42501" });
    },
  );

  test("to the server's role needs a membership, and gives nothing by itself", async () => {
    await database.pool.query("grant daybook_authenticator to test_reader");
    try {
      await reader.query("set role daybook_authenticator; set daybook.ledgers to '*'");
      expect(await refusalOf(ledgersOf(reader))).toMatchObject({ code: "42501" });
    } finally {
      await database.pool.query("revoke daybook_authenticator from test_reader");
    }
  });
});

const COLUMN: Record<string, string> = { currencies: "code", balances: "account" };

describe("the private schema is out of reach", () => {
  test.each([
    "select * from daybook_private.account_counters",
    "select * from daybook_private.entry_queue",
    "select * from daybook_private.log_events",
    "select * from daybook_private.idempotency_keys",
    "select * from daybook_private.external_ids",
    "select * from daybook_private.ledger_access",
    "select daybook_private.readable_ledgers()",
    "select daybook_private.net_balance('debit', 1, 1)",
    "select daybook_private.fold_account('one', uuidv7())",
    "select daybook_private.true_counters('one', uuidv7())",
    "select daybook_private.purge_idempotency_keys()",
    "select daybook_private.log_event('one', 'x', '{}')",
    "select daybook_private.refuse('LDARG', 'x')",
    "update daybook_private.account_counters set posted_credits = 1000000",
  ])("%s", async (sql) => {
    for (const client of [reader, writer, admin]) {
      expect(await refusalOf(client.query(sql))).toMatchObject({ code: "42501" });
    }
  });

  test.each(["insert into", "update", "delete from", "truncate"])(
    "%s on the public tables",
    async (verb) => {
      for (const table of [
        "ledgers",
        "accounts",
        "transactions",
        "entries",
        "currencies",
        "balances",
        "log",
      ]) {
        const sql: Record<string, string> = {
          "insert into": `insert into daybook.${table} default values`,
          update: `update daybook.${table} set ${COLUMN[table] ?? "created_at"} = null`,
          "delete from": `delete from daybook.${table}`,
          truncate: `truncate daybook.${table}`,
        };
        for (const client of [reader, writer, admin]) {
          const { code } = await refusalOf(client.query(sql[verb]!));
          // These views can be written by nobody, which PostgreSQL says before it looks at rights.
          expect(
            table === "balances" || table === "log" ? ["42501", "42809", "55000"] : ["42501"],
          ).toContain(code);
        }
      }
    },
  );

  test("partitions cannot be read past row level security", async () => {
    const { rows } = await database.pool.query(
      "select inhrelid::regclass::text as name from pg_inherits i join pg_class c on c.oid = i.inhparent where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace) and c.relkind = 'p'",
    );
    expect(rows.length).toBeGreaterThan(8);
    for (const { name } of rows) {
      for (const client of [reader, writer, admin]) {
        expect(await refusalOf(client.query(`select * from ${name}`))).toMatchObject({
          code: "42501",
        });
      }
    }
  });
});

describe("names that shadow those of the functions do nothing", () => {
  /* Things of the attacker's, first in every search path that he can set. */
  const SHADOWS = `
    create table %s.accounts (ledger text, id uuid, address text, currency text, normal_balance text);
    create table %s.pg_roles (rolname name, oid oid);
    create function %s.clock_timestamp() returns timestamptz language plpgsql as
      $$ begin perform set_config('test.hit', 'clock_timestamp', false); return '2001-01-01'; end $$;
    create function %s.uuidv7() returns uuid language plpgsql as
      $$ begin perform set_config('test.hit', 'uuidv7', false); return '00000000-0000-0000-0000-000000000000'; end $$;
    create function %s.pg_has_role(name, oid, text) returns boolean language plpgsql as
      $$ begin perform set_config('test.hit', 'pg_has_role', false); return true; end $$;
    create function %s.pg_has_role(name, text, text) returns boolean language plpgsql as
      $$ begin perform set_config('test.hit', 'pg_has_role', false); return true; end $$;
    create function %s.current_setting(text, boolean) returns text language plpgsql as
      $$ begin perform set_config('test.hit', 'current_setting', false); return '*'; end $$;
    create function %s.trunc(numeric) returns numeric language plpgsql as
      $$ begin perform set_config('test.hit', 'trunc', false); return 1000000; end $$;
    create function %s.sum_of(numeric, numeric) returns numeric language plpgsql as
      $$ begin perform set_config('test.hit', 'operator: ' || current_user, false); return 0; end $$;
    create function %s.always(text, text) returns boolean language plpgsql as
      $$ begin perform set_config('test.hit', 'operator: ' || current_user, false); return true; end $$;
    create operator %s.- (leftarg = numeric, rightarg = numeric, function = %s.sum_of);
    create operator %s.= (leftarg = text, rightarg = text, function = %s.always);`;

  beforeAll(async () => {
    await database.pool.query("create schema attacker authorization test_writer");
    await database.pool.query("grant create on schema public to test_writer");
  });

  test.each([
    ["pg_temp", "pg_temp, public, pg_catalog"],
    ["public", "public, pg_catalog"],
    ["attacker", "attacker, pg_catalog"],
  ])("in %s", async (schema, path) => {
    await writer.query("begin");
    await writer.query("select set_config('test.hit', '', false)");
    await writer.query(SHADOWS.replaceAll("%s", schema));
    await writer.query(`set local search_path to ${path}`);
    await writer.query("savepoint attempt");
    const [made] = await callAs(writer, "create_transaction", {
      ledger: "one",
      entries: move("alice", "bob", 3, { available_balance: { gte: -1000 } }),
      idempotency_key: `shadow-${schema}`,
    });
    expect(made).toMatchObject({ status: "posted" });
    expect(made!["transaction_id"]).not.toMatch(/^00000000/);
    await callAs(writer, "open_account", {
      ledger: "one",
      address: `new-${schema}`,
      currency: "USD",
    });
    const args = { ledger: "one", account: "bob" };
    const [found] = await callAs(writer, "account_balance", args);
    const { rows } = await writer.query("select pg_catalog.current_setting('test.hit') as hit");
    expect(rows).toEqual([{ hit: "" }]);
    await writer.query("savepoint refused");
    expect(await refusalOf(balance(writer, "two"))).toMatchObject({ code: "42501" });
    await writer.query("rollback to savepoint refused");
    // The views run as whoever asks: his own operators may fool himself, row level security they may not.
    const seen = await writer.query(
      "select distinct b.ledger operator(pg_catalog.||) '' as l from daybook.balances b",
    );
    expect(seen.rows).toEqual([{ l: "one" }]);
    const after = await writer.query("select pg_catalog.current_setting('test.hit') as hit");
    expect(after.rows[0].hit).not.toMatch(/daybook_owner/);
    await writer.query("rollback to savepoint attempt; set local search_path to pg_catalog");
    expect(found).toMatchObject({ account: "bob" });
    await writer.query("rollback");
  });

  test("no public function runs without a fixed search_path, nor as definer in the private schema", async () => {
    const { rows } = await database.pool.query(
      `select p.oid::regprocedure::text as name from pg_proc p
        where p.pronamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace) and p.prosecdef
          and not exists (select from unnest(p.proconfig) c where c = 'search_path=pg_catalog, pg_temp')`,
    );
    expect(rows).toEqual([]);
  });
});
