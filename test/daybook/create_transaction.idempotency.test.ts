import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { credit, debit, move, useBooks, type Entry } from "../support/use-books.ts";

const books = useBooks();
const key = { idempotency_key: "k" };
const reused = { code: "LDIDM", detail: { idempotency_key: "k" } };

test("a replay returns what the first call returned, and does nothing", async () => {
  const first = await books.create(move("alice", "bob", 100), key);
  const traces = await books.traces();
  expect(await books.create(move("alice", "bob", 100), key)).toEqual({ ...first, replayed: true });
  expect(await books.traces()).toEqual(traces);
});

test("nothing is checked again: closed, outside of limits, at another version, expired", async () => {
  const args = {
    ...key,
    status: "pending",
    external_id: "x",
    expires_at: new Date(Date.now() + 200).toISOString(),
  };
  const entries = move("alice", "bob", 100, {
    lock_version: 0,
    available_balance: { eq: -100 },
  });
  const first = await books.create(entries, args);
  await books.call("set_account_limits", { address: "alice", balance_min: 0 });
  await books.call("close_account", { address: "alice" });
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(await books.create(entries, args)).toEqual({ ...first, replayed: true });
});

test("a replay says what the first call said, whatever became of the transaction", async () => {
  const args = { ...key, status: "pending" };
  const first = await books.create(move("alice", "bob", 100), args);
  await books.archive(first);
  expect(await books.create(move("alice", "bob", 100), args)).toEqual({ ...first, replayed: true });
});

const write = async (amount: string, at: string, metadata: string, zone = "UTC") => {
  await books.query(`set local timezone to '${zone}'`);
  const [row] = await books.query(
    `select r.* from daybook.create_transaction('main', array[
       daybook.debit('alice', ${amount}, available_balance => daybook.gte(-${amount}), metadata => $1),
       daybook.credit('bob', ${amount})],
       effective_at => $2, metadata => $1, idempotency_key => 'k') r`,
    [metadata, at],
  );
  return row;
};

describe("the same request, written differently", () => {
  test.each([
    ["100 and 100.00", ["100.00", "2026-01-01 12:00+00", '{"a": 1, "b": 2}']],
    ["the order of keys and numbers in JSON", ["100", "2026-01-01 12:00+00", '{"b":2.0,"a":1}']],
    ["an instant in another zone", ["100", "2026-01-01 14:00+02", '{"a": 1, "b": 2}']],
    [
      "an instant in another session's zone",
      ["100", "2026-01-01 17:30", '{"a": 1, "b": 2}', "Asia/Kolkata"],
    ],
  ])("%s", async (_, again) => {
    const first = await write("100", "2026-01-01 12:00+00", '{"a": 1, "b": 2}');
    const [amount, at, metadata, zone] = again as [string, string, string, string?];
    expect(await write(amount, at, metadata, zone)).toMatchObject({
      replayed: true,
      transaction_id: first!["transaction_id"],
    });
  });

  test("dry_run is left out", async () => {
    const first = await books.create(move("alice", "bob", 1), key);
    const again = await books.create(move("alice", "bob", 1), { ...key, dry_run: true });
    expect(again).toEqual({ ...first, replayed: true });
    expect(await books.create(move("alice", "bob", 1), { ...key, dry_run: false })).toMatchObject({
      replayed: true,
    });
  });
});

const bounded = (balance: string, bound: string) =>
  move("alice", "bob", 1, { [balance]: { [bound]: -5 } });

