import { expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const close = (address: string) => books.call("close_account", { address });
const closed = { code: "LDCLS", detail: { account: "alice" } };

test("a closed account says since when", async () => {
  expect((await close("alice"))["closed_at"]).toBeInstanceOf(Date);
});

test("closing is idempotent: the first time stands and is logged once", async () => {
  const first = await close("alice");
  const traces = await books.traces();
  expect(await close("alice")).toEqual(first);
  expect(await books.traces()).toEqual(traces);
  expect(
    await books.query(
      "select * from daybook.log where account_id = $1 and kind = 'close_account'",
      [first["id"]],
    ),
  ).toMatchObject([{ actor: "test_writer" }]);
});

test("an account closes at any balance, with entries pending", async () => {
  await books.create(move("bank", "alice", 100));
  await books.create(move("alice", "bob", 30), { status: "pending" });
  await close("alice");
  expect(await books.balance("alice")).toMatchObject({
    posted_amount: "100",
    available_amount: "70",
  });
});

test("a closed account refuses new entries in either direction, with their index", async () => {
  await close("alice");
  expect(await books.createRefused(move("alice", "bob", 1))).toMatchObject({
    code: "LDCLS",
    detail: { index: 1, account: "alice" },
  });
  expect(await books.createRefused(move("bob", "alice", 1))).toMatchObject({
    code: "LDCLS",
    detail: { index: 2, account: "alice" },
  });
  expect(await books.createRefused(move("bob", "alice", 1), { status: "pending" })).toMatchObject(
    closed,
  );
});

test("a closed account refuses locked entries too", async () => {
  await close("alice");
  const extras = { available_balance: { gte: -1000 }, lock_version: 0 };
  expect(await books.createRefused(move("alice", "bob", 1, extras))).toMatchObject(closed);
});

test("of two closed accounts the entry with the lowest index is named", async () => {
  await close("alice");
  await close("bob");
  const entries = [debit("carol", 2), credit("bob", 1), credit("alice", 1)];
  expect(await books.createRefused(entries)).toMatchObject({
    code: "LDCLS",
    detail: { index: 2, account: "bob" },
  });
});

test("a closed account cannot be declined away: LDCLS is raised", async () => {
  await close("alice");
  expect(
    await books.createRefused(move("alice", "bob", 1, { available_balance: { gte: 0 } }), {
      archive_on_lock_failure: true,
    }),
  ).toMatchObject(closed);
});

test.each(["post_transaction", "archive_transaction"])(
  "%s works on the pendings of a closed account",
  async (name) => {
    const { transaction_id } = await books.create(move("alice", "bob", 30), { status: "pending" });
    await close("alice");
    expect(await books.call(name, { transaction_id })).toMatchObject({ version: 2 });
    const posted = name === "post_transaction" ? "-30" : "0";
    expect(await books.balance("alice")).toMatchObject({
      posted_amount: posted,
      available_amount: posted,
    });
  },
);

test.each([
  ["LDARG", { address: null }],
  ["LDARG", { address: "a b" }],
  ["LDACC", { address: "nobody" }],
])("%s for %j", async (code, args) => {
  expect(await books.refusal("close_account", args)).toMatchObject({ code });
});
