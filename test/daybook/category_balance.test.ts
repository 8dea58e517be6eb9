import { expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

/* The diamond: top contains left and right, both contain bottom. */
const books = useBooks(async ({ call, create }) => {
  for (const category of ["top", "left", "right", "bottom", "empty"])
    await call("create_category", { category, currency: "USD" });
  await call("create_category", { category: "assets", currency: "USD", normal_balance: "debit" });
  for (const args of [
    { category: "top", child_category: "left" },
    { category: "top", child_category: "right" },
    { category: "left", child_category: "bottom" },
    { category: "right", child_category: "bottom" },
    { category: "left", account: "alice" },
    { category: "bottom", account: "alice" },
    { category: "right", account: "bob" },
    { category: "assets", account: "bank" },
  ])
    await call("add_to_category", args);
  await create([debit("bank", 150), credit("alice", 100), credit("bob", 50)]);
  await create(move("alice", "carol", 7), { status: "pending" });
  await create(move("carol", "bob", 3), { status: "pending" });
});
const balance = (category: string) => books.call("category_balance", { category });
const refusal = (args: object) => books.refusal("category_balance", { category: "top", ...args });

test("sums the four counters over the whole graph below, each account once", async () => {
  expect(await balance("top")).toEqual({
    ledger: "main",
    account: null,
    account_id: null,
    currency: "USD",
    currency_exponent: 2,
    normal_balance: "credit",
    lock_version: null,
    pending_debits: "7",
    pending_credits: "153",
    pending_amount: "146",
    posted_debits: "0",
    posted_credits: "150",
    posted_amount: "150",
    available_amount: "143",
  });
  expect(await balance("bottom")).toMatchObject({ posted_amount: "100", available_amount: "93" });
  expect(await balance("right")).toMatchObject({ posted_amount: "150" });
  expect(await balance("assets")).toMatchObject({ normal_balance: "debit", posted_amount: "150" });
});

test("is zeros for an empty category and for accounts that nothing happened to", async () => {
  const zeros = { pending_amount: "0", posted_amount: "0", available_amount: "0" };
  expect(await balance("empty")).toMatchObject({ ...zeros, currency: "USD", lock_version: null });
  await books.open("new");
  await books.call("add_to_category", { category: "empty", account: "new" });
  expect(await balance("empty")).toMatchObject(zeros);
});

test("follows what is put in and taken out", async () => {
  await books.call("remove_from_category", { category: "top", child_category: "right" });
  expect(await balance("top")).toMatchObject({ posted_amount: "100" });
  await books.call("add_to_category", { category: "bottom", account: "bob" });
  expect(await balance("top")).toMatchObject({ posted_amount: "150" });
});

test("counts what is queued, of its own accounts only", async () => {
  await books.query("commit");
  await books.query("begin isolation level repeatable read");
  await books.create(move("alice", "carol", 40));
  await books.query("commit");
  await books.query("begin");
  try {
    expect(await balance("top")).toMatchObject({ posted_amount: "110", available_amount: "103" });
    expect(await balance("right")).toMatchObject({ posted_amount: "110" });
    expect(await balance("assets")).toMatchObject({ posted_amount: "150" });
  } finally {
    await books.create(move("carol", "alice", 40));
    await books.query("commit");
    await books.query("begin");
  }
});

test("at a time, counts what is effective by then, by today's membership, each account once", async () => {
  await books.create(move("carol", "alice", 30), { effective_at: "2001-01-01T00:00:00Z" });
  await books.create(move("carol", "bob", 4), { effective_at: "2002-01-01T00:00:00Z" });
  const at = (category: string, effective_at: string) =>
    books.call("category_balance", { category, effective_at });
  expect(await at("top", "2000-12-31T23:59:59Z")).toMatchObject({ posted_amount: "0" });
  expect(await at("top", "2001-01-01T00:00:00Z")).toMatchObject({
    posted_amount: "30",
    account: null,
    lock_version: null,
  });
  expect(await at("top", "2002-01-01T00:00:00Z")).toMatchObject({ posted_amount: "34" });
  expect(await at("empty", "2002-01-01T00:00:00Z")).toMatchObject({ posted_amount: "0" });
  await books.call("remove_from_category", { category: "top", child_category: "right" });
  expect(await at("top", "2002-01-01T00:00:00Z")).toMatchObject({ posted_amount: "30" });
});

test.each<[string, object]>([
  ["LDARG", { effective_at: "infinity" }],
  ["LDARG", { effective_at: "-infinity", category: "none" }],
  ["LDARG", { category: null }],
  ["LDARG", { category: "a b" }],
  ["LDCTG", { category: "none" }],
  ["42501", { ledger: "none" }],
  ["42501", { ledger: null }],
])("%s for %j", async (code, args) => {
  expect(await refusal(args)).toMatchObject({ code });
});

test("LDLED for whoever may use every ledger", async () => {
  await books.be("test_admin");
  expect(await refusal({ ledger: "none" })).toMatchObject({ code: "LDLED" });
});

test("sums 100 000 accounts, in a thousand categories, without reading the others one by one", async () => {
  await books.look(`
    insert into daybook.accounts (ledger, address, currency, currency_exponent, normal_balance, request_hash)
      select 'main', 'many:' || n, 'USD', 2, 'credit', 0 from generate_series(1, 100000) n;
    insert into daybook_private.account_counters
        (ledger, account_id, address, currency, currency_exponent, normal_balance, pending_credits, posted_credits)
      select ledger, id, address, currency, currency_exponent, normal_balance, 2, 1
        from daybook.accounts where address like 'many:%';
    insert into daybook.categories (ledger, category, currency, currency_exponent, normal_balance, request_hash)
      select 'main', 'many:' || n, 'USD', 2, 'credit', 0 from generate_series(0, 1000) n;
    insert into daybook.category_members (ledger, category, child_category)
      select 'main', 'many:0', 'many:' || n from generate_series(1, 1000) n;
    insert into daybook.category_members (ledger, category, account, account_id)
      select 'main', 'many:' || 1 + substr(address, 6)::integer % 1000, address, id
        from daybook.accounts where address like 'many:%'`);
  const started = performance.now();
  expect(await balance("many:0")).toMatchObject({
    posted_amount: "100000",
    pending_amount: "200000",
  });
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(await balance("many:7")).toMatchObject({ posted_amount: "100" });
});
