import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { capture, change, revise } from "../support/changes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, linesOf, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import {
  interleavings,
  openSession,
  openSessions,
  outcome,
  play,
  tally,
  type Statement,
} from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const SIDES = ["alice", "world"] as const;
const KEY = { idempotency_key: "k" };
const COVERED = { available_balance: { gte: 0 } };

/** Each operation with a key on a hold of 30, what it gives, and what is then pending of 100. */
const CALLS: [string, string, number, (ledger: string, id: string) => Statement][] = [
  ["post", "posted", 70, (ledger, id) => change("post", ledger, id, KEY)],
  [
    "post other entries",
    "posted",
    60,
    (ledger, id) => change("post", ledger, id, { entries: linesOf(...SIDES, 40, COVERED), ...KEY }),
  ],
  ["update", "pending", 60, (ledger, id) => revise(ledger, id, SIDES, 40, KEY)],
  [
    "update and wait",
    "pending",
    60,
    (ledger, id) => revise(ledger, id, SIDES, 40, { from: COVERED, ...KEY }),
  ],
  ["archive", "archived", 100, (ledger, id) => change("archive", ledger, id, KEY)],
  ["partially post", "posted", 70, (ledger, id) => capture(ledger, id, SIDES, 10, KEY)],
  [
    "partially post and wait",
    "posted",
    70,
    (ledger, id) => capture(ledger, id, SIDES, 30, { from: COVERED, ...KEY }),
  ],
];

/** A ledger in which `alice` has 100, of which a pending transaction holds 30. */
async function withHold(): Promise<{ ledger: string; id: string }> {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const hold = transfer(ledger, "alice", "world", 30, { status: "pending" });
  const { rows } = await database.pool.query(hold);
  return { ledger, id: rows[0].transaction_id };
}

test.each(CALLS)(
  "%s twice with one key: once, whether the second comes early, late, or after a rollback",
  async (_name, status, pending, call) => {
    const sessions = await openSessions(database, ["ann", "bob"]);
    for (const order of interleavings(["ann", 3], ["bob", 1])) {
      for (const end of ["commit", "rollback"]) {
        const { ledger, id } = await withHold();
        const both = { ann: ["begin", call(ledger, id), end], bob: [call(ledger, id)] };
        const { ann, bob } = await play(sessions, both, order);
        const isBobFirst = order.indexOf("bob") < 2;
        const isReplay = !isBobFirst && end === "commit";
        expect([order, end, ann[1], bob[0]]).toEqual([
          order,
          end,
          isBobFirst ? "replayed" : status,
          isReplay ? "replayed" : status,
        ]);
        expect(await balanceOf(database, ledger, "alice")).toMatchObject({ pending });
      }
    }
  },
);

test.each(CALLS)("%s from many sessions with one key: once", async (_name, status, _, call) => {
  const { ledger, id } = await withHold();
  const sessions = await Promise.all(Array.from({ length: 8 }, () => openSession(database)));
  const results = sessions.map((session) => session.step(call(ledger, id)));
  expect(tally(await Promise.all(results.map(outcome)))).toEqual({ [status]: 1, replayed: 7 });
  const told = (await Promise.all(results)).map(({ replayed: _replayed, ...row }) => row);
  for (const row of told) expect(row).toEqual(told[0]);
});

test.each(CALLS)(
  "%s against another request with its key: the later one is refused",
  async (...row) => {
    const [, status, , call] = row;
    const sessions = await openSessions(database, ["ann", "bob"]);
    for (const order of interleavings(["ann", 3], ["bob", 1])) {
      const { ledger, id } = await withHold();
      const other = withdrawal(ledger, "alice", 1, KEY);
      const both = { ann: ["begin", call(ledger, id), "commit"], bob: [other] };
      const { ann, bob } = await play(sessions, both, order);
      const isBobFirst = order.indexOf("bob") < 2;
      expect([ann[1], bob[0]]).toEqual(isBobFirst ? ["LDIDM", "posted"] : [status, "LDIDM"]);
    }
  },
);
