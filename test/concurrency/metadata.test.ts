import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { finish, openLedger, transfer } from "../support/ledgers.ts";
import { interleavings, openSessions, outcome, play, type Statement } from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const set = (ledger: string, id: string, metadata: object): Statement => ({
  text: "select * from daybook.set_transaction_metadata($1, $2, $3)",
  values: [ledger, id, metadata],
});

async function withPending(): Promise<{ ledger: string; id: string }> {
  const ledger = await openLedger(database, { alice: {} });
  const pending = transfer(ledger, "world", "alice", 30, { status: "pending" });
  const { rows } = await database.pool.query(pending);
  return { ledger, id: rows[0].transaction_id };
}

async function metadataOf(ledger: string, id: string): Promise<unknown> {
  const { rows } = await database.pool.query(
    "select metadata from daybook.transactions where ledger = $1 and id = $2",
    [ledger, id],
  );
  return rows[0].metadata;
}

test("two who set metadata at once: neither loses what the other set", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const { ledger, id } = await withPending();
    await play(
      sessions,
      {
        ann: ["begin", set(ledger, id, { ann: 1 }), "commit"],
        bob: ["begin", set(ledger, id, { bob: 2 }), "commit"],
      },
      order,
    );
    expect(await metadataOf(ledger, id)).toEqual({ ann: 1, bob: 2 });
  }
});

test("two who set an account's metadata at once: neither loses what the other set", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await openLedger(database, { alice: {} });
    const note = (metadata: object): Statement => ({
      text: "select * from daybook.set_account_metadata($1, 'alice', $2)",
      values: [ledger, metadata],
    });
    await play(
      sessions,
      { ann: ["begin", note({ ann: 1 }), "commit"], bob: ["begin", note({ bob: 2 }), "commit"] },
      order,
    );
    const { rows } = await database.pool.query(
      "select metadata from daybook.accounts where ledger = $1 and address = 'alice'",
      [ledger],
    );
    expect(rows[0].metadata).toEqual({ ann: 1, bob: 2 });
  }
});

test("metadata and posting at once: both happen, one after the other", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const { ledger, id } = await withPending();
    const { ann, bob } = await play(
      sessions,
      {
        ann: ["begin", set(ledger, id, { ann: 1 }), "commit"],
        bob: ["begin", finish("post", ledger, id), "commit"],
      },
      order,
    );
    expect(["pending", "posted"]).toContain(ann[1]);
    expect(bob[1]).toBe("posted");
    expect(await metadataOf(ledger, id)).toEqual({ ann: 1 });
  }
});

test("above READ COMMITTED a change since the snapshot is told to be repeated", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const { ledger, id } = await withPending();
  await ann.step("begin isolation level repeatable read");
  await ann.step("select from daybook.transactions");
  await bob.step(set(ledger, id, { bob: 2 }));
  expect(await outcome(ann.step(set(ledger, id, { ann: 1 })))).toBe("40001");
  await ann.step("rollback");
});
