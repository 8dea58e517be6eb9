import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { openSessions, outcome } from "../support/sessions.ts";

/** When close_period has returned, nothing that was given an older time is still under way. */

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  // The worker finds out what is not under way any more; twice, for it takes two looks.
  await database.pool.query("select daybook_private.settled_until()");
  await database.pool.query("select daybook_private.settled_until()");
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const END = "2026-01-01T00:00:00Z";
const inside = { effective_at: "2025-12-31T00:00:00Z" };
const outside = { effective_at: "2026-01-02T00:00:00Z" };
const close = (ledger: string, until = END) =>
  `select daybook.close_period('${ledger}', '${until}')`;
const reopen = (ledger: string) => `select daybook.reopen_period('${ledger}', '2020-01-01')`;
const ACCOUNTS = { alice: { money: 100 }, carl: {} };
const count = async (ledger: string) =>
  (
    await database.pool.query(
      "select from daybook.entries where ledger = $1 and effective_at < $2",
      [ledger, END],
    )
  ).rowCount;

// What has a description is not of the simplest kind, and goes the general way.
test.each([
  ["simple", inside],
  ["described", { ...inside, description: "x" }],
])(
  "closing waits for who has written into the period, and who comes after waits: %s",
  async (_, options) => {
    const { ann, bob, carl } = await openSessions(database, ["ann", "bob", "carl"]);
    const ledger = await openLedger(database, ACCOUNTS);
    await ann.step("begin");
    await ann.step(transfer(ledger, "alice", "world", 1, options));
    const closing = bob.step(close(ledger));
    await bob.waits(ann);
    const late = carl.step(transfer(ledger, "alice", "world", 1, options));
    await carl.waits(bob);
    await ann.step("commit");
    expect(await outcome(closing)).toBe("ok");
    expect(await outcome(late)).toBe("LDPER");
    expect(await count(ledger)).toBe(2);
  },
);

test("a call that waits for an account when the period is closed is waited for", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, ACCOUNTS);
  await holder.step("begin");
  await holder.step(withdrawal(ledger, "alice", 1));
  const from = { available_balance: { gte: 0 } };
  const waiting = ann.step(transfer(ledger, "alice", "world", 1, { ...inside, from }));
  await ann.waits(holder);
  const closing = bob.step(close(ledger));
  await bob.waits(ann);
  await holder.step("commit");
  expect(await outcome(waiting)).toBe("posted");
  expect(await outcome(closing)).toBe("ok");
});

test("nobody waits who gives no time, nor for another ledger's periods", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const [ledger, other] = [
    await openLedger(database, ACCOUNTS),
    await openLedger(database, ACCOUNTS),
  ];
  await bob.step("begin");
  await bob.step(close(ledger));
  expect(await outcome(ann.step(transfer(ledger, "alice", "world", 1)))).toBe("posted");
  expect(await outcome(ann.step(transfer(other, "alice", "world", 1, inside)))).toBe("posted");
  await bob.step("rollback");
});

test("closing up to now waits for who may have begun before, though he gave no time", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, ACCOUNTS);
  const closeNow = `select daybook.close_period('${ledger}', clock_timestamp())`;
  for (const call of [transfer(ledger, "alice", "world", 1), batch(ledger, 30)]) {
    await ann.step("begin");
    await ann.step(call);
    const closing = outcome(bob.step(closeNow));
    expect(await Promise.race([closing, pause(300)])).toBe("still waiting");
    await ann.step("commit");
    expect(await closing).toBe("ok");
  }
  await ann.step("begin");
  await ann.step(transfer(ledger, "alice", "world", 1));
  expect(await outcome(bob.step(closeNow))).toBe("55P03");
  await ann.step("rollback");
}, 20_000);

test("a closing that is undone has refused nobody", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, ACCOUNTS);
  await bob.step("begin");
  await bob.step(close(ledger));
  const waiting = ann.step(transfer(ledger, "alice", "world", 1, inside));
  await ann.waits(bob);
  await bob.step("rollback");
  expect(await outcome(waiting)).toBe("posted");
});

test("closing gives up after some seconds, and nothing is closed", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, ACCOUNTS);
  await ann.step("begin");
  await ann.step(transfer(ledger, "alice", "world", 1, outside));
  expect(await outcome(bob.step(close(ledger)))).toBe("55P03");
  await ann.step("commit");
  expect(await outcome(bob.step(transfer(ledger, "alice", "world", 1, inside)))).toBe("posted");
  expect(await outcome(bob.step(close(ledger)))).toBe("ok");
  expect(await outcome(bob.step(close(ledger)))).toBe("ok");
}, 20_000);

