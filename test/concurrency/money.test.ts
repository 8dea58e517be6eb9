import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, create, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
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

test("of two withdrawals of 80 from 100 one is made, in every order of their steps", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await openLedger(database, { alice: { money: 100 } });
    const script = ["begin", withdrawal(ledger, "alice", 80), "commit"];
    const { ann, bob } = await play(sessions, { ann: script, bob: script }, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDBAL", "posted"]);
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 20, version: 2 });
  }
});

test("a withdrawal waits for another one that may still vanish, and is made when it does", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await ann.step("begin");
  await ann.step(withdrawal(ledger, "alice", 80));
  const second = bob.step(withdrawal(ledger, "alice", 80));
  await bob.waits(ann);
  await ann.step("rollback");
  expect(await second).toMatchObject({ status: "posted" });
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 20, version: 2 });
});

test("16 sessions with 500 withdrawals each take exactly what the money allows", async () => {
  const ledger = await openLedger(database, { alice: { money: 15_001 } });
  const client = async () => {
    const session = await openSession(database);
    const outcomes: string[] = [];
    for (let n = 0; n < 500; n++) {
      outcomes.push(await outcome(session.step(withdrawal(ledger, "alice", 3))));
    }
    return outcomes;
  };
  const outcomes = await Promise.all(Array.from({ length: 16 }, client));
  expect(tally(outcomes.flat())).toEqual({ posted: 5_000, LDBAL: 3_000 });
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 1, version: 5_001 });
  const { rows } = await database.pool.query(
    `select min(posted_credits - posted_debits)::integer as lowest
       from daybook.entries e join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
      where e.ledger = $1 and a.address = 'alice'`,
    [ledger],
  );
  expect(rows).toEqual([{ lowest: 1 }]);
});

test("several calls in one transaction of the caller commit together or vanish together", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 }, bob: {} });
  const calls = async () => {
    await ann.step("begin");
    await ann.step(transfer(ledger, "alice", "bob", 10, { idempotency_key: "together" }));
    await ann.step("savepoint one");
    expect(await outcome(ann.step(withdrawal(ledger, "alice", 95)))).toBe("LDBAL");
    await ann.step("rollback to one");
    await ann.step(withdrawal(ledger, "alice", 90, { external_id: "together" }));
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 100, version: 1 });
  };
  await calls();
  await ann.step("rollback");
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 100, version: 1 });
  expect(await balanceOf(database, ledger, "bob")).toMatchObject({ posted: 0, version: 0 });
  await calls();
  const late = bob.step(withdrawal(ledger, "alice", 1));
  await bob.waits(ann);
  await ann.step("commit");
  expect(await outcome(late)).toBe("LDBAL");
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 0, version: 3 });
  expect(await balanceOf(database, ledger, "bob")).toMatchObject({ posted: 10, version: 1 });
});

test("of many calls that name one lock version exactly one is made", async () => {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const call = transfer(ledger, "alice", "world", 1, { from: { lock_version: 1 } });
  const client = async () => outcome((await openSession(database)).step(call));
  const outcomes = await Promise.all(Array.from({ length: 8 }, client));
  expect(tally(outcomes)).toEqual({ posted: 1, LDVER: 7 });
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 99, version: 2 });
});

test("a lock version that was right when the call began is refused when another came first", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await openLedger(database, { alice: { money: 100 } });
    const call = transfer(ledger, "alice", "world", 10, { from: { lock_version: 1 } });
    const script = ["begin", call, "commit"];
    const { ann, bob } = await play(sessions, { ann: script, bob: script }, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDVER", "posted"]);
  }
});

test("of several lock versions for one account all must be right", async () => {
  const { ann } = await openSessions(database, ["ann"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const call = create(ledger, [
    { account: "alice", direction: "debit", amount: 1, lock_version: 1 },
    { account: "alice", direction: "debit", amount: 1, lock_version: 2 },
    { account: "world", direction: "credit", amount: 2 },
  ]);
  expect(await outcome(ann.step(call))).toBe("LDVER");
});
