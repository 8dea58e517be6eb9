import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { change, createUnderLocks, openCategories } from "../support/categories.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import {
  balanceOf,
  batch,
  create,
  fold,
  openLedger,
  transfer,
  withdrawal,
  type Member,
} from "../support/ledgers.ts";
import {
  interleavings,
  openSession,
  openSessions,
  outcome,
  play,
  tally,
  type Session,
} from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

/** From so many members on they are made by sets. */
const MANY = 30;
const LOCKED = { show_resulting_balances: true };
const COVERED = { available_balance: { gte: 0 } };

const moves = (from: string, to: string, amount: number, rest: Partial<Member> = {}): Member => ({
  entries: [
    { account: from, direction: "debit", amount },
    { account: to, direction: "credit", amount },
  ],
  ...rest,
});
/** Members that wait for nobody and concern no other account. */
const fillers = () => Array.from({ length: MANY }, () => moves("world", "filler", 1));
const spends = (from: string, to: string, amount: number, rest: Partial<Member> = {}): Member => ({
  entries: [
    { account: from, direction: "debit", amount, ...COVERED },
    { account: to, direction: "credit", amount },
  ],
  ...rest,
});
const bounded = (from: string, category: string): Member => ({
  ...moves(from, "c", 10),
  category_locks: [{ category, available_balance: { gte: 100 } }],
});
/** What came of each member of a batch. */
const outcomes = async (session: Session, ledger: string, members: Member[]) =>
  (await session.step(batch(ledger, members)))["outcomes"];

test("batches over the same accounts, keys and external ids in opposite order never deadlock", async () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const ledger = await openLedger(
    database,
    Object.fromEntries(names.map((name) => [name, { money: 1_000 }])),
  );
  const client = async (_: unknown, n: number) => {
    const session = await openSession(database);
    const all: string[] = [];
    for (let i = 0; i < 12; i++) {
      const members = Array.from({ length: 35 }, (_member, k) =>
        spends(names[k % 7]!, names[(k + 1) % 7]!, 1, {
          idempotency_key: `k${i}-${k}`,
          ...(k % 3 === 0 && { external_id: `x${i}-${k}` }),
          ...(k % 7 === 4 && { status: "pending" }),
        }),
      );
      all.push(...(await outcomes(session, ledger, n % 2 ? members.toReversed() : members)));
    }
    return all;
  };
  const all = await Promise.all(Array.from({ length: 8 }, client));
  expect(tally(all.flat())).toEqual({ posted: 360, pending: 60, replayed: 7 * 420 });
});

test("batches and single calls over the same accounts, with and without locks, never deadlock", async () => {
  const names = ["a", "b", "c", "d", "e"];
  const ledger = await openLedger(
    database,
    Object.fromEntries(names.map((name) => [name, { money: 1_000 }])),
  );
  const worker = await openSession(database, "daybook_worker");
  const stop = new AbortController();
  const folding = (async () => {
    for (let n = 0; !stop.signal.aborted; n++)
      await worker.step(await fold(database, ledger, names[n % 5]!));
  })();
  const client = async (_: unknown, n: number) => {
    const session = await openSession(database);
    const all: string[] = [];
    for (let i = 0; i < 20; i++) {
      const at = (k: number) => names[(k * (1 + (n % 4)) + i) % 5]!;
      if (n % 2) {
        const members = Array.from({ length: 30 }, (_member, k) =>
          ((k + n + i) % 3 ? moves : spends)(at(k), at(k + 1), 1),
        );
        all.push(...(await outcomes(session, ledger, members)));
      } else {
        const lines = names.map((_name, k) => ({
          account: at(k),
          direction: k ? ("credit" as const) : ("debit" as const),
          amount: k ? 1 : 4,
          ...((k + n + i) % 2 && LOCKED),
        }));
        all.push(await outcome(session.step(create(ledger, lines))));
      }
    }
    return all;
  };
  const all = await Promise.all(Array.from({ length: 8 }, client));
  stop.abort();
  await folding;
  expect(tally(all.flat())).toEqual({ posted: 4 * 20 + 4 * 20 * 30 });
});

