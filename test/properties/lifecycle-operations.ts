import * as fc from "fast-check";
import {
  asks,
  effective,
  expires,
  external,
  isOnceIn,
  key,
  locks,
  moves,
  onceIn,
  which,
} from "./arguments.ts";

/** A version is meant relative to the right one. */
const expected = onceIn(4, fc.constantFrom(0, 0, 0, 1, -1));

/** Mostly it is about a pending transaction; now and then about one whose time has come, or about any. */
const aim = fc.oneof(
  { weight: 8, arbitrary: fc.constant("alive" as const) },
  { weight: 1, arbitrary: fc.constant("due" as const) },
  { weight: 1, arbitrary: fc.constant("any" as const) },
);

const post = fc.record({
  does: fc.constant("post" as const),
  which,
  aim,
  moves: onceIn(3, moves),
  effective: onceIn(4, effective),
  locks,
  expected,
  key,
});
const update = fc.record({
  does: fc.constant("update" as const),
  which,
  aim,
  moves: onceIn(2, moves),
  effective: onceIn(4, effective),
  locks,
  description: onceIn(4, fc.constant("another")),
  expires: onceIn(3, expires),
  expected,
  key,
});
const archive = fc.record({ does: fc.constant("archive" as const), which, aim, expected, key });

/** A part of what one debit line and one credit line hold. */
const share = fc.record({
  debit: fc.nat(9),
  credit: fc.nat(9),
  amount: fc.integer({ min: 1, max: 60 }),
  /** Once in a while it may be more than is left. */
  isGreedy: isOnceIn(12),
  asks: onceIn(4, asks),
});
const partiallyPost = fc.record({
  does: fc.constant("partially_post" as const),
  which,
  aim,
  shares: fc.array(share, { minLength: 1, maxLength: 3 }),
  isAll: isOnceIn(4),
  /** Lines that have nothing to do with what is held. */
  moves: onceIn(20, moves),
  effective: onceIn(4, effective),
  external,
  expected,
  key,
});
export type PartiallyPost = typeof partiallyPost extends fc.Arbitrary<infer T> ? T : never;

/** The time comes at which a transaction expires. */
const comes = fc.record({ does: fc.constant("expire" as const), which });
const sweep = fc.record({ does: fc.constant("sweep" as const) });

/** What can happen to pending transactions. */
export const lifecycle = fc.oneof(
  { weight: 2, arbitrary: post },
  { weight: 3, arbitrary: update },
  { weight: 1, arbitrary: archive },
  { weight: 4, arbitrary: partiallyPost },
  { weight: 4, arbitrary: comes },
  { weight: 1, arbitrary: sweep },
);
export type Lifecycle = typeof lifecycle extends fc.Arbitrary<infer T> ? T : never;
