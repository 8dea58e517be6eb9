import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { breakAt } from "../support/breakpoint.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { interleavings, openSession, openSessions, outcome, play } from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

test("one key from 16 sessions at once makes one transaction and 15 replays of it", async () => {
  const ledger = await openLedger(database, { alice: { money: 1_000 } });
  const sessions = await Promise.all(Array.from({ length: 16 }, () => openSession(database)));
  for (const call of [
    withdrawal(ledger, "alice", 10, { idempotency_key: "locked" }),
    transfer(ledger, "alice", "world", 10, { idempotency_key: "unlocked" }),
    transfer(ledger, "alice", "world", 10, { idempotency_key: "pending", status: "pending" }),
    withdrawal(ledger, "alice", 9_999, {
      idempotency_key: "declined",
      archive_on_lock_failure: true,
    }),
  ]) {
    const results = await Promise.all(sessions.map((session) => session.step(call)));
    expect(new Set(results.map((result) => result["transaction_id"])).size).toBe(1);
    expect(new Set(results.map((result) => result["status"])).size).toBe(1);
    expect(results.filter((result) => result["replayed"])).toHaveLength(15);
  }
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 980, version: 4 });
});

test("the second call with a key waits for the first, and proceeds when that rolls back", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 1])) {
    for (const end of ["commit", "rollback"]) {
      const ledger = await openLedger(database, { alice: { money: 100 } });
      const call = transfer(ledger, "alice", "world", 30, { idempotency_key: "k" });
      const { ann, bob } = await play(sessions, { ann: ["begin", call, end], bob: [call] }, order);
      const isFirst = order.indexOf("bob") < 2;
      const isReplay = !isFirst && end === "commit";
      expect([ann[1], bob[0]]).toEqual([
        isFirst ? "replayed" : "posted",
        isReplay ? "replayed" : "posted",
      ]);
      expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 70, version: 2 });
    }
  }
});

test("the same key with another request waits for the first too, then is refused", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await ann.step("begin");
  await ann.step(transfer(ledger, "alice", "world", 30, { idempotency_key: "k" }));
  const other = bob.step(transfer(ledger, "alice", "world", 31, { idempotency_key: "k" }));
  await bob.waits(ann);
  await ann.step("commit");
  expect(await outcome(other)).toBe("LDIDM");
});

test("a client that gives up and repeats while its first call still runs moves money once", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await holder.step("begin");
  await holder.step(withdrawal(ledger, "alice", 1));
  const call = withdrawal(ledger, "alice", 30, { idempotency_key: "k" });
  const first = ann.step(call);
  await ann.waits(holder);
  const repeated = bob.step(call);
  await bob.waits(ann);
  await holder.step("commit");
  expect(await outcome(first)).toBe("posted");
  expect(await outcome(repeated)).toBe("replayed");
  expect((await repeated)["transaction_id"]).toBe((await first)["transaction_id"]);
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 69, version: 3 });
});

test("a call that is cancelled while it waits leaves its key to the repeated one", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await holder.step("begin");
  await holder.step(withdrawal(ledger, "alice", 1));
  const call = withdrawal(ledger, "alice", 30, { idempotency_key: "k" });
  const first = ann.step(call);
  await ann.waits(holder);
  const repeated = bob.step(call);
  await bob.waits(ann);
  await database.pool.query("select pg_cancel_backend($1)", [ann.pid]);
  expect(await outcome(first)).toBe("57014");
  await bob.waits(holder);
  await holder.step("commit");
  expect(await outcome(repeated)).toBe("posted");
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 69, version: 3 });
});

test("a key that is purged between the attempt to take it and the look at it is taken", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const call = transfer(ledger, "alice", "world", 30, { idempotency_key: "k" });
  await ann.step(call);
  const look = await breakAt(database, "daybook_private.replay");
  try {
    const second = bob.step(call);
    await bob.waits(look.holder);
    await database.pool.query(
      "update daybook_private.idempotency_keys set created_at = now() - interval '31 days'",
    );
    await database.pool.query("select daybook_private.purge_idempotency_keys()");
    await look.release();
    expect(await outcome(second)).toBe("posted");
    expect(await outcome(ann.step(call))).toBe("replayed");
  } finally {
    await look.remove();
  }
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 40, version: 3 });
});
