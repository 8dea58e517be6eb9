import { expect, test } from "@jest/globals";
import { createUnderLocks, type CategoryLock } from "../support/categories.ts";
import { credit, debit, move, useBooks, type Entry } from "../support/use-books.ts";

/* The diamond: top contains left and right, both contain bottom; alice is in left and bottom, bob in right. */
const books = useBooks(async ({ call, create }) => {
  for (const category of ["top", "left", "right", "bottom", "other", "empty"]) {
    await call("create_category", { category, currency: "USD" });
  }
  const members = [
    ["top", "child_category", "left"],
    ["top", "child_category", "right"],
    ["left", "child_category", "bottom"],
    ["right", "child_category", "bottom"],
    ["left", "account", "alice"],
    ["bottom", "account", "alice"],
    ["right", "account", "bob"],
    ["other", "account", "carol"],
  ];
  for (const [category, kind, member] of members)
    await call("add_to_category", { category, [kind!]: member });
  await create([debit("bank", 150), credit("alice", 100), credit("bob", 50)]);
});

const call = (entries: Entry[], locks: unknown[]) =>
  createUnderLocks("main", entries as never, locks as CategoryLock[]);
const run = async (entries: Entry[], locks: unknown[]) => {
  const { text, values } = call(entries, locks);
  return (await books.query(text, values))[0]!["status"];
};
const refused = (entries: Entry[], locks: unknown[]) => books.refused(() => run(entries, locks));

const bound = (category: string, available_balance: object) => ({ category, available_balance });

test("bounds are kept or broken by the balance of the whole graph after the transaction", async () => {
  expect(await run(move("alice", "bank", 100), [bound("top", { gte: 50 })])).toBe("posted");
  expect(await refused(move("bob", "bank", 1), [bound("top", { gte: 50 })])).toMatchObject({
    code: "LDCAT",
    detail: {
      index: 1,
      category: "top",
      balance: "available_balance",
      bound: "gte",
      limit: "50",
      actual: "49",
    },
  });
});

test("an account that is in by several ways counts once", async () => {
  expect(await run(move("alice", "bob", 1), [bound("top", { eq: 150 })])).toBe("posted");
  expect(await run(move("alice", "carol", 1), [bound("top", { eq: 149 })])).toBe("posted");
});

test("each of the three balances is that of the category", async () => {
  await books.create(move("alice", "bank", 30), { status: "pending" });
  await books.create(move("bank", "bob", 7), { status: "pending" });
  const locks = [
    { category: "top", pending_balance: { eq: 127 } },
    { category: "left", posted_balance: { eq: 100 } },
    { category: "right", available_balance: { eq: 120 } },
  ];
  expect(await run(move("alice", "alice", 1), locks)).toBe("posted");
  for (const [n, balance, actual] of [
    [0, "pending_balance", "127"],
    [1, "posted_balance", "100"],
    [2, "available_balance", "120"],
  ] as const) {
    const wrong = locks.map((lock, m) => (m === n ? { ...lock, [balance]: { lt: 0 } } : lock));
    expect(await refused(move("alice", "alice", 1), wrong)).toMatchObject({
      code: "LDCAT",
      detail: { index: n + 1, balance, bound: "lt", limit: "0", actual },
    });
  }
});

test("a debit-normal category is judged by its own side", async () => {
  await books.call("create_category", {
    category: "assets",
    currency: "USD",
    normal_balance: "debit",
  });
  await books.call("add_to_category", { category: "assets", account: "bank" });
  expect(await run(move("alice", "bank", 10), [bound("assets", { eq: 140 })])).toBe("posted");
});

test("queued entries count", async () => {
  await books.query("commit"); // what is queued needs a transaction of its own
  await books.query("begin isolation level repeatable read");
  await books.create(move("alice", "carol", 40));
  await books.query("commit");
  await books.query("begin");
  try {
    expect(await refused(move("bob", "carol", 1), [bound("top", { gte: 110 })])).toMatchObject({
      detail: { actual: "109" },
    });
    expect(await run(move("carol", "alice", 40), [bound("top", { eq: 150 })])).toBe("posted");
  } finally {
    await books.query("commit");
    await books.query("begin");
  }
});

