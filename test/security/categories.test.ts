import { beforeEach, describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

/* The reader may see the category mine (alice, and bob by its child) of main; there are others, and another ledger. */
const books = useBooks(async (b) => {
  const { call, create, be, open, query } = b;
  for (const category of ["all", "mine", "child", "theirs"])
    await call("create_category", { category, currency: "USD" });
  for (const args of [
    { category: "all", child_category: "mine" },
    { category: "mine", account: "alice" },
    { category: "mine", child_category: "child" },
    { category: "child", account: "bob" },
    { category: "all", account: "carol" },
    { category: "theirs", account: "carol" },
  ])
    await call("add_to_category", args);
  await create(move("alice", "bank", 5), { description: "seen" });
  await create([debit("carol", 3), credit("bob", 3)], { description: "seen", status: "pending" });
  await create(move("carol", "cash", 9), { description: "hidden" });
  await query("begin isolation level repeatable read");
  await create(move("carol", "alice", 2), { description: "seen" });
  await create(move("carol", "bank", 2), { description: "hidden" });
  await query("commit");
  await be("test_admin");
  await call("create_ledger", { ledger: "second" });
  await open("alice", { ledger: "second" });
  await open("bob", { ledger: "second" });
  await create(move("alice", "bob", 1), { ledger: "second", description: "hidden" });
  await call("grant_category_access", { role: "test_reader", category: "mine" });
});

beforeEach(() => books.be("test_reader"));

const column = async (sql: string) => (await books.query(sql)).map((row) => Object.values(row)[0]);

const plan = async (sql: string) =>
  (await column(`explain (analyze, costs off, timing off, summary off) ${sql}`)).join("\n");

describe("by SQL", () => {
  test.each([
    ["accounts", "select address from daybook.accounts order by 1", ["alice", "bob"]],
    ["balances", "select account from daybook.balances order by 1", ["alice", "bob"]],
    ["caches", "select account from daybook.rollups order by 1", ["alice", "bob"]],
    [
      "queued entries in balances",
      "select posted_amount::integer from daybook.balances order by account",
      [-3, 0],
    ],
    [
      "entries",
      "select distinct a.address from daybook.entries e left join daybook.accounts a on a.id = e.account_id order by 1",
      ["alice", "bob"],
    ],
    ["entries, all", "select count(*)::integer from daybook.entries", [3]],
    [
      "current entries",
      "select amount::integer from daybook.current_entries order by 1",
      [2, 3, 5],
    ],
    ["transactions", "select distinct description from daybook.transactions", ["seen"]],
    ["transactions, all", "select count(*)::integer from daybook.transactions", [3]],
    ["the log", "select distinct data ->> 'description' from daybook.log", ["seen"]],
    ["categories", "select category from daybook.categories order by 1", ["child", "mine"]],
    [
      "members",
      "select coalesce(account, child_category) from daybook.category_members order by 1",
      ["alice", "bob", "child"],
    ],
    ["ledgers", "select name from daybook.ledgers", []],
  ])("%s of the category and no other are seen", async (_, sql, expected) => {
    expect(await column(sql)).toEqual(expected);
  });

  test("of accounts with detached entries too, none of another category is seen", async () => {
    await books.look(
      `insert into daybook_private.detached_sums
       select a.ledger, a.id, 1, 1, 0, 0, 0, 0, now() from daybook.accounts a`,
    );
    const read = "select account from daybook.detached_accounts order by 1";
    expect(await column(read)).toEqual(["alice", "bob"]);
  });

  test("what is put in is seen at once, what is taken out no more", async () => {
    await books.be("test_admin");
    await books.call("add_to_category", { category: "child", account: "carol" });
    await books.call("remove_from_category", { category: "mine", account: "alice" });
    await books.be("test_reader");
    expect(await column("select address from daybook.accounts order by 1")).toEqual([
      "bob",
      "carol",
    ]);
  });

  test("a setting that the login makes itself gives nothing", async () => {
    await books.query("set local daybook.categories = 'main/all,main/theirs'");
    expect(await column("select address from daybook.accounts order by 1")).toEqual([
      "alice",
      "bob",
    ]);
  });

  test("nothing leaks through a function in a condition", async () => {
    await books.query(
      `create function pg_temp.leak(value text) returns boolean language plpgsql cost 0.0000001 as
         $$ begin perform set_config('test.leaked', current_setting('test.leaked', true) || value || ' ', false); return true; end $$`,
    );
    for (const [relation, name] of [
      ["accounts", "address"],
      ["balances", "account"],
      ["categories", "category"],
      ["transactions", "description"],
    ]) {
      await books.query("select set_config('test.leaked', '', false)");
      await books.query(`select from daybook.${relation} where pg_temp.leak(${name}::text)`);
      const [row] = await books.query("select current_setting('test.leaked') as leaked");
      expect(row!["leaked"]).not.toMatch(/carol|theirs|hidden|all /);
      expect(row!["leaked"]).not.toBe("");
    }
  });

  test("the accounts are looked up once per statement, and never for readers of the ledger", async () => {
    const scan = "select from daybook.accounts";
    expect(await plan(scan)).toMatch(/InitPlan/);
    expect(await plan(scan)).not.toMatch(/SubPlan/);
    await books.be("test_admin");
    await books.call("grant_ledger_access", { role: "test_writer", access: "read" });
    await books.be("test_writer");
    const ordinary = await plan(scan);
    expect(ordinary.match(/^\s*InitPlan/gm)).toHaveLength(3);
    expect(ordinary.match(/never executed/g)).toHaveLength(1);
  });
});

describe("by functions", () => {
  const UNSEEN = ["carol", "bank", "nobody", "a b", null];

  test("balances of its accounts are told, all others are 42501, whether they exist or not", async () => {
    expect(await books.balance("alice")).toMatchObject({ posted_amount: "-3" });
    const both = await books.all("account_balances", { accounts: ["bob", "alice", "bob"] });
    expect(both.map((row) => row["account"])).toEqual(["bob", "alice", "bob"]);
    expect(await books.call("account_statement", { account: "alice" })).toMatchObject({
      closing_balance: "-3",
    });
    const refusals = [];
    for (const account of UNSEEN) {
      refusals.push(await books.refusal("account_balance", { account }));
      refusals.push(await books.refusal("account_balances", { accounts: ["alice", account] }));
      refusals.push(await books.refusal("account_statement", { account }));
    }
    refusals.push(await books.refusal("trial_balance", {}));
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
    expect(refusals[0]).toMatchObject({ code: "42501", detail: { ledger: "main" } });
  });

  test("categories at or below it are told, all others are 42501, whether they exist or not", async () => {
    const calls = ["category_balance", "category_entries", "category_transactions"];
    for (const name of calls) {
      for (const category of ["mine", "child"]) await books.all(name, { category });
      const refusals = [];
      for (const category of ["all", "theirs", "none", "a b", null])
        refusals.push(await books.refusal(name, { category }));
      for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
      expect(refusals[0]).toMatchObject({ code: "42501", detail: { ledger: "main" } });
    }
    expect(await books.call("category_balance", { category: "mine" })).toMatchObject({
      posted_amount: "-3",
    });
    expect(await books.all("category_transactions", { category: "mine" })).toHaveLength(3);
    expect(await books.all("category_entries", { category: "child" })).toHaveLength(1);
  });

  test("another ledger is as one that does not exist", async () => {
    for (const ledger of ["second", "none"])
      expect(await books.refusal("account_balance", { ledger, account: "alice" })).toMatchObject({
        code: "42501",
      });
  });

  test("nothing can be written, even with the writer's role", async () => {
    await books.be("test_admin");
    await books.call("revoke_ledger_access", { role: "test_writer" });
    await books.call("grant_category_access", { role: "test_writer", category: "mine" });
    await books.be("test_writer");
    expect(await books.balance("alice")).toMatchObject({ account: "alice" });
    for (const [name, args] of [
      ["create_transaction", { entries: move("alice", "bob", 1) }],
      ["close_account", { address: "alice" }],
      ["close_period", { until: "2020-01-01" }],
      ["add_to_category", { category: "mine", account: "carol" }],
      ["create_category", { category: "new", currency: "USD" }],
      ["grant_category_access", { category: "mine", role: "test_auditor" }],
    ] as const)
      expect(await books.refusal(name, args)).toMatchObject({ code: "42501" });
  });
});

test("with the whole ledger granted as well, the category takes nothing away", async () => {
  await books.be("test_admin");
  await books.call("grant_ledger_access", { role: "test_reader", access: "read" });
  await books.be("test_reader");
  expect(await column("select count(*)::integer from daybook.accounts")).toEqual([7]);
  expect(await books.balance("carol")).toMatchObject({ account: "carol" });
  expect(await books.refusal("account_balance", { account: "nobody" })).toMatchObject({
    code: "LDACC",
  });
});

test("a category of one ledger and the whole of another add up", async () => {
  await books.be("test_admin");
  await books.call("grant_ledger_access", {
    role: "test_reader",
    ledger: "second",
    access: "read",
  });
  await books.be("test_reader");
  expect(await column("select ledger || ':' || address from daybook.accounts order by 1")).toEqual([
    "main:alice",
    "main:bob",
    "second:alice",
    "second:bob",
  ]);
});

test("a grant to a group is one to its members", async () => {
  await books.look("create role test_team");
  await books.look("grant test_team to test_auditor");
  await books.be("test_admin");
  await books.call("grant_category_access", { role: "test_team", category: "child" });
  await books.be("test_auditor");
  expect(await column("select address from daybook.accounts")).toEqual(["bob"]);
});
