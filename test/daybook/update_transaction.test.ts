import { afterEach, describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Row } from "../support/use-books.ts";

// Before the test is rolled back: hooks run in the order in which they are defined.
afterEach(async () => expect(await books.violations()).toEqual([]));

const books = useBooks();
const THEN = new Date("2020-01-01T00:00:00Z");
const LATER = new Date("2021-01-01T00:00:00Z");
const pend = (args: object = {}) =>
  books.create(move("alice", "bob", 100), { status: "pending", ...args });
const refusal = ({ transaction_id }: Row, args: object) =>
  books.refusal("update_transaction", { transaction_id, ...args });
const rowsOf = async (account: string) =>
  (await books.entriesOf(account)).map((row) => [
    row["effect"],
    row["transaction_version"],
    row["amount"],
    row["effective_at"],
  ]);
const covered = { available_balance: { gte: 0 } };

describe("entries", () => {
  test("replace what is pending: the old ones are released, the new ones pending, in one version", async () => {
    const transaction = await pend({ effective_at: THEN, description: "d", external_id: "x" });
    expect(await books.update(transaction, { entries: move("alice", "carol", 60) })).toEqual({
      ...transaction,
      version: 2,
    });
    expect(await books.transaction(transaction["transaction_id"])).toMatchObject({
      status: "pending",
      version: 2,
      effective_at: THEN,
      description: "d",
      external_id: "x",
      posted_at: null,
      archived_at: null,
    });
    expect(await rowsOf("alice")).toEqual([
      ["pending", 1, "100", THEN],
      ["released", 2, "100", THEN],
      ["pending", 2, "60", THEN],
    ]);
    expect(await books.linesOf(transaction)).toEqual([
      { position: 1, account: "alice", direction: "debit", amount: "60", effect: "pending" },
      { position: 2, account: "carol", direction: "credit", amount: "60", effect: "pending" },
    ]);
    const balances = await books.all("account_balances", { accounts: ["alice", "bob", "carol"] });
    expect(balances.map((b) => [b["pending_amount"], b["posted_amount"]])).toEqual([
      ["-60", "0"],
      ["0", "0"],
      ["60", "0"],
    ]);
  });

  test("may be more, of other currencies, on both sides of an account", async () => {
    const transaction = await pend();
    await books.update(transaction, {
      entries: [
        debit("alice", 5),
        credit("alice", 2, { metadata: { fee: true } }),
        credit("bob", 3),
        debit("euro-cash", 7),
        credit("euro", 7),
      ],
    });
    expect(await books.linesOf(transaction)).toHaveLength(5);
    expect(await books.balance("alice")).toMatchObject({
      pending_debits: "5",
      pending_credits: "2",
    });
    const [line] = await books.query(
      "select metadata from daybook.current_entries where transaction_id = $1 and position = 2",
      [transaction["transaction_id"]],
    );
    expect(line).toEqual({ metadata: { fee: true } });
  });

  test("may be replaced again and again, and are then posted or archived as they are", async () => {
    for (const end of ["post", "archive"] as const) {
      const transaction = await pend();
      for (const amount of [60, 70, 80]) {
        await books.update(transaction, { entries: move("carol", "bob", amount) });
      }
      expect(await books[end](transaction)).toMatchObject({ version: 5 });
      expect(await books.linesOf(transaction)).toMatchObject([
        { account: "carol", amount: "80" },
        { account: "bob", amount: "80" },
      ]);
    }
    expect(await books.balance("carol")).toMatchObject({
      pending_debits: "80",
      lock_version: "12",
    });
  });

  test("take the effective time that is given with them, the released ones keep theirs", async () => {
    const transaction = await pend({ effective_at: THEN });
    await books.update(transaction, { entries: move("alice", "bob", 60), effective_at: LATER });
    expect(await rowsOf("alice")).toEqual([
      ["pending", 1, "100", THEN],
      ["released", 2, "100", THEN],
      ["pending", 2, "60", LATER],
    ]);
    expect(await books.heldAt("alice", THEN)).toBe(0);
    expect(await books.heldAt("alice", LATER)).toBe(60);
  });

  test.each(["1e35", "9".repeat(36)])("of %s are exact", async (amount) => {
    const transaction = await pend();
    await books.update(transaction, { entries: move("alice", "bob", amount) });
    const exact = BigInt(Number(amount) === 1e35 ? "1" + "0".repeat(35) : amount).toString();
    expect(await books.balance("bob")).toMatchObject({ pending_credits: exact });
    await books.update(transaction, { entries: move("alice", "bob", "1.00") });
    expect(await books.balance("bob")).toMatchObject({ pending_credits: "1" });
  });
});

