import { describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const made = (args: object = {}) => books.create(move("alice", "bob", 100), args);
const reverse = ({ transaction_id }: Row, args: object = {}) =>
  books.call("reverse_transaction", { transaction_id, ...args });
const refusal = ({ transaction_id }: Row, args: object = {}) =>
  books.refusal("reverse_transaction", { transaction_id, ...args });
const row = ({ transaction_id }: Row) => books.transaction(transaction_id);

const LINES = `
  select e.position, a.address, e.direction::text, e.amount::int, e.metadata, e.effect::text
    from daybook.current_entries e join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
   where e.transaction_id = $1 order by e.position`;
const linesOf = async ({ transaction_id }: Row) =>
  (await books.query(LINES, [transaction_id])).map((line) => Object.values(line));

test("a new transaction undoes it, linked both ways; nothing else of the original changes", async () => {
  const original = await made({ external_id: "x", description: "d", metadata: { a: 1 } });
  const before = await row(original);
  const reversal = await reverse(original);
  expect(reversal).toEqual({ ...original, transaction_id: reversal["transaction_id"] });
  expect(await row(reversal)).toMatchObject({
    status: "posted",
    version: 1,
    reverses_transaction_id: original["transaction_id"],
    reversed_by_transaction_id: null,
    effective_at: before["effective_at"],
    external_id: null,
    expires_at: null,
    description: null,
    metadata: {},
    actor: "test_writer",
  });
  expect(await row(original)).toEqual({
    ...before,
    reversed_by_transaction_id: reversal["transaction_id"],
  });
  for (const account of ["alice", "bob"])
    expect(await books.balance(account)).toMatchObject({
      pending_amount: "0",
      posted_amount: "0",
      posted_debits: "100",
      posted_credits: "100",
      lock_version: "2",
    });
});

test("entries keep their places and their metadata; only the directions are swapped", async () => {
  const original = await books.create([
    debit("alice", 1, { metadata: { n: 1 } }),
    credit("bob", 3),
    debit("alice", 2),
    debit("euro-cash", 5),
    credit("euro", 5, { metadata: { n: 5 } }),
  ]);
  expect(await linesOf(await reverse(original))).toEqual([
    [1, "alice", "credit", 1, { n: 1 }, "posted"],
    [2, "bob", "debit", 3, {}, "posted"],
    [3, "alice", "credit", 2, {}, "posted"],
    [4, "euro-cash", "credit", 5, {}, "posted"],
    [5, "euro", "debit", 5, { n: 5 }, "posted"],
  ]);
});

test("of a transaction that was pending, what was posted is undone", async () => {
  const original = await made({ status: "pending" });
  await books.post(original);
  expect(await linesOf(await reverse(original))).toEqual([
    [1, "alice", "credit", 100, {}, "posted"],
    [2, "bob", "debit", 100, {}, "posted"],
  ]);
});

test("of one that was posted with other entries, those are undone", async () => {
  const original = await made({ status: "pending" });
  const entries = move("bob", "carol", 30);
  await books.call("post_transaction", { ...pick(original), entries });
  expect(await linesOf(await reverse(original))).toEqual([
    [1, "bob", "credit", 30, {}, "posted"],
    [2, "carol", "debit", 30, {}, "posted"],
  ]);
});

test("of one that was changed while it was pending, the last entries are undone", async () => {
  const original = await made({ status: "pending" });
  await books.call("update_transaction", { ...pick(original), entries: move("bob", "carol", 30) });
  await books.post(original);
  expect(await linesOf(await reverse(original))).toEqual([
    [1, "bob", "credit", 30, {}, "posted"],
    [2, "carol", "debit", 30, {}, "posted"],
  ]);
});

const pick = ({ transaction_id }: Row) => ({ transaction_id });

test("effective time, status, description and metadata are the caller's, if he says so", async () => {
  const at = new Date("2020-01-01T00:00:00Z");
  const original = await made({ effective_at: at });
  const defaults = await reverse(original, { status: "pending", description: "d" });
  expect(await row(defaults)).toMatchObject({ effective_at: at, status: "pending" });
  await books.archive(defaults);
  const later = new Date("2021-01-01T00:00:00Z");
  const metadata = { why: "mistake" };
  const args = { effective_at: later, status: "posted", description: "back", metadata };
  const given = await row(await reverse(original, args));
  expect(given).toMatchObject({ effective_at: later, description: "back", metadata });
});

describe("a pending reversal", () => {
  test("holds, and is posted like any other", async () => {
    const original = await made();
    const reversal = await reverse(original, { status: "pending" });
    expect(reversal).toMatchObject({ status: "pending", version: 1 });
    expect(await books.balance("bob")).toMatchObject({
      posted_amount: "100",
      available_amount: "0",
    });
    expect(await refusal(original)).toMatchObject({
      code: "LDSTA",
      detail: {
        status: "reversed",
        reversed_by_transaction_id: reversal["transaction_id"],
      },
    });
    await books.post(reversal);
    expect(await books.balance("bob")).toMatchObject({ posted_amount: "0" });
    expect(await refusal(original)).toMatchObject({
      code: "LDSTA",
      detail: { status: "reversed" },
    });
  });

  test("that was archived does not count; the link stays until the next one", async () => {
    const original = await made();
    const given_up = await reverse(original, { status: "pending" });
    await books.archive(given_up);
    const link = async () => (await row(original))["reversed_by_transaction_id"];
    expect(await link()).toBe(given_up["transaction_id"]);
    const reversal = await reverse(original);
    expect(await link()).toBe(reversal["transaction_id"]);
    expect(await refusal(original)).toMatchObject({ code: "LDSTA" });
  });

  test("that was posted in part counts, also when the rest was given up", async () => {
    const original = await made();
    const reversal = await reverse(original, { status: "pending" });
    const part = { ...pick(reversal), entries: move("bob", "alice", 40) };
    await books.call("partially_post_transaction", part);
    await books.archive(reversal);
    expect(await refusal(original)).toMatchObject({
      code: "LDSTA",
      detail: { status: "reversed", reversed_by_transaction_id: reversal["transaction_id"] },
    });
    const other = await made();
    const whole = await reverse(other, { status: "pending" });
    await books.call("partially_post_transaction", {
      ...pick(whole),
      entries: move("bob", "alice", 100),
    });
    expect(await row(whole)).toMatchObject({ status: "archived" });
    expect(await refusal(other)).toMatchObject({ code: "LDSTA", detail: { status: "reversed" } });
  });
});

test("a reversal may itself be reversed, once; the first original stays reversed", async () => {
  const original = await made();
  const reversal = await reverse(original);
  const again = await reverse(reversal);
  expect(await row(again)).toMatchObject({ reverses_transaction_id: reversal["transaction_id"] });
  expect(await books.balance("bob")).toMatchObject({ posted_amount: "100" });
  for (const reversed of [original, reversal])
    expect(await refusal(reversed)).toMatchObject({
      code: "LDSTA",
      detail: { status: "reversed" },
    });
  expect(await reverse(again)).toMatchObject({ status: "posted" });
});

describe("LDSTA says which", () => {
  test("pending", async () => {
    const pending = await made({ status: "pending" });
    expect(await refusal(pending)).toMatchObject({ code: "LDSTA", detail: { status: "pending" } });
  });

  test("archived, and a kept decline", async () => {
    const archived = await made({ status: "pending" });
    await books.archive(archived);
    const covered = move("alice", "bob", 1, { posted_balance: { gt: 0 } });
    const declined = await books.create(covered, { archive_on_lock_failure: true });
    for (const transaction of [archived, declined])
      expect(await refusal(transaction)).toMatchObject({
        code: "LDSTA",
        detail: { status: "archived" },
      });
  });
});

test("limits apply", async () => {
  await books.open("poor", { balance_min: 0 });
  const original = await books.create(move("alice", "poor", 100));
  await books.create(move("poor", "bob", 60));
  const traces = await books.traces();
  expect(await refusal(original)).toMatchObject({ code: "LDLIM", detail: { account: "poor" } });
  expect(await books.traces()).toEqual(traces);
});

test("closed accounts apply", async () => {
  const original = await made();
  await books.call("close_account", { address: "bob" });
  expect(await refusal(original)).toMatchObject({ code: "LDCLS", detail: { account: "bob" } });
});

describe("with an idempotency key", () => {
  const key = { idempotency_key: "r" };

  test("a repeated call returns what the first returned, whatever has happened since", async () => {
    const original = await made();
    const first = await reverse(original, { ...key, status: "pending", metadata: { a: 1.5 } });
    await books.archive(first);
    const traces = await books.traces();
    expect(await reverse(original, { ...key, status: "pending", metadata: { a: 1.5 } })).toEqual({
      ...first,
      replayed: true,
    });
    expect(await books.traces()).toEqual(traces);
  });

  test.each<[object]>([
    [{ status: "pending" }],
    [{ status: "posted" }],
    [{ effective_at: new Date("2020-01-01T00:00:00Z") }],
    [{ description: "d" }],
    [{ metadata: {} }],
  ])("%j is another request than one without", async (args) => {
    const original = await made();
    await reverse(original, key);
    expect(await refusal(original, { ...key, ...args })).toMatchObject({
      code: "LDIDM",
      detail: { operation: "reverse_transaction" },
    });
  });

  test("another transaction is another request, and another operation too", async () => {
    await reverse(await made(), key);
    expect(await refusal(await made(), key)).toMatchObject({ code: "LDIDM" });
    const refused = await books.createRefused(move("alice", "bob", 1), key);
    expect(refused).toMatchObject({ code: "LDIDM" });
  });

  test("a refused call stores nothing", async () => {
    const pending = await made({ status: "pending" });
    const traces = await books.traces();
    await refusal(pending, key);
    expect(await books.traces()).toEqual(traces);
    await books.post(pending);
    expect(await reverse(pending, key)).toMatchObject({ replayed: false });
  });
});

test("the log says that it is a reversal, of which transaction, and by whom", async () => {
  const posted = await reverse(await made());
  const pending = await reverse(await made(), { status: "pending" });
  for (const { transaction_id } of [posted, pending]) {
    const { reverses_transaction_id } = await books.transaction(transaction_id);
    const log = await books.query("select * from daybook.log where transaction_id = $1", [
      transaction_id,
    ]);
    expect(log).toMatchObject([
      { kind: "reverse_transaction", actor: "test_writer", data: { reverses_transaction_id } },
    ]);
  }
});

test("above READ COMMITTED it is LDISO", async () => {
  const { transaction_id } = await made();
  await books.query("commit");
  for (const level of ["repeatable read", "serializable"]) {
    await books.query(`begin isolation level ${level}`);
    expect(await refusal({ transaction_id })).toMatchObject({
      code: "LDISO",
      detail: { isolation: level },
    });
    await books.query("rollback");
  }
  await books.query("begin");
});

const unknown = { transaction_id: "00000000-0000-7000-8000-000000000000" };
test.each<[string, object, string]>([
  ["LDARG", { transaction_id: null }, "transaction_id"],
  ["LDARG", { status: "archived" }, "status"],
  ["LDARG", { effective_at: "infinity" }, "effective_at"],
  ["LDARG", { description: "x".repeat(1001) }, "description"],
  ["LDARG", { metadata: [] }, "metadata"],
  ["LDARG", { idempotency_key: "" }, "idempotency_key"],
  ["LDTXN", {}, ""],
  ["LDLED", { ledger: "none" }, ""],
])("%s for %j", async (code, args, argument) => {
  await books.be("test_admin");
  const refused = await refusal(unknown, args);
  expect(refused).toMatchObject({ code, ...(argument && { detail: { argument } }) });
});

test("42501 for a ledger that is not the caller's, and for a reader", async () => {
  const original = await made();
  expect(await refusal(original, { ledger: "other" })).toMatchObject({ code: "42501" });
  await books.be("test_reader");
  expect(await refusal(original)).toMatchObject({ code: "42501" });
});

test("a transaction of another ledger is not found", async () => {
  const original = await made();
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "second" });
  expect(await refusal(original, { ledger: "second" })).toMatchObject({ code: "LDTXN" });
});
