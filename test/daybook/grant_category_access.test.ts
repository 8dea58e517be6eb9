import { beforeEach, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks(async ({ call }) => {
  await call("create_category", { category: "customers", currency: "USD" });
  await call("add_to_category", { category: "customers", account: "alice" });
});
const args = { role: "test_reader", category: "customers" };
const refusal = (more: object) => books.refusal("grant_category_access", { ...args, ...more });

beforeEach(() => books.be("test_admin"));

test("a login may read a category once it is granted, and granting again is no error", async () => {
  await books.be("test_reader");
  expect(await books.refusal("account_balance", { account: "alice" })).toMatchObject({
    code: "42501",
  });
  await books.be("test_admin");
  for (let n = 0; n < 2; n++) await books.call("grant_category_access", args);
  const log = await books.query("select * from daybook.log where kind = 'grant_category_access'");
  expect(log).toMatchObject([{ ledger: "main", actor: "test_admin", data: args }]);
  await books.be("test_reader");
  expect(await books.balance("alice")).toMatchObject({ account: "alice" });
});

test("whoever has access admin to the ledger may grant, a writer may not", async () => {
  await books.be("test_writer");
  expect(await refusal({})).toMatchObject({ code: "42501" });
  await books.be("test_admin");
  await books.call("grant_ledger_access", { role: "test_writer", access: "admin" });
  await books.be("test_writer");
  await books.call("grant_category_access", args);
});

test.each<[string, object]>([
  ["LDARG", { role: null }],
  ["LDARG", { role: "nobody_of_this_name" }],
  ["LDARG", { role: "daybook_authenticator" }],
  ["LDARG", { category: null }],
  ["LDARG", { category: "a b" }],
  ["LDARG", { ledger: null }],
  ["LDARG", { ledger: "*" }],
  ["LDLED", { ledger: "none" }],
  ["LDCTG", { category: "none" }],
])("%s for %j", async (code, more) => {
  const traces = await books.traces();
  expect(await refusal(more)).toMatchObject({ code });
  expect(await books.traces()).toEqual(traces);
});
