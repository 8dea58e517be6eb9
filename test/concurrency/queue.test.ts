import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, finish, fold, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { openSession, openSessions, outcome, type Session } from "../support/sessions.ts";

let database: TestDatabase;
let holder: Session;
let worker: Session;

beforeAll(async () => {
  database = await createDatabase();
  holder = await openSession(database);
  worker = await openSession(database, "daybook_worker");
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

/** Lets `holder` hold an account: by a locked entry of 1 into it, in a transaction that stays open. */
async function hold(ledger: string, account: string): Promise<void> {
  await holder.step("begin");
  const to = { show_resulting_balances: true };
  await holder.step(transfer(ledger, "world", account, 1, { to }));
}

test("16 sessions on a held account never wait", async () => {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await hold(ledger, "alice");
  const client = async () => {
    const session = await openSession(database);
    await session.step("set lock_timeout = '3s'"); // who waits for the holder waits in vain
    for (let n = 0; n < 10; n++) {
      await session.step(transfer(ledger, "alice", "world", 1));
      await session.step(transfer(ledger, "world", "alice", 2, { status: "pending" }));
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({
    posted: 100 - 160,
    pending: 100 - 160 + 320,
    queued: 320,
  });
  await holder.step("commit");
  expect(await worker.step(await fold(database, ledger, "alice"))).toEqual({ folded: 320 });
});

test("settling and releasing keep the mode of what they settle: unlocked ones do not wait", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const pending = { status: "pending" } as const;
  const unlocked = await ann.step(transfer(ledger, "alice", "world", 10, pending));
  const released = await ann.step(transfer(ledger, "alice", "world", 20, pending));
  const locked = await ann.step(withdrawal(ledger, "alice", 30, pending));
  await hold(ledger, "alice");
  await ann.step(finish("post", ledger, unlocked["transaction_id"]));
  await ann.step(finish("archive", ledger, released["transaction_id"]));
  const waiting = bob.step(finish("post", ledger, locked["transaction_id"]));
  await bob.waits(holder);
  await holder.step("commit");
  expect(await outcome(waiting)).toBe("posted");
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 61, pending: 61 });
});

test("above READ COMMITTED unlocked entries queue without a serialization failure, locked ones are refused", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const level of ["repeatable read", "serializable"]) {
    const ledger = await openLedger(database, { alice: { money: 100 } });
    await ann.step(`begin isolation level ${level}`);
    await ann.step("select count(*) from daybook.balances");
    await bob.step(withdrawal(ledger, "alice", 80));
    await ann.step(transfer(ledger, "alice", "world", 10));
    await ann.step("savepoint one");
    expect(await outcome(ann.step(withdrawal(ledger, "alice", 10)))).toBe("LDISO");
    await ann.step("rollback to one");
    await ann.step("commit");
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 10, queued: 1 });
    expect(await outcome(bob.step(withdrawal(ledger, "alice", 11)))).toBe("LDBAL");
  }
});

test("an account that a prepared transaction holds takes unlocked entries; locked ones wait for it", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await hold(ledger, "alice");
  await holder.step("prepare transaction 'holds-alice'");
  await bob.step(transfer(ledger, "alice", "world", 100));
  const late = ann.step(withdrawal(ledger, "alice", 80));
  await ann.waits();
  const folding = worker.step(await fold(database, ledger, "alice"));
  await worker.waits();
  await holder.step("commit prepared 'holds-alice'");
  expect(await outcome(late)).toBe("LDBAL");
  await folding;
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 1, version: 3 });
});