describe("a different request is LDIDM", () => {
  const entries = move("alice", "bob", 1, { metadata: { a: 1 } });
  const args = { ...key, status: "pending", description: "d", metadata: { a: 1 } };

  test.each<[string, object]>([
    ["status", { status: "posted" }],
    ["status left out", { status: null }],
    ["effective_at", { effective_at: "2026-01-01T00:00:00Z" }],
    ["external_id", { external_id: "x" }],
    ["description", { description: "D" }],
    ["description left out", { description: null }],
    ["empty description", { description: "" }],
    ["metadata", { metadata: { a: 2 } }],
    ["metadata left out", { metadata: null }],
    ["empty metadata", { metadata: {} }],
    ["archive_on_lock_failure", { archive_on_lock_failure: true }],
    ["archive_on_lock_failure said", { archive_on_lock_failure: false }],
    ["expires_at", { expires_at: "2999-01-01T00:00:00Z" }],
  ])("%s", async (_, change) => {
    await books.create(entries, args);
    expect(await books.createRefused(entries, { ...args, ...change })).toMatchObject(reused);
  });

  test("a status that is said and one that is the default: null stays null", async () => {
    await books.create(entries, key);
    expect(await books.createRefused(entries, { ...key, status: "posted" })).toMatchObject(reused);
  });

  test.each([
    ["another amount", move("alice", "bob", 2, { metadata: { a: 1 } })],
    ["another account", move("alice", "carol", 1, { metadata: { a: 1 } })],
    ["the accounts swapped", move("bob", "alice", 1, { metadata: { a: 1 } })],
    ["only the directions swapped", [credit("alice", 1, { metadata: { a: 1 } }), debit("bob", 1)]],
    ["another order", entries.toReversed()],
    ["two more entries", [...entries, ...entries]],
    ["other metadata", move("alice", "bob", 1, { metadata: { a: 2 } })],
    ["no metadata", move("alice", "bob", 1)],
    ["a version", move("alice", "bob", 1, { metadata: { a: 1 }, lock_version: 0 })],
    ["a bound", move("alice", "bob", 1, { metadata: { a: 1 }, posted_balance: { gte: -9 } })],
    ["balances", move("alice", "bob", 1, { metadata: { a: 1 }, show_resulting_balances: true })],
    [
      "balances said not to be shown",
      move("alice", "bob", 1, { metadata: { a: 1 }, show_resulting_balances: false }),
    ],
    [
      "empty metadata of the other entry, which had none",
      [debit("alice", 1, { metadata: { a: 1 } }), credit("bob", 1, { metadata: {} })],
    ],
    [
      "an entry's metadata on the other entry",
      [debit("alice", 1), credit("bob", 1, { metadata: { a: 1 } })],
    ],
  ])("%s", async (_, other) => {
    await books.create(entries, args);
    const traces = await books.traces();
    expect(await books.createRefused(other, args)).toMatchObject(reused);
    expect(await books.traces()).toEqual(traces);
  });

  test("the same bound on another balance, or another bound of the same number", async () => {
    await books.create(bounded("posted_balance", "gte"), key);
    expect(await books.createRefused(bounded("pending_balance", "gte"), key)).toMatchObject(reused);
    expect(await books.createRefused(bounded("posted_balance", "gt"), key)).toMatchObject(reused);
  });
});

describe("no part of a request hides another from the comparison", () => {
  const BALANCES = ["pending_balance", "posted_balance", "available_balance"];
  const places = BALANCES.flatMap((balance) =>
    ["gt", "gte", "eq", "not_eq", "lte", "lt"].map((bound) => ({ balance, bound })),
  );
  const conditions: Record<string, number> = {
    gt: -9,
    gte: -9,
    eq: -1,
    not_eq: -9,
    lte: 9,
    lt: 9,
  };

  test.each(places)("a bound $bound on the $balance", async ({ balance, bound }) => {
    // A pending transaction leaves the posted balance at 0.
    const number = bound === "eq" && balance === "posted_balance" ? 0 : conditions[bound];
    const boundedAt = (place: (typeof places)[number]) =>
      move("alice", "bob", 1, { [place.balance]: { [place.bound]: number } });
    await books.create(boundedAt({ balance, bound }), { ...key, status: "pending" }).catch(() => {
      throw new Error("the first call is to pass");
    });
    const others = places.filter((place) => place.balance !== balance || place.bound !== bound);
    const taken = [];
    for (const other of others) {
      const attempt = books.createRefused(boundedAt(other), { ...key, status: "pending" });
      const code = await attempt.then((refusal) => refusal.code).catch(() => "replayed");
      if (code !== "LDIDM") taken.push({ ...other, code });
    }
    expect(taken).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["{}", {}],
    ["an object with an empty list", { a: [] }],
    ["an object", { a: 1 }],
  ])("the last entry's metadata %s", async (_, metadata) => {
    const request = (amount: number, to = "bob") => [
      debit("alice", amount),
      credit(to, amount, { metadata }),
    ];
    await books.create(request(1), key);
    expect(await books.createRefused(request(2), key)).toMatchObject(reused);
    expect(await books.createRefused(request(1, "carol"), key)).toMatchObject(reused);
    expect(await books.createRefused(request(1), { ...key, status: "pending" })).toMatchObject(
      reused,
    );
  });

  test.each<[string, unknown, unknown]>([
    ["where a list ends", { a: [[1], 2] }, { a: [[1, 2]] }],
    ["how deep a list is", { a: [1] }, { a: [[[1]]] }],
    ["where an object ends", { a: { b: 1 }, c: 2 }, { a: { b: 1, c: 2 } }],
    ["an empty list and none", { a: 1, b: [] }, { a: 1, b: {} }],
    ["null and absent", { a: 1, b: null }, { a: 1 }],
    ["a number and its text", { a: 1 }, { a: "1" }],
    ["true and 1", { a: true }, { a: 1 }],
  ])("metadata: %s", async (_, metadata, other) => {
    await books.create(move("alice", "bob", 1), { ...key, metadata });
    expect(
      await books.createRefused(move("alice", "bob", 1), { ...key, metadata: other }),
    ).toMatchObject(reused);
    await books.create(move("alice", "bob", 1, { metadata }), { idempotency_key: "entry" });
    expect(
      await books.createRefused(move("alice", "bob", 1, { metadata: other }), {
        idempotency_key: "entry",
      }),
    ).toMatchObject({ code: "LDIDM" });
  });
});

