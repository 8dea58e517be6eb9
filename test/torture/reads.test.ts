import { expect, test } from "@jest/globals";
import type { Entry } from "../../torture/checks/books.ts";
import { checkCategoryReads } from "../../torture/checks/category-reads.ts";
import type { Step } from "../../torture/checks/steps.ts";
import type { Read } from "../../torture/clients/deed.ts";
import { asked, booksOf, findingsOf, logged } from "./support.ts";

const step = (by: Step["by"], credits: number, from: number, until: number): Step => ({
  by,
  delta: [1, 0, credits, 0, credits],
  from,
  until,
  first: 1,
  last: 1,
  waited: false,
  at: from,
});
const both = asked("both", "create_transaction", {}, 3, 7);
const steps = new Map([
  ["a", [step("first", 10, 0, 1), step(both, -4, 3, 7)]],
  ["b", [step(both, 4, 3, 7), step("late", 5, 8, 9)]],
]);
const books = booksOf([{ address: "a" }, { address: "b" }], {
  events: ["a", "b"].map((account) => logged("add_to_category", { category: "c", account }, -1)),
});
const judged = (credits: number, sent: number, ended: number, some = books) => {
  const figures = { pending_debits: "0", posted_debits: "0" };
  const rows = [{ ...figures, pending_credits: `${credits}`, posted_credits: `${credits}` }];
  const read: Read = {
    does: "category_balance",
    request: { category: "c" },
    rows,
    sent,
    ended,
    client: "s0",
  };
  return findingsOf((report) => checkCategoryReads(some, steps, [read], report));
};

test("a category is read with all that one call did to its accounts, or nothing of it", () => {
  expect(judged(10, 4, 5)).toEqual([]);
  expect(judged(6, 4, 5)).toEqual([expect.stringMatching(/never was then \[c, s0 4\]/)]);
  expect(judged(14, 4, 5)).toHaveLength(1);
});

test("with what was acknowledged before, perhaps with what runs, and without what comes later", () => {
  expect(judged(15, 8.5, 8.6)).toEqual([]);
  expect(judged(10, 8.5, 8.6)).toEqual([]);
  expect(judged(10, 9.5, 9.6)).toHaveLength(1);
  expect(judged(15, 4, 5)).toHaveLength(1);
  expect(judged(0, 2, 2.5)).toHaveLength(1);
});

test("is not judged when its members come and go", () => {
  const left = logged("remove_from_category", { category: "c", account: "a" }, 4);
  const entries = [{ createdAt: 1, account: "a", transaction: "t" } as Entry];
  const some = booksOf([{ address: "a" }], { entries, events: [...books.kept.events, left] });
  expect(judged(6, 4, 5, some)).toEqual([]);
});
