import { beforeEach, describe, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks(async ({ call }) => {
  for (const category of ["top", "left", "right", "bottom"]) {
    await call("create_category", { category, currency: "USD" });
  }
  await call("create_category", { category: "euros", currency: "EUR" });
  await call("create_category", { category: "assets", currency: "USD", normal_balance: "debit" });
});
const add = (args: object) => books.call("add_to_category", { category: "top", ...args });
const refusal = (args: object) => books.refusal("add_to_category", { category: "top", ...args });
const members = () =>
  books.query(
    "select category, account, child_category from daybook.category_members order by 1, 2, 3",
  );

test("an account and a category are put into a category, which is returned", async () => {
  expect(await add({ account: "alice" })).toMatchObject({ ledger: "main", category: "top" });
  expect(await add({ child_category: "left" })).toMatchObject({ category: "top" });
  expect(await members()).toEqual([
    { category: "top", account: "alice", child_category: null },
    { category: "top", account: null, child_category: "left" },
  ]);
  const [row] = await books.query(
    `select m.id, m.created_at, m.account_id = a.id as same from daybook.category_members m
       join daybook.accounts a on a.address = m.account`,
  );
  expect(row).toMatchObject({ created_at: expect.any(Date), same: true });
  expect(row!["id"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

test("adding again changes nothing and is logged once", async () => {
  for (const member of [{ account: "alice" }, { child_category: "left" }]) {
    await add(member);
    const before = await members();
    await add(member);
    expect(await members()).toEqual(before);
  }
  const log = await books.query(
    "select data, account_id from daybook.log where kind = 'add_to_category' order by id",
  );
  const made = { id: expect.any(String), created_at: expect.any(String) };
  expect(log).toEqual([
    { data: { ...made, category: "top", account: "alice" }, account_id: expect.any(String) },
    { data: { ...made, category: "top", child_category: "left" }, account_id: null },
  ]);
});

test("many additions in one transaction leave no dead versions that would slow down the next", async () => {
  await add({ account: "alice" });
  await add({ child_category: "left" });
  const [updates] = await books.look(
    "select pg_stat_get_xact_tuples_updated('daybook_private.category_graphs'::regclass)::int as n",
  );
  expect(updates).toEqual({ n: 0 });
});

test("an account or a category may be in many", async () => {
  for (const category of ["left", "right"]) {
    await add({ category, account: "alice" });
    await add({ category, child_category: "bottom" });
    await add({ child_category: category });
  }
  expect(await members()).toHaveLength(6);
});

test("a closed account may be added", async () => {
  await books.call("close_account", { address: "alice" });
  await add({ account: "alice" });
  expect(await members()).toHaveLength(1);
});

describe("one currency and one normal balance throughout: LDCUR", () => {
  test.each([
    [{ account: "euro" }, { account: "euro", currency: "USD", member_currency: "EUR" }],
    [
      { account: "bank" },
      { account: "bank", normal_balance: "credit", member_normal_balance: "debit" },
    ],
    [{ child_category: "euros" }, { child_category: "euros", member_currency: "EUR" }],
    [{ child_category: "assets" }, { child_category: "assets", member_normal_balance: "debit" }],
  ])("%j", async (member, detail) => {
    expect(await refusal(member)).toMatchObject({
      code: "LDCUR",
      detail: { category: "top", ...detail },
    });
    expect(await members()).toEqual([]);
  });
});

describe("no category contains itself: LDCYC", () => {
  beforeEach(async () => {
    await add({ child_category: "left" });
    await add({ child_category: "right" });
    await add({ category: "left", child_category: "bottom" });
    await add({ category: "right", child_category: "bottom" });
  });

  test.each([
    ["top", "top"],
    ["left", "top"],
    ["bottom", "top"],
    ["bottom", "right"],
  ])("%s cannot contain %s", async (category, child_category) => {
    expect(await refusal({ category, child_category })).toMatchObject({
      code: "LDCYC",
      detail: { category, child_category },
    });
  });

  test("two ways to one category are no cycle", async () => {
    await add({ child_category: "bottom" });
    await add({ category: "left", child_category: "right" });
    expect(await members()).toHaveLength(6);
  });

  test("what is taken out may be put in the other way round", async () => {
    await books.call("remove_from_category", { category: "top", child_category: "left" });
    await add({ category: "left", child_category: "top" });
  });
});

describe("what is wrong is refused and leaves no trace", () => {
  test.each<[string, object]>([
    ["LDARG", {}],
    ["LDARG", { account: "alice", child_category: "left" }],
    ["LDARG", { account: "a b" }],
    ["LDARG", { child_category: "a b" }],
    ["LDARG", { category: null, account: "alice" }],
    ["LDARG", { category: "", account: "alice" }],
    ["LDACC", { account: "nobody" }],
    ["LDACC", { category: "none", account: "nobody" }],
    ["LDCTG", { category: "none", account: "alice" }],
    ["LDCTG", { child_category: "none" }],
    ["42501", { ledger: "none", account: "alice" }],
  ])("%s for %j", async (code, args) => {
    const traces = await books.traces();
    expect(await refusal(args)).toMatchObject({ code });
    expect(await books.traces()).toEqual(traces);
  });

  test("all missing categories are listed, once each", async () => {
    expect(await refusal({ category: "none", child_category: "nil" })).toMatchObject({
      code: "LDCTG",
      detail: { ledger: "main", categories: ["none", "nil"] },
    });
    expect(await refusal({ category: "none", child_category: "none" })).toMatchObject({
      detail: { categories: ["none"] },
    });
  });

  test("LDLED for whoever may use every ledger", async () => {
    await books.be("test_admin");
    expect(await refusal({ ledger: "none", account: "alice" })).toMatchObject({ code: "LDLED" });
  });

  test("42501 for a reader of the ledger", async () => {
    await books.be("test_admin");
    await books.call("grant_ledger_access", { role: "test_writer", access: "read" });
    await books.be("test_writer");
    expect(await refusal({ account: "alice" })).toMatchObject({ code: "42501" });
  });
});
