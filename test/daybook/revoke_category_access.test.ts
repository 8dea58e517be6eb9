import { beforeEach, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks(async ({ call, be }) => {
  await call("create_category", { category: "customers", currency: "USD" });
  await call("add_to_category", { category: "customers", account: "alice" });
  await be("test_admin");
  await call("grant_category_access", { role: "test_reader", category: "customers" });
});
const args = { role: "test_reader", category: "customers" };
const refusal = (more: object) => books.refusal("revoke_category_access", { ...args, ...more });

beforeEach(() => books.be("test_admin"));

test("what was granted is taken back, and a second time is no error", async () => {
  for (let n = 0; n < 2; n++) await books.call("revoke_category_access", args);
  const log = await books.query("select * from daybook.log where kind = 'revoke_category_access'");
  expect(log).toMatchObject([{ ledger: "main", data: args }]);
  await books.be("test_reader");
  expect(await books.refusal("account_balance", { account: "alice" })).toMatchObject({
    code: "42501",
  });
  expect(await books.query("select from daybook.accounts")).toEqual([]);
});

test("a role that is no more can still be revoked", async () => {
  await books.call("revoke_category_access", { ...args, role: "gone" });
});

test.each<[string, object]>([
  ["LDARG", { role: null }],
  ["LDARG", { category: "a b" }],
  ["LDARG", { ledger: "*" }],
  ["LDLED", { ledger: "none" }],
  ["LDCTG", { category: "none" }],
])("%s for %j", async (code, more) => {
  expect(await refusal(more)).toMatchObject({ code });
});

test("42501 for a writer of the ledger", async () => {
  await books.be("test_writer");
  expect(await refusal({})).toMatchObject({ code: "42501" });
});
