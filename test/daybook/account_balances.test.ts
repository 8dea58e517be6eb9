import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const balances = (accounts: unknown, effective_at?: string) =>
  books.all("account_balances", { accounts, effective_at });
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

test("at a time, every row counts what is effective by then, in order, repetitions too", async () => {
  await books.create(move("alice", "bob", 5), { effective_at: "2001-01-01T00:00:00Z" });
  await books.create(move("alice", "bob", 7), { effective_at: "2002-01-01T00:00:00Z" });
  const rows = await balances(["bob", "carol", "alice", "bob"], "2001-06-01");
  expect(rows.map((row) => [row["account"], row["lock_version"], row["posted_amount"]])).toEqual([
    ["bob", "1", "5"],
    ["carol", "0", "0"],
    ["alice", "1", "-5"],
    ["bob", "1", "5"],
  ]);
  const alone = { account: "alice", effective_at: "2001-06-01" };
  expect(rows[2]).toEqual(await books.call("account_balance", alone));
});

test("an infinite time is LDARG, after addresses and before what is missing", async () => {
  const args = { effective_at: "infinity" };
  expect(await refusal(["nobody"], args)).toMatchObject({
    code: "LDARG",
    detail: { argument: "effective_at", value: "infinity" },
  });
  expect(await refusal(["a b"], args)).toMatchObject({ detail: { argument: "accounts" } });
});

test("LDLED for a ledger that does not exist, also without addresses", async () => {
  await books.be("test_admin");
  expect(await refusal(["alice"], { ledger: "none" })).toMatchObject({ code: "LDLED" });
  const none = () => books.query("select * from daybook.account_balances('none', '{}')");
  expect(await books.refused(none)).toMatchObject({ code: "LDLED" });
});
