import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Login } from "../support/database.ts";
import { move, useBooks } from "../support/use-books.ts";

/* Two ledgers with the same accounts, one transaction of each kind, and something queued in each. */
const books = useBooks(async (b) => {
  await b.be("test_admin");
  await b.call("revoke_ledger_access", { role: "test_writer" });
  for (const ledger of ["one", "two"]) {
    await b.call("create_ledger", { ledger });
    for (const address of ["alice", "bob"]) await b.open(address, { ledger });
    await b.create(move("alice", "bob", 5), { ledger });
    await b.create(move("alice", "bob", 7), { ledger, status: "pending" });
    await b.call("create_category", { ledger, category: "all", currency: "USD" });
    await b.call("add_to_category", { ledger, category: "all", account: "alice" });
    await b.query("begin isolation level repeatable read");
    await b.create(move("alice", "bob", 11), { ledger, idempotency_key: "k", external_id: "x" });
    await b.query("commit");
  }
});

const RELATIONS: Record<string, string> = {
  ledgers: "name",
  accounts: "ledger",
  categories: "ledger",
  category_members: "ledger",
  balances: "ledger",
  transactions: "ledger",
  entries: "ledger",
  current_entries: "ledger",
  log: "ledger",
};

const visible = async (relation: string) =>
  (
    await books.query(
      `select distinct ${RELATIONS[relation]} as name from daybook.${relation} order by 1`,
    )
  ).map((row) => row["name"]);

const grant = async (role: string, ledger: string, access: string) => {
  await books.be("test_admin");
  await books.call("grant_ledger_access", { role, ledger, access });
};

const CALLS: [name: string, args: object][] = [
  ["account_balance", { account: "alice" }],
  ["account_balances", { accounts: ["alice"] }],
  ["account_statement", { account: "alice" }],
  ["trial_balance", {}],
  ["category_balance", { category: "all" }],
  ["category_entries", { category: "all" }],
  ["category_transactions", { category: "all" }],
  ["open_account", { address: "new", currency: "USD" }],
  ["open_accounts", { accounts: [{ address: "new", currency: "USD" }] }],
  ["close_account", { address: "alice" }],
  ["reopen_account", { address: "alice" }],
  ["set_account_limits", { address: "alice" }],
  ["set_account_metadata", { address: "alice", metadata: {} }],
  ["delete_account_metadata", { address: "alice", key: "a" }],
  ["close_period", { until: "2020-01-01" }],
  ["reopen_period", { until: null }],
  ["create_category", { category: "new", currency: "USD" }],
  ["add_to_category", { category: "all", account: "bob" }],
  ["remove_from_category", { category: "all", account: "alice" }],
  ["create_transaction", { entries: move("alice", "bob", 1) }],
  ["create_transaction", { entries: move("alice", "bob", 11), idempotency_key: "k" }],
  ["create_transaction", { entries: move("a b", "bob", 0), dry_run: true }],
  ["post_transaction", { transaction_id: "00000000-0000-7000-8000-000000000000" }],
  ["archive_transaction", { transaction_id: null }],
  ["grant_ledger_access", { role: "test_reader", access: "read" }],
  ["grant_category_access", { role: "test_reader", category: "all" }],
  ["revoke_category_access", { role: "test_reader", category: "all" }],
  ["revoke_ledger_access", { role: "test_reader" }],
  ["rebuild_from_log", {}],
  ["log_head", {}],
  ["check_log_head", { no: 0, hash: "0".repeat(64) }],
  ["verify_log", {}],
];

/** Calls that read. */
const READS = /^(account_(balance|statement)|category_|trial_|log_|check_log_|verify_log)/;

describe("a login with a grant on one ledger", () => {
  beforeEach(async () => {
    await grant("test_writer", "one", "write");
    await books.be("test_writer");
  });

  test.each(Object.keys(RELATIONS))("sees only that one in %s", async (relation) => {
    expect(await visible(relation)).toEqual(["one"]);
  });

  test("counts queued entries of that one only", async () => {
    const rows = await books.query(
      "select ledger, account, lock_version from daybook.balances order by 1, 2",
    );
    expect(rows).toEqual([
      { ledger: "one", account: "alice", lock_version: "3" },
      { ledger: "one", account: "bob", lock_version: "3" },
    ]);
  });

  test.each(CALLS)(
    "%s %j on another ledger is 42501, as on one that does not exist",
    async (name, args) => {
      const there = await books.refusal(name, { ledger: "two", ...args });
      const nowhere = await books.refusal(name, { ledger: "none", ...args });
      expect(there).toMatchObject({ code: "42501" });
      expect(JSON.stringify(there).replaceAll("two", "none")).toBe(JSON.stringify(nowhere));
      expect(await books.refusal(name, { ledger: null, ...args })).toMatchObject({ code: "42501" });
      expect(await books.refusal(name, { ledger: "*", ...args })).toMatchObject({ code: "42501" });
      expect(await books.refusal(name, { ledger: "a b", ...args })).toMatchObject({
        code: "42501",
      });
    },
  );

  test("does not see the other ledger through a leaky function in a condition", async () => {
    await books.query(
      `create function pg_temp.leak(value text) returns boolean language plpgsql cost 0.0000001 as
         $$ begin perform set_config('test.leaked', current_setting('test.leaked', true) || value, false); return true; end $$`,
    );
    for (const [relation, column] of Object.entries(RELATIONS)) {
      await books.query("select set_config('test.leaked', '', false)");
      await books.query(
        `select count(*) from daybook.${relation} where pg_temp.leak(${column}::text)`,
      );
      const [row] = await books.query("select current_setting('test.leaked') as leaked");
      expect(row!["leaked"]).not.toContain("two");
      expect(row!["leaked"]).toContain("one");
    }
  });
});