test("the first lock that is broken is raised", async () => {
  const locks = [bound("left", { gte: 0 }), bound("right", { lt: 0 }), bound("top", { lt: 0 })];
  expect(await refused(move("alice", "bob", 1), locks)).toMatchObject({
    code: "LDCAT",
    detail: { index: 2, category: "right" },
  });
});

test("a lock that covers no account of the transaction is LDARG", async () => {
  for (const category of ["other", "empty"]) {
    const locks = [bound("top", { gte: 0 }), bound(category, { gte: 0 })];
    expect(await refused(move("alice", "bank", 1), locks)).toMatchObject({
      code: "LDARG",
      detail: { argument: "category_locks", index: 2, value: category },
    });
  }
});

test("all categories that do not exist are listed: LDCTG", async () => {
  const locks = ["none", "top", "nil"].map((category) => bound(category, { gte: 0 }));
  expect(await refused(move("alice", "bank", 1), locks)).toMatchObject({
    code: "LDCTG",
    detail: { ledger: "main", categories: ["none", "nil"] },
  });
});

test.each<[string, unknown[]]>([
  ["category", [{ available_balance: { gte: 0 } }]],
  ["category", [bound("a b", { gte: 0 })]],
  ["category_locks", [{ category: "top" }]],
  ["available_balance", [bound("top", {})]],
  ["available_balance", [bound("top", { gte: 0.5 })]],
  ["posted_balance", [{ category: "top", posted_balance: { lt: "NaN" } }]],
  ["pending_balance", [{ category: "top", pending_balance: { lt: "Infinity" } }]],
  ["category_locks", [bound("top", { gte: 0 }), bound("top", { lt: 9 })]],
])("malformed locks are LDARG: %s of %j", async (argument, locks) => {
  const { code, detail } = await refused(move("alice", "bank", 1), locks);
  expect([code, detail["argument"]]).toEqual(["LDARG", argument]);
});

test("more than 100 locks are LDARG", async () => {
  const locks = Array.from({ length: 101 }, (_, n) => bound(`c${n}`, { gte: 0 }));
  expect(await refused(move("alice", "bank", 1), locks)).toMatchObject({
    code: "LDARG",
    detail: { argument: "category_locks", value: 101 },
  });
});

test("a null among the locks is LDARG, no locks at all are none", async () => {
  const check = (locks: string) => () =>
    books.look(
      `select daybook_private.check_category_locks(${locks}::daybook.category_lock_input[])`,
    );
  expect(await books.refused(check("array[null]"))).toMatchObject({
    code: "LDARG",
    detail: { argument: "category", index: 1, value: null },
  });
  for (const none of ["null", "'{}'"]) await check(none)();
});

test("the accounts that a lock covers are told, and only the categories around them are held", async () => {
  const [row] = await books.look(
    `select array(select a.address from daybook.accounts a where a.id = any (daybook_private.lock_categories('main',
       array[row('left', null, null, daybook.gte(0))::daybook.category_lock_input],
       array(select id from daybook.accounts where address in ('alice', 'bob', 'carol', 'bank'))))) as covered`,
  );
  expect(row!["covered"]).toEqual(["alice"]);
  const held = await books.look(
    "select category from daybook.categories where xmax <> '0' order by 1",
  );
  expect(held.map(({ category }) => category)).toEqual(["bottom", "left", "other", "right", "top"]);
});

test("posting as created under a category lock: what is due on its accounts leaves first", async () => {
  const transaction = await books.create(move("alice", "bank", 10), { status: "pending" });
  await books.lapse(
    await books.create(move("alice", "bank", 60), { status: "pending", expires_at: later() }),
  );
  const post = () =>
    books.query(
      `select status from daybook.post_transaction('main', $1, category_locks => array[
         row('left', null, null, daybook.gte(90))::daybook.category_lock_input])`,
      [transaction["transaction_id"]],
    );
  await books.call("close_account", { address: "alice" });
  expect(await post()).toEqual([{ status: "posted" }]);
});

const later = () => new Date(Date.now() + 3_600_000).toISOString();
