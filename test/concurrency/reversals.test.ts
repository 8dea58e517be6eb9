import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, finish, openLedger, reverse, transfer } from "../support/ledgers.ts";
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

/** A ledger in which `alice` was paid 30. */
async function withPayment(): Promise<{ ledger: string; id: string }> {
  const ledger = await openLedger(database, { alice: {} });
  const { rows } = await database.pool.query(transfer(ledger, "world", "alice", 30));
  return { ledger, id: rows[0].transaction_id };
}

async function reversalsOf(ledger: string, id: string) {
  const { rows } = await database.pool.query(
    `select r.status::text, r.id = o.reversed_by_transaction_id as is_linked
       from daybook.transactions r
       join daybook.transactions o on o.ledger = r.ledger and o.id = r.reverses_transaction_id
      where o.ledger = $1 and o.id = $2 order by r.id`,
    [ledger, id],
  );
  return rows;
}

test("reversing against reversing: one is made, the other learns that it is reversed", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const { ledger, id } = await withPayment();
    const script = ["begin", reverse(ledger, id), "commit"];
    const { ann, bob } = await play(sessions, { ann: script, bob: script }, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDSTA", "posted"]);
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 0, version: 2 });
    expect(await reversalsOf(ledger, id)).toEqual([{ status: "posted", is_linked: true }]);
  }
});

test("a reversal that rolls back lets the one that waits for it proceed", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const { ledger, id } = await withPayment();
  await ann.step("begin");
  await ann.step(reverse(ledger, id));
  const second = bob.step(reverse(ledger, id));
  await bob.waits(ann);
  await ann.step("rollback");
  expect(await outcome(second)).toBe("posted");
});

test("reversing against archiving the pending reversal: never two that count", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const { ledger, id } = await withPayment();
    const { transaction_id: pending } = await sessions.ann.step(
      reverse(ledger, id, { status: "pending" }),
    );
    const { ann, bob } = await play(
      sessions,
      {
        ann: ["begin", finish("archive", ledger, pending), "commit"],
        bob: ["begin", reverse(ledger, id), "commit"],
      },
      order,
    );
    expect(ann[1]).toBe("archived");
    const isArchivedFirst =
      order.lastIndexOf("ann") < order.indexOf("bob", order.indexOf("bob") + 1);
    expect(bob[1]).toBe(isArchivedFirst ? "posted" : "LDSTA");
    expect(await balanceOf(database, ledger, "alice")).toMatchObject(
      isArchivedFirst ? { posted: 0, pending: 0 } : { posted: 30, pending: 30 },
    );
  }
});

test("reversing against posting the pending reversal: the posted one counts", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const { ledger, id } = await withPayment();
    const { transaction_id: pending } = await sessions.ann.step(
      reverse(ledger, id, { status: "pending" }),
    );
    const { ann, bob } = await play(
      sessions,
      {
        ann: ["begin", finish("post", ledger, pending), "commit"],
        bob: ["begin", reverse(ledger, id), "commit"],
      },
      order,
    );
    expect([ann[1], bob[1]]).toEqual(["posted", "LDSTA"]);
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 0, pending: 0 });
  }
});

test("reversing a transaction that is about to be posted waits for it", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const end of ["commit", "rollback"]) {
    const ledger = await openLedger(database, { alice: {} });
    const held = transfer(ledger, "world", "alice", 30, { status: "pending" });
    const { transaction_id: id } = await ann.step(held);
    await ann.step("begin");
    await ann.step(finish("post", ledger, id));
    const reversed = bob.step(reverse(ledger, id));
    await bob.waits(ann);
    await ann.step(end);
    expect(await outcome(reversed)).toBe(end === "commit" ? "posted" : "LDSTA");
  }
});

test("reversing with one key from many sessions reverses once", async () => {
  const { ledger, id } = await withPayment();
  const call = reverse(ledger, id, { idempotency_key: "k" });
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, async () => outcome((await openSession(database)).step(call))),
  );
  expect(tally(outcomes)).toEqual({ posted: 1, replayed: 7 });
  expect(await reversalsOf(ledger, id)).toHaveLength(1);
});

test("reversals of one another and of payments, from many sessions, never deadlock", async () => {
  const ledger = await openLedger(database, {
    alice: { balance_min: -100_000 },
    bob: { balance_max: 100_000 },
  });
  const { rows } = await database.pool.query(transfer(ledger, "alice", "bob", 5));
  let latest: string = rows[0].transaction_id;
  const client = async () => {
    const session = await openSession(database);
    const outcomes: string[] = [];
    for (let i = 0; i < 20; i++) {
      const step = session.step(reverse(ledger, latest));
      outcomes.push(await outcome(step));
      latest = await step.then(
        (row) => row["transaction_id"],
        () => latest,
      );
    }
    return outcomes;
  };
  const outcomes = tally((await Promise.all(Array.from({ length: 6 }, client))).flat());
  expect(Object.keys(outcomes).toSorted()).toEqual(["LDSTA", "posted"]);
  const isUndone = outcomes["posted"]! % 2 === 1;
  expect(await balanceOf(database, ledger, "bob")).toMatchObject({ posted: isUndone ? 0 : 5 });
});