describe("an effective time alone", () => {
  test("releases the entries where they were and writes them where they belong now, as they were", async () => {
    const entries = [
      debit("alice", 40, { available_balance: { gte: -40 }, metadata: { n: 1 } }),
      credit("bob", 40),
    ];
    const transaction = await pend({ entries, effective_at: THEN });
    expect(await books.update(transaction, { effective_at: LATER })).toMatchObject({ version: 2 });
    expect(await rowsOf("alice")).toEqual([
      ["pending", 1, "40", THEN],
      ["released", 2, "40", THEN],
      ["pending", 2, "40", LATER],
    ]);
    const [, , last] = await books.entriesOf("alice");
    expect(last).toMatchObject({ position: 1, metadata: { n: 1 }, locked: true });
    expect(await books.transaction(transaction["transaction_id"])).toMatchObject({
      effective_at: LATER,
    });
    expect([await books.heldAt("bob", THEN), await books.heldAt("bob", LATER)]).toEqual([0, -40]);
  });

  test("that it has already makes a version and no entries", async () => {
    const transaction = await pend({ effective_at: THEN });
    expect(await books.update(transaction, { effective_at: THEN })).toMatchObject({ version: 2 });
    expect(await books.entriesOf("alice")).toHaveLength(1);
  });

  test("checks no condition, limit or closed account again", async () => {
    const entries = move("alice", "bob", 100, { posted_balance: { gte: 0 }, lock_version: 0 });
    const transaction = await pend({ entries });
    await books.create(move("alice", "carol", 500));
    await books.call("set_account_limits", { address: "alice", balance_min: 0 });
    await books.call("close_account", { address: "bob" });
    expect(await books.update(transaction, { effective_at: LATER })).toMatchObject({ version: 2 });
  });
});

test("a description or an expiry alone change nothing else", async () => {
  const expires_at = new Date(Date.now() + 60_000);
  const transaction = await pend({ description: "first", effective_at: THEN });
  await books.update(transaction, { expires_at });
  await books.update(transaction, { description: "second" });
  expect(await books.update(transaction, { description: "" })).toMatchObject({ version: 4 });
  expect(await books.transaction(transaction["transaction_id"])).toMatchObject({
    description: "",
    expires_at,
    effective_at: THEN,
    version: 4,
  });
  expect(await books.entriesOf("alice")).toHaveLength(1);
});

test("what is null stays", async () => {
  const expires_at = new Date(Date.now() + 60_000);
  const transaction = await pend({ description: "d", expires_at, effective_at: THEN });
  const entries = move("alice", "bob", 5);
  await books.update(transaction, {
    entries,
    description: null,
    expires_at: null,
    effective_at: null,
    expected_version: null,
    category_locks: null,
  });
  expect(await books.transaction(transaction["transaction_id"])).toMatchObject({
    description: "d",
    expires_at,
    effective_at: THEN,
  });
});

const of30 = (bounds: object) => ({ entries: move("alice", "bob", 30, bounds) });

