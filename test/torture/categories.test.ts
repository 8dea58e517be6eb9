import { describe, expect, test } from "@jest/globals";
import type { Books, Entry } from "../../torture/checks/books.ts";
import { checkCategories, type CategoriesJudged } from "../../torture/checks/categories.ts";
import { allSteps } from "../../torture/checks/steps.ts";
import type { Deed } from "../../torture/clients/deed.ts";
import { asked, booksOf, findingsOf, logged } from "./support.ts";

/** A payment out of an account, or into it, written at a moment. */
type Paid = {
  deed: Deed;
  account: string;
  amount: number;
  at: number;
  version: number;
  locked?: boolean;
};

const entryOf = ({ deed, account, amount, at, version, locked = false }: Paid): Entry => ({
  id: `${deed.id} ${account}`,
  transaction: deed.id,
  version: 1,
  position: 1,
  account,
  direction: amount < 0 ? "debit" : "credit",
  amount: Math.abs(amount),
  effect: "posted",
  locked,
  lockVersion: version,
  counters: [],
  createdAt: at,
});

const EVENTS = ["a", "b"].map((account) =>
  logged("add_to_category", { category: "c", account }, -1),
);
const CATEGORIES = [{ category: "c", normal_balance: "credit" }];

function judged(payments: Paid[], events = EVENTS): { found: string[]; judged: CategoriesJudged } {
  const accounts = ["a", "b"].map((address) => ({ address }));
  const books: Books = booksOf(accounts, {
    entries: payments.map(entryOf),
    categories: CATEGORIES,
    events,
  });
  const writers = new Map(payments.map(({ deed }) => [`${deed.id} 1`, deed]));
  let counts: CategoriesJudged = { bounds: 0, exact: 0 };
  const found = findingsOf((report) => {
    counts = checkCategories(books, allSteps(books, writers), report);
  });
  return { found, judged: counts };
}

const pay = (id: string, sent: number, ended?: number, gte?: number) => {
  const locks =
    gte === undefined ? {} : { category_locks: [{ category: "c", available_balance: { gte } }] };
  return asked(id, "create_transaction", locks, sent, ended);
};
const paid = (deed: Deed, account: string, amount: number, at: number, version: number): Paid => ({
  deed,
  account,
  amount,
  at,
  version,
  locked: "category_locks" in deed.request,
});

describe("a bound on a category", () => {
  const start = paid(pay("start", 0, 1), "a", 100, 0.5, 1);

  test("holds for what its members have together", () => {
    const { found, judged: counts } = judged([start, paid(pay("x", 2, 3, 0), "b", -100, 2.5, 1)]);
    expect(found).toEqual([]);
    expect(counts).toEqual({ bounds: 1, exact: 1 });
    expect(judged([start, paid(pay("x", 2, 3, 0), "b", -101, 2.5, 1)]).found).toEqual([
      expect.stringMatching(/LDCAT.*"low":-1,"high":-1.*\[x\]/),
    ]);
  });

  test("is that of the later of two who took what is there for one, though both ran at once", () => {
    const both = [paid(pay("x", 2, 9, 0), "a", -60, 5, 2), paid(pay("y", 3, 9, 0), "b", -60, 6, 1)];
    expect(judged([start, ...both]).found).toEqual([expect.stringMatching(/"high":-20.*\[y\]/)]);
  });

  test("may count what was paid in meanwhile, but not what was written later", () => {
    const out = paid(pay("x", 2, 9, 0), "b", -150, 5, 1);
    expect(judged([start, paid(pay("y", 2, 9), "a", 50, 4, 2), out]).found).toEqual([]);
    expect(judged([start, paid(pay("y", 2, 9), "a", 50, 6, 2), out]).found).toHaveLength(1);
  });

  test("need not count what others paid out meanwhile, but what it has waited for", () => {
    const other = paid(pay("y", 2, 9), "b", -80, 4, 1);
    expect(judged([start, other, paid(pay("x", 2, 9, 0), "a", -50, 5, 2)]).found).toEqual([]);
    expect(judged([start, other, paid(pay("x", 2, 9, 0), "b", -50, 5, 2)]).found).toHaveLength(1);
    const earlier = paid(pay("y", 2, 3), "b", -80, 2.5, 1);
    expect(judged([start, earlier, paid(pay("x", 4, 9, 0), "a", -50, 5, 2)]).found).toHaveLength(1);
  });

  test("counts who was in the category then", () => {
    const payment = paid(pay("x", 2, 9, 0), "b", -10, 5, 1);
    const left = logged("remove_from_category", { category: "c", account: "a" }, 4);
    expect(judged([start, payment], [...EVENTS, left]).found).toHaveLength(1);
    expect(judged([start, payment], [...EVENTS, { ...left, at: 6 }]).found).toEqual([]);
  });

  test("counts who is in it through another one", () => {
    const nested = [
      logged("add_to_category", { category: "c", child_category: "d" }, -1),
      logged("add_to_category", { category: "d", account: "a" }, -1),
      logged("add_to_category", { category: "c", account: "b" }, -1),
    ];
    const payment = paid(pay("x", 2, 9, 0), "b", -100, 5, 1);
    expect(judged([start, payment], nested).found).toEqual([]);
    expect(judged([start, payment], nested.slice(2)).found).toHaveLength(1);
  });
});
