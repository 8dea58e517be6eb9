import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { change, createUnderLocks, openCategories, takeUnderLocks } from "../support/categories.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, openLedger, transfer } from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { SEED } from "../support/seed.ts";
import {
  interleavings,
  openSession,
  openSessions,
  outcome,
  play,
  tally,
} from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const open = async (accounts: string[], categories: Record<string, string[]>) => {
  const money = Object.fromEntries(accounts.map((account) => [account, { money: 100 }]));
  const ledger = await openLedger(database, money);
  await openCategories(database, ledger, categories);
  return ledger;
};

test("two calls under one category's lock never break its bound together, in whatever order", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await open(["a", "b"], { both: ["a", "b"] });
    const script = (account: string) => [
      "begin",
      takeUnderLocks(ledger, account, 150, "both"),
      "commit",
    ];
    const { ann, bob } = await play(sessions, { ann: script("a"), bob: script("b") }, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDCAT", "posted"]);
  }
});

test("nor do two under different categories that share members", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await open(["a", "b"], { one: ["a", "b"], two: ["a", "b"] });
    const script = (account: string, category: string) => [
      "begin",
      takeUnderLocks(ledger, account, 150, category),
      "commit",
    ];
    const scripts = { ann: script("a", "one"), bob: script("b", "two") };
    const { ann, bob } = await play(sessions, scripts, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDCAT", "posted"]);
  }
});

test("a lock on what is far above waits for one on what is far below", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await open(["a", "b"], { top: ["mid", "b"], mid: ["low"], low: ["a"] });
  await ann.step("begin");
  await ann.step(takeUnderLocks(ledger, "a", 100, "low"));
  const late = bob.step(takeUnderLocks(ledger, "b", 101, "top"));
  await bob.waits(ann);
  await ann.step("commit");
  expect(await outcome(late)).toBe("LDCAT");
});

test("calls without category locks, and those on other categories, wait for nobody", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await open(["a", "b", "c"], { both: ["a", "b"], other: ["c"] });
  await ann.step("begin");
  await ann.step(takeUnderLocks(ledger, "a", 10, "both"));
  expect(await outcome(bob.step(transfer(ledger, "b", "world", 10)))).toBe("posted");
  expect(await outcome(bob.step(transfer(ledger, "a", "world", 10)))).toBe("posted");
  expect(await outcome(bob.step(takeUnderLocks(ledger, "c", 10, "other")))).toBe("posted");
  await ann.step("rollback");
});

test("two changes cannot close a cycle together", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await open([], { one: [], two: [] });
    const script = (category: string, child_category: string) => [
      "begin",
      change("add_to", ledger, category, { child_category }),
      "commit",
    ];
    const scripts = { ann: script("one", "two"), bob: script("two", "one") };
    const { ann, bob } = await play(sessions, scripts, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDCYC", "ok"]);
  }
});

test.each(["repeatable read", "serializable"])(
  "nor with a snapshot that is older than the other's change: 40001 at %s",
  async (level) => {
    const { ann, bob } = await openSessions(database, ["ann", "bob"]);
    const ledger = await open(["a"], { one: [], two: ["a"] });
    await ann.step(`begin isolation level ${level}`);
    await ann.step("select from daybook.categories");
    await bob.step(change("add_to", ledger, "one", { child_category: "two" }));
    const late = ann.step(change("add_to", ledger, "two", { child_category: "one" }));
    expect(await outcome(late)).toBe("40001");
    await ann.step("rollback");
  },
);

test("a change waits for calls under locks around it, and they for it", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const graph = { top: ["mid"], mid: ["low", "c"], low: ["a"], side: ["b"] };
  const changes = [
    (ledger: string) => change("add_to", ledger, "low", { account: "b" }),
    (ledger: string) => change("add_to", ledger, "low", { child_category: "side" }),
    (ledger: string) => change("add_to", ledger, "side", { account: "a" }),
    (ledger: string) => change("add_to", ledger, "side", { child_category: "low" }),
    (ledger: string) => change("remove_from", ledger, "low", { account: "a" }),
    (ledger: string) => change("remove_from", ledger, "mid", { child_category: "low" }),
  ];
  for (const changed of changes) {
    const ledger = await open(["a", "b", "c"], graph);
    await ann.step("begin");
    await ann.step(takeUnderLocks(ledger, "a", 1, "top"));
    const change1 = bob.step(changed(ledger));
    await bob.waits(ann);
    await ann.step("commit");
    expect(await outcome(change1)).toBe("ok");

    const second = await open(["a", "b", "c"], graph);
    await bob.step("begin");
    await bob.step(changed(second));
    const call = ann.step(takeUnderLocks(second, "a", 1, "low"));
    await ann.waits(bob);
    await bob.step("commit");
    await outcome(call);
  }
});

