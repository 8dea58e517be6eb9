import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { callAs, credit, debit, move, useBooks, type Row } from "../support/use-books.ts";

/*
 * Who waits: what a change does without new entries keeps the mode of each entry, with new entries theirs
 * decides. Another session holds an account by a locked entry in an open transaction; whoever must
 * wait for it is given up on after a moment. Each test has an account of its own.
 */
const books = useBooks();
let holder: Client;
let held: string;
let count = 0;

const locking = { pending_balance: { lt: 1_000_000 } };
const plain = (amount: number) => move(held, "bob", amount);
const locked = (amount: number) => move(held, "bob", amount, locking);

beforeEach(async () => {
  await books.query("commit");
  holder ??= await books.database.connectAs("test_writer");
  held = `held-${++count}`;
  await books.open(held);
});
afterEach(() => holder.query("rollback"));

/** A pending transaction on the account, which is then held. */
async function hold(entries: ReturnType<typeof plain>, args: object = {}): Promise<Row> {
  const transaction = await books.create(entries, { status: "pending", ...args });
  await holder.query("begin");
  await callAs(holder, "create_transaction", {
    ledger: "main",
    entries: move(held, "carol", 1, locking),
  });
  await books.query("begin");
  await books.query("set local lock_timeout = '150ms'");
  return transaction;
}

/** Whether a change waits for the account; if it does not, the modes and effects of the rows it left in its queue. */
async function change(attempt: () => Promise<unknown>): Promise<string> {
  await books.query("savepoint attempt");
  try {
    await attempt();
  } catch (error) {
    expect(error).toMatchObject({ code: "55P03" });
    await books.query("rollback to savepoint attempt");
    return "waits";
  }
  const rows = await books.look(
    `select e.effect::text, e.locked
       from daybook.entries e
       join daybook_private.entry_queue q on q.ledger = e.ledger and q.entry_id = e.id
       join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
      where a.address = $1`,
    [held],
  );
  expect(rows.every((row) => row["locked"] === false)).toBe(true);
  const effects = rows.map((row) => row["effect"] as string);
  return ["queues", ...effects.toSorted()].join(" ");
}

const at = { effective_at: new Date("2020-01-01T00:00:00Z") };

describe.each<[string, (transaction: Row) => Promise<unknown>, string]>([
  ["posting", (t) => books.post(t), "queues settled"],
  ["posting at another time", (t) => books.post(t, at), "queues posted released"],
  ["archiving", (t) => books.archive(t), "queues released"],
  ["another time", (t) => books.update(t, at), "queues pending released"],
])("%s keeps the mode", (_, call, expected) => {
  test("of an entry that waited: it waits", async () => {
    const transaction = await hold(locked(5));
    expect(await change(() => call(transaction))).toBe("waits");
  });

  test("of one that did not: it does not", async () => {
    const transaction = await hold(plain(5));
    expect(await change(() => call(transaction))).toBe(expected);
  });

  test("of what is left when a part of it was posted in the other mode", async () => {
    const waiting = await books.create(locked(5), { status: "pending" });
    await books.postPart(waiting, plain(2));
    const free = await books.create(plain(5), { status: "pending" });
    await books.postPart(free, locked(2));
    await hold(plain(1));
    expect(await change(() => call(waiting))).toBe("waits");
    expect(await change(() => call(free))).toBe(expected);
  });
});

test("with a limit that came later, what did not wait does not wait now", async () => {
  const transaction = await books.create(plain(5), { status: "pending" });
  await books.call("set_account_limits", { address: held, balance_min: -1_000 });
  await hold(move("bob", "carol", 1));
  expect(await change(() => books.post(transaction))).toBe("queues settled");
});

describe.each<[string, (transaction: Row, entries: object[]) => Promise<unknown>, string]>([
  ["updating", (t, entries) => books.update(t, { entries }), "pending"],
  ["posting", (t, entries) => books.post(t, { entries }), "posted"],
])("%s with other entries", (_, call, effect) => {
  test("that do not wait: what they replace does not either", async () => {
    const transaction = await hold(locked(5));
    const queues = `queues ${effect} released`;
    expect(await change(() => call(transaction, plain(4)))).toBe(queues);
  });

  test("that wait: so does what they replace", async () => {
    const transaction = await hold(plain(5));
    expect(await change(() => call(transaction, locked(4)))).toBe("waits");
  });

  test("of which one waits, on either side: the account is waited for", async () => {
    const transaction = await hold(plain(5));
    const entries = [debit(held, 4), credit("bob", 4), credit(held, 1, locking), debit("bob", 1)];
    expect(await change(() => call(transaction, entries))).toBe("waits");
  });

  test("on other accounts: the one that they leave is not waited for", async () => {
    const transaction = await hold(locked(5));
    const entries = move("bob", "alice", 4, locking);
    expect(await change(() => call(transaction, entries))).toBe("queues released");
  });

  test("on an account with a limit that they can break: they wait", async () => {
    await books.call("set_account_limits", { address: held, balance_min: -1_000 });
    const transaction = await hold(move("bob", held, 5));
    expect(await change(() => call(transaction, plain(1)))).toBe("waits");
    expect(await change(() => call(transaction, move("bob", held, 1)))).toBe(
      `queues ${effect} released`,
    );
  });
});

describe("posting a part", () => {
  test("that does not wait: what is released does not either", async () => {
    const transaction = await hold(locked(5));
    expect(await change(() => books.postPart(transaction, plain(2)))).toBe(
      "queues posted released",
    );
  });

  test("that waits: so does what is released", async () => {
    const transaction = await hold(plain(5));
    expect(await change(() => books.postPart(transaction, locked(2)))).toBe("waits");
  });
});

test("an expiry never waits, whatever the mode", async () => {
  const transaction = await hold(locked(5), { expires_at: new Date(Date.now() + 3_600_000) });
  await books.lapse(transaction);
  const sweep = () => books.look("select daybook_private.expire_transactions(10)");
  expect(await change(sweep)).toBe("queues released");
});

test("a change that touches no entry waits for no account", async () => {
  const transaction = await hold(locked(5));
  expect(await change(() => books.update(transaction, { description: "d" }))).toBe("queues");
});