describe("conditions of the new entries", () => {
  test("see the balance after everything: what is released is free again", async () => {
    await books.create(move("cash", "alice", 100));
    const transaction = await pend({ entries: move("alice", "bob", 80, covered) });
    const refused = await refusal(transaction, { entries: move("alice", "bob", 101, covered) });
    expect(refused).toMatchObject({
      code: "LDBAL",
      detail: { index: 1, account: "alice", balance: "available_balance", actual: "-1" },
    });
    await books.update(transaction, { entries: move("alice", "bob", 100, covered) });
    expect(await books.balance("alice")).toMatchObject({ available_amount: "0" });
  });

  test("see their own holds counted, and both pending and posted balances", async () => {
    const transaction = await pend();
    expect(await refusal(transaction, of30({ pending_balance: { not_eq: -30 } }))).toMatchObject({
      code: "LDBAL",
      detail: { balance: "pending_balance", actual: "-30" },
    });
    expect(await refusal(transaction, of30({ posted_balance: { gt: 0 } }))).toMatchObject({
      code: "LDBAL",
      detail: { balance: "posted_balance", actual: "0" },
    });
    await books.update(
      transaction,
      of30({ pending_balance: { eq: -30 }, posted_balance: { eq: 0 } }),
    );
  });

  test("of several entries are judged where the account ends up; the lowest index is named", async () => {
    const transaction = await pend();
    const entries = [
      credit("bob", 10),
      debit("alice", 4, { pending_balance: { gte: -9 } }),
      debit("alice", 6, { pending_balance: { gte: -9 } }),
    ];
    expect(await refusal(transaction, { entries })).toMatchObject({
      code: "LDBAL",
      detail: { index: 2, actual: "-10" },
    });
  });

  test("lock_version is the account's just before the change", async () => {
    const transaction = await pend();
    const refused = await refusal(transaction, {
      entries: move("alice", "bob", 5, { lock_version: 0 }),
    });
    expect(refused).toMatchObject({ code: "LDVER", detail: { index: 1, account: "alice" } });
    expect(Number(refused.detail["actual"])).toBe(1);
    await books.update(transaction, {
      entries: [
        debit("alice", 2, { lock_version: 1 }),
        debit("alice", 3, { lock_version: 1 }),
        credit("bob", 5, { lock_version: 1 }),
      ],
    });
    expect(await books.balance("alice")).toMatchObject({ lock_version: "4" });
  });

  test("the balances that were asked for are those after the change", async () => {
    const transaction = await pend();
    const entries = move("alice", "bob", 5, { show_resulting_balances: true });
    expect(await books.update(transaction, { entries })).toMatchObject({
      balances: [{ account: "alice", pending_amount: -5, lock_version: 3 }],
    });
  });
});

describe("a limit", () => {
  test("of the available balance refuses only what takes more than was held", async () => {
    const transaction = await pend();
    await books.call("set_account_limits", { address: "alice", balance_min: 0 });
    expect(await refusal(transaction, { entries: move("alice", "bob", 101) })).toMatchObject({
      code: "LDLIM",
      detail: { index: 1, account: "alice", balance_min: "0", actual: "-101" },
    });
    await books.update(transaction, { entries: move("alice", "bob", 100) });
    await books.update(transaction, { entries: move("alice", "bob", 99) });
    expect(await refusal(transaction, { entries: move("alice", "bob", 100) })).toMatchObject({
      code: "LDLIM",
    });
  });

  test("of the expected balance likewise", async () => {
    const transaction = await pend();
    await books.call("set_account_limits", { address: "bob", balance_max: 90 });
    expect(await refusal(transaction, { entries: move("alice", "bob", 101) })).toMatchObject({
      code: "LDLIM",
      detail: { index: 2, account: "bob", balance_max: "90", actual: "101" },
    });
    await books.update(transaction, { entries: move("alice", "bob", 95) });
  });
});

describe("a closed account", () => {
  test("takes no new entries, not even those that it has", async () => {
    const transaction = await pend();
    await books.call("close_account", { address: "bob" });
    expect(await refusal(transaction, { entries: move("alice", "bob", 100) })).toMatchObject({
      code: "LDCLS",
      detail: { index: 2, account: "bob" },
    });
  });

  test("may be left by other entries, and does not mind a description", async () => {
    const transaction = await pend();
    await books.call("close_account", { address: "bob" });
    await books.update(transaction, { description: "moved" });
    await books.update(transaction, { entries: move("alice", "carol", 100) });
    expect(await books.balance("bob")).toMatchObject({ pending_amount: "0" });
  });
});

describe("expected_version", () => {
  test("the right one passes, another is LDVER with the actual one", async () => {
    const transaction = await pend();
    const { transaction_id } = transaction;
    await books.update(transaction, { description: "a", expected_version: 1 });
    expect(await refusal(transaction, { description: "b", expected_version: 1 })).toMatchObject({
      code: "LDVER",
      detail: { transaction_id, expected_version: 1, actual: 2 },
    });
    await books.update(transaction, { description: "b", expected_version: 2 });
  });
});

