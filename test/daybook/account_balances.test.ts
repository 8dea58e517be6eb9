import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const balances = (accounts: unknown) => books.all("account_balances", { accounts });
const refusal = (accounts: unknown, args: object = {}) =>
  books.refusal("account_balances", { accounts, ...args });

test("one row per element, in order, repeated ones repeated", async () => {
  await books.create(move("alice", "bob", 5));
  const rows = await balances(["bob", "carol", "alice", "bob"]);
  expect(rows.map((row) => [row["account"], row["posted_amount"]])).toEqual([
    ["bob", "5"],
    ["carol", "0"],
    ["alice", "-5"],
    ["bob", "5"],
  ]);
});

test("a row is what account_balance returns", async () => {
  await books.create(move("alice", "cash", 5), { status: "pending" });
  expect(await balances(["cash"])).toEqual([await books.balance("cash")]);
});

test("no addresses are no rows", async () => {
  const rows = await books.query("select * from daybook.account_balances('main', '{}')");
  expect(rows).toEqual([]);
});

test("all missing addresses are listed in one LDACC, once each, in order", async () => {
  expect(await refusal(["zoe", "alice", "adam", "zoe"])).toMatchObject({
    code: "LDACC",
    detail: { ledger: "main", accounts: ["zoe", "adam"] },
  });
});

test("a malformed address is LDARG with its index, before what is missing", async () => {
  expect(await refusal(["nobody", "a b"])).toMatchObject({
    code: "LDARG",
    detail: { index: 2, value: "a b" },
  });
  expect(await refusal(["alice", null])).toMatchObject({ code: "LDARG", detail: { index: 2 } });
});

test("null accounts are LDARG", async () => {
  expect(await refusal(null)).toMatchObject({ code: "LDARG" });
});

test("effective_at is 0A000", async () => {
  const args = { effective_at: "2026-01-01T00:00:00Z" };
  expect(await refusal(["alice"], args)).toMatchObject({
    code: "0A000",
    detail: { argument: "effective_at" },
  });
});

test("LDLED for a ledger that does not exist, also without addresses", async () => {
  await books.be("test_admin");
  expect(await refusal(["alice"], { ledger: "none" })).toMatchObject({ code: "LDLED" });
  const none = () => books.query("select * from daybook.account_balances('none', '{}')");
  expect(await books.refused(none)).toMatchObject({ code: "LDLED" });
});
