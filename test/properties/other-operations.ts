import * as fc from "fast-check";
import { account, amount, category, effective, isOnceIn, key, onceIn, which } from "./arguments.ts";
import { request } from "./requests.ts";

const createCategory = fc.record({
  does: fc.constant("create_category" as const),
  category,
  currency: fc.constantFrom("USD", "USD", "USD", "EUR", "NONE"),
  normal: fc.constantFrom("credit" as const, "credit" as const, "debit" as const),
});
const changeMembers = fc.record({
  does: fc.constantFrom("add_to" as const, "add_to" as const, "remove_from" as const),
  category,
  member: fc.oneof(
    { weight: 5, arbitrary: fc.record({ account }) },
    { weight: 5, arbitrary: fc.record({ child_category: category }) },
    { weight: 1, arbitrary: fc.constantFrom({}, { account: "bob", child_category: "team" }) },
  ),
});
/** What can happen to categories. */
export const categories = fc.oneof(
  { weight: 1, arbitrary: createCategory },
  { weight: 4, arbitrary: changeMembers },
);
export type Categories = typeof categories extends fc.Arbitrary<infer T> ? T : never;

const enqueue = fc.record({
  does: fc.constant("enqueue" as const),
  requests: fc.array(request, { minLength: 1, maxLength: 3 }),
});
const drain = fc.record({
  does: fc.constant("drain" as const),
  count: fc.constantFrom(1, 2, 3, 100, 100),
});
/** What can happen to the write-ahead queue. */
export const queue = fc.oneof({ weight: 3, arbitrary: enqueue }, { weight: 2, arbitrary: drain });
export type Queue = typeof queue extends fc.Arbitrary<infer T> ? T : never;

/** Which of the accounts that fit; now and then of all. */
const pick = fc.record({ which, isAny: isOnceIn(20) });
/** Money goes to another ledger, or comes from there. */
export const between = fc.record({
  does: fc.constant("between" as const),
  isBack: fc.boolean(),
  from: account,
  clearing: pick,
  toClearing: pick,
  to: pick,
  amount,
  effective: onceIn(4, effective),
  key,
});
export type Between = typeof between extends fc.Arbitrary<infer T> ? T : never;
