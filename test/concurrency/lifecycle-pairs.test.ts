import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { capture, change, revise } from "../support/changes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, finish, openLedger, transfer } from "../support/ledgers.ts";
import { interleavings, openSessions, play, type Statement } from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const SIDES = ["alice", "world"] as const;
const FIRST = { expected_version: 1 };
const COVERED = { from: { available_balance: { gte: 0 } } };

type Call = (ledger: string, id: string) => Statement;
const post: Call = (ledger, id) => finish("post", ledger, id);
const archive: Call = (ledger, id) => finish("archive", ledger, id);
const take =
  (amount: number, options = {}): Call =>
  (ledger, id) =>
    capture(ledger, id, SIDES, amount, options);
const become =
  (amount: number, options = {}): Call =>
  (ledger, id) =>
    revise(ledger, id, SIDES, amount, options);
const describe: Call = (ledger, id) => change("update", ledger, id, { description: "x" });

/** The outcomes of ann's and of bob's call, then what alice has, posted and pending, of 100. */
type Ends = [ann: string, bob: string, posted: number, pending: number];
type Pair = { ann: Call; bob: Call; annFirst: Ends; bobFirst: Ends; bobAlone: Ends };

/** A hold of 30, and two calls that want to change it; how it ends if ann's takes effect first, if bob's does, or bob's only. */
const PAIRS: Record<string, Pair> = {
  "posting against changing the entries": {
    ann: post,
    bob: become(50),
    annFirst: ["posted", "LDSTA", 70, 70],
    bobFirst: ["posted", "pending", 50, 50],
    bobAlone: ["", "pending", 100, 50],
  },
  "posting the version that was seen against changing it": {
    ann: (ledger, id) => change("post", ledger, id, FIRST),
    bob: become(50, FIRST),
    annFirst: ["posted", "LDSTA", 70, 70],
    bobFirst: ["LDVER", "pending", 100, 50],
    bobAlone: ["", "pending", 100, 50],
  },
  "posting other entries against posting": {
    ann: (ledger, id) =>
      change("post", ledger, id, {
        entries: [
          { account: "alice", direction: "debit", amount: 90, available_balance: { gte: 0 } },
          { account: "world", direction: "credit", amount: 90 },
        ],
      }),
    bob: post,
    annFirst: ["posted", "LDSTA", 10, 10],
    bobFirst: ["LDSTA", "posted", 70, 70],
    bobAlone: ["", "posted", 70, 70],
  },
  "changing against changing, both from the version that was seen": {
    ann: become(40, FIRST),
    bob: become(50, FIRST),
    annFirst: ["pending", "LDVER", 100, 60],
    bobFirst: ["LDVER", "pending", 100, 50],
    bobAlone: ["", "pending", 100, 50],
  },
  "changing against changing, whatever the version: the last one counts": {
    ann: become(40, COVERED),
    bob: become(50),
    annFirst: ["pending", "pending", 100, 50],
    bobFirst: ["pending", "pending", 100, 60],
    bobAlone: ["", "pending", 100, 50],
  },
  "changing the entries against archiving": {
    ann: become(40),
    bob: archive,
    annFirst: ["pending", "archived", 100, 100],
    bobFirst: ["LDSTA", "archived", 100, 100],
    bobAlone: ["", "archived", 100, 100],
  },
  "changing the description against taking a part": {
    ann: describe,
    bob: take(10),
    annFirst: ["pending", "posted", 90, 70],
    bobFirst: ["pending", "posted", 90, 70],
    bobAlone: ["", "posted", 90, 70],
  },
  "parts that are together more than is left": {
    ann: take(20),
    bob: take(11, COVERED),
    annFirst: ["posted", "LDAMT", 80, 70],
    bobFirst: ["LDAMT", "posted", 89, 70],
    bobAlone: ["", "posted", 89, 70],
  },
  "parts that are together exactly what is left": {
    ann: take(20, COVERED),
    bob: take(10),
    annFirst: ["posted", "posted", 70, 70],
    bobFirst: ["posted", "posted", 70, 70],
    bobAlone: ["", "posted", 90, 70],
  },
  "parts that each are all that is left": {
    ann: take(30),
    bob: take(30),
    annFirst: ["posted", "LDSTA", 70, 70],
    bobFirst: ["LDSTA", "posted", 70, 70],
    bobAlone: ["", "posted", 70, 70],
  },
  "a part against archiving the rest": {
    ann: take(20),
    bob: archive,
    annFirst: ["posted", "archived", 80, 80],
    bobFirst: ["LDSTA", "archived", 100, 100],
    bobAlone: ["", "archived", 100, 100],
  },
  "the whole as a part against archiving": {
    ann: take(30),
    bob: archive,
    annFirst: ["posted", "LDSTA", 70, 70],
    bobFirst: ["LDSTA", "archived", 100, 100],
    bobAlone: ["", "archived", 100, 100],
  },
  "a part against posting the rest": {
    ann: take(20),
    bob: post,
    annFirst: ["posted", "posted", 70, 70],
    bobFirst: ["LDSTA", "posted", 70, 70],
    bobAlone: ["", "posted", 70, 70],
  },
  "a part of the version that was seen against another part": {
    ann: take(20, FIRST),
    bob: take(10),
    annFirst: ["posted", "posted", 70, 70],
    bobFirst: ["LDVER", "posted", 90, 70],
    bobAlone: ["", "posted", 90, 70],
  },
  "a part against changing the entries": {
    ann: take(20),
    bob: become(50),
    annFirst: ["posted", "pending", 80, 30],
    bobFirst: ["posted", "pending", 80, 50],
    bobAlone: ["", "pending", 100, 50],
  },
  "archiving against archiving": {
    ann: archive,
    bob: archive,
    annFirst: ["archived", "LDSTA", 100, 100],
    bobFirst: ["LDSTA", "archived", 100, 100],
    bobAlone: ["", "archived", 100, 100],
  },
};

/** A ledger in which `alice` has 100, of which a pending transaction holds 30. */
async function withHold(): Promise<{ ledger: string; id: string }> {
  const ledger = await openLedger(database, { alice: { money: 100 } });
  const hold = transfer(ledger, "alice", "world", 30, { status: "pending" });
  const { rows } = await database.pool.query(hold);
  return { ledger, id: rows[0].transaction_id };
}

test.each(Object.entries(PAIRS))("%s, in every order", async (_name, pair) => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const rest of interleavings(["ann", 2], ["bob", 2])) {
    const order = ["ann" as const, "bob" as const, ...rest]; // where they begin, nothing is seen yet
    const isAnnFirst = order.indexOf("ann", 2) < order.indexOf("bob", 2);
    for (const end of ["commit", "rollback"]) {
      const { ledger, id } = await withHold();
      const played = await play(
        sessions,
        {
          ann: ["begin", pair.ann(ledger, id), end],
          bob: ["begin", pair.bob(ledger, id), "commit"],
        },
        order,
      );
      const isKept = end === "commit";
      const bothEnd = isAnnFirst ? pair.annFirst : pair.bobFirst;
      const [, , posted, pending] = isKept ? bothEnd : pair.bobAlone;
      const bob = isAnnFirst && !isKept ? pair.bobAlone[1] : bothEnd[1];
      expect([order, played.ann[1], played.bob[1]]).toEqual([order, bothEnd[0], bob]);
      expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted, pending });
    }
  }
});
