import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();

/** One posted and one pending transaction in each direction, of different amounts. */
async function moveAll(account: string): Promise<void> {
  await books.create(move("carol", account, 1000));
  await books.create(move(account, "carol", 100));
  await books.create(move("carol", account, 10), { status: "pending" });
  await books.create(move(account, "carol", 1), { status: "pending" });
}

test("pending counters include posted ones, and available counts pending outflows only", async () => {
  await moveAll("alice");
  expect(await books.balance("alice")).toMatchObject({
    ledger: "main",
    account: "alice",
    currency: "USD",
    currency_exponent: 2,
    normal_balance: "credit",
    lock_version: "4",
    pending_debits: "101",
    pending_credits: "1010",
    pending_amount: "909",
    posted_debits: "100",
    posted_credits: "1000",
    posted_amount: "900",
    available_amount: "899",
  });
});

test("all is mirrored for an account of normal balance debit", async () => {
  await moveAll("cash");
  expect(await books.balance("cash")).toMatchObject({
    normal_balance: "debit",
    pending_debits: "101",
    pending_credits: "1010",
    pending_amount: "-909",
    posted_amount: "-900",
    available_amount: "-910",
  });
});

test("entries of the past and of the future count alike", async () => {
  await books.create(move("carol", "alice", 5), { effective_at: "2001-01-01T00:00:00Z" });
  await books.create(move("carol", "alice", 7), { effective_at: "2999-01-01T00:00:00Z" });
  expect(await books.balance("alice")).toMatchObject({ posted_amount: "12" });
});

test("a balance is what the view balances shows", async () => {
  await moveAll("alice");
  const [row] = await books.query(
    "select * from daybook.balances where ledger = 'main' and account = 'alice'",
  );
  expect(await books.balance("alice")).toEqual(row);
});

test("amounts beyond the range of bigint are exact", async () => {
  const most = "9".repeat(36);
  await books.create(move("carol", "alice", most));
  await books.create(move("carol", "alice", most));
  expect(await books.balance("alice")).toMatchObject({
    posted_amount: `1${"9".repeat(35)}8`,
    available_amount: `1${"9".repeat(35)}8`,
  });
});

test.each([
  ["LDARG", { account: null }],
  ["LDARG", { account: "" }],
  ["LDARG", { account: "a b" }],
  ["LDARG", { ledger: null, account: "alice" }],
  ["LDLED", { ledger: "none", account: "alice" }],
  ["LDACC", { account: "Alice" }],
])("%s for %j", async (code, args) => {
  await books.be("test_admin");
  expect(await books.refusal("account_balance", args)).toMatchObject({ code });
});

test("an account that does not exist is named", async () => {
  expect(await books.refusal("account_balance", { account: "nobody" })).toMatchObject({
    code: "LDACC",
    detail: { accounts: ["nobody"] },
  });
});