test("what is posted, archived or expired is LDSTA, and says which", async () => {
  const posted = await books.create(move("alice", "bob", 1));
  const archived = await pend();
  await books.archive(archived);
  const expired = await pend({ expires_at: new Date(Date.now() + 60_000) });
  await books.lapse(expired);
  const more = { expires_at: new Date(Date.now() + 60_000) };
  for (const [status, transaction] of Object.entries({ posted, archived, expired })) {
    for (const change of [{ description: "x" }, more, { entries: move("alice", "bob", 1) }]) {
      expect(await refusal(transaction, change)).toMatchObject({
        code: "LDSTA",
        detail: { status, transaction_id: transaction["transaction_id"] },
      });
    }
  }
});

describe("with an idempotency key", () => {
  const show = { show_resulting_balances: true };
  const asked = {
    entries: move("alice", "bob", 60, show),
    effective_at: THEN,
    description: "d",
    expires_at: new Date(Date.now() + 3_600_000),
    idempotency_key: "u",
    expected_version: 1,
  };

  test("a repeated call returns what the first returned, whatever has happened since", async () => {
    const transaction = await pend();
    const first = await books.update(transaction, asked);
    expect(first).toMatchObject({ version: 2, balances: [{ pending_amount: -60 }] });
    const replay = { ...first, replayed: true };
    await books.update(transaction, { entries: move("alice", "bob", 70) });
    expect(await books.update(transaction, asked)).toEqual(replay);
    await books.post(transaction);
    await books.call("close_account", { address: "alice" });
    const traces = await books.traces();
    expect(await books.update(transaction, asked)).toEqual(replay);
    expect(await books.traces()).toEqual(traces);
  });

  test("the version is that of the call, not always the second", async () => {
    const transaction = await pend();
    await books.update(transaction, { description: "a" });
    const key = { description: "b", idempotency_key: "k" };
    await books.update(transaction, key);
    await books.update(transaction, { description: "c" });
    expect(await books.update(transaction, key)).toMatchObject({ version: 3, replayed: true });
  });

  test("a replay stays one when the expiry that was asked for has come", async () => {
    const transaction = await pend();
    const soon = { expires_at: new Date(Date.now() + 500), idempotency_key: "k" };
    await books.update(transaction, soon);
    await books.query("select pg_sleep_until($1)", [soon.expires_at]);
    expect(await books.update(transaction, soon)).toMatchObject({ version: 2, replayed: true });
  });

  test.each<[string, object]>([
    ["other entries", { entries: move("alice", "bob", 61, show) }],
    ["other conditions", { entries: move("alice", "bob", 60, { ...show, lock_version: 1 }) }],
    ["another order", { entries: move("alice", "bob", 60, show).toReversed() }],
    ["no entries", { entries: undefined }],
    ["another effective time", { effective_at: LATER }],
    ["no effective time", { effective_at: null }],
    ["another description", { description: "e" }],
    ["no description", { description: null }],
    ["another expiry", { expires_at: new Date(Date.now() + 7_200_000) }],
    ["another version", { expected_version: 2 }],
    ["category locks, though none", { category_locks: "{}" }],
  ])("%s: LDIDM", async (_, other) => {
    const transaction = await pend();
    await books.update(transaction, asked);
    const { transaction_id } = transaction;
    expect(await refusal(transaction, { ...asked, ...other })).toMatchObject({
      code: "LDIDM",
      detail: { idempotency_key: "u", operation: "update_transaction", transaction_id },
    });
  });

  test("another transaction or operation: LDIDM", async () => {
    const transaction = await pend();
    const key = { idempotency_key: "u" };
    const same = { description: "d", ...key };
    await books.update(transaction, same);
    expect(await refusal(await pend(), same)).toMatchObject({ code: "LDIDM" });
    const { transaction_id } = transaction;
    for (const operation of ["post_transaction", "archive_transaction"]) {
      expect(await books.refusal(operation, { transaction_id, ...key })).toMatchObject({
        code: "LDIDM",
      });
    }
  });

  test("the same amounts and times written otherwise are the same request", async () => {
    const transaction = await pend();
    await books.update(transaction, { ...asked, effective_at: "2020-01-01T00:00:00Z" });
    const again = {
      ...asked,
      entries: move("alice", "bob", "60.00", show),
      effective_at: "2020-01-01T01:00:00+01:00",
    };
    expect(await books.update(transaction, again)).toMatchObject({ replayed: true });
  });

  test("a refused call keeps nothing and may be repeated", async () => {
    const transaction = await pend();
    const traces = await books.traces();
    const entries = move("alice", "bob", 60, covered);
    const call = { entries, idempotency_key: "u" };
    expect(await refusal(transaction, call)).toMatchObject({ code: "LDBAL" });
    expect(await books.traces()).toEqual(traces);
    await books.create(move("cash", "alice", 60));
    expect(await books.update(transaction, call)).toMatchObject({ replayed: false });
  });
});

