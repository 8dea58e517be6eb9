import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { change } from "../support/changes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { finish, openLedger, transfer, withdrawal, type Line } from "../support/ledgers.ts";
import { openSessions, outcome, type Statement } from "../support/sessions.ts";

/** What happens while a call waits, or since its snapshot was taken, binds it. */

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
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

const BOUNDED: Line[] = [
  { account: "alice", direction: "debit", amount: 50, available_balance: { gte: 0 } },
  { account: "world", direction: "credit", amount: 50 },
];

test.each<[string, (ledger: string, id: string) => Statement]>([
  ["posting", (ledger, id) => finish("post", ledger, id)],
  ["posting other entries", (...of) => change("post", ...of, { entries: BOUNDED })],
  ["posting a part", (...of) => change("partially_post", ...of, { entries: BOUNDED })],
  ["another time", (...of) => change("update", ...of, { effective_at: "2020-01-01T00:00:00Z" })],
])("%s that waits for an account until the time is over comes too late", async (_, call) => {
  const { ann, holder } = await openSessions(database, ["ann", "holder"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const expires_at = new Date(Date.now() + 1_000).toISOString();
  const asked = { status: "pending", expires_at, from: { available_balance: { gte: 0 } } } as const;
  const { transaction_id } = await ann.step(transfer(ledger, "alice", "world", 60, asked));
  await holder.step("begin");
  await holder.step(withdrawal(ledger, "alice", 1));
  const late = ann.step(call(ledger, transaction_id));
  await ann.waits(holder);
  await database.pool.query("select pg_sleep_until($1)", [expires_at]);
  await holder.step("commit");
  expect(await outcome(late)).toBe("LDSTA");
  expect(await outcome(ann.step(finish("archive", ledger, transaction_id)))).toBe("archived");
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
