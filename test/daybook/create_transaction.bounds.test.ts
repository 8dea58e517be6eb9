import { describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Bounds, type Entry } from "../support/use-books.ts";

/*
 * Before each attempt both accounts stand at: posted inflows 1000, posted outflows 200, pending inflows 50
 * and pending outflows 7; so pending 843, posted 800, available 793. The attempt moves 100 out.
 */
const books = useBooks(async ({ create }) => {
  for (const account of ["alice", "cash"]) {
    await create(into(account, 1000));
    await create(outOf(account, 200));
    await create(into(account, 50), { status: "pending" });
    await create(outOf(account, 7), { status: "pending" });
  }
});

const isDebitNormal = (account: string) => account === "cash";
const into = (account: string, amount: number): Entry[] =>
  isDebitNormal(account) ? move(account, "carol", amount) : move("carol", account, amount);
const outOf = (account: string, amount: number, extras: object = {}): Entry[] =>
  isDebitNormal(account)
    ? [credit(account, amount, extras), debit("carol", amount)]
    : move(account, "carol", amount, extras);

/** What the balances are after 100 more went out, as a posted or as a pending transaction. */
const AFTER = {
  posted: { pending_balance: 743, posted_balance: 700, available_balance: 693 },
  pending: { pending_balance: 743, posted_balance: 800, available_balance: 693 },
} as const;

const HOLDS: Record<keyof Bounds, (n: number) => { kept: number[]; broken: number[] }> = {
  gt: (n) => ({ kept: [n - 1, -n], broken: [n, n + 1] }),
  gte: (n) => ({ kept: [n, n - 1], broken: [n + 1] }),
  eq: (n) => ({ kept: [n], broken: [n - 1, n + 1] }),
  not_eq: (n) => ({ kept: [n - 1, n + 1, -n], broken: [n] }),
  lte: (n) => ({ kept: [n, n + 1], broken: [n - 1, -n] }),
  lt: (n) => ({ kept: [n + 1], broken: [n, n - 1] }),
};

const cases = (["alice", "cash"] as const).flatMap((account) =>
  (["posted", "pending"] as const).flatMap((status) =>
    Object.entries(AFTER[status]).flatMap(([balance, actual]) =>
      Object.keys(HOLDS).map((operator) => ({ account, status, balance, operator, actual })),
    ),
  ),
);

test.each(cases)(
  "$operator on the $balance of $account, $status transaction",
  async ({ account, status, balance, operator, actual }) => {
    const { kept, broken } = HOLDS[operator as keyof Bounds](actual);
    const attempt = (limit: number) => outOf(account, 100, { [balance]: { [operator]: limit } });
    const before = await books.traces();
    for (const limit of broken) {
      expect(await books.createRefused(attempt(limit), { status })).toMatchObject({
        code: "LDBAL",
        detail: {
          account,
          balance,
          bound: operator,
          limit: String(limit),
          actual: String(actual),
        },
      });
    }
    expect(await books.traces()).toEqual(before);
    for (const limit of kept) {
      await books.query("savepoint kept");
      expect(await books.create(attempt(limit), { status })).toMatchObject({ status });
      await books.query("rollback to savepoint kept");
    }
  },
);

test("several bounds of one balance must all hold", async () => {
  const between = (gte: number, lt: number) =>
    books.create(outOf("alice", 100, { available_balance: { gte, lt } }));
  expect(await between(693, 694)).toMatchObject({ status: "posted" });
  expect(await books.refused(() => between(593, 593))).toMatchObject({
    code: "LDBAL",
    detail: { bound: "lt" },
  });
});

test("bounds of several balances must all hold, the pending one is told first", async () => {
  const extras = {
    available_balance: { gte: 10_000 },
    posted_balance: { gte: 10_000 },
    pending_balance: { gte: 10_000 },
  };
  const refused = await books.createRefused(outOf("alice", 1, extras));
  expect(refused).toMatchObject({ code: "LDBAL", detail: { actual: expect.any(String) } });
  extras.pending_balance.gte = -1;
  extras.posted_balance.gte = -1;
  expect(await books.createRefused(outOf("alice", 1, extras))).toMatchObject({
    detail: { balance: "available_balance", actual: "792" },
  });
});