test("an unlocked member does not wait for an account that somebody holds; it queues", async () => {
  const { ann, holder } = await openSessions(database, ["ann", "holder"]);
  const ledger = await openLedger(database, { filler: {}, a: {}, b: {} });
  await holder.step("begin");
  await holder.step(transfer(ledger, "a", "world", 1, { from: LOCKED }));
  const members = Array.from({ length: MANY }, () => moves("b", "a", 1));
  expect(await outcomes(ann, ledger, members)).toEqual(Array(MANY).fill("posted"));
  expect(await balanceOf(database, ledger, "a")).toMatchObject({
    posted: MANY,
    version: MANY,
    queued: MANY,
  });
  expect(await balanceOf(database, ledger, "b")).toMatchObject({
    posted: -MANY,
    version: MANY,
    queued: 0,
  });
  await holder.step("commit");
  expect(await balanceOf(database, ledger, "a")).toMatchObject({
    posted: MANY - 1,
    version: MANY + 1,
    queued: MANY,
  });
  const spending = Array.from({ length: MANY }, () => spends("a", "b", 1));
  expect(tally(await outcomes(ann, ledger, spending))).toEqual({ posted: MANY - 1, LDBAL: 1 });
});

test("conditions of a batch count what is queued, also while the batch waited", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, { filler: {}, a: { money: 11 }, b: {} });
  await holder.step("begin");
  await holder.step(transfer(ledger, "a", "world", 1, { from: LOCKED }));
  await bob.step(transfer(ledger, "a", "world", 4));
  const waiting = ann.step(
    batch(ledger, [...fillers(), ...Array.from({ length: 6 }, () => spends("a", "b", 1))]),
  );
  await ann.waits(holder);
  await bob.step(transfer(ledger, "a", "world", 4));
  await holder.step("commit");
  expect(tally((await waiting)["outcomes"])).toEqual({ posted: MANY + 2, LDBAL: 4 });
});

test("a batch holds no unlocked account while it waits for a locked one, of whatever member", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, {
    filler: {},
    a: { money: 9 },
    b: { money: 9 },
    c: {},
  });
  await holder.step("begin");
  await holder.step(transfer(ledger, "a", "world", 1, { from: LOCKED }));
  const members = [...Array.from({ length: MANY }, () => moves("b", "c", 1)), spends("a", "c", 1)];
  const waiting = ann.step(batch(ledger, members));
  await ann.waits(holder);
  expect(await outcome(bob.step(withdrawal(ledger, "b", 9)))).toBe("posted");
  await holder.step("commit");
  expect(tally((await waiting)["outcomes"])).toEqual({ posted: MANY + 1 });
});

test("of a batch and a withdrawal that the money allows only one, in every order of their steps", async () => {
  const sessions = await openSessions(database, ["ann", "bob"]);
  for (const order of interleavings(["ann", 3], ["bob", 3])) {
    const ledger = await openLedger(database, { filler: {}, alice: { money: 100 }, b: {} });
    const members = [...fillers(), spends("alice", "b", 80)];
    const { ann, bob } = await play(
      sessions,
      {
        ann: ["begin", batch(ledger, members), "commit"],
        bob: ["begin", withdrawal(ledger, "alice", 80), "commit"],
      },
      order,
    );
    expect([ann[1], bob[1]]).toContain("posted");
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 20, version: 2 });
  }
});

test("keys and external ids are taken in their order, not the members'", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  for (const field of ["idempotency_key", "external_id"] as const) {
    const ledger = await openLedger(database, { filler: {}, a: {}, b: {} });
    await holder.step("begin");
    await holder.step(transfer(ledger, "a", "b", 1, { [field]: "m" }));
    const members = ["z", "m", "y"].map((name) => moves("a", "b", 1, { [field]: name }));
    const waiting = ann.step(batch(ledger, members));
    await ann.waits(holder);
    // Were z taken before m, this would have to wait for ann.
    expect(await outcome(bob.step(transfer(ledger, "a", "b", 2, { [field]: "z" })))).toBe("posted");
    await holder.step("rollback");
    const taken = field === "external_id" ? "LDEXT" : "LDIDM";
    expect((await waiting)["outcomes"]).toEqual([taken, "posted", "posted"]);
  }
});

