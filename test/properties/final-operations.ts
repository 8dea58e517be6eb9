import * as fc from "fast-check";
import { effective, isOnceIn, key, onceIn, which } from "./arguments.ts";

const reverse = fc.record({
  does: fc.constant("reverse" as const),
  which,
  /** Mostly it is about a posted transaction that was not reversed; now and then about any. */
  isAny: isOnceIn(4),
  status: fc.constantFrom(undefined, "posted" as const, "pending" as const, "pending" as const),
  effective: onceIn(4, effective),
  key,
});
/** Without a value the name is deleted. */
const tag = fc.record({
  does: fc.constant("tag" as const),
  which,
  name: fc.constantFrom("a", "a", "b"),
  value: fc.constantFrom(undefined, undefined, null, 1, { c: [2] }),
});

/** What can happen to transactions that are final, too. */
export const final = fc.oneof({ weight: 3, arbitrary: reverse }, { weight: 1, arbitrary: tag });
export type Final = typeof final extends fc.Arbitrary<infer T> ? T : never;
