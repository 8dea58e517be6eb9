import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { change, createUnderLocks, openCategories } from "../support/categories.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import {
  batch,
  create,
  linesOf,
  openLedger,
  reverse,
  tag,
  transfer,
  transferBetween,
  withdrawal,
} from "../support/ledgers.ts";
import { openSessions, outcome, type Session, type Statement } from "../support/sessions.ts";

/* What settled_until says is over is over: whatever was waited for, and whatever became of the server's clock. */

let database: TestDatabase;
let ann: Session;
let bob: Session;
let ledger: string;
let other: string;
beforeAll(async () => {
  database = await createDatabase();
  ({ ann, bob } = await openSessions(database, ["ann", "bob"]));
});
beforeEach(async () => {
  ledger = await openLedger(database, {
    alice: { money: 100 },
    capped: { balance_min: -100, money: 10 },
    clearing: {},
  });
  other = await openLedger(database, { in: {}, clearing: {} });
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const rowOf = async (sql: string, values: unknown[] = []) =>
  (await database.pool.query(sql, values)).rows[0];
const settle = async (): Promise<string> =>
  (await rowOf("select daybook_private.settled_until() as settled")).settled;

/** As if there had been more than five seconds since the last call, the slack that settled_until allows. */
const passTime = () =>
  database.pool.query(
    `update daybook_private.settlements
        set candidate_until = clock_timestamp(), candidate_xid = pg_snapshot_xmax(pg_current_snapshot())`,
  );

const END = "2026-01-01T00:00:00Z";
const from = { available_balance: { gte: 0 } };
const pay = (options: object = {}) => transfer(ledger, "alice", "world", 1, options);
const posted = async () => (await ann.step(pay())).transaction_id as string;
const held = async () => (await ann.step(pay({ status: "pending" }))).transaction_id as string;
const part = (id: string): Statement => ({
  text: `select * from daybook.partially_post_transaction($1, $2, array[daybook.debit('alice', 1), daybook.credit('world', 1)])`,
  values: [ledger, id],
});

/** What is held, then who waits for it. */
const CASES: [string, () => Promise<[Statement, Statement]>][] = [
  ["a pair, for its account", async () => [withdrawal(ledger, "alice", 1), pay({ from })]],
  [
    "any other, for its account",
    async () => [withdrawal(ledger, "alice", 1), pay({ from, description: "x" })],
  ],
  [
    "a pair, for a period",
    async () => [`select daybook.close_period('${ledger}', '${END}')`, pay({ effective_at: END })],
  ],
  [
    "any other, for a period",
    async () => [
      `select daybook.close_period('${ledger}', '${END}')`,
      pay({ effective_at: END, description: "x" }),
    ],
  ],
  [
    "any other, for an external id",
    async () => [pay({ external_id: "x" }), pay({ external_id: "x" })],
  ],
  [
    "any other, for a category",
    async () => {
      await openCategories(database, ledger, { all: ["alice"] });
      const bounds = [{ category: "all", available_balance: { gte: 0 } }];
      return [
        change("remove_from", ledger, "all", { account: "alice" }),
        createUnderLocks(ledger, linesOf("alice", "world", 1), bounds),
      ];
    },
  ],
  [
    "a batch, for an account",
    async () => [
      withdrawal(ledger, "alice", 1),
      batch(
        ledger,
        Array.from({ length: 2 }, () => ({ entries: linesOf("alice", "world", 1, from) })),
      ),
    ],
  ],
  [
    "a reversal, for its original",
    async () => {
      const id = await posted();
      return [tag(ledger, id, "a", 1), reverse(ledger, id)];
    },
  ],
  [
    "a part of a hold, for the hold",
    async () => {
      const id = await held();
      return [tag(ledger, id, "a", 1), part(id)];
    },
  ],
  [
    "a transfer, for its account",
    async () => [
      withdrawal(ledger, "capped", 1),
      transferBetween(ledger, "capped", other, "in", 1),
    ],
  ],
];

test.each(CASES)("nothing settles that is made by who has waited: %s", async (_, prepare) => {
  const [holding, waiting] = await prepare();
  await ann.step("begin");
  await ann.step(holding);
  await bob.step("begin");
  const call = bob.step(waiting);
  await bob.waits(ann);
  await settle();
  await passTime();
  await ann.step("rollback");
  const { transaction_id, ids = [transaction_id] } = await call;
  const settled = await settle();
  await bob.step("commit");
  expect(ids.every((id: string) => settled < id)).toBe(true);
});

const AHEAD = "clock_timestamp() + interval '1 hour'";

test.each([
  ["what was settled", "settled_until"],
  ["what was to be", "candidate_until"],
])("%s before the clock was set back is found out anew", async (_, column) => {
  await settle();
  await database.pool.query(`update daybook_private.settlements set ${column} = ${AHEAD}`);
  expect(await settle()).toBe("00000000-0000-0000-0000-000000000000");
  await settle();
  const { is_near } = await rowOf(
    `select settled_until between now() - interval '1 minute' and now() as is_near from daybook_private.settlements`,
  );
  expect(is_near).toBe(true);
});

test("who closes up to now waits for open transactions, though the clock was set back", async () => {
  await settle();
  await database.pool.query(`update daybook_private.settlements set settled_until = ${AHEAD}`);
  await ann.step("begin");
  await ann.step(pay());
  const closing = outcome(bob.step(`select daybook.close_period('${ledger}', clock_timestamp())`));
  const pause = new Promise((resolve) => setTimeout(resolve, 300, "still waiting"));
  expect(await Promise.race([closing, pause])).toBe("still waiting");
  await ann.step("commit");
  expect(await closing).toBe("ok");
});

test("what is recorded after the clock was set back is searched for soon", async () => {
  const index = async () =>
    (await rowOf("select daybook_private.index_search($1) as count", [ledger])).count;
  const waiting = async () => {
    const sql = "select ledger from daybook_private.unindexed_ledgers()";
    return (await database.pool.query(sql)).rows.map((row) => row.ledger);
  };
  await index();
  await database.pool.query(
    `update daybook_private.search_heads set indexed_until = uuidv7(interval '1 hour') where ledger = $1`,
    [ledger],
  );
  await bob.step(create(ledger, linesOf("alice", "world", 7), { description: "found" }));
  const search = () =>
    rowOf(
      "select count(*)::integer as count from daybook.search_transactions($1, words => 'found')",
      [ledger],
    );
  expect(await waiting()).toContain(ledger);
  expect(await index()).toBe(1);
  expect(await search()).toEqual({ count: 1 });
  await settle();
  await passTime();
  await index();
  expect(await waiting()).not.toContain(ledger);
});
