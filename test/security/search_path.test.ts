import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

/* Functions without a search_path of their own run under their caller's. Here that has other operators in it. */

const books = useBooks(async (b) => {
  await b.create(move("cash", "alice", 100));
  await b.create(move("alice", "cash", 30), { status: "pending" });
  // Each of them fits better than PostgreSQL's, or as well and stands before it.
  await b.look(`
    create schema other;
    grant usage on schema other to public;
    create function other.yes(numeric, integer) returns boolean language sql return true;
    create function other.no(numeric, integer) returns boolean language sql return false;
    create function other.no(daybook.direction, daybook.direction) returns boolean language sql return false;
    create function other.none(numeric, numeric) returns numeric language sql return 0;
    create function other.scale(numeric) returns integer language sql return 0;
    create operator other.= (leftarg = numeric, rightarg = integer, function = other.yes);
    create operator other.<> (leftarg = numeric, rightarg = integer, function = other.no);
    create operator other.= (leftarg = daybook.direction, rightarg = daybook.direction, function = other.no);
    create operator other.- (leftarg = numeric, rightarg = numeric, function = other.none)`);
});

const PATH = "set local search_path to other, pg_catalog";

test("the schema does what it is for", async () => {
  await books.query(PATH);
  expect(await books.query("select 5.5 - 5.4 as net, 1.5 = 2 as same")).toEqual([
    { net: "0", same: true },
  ]);
});

test("balances are what they are", async () => {
  const ask = () => books.query("select * from daybook.balances where ledger = 'main'");
  const before = await ask();
  expect(before.filter((row) => row["pending_amount"] !== "0")).toHaveLength(2);
  await books.query(PATH);
  expect(await ask()).toEqual(before);
});

test.each(["0.5", "5"])(
  "what somebody writes by hand must balance, to the unit: %s",
  async (amount) => {
    await books.look(PATH);
    const attempt = () =>
      books.look(
        `insert into daybook.entries (ledger, id, transaction_id, transaction_version, position, account_id,
         direction, amount, currency, effect, locked, effective_at, created_at)
       select 'main', uuidv7(), '00000000-0000-7000-8000-000000000001', 1, 1, gen_random_uuid(),
              d.direction::daybook.direction, d.amount, 'USD', 'posted', false, now(), now()
         from (values ('debit', $1::numeric), ('credit', 0.5)) d (direction, amount)`,
        [amount],
      );
    expect(await books.refused(attempt)).toMatchObject({ code: "LDUNB" });
  },
);
