import * as fc from "fast-check";
import {
  ACCOUNTS,
  effective,
  expires,
  external,
  isOnceIn,
  key,
  moves,
  onceIn,
  which,
} from "./arguments.ts";
import { final } from "./final-operations.ts";
import { lifecycle } from "./lifecycle-operations.ts";

const limit = fc.option(fc.integer({ min: -60, max: 60 }), { freq: 3 });
const known = fc.constantFrom(...Object.keys(ACCOUNTS));

const create = fc.record({
  does: fc.constant("create" as const),
  moves,
  status: fc.constantFrom(undefined, "posted" as const, ...Array(4).fill("pending" as const)),
  key,
  external,
  effective: onceIn(4, effective),
  /** Meant for pending ones; now and then for one that is not. */
  expires: onceIn(2, expires),
  isMisplaced: isOnceIn(10),
  declines: onceIn(3, fc.boolean()),
  rehearses: onceIn(5, fc.boolean()),
  /** At REPEATABLE READ, where unlocked entries always queue. */
  isSnapshot: isOnceIn(6),
});
const close = fc.record({
  does: fc.constantFrom("close" as const, "reopen" as const, "reopen" as const),
  account: known,
});
/** Most effective times that are given lie before one of these, and after the other. */
const period = fc.record({
  does: fc.constantFrom("close_period" as const, "reopen_period" as const),
  until: fc.constantFrom("2020-02-01 00:00:00.000000Z", "2019-01-01 00:00:00.000000Z"),
});
const setLimits = fc.record({
  does: fc.constant("limit" as const),
  account: known,
  min: limit,
  max: limit,
});
const fold = fc.record({ does: fc.constant("fold" as const), account: known });
/** An earlier call once more, after whatever has happened since. */
const again = fc.record({ does: fc.constant("again" as const), earlier: which });

/** Anything that can happen. */
export const operation = fc.oneof(
  { weight: 10, arbitrary: create },
  { weight: 14, arbitrary: lifecycle },
  { weight: 3, arbitrary: final },
  { weight: 2, arbitrary: setLimits },
  { weight: 1, arbitrary: close },
  { weight: 1, arbitrary: period },
  { weight: 1, arbitrary: fold },
  { weight: 1, arbitrary: again },
);
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
export type Create = Extract<Operation, { does: "create" }>;
