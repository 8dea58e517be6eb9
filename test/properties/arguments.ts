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

/** What contains what at first: `team` contains `dollars`. One is of the other normal balance, one of another currency. */
export const CATEGORIES = {
  dollars: { currency: "USD", normal_balance: "credit", members: ["alice"] },
  team: { currency: "USD", normal_balance: "credit", members: ["dollars", "bob"] },
  drawers: { currency: "USD", normal_balance: "debit", members: ["cash"] },
  euros: { currency: "EUR", normal_balance: "credit", members: ["chloe"] },
} as const;

export const account = fc.oneof(
  { weight: 90, arbitrary: fc.constantFrom(...Object.keys(ACCOUNTS)) },
  { weight: 1, arbitrary: fc.constant("nobody") },
);
export const amount = fc.oneof(
  { weight: 60, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 0.5) },
);
/** Once in so many times; otherwise left out. */
export const onceIn = <T>(times: number, value: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: times - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: value },
  );

/** True once in so many times. Not a comparison of a number: fast-check likes the ends of a range. */
export const isOnceIn = (times: number) => onceIn(times, fc.constant(true)).map(Boolean);
/** Which of some things: a number to take the remainder of. */
export const which = fc.noBias(fc.nat(999));

/** A bound some way from the balance before, so that it is broken about as often as not. */
const bound = fc.record({
  balance: fc.constantFrom("pending_balance", "posted_balance", "available_balance"),
  kind: fc.constantFrom<keyof Bounds>("gt", "gte", "eq", "not_eq", "lte", "lt"),
  distance: fc.integer({ min: -60, max: 60 }),
});
/** What one side of a transfer asks for. A version is meant relative to the right one. */
export const asks = fc.record({
  version: onceIn(2, fc.constantFrom(0, 0, 0, 0, 1, -1)),
  bound: onceIn(2, bound),
  show: onceIn(4, fc.boolean()),
});
/** Mostly there is such a category, and an account of the transaction in it. */
export const category = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("dollars", "team") },
  { weight: 6, arbitrary: fc.constantFrom("drawers", "euros", "others", "more") },
);
export const locks = onceIn(
  4,
  fc.array(fc.record({ category, bound }), { minLength: 1, maxLength: 2 }),
);
const side = fc.record({ account, asks: onceIn(3, asks) });

/** Mostly within one currency: a transfer between two is out of balance, unless others make up for it. */
const move = fc
  .record({ from: side, to: side, amount, isBetween: isOnceIn(20) })
  .map(({ isBetween, ...m }) => (!isBetween ? { ...m, to: { ...m.to, account: sibling(m) } } : m));

export type Moves = (typeof move extends fc.Arbitrary<infer T> ? T : never)[];

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

export const key = onceIn(2, fc.constantFrom("k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"));
export const moves = fc.array(move, { minLength: 1, maxLength: 3 }).chain(sometimesFromOne);
export const external = onceIn(4, fc.constantFrom("e1", "e2", "e3"));
/** Written as histories read them. */
export const effective = fc.constantFrom(
  "2020-01-01 00:00:00.000000Z",
  "2030-01-01 00:00:00.000000Z",
);
/** So far ahead that it comes only when the history says so: see lifecycle-operations.ts. */
export const expires = fc.constantFrom("2100-01-01Z", "2200-01-01Z");

export type Locks = typeof locks extends fc.Arbitrary<infer T> ? T : never;
export type Asks = typeof asks extends fc.Arbitrary<infer T> ? T : never;
