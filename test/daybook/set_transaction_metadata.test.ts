import { expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const made = (args: object = {}) => books.create(move("alice", "bob", 100), args);
const set = ({ transaction_id }: Row, metadata: unknown) =>
  books.call("set_transaction_metadata", { transaction_id, metadata });
const metadataOf = async ({ transaction_id }: Row) =>
  (await books.transaction(transaction_id))["metadata"];

test("an object is merged at the top level", async () => {
  const transaction = await made({ metadata: { a: { x: 1 }, b: 1 } });
  await set(transaction, { a: { y: 2 }, c: [3], d: null });
  expect(await metadataOf(transaction)).toEqual({ a: { y: 2 }, b: 1, c: [3], d: null });
  await set(transaction, {});
  await set(transaction, null);
  expect(await metadataOf(transaction)).toEqual({ a: { y: 2 }, b: 1, c: [3], d: null });
});

test("it returns the transaction as it is; nothing else of it changes", async () => {
  const transaction = await made();
  const before = await books.transaction(transaction["transaction_id"]);
  expect(await set(transaction, { a: 1 })).toEqual(transaction);
  expect(await books.transaction(transaction["transaction_id"])).toEqual({
    ...before,
    metadata: { a: 1 },
  });
});

test("at any time: pending, posted later, archived, declined, expired", async () => {
  const pending = await made({ status: "pending", expires_at: new Date(Date.now() + 50) });
  expect(await set(pending, { a: 1 })).toMatchObject({ status: "pending", version: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await set(pending, { a: 2 })).toMatchObject({ status: "pending", version: 1 });
  await books.archive(pending);
  expect(await set(pending, { b: 3 })).toMatchObject({ status: "archived", version: 2 });
  expect(await metadataOf(pending)).toEqual({ a: 2, b: 3 });

  const posted = await made({ status: "pending" });
  await books.post(posted);
  expect(await set(posted, { a: 1 })).toMatchObject({ status: "posted", version: 2 });

  const covered = move("alice", "bob", 1, { posted_balance: { gt: 0 } });
  const declined = await books.create(covered, { archive_on_lock_failure: true });
  expect(await set(declined, { a: 1 })).toMatchObject({
    status: "archived",
    archived_reason: "balance_lock_failure",
    version: 1,
  });
});

test("a pending transaction with new metadata can still be posted", async () => {
  const pending = await made({ status: "pending" });
  await set(pending, { a: 1 });
  expect(await books.post(pending, { expected_version: 1 })).toMatchObject({ version: 2 });
  expect(await metadataOf(pending)).toEqual({ a: 1 });
});

test("a replay of the request that made the transaction is still one", async () => {
  const first = await made({ idempotency_key: "k", metadata: { a: 1 } });
  await set(first, { a: 2 });
  expect(await made({ idempotency_key: "k", metadata: { a: 1 } })).toEqual({
    ...first,
    replayed: true,
  });
});

test("64 kB is the limit of what results, not only of what is given", async () => {
  const half = "x".repeat(40_000);
  const transaction = await made({ metadata: { a: half } });
  const { transaction_id } = transaction;
  const refused = await books.refusal("set_transaction_metadata", {
    transaction_id,
    metadata: { b: half },
  });
  expect(refused).toMatchObject({ code: "LDARG", detail: { argument: "metadata" } });
  await set(transaction, { a: 1, b: half });
  expect(await metadataOf(transaction)).toEqual({ a: 1, b: half });
});

test("the log holds what was asked, what it replaced and what it added, nulls included", async () => {
  const transaction = await made({ metadata: { a: 1, b: null, same: 1 } });
  await set(transaction, { a: 2, b: 3, c: null, same: 1 });
  await set(transaction, { new: 1 });
  const log = await books.query(
    "select * from daybook.log where kind = 'set_transaction_metadata' order by id",
  );
  expect(log).toMatchObject([
    {
      transaction_id: transaction["transaction_id"],
      actor: "test_writer",
      data: {
        metadata: { a: 2, b: 3, c: null, same: 1 },
        replaced: { a: 1, b: null },
        added: ["c"],
      },
    },
    { data: { metadata: { new: 1 } } },
  ]);
  expect(log[1]!["data"]).toEqual({ metadata: { new: 1 }, added: ["new"] });
});

test("a refusal leaves no trace", async () => {
  const { transaction_id } = await made();
  const traces = await books.traces();
  await books.refusal("set_transaction_metadata", { transaction_id, metadata: [] });
  expect(await books.traces()).toEqual(traces);
});

const unknown = "00000000-0000-7000-8000-000000000000";
test.each<[string, object]>([
  ["LDARG", { transaction_id: null }],
  ["LDTXN", { transaction_id: unknown }],
  ["LDARG", { transaction_id: unknown, metadata: [] }],
  ["LDARG", { transaction_id: unknown, metadata: "text" }],
  ["LDARG", { transaction_id: unknown, metadata: { a: "x".repeat(70_000) } }],
  ["LDLED", { transaction_id: unknown, ledger: "none" }],
])("%s for %j", async (code, args) => {
  await books.be("test_admin");
  const refused = await books.refusal("set_transaction_metadata", { metadata: {}, ...args });
  expect(refused).toMatchObject({ code });
});

test("42501 for a ledger that is not the caller's, and for a reader", async () => {
  const { transaction_id } = await made();
  const args = { transaction_id, metadata: {} };
  const elsewhere = await books.refusal("set_transaction_metadata", { ...args, ledger: "other" });
  expect(elsewhere).toMatchObject({ code: "42501" });
  await books.be("test_reader");
  expect(await books.refusal("set_transaction_metadata", args)).toMatchObject({ code: "42501" });
});

test("a transaction of another ledger is not found", async () => {
  const { transaction_id } = await made();
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "second" });
  const args = { transaction_id, metadata: {}, ledger: "second" };
  expect(await books.refusal("set_transaction_metadata", args)).toMatchObject({ code: "LDTXN" });
});
