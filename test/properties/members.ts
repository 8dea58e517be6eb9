import * as fc from "fast-check";
import type { AccountOptions } from "../support/ledgers.ts";

/** Accounts that exist: with limits, without, of two currencies. `shut` is closed, `nobody` does not exist. */
export const ACCOUNTS: Record<string, AccountOptions> = {
  cash: { currency: "USD", normal_balance: "debit" },
  alice: { currency: "USD", money: 100 },
  bob: { currency: "USD", money: 60, balance_min: 0 },
  carol: { currency: "USD", balance_max: 80 },
  shut: { currency: "USD" },
  vault: { currency: "EUR", normal_balance: "debit", balance_min: -60, balance_max: 60 },
  chloe: { currency: "EUR" },
};
/** What contains what: `inner` is part of `outer`. */
export const CATEGORIES = { inner: ["bob", "carol"], outer: ["alice", "inner"] };
const DOLLARS = ["cash", "alice", "bob", "carol"];

/** Present once in so many times. */
const seldom = <T>(times: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const dollars = fc.constantFrom(...DOLLARS);
const euros = fc.constantFrom("vault", "chloe");
const pair = fc.oneof(
  { weight: 20, arbitrary: fc.tuple(dollars, dollars) },
  { weight: 8, arbitrary: fc.tuple(euros, euros) },
  { weight: 1, arbitrary: fc.tuple(dollars, euros) },
  {
    weight: 1,
    arbitrary: fc.tuple(dollars, fc.constantFrom("shut", "nobody", "no such : address")),
  },
);
const anyAmount = fc.oneof(
  { weight: 60, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(0, -1, 0.5, "7.00", 1e36, "NaN", null) },
);
const bound = fc.integer({ min: -150, max: 150 });
const bounds = fc.oneof(
  { weight: 6, arbitrary: fc.record({ gte: fc.integer({ min: -150, max: 40 }) }) },
  {
    weight: 6,
    arbitrary: fc.record(
      { gt: bound, gte: bound, not_eq: bound, lte: bound, lt: bound },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<unknown>({ eq: 100 }, {}, { gte: 0.5 }) },
);
/** What an entry asks; a version is about as often right as wrong. */
const asks = fc.record(
  {
    lock_version: seldom(4, fc.integer({ min: -1, max: 12 })),
    available_balance: seldom(3, bounds),
    posted_balance: seldom(8, bounds),
    pending_balance: seldom(8, bounds),
    show_resulting_balances: seldom(12, fc.boolean()),
    metadata: seldom(12, fc.constantFrom<unknown>({ note: 1.5 }, {}, [])),
  },
  { requiredKeys: [] },
);
const side = seldom(4, asks);

const move = fc
  .record({ accounts: pair, amount: anyAmount, from: side, to: side })
  .map(({ accounts: [from, to], amount, ...sides }) => [
    { account: from, direction: "debit", amount, ...sides.from },
    { account: to, direction: "credit", amount, ...sides.to },
  ]);

const entries = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.array(move, { minLength: 1, maxLength: 3 }).map((moves) => moves.flat()),
  },
  { weight: 1, arbitrary: move.map(([one]) => [one]) },
  { weight: 1, arbitrary: fc.constantFrom<unknown[] | null>([], [null, null], null) },
);

const categoryLock = fc.record({
  category: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom("inner", "outer") },
    { weight: 1, arbitrary: fc.constantFrom("no-such", "no such") },
  ),
  available_balance: fc.record({ gte: fc.integer({ min: -300, max: 300 }) }),
});