test("a call that waited for a change is judged by what the categories are then", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await open(["a", "b"], { top: ["low"], low: ["a"] });
  await bob.step("begin");
  await bob.step(change("add_to", ledger, "low", { account: "b" }));
  const larger = ann.step(takeUnderLocks(ledger, "a", 150, "top"));
  await ann.waits(bob);
  await bob.step("commit");
  expect(await outcome(larger)).toBe("posted"); // b's 100 count

  await bob.step("begin");
  await bob.step(change("remove_from", ledger, "top", { child_category: "low" }));
  const uncovered = ann.step(takeUnderLocks(ledger, "a", 1, "top"));
  await ann.waits(bob);
  await bob.step("commit");
  expect(await outcome(uncovered)).toBe("LDARG");
});

test("a call takes no category out of order when a change puts one before those it holds", async () => {
  const { holder, call } = await openSessions(database, ["holder", "call"]);
  const changer = await database.connect();
  const ledger = await open(["x", "y", "z"], { above: ["z"], below: ["x", "y"] });
  const lockBelow = `select from daybook.categories where ledger = '${ledger}' and category = 'below' for update`;
  await holder.step("begin");
  await holder.step(takeUnderLocks(ledger, "z", 100, "above"));
  // Written by hand, because add_to_category would wait for the holder.
  await changer.query("begin");
  await changer.query(lockBelow);
  await changer.query(
    "insert into daybook.category_members (ledger, category, child_category) values ($1, 'above', 'below')",
    [ledger],
  );
  const late = call.step(takeUnderLocks(ledger, "x", 150, "below"));
  await call.waits();
  await changer.query("commit");
  await call.waits(holder);
  // It waits for the category above and has given up the one below.
  await changer.query(`${lockBelow} nowait`);
  await changer.end();
  await holder.step("commit");
  expect(await outcome(late)).toBe("posted");
});

test("a call waits for its accounts only after its categories", async () => {
  const { ann, bob, carol } = await openSessions(database, ["ann", "bob", "carol"]);
  const ledger = await open(["a", "b"], { both: ["a", "b"] });
  const shown = { show_resulting_balances: true };
  await ann.step("begin");
  await ann.step(transfer(ledger, "a", "world", 1, { from: shown }));
  const first = bob.step(takeUnderLocks(ledger, "a", 150, "both"));
  await bob.waits(ann);
  const next = carol.step(takeUnderLocks(ledger, "b", 100, "both"));
  await carol.waits(bob);
  await ann.step("commit");
  expect(await outcome(first)).toBe("posted");
  expect(await outcome(next)).toBe("LDCAT");
});

test("under load: bounds hold at every commit, nothing deadlocks, changes go on all the while", async () => {
  const accounts = ["a", "b", "c", "d", "e", "f"];
  const ledger = await open(accounts, {
    all: ["one", "two", "three"],
    one: ["a", "b"],
    two: ["c", "d", "three"],
    three: ["e", "f"],
  });
  const end = Date.now() + 4_000;
  const random = randomFrom(SEED);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const seen: string[] = [];
  const mover = async () => {
    const session = await openSession(database);
    while (Date.now() < end) {
      const [from, to] = [pick(accounts), pick([...accounts, "world"])];
      const amount = 1 + Math.floor(random() * 60);
      const lines = [
        { account: from, direction: "debit" as const, amount },
        { account: to, direction: "credit" as const, amount },
      ];
      const locks = ["all", pick(["one", "two", "three"])].map((category) => ({
        category,
        available_balance: { gte: 0 },
      }));
      seen.push(
        await outcome(
          session.step(
            createUnderLocks(ledger, lines, locks.slice(0, 1 + Math.floor(random() * 2))),
          ),
        ),
      );
    }
  };
  const changer = async () => {
    const session = await openSession(database);
    while (Date.now() < end) {
      const operation = pick(["add_to", "remove_from"] as const);
      const member =
        random() < 0.5
          ? { account: pick(accounts) }
          : { child_category: pick(["one", "two", "three"]) };
      const parent = pick(["one", "two", "three"]);
      seen.push(`change ${await outcome(session.step(change(operation, ledger, parent, member)))}`);
    }
  };
  const watcher = async () => {
    while (Date.now() < end) {
      // All accounts stay in the category all, through one of its children or directly.
      const { rows } = await database.pool.query(
        "select (daybook_private.category_totals($1, 'all')).*",
        [ledger],
      );
      expect(
        Number(rows[0].posted_credits) - Number(rows[0].pending_debits),
      ).toBeGreaterThanOrEqual(0);
    }
  };
  for (const account of accounts)
    await database.pool.query(change("add_to", ledger, "all", { account }));
  await Promise.all([mover(), mover(), mover(), mover(), changer(), changer(), watcher()]);
  const counts = tally(seen);
  expect(Object.keys(counts).filter((code) => /40P01|XX|22|23|LDGRW|40001/.test(code))).toEqual([]);
  expect(counts["posted"]).toBeGreaterThan(20);
  expect(counts["LDCAT"]).toBeGreaterThan(0);
  expect(counts["change ok"]).toBeGreaterThan(20);
  expect(counts["change LDCYC"]).toBeGreaterThan(0);
  const balances = await Promise.all(
    accounts.map((account) => balanceOf(database, ledger, account)),
  );
  expect(balances.reduce((sum, { available }) => sum + available, 0)).toBeGreaterThanOrEqual(0);
});