test("a read grant cannot write, even with the writer's role", async () => {
  await grant("test_writer", "one", "read");
  await books.be("test_writer");
  expect(await visible("accounts")).toEqual(["one"]);
  for (const [name, args] of CALLS) {
    if (READS.test(name)) await books.all(name, { ...args, ledger: "one" });
    else
      expect(await books.refusal(name, { ...args, ledger: "one" })).toMatchObject({
        code: "42501",
      });
  }
});

test("a write grant does not help without the writer's role", async () => {
  await grant("test_reader", "one", "admin");
  await books.be("test_reader");
  for (const [name, args] of CALLS) {
    if (READS.test(name)) await books.all(name, { ...args, ledger: "one" });
    else
      expect(await books.refusal(name, { ...args, ledger: "one" })).toMatchObject({
        code: "42501",
      });
  }
});

test("without any grant nothing is seen but currencies", async () => {
  await books.be("test_auditor");
  for (const relation of Object.keys(RELATIONS)) expect(await visible(relation)).toEqual([]);
  expect(await books.query("select from daybook.currencies where code = 'USD'")).toHaveLength(1);
});

test("a grant to a group is a grant to its members, as long as they are members", async () => {
  await books.look("create role test_team");
  await books.look("grant test_team to test_writer");
  await grant("test_team", "two", "write");
  await books.be("test_writer");
  expect(await visible("entries")).toEqual(["two"]);
  await books.create(move("alice", "bob", 1), { ledger: "two" });
  await books.look("revoke test_team from test_writer");
  expect(await visible("entries")).toEqual([]);
  expect(await books.createRefused(move("alice", "bob", 1), { ledger: "two" })).toMatchObject({
    code: "42501",
  });
});

test("a grant to a role that one may not inherit still counts as membership", async () => {
  await books.look("create role test_team");
  await books.look("grant test_team to test_writer with inherit false");
  await grant("test_team", "two", "read");
  await books.be("test_writer");
  expect(await visible("ledgers")).toEqual(["two"]);
});

test("grants of one's own and of groups add up", async () => {
  await books.look("create role test_team");
  await books.look("grant test_team to test_writer");
  await grant("test_team", "two", "write");
  await grant("test_writer", "two", "read");
  await grant("test_writer", "one", "read");
  await books.be("test_writer");
  expect(await visible("ledgers")).toEqual(["one", "two"]);
  await books.create(move("alice", "bob", 1), { ledger: "two" });
});

test.each<[Login, string]>([
  ["test_reader", "read"],
  ["test_writer", "write"],
])("%s with * may %s every ledger, also what comes later", async (login, access) => {
  await grant(login, "*", access);
  await books.call("create_ledger", { ledger: "three" });
  await books.be(login);
  expect(await visible("ledgers")).toEqual(["main", "one", "three", "two"]);
  expect(await books.refusal("account_balance", { ledger: "none", account: "a" })).toMatchObject({
    code: "LDLED",
  });
});

test.each(["account_balance", "open_account", "create_transaction"])(
  "%s of the ledger * is malformed for whoever may use every ledger",
  async (name) => {
    await grant("test_writer", "*", "write");
    await books.be("test_writer");
    const [, args] = [...CALLS].find((call) => call[0] === name)!;
    expect(await books.refusal(name, { ...args, ledger: "*" })).toMatchObject({ code: "LDARG" });
  },
);

test("an administrator sees every ledger without a grant", async () => {
  await books.be("test_admin");
  for (const relation of Object.keys(RELATIONS)) {
    expect(await visible(relation)).toEqual(expect.arrayContaining(["one", "two"]));
  }
});

test("a ledger's admin by grant may not make ledgers", async () => {
  await grant("test_writer", "one", "admin");
  await books.be("test_writer");
  expect(await books.refusal("create_ledger", { ledger: "one" })).toMatchObject({ code: "42501" });
});
