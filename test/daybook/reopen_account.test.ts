import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();

test("a reopened account is as it was before and takes entries again", async () => {
  const before = await books.open("alice");
  await books.call("close_account", { address: "alice" });
  expect(await books.call("reopen_account", { address: "alice" })).toEqual(before);
  expect(await books.create(move("alice", "bob", 1))).toMatchObject({ status: "posted" });
  expect(
    await books.create(move("alice", "bob", 1, { available_balance: { gte: -2 } })),
  ).toMatchObject({ status: "posted" });
});

test("reopening is idempotent and leaves an open account alone", async () => {
  const before = await books.open("alice");
  const traces = await books.traces();
  expect(await books.call("reopen_account", { address: "alice" })).toEqual(before);
  expect(await books.traces()).toEqual(traces);
});

test("closing and reopening are both logged", async () => {
  const { id } = await books.call("close_account", { address: "alice" });
  await books.call("reopen_account", { address: "alice" });
  const log = await books.query("select kind from daybook.log where account_id = $1 order by id", [
    id,
  ]);
  expect(log.map((row) => row["kind"])).toEqual([
    "open_account",
    "close_account",
    "reopen_account",
  ]);
});

test.each([
  ["LDARG", { address: null }],
  ["LDACC", { address: "nobody" }],
])("%s for %j", async (code, args) => {
  expect(await books.refusal("reopen_account", args)).toMatchObject({ code });
});
