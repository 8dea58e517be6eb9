import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const entry = async (list: string) =>
  (await books.query(`select to_jsonb(daybook.debit(${list})) as entry`))[0]!["entry"];

test("debit(account, amount) is an entry that asks for nothing else", async () => {
  expect(await entry("'alice', 100")).toEqual({
    account: "alice",
    direction: "debit",
    amount: 100,
    lock_version: null,
    pending_balance: null,
    posted_balance: null,
    available_balance: null,
    show_resulting_balances: null,
    metadata: null,
  });
});

test("every other field is an argument by name", async () => {
  expect(
    await entry(
      `account => 'alice', amount => 1, lock_version => 7, pending_balance => daybook.gt(1),
       posted_balance => daybook.lt(2), available_balance => daybook.eq(3),
       show_resulting_balances => true, metadata => '{"a": 1}'`,
    ),
  ).toMatchObject({
    lock_version: 7,
    pending_balance: { gt: 1 },
    posted_balance: { lt: 2 },
    available_balance: { eq: 3 },
    show_resulting_balances: true,
    metadata: { a: 1 },
  });
});

test("what it builds is accepted by create_transaction", async () => {
  const [result] = await books.query(
    `select r.* from daybook.create_transaction('main', array[
       daybook.debit('alice', 5), daybook.credit('bob', 5)]) r`,
  );
  expect(result).toMatchObject({ status: "posted" });
  expect(await books.balance("alice")).toMatchObject({ posted_debits: "5", posted_credits: "0" });
});