test("of two closings the later time stands, and what is closed is closed without waiting", async () => {
  const { ann, bob, carl } = await openSessions(database, ["ann", "bob", "carl"]);
  const ledger = await openLedger(database, ACCOUNTS);
  await ann.step("begin");
  await ann.step(close(ledger));
  const second = bob.step(close(ledger, "2025-06-01"));
  await bob.waits(ann);
  await ann.step("commit");
  expect(await outcome(second)).toBe("ok");
  await ann.step("begin");
  await ann.step(transfer(ledger, "alice", "world", 1, outside));
  expect(await outcome(carl.step(close(ledger, "2025-06-01")))).toBe("ok");
  await ann.step("rollback");
  const { rows } = await database.pool.query(
    "select closed_until from daybook.ledgers where name = $1",
    [ledger],
  );
  expect(rows[0].closed_until).toEqual(new Date(END));
});

describe.each(["repeatable read", "serializable"])("at %s", (level) => {
  test.each([
    ["closed", close],
    ["reopened", reopen],
  ])("a period that was %s since the snapshot ends the call", async (_, change) => {
    const { ann, bob } = await openSessions(database, ["ann", "bob"]);
    const ledger = await openLedger(database, ACCOUNTS);
    if (change === reopen) await bob.step(close(ledger));
    await ann.step(`begin isolation level ${level}`);
    await ann.step("select from daybook.accounts");
    await bob.step(change(ledger));
    expect(await outcome(ann.step(transfer(ledger, "alice", "world", 1, inside)))).toBe("40001");
    await ann.step("rollback");
  });

  test("who wrote into it before is waited for", async () => {
    const { ann, bob } = await openSessions(database, ["ann", "bob"]);
    const ledger = await openLedger(database, ACCOUNTS);
    await ann.step(`begin isolation level ${level}`);
    await ann.step(transfer(ledger, "alice", "world", 1, inside));
    const closing = bob.step(close(ledger));
    await bob.waits(ann);
    await ann.step("commit");
    expect(await outcome(closing)).toBe("ok");
  });
});

test("calls of all kinds and closings at once: no deadlock, nothing late", async () => {
  const names = ["ann", "bob", "carl", "dora"] as const;
  const sessions = await openSessions(database, [...names, "closer"]);
  const ledger = await openLedger(database, ACCOUNTS);
  const from = { available_balance: { gte: -1e6 } };
  const seen: string[] = [];
  let lateEntries = 0;
  const write = async (name: (typeof names)[number], n: number) => {
    for (let i = 0; i < 40; i++) {
      const options = {
        ...inside,
        ...((i + n) % 2 && { from }),
        external_id: `x${i % 3}-${n}-${i}`,
      };
      const call =
        i % 4 === 3
          ? batch(ledger, 30)
          : transfer(ledger, i % 2 ? "alice" : "carl", i % 2 ? "carl" : "alice", 1, options);
      seen.push(await outcome(sessions[name].step(call)));
    }
  };
  const closing = async () => {
    for (let i = 0; i < 15; i++) {
      seen.push(await outcome(sessions.closer.step(close(ledger))));
      const before = await count(ledger);
      await sessions.closer.step("select pg_sleep(0.02)");
      lateEntries += (await count(ledger))! - before!;
      await sessions.closer.step(reopen(ledger));
      await sessions.closer.step("select pg_sleep(0.02)");
    }
  };
  await Promise.all([...names.map(write), closing()]);
  expect([...new Set(seen)].toSorted()).toEqual(["LDPER", "ok", "posted"]);
  expect(lateEntries).toBe(0);
}, 60_000);

const pause = (milliseconds: number) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds, "still waiting"));

/** A batch of so many, some in the period and some locked. */
const batch = (ledger: string, size: number) => ({
  text: `select coalesce(max(error_code), 'posted') as status
           from daybook.create_transactions($1, array(
                  select row(array[daybook.debit('alice', 1, available_balance => case when n % 2 = 0 then daybook.gte(-1000000) end),
                                   daybook.credit('carl', 1)], null, case when n % 3 = 0 then $2::timestamptz end,
                             null, null, null, null, null, null, null)::daybook.transaction_input
                    from generate_series(1, $3::integer) n))`,
  values: [ledger, inside.effective_at, size],
});
