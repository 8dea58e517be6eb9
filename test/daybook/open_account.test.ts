import { describe, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const open = (args: object) =>
  books.call("open_account", { address: "new", currency: "USD", ...args });
const refusal = (args: object) =>
  books.refusal("open_account", { address: "new", currency: "USD", ...args });

test("an account is opened as it was asked for", async () => {
  const account = await open({
    address: "users:a-b_C:9",
    currency: "EUR",
    normal_balance: "debit",
    balance_min: "-5",
    balance_max: "100.00",
    description: "hers",
    metadata: { a: 1 },
  });
  expect(account).toMatchObject({
    ledger: "main",
    address: "users:a-b_C:9",
    currency: "EUR",
    normal_balance: "debit",
    balance_min: "-5",
    balance_max: "100",
    description: "hers",
    metadata: { a: 1 },
    closed_at: null,
  });
  expect(account["id"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  expect(account["created_at"]).toBeInstanceOf(Date);
});

test("a null argument means its default", async () => {
  const account = await open({
    normal_balance: null,
    balance_min: null,
    balance_max: null,
    description: null,
    metadata: null,
  });
  expect(account).toMatchObject({
    normal_balance: "credit",
    balance_min: null,
    balance_max: null,
    description: null,
    metadata: {},
  });
  expect(await open({ normal_balance: "credit", metadata: {} })).toEqual(account);
});

test("an untouched account shows zeros and version 0", async () => {
  await open({ currency: "JPY" });
  expect(await books.balance("new")).toMatchObject({
    account: "new",
    currency: "JPY",
    currency_exponent: 0,
    normal_balance: "credit",
    lock_version: "0",
    pending_debits: "0",
    pending_credits: "0",
    pending_amount: "0",
    posted_debits: "0",
    posted_credits: "0",
    posted_amount: "0",
    available_amount: "0",
  });
});

test("a limit may be set on an account that starts outside of it", async () => {
  expect(await open({ balance_min: 100, balance_max: 200 })).toMatchObject({ balance_min: "100" });
});

test("both limits may be the same number", async () => {
  expect(await open({ balance_min: 7, balance_max: "7.0" })).toMatchObject({ balance_max: "7" });
});

test("an address is unique in its ledger only, and case matters", async () => {
  const first = await open({ address: "Alice" });
  expect(first["id"]).not.toBe((await open({ address: "alice" }))["id"]);
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "second" });
  const other = await open({ ledger: "second", address: "Alice", currency: "EUR" });
  expect(other).toMatchObject({ ledger: "second", currency: "EUR" });
});

describe("the same request again", () => {
  const request = {
    normal_balance: "debit",
    balance_min: 100,
    description: "d",
    metadata: { a: 1, b: [2] },
  };

  test("returns the account and changes nothing", async () => {
    const account = await open(request);
    const traces = await books.traces();
    expect(await open(request)).toEqual(account);
    expect(await open({ ...request, balance_min: "100.00" })).toEqual(account);
    expect(await open({ ...request, metadata: { b: [2], a: 1 } })).toEqual(account);
    expect(await books.traces()).toEqual(traces);
  });

  test("returns the account as it is now, whatever was set since", async () => {
    await open(request);
    await books.call("set_account_limits", { address: "new", balance_max: 9 });
    await books.call("set_account_metadata", { address: "new", metadata: { a: 5 } });
    const closed = await books.call("close_account", { address: "new" });
    expect(closed["closed_at"]).not.toBeNull();
    expect(await open(request)).toEqual(closed);
  });

  test.each<[string, object]>([
    ["currency", { currency: "EUR" }],
    ["currency, even an unknown one", { currency: "NOPE" }],
    ["normal balance", { normal_balance: "credit" }],
    ["default normal balance", { normal_balance: null }],
    ["minimum", { balance_min: 101 }],
    ["missing minimum", { balance_min: null }],
    ["maximum", { balance_max: 1000 }],
    ["description", { description: "e" }],
    ["missing description", { description: null }],
    ["empty description", { description: "" }],
    ["metadata", { metadata: { a: 1 } }],
    ["missing metadata", { metadata: null }],
  ])("with another %s is LDDUP", async (_, change) => {
    await open(request);
    expect(await refusal({ ...request, ...change })).toMatchObject({
      code: "LDDUP",
      detail: { ledger: "main", address: "new" },
    });
  });

  test("with what the account has become is a different request", async () => {
    await open(request);
    await books.call("set_account_limits", { address: "new", balance_min: 5 });
    expect(await refusal({ ...request, balance_min: 5 })).toMatchObject({ code: "LDDUP" });
  });
});

test.each([
  ["LDARG", "a bad address, though the ledger does not exist", { ledger: "none", address: "a b" }],
  ["LDLED", "an unknown ledger, though the currency is unknown", { ledger: "none", currency: "X" }],
  ["LDCUR", "an unknown currency", { currency: "XXY" }],
  ["LDCUR", "a currency in lower case", { currency: "usd" }],
  ["LDARG", "limits the wrong way round", { balance_min: 2, balance_max: 1 }],
])("%s for %s", async (code, _, args) => {
  await books.be("test_admin");
  expect(await refusal(args)).toMatchObject({ code });
});

test("opening is logged once with its request", async () => {
  const { id } = await open({ balance_min: 5 });
  await open({ balance_min: 5 });
  expect(await books.query("select * from daybook.log where account_id = $1", [id])).toMatchObject([
    {
      ledger: "main",
      kind: "open_account",
      actor: "test_writer",
      transaction_id: null,
      data: { address: "new", currency: "USD", balance_min: 5 },
    },
  ]);
});
