import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { capture, change, revise } from "../support/changes.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import {
  create,
  finish,
  linesOf,
  openLedger,
  transfer,
  withdrawal,
  type LineOptions,
} from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { SEED } from "../support/seed.ts";
import { openSession, openSessions, outcome, tally, type Statement } from "../support/sessions.ts";

const SECONDS = Number(process.env["DAYBOOK_STRESS_SECONDS"] ?? 4);

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const SIDES = ["alice", "world"] as const;
const COVERED = { available_balance: { gte: 0 } };
const LOCKED: LineOptions = { show_resulting_balances: true };

/** A ledger in which `alice` has 100, of which a pending transaction holds 30. */
async function withHold(from = {}): Promise<{ ledger: string; id: string }> {
  const ledger = await openLedger(database, { alice: { money: 100 }, bob: {}, carol: {} });
  const hold = transfer(ledger, "alice", "world", 30, { status: "pending", from });
  const { rows } = await database.pool.query(hold);
  return { ledger, id: rows[0].transaction_id };
}

const waiting = { idempotency_key: "k", from: COVERED };
type Call = (ledger: string, id: string) => Statement;

test.each<[string, Call]>([
  ["partial posting", (l, id) => capture(l, id, SIDES, 10, { ...waiting, external_id: "x" })],
  ["change of entries", (l, id) => revise(l, id, SIDES, 40, waiting)],
  ["creation", (l) => withdrawal(l, "alice", 10, { idempotency_key: "k", external_id: "x" })],
])(
  "a %s waits for its key, its external id, its transaction and its accounts, in this order",
  async (name, call) => {
    const holders = await openSessions(database, ["key", "external", "row", "account"]);
    const { ledger, id } = await withHold();
    const elsewhere = (options: object) => transfer(ledger, "bob", "carol", 1, options);
    const holds = {
      key: elsewhere({ idempotency_key: "k" }),
      external: elsewhere({ external_id: "x" }),
      row: change("update", ledger, id, { description: "held" }),
      account: transfer(ledger, "alice", "bob", 1, { from: LOCKED }),
    };
    const inWay = Object.entries(holders).filter(([what]) =>
      name === "creation" ? what !== "row" : name !== "change of entries" || what !== "external",
    );
    for (const [what, holder] of inWay) {
      await holder.step("begin");
      await holder.step(holds[what as keyof typeof holds]);
    }
    const caller = await openSession(database);
    const called = outcome(caller.step(call(ledger, id)));
    for (const [, holder] of inWay) {
      await caller.waits(holder);
      await holder.step("rollback");
    }
    expect(["posted", "pending"]).toContain(await called);
  },
);

test("of two accounts it is about, a change waits for the one with the lower id first, whatever the order of its entries", async () => {
  const { first, second, caller } = await openSessions(database, ["first", "second", "caller"]);
  for (const from of ["bob", "carol"]) {
    const { ledger, id } = await withHold();
    await first.step("begin");
    await first.step(transfer(ledger, "world", "bob", 1, { to: LOCKED })); // was opened first
    await second.step("begin");
    await second.step(transfer(ledger, "world", "carol", 1, { to: LOCKED }));
    const entries = linesOf(from, from === "bob" ? "carol" : "bob", 10, LOCKED, LOCKED);
    const called = caller.step(change("update", ledger, id, { entries }));
    await caller.waits(first);
    await first.step("rollback");
    await caller.waits(second);
    await second.step("rollback");
    expect(await outcome(called)).toBe("pending");
  }
});

