import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks(async ({ call, be }) => {
  await be("test_admin");
  await call("create_ledger", { ledger: "other" });
});

const request = (idempotency_key: string) => ({
  entries: move("alice", "bob", 5),
  idempotency_key,
});
const queues = () =>
  books.query(
    "select ledger, depth, max_depth, oldest_accepted_at, oldest_age from daybook.transaction_queue order by ledger",
  );

test("shows how many wait in each ledger, and since when", async () => {
  expect(await queues()).toEqual([
    {
      ledger: "main",
      depth: "0",
      max_depth: "1000000",
      oldest_accepted_at: null,
      oldest_age: null,
    },
  ]);
  const [first] = await books.enqueue(request("a"));
  await books.enqueue(request("b"), request("c"));
  const [main] = await queues();
  expect(main).toMatchObject({ depth: "3", oldest_accepted_at: first!["accepted_at"] });
  expect(main!["oldest_age"]).not.toBeNull();
  await books.drain();
  expect(await queues()).toMatchObject([{ depth: "0", oldest_age: null }]);
});

test("to whom a ledger is not granted, its queue is not shown", async () => {
  await books.enqueue(request("a"));
  expect(await queues()).toMatchObject([{ ledger: "main" }]);
  await books.be("test_admin");
  expect(await queues()).toMatchObject([
    { ledger: "main", depth: "1" },
    { ledger: "other", depth: "0" },
  ]);
  await books.be("test_reader");
  expect(await queues()).toEqual([]);
});

test("what was asked for is shown to nobody", async () => {
  await books.enqueue(request("a"));
  await expect(
    books.query("select request from daybook_private.queued_transactions"),
  ).rejects.toMatchObject({ code: "42501" });
});
