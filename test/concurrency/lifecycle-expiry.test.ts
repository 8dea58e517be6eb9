import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { capture, change, revise, sweep } from "../support/changes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import {
  balanceOf,
  finish,
  linesOf,
  openLedger,
  transfer,
  withdrawal,
} from "../support/ledgers.ts";
import {
  openSession,
  openSessions,
  outcome,
  type Session,
  type Statement,
} from "../support/sessions.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const SIDES = ["alice", "world"] as const;
const COVERED = { available_balance: { gte: 0 } };
/** Long enough to do something before it is over, in milliseconds. */
const SOON = 700;

type Hold = { ledger: string; id: string; isDue(): Promise<unknown> };

/** A ledger in which `alice` and `bob` have 100 each, and all that `alice` has is held until a moment from now. */
async function withHold(milliseconds: number, from = {}): Promise<Hold> {
  const ledger = await openLedger(database, { alice: { money: 100 }, bob: { money: 100 } });
  return { ledger, ...(await hold(ledger, milliseconds, from)) };
}

async function hold(
  ledger: string,
  milliseconds: number,
  from = {},
): Promise<Omit<Hold, "ledger">> {
  const expires_at = new Date(Date.now() + milliseconds).toISOString();
  const made = transfer(ledger, ...SIDES, 100, { status: "pending", expires_at, from });
  const { rows } = await database.pool.query(made);
  const isDue = () => database.pool.query("select pg_sleep_until($1)", [expires_at]);
  return { id: rows[0].transaction_id, isDue };
}

async function dueHold(from = {}): Promise<Hold> {
  const due = await withHold(150, from);
  await due.isDue();
  return due;
}

const stateOf = async (id: string) =>
  (
    await database.pool.query(
      "select status, version, archived_reason as reason from daybook.transactions where id = $1",
      [id],
    )
  ).rows[0];
const EXPIRED = { status: "archived", reason: "expired" };

/** What cannot be done any more when the time is over: what it gives before, and the state when the sweeper has come. */
const CALLS: [string, string, object, (hold: Hold) => Statement][] = [
  ["post", "posted", { status: "posted" }, ({ ledger, id }) => finish("post", ledger, id)],
  ["update", "pending", EXPIRED, ({ ledger, id }) => revise(ledger, id, SIDES, 60)],
  ["partially post", "posted", EXPIRED, ({ ledger, id }) => capture(ledger, id, SIDES, 30)],
];

test.each(CALLS)("%s just before the time: the sweeper does not disturb it", async (...row) => {
  const [, status, swept, call] = row;
  const { ann, worker } = await openWorker();
  for (const end of ["commit", "rollback"]) {
    const held = await withHold(SOON);
    await ann.step("begin");
    expect(await outcome(ann.step(call(held)))).toBe(status);
    await held.isDue();
    expect(await worker.step(sweep)).toEqual({ count: 0 });
    await ann.step(end);
    await worker.step(sweep);
    expect(await stateOf(held.id)).toMatchObject(end === "commit" ? swept : EXPIRED);
  }
});

test.each(CALLS)(
  "%s from that time on is refused, before, while and after the sweeper comes",
  async (...row) => {
    const call = row[3];
    const { ann, worker } = await openWorker();
    for (const end of ["commit", "rollback"]) {
      const held = await dueHold();
      expect(await outcome(ann.step(call(held)))).toBe("LDSTA");
      await worker.step("begin");
      expect(await worker.step(sweep)).toEqual({ count: 1 });
      const late = ann.step(call(held));
      await ann.waits(worker);
      await worker.step(end);
      expect(await outcome(late)).toBe("LDSTA");
      await worker.step(sweep);
      expect(await outcome(ann.step(call(held)))).toBe("LDSTA");
      expect(await stateOf(held.id)).toMatchObject(EXPIRED);
    }
  },
);

