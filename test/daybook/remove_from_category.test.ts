import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks(async ({ call }) => {
  for (const category of ["top", "left"])
    await call("create_category", { category, currency: "USD" });
  await call("add_to_category", { category: "top", account: "alice" });
  await call("add_to_category", { category: "top", child_category: "left" });
  await call("add_to_category", { category: "left", account: "alice" });
});
const remove = (args: object) => books.call("remove_from_category", { category: "top", ...args });
const refusal = (args: object) =>
  books.refusal("remove_from_category", { category: "top", ...args });
const members = () =>
  books.query(
    "select category, account, child_category from daybook.category_members order by 1, 2, 3",
  );

test("what is taken out of a category stays in others, and the category is returned", async () => {
  expect(await remove({ account: "alice" })).toMatchObject({ ledger: "main", category: "top" });
  expect(await members()).toEqual([
    { category: "left", account: "alice", child_category: null },
    { category: "top", account: null, child_category: "left" },
  ]);
  await remove({ child_category: "left" });
  expect(await members()).toEqual([{ category: "left", account: "alice", child_category: null }]);
});

test("what is not in there is no error and is not logged", async () => {
  for (let n = 0; n < 2; n++) await remove({ account: "alice" });
  await remove({ account: "euro" });
  await remove({ category: "left", child_category: "top" });
  const log = await books.query(
    "select data, account_id from daybook.log where kind = 'remove_from_category'",
  );
  expect(log).toEqual([
    { data: { category: "top", account: "alice" }, account_id: expect.any(String) },
  ]);
});

test.each<[string, object]>([
  ["LDARG", {}],
  ["LDARG", { account: "alice", child_category: "left" }],
  ["LDARG", { account: "a b" }],
  ["LDACC", { account: "nobody" }],
  ["LDCTG", { category: "none", account: "alice" }],
  ["LDCTG", { child_category: "none" }],
  ["42501", { ledger: "none", account: "alice" }],
])("%s for %j, and no trace", async (code, args) => {
  const traces = await books.traces();
  expect(await refusal(args)).toMatchObject({ code });
  expect(await books.traces()).toEqual(traces);
});
