import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { create, finish, openLedger, transfer, type Line } from "../support/ledgers.ts";
import { openSession, openSessions, outcome, tally } from "../support/sessions.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const LOCKED = { show_resulting_balances: true };

/** Each a pair of transfers between `a` and `b` in opposite directions, named after what they lock. */
const MIXTURES: [string, boolean, boolean][] = [
  ["both sides", true, true],
  ["where it comes from", true, false],
  ["where it goes to", false, true],
  ["nothing", false, false],
];

test.each(MIXTURES)(
  "transfers in opposite directions that lock %s never deadlock",
  async (_name, locksFrom, locksTo) => {
    const ledger = await openLedger(database, { a: {}, b: {} });
    const options = { ...(locksFrom && { from: LOCKED }), ...(locksTo && { to: LOCKED }) };
    const client = async (_: unknown, n: number) => {
      const session = await openSession(database);
      const [from, to] = n % 2 ? ["a", "b"] : ["b", "a"];
      const outcomes: string[] = [];
      for (let i = 0; i < 40; i++) {
        // Every other session meets them in the other mode.
        const mode = n % 4 < 2 ? options : {};
        outcomes.push(await outcome(session.step(transfer(ledger, from!, to!, 1, mode))));
      }
      return outcomes;
    };
    const outcomes = await Promise.all(Array.from({ length: 8 }, client));
    expect(tally(outcomes.flat())).toEqual({ posted: 320 });
  },
);

test("transactions over the same accounts in any order, locked and unlocked, never deadlock", async () => {
  const names = ["a", "b", "c", "d", "e"];
  const ledger = await openLedger(database, Object.fromEntries(names.map((name) => [name, {}])));
  const client = async (_: unknown, n: number) => {
    const session = await openSession(database);
    const outcomes: string[] = [];
    for (let i = 0; i < 20; i++) {
      const lines: Line[] = names.map((_name, k) => {
        const account = names[(k * (1 + (n % 4)) + i) % 5]!;
        const asks = (k + n + i) % 2 ? LOCKED : {};
        return { account, direction: k ? "credit" : "debit", amount: k ? 1 : 4, ...asks };
      });
      const made = session.step(create(ledger, lines, { status: i % 2 ? "pending" : "posted" }));
      outcomes.push(await outcome(made));
      const { transaction_id: id, status } = await made;
      if (status !== "pending") continue;
      outcomes.push(
        await outcome(session.step(finish(i % 4 === 1 ? "post" : "archive", ledger, id))),
      );
    }
    return outcomes;
  };
  const outcomes = await Promise.all(Array.from({ length: 8 }, client));
  expect(tally(outcomes.flat())).toEqual({ posted: 120, pending: 80, archived: 40 });
});

test("a locked entry waits before the same call has touched any unlocked account", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, { a: {}, b: {} });
  await holder.step("begin");
  await holder.step(transfer(ledger, "a", "world", 1, { from: LOCKED }));
  // The unlocked entry is written first; were it also taken first, bob would have to wait for ann.
  const call = create(ledger, [
    { account: "b", direction: "debit", amount: 1 },
    { account: "a", direction: "credit", amount: 1, ...LOCKED },
  ]);
  const waiting = ann.step(call);
  await ann.waits(holder);
  expect(await outcome(bob.step(transfer(ledger, "b", "world", 1, { from: LOCKED })))).toBe(
    "posted",
  );
  await holder.step("commit");
  expect(await outcome(waiting)).toBe("posted");
});

test("a limit that is set while a call waits for one account does not make it wait for the other", async () => {
  const names = ["ann", "bob", "carl", "dora"] as const;
  const { ann, bob, carl, dora } = await openSessions(database, names);
  const ledger = await openLedger(database, { c: {}, d: { money: 9 } });
  await carl.step("begin");
  await carl.step(transfer(ledger, "d", "world", 1, { from: LOCKED }));
  const covered = { available_balance: { gte: 0 } };
  const first = outcome(ann.step(transfer(ledger, "d", "c", 1, { from: covered })));
  await ann.waits(carl);
  await dora.step(`select daybook.set_account_limits('${ledger}', 'c', null, 1000)`);
  await dora.step(transfer(ledger, "world", "d", 1)); // is queued, so that ann has to look twice
  const second = outcome(bob.step(transfer(ledger, "c", "d", 1, { from: LOCKED, to: LOCKED })));
  await bob.waits();
  await carl.step("commit");
  expect([await first, await second]).toEqual(["posted", "posted"]);
});

test("several calls in each of two transactions can deadlock; one of them is told to repeat, nothing is half done", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { a: {}, b: {} });
  const into = (account: string) => transfer(ledger, "world", account, 1, { to: LOCKED });
  await ann.step("begin");
  await bob.step("begin");
  await ann.step(into("a"));
  await bob.step(into("b"));
  const outcomes = [outcome(ann.step(into("b")))];
  await ann.waits(bob);
  outcomes.push(outcome(bob.step(into("a"))));
  expect((await Promise.all(outcomes)).toSorted()).toEqual(["40P01", "posted"]);
  await Promise.all([ann.step("commit"), bob.step("commit")]);
  const { rows } = await database.pool.query(
    "select sum(lock_version)::integer as entries from daybook.balances where ledger = $1 and account in ('a', 'b')",
    [ledger],
  );
  expect(rows).toEqual([{ entries: 2 }]);
});