test("archiving against the sweeper: whoever comes first", async () => {
  const { ann, worker } = await openWorker();
  const first = await dueHold();
  await ann.step("begin");
  await ann.step(finish("archive", first.ledger, first.id));
  expect(await worker.step(sweep)).toEqual({ count: 0 });
  await ann.step("commit");
  expect(await stateOf(first.id)).toMatchObject({ status: "archived", reason: null });

  const other = await dueHold();
  await worker.step("begin");
  await worker.step(sweep);
  const late = ann.step(finish("archive", other.ledger, other.id));
  await ann.waits(worker);
  await worker.step("commit");
  expect(await outcome(late)).toBe("LDSTA");
});

test("several sweepers at once share what is due", async () => {
  const [worker, other] = [await openSweeper(), await openSweeper()];
  const { ledger } = await dueHold();
  await worker.step("begin");
  expect(await worker.step(sweep)).toEqual({ count: 1 });
  const second = await hold(ledger, 150);
  await second.isDue();
  expect(await other.step(sweep)).toEqual({ count: 1 });
  await worker.step("commit");
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ available: 100, queued: 2 });
});

test.each([
  ["the sweeper", () => sweep, { count: 0 }],
  ["a withdrawal", (ledger: string) => withdrawal(ledger, "alice", 80), { code: "LDBAL" }],
])("%s passes over a hold that is given more time just before it is taken", async (...row) => {
  const [, call, expected] = row;
  const ann = await openSession(database);
  const late = await openSession(database, "count" in expected ? "daybook_worker" : "test_writer");
  // A session's first call reads the table's definition, and would wait for that.
  await late.step(call((await dueHold()).ledger));
  const held = await withHold(SOON);
  await ann.step("begin");
  await ann.step(change("update", held.ledger, held.id, { expires_at: "2100-01-01" }));
  await held.isDue();
  // It sees that the time is over, then waits before it looks at the transaction itself.
  const gate = await closeTransactions();
  const taking = late.step(call(held.ledger));
  await gate.holdsUp(late);
  await ann.step("commit");
  await gate.open();
  const result = await taking.catch((error) => error);
  expect(result).toMatchObject(expected);
  expect(await stateOf(held.id)).toMatchObject({ status: "pending", version: 2 });
});

test("a withdrawal that finds an expired hold archives it itself; so only one of two can", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const end of ["commit", "rollback"]) {
    const { ledger, id } = await dueHold();
    await ann.step("begin");
    expect(await outcome(ann.step(withdrawal(ledger, "alice", 80)))).toBe("posted");
    const other = bob.step(withdrawal(ledger, "alice", 70));
    await bob.waits(ann);
    await ann.step(end);
    expect(await outcome(other)).toBe(end === "commit" ? "LDBAL" : "posted");
    expect(await stateOf(id)).toMatchObject(EXPIRED);
  }
});

test("a withdrawal that finds an expired hold the sweeper is just archiving is to be repeated", async () => {
  const { ann, worker } = await openWorker();
  for (const end of ["commit", "rollback"]) {
    const { ledger } = await dueHold();
    await worker.step("begin");
    await worker.step(sweep);
    const call = withdrawal(ledger, "alice", 80, { idempotency_key: "k" });
    expect(await outcome(ann.step(call))).toBe("40001");
    await worker.step(end);
    expect(await outcome(ann.step(call))).toBe("posted");
  }
});

test("the sweeper passes over what a withdrawal is just archiving", async () => {
  const { ann, worker } = await openWorker();
  for (const end of ["commit", "rollback"]) {
    const { ledger, id } = await dueHold();
    await ann.step("begin");
    await ann.step(withdrawal(ledger, "alice", 80));
    expect(await worker.step(sweep)).toEqual({ count: 0 });
    await ann.step(end);
    expect(await worker.step(sweep)).toEqual({ count: end === "commit" ? 0 : 1 });
    expect(await stateOf(id)).toMatchObject(EXPIRED);
  }
});

