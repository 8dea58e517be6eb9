import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

/* alice is in both children of top; the entries of bob and carol are few and many. */
const books = useBooks(async ({ call, create, post, archive }) => {
  for (const category of ["top", "left", "right", "empty"])
    await call("create_category", { category, currency: "USD" });
  for (const args of [
    { category: "top", child_category: "left" },
    { category: "top", child_category: "right" },
    { category: "left", account: "alice" },
    { category: "right", account: "alice" },
    { category: "right", account: "carol" },
  ])
    await call("add_to_category", args);
  for (let n = 0; n < 12; n++) {
    await create(move("alice", "bob", 1));
    await create(move("bank", "cash", 1));
    if (n % 3 === 0) await create(move("carol", "alice", 1));
    const pending = await create(move("bank", "carol", 2), { status: "pending" });
    if (n % 4 === 1) await post(pending);
    if (n % 4 === 2) await archive(pending);
  }
});

const page = (args: object = {}) => books.all("category_entries", { category: "top", ...args });
const ids = (rows: Record<string, unknown>[]) => rows.map((row) => row["id"]);
const expected = async (accounts: string[]) =>
  ids(
    await books.look(
      `select e.id from daybook.entries e join daybook.accounts a on a.id = e.account_id
        where a.address = any ($1) order by e.id desc`,
      [accounts],
    ),
  );

test("shows the entries of all its accounts, newest first, each once", async () => {
  const rows = await page();
  expect(ids(rows)).toEqual(await expected(["alice", "carol"]));
  expect(new Set(rows.map((row) => row["effect"]))).toEqual(
    new Set(["pending", "posted", "settled", "released"]),
  );
  expect(ids(await page({ category: "left" }))).toEqual(await expected(["alice"]));
  expect(await page({ category: "empty" })).toEqual([]);
});

test.each([1, 2, 3, 7])("pages of %i rows make up the whole", async (first) => {
  const seen: unknown[] = [];
  for (let after: unknown; ; after = seen.at(-1)) {
    const rows = await page({ first, after });
    seen.push(...ids(rows));
    if (rows.length < first) break;
  }
  expect(seen).toEqual(await expected(["alice", "carol"]));
});

test.each<[string, object]>([
  ["LDARG", { first: 0 }],
  ["LDARG", { first: -1 }],
  ["LDARG", { first: 1001 }],
  ["LDARG", { category: "a b" }],
  ["LDCTG", { category: "none" }],
  ["42501", { ledger: "none" }],
])("%s for %j", async (code, args) => {
  expect(await books.refusal("category_entries", { category: "top", ...args })).toMatchObject({
    code,
  });
});

test("a page has 100 rows if nothing is said", async () => {
  for (let n = 0; n < 110; n++) await books.create(move("alice", "bob", 1));
  expect(await page()).toHaveLength(100);
  expect(await page({ first: null })).toHaveLength(100);
  expect(await page({ first: 1000 })).toHaveLength((await expected(["alice", "carol"])).length);
});
