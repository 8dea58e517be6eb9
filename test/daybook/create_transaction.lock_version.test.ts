import { expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const version = async (account: string) => Number((await books.balance(account))["lock_version"]);

test("a new account is at version 0, and each entry raises it by one", async () => {
  await books.create(move("alice", "bob", 1, { lock_version: 0 }));
  await books.create(move("alice", "bob", 1, { lock_version: 1 }));
  await books.create(move("alice", "bob", 1), { status: "pending" });
  await books.create(move("alice", "bob", 1, { lock_version: 3 }));
  expect(await version("alice")).toBe(4);
});

test.each([0, 2, 99])("another version, %d for 1, is LDVER with the actual one", async (given) => {
  await books.create(move("alice", "bob", 1));
  const refused = await books.createRefused(move("alice", "bob", 1, { lock_version: given }));
  expect(refused).toMatchObject({ code: "LDVER", detail: { index: 1, account: "alice" } });
  expect(Number(refused.detail["actual"])).toBe(1);
});

test("of several entries on one account each takes a version, in array order", async () => {
  await books.create(move("carol", "alice", 1));
  await books.create([
    debit("alice", 10),
    credit("bob", 111),
    debit("alice", 1, { lock_version: 1 }),
    debit("alice", 100, { lock_version: 1 }),
  ]);
  const rows = await books.entriesOf("alice");
  expect(rows.map((row) => [row["lock_version"], row["amount"], row["posted_debits"]])).toEqual([
    ["1", "1", "0"],
    ["2", "10", "10"],
    ["3", "1", "11"],
    ["4", "100", "111"],
  ]);
});

const withLater = (lock_version: number) => [
  debit("alice", 1),
  credit("bob", 2),
  debit("alice", 1, { lock_version }),
];

test("a later entry's version is the one before the transaction, not before the entry", async () => {
  await books.create(move("carol", "alice", 1));
  expect(await books.createRefused(withLater(2))).toMatchObject({
    code: "LDVER",
    detail: { index: 3, account: "alice" },
  });
  await books.create(withLater(1));
});

test("different versions for one account are refused", async () => {
  await books.create(move("carol", "alice", 1));
  const entries = [
    debit("alice", 1, { lock_version: 1 }),
    debit("alice", 1, { lock_version: 2 }),
    credit("bob", 2),
  ];
  expect(["LDVER", "LDARG"]).toContain((await books.createRefused(entries)).code);
});

test("posting and archiving take versions too", async () => {
  for (const finish of ["post", "archive"] as const) {
    const before = await version("alice");
    const transaction = await books.create(move("alice", "bob", 1), { status: "pending" });
    await books[finish](transaction);
    expect(await version("alice")).toBe(before + 2);
  }
});

test("a refused transaction takes no version", async () => {
  await books.createRefused(move("alice", "bob", 1, { available_balance: { gte: 0 } }));
  expect(await version("alice")).toBe(0);
  expect(await version("bob")).toBe(0);
});

test("each account has its own version", async () => {
  await books.create(move("alice", "carol", 1));
  await books.create([
    debit("alice", 1, { lock_version: 1 }),
    credit("bob", 1, { lock_version: 0 }),
  ]);
  const entries = [debit("alice", 1, { lock_version: 2 }), credit("bob", 1, { lock_version: 2 })];
  expect(await books.createRefused(entries)).toMatchObject({
    code: "LDVER",
    detail: { index: 2, account: "bob", actual: 1 },
  });
});

test("of two conflicts the lowest entry is told", async () => {
  const wrong = { lock_version: 9 };
  const entries = [credit("carol", 2), debit("bob", 1, wrong), debit("alice", 1, wrong)];
  expect(await books.createRefused(entries)).toMatchObject({
    code: "LDVER",
    detail: { index: 2, account: "bob" },
  });
});

test("a negative version is LDARG, the greatest possible one is LDVER", async () => {
  expect(await books.createRefused(move("alice", "bob", 1, { lock_version: -1 }))).toMatchObject({
    code: "LDARG",
    detail: { argument: "lock_version", index: 1 },
  });
  const attempt = () =>
    books.query(
      `select daybook.create_transaction('main', array[
         daybook.debit('alice', 1, lock_version => 9223372036854775807), daybook.credit('bob', 1)])`,
    );
  expect(await books.refused(attempt)).toMatchObject({ code: "LDVER" });
});
