import { afterEach, describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Row } from "../support/use-books.ts";

// Before the test is rolled back: hooks run in the order in which they are defined.
afterEach(async () => expect(await books.violations()).toEqual([]));

const books = useBooks();
const THEN = new Date("2020-01-01T00:00:00Z");
const LATER = new Date("2021-01-01T00:00:00Z");
const pend = (args: object = {}) =>
  books.create(move("alice", "bob", 100), { status: "pending", effective_at: THEN, ...args });
const refusal = ({ transaction_id }: Row, args: object) =>
  books.refusal("post_transaction", { transaction_id, ...args });
const rowsOf = async (account: string) =>
  (await books.entriesOf(account)).map((row) => [
    row["effect"],
    row["transaction_version"],
    row["amount"],
    row["effective_at"],
  ]);
const covered = { available_balance: { gte: 0 } };

describe("entries", () => {
  test("take the place of the pending ones, which are released", async () => {
    const transaction = await pend({ external_id: "x", description: "d" });
    expect(await books.post(transaction, { entries: move("alice", "carol", 60) })).toEqual({
      ...transaction,
      status: "posted",
      version: 2,
    });
    expect(await books.transaction(transaction["transaction_id"])).toMatchObject({
      status: "posted",
      version: 2,
      effective_at: THEN,
      external_id: "x",
      description: "d",
      archived_at: null,
    });
    expect(await rowsOf("alice")).toEqual([
      ["pending", 1, "100", THEN],
      ["released", 2, "100", THEN],
      ["posted", 2, "60", THEN],
    ]);
    expect(await rowsOf("bob")).toEqual([
      ["pending", 1, "100", THEN],
      ["released", 2, "100", THEN],
    ]);
    expect(await books.linesOf(transaction)).toEqual([
      { position: 1, account: "alice", direction: "debit", amount: "60", effect: "posted" },
      { position: 2, account: "carol", direction: "credit", amount: "60", effect: "posted" },
    ]);
    const balances = await books.all("account_balances", { accounts: ["alice", "bob", "carol"] });
    expect(balances.map((b) => [b["pending_amount"], b["posted_amount"]])).toEqual([
      ["-60", "-60"],
      ["0", "0"],
      ["60", "60"],
    ]);
  });

  test("may be more than was held, of other currencies, with their own metadata", async () => {
    const transaction = await pend();
    await books.post(transaction, {
      entries: [
        ...move("alice", "bob", 500, { metadata: { tip: true } }),
        debit("euro-cash", 3),
        credit("euro", 3),
      ],
    });
    expect(await books.linesOf(transaction)).toHaveLength(4);
    const [, , posted] = await books.entriesOf("alice");
    expect(posted).toMatchObject({ effect: "posted", amount: "500", metadata: { tip: true } });
  });

  test("with an effective time are posted there; the hold is released where it was", async () => {
    const transaction = await pend();
    await books.post(transaction, { entries: move("alice", "bob", 60), effective_at: LATER });
    expect(await rowsOf("alice")).toEqual([
      ["pending", 1, "100", THEN],
      ["released", 2, "100", THEN],
      ["posted", 2, "60", LATER],
    ]);
    expect(await books.transaction(transaction["transaction_id"])).toMatchObject({
      effective_at: LATER,
    });
  });
});

describe("an effective time alone", () => {
  test("posts the entries there as they are, and releases the hold where it was", async () => {
    const entries = [
      debit("alice", 100, { pending_balance: { gte: -100 }, metadata: { n: 1 } }),
      credit("bob", 100),
    ];
    const transaction = await pend();
    await books.update(transaction, { entries });
    await books.post(transaction, { effective_at: LATER });
    expect((await rowsOf("alice")).slice(3)).toEqual([
      ["released", 3, "100", THEN],
      ["posted", 3, "100", LATER],
    ]);
    expect((await books.entriesOf("alice"))[4]).toMatchObject({
      metadata: { n: 1 },
      locked: true,
      position: 1,
    });
    expect(await books.heldAt("alice", THEN)).toBe(0);
    expect(await books.heldAt("alice", LATER)).toBe(100);
    expect((await books.linesOf(transaction)).map((line) => line["effect"])).toEqual([
      "posted",
      "posted",
    ]);
  });

  test("that it has already settles the entries where they are", async () => {
    const transaction = await pend();
    await books.post(transaction, { effective_at: THEN });
    expect(await rowsOf("alice")).toEqual([
      ["pending", 1, "100", THEN],
      ["settled", 2, "100", THEN],
    ]);
  });
});

const limit = (address: string, limits: object) =>
  books.call("set_account_limits", { address, ...limits });