test("a key is waited for by others from before the batch's own waits for accounts, whoever makes its member", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, { filler: {}, a: { money: 9 }, b: {}, c: {} });
  const entries = [
    { account: "b", direction: "debit" as const, amount: 1, ...LOCKED },
    { account: "c", direction: "credit" as const, amount: 1 },
  ];
  await holder.step("begin");
  await holder.step(transfer(ledger, "a", "world", 1, { from: LOCKED }));
  const waiting = ann.step(batch(ledger, [{ entries, idempotency_key: "k" }, spends("a", "c", 1)]));
  await ann.waits(holder);
  const second = bob.step(create(ledger, entries, { idempotency_key: "k" }));
  await bob.waits(ann);
  await holder.step("commit");
  expect((await waiting)["outcomes"]).toEqual(["posted", "posted"]);
  expect(await outcome(second)).toBe("replayed");
});

test("a batch holds no account while it waits for a category", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, {
    filler: {},
    a: { money: 500 },
    b: { money: 9 },
    c: {},
  });
  await openCategories(database, ledger, { one: ["a"] });
  await holder.step("begin");
  await holder.step(batch(ledger, [bounded("a", "one")]));
  const waiting = ann.step(
    batch(ledger, [
      ...Array.from({ length: MANY }, () => spends("b", "c", 1)),
      bounded("a", "one"),
    ]),
  );
  await ann.waits(holder);
  expect(await outcome(bob.step(withdrawal(ledger, "b", 9)))).toBe("posted");
  await holder.step("commit");
  expect(tally((await waiting)["outcomes"])).toEqual({ LDBAL: MANY, posted: 1 });
});

test("others wait for the key of a member that will be made alone, even while it is not there yet", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const end of ["commit", "rollback"]) {
    const ledger = await openLedger(database, { filler: {}, alice: { money: 100 } });
    const alone = {
      entries: [
        { account: "alice", direction: "debit" as const, amount: 1, ...LOCKED },
        { account: "world", direction: "credit" as const, amount: 1 },
      ],
      idempotency_key: "k",
    };
    const refused = spends("alice", "world", 999, { idempotency_key: "r" });
    await ann.step("begin");
    await ann.step(batch(ledger, [...fillers(), alone, refused]));
    const second = bob.step(create(ledger, alone.entries, { idempotency_key: "k" }));
    await bob.waits(ann);
    await ann.step(end);
    expect(await outcome(second)).toBe(end === "commit" ? "replayed" : "posted");
    const free = transfer(ledger, "alice", "world", 1, { idempotency_key: "r" });
    expect(await outcome(bob.step(free))).toBe("posted");
  }
});

test("a batch waits for a key that somebody has; what he commits is its replay", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const end of ["commit", "rollback"]) {
    const ledger = await openLedger(database, { filler: {}, alice: { money: 100 } });
    await ann.step("begin");
    await ann.step(transfer(ledger, "alice", "world", 1, { idempotency_key: "k" }));
    const members = [...fillers(), moves("alice", "world", 1, { idempotency_key: "k" })];
    const waiting = bob.step(batch(ledger, members));
    await bob.waits(ann);
    await ann.step(end);
    expect((await waiting)["outcomes"][MANY]).toBe(end === "commit" ? "replayed" : "posted");
    expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 99, version: 2 });
  }
});

test("members under category locks wait for each other's categories ahead, in one order", async () => {
  const ledger = await openLedger(database, {
    filler: {},
    a: { money: 500 },
    b: { money: 500 },
    c: {},
  });
  await openCategories(database, ledger, { one: ["a"], two: ["b"] });
  const client = async (_: unknown, n: number) => {
    const session = await openSession(database);
    const all: string[] = [];
    for (let i = 0; i < 10; i++) {
      const members = [
        bounded("a", "one"),
        moves("c", "a", 0.5),
        spends("b", "c", 1),
        bounded("b", "two"),
      ];
      all.push(...(await outcomes(session, ledger, n % 2 ? members.toReversed() : members)));
    }
    return all;
  };
  const all = tally((await Promise.all(Array.from({ length: 8 }, client))).flat());
  expect(Object.keys(all).toSorted()).toEqual(["LDAMT", "LDCAT", "posted"]);
  const a = await balanceOf(database, ledger, "a");
  expect(a.posted).toBe(100);
  expect((await balanceOf(database, ledger, "b")).posted).toBeLessThan(110);
});

