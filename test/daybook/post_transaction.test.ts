import { describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const pend = (args: object = {}) =>
  books.create(move("alice", "bob", 100), { status: "pending", ...args });
const refusal = (args: object) => books.refusal("post_transaction", args);

test("the pending transaction is posted: a new version, at its own effective time", async () => {
  const at = new Date("2020-01-01T00:00:00Z");
  const transaction = await pend({ effective_at: at });
  const { transaction_id } = transaction;
  expect(await books.post(transaction)).toEqual({
    ...transaction,
    status: "posted",
    version: 2,
  });
  const row = await books.transaction(transaction_id);
  expect(row).toMatchObject({ status: "posted", version: 2, effective_at: at, archived_at: null });
  expect(row["posted_at"].getTime()).toBeGreaterThanOrEqual(row["created_at"].getTime());
  expect(await books.entriesOf("alice")).toMatchObject([
    {
      effect: "pending",
      transaction_version: 1,
      lock_version: "1",
      pending_debits: "100",
      posted_debits: "0",
    },
    {
      effect: "settled",
      transaction_version: 2,
      transaction_id,
      position: 1,
      direction: "debit",
      amount: "100",
      lock_version: "2",
      effective_at: at,
      created_at: row["posted_at"],
      pending_debits: "100",
      pending_credits: "0",
      posted_debits: "100",
      posted_credits: "0",
    },
  ]);
  expect(await books.balance("bob")).toMatchObject({
    pending_amount: "100",
    posted_amount: "100",
    available_amount: "100",
    lock_version: "2",
  });
});

test("every entry is settled, with its metadata and in its place", async () => {
  const transaction = await books.create(
    [
      debit("alice", 1, { metadata: { n: 1 } }),
      credit("bob", 3),
      debit("alice", 2),
      debit("euro-cash", 5),
      credit("euro", 5),
    ],
    { status: "pending" },
  );
  await books.post(transaction);
  const lines = await books.query(
    `select e.position, e.amount::int, e.metadata, e.effect::text
       from daybook.current_entries e order by e.position`,
  );
  expect(lines).toEqual([
    { position: 1, amount: 1, metadata: { n: 1 }, effect: "settled" },
    { position: 2, amount: 3, metadata: {}, effect: "settled" },
    { position: 3, amount: 2, metadata: {}, effect: "settled" },
    { position: 4, amount: 5, metadata: {}, effect: "settled" },
    { position: 5, amount: 5, metadata: {}, effect: "settled" },
  ]);
});

test("no balance is checked again", async () => {
  const transaction = await books.create(
    move("alice", "bob", 100, { posted_balance: { gte: 0 }, lock_version: 0 }),
    { status: "pending" },
  );
  await books.create(move("alice", "bob", 500));
  expect(await books.post(transaction)).toMatchObject({ status: "posted" });
  expect(await books.balance("alice")).toMatchObject({ posted_amount: "-600" });
});

test("what was locked is locked again, what was not is not", async () => {
  const transaction = await books.create(
    [debit("alice", 1, { posted_balance: { gte: -9 } }), credit("bob", 1)],
    { status: "pending" },
  );
  await books.open("other");
  await books.call("set_account_limits", { address: "bob", balance_max: 100 });
  await books.post(transaction);
  const modes = async (account: string) =>
    (await books.entriesOf(account)).map((row) => row["locked"]);
  expect(await modes("alice")).toEqual([true, true]);
  expect(await modes("bob")).toEqual([false, false]);
});

describe("expected_version", () => {
  test("the right one passes, another is LDVER with the actual one", async () => {
    const transaction = await pend();
    const { transaction_id } = transaction;
    const refused = await refusal({ transaction_id, expected_version: 2 });
    expect(refused).toMatchObject({ code: "LDVER", detail: { transaction_id } });
    expect(Number(refused.detail["actual"])).toBe(1);
    expect(await books.post(transaction, { expected_version: 1 })).toMatchObject({ version: 2 });
  });

  test("of a posted transaction is LDSTA all the same", async () => {
    const transaction = await pend();
    const { transaction_id } = transaction;
    await books.post(transaction);
    expect(await refusal({ transaction_id, expected_version: 9 })).toMatchObject({ code: "LDSTA" });
  });

  test.each([0, -1])("%d is LDARG", async (expected_version) => {
    const { transaction_id } = await pend();
    expect(await refusal({ transaction_id, expected_version })).toMatchObject({
      code: "LDARG",
      detail: { argument: "expected_version" },
    });
  });
});

describe("LDSTA says which", () => {
  test("already posted, at first or later", async () => {
    const first = await books.create(move("alice", "bob", 1));
    const later = await pend();
    await books.post(later);
    for (const { transaction_id } of [first, later]) {
      expect(await refusal({ transaction_id })).toMatchObject({
        code: "LDSTA",
        detail: { transaction_id, status: "posted" },
      });
    }
  });

  test("archived", async () => {
    const transaction = await pend();
    await books.archive(transaction);
    const { transaction_id } = transaction;
    expect(await refusal({ transaction_id })).toMatchObject({
      code: "LDSTA",
      detail: { status: "archived" },
    });
  });

  test("expired, from that instant on", async () => {
    const { transaction_id } = await pend({ expires_at: new Date(Date.now() + 150) });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await refusal({ transaction_id })).toMatchObject({
      code: "LDSTA",
      detail: { status: "expired" },
    });
    expect(await books.balance("alice")).toMatchObject({ pending_amount: "-100" });
  });

  test("not before it expires", async () => {
    const transaction = await pend({ expires_at: new Date(Date.now() + 60_000) });
    expect(await books.post(transaction)).toMatchObject({ status: "posted" });
  });
});

