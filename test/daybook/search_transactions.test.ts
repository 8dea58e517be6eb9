import { describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

const at = (day: number) => `2026-03-${String(day).padStart(2, "0")}T12:00:00Z`;

const books = useBooks(async ({ call, create, open, post, archive, look, all }) => {
  await open("users:alice:card");
  await open("users:alice:cash");
  for (const category of ["mine", "child", "other"])
    await call("create_category", { category, currency: "USD" });
  await call("add_to_category", { category: "mine", child_category: "child" });
  await call("add_to_category", { category: "child", account: "users:alice:card" });
  await call("add_to_category", { category: "other", account: "bob" });
  const make = (name: string, entries: ReturnType<typeof move>, day: number, args: object = {}) =>
    create(entries, { external_id: name, effective_at: at(day), ...args });
  await make("coffee", move("users:alice:card", "bank", 450), 1, {
    description: "STARBUCKS #1234",
    metadata: { order: 7, shop: "Blue Bottle", tags: ["a", "b"] },
  });
  await make("rent", move("users:alice:cash", "bank", 90_000), 2, {
    description: "Rent for March",
  });
  await make("hold", move("users:alice:card", "bob", 700), 3, { status: "pending" });
  await post(await make("posted", move("bob", "carol", 700), 4, { status: "pending" }));
  await archive(await make("archived", move("bob", "carol", 800), 5, { status: "pending" }));
  await make("euro", move("euro-cash", "euro", 5), 6);
  await make(
    "several",
    [debit("users:alice:card", 30), debit("users:alice:cash", 20), credit("bank", 50)],
    7,
  );
  await create(move("carol", "bob", 123, { available_balance: { gte: 1_000_000 } }), {
    archive_on_lock_failure: true,
    effective_at: at(8),
    description: "declined",
  });
  await look("select daybook_private.index_search('main')");
  const [coffee] = await all("search_transactions", { external_id: "coffee" });
  await call("set_transaction_metadata", {
    transaction_id: coffee!["id"],
    metadata: { late: true },
  });
});

const find = async (args: object) =>
  (await books.all("search_transactions", args)).map(
    (row) => row["external_id"] ?? row["description"],
  );

describe("finds by", () => {
  test.each<[string, object, string[]]>([
    [
      "nothing: all, latest first",
      {},
      ["declined", "several", "euro", "archived", "posted", "hold", "rent", "coffee"],
    ],
    ["account", { account: "users:alice:card" }, ["several", "hold", "coffee"]],
    ["what is below an address", { account: "users:*" }, ["several", "hold", "rent", "coffee"]],
    ["whole segments of an address", { account: "users:alice:c:*" }, []],
    ["category, through others", { category: "mine" }, ["several", "hold", "coffee"]],
    ["both", { category: "mine", account: "users:alice:cash" }, []],
    ["direction, of the same line", { account: "bob", direction: "debit" }, ["archived", "posted"]],
    ["currency", { currency: "EUR" }, ["euro"]],
    ["amount", { amount_min: 700, amount_max: 800 }, ["archived", "posted", "hold"]],
    [
      "amount and account, of the same line",
      { account: "users:alice:card", amount_max: 30 },
      ["several"],
    ],
    ["status", { status: "archived" }, ["declined", "archived"]],
    [
      "effective time, from one to before another",
      { effective_from: at(2), effective_before: at(4) },
      ["hold", "rent"],
    ],
    ["time of recording", { created_before: at(1) }, []],
    ["external id", { external_id: "rent" }, ["rent"]],
    ["metadata", { metadata: { order: 7, tags: ["b"] } }, ["coffee"]],
    ["metadata set a moment ago", { metadata: { late: true } }, ["coffee"]],
    ["a misspelt word", { words: "starbcks" }, ["coffee"]],
    ["words that are in none", { words: "zebra" }, []],
    ["words of chosen metadata", { words: "blu botle", metadata_keys: ["shop"] }, ["coffee"]],
    ["no words of other metadata", { words: "blu botle", metadata_keys: ["order"] }, []],
    [
      "many things at once",
      {
        account: "users:*",
        direction: "debit",
        status: "posted",
        words: "rent for mach",
        amount_min: 1,
      },
      ["rent"],
    ],
  ])("%s", async (_, args, found) => {
    expect(await find(args)).toEqual(found);
  });
});

test.each<[object, string[]]>([
  [{ sort: "effective_at", ascending: true, first: 2 }, ["coffee", "rent"]],
  [{ sort: "created_at", first: 2 }, ["declined", "several"]],
  [{ sort: "amount" }, ["rent", "archived", "posted", "hold", "coffee", "several", "euro"]],
  [{ sort: "amount", ascending: true, first: 3 }, ["euro", "several", "coffee"]],
])("sorts %j", async (args, found) => {
  expect(await find(args)).toEqual(found);
});

test("shows the transaction, the amount of the matching line, and a cursor that leads on", async () => {
  const search = { account: "users:alice:*", direction: "debit", first: 1 };
  const [row] = await books.all("search_transactions", search);
  const transaction = await books.transaction(row!["id"]);
  const { amount, currency, cursor, ...columns } = row!;
  expect([amount, currency]).toEqual(["30", "USD"]);
  expect(transaction).toMatchObject(columns);
  const [next] = await books.all("search_transactions", { ...search, after: cursor });
  expect(next).toMatchObject({ external_id: "hold", amount: "700" });
});

const amounts = async (args: object) =>
  (await books.all("search_transactions", { external_id: "several", ...args })).map(
    (row) => row["amount"],
  );

test("of several matching lines the greatest counts, and the least where amounts rise", async () => {
  expect(await amounts({})).toEqual(["50"]);
  expect(await amounts({ sort: "amount" })).toEqual(["50"]);
  expect(await amounts({ sort: "amount", ascending: true })).toEqual(["20"]);
  expect(await amounts({ sort: "amount", direction: "debit" })).toEqual(["30"]);
});

test.each<[string, object, string]>([
  ["no page of 0", { first: 0 }, "first"],
  ["no page above 200", { first: 201 }, "first"],
  ["a malformed address", { account: "users:*:card" }, "account"],
  ["a lone star", { account: "*" }, "account"],
  ["a malformed category", { category: "a b" }, "category"],
  [
    "a cursor of another order",
    { after: "amount/desc/5/01a1fca2-5fd9-7000-8000-000000000000" },
    "after",
  ],
  ["what is no cursor", { after: "effective_at/desc/soon/1" }, "after"],
  ["metadata that is no object", { metadata: [1] }, "metadata"],
  ["words without a letter", { words: " -- " }, "words"],
  ["too many words", { words: "x".repeat(201) }, "words"],
  ["keys without words", { metadata_keys: ["shop"] }, "metadata_keys"],
  ["an amount that is no number", { amount_min: "NaN" }, "amount_min, amount_max"],
  [
    "a time that is none",
    { effective_from: "infinity" },
    "effective_from, effective_before, created_from, created_before",
  ],
])("LDARG: %s", async (_, args, argument) => {
  expect(await books.refusal("search_transactions", args)).toMatchObject({
    code: "LDARG",
    detail: { argument },
  });
});

test("what does not exist is an error, except below an address", async () => {
  expect(await books.refusal("search_transactions", { account: "nobody" })).toMatchObject({
    code: "LDACC",
  });
  expect(await books.refusal("search_transactions", { category: "nothing" })).toMatchObject({
    code: "LDCTG",
  });
  expect(await books.refusal("search_transactions", { ledger: "else" })).toMatchObject({
    code: "42501",
  });
  await books.be("test_admin");
  expect(await books.refusal("search_transactions", { ledger: "else" })).toMatchObject({
    code: "LDLED",
  });
});

test("who may read a category searches in it, or on an account of it, and nowhere else", async () => {
  await books.be("test_admin");
  await books.call("grant_category_access", { role: "test_reader", category: "mine" });
  await books.be("test_reader");
  expect(await find({ category: "mine", status: "posted" })).toEqual(["several", "coffee"]);
  expect(await find({ account: "users:alice:card", status: "pending" })).toEqual(["hold"]);
  expect(await find({ category: "child", account: "users:*" })).toEqual([
    "several",
    "hold",
    "coffee",
  ]);
  for (const args of [
    {},
    { account: "bob" },
    { account: "users:*" },
    { category: "other" },
    { external_id: "rent" },
    { category: "mine", account: "bob" },
    { category: "mine", account: "nobody" },
  ])
    expect(await books.refusal("search_transactions", args)).toMatchObject({ code: "42501" });
});

test("a search that takes too long is given up, and says so", async () => {
  await books.query("set local daybook.search_timeout to '1us'");
  expect(await books.refusal("search_transactions", {})).toMatchObject({
    code: "57014",
    hint: expect.stringContaining("Ask for less"),
  });
  await books.query("set local daybook.search_timeout to '0'");
  expect(await find({ first: 1 })).toEqual(["declined"]);
});