test("a server process that is killed in the middle of a batch leaves nothing", async () => {
  const { ann, holder } = await openSessions(database, ["ann", "holder"]);
  const ledger = await openLedger(database, { filler: {}, a: { money: 9 }, b: {} });
  await holder.step("begin");
  await holder.step(transfer(ledger, "a", "world", 1, { from: LOCKED }));
  const members = Array.from({ length: 6 }, (_, n) =>
    spends("a", "b", 1, { idempotency_key: `k${n}`, external_id: `x${n}` }),
  );
  await ann.step("begin");
  await ann.step(
    batch(
      ledger,
      Array.from({ length: MANY }, () => moves("world", "b", 5)),
    ),
  );
  const waiting = outcome(ann.step(batch(ledger, members)));
  await ann.waits(holder);
  await database.pool.query("select pg_terminate_backend($1)", [ann.pid]);
  expect(await waiting).not.toBe("ok");
  await holder.step("commit");
  expect(await balanceOf(database, ledger, "b")).toMatchObject({ posted: 0, version: 0 });
  const { rows } = await database.pool.query(
    `select (select count(*) from daybook_private.idempotency_keys where ledger = $1)::integer as keys,
            (select count(*) from daybook_private.external_ids where ledger = $1)::integer as ids`,
    [ledger],
  );
  expect(rows).toEqual([{ keys: 0, ids: 0 }]);
  expect(tally(await outcomes(holder, ledger, members))).toEqual({ posted: 6 });
});

test("a limit that is set while a batch waits is none for its unlocked members: it waits for nobody else by then", async () => {
  const { ann, bob, carl, dora } = await openSessions(database, ["ann", "bob", "carl", "dora"]);
  const ledger = await openLedger(database, { a: {}, b: { money: 9 }, c: {}, d: { money: 9 } });
  await carl.step("begin");
  await carl.step(transfer(ledger, "d", "world", 1, { from: LOCKED }));
  const members = [spends("b", "c", 1), spends("d", "c", 1), moves("a", "c", 1)];
  const made = outcomes(ann, ledger, members); // holds b
  await ann.waits(carl);
  await dora.step(`select daybook.set_account_limits('${ledger}', 'a', -10)`);
  const single = outcome(bob.step(transfer(ledger, "a", "b", 1, { from: LOCKED, to: LOCKED }))); // holds a
  await bob.waits(ann);
  await carl.step("commit");
  expect(await made).toEqual(["posted", "posted", "posted"]);
  expect(await single).toBe("posted");
});

test("a category that comes to contain an account while a batch waits is not waited for out of order", async () => {
  const { ann, bob, carl, dora } = await openSessions(database, ["ann", "bob", "carl", "dora"]);
  const ledger = await openLedger(database, { a: { money: 200 }, b: { money: 9 }, c: {} });
  await openCategories(database, ledger, { early: [], late: ["a"] });
  await carl.step("begin");
  await carl.step(transfer(ledger, "a", "world", 1, { from: LOCKED }));
  const locks = [{ category: "early", available_balance: { gte: 0 } }];
  const members = [bounded("a", "late"), moves("b", "c", 1, { category_locks: locks })];
  const made = outcomes(ann, ledger, members); // holds late
  await ann.waits(carl);
  const added = outcome(dora.step(change("add_to", ledger, "early", { account: "b" })));
  await dora.rests();
  const lines = moves("b", "a", 1).entries;
  const single = outcome(
    bob.step(
      createUnderLocks(ledger, lines, [{ category: "late", available_balance: { gte: 0 } }]),
    ),
  );
  await bob.waits();
  await carl.step("commit");
  expect(await made).toEqual(["posted", "LDARG"]);
  expect([await added, await single]).toEqual(["ok", "posted"]);
});
