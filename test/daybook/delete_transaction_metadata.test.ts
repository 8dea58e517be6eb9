import { expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const made = (args: object = {}) => books.create(move("alice", "bob", 100), args);
const remove = ({ transaction_id }: Row, key: string) =>
  books.call("delete_transaction_metadata", { transaction_id, key });
const metadataOf = async ({ transaction_id }: Row) =>
  (await books.transaction(transaction_id))["metadata"];

test("a key is removed at the top level, others stay, and so does the version", async () => {
  const transaction = await made({ metadata: { a: { b: 1 }, b: 2, "": 3 } });
  expect(await remove(transaction, "b")).toEqual(transaction);
  expect(await metadataOf(transaction)).toEqual({ a: { b: 1 }, "": 3 });
  await remove(transaction, "");
  expect(await metadataOf(transaction)).toEqual({ a: { b: 1 } });
});

test("an absent key is no error", async () => {
  const transaction = await made({ metadata: { a: 1 } });
  expect(await remove(transaction, "nothing")).toEqual(transaction);
  expect(await metadataOf(transaction)).toEqual({ a: 1 });
});

test("at any time: pending, posted later, archived", async () => {
  const metadata = { a: 1, b: 2, c: 3 };
  const posted = await made({ status: "pending", metadata });
  expect(await remove(posted, "a")).toMatchObject({ status: "pending", version: 1 });
  await books.post(posted);
  expect(await remove(posted, "b")).toMatchObject({ status: "posted", version: 2 });
  const archived = await made({ status: "pending", metadata });
  await books.archive(archived);
  expect(await remove(archived, "b")).toMatchObject({ status: "archived", version: 2 });
  expect([await metadataOf(posted), await metadataOf(archived)]).toEqual([
    { c: 3 },
    { a: 1, c: 3 },
  ]);
});

test("removing is logged with the key and what it held", async () => {
  const transaction = await made({ metadata: { a: null, b: 2 } });
  await remove(transaction, "a");
  await remove(transaction, "a");
  const log = await books.query(
    "select * from daybook.log where kind = 'delete_transaction_metadata' order by id",
  );
  expect(log).toMatchObject([
    { transaction_id: transaction["transaction_id"], actor: "test_writer" },
    { transaction_id: transaction["transaction_id"] },
  ]);
  expect(log.map(({ data }) => data)).toEqual([{ key: "a", replaced: { a: null } }, { key: "a" }]);
});

const unknown = "00000000-0000-7000-8000-000000000000";
test.each<[string, object]>([
  ["LDARG", { transaction_id: unknown, key: null }],
  ["LDARG", { transaction_id: null }],
  ["LDTXN", { transaction_id: unknown }],
  ["LDLED", { transaction_id: unknown, ledger: "none" }],
])("%s for %j", async (code, args) => {
  await books.be("test_admin");
  expect(await books.refusal("delete_transaction_metadata", { key: "a", ...args })).toMatchObject({
    code,
  });
});

test("42501 for a ledger that is not the caller's, and for a reader", async () => {
  const { transaction_id } = await made();
  const args = { transaction_id, key: "a" };
  const elsewhere = await books.refusal("delete_transaction_metadata", {
    ...args,
    ledger: "other",
  });
  expect(elsewhere).toMatchObject({ code: "42501" });
  await books.be("test_reader");
  expect(await books.refusal("delete_transaction_metadata", args)).toMatchObject({ code: "42501" });
});