describe("limits", () => {
  test("that held when it was made never refuse a posting, whatever has happened since", async () => {
    await limit("alice", { balance_min: -100 });
    await limit("bob", { balance_max: 100 });
    const transactions = [await pend()];
    await limit("alice", { balance_min: 1000 });
    await limit("bob", { balance_max: -1000 });
    for (const transaction of transactions) await books.post(transaction);
  });

  test("do not refuse another effective time", async () => {
    const transaction = await pend();
    await limit("alice", { balance_min: 1000 });
    expect(await books.post(transaction, { effective_at: LATER })).toMatchObject({
      status: "posted",
    });
  });

  test("refuse new entries that take more than was held, and no others", async () => {
    const transaction = await pend();
    await limit("alice", { balance_min: 0 });
    await limit("bob", { balance_max: 0 });
    expect(await refusal(transaction, { entries: move("alice", "bob", 101) })).toMatchObject({
      code: "LDLIM",
      detail: { index: 1, account: "alice", limit: "balance_min", actual: "-101" },
    });
    expect(
      await refusal(transaction, { entries: [credit("bob", 101), debit("carol", 101)] }),
    ).toMatchObject({
      code: "LDLIM",
      detail: { index: 1, account: "bob", limit: "balance_max", actual: "101" },
    });
    await books.post(transaction, { entries: move("alice", "bob", 100) });
  });
});

const atVersion = (lock_version: number) => ({
  entries: move("alice", "bob", 60, { lock_version }),
});

describe("conditions of the new entries", () => {
  test("see the balances after everything", async () => {
    await books.create(move("cash", "alice", 100));
    const transaction = await books.create(move("alice", "bob", 80, covered), {
      status: "pending",
    });
    expect(
      await refusal(transaction, { entries: move("alice", "bob", 101, covered) }),
    ).toMatchObject({
      code: "LDBAL",
      detail: { index: 1, account: "alice", balance: "available_balance", bound: "gte" },
    });
    const asked = {
      available_balance: { eq: 0 },
      posted_balance: { eq: 0 },
      pending_balance: { eq: 0 },
    };
    await books.post(transaction, { entries: move("alice", "bob", 100, asked) });
  });

  test("lock_version is the account's just before", async () => {
    const transaction = await pend();
    for (const wrong of [0, 2, 3]) {
      const refused = await refusal(transaction, atVersion(wrong));
      expect(refused).toMatchObject({ code: "LDVER", detail: { index: 1, account: "alice" } });
      expect(Number(refused.detail["actual"])).toBe(1);
    }
    await books.post(transaction, atVersion(1));
  });

  test("LDVER wins over LDBAL, and LDBAL over LDLIM, whichever entry is first", async () => {
    const transaction = await pend();
    await books.call("set_account_limits", { address: "carol", balance_min: 0 });
    const limited = debit("carol", 1);
    const bounded = debit("alice", 1, covered);
    const versioned = credit("bob", 2, { lock_version: 9 });
    expect(await refusal(transaction, { entries: [limited, bounded, versioned] })).toMatchObject({
      code: "LDVER",
      detail: { index: 3 },
    });
    expect(
      await refusal(transaction, { entries: [limited, bounded, credit("bob", 2)] }),
    ).toMatchObject({ code: "LDBAL", detail: { index: 2 } });
  });

  test("the balances that were asked for are those afterwards, in a replay those of then", async () => {
    const transaction = await pend();
    const asked = {
      entries: move("alice", "bob", 60, { show_resulting_balances: true }),
      idempotency_key: "p",
    };
    const first = await books.post(transaction, asked);
    expect(first).toMatchObject({
      balances: [{ account: "alice", posted_amount: -60, lock_version: 3 }],
    });
    await books.create(move("alice", "bob", 1));
    expect(await books.post(transaction, asked)).toEqual({ ...first, replayed: true });
  });
});

const pendOnClosed = async () => {
  const transaction = await pend();
  await books.call("close_account", { address: "bob" });
  return transaction;
};

describe("closed accounts", () => {
  test("are posted to as created", async () => {
    expect(await books.post(await pendOnClosed())).toMatchObject({ status: "posted" });
    expect(await books.balance("bob")).toMatchObject({ posted_amount: "100" });
  });

  test("take no new entries: LDCLS, the lowest index", async () => {
    const transaction = await pendOnClosed();
    await books.call("close_account", { address: "alice" });
    const entries = [debit("carol", 1), credit("bob", 1), debit("alice", 1), credit("carol", 1)];
    expect(await refusal(transaction, { entries })).toMatchObject({
      code: "LDCLS",
      detail: { index: 2, account: "bob" },
    });
    expect(await refusal(transaction, { entries: move("carol", "bob", 1, covered) })).toMatchObject(
      { code: "LDCLS", detail: { index: 2 } },
    );
  });

  test("let go of what they held", async () => {
    const transaction = await pendOnClosed();
    await books.post(transaction, { entries: move("alice", "carol", 100) });
    expect(await books.balance("bob")).toMatchObject({ pending_amount: "0", posted_amount: "0" });
  });
});

