import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const set = (args: object) => books.call("set_account_limits", { address: "alice", ...args });

test("both limits are set as whole numbers, and null removes one", async () => {
  expect(await set({ balance_min: "-5.00", balance_max: 10 })).toMatchObject({
    balance_min: "-5",
    balance_max: "10",
  });
  expect(await set({ balance_max: 11 })).toMatchObject({ balance_min: null, balance_max: "11" });
  expect(await set({ balance_min: 1, balance_max: null })).toMatchObject({
    balance_min: "1",
    balance_max: null,
  });
  expect(await set({})).toMatchObject({ balance_min: null, balance_max: null });
});

test("what is set binds the next transaction, what is removed does not", async () => {
  await set({ balance_min: 0 });
  expect(await books.createRefused(move("alice", "bob", 1))).toMatchObject({ code: "LDLIM" });
  await set({});
  expect(await books.create(move("alice", "bob", 1))).toMatchObject({ status: "posted" });
});

test("a limit may be set on an account that is already outside of it", async () => {
  await books.create(move("alice", "bob", 100));
  expect(await set({ balance_min: 0 })).toMatchObject({ balance_min: "0" });
  expect(await books.balance("alice")).toMatchObject({ available_amount: "-100" });
});

test("a limit may be set on a closed account, and stays when it is reopened", async () => {
  await books.call("close_account", { address: "alice" });
  await set({ balance_min: 3 });
  expect(await books.call("reopen_account", { address: "alice" })).toMatchObject({
    balance_min: "3",
  });
});

test("setting is logged with what was set", async () => {
  const { id } = await set({ balance_min: 3, balance_max: 4 });
  expect(
    await books.query("select * from daybook.log where kind = 'set_account_limits'"),
  ).toMatchObject([{ account_id: id, data: { balance_min: 3, balance_max: 4 } }]);
});

test.each<[string, object]>([
  ["LDARG", { balance_min: 0.5 }],
  ["LDARG", { balance_max: "NaN" }],
  ["LDARG", { balance_max: "Infinity" }],
  ["LDARG", { balance_min: "-Infinity" }],
  ["LDARG", { balance_min: 2, balance_max: 1 }],
  ["LDARG", { address: null, balance_min: 2 }],
  ["LDARG", { address: "a:", balance_min: 2 }],
  ["LDACC", { address: "nobody", balance_min: 2 }],
])("%s for %j", async (code, args) => {
  expect(await books.refusal("set_account_limits", { address: "alice", ...args })).toMatchObject({
    code,
  });
});
