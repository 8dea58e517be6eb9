import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { callAs, credit, debit, move, useBooks } from "../support/use-books.ts";

/*
 * Here what is written is committed: another session holds an account's counters by a locked entry
 * in an open transaction, so that unlocked entries queue. Each test has an account of its own.
 */
const books = useBooks();
let holder: Client;
let held: string;
let count = 0;

beforeEach(async () => {
  await books.query("commit");
  holder ??= await books.database.connectAs("test_writer");
  held = `held-${++count}`;
  await books.open(held);
  await hold(held);
});
afterEach(() => holder.query("rollback"));

async function hold(account: string): Promise<void> {
  await holder.query("begin");
  await callAs(holder, "create_transaction", {
    ledger: "main",
    entries: move(account, "bob", 1000, { posted_balance: { gte: -1000 } }),
  });
}

/** Alice is not held: only the entry on the held account queues. */
const give = (amount: number, args: object = {}) =>
  books.create([debit("alice", amount), credit(held, amount)], args);
const release = () => holder.query("rollback");
const fold = async () =>
  Number(
    (
      await books.look(
        "select daybook_private.fold_account(ledger, id) as n from daybook.accounts where address = $1",
        [held],
      )
    )[0]!["n"],
  );
const versions = async () =>
  (await books.entriesOf(held)).map((row) => [row["lock_version"], row["amount"]]);
const queued = async () => {
  const [row] = await books.look(
    `select count(*)::int as n from daybook_private.entry_queue q join daybook.accounts a
       on a.ledger = q.ledger and a.id = q.account_id where a.address = $1`,
    [held],
  );
  return row!["n"];
};

test("an unlocked entry does not wait for a held account, and is counted at once", async () => {
  await give(5);
  await give(7, { status: "pending" });
  expect(await queued()).toBe(2);
  const balance = {
    lock_version: "2",
    posted_credits: "5",
    pending_credits: "12",
    posted_amount: "5",
    pending_amount: "12",
    available_amount: "5",
  };
  expect(await books.balance(held)).toMatchObject(balance);
  expect(await books.all("account_balances", { accounts: [held] })).toMatchObject([balance]);
  expect(
    await books.query("select * from daybook.balances where account = $1", [held]),
  ).toMatchObject([balance]);
});

test("version and counters of a queued entry are null, then set once by a fold", async () => {
  await give(5);
  await give(7, { status: "pending" });
  const before = await books.entriesOf(held);
  const none = {
    lock_version: null,
    pending_debits: null,
    pending_credits: null,
    posted_debits: null,
    posted_credits: null,
  };
  expect(before).toMatchObject([none, none]);
  await release();
  expect(await fold()).toBe(2);
  const after = await books.entriesOf(held);
  expect(after).toEqual([
    {
      ...before[0],
      lock_version: "1",
      pending_debits: "0",
      pending_credits: "5",
      posted_debits: "0",
      posted_credits: "5",
    },
    {
      ...before[1],
      lock_version: "2",
      pending_debits: "0",
      pending_credits: "12",
      posted_debits: "0",
      posted_credits: "5",
    },
  ]);
  expect(await queued()).toBe(0);
  expect(await fold()).toBe(0);
  expect(await books.entriesOf(held)).toEqual(after);
});

test("a fold changes no balance", async () => {
  await give(5);
  await give(7, { status: "pending" });
  const before = await books.balance(held);
  await release();
  await fold();
  expect(await books.balance(held)).toEqual(before);
});

test("entries that wait and entries that do not get versions without a gap", async () => {
  await release();
  await give(1);
  await hold(held);
  await give(2);
  await give(3);
  await release();
  await give(4);
  await fold();
  await give(5);
  expect((await versions()).map(([version]) => version)).toEqual(["1", "2", "3", "4", "5"]);
  const rows = await books.entriesOf(held);
  let sum = 0n;
  for (const row of rows)
    expect(row["posted_credits"]).toBe(String((sum += BigInt(row["amount"]))));
});

describe("a locked entry", () => {
  test("folds what is queued beneath itself and sees it in its bounds", async () => {
    await give(5);
    await give(7, { status: "pending" });
    await release();
    const attempt = (amount: number, lock_version: number) =>
      move(held, "carol", amount, { lock_version, available_balance: { gte: 0 } });
    await books.query("begin");
    expect(await books.createRefused(attempt(6, 2))).toMatchObject({
      code: "LDBAL",
      detail: { actual: "-1" },
    });
    expect(await books.createRefused(attempt(5, 0))).toMatchObject({
      code: "LDVER",
      detail: { actual: 2 },
    });
    expect(await queued()).toBe(2);
    await books.create(attempt(5, 2));
    await books.query("commit");
    expect(await queued()).toBe(0);
    expect(await versions()).toEqual([
      ["1", "5"],
      ["2", "7"],
      ["3", "5"],
    ]);
    expect(await books.entriesOf(held)).toMatchObject([
      { posted_credits: "5", posted_debits: "0" },
      { pending_credits: "12", posted_credits: "5" },
      { pending_credits: "12", pending_debits: "5", posted_credits: "5", posted_debits: "5" },
    ]);
  });

  test("sees its limit with what is queued", async () => {
    await release();
    await books.call("set_account_limits", { address: held, balance_min: 0 });
    await give(10);
    await hold(held).catch(() => {}); // refused by the limit; the row is not held by it
    await holder.query("rollback");
    await holder.query("begin");
    await callAs(holder, "create_transaction", {
      ledger: "main",
      entries: move(held, "bob", 10),
    });
    await give(5);
    expect(await queued()).toBe(1);
    await holder.query("commit");
    await books.query("begin");
    expect(await books.createRefused(move(held, "carol", 6))).toMatchObject({ code: "LDLIM" });
    await books.create(move(held, "carol", 5));
    await books.query("commit");
  });

  test("shows balances that count what is queued", async () => {
    await give(5);
    await release();
    const { balances } = await books.create([
      debit("carol", 1),
      credit(held, 1, { show_resulting_balances: true }),
    ]);
    expect(balances).toMatchObject([{ lock_version: 2, posted_amount: 6 }]);
  });

  test("several on one account fold the queue once, beneath all of them", async () => {
    await give(5);
    await give(6);
    await release();
    await books.create([debit(held, 1, { lock_version: 2 }), debit(held, 2), credit("carol", 3)]);
    expect(await versions()).toEqual([
      ["1", "5"],
      ["2", "6"],
      ["3", "1"],
      ["4", "2"],
    ]);
  });
});

