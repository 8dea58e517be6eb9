import { expect, test } from "@jest/globals";
import { credit, debit, useBooks } from "../support/use-books.ts";

const books = useBooks();
const show = { show_resulting_balances: true };

test("the balances of those who asked are returned, once each, as they are afterwards", async () => {
  const { balances } = await books.create([
    debit("bob", 1),
    debit("cash", 10, show),
    credit("alice", 3, show),
    credit("alice", 8, show),
  ]);
  expect(balances).toHaveLength(2);
  expect(balances).toMatchObject([
    {
      ledger: "main",
      account: "cash",
      normal_balance: "debit",
      posted_amount: 10,
      lock_version: 1,
    },
    {
      account: "alice",
      currency: "USD",
      currency_exponent: 2,
      lock_version: 2,
      posted_credits: 11,
      posted_amount: 11,
      available_amount: 11,
    },
  ]);
});

test("they are what account_balance returns", async () => {
  const { balances } = await books.create([debit("bob", 1, show), credit("alice", 1)], {
    status: "pending",
  });
  const [now] = await books.query(
    "select to_jsonb(b) as b from daybook.account_balance('main', 'bob') b",
  );
  expect(balances).toEqual([now!["b"]]);
});

test("false is as good as null: nothing is shown", async () => {
  const entries = [debit("bob", 1, { show_resulting_balances: false }), credit("alice", 1)];
  expect(await books.create(entries)).toMatchObject({ balances: null });
});

test("a replay returns the balances of then, not of now", async () => {
  const entries = [debit("bob", 1, show), credit("alice", 1, show)];
  const first = await books.create(entries, { idempotency_key: "k" });
  await books.create([debit("alice", 500), credit("bob", 500)]);
  const again = await books.create(entries, { idempotency_key: "k" });
  expect(again).toEqual({ ...first, replayed: true });
});

test("amounts beyond the range of doubles are exact in a replay", async () => {
  const most = "9".repeat(35);
  const replay = async () => {
    const [row] = await books.query(
      `select replayed, (r.balances[1]).posted_amount::text as posted
         from daybook.create_transaction('main', array[
                daybook.credit('alice', ${most}, show_resulting_balances => true), daybook.debit('bob', ${most})],
                idempotency_key => 'k') r`,
    );
    return row;
  };
  expect(await replay()).toEqual({ replayed: false, posted: most });
  expect(await replay()).toEqual({ replayed: true, posted: most });
});

test("a dry run shows what the balances would be", async () => {
  const { balances } = await books.create([debit("bob", 1, show), credit("alice", 1)], {
    dry_run: true,
  });
  expect(balances).toMatchObject([{ account: "bob", posted_amount: -1, lock_version: 1 }]);
  expect(await books.balance("bob")).toMatchObject({ posted_amount: "0" });
});
