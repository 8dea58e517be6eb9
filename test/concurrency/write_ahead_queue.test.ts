import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { silentLog } from "../../src/log.ts";
import { startDraining } from "../../src/worker/drain.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, drain, enqueue, openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { openSession, openSessions, outcome, type Row, type Session } from "../support/sessions.ts";
import { until } from "../support/temporary.ts";

let database: TestDatabase;
let worker: Session;

beforeAll(async () => {
  database = await createDatabase();
  worker = await openSession(database, "daybook_worker");
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

/** A ledger whose queue has been drained before: the first time only makes its head. */
async function newLedger(): Promise<string> {
  const ledger = await openLedger(database, { alice: { money: 1_000 } });
  await database.pool.query(drain(ledger));
  return ledger;
}

const call = (ledger: string, idempotency_key: string, amount = 10) =>
  transfer(ledger, "alice", "world", amount, { idempotency_key, description: idempotency_key });

async function receiptOf(ledger: string, { receipt_id }: Row): Promise<Row> {
  const { rows } = await database.pool.query("select * from daybook.queued_transaction($1, $2)", [
    ledger,
    receipt_id,
  ]);
  return rows[0];
}

/** What was made in a ledger, in the order in which the account took it. */
async function made(ledger: string, account = "alice"): Promise<string[]> {
  const { rows } = await database.pool.query(
    `select t.description
       from daybook.transactions t
       join daybook.entries e on e.ledger = t.ledger and e.transaction_id = t.id
       join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
      where t.ledger = $1 and a.address = $2 and t.description is not null
      order by e.lock_version nulls last, e.id`,
    [ledger, account],
  );
  return rows.map(({ description }) => description);
}

describe("one key", () => {
  test("from 16 sessions at once has one receipt", async () => {
    const ledger = await newLedger();
    const sessions = await Promise.all(Array.from({ length: 16 }, () => openSession(database)));
    const receipts = await Promise.all(
      sessions.map((session, n) =>
        session.step(
          n % 2
            ? enqueue(ledger, call(ledger, "k"))
            : enqueue(ledger, call(ledger, "k"), call(ledger, "l")),
        ),
      ),
    );
    expect(new Set(receipts.map((receipt) => receipt["receipt_id"])).size).toBe(1);
    expect(await worker.step(drain(ledger))).toEqual({ count: 2 });
    expect((await made(ledger)).toSorted()).toEqual(["k", "l"]);
  });

  test.each(["commit", "rollback"])(
    "the second call waits for the first, which ends by %s",
    async (end) => {
      for (const also of [[], ["other"]]) {
        const ledger = await newLedger();
        const { ann, bob } = await openSessions(database, ["ann", "bob"]);
        const keys = ["k", ...also].map((key) => call(ledger, key));
        await ann.step("begin");
        const first = await ann.step(enqueue(ledger, call(ledger, "k")));
        const second = bob.step(enqueue(ledger, ...keys));
        await bob.waits(ann);
        await ann.step(end);
        const { receipt_id } = await second;
        expect(receipt_id === first["receipt_id"]).toBe(end === "commit");
      }
    },
  );

  test("with another request waits too, then is refused", async () => {
    const ledger = await newLedger();
    const { ann, bob } = await openSessions(database, ["ann", "bob"]);
    await ann.step("begin");
    await ann.step(enqueue(ledger, call(ledger, "k")));
    const other = bob.step(enqueue(ledger, call(ledger, "k", 11)));
    await bob.waits(ann);
    await ann.step("commit");
    expect(await outcome(other)).toBe("LDIDM");
  });

  test.each([
    ["commit", 10, "applied"],
    ["rollback", 10, "queued"],
    ["commit", 99_999, "queued"], // refused: the key is free again
  ] as const)(
    "enqueued while it is being applied, which ends by %s (%i)",
    async (end, amount, state) => {
      for (const also of [[], ["other"]]) {
        const ledger = await newLedger();
        const ann = await openSession(database);
        const covered = { idempotency_key: "k", description: "k" };
        const request = withdrawal(ledger, "alice", amount, covered);
        const first = await ann.step(enqueue(ledger, request));
        await worker.step("begin");
        await worker.step(drain(ledger));
        const second = ann.step(enqueue(ledger, request, ...also.map((key) => call(ledger, key))));
        await ann.waits(worker);
        await worker.step(end);
        const receipt = await second;
        expect(receipt["state"]).toBe(state);
        expect(receipt["receipt_id"] === first["receipt_id"]).toBe(amount === 10);
        await worker.step(drain(ledger));
        expect((await made(ledger)).filter((key) => key === "k")).toHaveLength(
          amount === 10 ? 1 : 0,
        );
      }
    },
  );
});

test("calls with the same keys in opposite order do not deadlock", async () => {
  const ledger = await newLedger();
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const keys = Array.from({ length: 200 }, (_, n) => call(ledger, `k${n}`));
  for (let round = 0; round < 10; round++) {
    const mine = keys.map(({ values }) => ({ values: values.with(3, `${round}-${values[3]}`) }));
    const outcomes = [
      outcome(ann.step(enqueue(ledger, ...mine))),
      outcome(bob.step(enqueue(ledger, ...mine.toReversed()))),
    ];
    expect(await Promise.all(outcomes)).toEqual(["ok", "ok"]);
  }
  // And one that waits for a key holds none that comes after it.
  await ann.step("begin");
  await ann.step(enqueue(ledger, call(ledger, "a")));
  const waiting = bob.step(enqueue(ledger, call(ledger, "b"), call(ledger, "a")));
  await bob.waits(ann);
  await ann.step(enqueue(ledger, call(ledger, "b")));
  await ann.step("commit");
  expect(await outcome(waiting)).toBe("ok");
});

describe("against direct calls with the same key", () => {
  test.each([
    ["commit", 10, "applied", false],
    ["commit", 11, "refused", false],
    ["rollback", 11, "applied", true],
  ] as const)(
    "applying waits for one that ends by %s with %i: %s",
    async (end, amount, state, own) => {
      const ledger = await newLedger();
      const ann = await openSession(database);
      const receipt = await ann.step(enqueue(ledger, call(ledger, "k")));
      await ann.step("begin");
      const direct = await ann.step(call(ledger, "k", amount));
      const draining = worker.step(drain(ledger));
      await worker.waits(ann);
      await ann.step(end);
      expect(await draining).toEqual({ count: 1 });
      const finished = await receiptOf(ledger, receipt);
      expect(finished).toMatchObject({ state, error_code: state === "refused" ? "LDIDM" : null });
      expect(finished["transaction_id"] === direct["transaction_id"]).toBe(
        state === "applied" && !own,
      );
      expect(await made(ledger)).toEqual(["k"]);
    },
  );

  test.each([
    ["commit", 10, "replayed"],
    ["commit", 11, "LDIDM"],
    ["rollback", 11, "posted"],
  ] as const)(
    "a direct call waits for the worker, which ends by %s (%i): %s",
    async (end, amount, then) => {
      const ledger = await newLedger();
      const ann = await openSession(database);
      await ann.step(enqueue(ledger, call(ledger, "k")));
      await worker.step("begin");
      await worker.step(drain(ledger));
      const direct = ann.step(call(ledger, "k", amount));
      await ann.waits(worker);
      await worker.step(end);
      expect(await outcome(direct)).toBe(then);
      await worker.step(drain(ledger));
      expect(await made(ledger)).toEqual(["k"]);
    },
  );
});

test("a ledger that is being drained keeps nobody: others skip it", async () => {
  const [busy, free] = [await newLedger(), await newLedger()];
  const { ann } = await openSessions(database, ["ann"]);
  const other = await openSession(database, "daybook_worker");
  for (const ledger of [busy, free]) {
    await ann.step(enqueue(ledger, call(ledger, "a"), call(ledger, "b"), call(ledger, "c")));
  }
  await worker.step("begin");
  expect(await worker.step(drain(busy, 2))).toEqual({ count: 2 });
  expect(await other.step(drain(busy))).toEqual({ count: 0 });
  expect(await other.step(drain(free))).toEqual({ count: 3 });
  await worker.step("rollback");
  expect(await other.step(drain(busy, 2))).toEqual({ count: 2 });
  expect(await other.step(drain(busy))).toEqual({ count: 1 });
  expect(await made(busy)).toEqual(["a", "b", "c"]);
});

test("a call that commits late comes before all that still wait, however much was applied meanwhile", async () => {
  const ledger = await newLedger();
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (let round = 0; round < 3; round++) {
    const named = (...names: string[]) => names.map((name) => call(ledger, `${round}-${name}`));
    await ann.step("begin");
    await ann.step(enqueue(ledger, ...named("late")));
    for (let n = 0; n < 5; n++) {
      await bob.step(enqueue(ledger, ...named(`early-${n}`)));
      expect(await worker.step(drain(ledger))).toEqual({ count: 1 });
    }
    await bob.step(enqueue(ledger, ...named("x", "y")));
    await ann.step("commit");
    expect(await worker.step(drain(ledger, 1))).toEqual({ count: 1 });
    expect((await made(ledger)).at(-1)).toBe(`${round}-late`);
    expect(await worker.step(drain(ledger))).toEqual({ count: 2 });
  }
});

test("reading begins behind what is gone for good", async () => {
  const ledger = await newLedger();
  const ann = await openSession(database);
  const head = async () =>
    Number(
      (
        await database.pool.query(
          "select position from daybook_private.queue_heads where ledger = $1",
          [ledger],
        )
      ).rows[0].position,
    );
  const apply = async (key: string) => {
    await ann.step(enqueue(ledger, call(ledger, key)));
    expect(await worker.step(drain(ledger))).toEqual({ count: 1 });
  };
  await apply("a");
  await apply("b");
  await apply("c");
  const before = await head();
  expect(before).toBeGreaterThan(0);
  await database.pool.query(
    "update daybook_private.queue_heads set next_xid = '9000000000000000000' where ledger = $1",
    [ledger],
  ); // as after a restore into another cluster
  for (const key of ["d", "e", "f", "g"]) await apply(key);
  expect(await head()).toBeGreaterThan(before);
});

test("the distance to the head is not the depth: what waits is counted before anything is refused", async () => {
  const ledger = await newLedger();
  const ann = await openSession(database);
  await database.pool.query("select daybook.set_queue_limit(5)");
  try {
    for (let n = 0; n < 20; n++) {
      await ann.step(enqueue(ledger, call(ledger, `k${n}`)));
      await worker.step(drain(ledger));
      await database.pool.query(
        "select nextval('daybook_private.queue_positions') from generate_series(1, 10)",
      );
    }
  } finally {
    await database.pool.query("select daybook.set_queue_limit(1000000)");
  }
  expect(await made(ledger)).toHaveLength(20);
});

async function allWaiting(): Promise<number> {
  const { rows } = await database.pool.query(
    "select sum(depth)::integer as n from daybook.transaction_queue",
  );
  return rows[0].n;
}

test("plans that sessions made while the queue was empty do not read all of it later", async () => {
  const fresh = await createDatabase();
  try {
    const ledger = await openLedger(fresh, { alice: {} });
    await fresh.pool.query(
      "vacuum analyze daybook_private.queued_transactions, daybook_private.finished_receipts",
    );
    const [writer, drainer] = [
      await openSession(fresh),
      await openSession(fresh, "daybook_worker"),
    ];
    const named = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => call(ledger, `k${from + n}`));
    const ask = (receipt: Row) => ({
      name: "ask",
      text: "select * from daybook.queued_transaction($1, $2)",
      values: [ledger, receipt["receipt_id"]],
    });
    const everything = async (from: number) => {
      const receipt = await writer.step(enqueue(ledger, ...named(from, 1)));
      await writer.step(enqueue(ledger, ...named(from, 1)));
      await writer.step(enqueue(ledger, ...named(from + 1, 2)));
      await writer.step(ask(receipt));
      await drainer.step(drain(ledger, 3));
      await writer.step(ask(receipt));
      await writer.step(enqueue(ledger, ...named(from, 1)));
    };
    for (let n = 0; n < 8; n++) await everything(n * 10); // from the sixth on plans are kept
    await fresh.pool.query(enqueue(ledger, ...named(1_000, 4_000)));
    for (let n = 0; n < 3; n++) await fresh.pool.query(drain(ledger, 1_000));
    const read = async () => {
      await Promise.all(
        [writer, drainer].map((one) => one.step("select pg_stat_force_next_flush()")),
      );
      const { rows } = await fresh.pool.query(
        `select sum(idx_tup_read)::integer as n from pg_stat_all_indexes
          where relname in ('queued_transactions', 'finished_receipts')`,
      );
      return rows[0].n;
    };
    const before = await read();
    for (let n = 0; n < 5; n++) await everything(10_000 + n * 10);
    expect((await read()) - before).toBeLessThan(1_000);
  } finally {
    await fresh.drop();
  }
});

test("three workers, four ledgers, many clients: each receipt once, and in order", async () => {
  const ledgers = await Promise.all(Array.from({ length: 4 }, newLedger));
  const workers = Array.from({ length: 3 }, () =>
    startDraining({ connectionString: database.urlOf("daybook_worker"), log: silentLog, idle: 5 }),
  );
  const clients = await Promise.all(Array.from({ length: 8 }, () => openSession(database)));
  const refusals: string[] = [];
  await Promise.all(
    clients.map(async (client, c) => {
      for (let n = 0; n < 40; n++) {
        const ledger = ledgers[(c + n) % ledgers.length]!;
        const key = `${c}-${String(n).padStart(3, "0")}`;
        const named = (letter: string) => ({
          idempotency_key: key + letter,
          description: key + letter,
        });
        const calls = [
          withdrawal(ledger, "alice", 1, named("a")),
          withdrawal(ledger, "alice", 1, named("b")),
          withdrawal(ledger, "alice", 1, named("c")),
        ];
        await client.step(enqueue(ledger, ...calls));
        // Some are also called directly, and some enqueued again.
        if (n % 5 === 0) refusals.push(await outcome(client.step(calls[1]!)));
        if (n % 7 === 0) await client.step(enqueue(ledger, ...calls.toReversed()));
      }
    }),
  );
  await until("all are applied", async () => (await allWaiting()) === 0, 20_000);
  await Promise.all(workers.map((one) => one.stop()));

  expect(refusals.filter((one) => !["posted", "replayed"].includes(one))).toEqual([]);
  const all = (await Promise.all(ledgers.map((ledger) => made(ledger)))).flat();
  expect(all).toHaveLength(8 * 40 * 3);
  expect(new Set(all).size).toBe(all.length);
  for (const ledger of ledgers) {
    for (const c of clients.keys()) {
      const mine = (await made(ledger)).filter((key) => key.startsWith(`${c}-`));
      const locked = mine.filter((key) => !key.endsWith("b")); // whose versions tell the order
      expect(locked).toHaveLength(20);
      expect(locked).toEqual(locked.toSorted());
    }
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 1_000 - 240 });
  }
});
