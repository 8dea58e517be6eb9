import { describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const isUuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("what is returned and kept", () => {
  test("a posted transaction: the result, its row, its entries, the balances", async () => {
    const result = await books.create(move("alice", "bob", 100));
    expect(result).toEqual({
      index: null,
      ledger: "main",
      transaction_id: expect.stringMatching(isUuid7),
      status: "posted",
      version: 1,
      replayed: false,
      archived_reason: null,
      balances: null,
      error_code: null,
      error_message: null,
      error_detail: null,
    });
    const row = await books.transaction(result["transaction_id"]);
    expect(row).toMatchObject({
      ledger: "main",
      status: "posted",
      version: 1,
      archived_at: null,
      archived_reason: null,
      expires_at: null,
      external_id: null,
      description: null,
      metadata: {},
      reverses_transaction_id: null,
      reversed_by_transaction_id: null,
      partially_posts_transaction_id: null,
      counterpart_ledger: null,
      counterpart_transaction_id: null,
    });
    expect(row["effective_at"]).toEqual(row["created_at"]);
    expect(row["posted_at"]).toEqual(row["created_at"]);
    expect(await books.entriesOf("alice")).toMatchObject([
      {
        ledger: "main",
        transaction_id: result["transaction_id"],
        transaction_version: 1,
        position: 1,
        direction: "debit",
        amount: "100",
        effect: "posted",
        effective_at: row["created_at"],
        created_at: row["created_at"],
        metadata: {},
        lock_version: "1",
        pending_debits: "100",
        pending_credits: "0",
        posted_debits: "100",
        posted_credits: "0",
      },
    ]);
    expect(await books.entriesOf("bob")).toMatchObject([
      { position: 2, direction: "credit", lock_version: "1", posted_credits: "100" },
    ]);
    expect(await books.balance("alice")).toMatchObject({ posted_amount: "-100" });
    expect(await books.balance("bob")).toMatchObject({ posted_amount: "100" });
  });

  test("a pending transaction raises the pending counters only", async () => {
    const result = await books.create(move("alice", "bob", 100), { status: "pending" });
    expect(result).toMatchObject({ status: "pending", version: 1 });
    expect(await books.transaction(result["transaction_id"])).toMatchObject({
      status: "pending",
      posted_at: null,
    });
    expect(await books.entriesOf("alice")).toMatchObject([
      { effect: "pending", pending_debits: "100", posted_debits: "0", lock_version: "1" },
    ]);
    expect(await books.balance("bob")).toMatchObject({
      pending_amount: "100",
      posted_amount: "0",
      available_amount: "0",
    });
  });

  test("what the caller says about it is kept", async () => {
    const { transaction_id } = await books.create(
      [debit("alice", 1, { metadata: { line: 1 } }), credit("bob", 1)],
      {
        status: "pending",
        effective_at: "2020-02-29T12:00:00+02",
        external_id: "order-1 ✓",
        description: "for goods",
        metadata: { a: { b: 1 } },
        expires_at: "2999-01-01T00:00:00Z",
      },
    );
    expect(await books.transaction(transaction_id)).toMatchObject({
      effective_at: new Date("2020-02-29T10:00:00Z"),
      external_id: "order-1 ✓",
      description: "for goods",
      metadata: { a: { b: 1 } },
      expires_at: new Date("2999-01-01T00:00:00Z"),
    });
    expect(await books.entriesOf("alice")).toMatchObject([
      { metadata: { line: 1 }, effective_at: new Date("2020-02-29T10:00:00Z") },
    ]);
  });

  test("the whole of a call is null but ledger and entries: null means the default", async () => {
    const nothing = {
      status: null,
      effective_at: null,
      idempotency_key: null,
      external_id: null,
      description: null,
      metadata: null,
      category_locks: null,
      archive_on_lock_failure: null,
      expires_at: null,
      dry_run: null,
    };
    const result = await books.create(move("alice", "bob", 1), nothing);
    expect(result).toMatchObject({ status: "posted" });
    expect(await books.transaction(result["transaction_id"])).toMatchObject({ metadata: {} });
  });

  test("the future is allowed as effective time", async () => {
    const at = "2999-12-31T00:00:00.000Z";
    const { transaction_id } = await books.create(move("alice", "bob", 1), { effective_at: at });
    expect(await books.transaction(transaction_id)).toMatchObject({ effective_at: new Date(at) });
  });

  test("a posted transaction is in the log once, a pending one with its request", async () => {
    await books.be("test_writer");
    await books.query("set local daybook.request_id to 'req-7'");
    const posted = await books.create(move("alice", "bob", 1), { description: "d" });
    const pending = await books.create(move("alice", "bob", 2), { status: "pending" });
    const log = await books.query(
      "select * from daybook.log where transaction_id = any($1) order by created_at",
      [[posted["transaction_id"], pending["transaction_id"]]],
    );
    const common = { kind: "create_transaction", actor: "test_writer", request_id: "req-7" };
    expect(log).toMatchObject([
      { ...common, data: { description: "d" } },
      { ...common, data: { status: "pending", entries: [{ amount: 2 }, { account: "bob" }] } },
    ]);
  });
});

describe("amounts", () => {
  test("100.00 is accepted as 100", async () => {
    await books.create([debit("alice", "100.00"), credit("bob", "1e2")]);
    expect(await books.entriesOf("alice")).toMatchObject([{ amount: "100", posted_debits: "100" }]);
    expect(await books.balance("bob")).toMatchObject({ posted_credits: "100" });
  });

  test("10^36 - 1 is accepted", async () => {
    const most = "9".repeat(36);
    await books.create(move("alice", "bob", most));
    expect(await books.balance("bob")).toMatchObject({ posted_amount: most });
  });

  test.each(["0", "0.00", "-1", "0.5", "99.999", "NaN", "Infinity", "-Infinity", "1e36", "1e-30"])(
    "%s is LDAMT, never rounded",
    async (amount) => {
      const traces = await books.traces();
      expect(await books.createRefused([debit("alice", 1), credit("bob", amount)])).toMatchObject({
        code: "LDAMT",
        detail: { index: 2 },
      });
      expect(await books.traces()).toEqual(traces);
    },
  );

  test("the refused amount is told as a string", async () => {
    const { detail } = await books.createRefused(move("alice", "bob", "2.50"));
    expect(detail).toMatchObject({ index: 1, amount: "2.50" });
  });
});

describe("balance of debits and credits", () => {
  test("must hold in each currency", async () => {
    const entries = [debit("alice", 5), credit("euro", 7), credit("bob", 5), debit("euro-cash", 7)];
    expect(await books.create(entries)).toMatchObject({ status: "posted" });
    expect(await books.balance("euro")).toMatchObject({ currency: "EUR", posted_amount: "7" });
    expect(await books.balance("alice")).toMatchObject({ posted_amount: "-5" });
  });

  test("is not made up by another currency", async () => {
    expect(await books.createRefused([debit("alice", 5), credit("euro", 5)])).toMatchObject({
      code: "LDUNB",
      detail: { currency: "USD", debits: "5", credits: "0" },
    });
  });

  test("names the sums of the currency that fails", async () => {
    const entries = [
      debit("alice", 5),
      credit("bob", 5),
      debit("euro-cash", "7.00"),
      credit("euro", 6),
    ];
    expect(await books.createRefused(entries)).toMatchObject({
      code: "LDUNB",
      detail: { currency: "EUR", debits: "7", credits: "6" },
    });
  });

  test("is told in currencies that only meet in the middle", async () => {
    const entries = [debit("alice", 1), debit("euro-cash", 2), credit("euro", 2)];
    expect(await books.createRefused(entries)).toMatchObject({
      code: "LDUNB",
      detail: { currency: "USD" },
    });
  });

  test("two entries on one side are not balanced", async () => {
    expect(await books.createRefused([debit("alice", 1), debit("bob", 1)])).toMatchObject({
      code: "LDUNB",
      detail: { debits: "2", credits: "0" },
    });
  });
});

describe("entries", () => {
  test("an account may appear several times, on either side; versions follow array order", async () => {
    await books.create([
      debit("alice", 1),
      credit("bob", 8),
      debit("alice", 10),
      credit("alice", 3),
    ]);
    const rows = await books.entriesOf("alice");
    expect(
      rows.map((row) => [
        row["lock_version"],
        row["position"],
        row["posted_debits"],
        row["posted_credits"],
      ]),
    ).toEqual([
      ["1", 1, "1", "0"],
      ["2", 3, "11", "0"],
      ["3", 4, "11", "3"],
    ]);
  });

  test("a transaction may stay within one account", async () => {
    await books.create([debit("alice", 4), credit("alice", 4)]);
    expect(await books.balance("alice")).toMatchObject({ lock_version: "2", posted_amount: "0" });
  });

  test("1000 are accepted, 1001, 1, 0 and null are not", async () => {
    const pairs = Array.from({ length: 500 }, () => move("alice", "bob", 1)).flat();
    await books.create(pairs);
    expect(await books.balance("bob")).toMatchObject({ posted_amount: "500", lock_version: "500" });
    for (const entries of [[...pairs, debit("alice", 1)], [debit("alice", 1)], []]) {
      expect(await books.createRefused(entries)).toMatchObject({
        code: "LDARG",
        detail: { argument: "entries" },
      });
    }
    expect(await books.refusal("create_transaction", { entries: null })).toMatchObject({
      code: "LDARG",
    });
  });

  test("all missing accounts are listed, once each, in order", async () => {
    const entries = [debit("zoe", 1), credit("bob", 1), credit("adam", 1), debit("zoe", 1)];
    expect(await books.createRefused(entries)).toMatchObject({
      code: "LDACC",
      detail: { accounts: ["zoe", "adam"] },
    });
  });
});

describe("external ids", () => {
  const named = { external_id: "order-1" };

  test("are unique among pending and posted transactions; the holder is named", async () => {
    for (const status of ["pending", "posted"]) {
      const holder = await books.create(move("alice", "bob", 1), {
        status,
        external_id: `of-${status}`,
      });
      const again = { external_id: `of-${status}` };
      expect(await books.createRefused(move("alice", "carol", 1), again)).toMatchObject({
        code: "LDEXT",
        detail: { external_id: `of-${status}`, transaction_id: holder["transaction_id"] },
      });
    }
  });

  test("stay taken when a pending transaction is posted, are free when it is archived", async () => {
    const { transaction_id } = await books.create(move("alice", "bob", 1), {
      status: "pending",
      ...named,
    });
    await books.query("savepoint before");
    await books.post({ transaction_id });
    expect(await books.createRefused(move("alice", "bob", 1), named)).toMatchObject({
      code: "LDEXT",
    });
    await books.query("rollback to savepoint before");
    await books.archive({ transaction_id });
    expect(await books.create(move("alice", "bob", 1), named)).toMatchObject({ status: "posted" });
    expect(await books.transaction(transaction_id)).toMatchObject({ external_id: "order-1" });
  });

  test("are not taken by a refused call", async () => {
    await books.createRefused(move("alice", "bob", 1, { available_balance: { gte: 0 } }), named);
    expect(await books.create(move("alice", "bob", 1), named)).toMatchObject({ status: "posted" });
  });

  test("are of a ledger: another one has its own", async () => {
    await books.create(move("alice", "bob", 1), named);
    await books.be("test_admin");
    await books.call("create_ledger", { ledger: "second" });
    for (const address of ["a", "b"]) await books.open(address, { ledger: "second" });
    expect(await books.create(move("a", "b", 1), { ledger: "second", ...named })).toMatchObject({
      ledger: "second",
    });
  });
});

describe("expires_at", () => {
  const pending = { status: "pending" };
  const soon = "2999-01-01T00:00:00Z";

  test.each([
    ["without a status", { expires_at: soon }],
    ["of a posted transaction", { expires_at: soon, status: "posted" }],
    ["in the past", { expires_at: "2020-01-01T00:00:00Z", ...pending }],
    ["infinite", { expires_at: "infinity", ...pending }],
    ["minus infinite", { expires_at: "-infinity", ...pending }],
  ])("%s is LDARG", async (_, args) => {
    expect(await books.createRefused(move("alice", "bob", 1), args)).toMatchObject({
      code: "LDARG",
      detail: { argument: "expires_at" },
    });
  });

  test("may lie before effective_at", async () => {
    const args = { ...pending, expires_at: soon, effective_at: "3999-01-01T00:00:00Z" };
    expect(await books.create(move("alice", "bob", 1), args)).toMatchObject(pending);
  });
});

test.each(["infinity", "-infinity"])("effective_at %s is LDARG", async (effective_at) => {
  expect(await books.createRefused(move("alice", "bob", 1), { effective_at })).toMatchObject({
    code: "LDARG",
    detail: { argument: "effective_at" },
  });
});

test("a refused call leaves no trace at all", async () => {
  const traces = await books.traces();
  await books.createRefused(
    [...move("alice", "bob", 1), ...move("bob", "carol", 1, { available_balance: { gte: 1 } })],
    { idempotency_key: "k", external_id: "x", status: "pending" },
  );
  expect(await books.traces()).toEqual(traces);
});

test("calls beside other writes of one's own are kept or lost together", async () => {
  await books.query("savepoint mine");
  await books.create(move("alice", "bob", 1), { idempotency_key: "k" });
  await books.query("rollback to savepoint mine");
  expect(await books.create(move("alice", "bob", 1), { idempotency_key: "k" })).toMatchObject({
    replayed: false,
  });
});
