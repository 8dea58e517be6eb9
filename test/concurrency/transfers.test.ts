import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import {
  balanceOf,
  openLedger,
  transfer,
  transferBetween,
  type AccountOptions,
} from "../support/ledgers.ts";
import {
  openSession,
  openSessions,
  outcome,
  play,
  tally,
  interleavings,
} from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

/** Two ledgers, the first by name first, each with `user` and `clearing`, which also holds the other's. */
async function openPair(
  user: AccountOptions,
  clearing: AccountOptions = {},
): Promise<[string, string]> {
  const names = [
    await openLedger(database, { user, clearing }),
    await openLedger(database, { user, clearing }),
  ];
  return names.toSorted() as [string, string];
}

/** Accounts with limits are waited for; those without are not. */
const LIMITS = { balance_min: -100_000, balance_max: 100_000 };
const MIXTURES: [string, AccountOptions, AccountOptions][] = [
  ["every account", LIMITS, LIMITS],
  ["the users", LIMITS, {}],
  ["the clearing accounts", {}, LIMITS],
  ["nothing", {}, {}],
];

test.each(MIXTURES)(
  "transfers in opposite directions that wait for %s never deadlock, beside others in each ledger",
  async (_name, user, clearing) => {
    const [a, b] = await openPair(user, clearing);
    const client = async (_: unknown, n: number) => {
      const session = await openSession(database);
      const outcomes: string[] = [];
      for (let i = 0; i < 25; i++) {
        const [from, to] = n % 2 ? [a, b] : [b, a];
        const call =
          n < 6
            ? transferBetween(from, "user", to, "user", 1)
            : transfer(from, i % 2 ? "user" : "clearing", i % 2 ? "clearing" : "user", 2);
        outcomes.push(await outcome(session.step(call)));
      }
      return outcomes;
    };
    const outcomes = await Promise.all(Array.from({ length: 8 }, client));
    expect(tally(outcomes.flat())).toEqual({ posted: 200 });
  },
);

test("in whatever order two transfers in opposite directions take their steps, both are made", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const [a, b] = await openPair(LIMITS, LIMITS);
    const { ann, bob } = await play(
      sessions,
      {
        ann: ["begin", transferBetween(a, "user", b, "user", 5), "commit"],
        bob: ["begin", transferBetween(b, "user", a, "user", 3), "commit"],
      },
      order,
    );
    expect([ann[1], bob[1]]).toEqual(["posted", "posted"]);
    expect(await balanceOf(database, a, "user")).toMatchObject({ posted: -2 });
    expect(await balanceOf(database, b, "user")).toMatchObject({ posted: 2 });
  }
});

test("of transfers that together are more than there is, as many are made as there is money for", async () => {
  const [a, b] = await openPair({ balance_min: 0, money: 100 });
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, async () =>
      outcome((await openSession(database)).step(transferBetween(a, "user", b, "user", 30))),
    ),
  );
  expect(tally(outcomes)).toEqual({ posted: 3, LDLIM: 3 });
  expect(await balanceOf(database, b, "user")).toMatchObject({ posted: 190 });
});

test("one key from many sessions moves money once", async () => {
  const [a, b] = await openPair({});
  const call = transferBetween(b, "user", a, "user", 30, "k");
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, async () => outcome((await openSession(database)).step(call))),
  );
  expect(tally(outcomes)).toEqual({ posted: 1, replayed: 7 });
  expect(await balanceOf(database, a, "user")).toMatchObject({ posted: 30 });
});
