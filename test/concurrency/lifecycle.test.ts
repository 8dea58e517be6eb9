import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, finish, openLedger, transfer } from "../support/ledgers.ts";
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

/** A ledger in which `alice` has 100, of which a pending transaction holds 30. */
async function withHold(): Promise<{ ledger: string; id: string }> {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const hold = transfer(ledger, "alice", "world", 30, { status: "pending", external_id: "x" });
  const { rows } = await database.pool.query(hold);
  return { ledger, id: rows[0].transaction_id };
}

test("posting against posting: one is made, the other learns that it is posted", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const { ledger, id } = await withHold();
    const script = ["begin", finish("post", ledger, id), "commit"];
    const { ann, bob } = await play(sessions, { ann: script, bob: script }, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDSTA", "posted"]);
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 70, pending: 70 });
  }
});

test("posting against archiving: one wins, and nothing of the other remains", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const { ledger, id } = await withHold();
    const { ann, bob } = await play(
      sessions,
      {
        ann: ["begin", finish("post", ledger, id, "post"), "commit"],
        bob: ["begin", finish("archive", ledger, id, "archive"), "commit"],
      },
      order,
    );
    const isPosted = ann[1] === "posted";
    expect([ann[1], bob[1]]).toEqual(isPosted ? ["posted", "LDSTA"] : ["LDSTA", "archived"]);
    const left = isPosted ? 70 : 100;
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({
      posted: left,
      pending: left,
      version: 3,
    });
  }
});

test("a posting that rolls back lets the archiving that waits for it proceed", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const { ledger, id } = await withHold();
  await ann.step("begin");
  await ann.step(finish("post", ledger, id));
  const archived = bob.step(finish("archive", ledger, id));
  await bob.waits(ann);
  await ann.step("rollback");
  expect(await outcome(archived)).toBe("archived");
});

test("an external id that somebody is about to take: the second waits, then is refused or takes it", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 1])) {
    for (const end of ["commit", "rollback"]) {
      const ledger = await openLedger(database, { alice: { money: 100 } });
      const call = transfer(ledger, "alice", "world", 30, { external_id: "invoice 7" });
      const { ann, bob } = await play(sessions, { ann: ["begin", call, end], bob: [call] }, order);
      const isFirst = order.indexOf("bob") < 2;
      expect([ann[1], bob[0]]).toEqual([
        isFirst ? "LDEXT" : "posted",
        !isFirst && end === "commit" ? "LDEXT" : "posted",
      ]);
    }
  }
});

test("an external id that archiving is about to free: who wants it waits", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const end of ["commit", "rollback"]) {
    const { ledger, id } = await withHold();
    await ann.step("begin");
    await ann.step(finish("archive", ledger, id));
    const next = bob.step(transfer(ledger, "alice", "world", 1, { external_id: "x" }));
    await bob.waits(ann);
    await ann.step(end);
    expect(await outcome(next)).toBe(end === "commit" ? "posted" : "LDEXT");
  }
});

test("posting with one key from many sessions posts once", async () => {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const opened = await openSession(database);
  const held = transfer(ledger, "alice", "world", 30, { status: "pending" });
  const { transaction_id: id } = await opened.step(held);
  const client = async () =>
    outcome((await openSession(database)).step(finish("post", ledger, id, "k")));
  const outcomes = await Promise.all(Array.from({ length: 8 }, client));
  expect(tally(outcomes)).toEqual({ posted: 1, replayed: 7 });
});

test("one key for two operations at once: the second is refused, whichever it is", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await openLedger(database, { alice: { money: 100 } });
    const held = transfer(ledger, "alice", "world", 30, { status: "pending" });
    const { transaction_id: id } = await sessions.ann.step(held);
    const create = transfer(ledger, "alice", "world", 5, { idempotency_key: "k" });
    const post = finish("post", ledger, id, "k");
    const { ann, bob } = await play(
      sessions,
      { ann: ["begin", create, "commit"], bob: ["begin", post, "commit"] },
      order,
    );
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDIDM", "posted"]);
  }
});
