import * as fc from "fast-check";
import type { Bounds } from "../support/ledgers.ts";

/** Six accounts that exist and one that does not; which are debit-normal, and their currency. */
export const ACCOUNTS = {
  cash: { currency: "USD", normal_balance: "debit" },
  alice: { currency: "USD" },
  bob: { currency: "USD" },
  vault: { currency: "EUR", normal_balance: "debit" },
  chloe: { currency: "EUR" },
  denis: { currency: "EUR" },
} as const;

const account = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...Object.keys(ACCOUNTS)) },
  { weight: 1, arbitrary: fc.constant("nobody") },
);
const amount = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 0.5) },
);
/** Once in so many times; otherwise left out. */
const onceIn = <T>(times: number, value: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: times - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: value },
  );

/** A bound some way from the balance before, so that it is broken about as often as not. */
const bound = fc.record({
  balance: fc.constantFrom("pending_balance", "posted_balance", "available_balance"),
  kind: fc.constantFrom<keyof Bounds>("gt", "gte", "eq", "not_eq", "lte", "lt"),
  distance: fc.integer({ min: -60, max: 60 }),
});
/** What one side of a transfer asks for. A version is meant relative to the right one. */
const asks = fc.record({
  version: onceIn(2, fc.constantFrom(0, 0, 0, 0, 1, -1)),
  bound: onceIn(2, bound),
  show: onceIn(4, fc.boolean()),
});
const side = fc.record({ account, asks: onceIn(3, asks) });

/** Mostly within one currency: a transfer between two is out of balance, unless others make up for it. */
const move = fc
  .record({ from: side, to: side, amount, isWithin: fc.integer({ min: 0, max: 9 }) })
  .map(({ isWithin, ...m }) => (isWithin > 0 ? { ...m, to: { ...m.to, account: sibling(m) } } : m));

type Moves = (typeof move extends fc.Arbitrary<infer T> ? T : never)[];

/** Several entries of one account in a transaction, each with a version of its own. */
function sometimesFromOne(moves: Moves): fc.Arbitrary<Moves> {
  const version = onceIn(2, fc.constantFrom(0, 0, 1));
  return onceIn(4, fc.array(version, { minLength: 3, maxLength: 3 })).map((versions) =>
    versions
      ? moves.map((m, n) => ({
          ...m,
          from: {
            account: moves[0]!.from.account,
            asks: { version: versions[n], bound: undefined, show: undefined },
          },
        }))
      : moves,
  );
}

function sibling({ from, to }: { from: { account: string }; to: { account: string } }): string {
  const names = Object.keys(ACCOUNTS);
  const [a, b] = [names.indexOf(from.account), names.indexOf(to.account)];
  return a < 0 || b < 0 ? to.account : names[Math.floor(a / 3) * 3 + (b % 3)]!;
}

const key = onceIn(2, fc.constantFrom("k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"));
const limit = fc.option(fc.integer({ min: -60, max: 60 }), { freq: 3 });
const known = fc.constantFrom(...Object.keys(ACCOUNTS));

const create = fc.record({
  does: fc.constant("create" as const),
  moves: fc.array(move, { minLength: 1, maxLength: 3 }).chain(sometimesFromOne),
  status: fc.constantFrom(undefined, "posted" as const, "pending" as const, "pending" as const),
  key,
  external: onceIn(4, fc.constantFrom("e1", "e2", "e3")),
  declines: onceIn(3, fc.boolean()),
  rehearses: onceIn(5, fc.boolean()),
  /** At REPEATABLE READ, where unlocked entries always queue. */
  isSnapshot: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});
const finish = fc.record({
  does: fc.constantFrom("post" as const, "archive" as const),
  which: fc.nat(99),
  key,
});
const reverse = fc.record({
  does: fc.constant("reverse" as const),
  whichPosted: fc.nat(99),
  status: fc.constantFrom(undefined, "posted" as const, "pending" as const, "pending" as const),
  key,
});
/** Without a value the name is deleted. */
const tag = fc.record({
  does: fc.constant("tag" as const),
  which: fc.nat(99),
  name: fc.constantFrom("a", "a", "b"),
  value: fc.constantFrom(undefined, undefined, null, 1, { c: [2] }),
});
const close = fc.record({
  does: fc.constantFrom("close" as const, "reopen" as const, "reopen" as const),
  account: known,
});
const setLimits = fc.record({
  does: fc.constant("limit" as const),
  account: known,
  min: limit,
  max: limit,
});
const fold = fc.record({ does: fc.constant("fold" as const), account: known });
/** An earlier call once more, after whatever has happened since. */
const again = fc.record({ does: fc.constant("again" as const), earlier: fc.nat(99) });

/** Anything a caller can do. */
export const operation = fc.oneof(
  { weight: 12, arbitrary: create },
  { weight: 4, arbitrary: finish },
  { weight: 3, arbitrary: reverse },
  { weight: 2, arbitrary: tag },
  { weight: 2, arbitrary: setLimits },
  { weight: 1, arbitrary: close },
  { weight: 1, arbitrary: fold },
  { weight: 1, arbitrary: again },
);
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
export type Create = Extract<Operation, { does: "create" }>;
