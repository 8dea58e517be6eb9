import * as fc from "fast-check";
import { ACCOUNTS, isOnceIn, onceIn, which } from "./arguments.ts";
import { final } from "./final-operations.ts";
import { lifecycle } from "./lifecycle-operations.ts";
import { between, categories, queue } from "./other-operations.ts";
import { batch, request } from "./requests.ts";

const limit = fc.option(fc.integer({ min: -60, max: 60 }), { freq: 3 });
const known = fc.constantFrom(...Object.keys(ACCOUNTS));

const create = fc.record({
  does: fc.constant("create" as const),
  request,
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

/** Anything that can happen in a ledger. */
const inLedger = fc.oneof(
  { weight: 10, arbitrary: create },
  { weight: 14, arbitrary: lifecycle },
  { weight: 3, arbitrary: final },
  { weight: 3, arbitrary: categories },
  { weight: 3, arbitrary: queue },
  { weight: 1, arbitrary: batch },
  { weight: 2, arbitrary: setLimits },
  { weight: 1, arbitrary: close },
  { weight: 1, arbitrary: period },
  { weight: 1, arbitrary: fold },
  { weight: 1, arbitrary: again },
);
const elsewhere = inLedger.map((operation) => ({ does: "elsewhere" as const, operation }));

/** Anything that can happen. */
export const operation = fc.oneof(
  { weight: 18, arbitrary: inLedger },
  { weight: 1, arbitrary: elsewhere },
  { weight: 1, arbitrary: between },
);
export type InLedger = typeof inLedger extends fc.Arbitrary<infer T> ? T : never;
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
export type Create = Extract<Operation, { does: "create" }>;