test("an expired hold whose archiving waits for the account: its holder is to repeat, nobody deadlocks", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const { ledger, id } = await dueHold({ show_resulting_balances: true });
  await ann.step("begin");
  await ann.step(
    transfer(ledger, "alice", "world", 1, { from: { show_resulting_balances: true } }),
  );
  const archived = bob.step(finish("archive", ledger, id));
  await bob.waits(ann);
  expect(await outcome(ann.step(withdrawal(ledger, "alice", 80)))).toBe("40001");
  await ann.step("rollback");
  expect(await outcome(archived)).toBe("archived");
});

test("an expired hold that is archived while its account is held elsewhere is not waited for", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const { ledger, id } = await dueHold();
  await holder.step("begin");
  await holder.step(
    transfer(ledger, "alice", "world", 1, { from: { show_resulting_balances: true } }),
  );
  await ann.step("begin");
  await ann.step(finish("archive", ledger, id));
  const call = withdrawal(ledger, "alice", 80);
  const waiting = bob.step(call);
  await bob.waits(holder);
  await holder.step("rollback");
  expect(await outcome(waiting)).toBe("40001");
  await ann.step("commit");
  expect(await outcome(bob.step(call))).toBe("posted");
});

test("one expired hold over two accounts, found from both sides: the second is to repeat", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const { ledger } = await dueHold();
  await ann.step("begin");
  const paid = transfer(ledger, "alice", "bob", 80, { from: COVERED });
  expect(await outcome(ann.step(paid))).toBe("posted");
  // The hold is what world has coming: with it there are 100 more.
  const without = { pending_balance: { lte: -201 } };
  const call = transfer(ledger, "world", "bob", 1, { from: without });
  expect(await outcome(bob.step(call))).toBe("40001");
  await ann.step("commit");
  expect(await outcome(bob.step(call))).toBe("posted");
});

test.each([
  ["update", ({ ledger, id }: Hold) => revise(ledger, id, SIDES, 150, { from: COVERED })],
  [
    "post other entries",
    ({ ledger, id }: Hold) =>
      change("post", ledger, id, { entries: linesOf(...SIDES, 150, COVERED) }),
  ],
  [
    "partially post",
    ({ ledger, id }: Hold) =>
      capture(ledger, id, SIDES, 50, { from: { available_balance: { gte: 50 } } }),
  ],
])(
  "%s that waits until its own time is over and then is refused counts its hold once",
  async (...row) => {
    const call = row[1];
    const { ann, holder } = await openSessions(database, ["ann", "holder"]);
    const held = await withHold(SOON);
    await holder.step("begin");
    await holder.step(
      transfer(held.ledger, "bob", "alice", 1, { to: { show_resulting_balances: true } }),
    );
    const late = ann.step(call(held));
    await ann.waits(holder);
    await held.isDue();
    await holder.step("rollback");
    expect(await outcome(late)).toBe("LDBAL");
    expect(await stateOf(held.id)).toMatchObject({ status: "pending", version: 1 });
  },
);

async function openWorker() {
  const ann = await openSession(database);
  return { ann, worker: await openSweeper() };
}

/** Makes sessions wait before they read transactions, as soon as those who change some have ended. */
async function closeTransactions() {
  const client = await database.connect();
  const waitsForTable = async (pid: number) => {
    const query = "select from pg_locks where pid = $1 and locktype = 'relation' and not granted";
    return (await database.pool.query(query, [pid])).rowCount === 1;
  };
  const { rows } = await client.query("select pg_backend_pid() as pid");
  await client.query("begin");
  const closed = client.query("lock table daybook.transactions in access exclusive mode");
  await until("the gate waits to close", () => waitsForTable(rows[0].pid));
  return {
    holdsUp: ({ pid }: Session) => until("the session waits", () => waitsForTable(pid)),
    open: async () => {
      await closed;
      await client.query("commit");
    },
  };
}

/** The sweeper waits for nobody who changes a transaction; if it did, it would in vain. */
async function openSweeper(): Promise<Session> {
  const sweeper = await openSession(database, "daybook_worker");
  await sweeper.step("set lock_timeout = '3s'");
  return sweeper;
}