test("bounds see the balance after all entries, whatever the order", async () => {
  const bounded = { posted_balance: { eq: 800 - 100 + 30 - 5 } };
  const others = [debit("alice", 5), credit("alice", 30), debit("carol", 30), credit("carol", 105)];
  await books.query("savepoint first");
  await books.create([debit("alice", 100, bounded), ...others]);
  await books.query("rollback to savepoint first");
  await books.create([...others, debit("alice", 100, bounded)]);
});

test("bounds on an inflow are bounds like any other", async () => {
  const inflow = credit("alice", 5, { posted_balance: { lte: 804 } });
  expect(await books.createRefused([debit("carol", 5), inflow])).toMatchObject({
    code: "LDBAL",
    detail: { index: 2, actual: "805" },
  });
  inflow.posted_balance = { lte: 805 };
  await books.create([debit("carol", 5), inflow]);
});

test("of several broken conditions the entry with the lowest index is told", async () => {
  const broken = { posted_balance: { eq: -1 } };
  for (const entries of [
    [credit("carol", 2), debit("cash", 1, broken), debit("alice", 1, broken)],
    [credit("carol", 2), debit("alice", 1, broken), debit("cash", 1, broken)],
  ]) {
    expect(await books.createRefused(entries)).toMatchObject({
      code: "LDBAL",
      detail: { index: 2, account: entries[1]!.account },
    });
  }
});

test("bounds count entries of the future", async () => {
  await books.create(into("alice", 10), { effective_at: "2999-01-01T00:00:00Z" });
  await books.create(outOf("alice", 810, { posted_balance: { eq: 0 } }));
});

test("negative bounds, whole numbers with zeros and numbers beyond bigint are fine", async () => {
  await books.create(
    outOf("alice", 900, {
      available_balance: { gte: "-200.00", gt: `-${"9".repeat(40)}`, lt: "9".repeat(40) },
    }),
  );
});

describe("bounds that are no bounds", () => {
  test.each<[string, Bounds]>([
    ["none at all", {}],
    ["only nulls", { gt: null, eq: null }],
    ["a fraction", { gte: "0.5" }],
    ["NaN", { lte: "NaN" }],
    ["Infinity", { lt: "Infinity" }],
    ["-Infinity", { gt: "-Infinity" }],
  ])("%s", async (_, bounds) => {
    for (const balance of ["pending_balance", "posted_balance", "available_balance"]) {
      expect(
        await books.createRefused([
          ...outOf("alice", 1),
          ...outOf("cash", 1, { [balance]: bounds }),
        ]),
      ).toMatchObject({ code: "LDARG", detail: { argument: balance, index: 3 } });
    }
  });
});

/** Arrays of SQL need not begin at 1, nor be one-dimensional; a condition holds in each of them or the call is refused. */
describe("a broken bound refuses the transaction in every shape of array", () => {
  const entries =
    "array[daybook.debit('bob', 100, available_balance => daybook.gte(0)), daybook.credit('carol', 100)]";
  test.each([
    ["of lower bound 1", entries],
    ["of lower bound 0", `('[0:1]=' || ${entries}::text)::daybook.entry_input[]`],
    ["of lower bound 5", `('[5:6]=' || ${entries}::text)::daybook.entry_input[]`],
    ["of lower bound -1", `('[-1:0]=' || ${entries}::text)::daybook.entry_input[]`],
    ["of two dimensions", `array[${entries}]`],
  ])("%s", async (_, array) => {
    const before = await books.traces();
    const refused = await books.refused(() =>
      books.query(`select daybook.create_transaction('main', ${array})`),
    );
    expect(["LDBAL", "LDARG"]).toContain(refused.code);
    expect(await books.traces()).toEqual(before);
  });
});
