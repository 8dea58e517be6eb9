import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { finish, openLedger, transfer } from "../support/ledgers.ts";
import { openSession, openSessions, outcome, type Session } from "../support/sessions.ts";

/* Rebuilding from the log while others use the ledger: it neither waits for them, nor undoes what they do just then. */

let database: TestDatabase;
let ledger: string;
let ann: Session;
let admin: Session;
beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, { alice: { money: 100 }, bob: {} });
  await database.pool.query("select daybook.grant_ledger_access('test_writer', $1, 'admin')", [
    ledger,
  ]);
  await database.pool.query("select daybook.create_category($1, 'people', 'USD')", [ledger]);
  ({ ann } = await openSessions(database, ["ann"]));
  admin = await openSession(database, "test_admin");
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const ask = (text: string, ...values: unknown[]) => ({ text, values: [ledger, ...values] });
const rebuild = () => ask("select violation, facts from daybook.rebuild_from_log($1)");

async function hold(): Promise<string> {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const options = { status: "pending", external_id: "order-7", expires_at: later } as const;
  return (await ann.step(transfer(ledger, "alice", "bob", 10, options)))["transaction_id"];
}

/** Somebody does something, and has not committed yet when all is rebuilt. */
async function amidst(doing: { text: string; values: unknown[] }): Promise<void> {
  await ann.step("begin");
  await ann.step(doing);
  const rebuilding = admin.step(rebuild());
  await admin.rests();
  await ann.step("commit");
  expect(await rebuilding).toEqual({});
}

test("an external id that is let go stays free, and no hold comes back", async () => {
  const id = await hold();
  await amidst(finish("archive", ledger, id));
  expect(
    await outcome(ann.step(transfer(ledger, "alice", "bob", 1, { external_id: "order-7" }))),
  ).toBe("posted");
});

test("limits that are set stay", async () => {
  await amidst(ask("select * from daybook.set_account_limits($1, 'alice', $2)", 5));
  const spend = transfer(ledger, "alice", "bob", 98);
  expect(await outcome(ann.step(spend))).toBe("LDLIM");
});

test("a grant that is taken back stays so", async () => {
  await ann.step(ask("select daybook.grant_ledger_access('test_reader', $1, 'read')"));
  await ann.step(ask("select daybook.grant_category_access('test_reader', $1, 'people')"));
  await amidst(ask("select daybook.revoke_ledger_access('test_reader', $1)"));
  await amidst(ask("select daybook.revoke_category_access('test_reader', $1, 'people')"));
  const { rows } = await database.pool.query(
    `select role from daybook_private.ledger_access where ledger = $1 and role = 'test_reader'
     union all select role from daybook_private.category_access where ledger = $1`,
    [ledger],
  );
  expect(rows).toEqual([]);
});
