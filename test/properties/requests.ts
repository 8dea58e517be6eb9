import * as fc from "fast-check";
import {
  ACCOUNTS,
  amount,
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

/** A transaction to make: by itself, in a batch, or by the write-ahead queue. */
export const request = fc.record({
  moves,
  status: fc.constantFrom(undefined, "posted" as const, ...Array(4).fill("pending" as const)),
  key,
  external,
  effective: onceIn(4, effective),
  /** Meant for pending ones; now and then for one that is not. */
  expires: onceIn(2, expires),
  isMisplaced: isOnceIn(10),
  declines: onceIn(3, fc.boolean()),
  locks,
  /** One with a key that was sent before, in whatever way, once more. */
  earlier: onceIn(8, which),
});
export type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

const dollars = fc.constantFrom(...Object.keys(ACCOUNTS).slice(0, 3));
const side = (account: string) => ({ account, asks: undefined });
/** One that is made by sets with many others. */
const plain = fc
  .record({
    from: dollars,
    to: dollars,
    amount,
    status: onceIn(3, fc.constant("pending" as const)),
  })
  .map(({ from, to, status, ...sum }): Request => {
    const nothing = {
      key: undefined,
      external: undefined,
      effective: undefined,
      expires: undefined,
    };
    const others = {
      isMisplaced: false,
      declines: undefined,
      locks: undefined,
      earlier: undefined,
    };
    return { moves: [{ from: side(from), to: side(to), ...sum }], status, ...nothing, ...others };
  });

export const batch = fc.record({
  does: fc.constant("batch" as const),
  requests: fc.oneof(
    { weight: 6, arbitrary: fc.array(request, { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.array(plain, { minLength: 24, maxLength: 28, size: "max" }) },
  ),
  isAtomic: isOnceIn(3),
});
export type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never;
