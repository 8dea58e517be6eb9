import { beforeEach, expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const grant = (args: object) =>
  books.call("grant_ledger_access", { role: "test_reader", access: "read", ...args });
const refusal = (args: object) =>
  books.refusal("grant_ledger_access", { role: "test_reader", access: "read", ...args });

beforeEach(() => books.be("test_admin"));

test("a login may read a ledger once it is granted", async () => {
  await books.be("test_reader");
  expect(await books.refusal("account_balance", { account: "alice" })).toMatchObject({
    code: "42501",
  });
  await books.be("test_admin");
  await grant({});
  await books.be("test_reader");
  expect(await books.balance("alice")).toMatchObject({ account: "alice" });
});

test("granting again replaces the access, up and down", async () => {
  await grant({ role: "test_writer", access: "read" });
  await books.be("test_writer");
  expect(await books.createRefused(move("alice", "bob", 1))).toMatchObject({ code: "42501" });
  await books.be("test_admin");
  await grant({ role: "test_writer", access: "write" });
  await books.be("test_writer");
  await books.create(move("alice", "bob", 1));
});

test("access admin lets a login grant the ledger on, and only that one", async () => {
  await books.call("create_ledger", { ledger: "second" });
  await grant({ role: "test_writer", access: "admin" });
  await books.be("test_writer");
  await grant({});
  expect(await refusal({ ledger: "second" })).toMatchObject({ code: "42501" });
  expect(await refusal({ ledger: "*" })).toMatchObject({ code: "42501" });
});

test("access write does not let a login grant", async () => {
  await books.be("test_writer");
  expect(await refusal({})).toMatchObject({ code: "42501" });
});

test("the ledger * is every one, also of the future", async () => {
  await grant({ ledger: "*" });
  await books.call("create_ledger", { ledger: "future" });
  await books.be("test_reader");
  const names = await books.query("select name from daybook.ledgers order by 1");
  expect(names.map((row) => row["name"])).toEqual(["future", "main"]);
  expect(await books.balance("alice")).toMatchObject({ account: "alice" });
});

test("granting is logged with role and access", async () => {
  await grant({});
  expect(
    await books.query(
      "select * from daybook.log where kind = 'grant_ledger_access' and data ->> 'role' = 'test_reader'",
    ),
  ).toMatchObject([{ ledger: "main", actor: "test_admin", data: { access: "read" } }]);
});

test.each<[string, object]>([
  ["LDARG", { role: null }],
  ["LDARG", { role: "nobody_of_this_name" }],
  ["LDARG", { role: "public" }],
  ["LDARG", { role: "daybook_authenticator" }],
  ["LDARG", { access: null }],
  ["LDARG", { access: "all" }],
  ["LDARG", { access: "" }],
  ["LDARG", { ledger: null }],
  ["LDARG", { ledger: "a b" }],
  ["LDARG", { ledger: "none", access: "x" }],
  ["LDLED", { ledger: "none" }],
])("%s for %j", async (code, args) => {
  const traces = await books.traces();
  expect(await refusal(args)).toMatchObject({ code });
  expect(await books.traces()).toEqual(traces);
});