test("closing an account binds new entries of a pending transaction that waited for it, and nothing else", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const changes: [string, string, Call][] = [
    ["LDCLS", "pending", (l, id) => revise(l, id, SIDES, 40, { from: COVERED })],
    [
      "LDCLS",
      "posted",
      (l, id) => change("post", l, id, { entries: linesOf(...SIDES, 9, LOCKED) }),
    ],
    ["posted", "posted", (l, id) => capture(l, id, SIDES, 10, { from: COVERED })],
    ["posted", "posted", (l, id) => finish("post", l, id)],
    ["archived", "archived", (l, id) => finish("archive", l, id)],
  ];
  for (const [closed, open, call] of changes) {
    for (const end of ["commit", "rollback"]) {
      const { ledger, id } = await withHold(LOCKED);
      await ann.step("begin");
      await ann.step(`select daybook.close_account('${ledger}', 'alice')`);
      const late = bob.step(call(ledger, id));
      await bob.waits(ann);
      await ann.step(end);
      expect([closed, await outcome(late)]).toEqual([closed, end === "commit" ? closed : open]);
    }
  }
});

test("closing an account waits for who is changing the entries on it; from then on it binds", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  for (const from of [COVERED, {}]) {
    const { ledger, id } = await withHold();
    await ann.step("begin");
    await ann.step(revise(ledger, id, SIDES, 40, { from }));
    const closing = bob.step(`select daybook.close_account('${ledger}', 'alice')`);
    await bob.waits(ann);
    await ann.step("commit");
    await closing;
    expect(await outcome(ann.step(revise(ledger, id, SIDES, 50, { from })))).toBe("LDCLS");
    expect(await outcome(ann.step(capture(ledger, id, SIDES, 40)))).toBe("posted");
  }
});

test(
  `${SECONDS} s of single calls that change each other's transactions over the same accounts: no deadlock`,
  async () => {
    const accounts = ["a", "b", "c", "d"];
    const ledger = await openLedger(database, Object.fromEntries(accounts.map((a) => [a, {}])));
    const shared: string[] = [];
    const end = Date.now() + SECONDS * 1000;
    const client = async (_: unknown, n: number) => {
      const session = await openSession(database);
      const random = randomFrom(SEED + n);
      const outcomes: string[] = [];
      while (Date.now() < end) {
        const made = session.step(anyCall(ledger, accounts, shared, random));
        outcomes.push(await outcome(made));
        const row = await made.catch(() => ({}) as Record<string, string>);
        if (row["status"] === "pending" && row["version"] === 1)
          shared.push(row["transaction_id"]!);
      }
      return outcomes;
    };
    const outcomes = tally((await Promise.all(Array.from({ length: 8 }, client))).flat());
    for (const usual of ["pending", "posted", "archived", "LDSTA"]) {
      expect(outcomes[usual]).toBeGreaterThan(0);
    }
    // An expired hold that somebody is releasing: 40001, and nobody waits.
    const known = new Set([
      "pending",
      "posted",
      "archived",
      "LDSTA",
      "LDAMT",
      "LDARG",
      "LDBAL",
      "40001",
    ]);
    expect({ seed: SEED, others: Object.keys(outcomes).filter((one) => !known.has(one)) }).toEqual({
      seed: SEED,
      others: [],
    });
  },
  60_000 + SECONDS * 1000,
);

/** Makes a hold, some of which expire at once, or does something with one of the latest that anybody made. */
function anyCall(
  ledger: string,
  accounts: string[],
  shared: string[],
  random: () => number,
): Statement {
  const pick = <T>(list: T[]) => list[Math.floor(random() * list.length)]!;
  const mode = () => pick<LineOptions>([{}, LOCKED, { available_balance: { gte: -50 } }]);
  const lines = linesOf(
    pick(accounts),
    pick(accounts),
    1 + Math.floor(random() * 9),
    mode(),
    mode(),
  );
  const id = pick(shared.slice(-6));
  const does = id === undefined ? 0 : random();
  if (does < 0.35) {
    const expires_at = new Date(Date.now() + 20).toISOString();
    return create(ledger, lines, { status: "pending", ...(random() < 0.3 && { expires_at }) });
  }
  if (does < 0.65) return change("update", ledger, id!, { entries: lines });
  if (does < 0.8) return change("partially_post", ledger, id!, { entries: lines });
  if (does < 0.9) return change("post", ledger, id!, random() < 0.5 ? { entries: lines } : {});
  return finish("archive", ledger, id!);
}
