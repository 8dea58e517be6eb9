import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { openSessions, outcome } from "../support/sessions.ts";

/** What happens while a call waits, or since its snapshot was taken, binds it. */

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

test("what is queued while a call that holds one account waits for the next one counts", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, { alice: { money: 100 }, zoe: {} }); // ids ascend
  const shown = { show_resulting_balances: true };
  await holder.step("begin");
  await holder.step(transfer(ledger, "world", "zoe", 1, { to: shown }));
  const covered = { available_balance: { gte: 0 }, ...shown };
  const late = ann.step(transfer(ledger, "alice", "zoe", 80, { from: covered, to: shown }));
  await ann.waits(holder);
  await bob.step(transfer(ledger, "alice", "world", 100)); // accepted, and read by all as 0 from now on
  await holder.step("commit");
  expect(await outcome(late)).toBe("LDBAL");
});

test.each(["repeatable read", "serializable"])(
  "closing and limits bind a call that starts after they committed, at %s too",
  async (level) => {
    const { ann, bob } = await openSessions(database, ["ann", "bob"]);
    const ledger = await openLedger(database, { alice: { money: 100 }, carl: { money: 100 } });
    await ann.step(`begin isolation level ${level}`);
    await ann.step("select from daybook.accounts");
    await bob.step(`select daybook.set_account_limits('${ledger}', 'alice', 0)`);
    await bob.step(`select daybook.close_account('${ledger}', 'carl')`);
    const outcomes = [
      await outcome(ann.step(transfer(ledger, "alice", "world", 1_000))),
      await outcome(ann.step(transfer(ledger, "carl", "world", 1))),
    ];
    await ann.step("rollback");
    expect(outcomes).not.toContain("posted");
  },
);
