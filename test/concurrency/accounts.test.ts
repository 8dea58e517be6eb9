import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { interleavings, openSessions, outcome, play } from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

test("closing an account binds a locked entry that waited for it", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const [end, expected] of [
    ["commit", "LDCLS"],
    ["rollback", "posted"],
  ]) {
    const ledger = await openLedger(database, { alice: { money: 100 } });
    await ann.step("begin");
    await ann.step(`select daybook.close_account('${ledger}', 'alice')`);
    const late = bob.step(withdrawal(ledger, "alice", 10));
    await bob.waits(ann);
    await ann.step(end!);
    expect(await outcome(late)).toBe(expected);
  }
});

test("closing an account waits for who moves money on it, and does not unmake that", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const call of [withdrawal, transferUnlocked]) {
    const ledger = await openLedger(database, { alice: { money: 100 } });
    await ann.step("begin");
    await ann.step(call(ledger, "alice", 10));
    const closing = bob.step(`select daybook.close_account('${ledger}', 'alice')`);
    await bob.waits(ann);
    await ann.step("commit");
    await closing;
    expect(await outcome(ann.step(call(ledger, "alice", 10)))).toBe("LDCLS");
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 90, version: 2 });
  }
});

const transferUnlocked = (ledger: string, from: string, amount: number) =>
  transfer(ledger, from, "world", amount);

test("closing binds a locked entry of any kind that waited for it", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await ann.step("begin");
  await ann.step(`select daybook.close_account('${ledger}', 'alice')`);
  const from = { show_resulting_balances: true }; // a plain pair takes another way
  const waiting = bob.step(transfer(ledger, "alice", "world", 10, { from }));
  await bob.waits(ann);
  await ann.step("commit");
  expect(await outcome(waiting)).toBe("LDCLS");
});

test("a limit binds a locked entry that waited for it, though it began without one", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const [end, expected] of [
    ["commit", "LDLIM"],
    ["rollback", "posted"],
  ]) {
    const ledger = await openLedger(database, { alice: { money: 100 } });
    const call = transfer(ledger, "alice", "world", 60, {
      from: { show_resulting_balances: true },
    });
    await ann.step("begin");
    await ann.step(`select daybook.set_account_limits('${ledger}', 'alice', 50)`);
    const late = bob.step(call);
    await bob.waits(ann);
    await ann.step(end!);
    expect(await outcome(late)).toBe(expected);
  }
});

test("a limit that is lifted frees a locked entry that waited for it", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100, balance_min: 50 } });
  await ann.step("begin");
  await ann.step(`select daybook.set_account_limits('${ledger}', 'alice')`);
  const late = bob.step(transfer(ledger, "alice", "world", 60));
  await bob.waits(ann);
  await ann.step("commit");
  expect(await outcome(late)).toBe("posted");
});

test("two withdrawals against an account's own limit: the second sees the first, in every order", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await openLedger(database, { alice: { money: 100, balance_min: 0 } });
    const script = ["begin", transfer(ledger, "alice", "world", 80), "commit"];
    const { ann, bob } = await play(sessions, { ann: script, bob: script }, order);
    expect([ann[1], bob[1]].toSorted()).toEqual(["LDLIM", "posted"]);
  }
});
