import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const account = (address: string, more: object = {}) => ({ address, currency: "USD", ...more });
const openAll = (...accounts: object[]) => books.all("open_accounts", { accounts });
const refusal = (...accounts: object[]) => books.refusal("open_accounts", { accounts });

test("accounts are returned in the order of the input", async () => {
  const rows = await openAll(account("z"), account("m", { normal_balance: "debit" }), account("a"));
  expect(rows).toMatchObject([
    { address: "z", normal_balance: "credit" },
    { address: "m", normal_balance: "debit" },
    { address: "a" },
  ]);
});

test("known ones are returned as they are, new ones are opened", async () => {
  const [alice, fresh] = await openAll(account("alice"), account("fresh"));
  expect(alice).toEqual(await books.open("alice"));
  expect(fresh).toEqual(await books.open("fresh"));
});

test("one address twice with the same facts is one account, returned twice", async () => {
  const rows = await openAll(account("twice"), account("twice"));
  expect(rows).toHaveLength(2);
  expect(rows[0]).toEqual(rows[1]);
});

test("no accounts are no rows", async () => {
  expect(await openAll()).toEqual([]);
});

test("a thousand accounts are opened by one call", async () => {
  const rows = await openAll(...Array.from({ length: 1000 }, (_, n) => account(`n:${n}`)));
  expect(rows.map((row) => row["address"])).toEqual(rows.map((_, n) => `n:${n}`));
});

test("all or nothing: a refused one leaves no trace of the others", async () => {
  const traces = await books.traces();
  expect(await refusal(account("fine"), account("alice", { currency: "EUR" }))).toMatchObject({
    code: "LDDUP",
    detail: { address: "alice" },
  });
  expect(await books.traces()).toEqual(traces);
});

test("one address twice with different facts is LDDUP", async () => {
  expect(await refusal(account("x"), account("x", { balance_min: 0 }))).toMatchObject({
    code: "LDDUP",
    detail: { address: "x" },
  });
});

const field = (argument: string) => ({ code: "LDARG", detail: { argument, index: 2 } });

test("a malformed one is LDARG with its index", async () => {
  const ok = account("ok");
  expect(await refusal(ok, account("not ok"))).toMatchObject(field("address"));
  expect(await refusal(ok, { address: "x" })).toMatchObject(field("currency"));
  expect(await refusal(ok, account("x", { balance_min: 0.5 }))).toMatchObject(field("balance_min"));
  expect(await refusal(ok, account("x", { metadata: [] }))).toMatchObject(field("metadata"));
  expect(await refusal(ok, account("x", { description: "\n" }))).toMatchObject(
    field("description"),
  );
});

test("LDDUP comes before LDCUR, whatever the addresses", async () => {
  expect(
    await refusal(account("bob", { currency: "EUR" }), account("aaa", { currency: "NOPE" })),
  ).toMatchObject({ code: "LDDUP", detail: { address: "bob" } });
});

test("of several unknown currencies the first in the input is named, with its index", async () => {
  const refused = await refusal(
    account("ok"),
    account("z", { currency: "NOPE1" }),
    account("a", { currency: "NOPE2" }),
  );
  expect(refused).toMatchObject({ code: "LDCUR", detail: { currency: "NOPE1", index: 2 } });
});

test("LDLED for a ledger that does not exist", async () => {
  await books.be("test_admin");
  expect(
    await books.refusal("open_accounts", { ledger: "none", accounts: [account("a")] }),
  ).toMatchObject({ code: "LDLED" });
  expect(await books.refusal("open_accounts", { ledger: "none", accounts: [] })).toMatchObject({
    code: "LDLED",
  });
});