test("the change is logged with what was asked", async () => {
  const transaction = await pend({ effective_at: THEN });
  await books.query("select set_config('daybook.request_id', 'r-1', true)");
  await books.update(transaction, { entries: move("alice", "bob", 5), description: "d" });
  const [record] = await books.query(
    "select * from daybook.log where transaction_id = $1 and kind = 'update_transaction'",
    [transaction["transaction_id"]],
  );
  expect(record).toMatchObject({ actor: "test_writer", request_id: "r-1", account_id: null });
  expect(record!["data"]).toMatchObject({
    version: 2,
    description: "d",
    effective_at: THEN.toISOString().replace("Z", "+00:00").replace(".000", ""),
    entries: [{ account: "alice", amount: 5 }, { account: "bob" }],
  });
  expect(record!["data"]).not.toHaveProperty("expires_at");
});

describe("LDARG", () => {
  const unchanged = { argument: "entries" };
  test.each<[object, object]>([
    [{}, unchanged],
    [{ expected_version: 1 }, unchanged],
    [{ idempotency_key: "k" }, unchanged],
    [{ entries: [] }, unchanged],
    [{ entries: [debit("alice", 1)] }, unchanged],
    [{ entries: Array.from({ length: 1001 }, () => debit("alice", 1)) }, unchanged],
    [{ transaction_id: null, description: "d" }, { argument: "transaction_id" }],
    [{ description: "d", expected_version: 0 }, { argument: "expected_version" }],
    [{ description: "d", idempotency_key: "" }, { argument: "idempotency_key" }],
    [{ description: "x".repeat(1001) }, { argument: "description" }],
    [{ effective_at: "infinity" }, { argument: "effective_at" }],
    [{ effective_at: "-infinity" }, { argument: "effective_at" }],
    [{ expires_at: "infinity" }, { argument: "expires_at" }],
    [{ expires_at: "2020-01-01T00:00:00Z" }, { argument: "expires_at" }],
    [{ entries: [debit("alice", 1), credit(null, 1)] }, { argument: "account", index: 2 }],
    [{ entries: [debit("alice", null), credit("bob", 1)] }, { argument: "amount", index: 1 }],
    [
      { entries: move("alice", "bob", 1, { posted_balance: { gte: "0.5" } }) },
      { argument: "posted_balance", index: 1 },
    ],
  ])("%#", async (args, detail) => {
    expect(await refusal(await pend(), args)).toMatchObject({ code: "LDARG", detail });
  });
});

test.each(["0", "-1", "0.5", "1e36", "NaN", "Infinity"])(
  "an amount of %s is LDAMT",
  async (amount) => {
    const entries = [debit("alice", 1), credit("bob", amount)];
    expect(await refusal(await pend(), { entries })).toMatchObject({
      code: "LDAMT",
      detail: { index: 2 },
    });
  },
);

const updateShifted = (
  bound: number,
) => `select (daybook.update_transaction('main', $1, ('[5:6]=' || array[
  daybook.credit('bob', 5),
  daybook.debit('alice', 5, pending_balance => daybook.gte(${bound}))]::text)::daybook.entry_input[])).version`;

test("entries are counted from 1, wherever the caller's array begins", async () => {
  const transaction = await pend();
  const { transaction_id } = transaction;
  const refused = await books.refused(() => books.query(updateShifted(-4), [transaction_id]));
  expect(refused).toMatchObject({ code: "LDBAL", detail: { index: 2, account: "alice" } });
  expect(await books.query(updateShifted(-5), [transaction_id])).toEqual([{ version: 2 }]);
  expect(await books.linesOf(transaction)).toMatchObject([
    { position: 1, account: "bob" },
    { position: 2, account: "alice" },
  ]);
});