describe("with an idempotency key", () => {
  const asked = {
    entries: move("alice", "bob", 60),
    effective_at: LATER,
    idempotency_key: "p",
    expected_version: 1,
  };

  test("a repeated call returns what the first returned", async () => {
    const transaction = await pend();
    const first = await books.post(transaction, asked);
    await books.call("close_account", { address: "bob" });
    const traces = await books.traces();
    expect(await books.post(transaction, asked)).toEqual({ ...first, replayed: true });
    expect(await books.traces()).toEqual(traces);
  });

  test.each<[string, object]>([
    ["other entries", { entries: move("alice", "bob", 61) }],
    ["other accounts", { entries: move("alice", "carol", 60) }],
    ["other directions", { entries: move("bob", "alice", 60) }],
    ["a condition", { entries: move("alice", "bob", 60, { pending_balance: { lt: 9 } }) }],
    ["metadata", { entries: move("alice", "bob", 60, { metadata: {} }) }],
    ["no entries", { entries: undefined }],
    ["another effective time", { effective_at: THEN }],
    ["no effective time", { effective_at: null }],
    ["another version", { expected_version: 2 }],
    ["no version", { expected_version: null }],
  ])("%s: LDIDM", async (_, other) => {
    const transaction = await pend();
    await books.post(transaction, asked);
    expect(await refusal(transaction, { ...asked, ...other })).toMatchObject({ code: "LDIDM" });
  });

  test("a refused call keeps nothing and may be repeated", async () => {
    const transaction = await pend();
    const traces = await books.traces();
    const call = { ...asked, entries: move("alice", "bob", 60, covered) };
    expect(await refusal(transaction, call)).toMatchObject({ code: "LDBAL" });
    expect(await books.traces()).toEqual(traces);
    await books.create(move("cash", "alice", 60));
    expect(await books.post(transaction, call)).toMatchObject({ replayed: false });
  });
});

test.each<[object, object]>([
  [{ entries: [] }, { argument: "entries" }],
  [{ entries: [debit("alice", 1)] }, { argument: "entries" }],
  [{ effective_at: "infinity" }, { argument: "effective_at" }],
  [{ entries: [debit("alice", 1), credit("", 1)] }, { argument: "account", index: 2 }],
  [
    { entries: [{ ...debit("alice", 1), direction: null }, credit("bob", 1)] },
    { argument: "direction", index: 1 },
  ],
  [
    { entries: move("alice", "bob", 1, { available_balance: { gte: null } }) },
    { argument: "available_balance", index: 1 },
  ],
])("LDARG %#", async (args, detail) => {
  expect(await refusal(await pend(), args)).toMatchObject({ code: "LDARG", detail });
});

test.each<[string, object[], object]>([
  ["LDAMT", [debit("alice", 1), credit("bob", "1.5")], { index: 2, amount: "1.5" }],
  ["LDACC", [debit("x:1", 1), credit("x:2", 1)], { accounts: ["x:1", "x:2"] }],
  ["LDUNB", move("alice", "euro", 1), { currency: "USD", debits: "1", credits: "0" }],
])("%s", async (code, entries, detail) => {
  expect(await refusal(await pend(), { entries })).toMatchObject({ code, detail });
});

test("the posting is logged with what was asked", async () => {
  const transaction = await pend();
  await books.post(transaction, { entries: move("alice", "bob", 5), effective_at: LATER });
  const [record] = await books.query(
    "select data from daybook.log where transaction_id = $1 and kind = 'post_transaction'",
    [transaction["transaction_id"]],
  );
  expect(record!["data"]).toMatchObject({ version: 2, entries: [{ amount: 5 }, { amount: 5 }] });
});

const postShifted = (
  bound: number,
) => `select (daybook.post_transaction('main', $1, ('[-3:-2]=' || array[
  daybook.credit('bob', 5, show_resulting_balances => true),
  daybook.debit('alice', 5, posted_balance => daybook.gte(${bound}))]::text)::daybook.entry_input[])).status`;

test("entries are counted from 1, wherever the caller's array begins", async () => {
  const transaction = await pend();
  const { transaction_id } = transaction;
  expect(await books.refused(() => books.query(postShifted(-4), [transaction_id]))).toMatchObject({
    code: "LDBAL",
    detail: { index: 2 },
  });
  expect(await books.query(postShifted(-5), [transaction_id])).toEqual([{ status: "posted" }]);
});