describe("with an idempotency key", () => {
  const key = { idempotency_key: "p" };

  test("a repeated call returns what the first returned", async () => {
    const transaction = await pend();
    const first = await books.post(transaction, key);
    const traces = await books.traces();
    expect(await books.post(transaction, key)).toEqual({ ...first, replayed: true });
    expect(await books.traces()).toEqual(traces);
    const { transaction_id } = transaction;
    expect(await refusal({ transaction_id, ...key, expected_version: 1 })).toMatchObject({
      code: "LDIDM",
    });
  });

  test("a replay is only of the same transaction", async () => {
    await books.post(await pend(), key);
    const { transaction_id } = await pend();
    expect(await refusal({ transaction_id, ...key })).toMatchObject({ code: "LDIDM" });
  });

  test("a refused call stores nothing", async () => {
    const { transaction_id } = await books.create(move("alice", "bob", 1));
    const traces = await books.traces();
    await refusal({ transaction_id, ...key });
    expect(await books.traces()).toEqual(traces);
    expect(await books.post(await pend(), key)).toMatchObject({ replayed: false });
  });
});

test("posting is logged", async () => {
  const transaction = await pend();
  await books.post(transaction);
  const log = await books.query(
    "select kind, actor from daybook.log where transaction_id = $1 order by created_at",
    [transaction["transaction_id"]],
  );
  expect(log).toEqual([
    { kind: "create_transaction", actor: "test_writer" },
    { kind: "post_transaction", actor: "test_writer" },
  ]);
});

const unknown = "00000000-0000-7000-8000-000000000000";
test.each<[string, object]>([
  ["LDARG", { transaction_id: null }],
  ["LDARG", { transaction_id: unknown, idempotency_key: "" }],
  ["LDTXN", { transaction_id: unknown }],
  ["LDTXN", { transaction_id: unknown, expected_version: 4 }],
  ["LDLED", { transaction_id: unknown, ledger: "none" }],
])("%s for %j", async (code, args) => {
  await books.be("test_admin");
  expect(await refusal(args)).toMatchObject({ code });
});

test("a transaction of another ledger is not found", async () => {
  const { transaction_id } = await pend();
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "second" });
  expect(await refusal({ transaction_id, ledger: "second" })).toMatchObject({ code: "LDTXN" });
});
