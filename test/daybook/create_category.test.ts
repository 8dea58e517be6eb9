import { describe, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const make = (args: object = {}) =>
  books.call("create_category", { category: "customers", currency: "USD", ...args });
const refusal = (args: object) =>
  books.refusal("create_category", { category: "customers", currency: "USD", ...args });

test("a category is made as it was asked for", async () => {
  const category = await make({
    category: "customers:eu-W_1",
    currency: "JPY",
    normal_balance: "debit",
    description: "theirs",
    metadata: { a: 1 },
  });
  expect(category).toMatchObject({
    ledger: "main",
    category: "customers:eu-W_1",
    currency: "JPY",
    currency_exponent: 0,
    normal_balance: "debit",
    description: "theirs",
    metadata: { a: 1 },
    created_at: expect.any(Date),
  });
  expect(await books.query("select * from daybook.categories")).toEqual([category]);
});

test("a null argument means its default", async () => {
  const nothing = { normal_balance: null, description: null, metadata: null };
  const category = await make(nothing);
  expect(category).toMatchObject({ normal_balance: "credit", description: null, metadata: {} });
  expect(await make({ normal_balance: "credit", metadata: {} })).toEqual(category);
});

test("the same request again returns it and is logged once; another one is LDDUP", async () => {
  const given = { description: "theirs", metadata: { a: 1 } };
  expect(await make(given)).toEqual(await make({ description: "theirs", metadata: { a: 1.0 } }));
  const log = await books.query("select * from daybook.log where kind = 'create_category'");
  expect(log).toMatchObject([
    { ledger: "main", actor: "test_writer", data: { category: "customers", ...given } },
  ]);
  for (const other of [
    { currency: "EUR" },
    { normal_balance: "debit" },
    { description: "x" },
    { metadata: {} },
  ]) {
    expect(await refusal({ ...given, ...other })).toMatchObject({
      code: "LDDUP",
      detail: { ledger: "main", category: "customers" },
    });
  }
});

test("a category may be called as an account is", async () => {
  expect(await make({ category: "alice" })).toMatchObject({ category: "alice" });
});

describe("what is malformed is refused and leaves no trace", () => {
  test.each<[string, object]>([
    ["LDARG", { category: null }],
    ["LDARG", { category: "" }],
    ["LDARG", { category: "a b" }],
    ["LDARG", { category: "a::b" }],
    ["LDARG", { category: "a".repeat(256) }],
    ["LDARG", { currency: null }],
    ["LDARG", { description: "a\nb" }],
    ["LDARG", { metadata: [] }],
    ["LDCUR", { currency: "NO" }],
    ["42501", { ledger: "none" }],
    ["42501", { ledger: null }],
  ])("%s for %j", async (code, args) => {
    const traces = await books.traces();
    expect(await refusal(args)).toMatchObject({ code });
    expect(await books.traces()).toEqual(traces);
  });

  test("LDLED for whoever may use every ledger", async () => {
    await books.be("test_admin");
    expect(await refusal({ ledger: "none" })).toMatchObject({ code: "LDLED" });
  });
});
