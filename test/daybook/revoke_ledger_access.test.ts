import { beforeEach, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const revoke = (args: object) =>
  books.call("revoke_ledger_access", { role: "test_writer", ...args });
const refusal = (args: object) =>
  books.refusal("revoke_ledger_access", { role: "test_writer", ...args });

beforeEach(() => books.be("test_admin"));

test("what was granted is taken back at once", async () => {
  await revoke({});
  await books.be("test_writer");
  expect(await books.query("select * from daybook.accounts")).toEqual([]);
  expect(await books.refusal("account_balance", { account: "alice" })).toMatchObject({
    code: "42501",
  });
});

test("revoking * leaves a grant of the one ledger, and the other way round", async () => {
  await books.call("grant_ledger_access", { role: "test_writer", ledger: "*", access: "read" });
  await revoke({ ledger: "*" });
  await books.be("test_writer");
  expect(await books.balance("alice")).toMatchObject({ account: "alice" });
  await books.be("test_admin");
  await books.call("grant_ledger_access", { role: "test_writer", ledger: "*", access: "read" });
  await revoke({});
  await books.be("test_writer");
  expect(await books.balance("alice")).toMatchObject({ account: "alice" });
});

test("it is no error if there was nothing", async () => {
  await revoke({ role: "test_reader" });
});

test("a login with access write may not", async () => {
  await books.be("test_writer");
  expect(await refusal({})).toMatchObject({ code: "42501" });
});

test.each<[string, object]>([
  ["LDARG", { role: null }],
  ["LDARG", { ledger: null }],
  ["LDARG", { ledger: "a b" }],
  ["LDLED", { ledger: "none" }],
])("%s for %j", async (code, args) => {
  const traces = await books.traces();
  expect(await refusal(args)).toMatchObject({ code });
  expect(await books.traces()).toEqual(traces);
});

test("what was granted to a role that is gone can be taken back", async () => {
  await books.look("create role test_gone");
  await books.call("grant_ledger_access", { role: "test_gone", access: "write" });
  await books.look("drop role test_gone");
  await revoke({ role: "test_gone" });
  await books.look("create role test_gone");
  expect(
    await books.look("select * from daybook_private.ledger_access where role = 'test_gone'"),
  ).toEqual([]);
});
