import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { breakAt } from "../support/breakpoint.ts";
import { change } from "../support/changes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { create, linesOf, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { openSessions, type Session } from "../support/sessions.ts";

/** The balances that a call shows are those after its own entries, whatever others queue before it ends. */

let database: TestDatabase;
let ann: Session;
let bob: Session;

beforeAll(async () => {
  database = await createDatabase();
  ({ ann, bob } = await openSessions(database, ["ann", "bob"]));
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const SHOWN = { available_balance: { gte: 0 }, show_resulting_balances: true };
const pay = (amount: number) => linesOf("alice", "world", amount, SHOWN);

type Call = { text: string; values: unknown[] };
type Calls = (ledger: string, held: string) => Call;

const shown = ({ text, values }: Call) => ({
  text: `select to_jsonb(c.balances) as balances from (${text}) c`,
  values,
});

// Of the 100 that alice has, 50 are held by then: her versions 1 and 2.
test.each<[string, Calls, { version: number; available: number }]>([
  ["a transaction", (ledger) => create(ledger, pay(40)), { version: 3, available: 10 }],
  [
    "a pending one",
    (ledger) => create(ledger, pay(40), { status: "pending" }),
    { version: 3, available: 10 },
  ],
  [
    "posting with other entries",
    (...of) => change("post", ...of, { entries: pay(60) }),
    { version: 4, available: 40 },
  ],
  [
    "an update",
    (...of) => change("update", ...of, { entries: pay(70) }),
    { version: 4, available: 30 },
  ],
  [
    "posting a part",
    (...of) => change("partially_post", ...of, { entries: pay(20) }),
    { version: 4, available: 50 },
  ],
])("what others queue meanwhile is not shown by %s", async (_, call, expected) => {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const pending = { status: "pending" } as const;
  const { transaction_id: held } = await ann.step(withdrawal(ledger, "alice", 50, pending));
  const stop = await breakAt(database, "daybook_private.show_balances");
  try {
    const paid = ann.step(shown(call(ledger, held)));
    await ann.waits(stop.holder);
    await bob.step(transfer(ledger, "alice", "world", 1_000)); // queued, for ann holds the account
    await stop.release();
    const { balances } = await paid;
    expect(balances).toMatchObject([
      { account: "alice", lock_version: expected.version, available_amount: expected.available },
    ]);
  } finally {
    await stop.release(); // nothing if it was released before
    await stop.remove();
  }
});