test("a queued pending transaction can be posted and archived while its account is held", async () => {
  const posted = await give(5, { status: "pending" });
  const archived = await give(7, { status: "pending" });
  await books.post(posted);
  await books.archive(archived);
  expect(await queued()).toBe(4);
  expect(await books.balance(held)).toMatchObject({
    lock_version: "4",
    pending_amount: "5",
    posted_amount: "5",
  });
  await release();
  expect(await fold()).toBe(4);
  expect(await books.entriesOf(held)).toMatchObject([
    { effect: "pending", lock_version: "1", pending_credits: "5", posted_credits: "0" },
    { effect: "pending", lock_version: "2", pending_credits: "12", posted_credits: "0" },
    { effect: "settled", lock_version: "3", pending_credits: "12", posted_credits: "5" },
    { effect: "released", lock_version: "4", pending_credits: "5", posted_credits: "5" },
  ]);
});

test("what a caller rolls back was never queued", async () => {
  await books.query("begin");
  await give(5);
  await books.query("rollback");
  expect(await queued()).toBe(0);
  expect(await books.balance(held)).toMatchObject({ lock_version: "0", posted_amount: "0" });
});

test("one's own queued entries are folded by one's own locked entry", async () => {
  await books.query("begin");
  await give(5);
  await release();
  await books.create(move(held, "carol", 5, { lock_version: 1, available_balance: { eq: 0 } }));
  await books.query("commit");
  expect(await versions()).toEqual([
    ["1", "5"],
    ["2", "5"],
  ]);
});

describe.each(["repeatable read", "serializable"])("at %s", (level) => {
  beforeEach(async () => {
    await release();
    await books.query(`begin isolation level ${level}`);
  });
  afterEach(() => books.query("rollback"));

  test("unlocked entries are accepted and queue, even of a free account", async () => {
    const result = await give(5);
    expect(result).toMatchObject({ status: "posted" });
    await give(6, { status: "pending", idempotency_key: `k-${level}`, external_id: `x-${level}` });
    expect(await queued()).toBe(2);
    expect(await books.balance(held)).toMatchObject({ posted_amount: "5", lock_version: "2" });
    await books.query("commit");
    expect(await books.balance(held)).toMatchObject({ posted_amount: "5", lock_version: "2" });
    expect(await fold()).toBe(2);
  });

  test.each<[string, object]>([
    ["bounds", { posted_balance: { gte: -9999 } }],
    ["a version", { lock_version: 0 }],
    ["resulting balances", { show_resulting_balances: true }],
  ])("an entry with %s is LDISO, with its index", async (_, extras) => {
    const entries = [debit("alice", 1), credit(held, 1, extras)];
    expect(await books.createRefused(entries)).toMatchObject({
      code: "LDISO",
      detail: { index: 2 },
    });
    expect(await books.createRefused(entries, { dry_run: true })).toMatchObject({ code: "LDISO" });
  });

  test("an entry that a limit can refuse is LDISO, one in the other direction is not", async () => {
    await books.query("commit");
    await books.call("set_account_limits", { address: held, balance_min: 0 });
    await books.query(`begin isolation level ${level}`);
    expect(await books.createRefused(move(held, "carol", 1))).toMatchObject({ code: "LDISO" });
    await give(1);
  });

  test("posting and archiving are LDISO", async () => {
    await books.query("commit");
    const { transaction_id } = await give(5, { status: "pending" });
    await books.query(`begin isolation level ${level}`);
    for (const name of ["post_transaction", "archive_transaction"]) {
      expect(await books.refusal(name, { transaction_id })).toMatchObject({ code: "LDISO" });
    }
  });
});

test("concurrent calls with one key: the second waits for the first and is its replay", async () => {
  await release();
  const other = await books.database.connectAs("test_writer");
  const args = { ledger: "main", entries: move("alice", "bob", 1), idempotency_key: "race" };
  await holder.query("begin");
  const [first] = await callAs(holder, "create_transaction", args);
  const second = callAs(other, "create_transaction", args);
  const early = await Promise.race([
    second,
    new Promise((resolve) => setTimeout(() => resolve("waits"), 200)),
  ]);
  expect(early).toBe("waits");
  await holder.query("commit");
  expect(await second).toEqual([{ ...first, replayed: true }]);
});