/** In a period that is closed. */
const CLOSED = "2019-12-31T23:59:59Z";
const FUTURE = "2999-01-01T00:00:00Z";
/** A transaction to make, as JSON. Keys and external ids come again often. */
const member = fc
  .record({
    entries,
    status: seldom(3, fc.constantFrom("posted", "pending", "pending", "archived")),
    effective_at: seldom(6, fc.constantFrom("2020-02-02T00:00:00Z", CLOSED, FUTURE, "infinity")),
    idempotency_key: seldom(
      2,
      fc.constantFrom("k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "bad\nkey"),
    ),
    external_id: seldom(6, fc.constantFrom("e1", "e2", "e3", "e4", "")),
    description: seldom(8, fc.constantFrom("a description", "x".repeat(1001))),
    metadata: seldom(
      5,
      fc.constantFrom<unknown>({ order: 1 }, {}, { order: [1.0, "1.0"] }, "none"),
    ),
    archive_on_lock_failure: seldom(6, fc.boolean()),
    category_locks: seldom(8, fc.array(categoryLock, { maxLength: 2 })),
    expires: seldom(8, fc.constantFrom(FUTURE, FUTURE, "2001-01-01T00:00:00Z")),
  })
  .map(({ expires, ...rest }) => ({
    ...rest,
    ...(expires !== undefined && { status: "pending", expires_at: expires }),
  }));
export type Member = {
  entries: unknown;
  idempotency_key?: string | undefined;
  archive_on_lock_failure?: boolean | undefined;
  [field: string]: unknown;
};

/** One that is nearly always made with many others at once, if a balance, a limit or a version does not refuse it. */
const commonMember = fc
  .record({
    accounts: fc.oneof(
      { weight: 3, arbitrary: fc.tuple(dollars, dollars) },
      { weight: 2, arbitrary: fc.tuple(euros, euros) },
    ),
    amount: fc.integer({ min: 1, max: 15 }),
    from: seldom(
      6,
      fc.oneof(
        fc.record({ available_balance: fc.record({ gte: fc.integer({ min: -150, max: 0 }) }) }),
        fc.record({ lock_version: fc.constantFrom(0, 0, 1, 2) }),
        fc.record({
          pending_balance: fc.record({ lt: fc.integer({ min: 0, max: 300 }) }),
          posted_balance: fc.record({ gt: fc.integer({ min: -300, max: 0 }) }),
        }),
      ),
    ),
    status: seldom(4, fc.constant("pending")),
    idempotency_key: seldom(
      2,
      fc.integer({ min: 1, max: 500 }).map((n) => `c${n}`),
    ),
    external_id: seldom(
      12,
      fc.integer({ min: 1, max: 500 }).map((n) => `c${n}`),
    ),
    metadata: seldom(5, fc.constant({ order: 1 })),
    expires_at: seldom(12, fc.constant(FUTURE)),
  })
  .map(({ accounts: [from, to], amount, from: asked, ...rest }) => ({
    ...rest,
    ...(rest.expires_at !== undefined && { status: "pending" }),
    entries: [
      { account: from, direction: "debit", amount, ...asked },
      { account: to, direction: "credit", amount },
    ],
  }));

/** One that asks for nothing, on accounts that are open and have no limits. */
const plainMember = fc
  .record({
    from: fc.constantFrom("cash", "alice"),
    to: fc.constantFrom("cash", "alice"),
    amount: fc.integer({ min: 1, max: 40 }),
    status: seldom(3, fc.constant("pending")),
    idempotency_key: seldom(3, fc.constantFrom("p1", "p2", "p3", "p4", "p5")),
  })
  .map(({ from, to, amount, ...rest }) => ({
    entries: [
      { account: from, direction: "debit", amount },
      { account: to, direction: "credit", amount },
    ],
    ...rest,
  }));

export type Batch = {
  members: Member[];
  /** After how many of them a call ends. */
  splits: number[];
  isAtomic: boolean;
  /** Accounts that have entries in their queue when it begins. */
  queued: string[];
  /** Somebody else holds the account alice all the time. */
  isHeld: boolean;
};

/** Members of any kind; or such as are made together; or plain ones, of which those of alice must queue. */
export const anyBatch: fc.Arbitrary<Batch> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      members: fc.array(member, { minLength: 1, maxLength: 40, size: "max" }),
      splits: fc.array(fc.nat(40), { maxLength: 4 }),
      isAtomic: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
      queued: fc.subarray(["cash", "alice", "bob"]),
      isHeld: fc.constant(false),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      members: fc.array(commonMember, { minLength: 24, maxLength: 90, size: "max" }),
      splits: fc.array(fc.nat(90), { maxLength: 1 }),
      isAtomic: fc.constant(false),
      queued: fc.subarray(["cash", "alice", "bob"]),
      isHeld: fc.constant(false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      members: fc.array(plainMember, { minLength: 2, maxLength: 60, size: "max" }),
      splits: fc.array(fc.nat(40), { maxLength: 2 }),
      isAtomic: fc.boolean(),
      queued: fc.constant<string[]>([]),
      isHeld: fc.constant(true),
    }),
  },
);