const canonical = (list: Entry[]) =>
  list.map((one) => `${one.account} ${one.direction} ${Number(one.amount)}`).join();

test("any other list of entries is told apart, however alike", async () => {
  const first = [debit("alice", 1), credit("bob", 2), debit("carol", 3), credit("alice", 2)];
  await books.create(first, key);
  const entry = fc.record({
    account: fc.constantFrom("alice", "bob", "carol"),
    direction: fc.constantFrom("debit" as const, "credit" as const),
    amount: fc.constantFrom(1, 2, 3, 10000, "2.00"),
  });
  const alike = fc.shuffledSubarray(first, { minLength: 2 });
  const lists = fc.oneof(alike, fc.array(entry, { minLength: 2, maxLength: 5 }));
  const property = fc.asyncProperty(lists, async (list) => {
    const isSame = canonical(list) === canonical(first);
    if (isSame) expect(await books.create(list, key)).toMatchObject({ replayed: true });
    else expect(await books.createRefused(list, key)).toMatchObject(reused);
  });
  await fc.assert(property, { numRuns: 400 });
});

test("a key is shared by all operations", async () => {
  const { transaction_id } = await books.create(move("alice", "bob", 1), {
    ...key,
    status: "pending",
  });
  for (const name of ["post_transaction", "archive_transaction"]) {
    expect(await books.refusal(name, { transaction_id, ...key })).toMatchObject({
      ...reused,
      detail: { operation: "create_transaction", transaction_id },
    });
  }
  await books.call("post_transaction", { transaction_id, idempotency_key: "p" });
  expect(
    await books.createRefused(move("alice", "bob", 1), { idempotency_key: "p" }),
  ).toMatchObject({ code: "LDIDM" });
  expect(
    await books.refusal("archive_transaction", { transaction_id, idempotency_key: "p" }),
  ).toMatchObject({ code: "LDIDM" });
});

test("a key is of one ledger", async () => {
  await books.create(move("alice", "bob", 1), key);
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "second" });
  for (const address of ["alice", "bob"]) await books.open(address, { ledger: "second" });
  expect(await books.create(move("alice", "bob", 1), { ...key, ledger: "second" })).toMatchObject({
    replayed: false,
    ledger: "second",
  });
});

test("keys are told apart by case, by blanks and by accents", async () => {
  for (const other of ["K", "k ", " k", "ḱ"]) {
    expect(await books.create(move("alice", "bob", 1), { idempotency_key: other })).toMatchObject({
      replayed: false,
    });
  }
});

test("a refused call stores nothing and may be repeated", async () => {
  const attempt = move("alice", "bob", 5, { available_balance: { gte: 0 } });
  expect(await books.createRefused(attempt, key)).toMatchObject({ code: "LDBAL" });
  await books.create(move("carol", "alice", 5));
  expect(await books.create(attempt, key)).toMatchObject({ status: "posted", replayed: false });
});

test("without access a known key says nothing", async () => {
  await books.create(move("alice", "bob", 1), key);
  await books.be("test_admin");
  await books.call("revoke_ledger_access", { role: "test_writer" });
  await books.be("test_writer");
  expect(await books.createRefused(move("alice", "bob", 1), key)).toMatchObject({ code: "42501" });
});

test("keys are kept for a day at least and purged after their retention", async () => {
  await books.create(move("alice", "bob", 1), key);
  const purge = (retention: string) =>
    books.look("select daybook_private.purge_idempotency_keys($1) as n", [retention]);
  const age = (interval: string) =>
    books.look(
      `update daybook_private.idempotency_keys set created_at = now() - interval '${interval}'`,
    );
  await age("23 hours 59 minutes");
  expect(await purge("0")).toEqual([{ n: "0" }]);
  await age("25 hours");
  expect(await purge("30 days")).toEqual([{ n: "0" }]);
  expect(await purge("1 hour")).toEqual([{ n: "1" }]);
  expect(await books.create(move("alice", "bob", 1), key)).toMatchObject({ replayed: false });
});

test("a key that the first release stored is known by its operation: its requests were hashed in another way", async () => {
  const first = await books.create(move("alice", "bob", 1), key);
  await books.look(
    "update daybook_private.idempotency_keys set hash_version = 1, request_hash = request_hash + 1",
  );
  expect(await books.create(move("alice", "bob", 1), key)).toEqual({ ...first, replayed: true });
  const transaction = await books.create(move("alice", "bob", 1), { status: "pending" });
  expect(
    await books.refusal("post_transaction", {
      ...key,
      transaction_id: transaction["transaction_id"],
    }),
  ).toMatchObject({ code: "LDIDM" });
});
