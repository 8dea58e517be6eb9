import { expect, test } from "@jest/globals";
import { rollUp } from "../support/moments.ts";
import { credit, debit, move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const day = (n: number) => new Date(Date.UTC(2026, 0, n)).toISOString();
const trial = async (args: object = {}) =>
  (await books.all("trial_balance", args)).map((row) => [
    row["account"] ?? `total ${row["currency"]}`,
    ...[
      row["posted_debits"],
      row["posted_credits"],
      row["debit_balance"],
      row["credit_balance"],
    ].map(Number),
  ]);
const touched = (rows: Awaited<ReturnType<typeof trial>>) => rows.filter((row) => row[1] || row[2]);

test("all accounts by address, then a total of each currency; the net on the side that it is on", async () => {
  await books.create([...move("cash", "alice", 100), ...move("euro-cash", "euro", 7)]);
  await books.create(move("alice", "bank", 150));
  expect(await trial()).toEqual([
    ["alice", 150, 100, 50, 0],
    ["bank", 0, 150, 0, 150],
    ["bob", 0, 0, 0, 0],
    ["carol", 0, 0, 0, 0],
    ["cash", 100, 0, 100, 0],
    ["euro", 0, 7, 0, 7],
    ["euro-cash", 7, 0, 7, 0],
    ["total EUR", 7, 7, 7, 7],
    ["total USD", 250, 250, 150, 150],
  ]);
  const rows = await books.all("trial_balance", {});
  expect(rows[0]).toMatchObject({
    ledger: "main",
    currency: "USD",
    currency_exponent: 2,
    normal_balance: "credit",
  });
  expect(rows.at(-1)).toMatchObject({
    ledger: "main",
    account: null,
    currency: "USD",
    currency_exponent: 2,
    normal_balance: null,
  });
});

test("posted entries only", async () => {
  const pending = await books.create(move("cash", "alice", 5), { status: "pending" });
  expect(touched(await trial())).toEqual([]);
  await books.post(pending);
  expect(touched(await trial())).toEqual([
    ["alice", 0, 5, 0, 5],
    ["cash", 5, 0, 5, 0],
    ["total USD", 5, 5, 5, 5],
  ]);
});

test("at a time: what is effective by then, inclusive", async () => {
  await books.create(move("cash", "alice", 1), { effective_at: day(1) });
  await books.create(move("cash", "bob", 2), { effective_at: day(3) });
  const at = async (n: number) => touched(await trial({ effective_at: day(n) }));
  expect(await at(0)).toEqual([]);
  expect(await at(1)).toEqual(await at(2));
  expect(await at(1)).toEqual([
    ["alice", 0, 1, 0, 1],
    ["cash", 1, 0, 1, 0],
    ["total USD", 1, 1, 1, 1],
  ]);
  expect(await at(3)).toEqual(touched(await trial()));
});

test("queued entries count, and accounts that have drifted are added up", async () => {
  await books.create(move("cash", "alice", 10), { effective_at: day(1) });
  const hold = await books.create(move("cash", "alice", 3), { status: "pending" });
  await books.look(
    "update daybook_private.account_counters set posted_credits = 77, drifted_at = now() where address = 'alice'",
  );
  await books.post(hold);
  await books.create([debit("cash", 1), credit("alice", 1)]);
  const [{ queued }] = (await books.look(
    "select count(*)::integer as queued from daybook_private.entry_queue",
  )) as [Row];
  expect(queued).toBeGreaterThan(0);
  expect(touched(await trial())).toEqual([
    ["alice", 0, 14, 0, 14],
    ["cash", 14, 0, 14, 0],
    ["total USD", 14, 14, 14, 14],
  ]);
  expect(touched(await trial({ effective_at: day(1) }))[0]).toEqual(["alice", 0, 10, 0, 10]);
});

test("at a time the same whichever accounts have sums of their entries", async () => {
  for (let n = 1; n <= 40; n++) {
    await books.create(move("cash", n % 8 ? "alice" : "bob", n), { effective_at: day(n) });
  }
  const plain = await trial({ effective_at: day(20) });
  expect(touched(plain).at(-1)).toEqual(["total USD", 210, 210, 210, 210]);
  for (const account of ["bob", "alice", "cash"]) {
    const { text, values } = rollUp("main", account);
    await books.look(text, values);
    expect(await trial({ effective_at: day(20) })).toEqual(plain);
  }
});

test("a ledger without accounts has no rows", async () => {
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "empty" });
  expect(await trial({ ledger: "empty" })).toEqual([]);
});

test.each(["infinity", "-infinity"])("LDARG for %s", async (effective_at) => {
  expect(await books.refusal("trial_balance", { effective_at })).toMatchObject({
    code: "LDARG",
    detail: { argument: "effective_at" },
  });
});

test("42501 for a ledger that is not granted, LDLED for whoever may use every one", async () => {
  expect(await books.refusal("trial_balance", { ledger: "none" })).toMatchObject({ code: "42501" });
  await books.be("test_admin");
  expect(await books.refusal("trial_balance", { ledger: "none" })).toMatchObject({ code: "LDLED" });
});
