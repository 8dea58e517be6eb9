import { beforeEach, describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks(async ({ call, create, open }) => {
  await open("closed");
  await call("close_account", { address: "closed" });
  await open("limited", { balance_min: 0 });
  await create(move("carol", "bank", 1), { external_id: "taken", idempotency_key: "direct" });
});

const request = (idempotency_key: string | null, more: object = {}) => ({
  entries: move("alice", "bob", 5),
  idempotency_key,
  ...more,
});
const many = (count: number, more: object = {}) =>
  Array.from({ length: count }, (_, n) => request(`many-${n}`, more));

const waiting = async () =>
  (await books.query("select depth from daybook.transaction_queue where ledger = 'main'"))[0]![
    "depth"
  ];
const ids = (receipts: Row[]) => receipts.map((receipt) => receipt["receipt_id"]);

/** Enqueues, applies, and gives the receipts as they are then. */
async function carryOut(...transactions: object[]): Promise<Row[]> {
  const receipts = await books.enqueue(...transactions);
  await books.drain();
  const finished: Row[] = [];
  for (const receipt of receipts) finished.push(await books.receipt(receipt));
  return finished;
}

const limit = async (max_depth: number) => {
  await books.be("test_admin");
  await books.query("select daybook.set_queue_limit($1)", [max_depth]);
  await books.be("test_writer");
};

const drainAlone = () =>
  books.look("select daybook_private.drain_queue('main', 1000, true) as count");

const failWith = (code: string) =>
  books.look(`
    create function public.fail() returns trigger language plpgsql as $$
      begin raise exception 'no way' using errcode = '${code}'; end $$;
    create trigger fail before insert on daybook.transactions
      for each row execute function public.fail()`);

const refusedList = (list: string) =>
  books.refused(() => books.query(`select * from daybook.enqueue_transactions('main', ${list})`));

test("a grant on every ledger (*) makes no ledger of the star", async () => {
  await books.look(
    "insert into daybook_private.ledger_access values ('*', 'test_writer', 'write')",
  );
  expect(
    await books.refused(() =>
      books.query(`select * from daybook.enqueue_transactions('*', array[row(
        array[daybook.debit('alice', 1), daybook.credit('bob', 1)], null, null, 'k', null, null, null, null, null, null
      )]::daybook.transaction_input[])`),
    ),
  ).toMatchObject({ code: "LDARG", detail: { argument: "ledger" } });
});

/* The common call goes a short way once the worker has been at the ledger's queue. */
describe("a common call to a queue that was worked before", () => {
  beforeEach(async () => {
    await carryOut(request("before"));
  });

  test("meets the limit", async () => {
    await limit(2);
    await books.enqueue(request("a"));
    await books.enqueue(request("b"));
    expect(await books.enqueueRefused(request("c"))).toMatchObject({ code: "LDQUE" });
    await books.enqueue(request("b"));
    expect(await waiting()).toBe("2");
  });

  test("asks for the grant", async () => {
    await books.look(
      "update daybook_private.ledger_access set access = 'read' where role = 'test_writer'",
    );
    expect(await books.enqueueRefused(request("k"))).toMatchObject({ code: "42501" });
    expect(await waiting()).toBe("0");
  });

  const [alice, bob] = move("alice", "bob", 5);
  const odd = { gte: "NaN" };
  test.each<[string, object]>([
    ["entries", { entries: [{ ...alice, direction: null }, bob] }],
    ["entries", { entries: [alice, { ...bob, amount: null }] }],
    ["idempotency_key", { idempotency_key: "x".repeat(256) }],
    ["account", { entries: move("x".repeat(256), "bob", 5) }],
    ["account", { entries: move("alice:", "bob", 5) }],
    ["status", { status: "archived" }],
    ["effective_at", { effective_at: "infinity" }],
    ["expires_at", { expires_at: "infinity" }],
    ["external_id", { external_id: "\u0001" }],
    ["description", { description: "x".repeat(1001) }],
    ["category_locks", { category_locks: [{ category: null }] }],
    ["metadata", { metadata: [] }],
    ["metadata", { metadata: { m: "x".repeat(65_600) } }],
    ...["pending_balance", "posted_balance", "available_balance"].flatMap<[string, object]>(
      (balance) => [
        [balance, { entries: [{ ...alice, [balance]: odd }, bob] }],
        [balance, { entries: [alice, { ...bob, [balance]: odd }] }],
      ],
    ),
    ["metadata", { entries: [{ ...alice, metadata: [] }, bob] }],
    ["metadata", { entries: [alice, { ...bob, metadata: [] }] }],
    ["lock_version", { entries: [{ ...alice, lock_version: -1 }, bob] }],
    ["lock_version", { entries: [alice, { ...bob, lock_version: -1 }] }],
  ])("is refused for a malformed %s (%#)", async (_, more) => {
    expect(await books.enqueueRefused(request("k", more))).toMatchObject({
      code: "LDARG",
    });
    expect(await waiting()).toBe("0");
  });
});

test("returns receipts in order and makes no transaction yet", async () => {
  const { id: before } = (
    await books.query("select max(id::text) as id from daybook.transactions")
  )[0]!;
  const receipts = await books.enqueue(request("z"), request("a"), request("m"));
  expect(receipts.map((receipt) => receipt["idempotency_key"])).toEqual(["z", "a", "m"]);
  expect(receipts[0]).toMatchObject({
    ledger: "main",
    receipt_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
    state: "queued",
    transaction_id: null,
    error_code: null,
    error_message: null,
    error_detail: null,
    accepted_at: expect.any(Date),
    finished_at: null,
  });
  expect(new Set(ids(receipts)).size).toBe(3);
  expect(await books.receipt(receipts[1]!)).toEqual(receipts[1]);
  const { id: after } = (
    await books.query("select max(id::text) as id from daybook.transactions")
  )[0]!;
  expect(after).toBe(before);
  expect(await waiting()).toBe("3");
});

test("each becomes a transaction, as if it had been made directly", async () => {
  const [plain, pending] = await carryOut(
    request("plain", { description: "lunch", metadata: { a: 1 }, external_id: "e" }),
    request("pending", { status: "pending", effective_at: "2026-01-02T03:04:05Z" }),
  );
  expect(plain).toMatchObject({
    state: "applied",
    error_code: null,
    finished_at: expect.any(Date),
  });
  expect(await books.transaction(plain!["transaction_id"])).toMatchObject({
    status: "posted",
    description: "lunch",
    metadata: { a: 1 },
    external_id: "e",
  });
  expect(await books.transaction(pending!["transaction_id"])).toMatchObject({
    status: "pending",
    effective_at: new Date("2026-01-02T03:04:05Z"),
  });
  expect(await books.balance("bob")).toMatchObject({ posted_amount: "5", pending_amount: "10" });
});

test("without an effective time it takes effect when it was accepted", async () => {
  const [receipt] = await books.enqueue(request("k"));
  await books.query("select pg_sleep(0.01)");
  await books.drain();
  const { transaction_id } = await books.receipt(receipt!);
  const transaction = await books.transaction(transaction_id);
  expect(transaction["effective_at"]).toEqual(receipt!["accepted_at"]);
  expect(transaction["created_at"] > transaction["effective_at"]).toBe(true);
});

test("the transaction is made by whoever enqueued it", async () => {
  await books.query("select set_config('daybook.request_id', 'req-1', true)");
  const receipts = await books.enqueue(request("one"));
  receipts.push(...(await books.enqueue(request("two"), request("three"))));
  await books.query("select set_config('daybook.request_id', 'other', true)");
  await books.be("test_admin");
  await books.drain();
  for (const receipt of receipts) {
    const { transaction_id } = await books.receipt(receipt);
    const [record] = await books.query("select * from daybook.log where transaction_id = $1", [
      transaction_id,
    ]);
    expect(record).toMatchObject({ actor: "test_writer", request_id: "req-1" });
    expect(record!["client_address"]).toMatch(/^127|::1/);
  }
});

test("no member, no receipt", async () => {
  expect(await books.enqueue()).toEqual([]);
});

describe("the same key", () => {
  test("with the same request gives the same receipt, waiting and applied", async () => {
    const [first] = await books.enqueue(request("k", { metadata: { a: 1, b: [2] } }));
    const again = request("k", {
      metadata: { b: [2], a: 1.0 },
      entries: move("alice", "bob", "5.00"),
    });
    expect(await books.enqueue(again)).toEqual([first]);
    expect(await waiting()).toBe("1");
    await books.drain();
    const [applied] = await books.enqueue(again);
    expect(applied).toEqual(await books.receipt(first!));
    expect(applied).toMatchObject({ receipt_id: first!["receipt_id"], state: "applied" });
    expect(await waiting()).toBe("0");
    expect(await books.drain()).toBe(0);
  });

  test("when it was applied, leaves those that wait alone", async () => {
    await books.enqueue(request("k"));
    await books.drain();
    const [other] = await books.enqueue(request("other"));
    expect(await books.enqueue(request("k"))).toMatchObject([{ state: "applied" }]);
    expect(await waiting()).toBe("1");
    expect(await books.receipt(other!)).toEqual(other);
  });

  test.each(["waiting", "applied"])("with another request is refused when %s", async (state) => {
    const [{ receipt_id } = {}] = await books.enqueue(request("k"));
    if (state === "applied") await books.drain();
    const others: object[] = [
      request("k", { entries: move("alice", "bob", 6) }),
      request("k", { entries: move("bob", "alice", 5) }),
      request("k", { entries: move("alice", "bob", 5, { metadata: {} }) }),
      request("k", { entries: move("alice", "bob", 5, { available_balance: { gte: 0 } }) }),
      request("k", { entries: move("alice", "bob", 5).toReversed() }),
      request("k", { metadata: {} }),
      request("k", { status: "posted" }),
      request("k", { effective_at: "2026-01-01T00:00:00Z" }),
    ];
    for (const other of others) {
      expect(await books.enqueueRefused(request("new"), other)).toMatchObject({
        code: "LDIDM",
        detail: { ledger: "main", idempotency_key: "k", index: 2, receipt_id },
        hint: expect.stringMatching(/\w/),
      });
    }
    expect(await waiting()).toBe(state === "waiting" ? "1" : "0");
  });

  test("several times in one call", async () => {
    const receipts = await books.enqueue(request("b"), request("a"), request("b"), request("a"));
    const [b, a] = ids(receipts);
    expect(ids(receipts)).toEqual([b, a, b, a]);
    expect(a).not.toBe(b);
    expect(await waiting()).toBe("2");
    const other = request("x", { entries: move("alice", "bob", 6) });
    const refusal = await books.enqueueRefused(request("x"), request("a"), other);
    expect(refusal).toMatchObject({ code: "LDIDM", detail: { index: 3, idempotency_key: "x" } });
    expect(await waiting()).toBe("2");
  });

  test("partly known: each member gets its own", async () => {
    const [b] = await books.enqueue(request("b"));
    await books.drain();
    const [d] = await books.enqueue(request("d"));
    const receipts = await books.enqueue(...["e", "d", "c", "b", "a"].map((key) => request(key)));
    expect(receipts.map((receipt) => receipt["idempotency_key"])).toEqual([
      "e",
      "d",
      "c",
      "b",
      "a",
    ]);
    expect([receipts[1], receipts[3]]).toEqual([d, await books.receipt(b!)]);
    expect(await waiting()).toBe("4");
    expect(await books.drain()).toBe(4);
  });

  test("of several wrong members the first is told", async () => {
    await books.enqueue(request("a"), request("b"));
    const other = { entries: move("alice", "bob", 6) };
    expect(await books.enqueueRefused(request("b", other), request("a", other))).toMatchObject({
      detail: { index: 1, idempotency_key: "b" },
    });
  });

  test("used by a direct call with the same request, becomes its replay", async () => {
    const made = await books.create(move("alice", "bob", 5), { idempotency_key: "k" });
    const [receipt] = await carryOut(request("k"));
    expect(receipt).toMatchObject({ state: "applied", transaction_id: made["transaction_id"] });
    expect(await books.balance("bob")).toMatchObject({ posted_amount: "5" });
  });

  test("used by a direct call with another request, is refused when applied", async () => {
    const [receipt] = await carryOut(request("direct"));
    expect(receipt).toMatchObject({
      state: "refused",
      error_code: "LDIDM",
      error_detail: { idempotency_key: "direct" },
    });
  });

  test("used by a direct call while it waits: whoever applies first wins", async () => {
    const [same, other] = await books.enqueue(request("same"), request("other"));
    const made = await books.create(move("alice", "bob", 5), { idempotency_key: "same" });
    await books.create(move("alice", "bob", 6), { idempotency_key: "other" });
    expect(made["replayed"]).toBe(false);
    await books.drain();
    expect(await books.receipt(same!)).toMatchObject({
      state: "applied",
      transaction_id: made["transaction_id"],
    });
    expect(await books.receipt(other!)).toMatchObject({ state: "refused", error_code: "LDIDM" });
  });

  test("used by a direct call after it was applied", async () => {
    const [receipt] = await carryOut(request("k"));
    const replay = await books.create(move("alice", "bob", 5), { idempotency_key: "k" });
    expect(replay).toMatchObject({ replayed: true, transaction_id: receipt!["transaction_id"] });
    const other = await books.createRefused(move("alice", "bob", 6), { idempotency_key: "k" });
    expect(other.code).toBe("LDIDM");
  });
});

describe("malformed members are refused at once, and nothing is enqueued", () => {
  const long = "x".repeat(300);
  test.each<[string, object, object]>([
    ["no key", request(null), { argument: "idempotency_key" }],
    ["an empty key", request(""), { argument: "idempotency_key" }],
    ["a long key", request(long), { argument: "idempotency_key" }],
    ["one entry", request("k", { entries: [debit("bob", 1)] }), { argument: "entries" }],
    ["no entries", request("k", { entries: null }), { argument: "entries" }],
    ["archived", request("k", { status: "archived" }), { argument: "status" }],
    ["an infinite time", request("k", { effective_at: "infinity" }), { argument: "effective_at" }],
    [
      "expiry of a posted one",
      request("k", { expires_at: "2100-01-01T00:00:00Z" }),
      { argument: "expires_at" },
    ],
    [
      "an address",
      request("k", { entries: move("alice", "b b", 1) }),
      { argument: "account", entry_index: 2 },
    ],
    [
      "no address",
      request("k", { entries: [debit(null, 1), credit("bob", 1)] }),
      { entry_index: 1 },
    ],
    [
      "no direction",
      request("k", { entries: [debit("alice", 1), { ...credit("bob", 1), direction: null }] }),
      { argument: "direction", entry_index: 2 },
    ],
    [
      "no amount",
      request("k", { entries: move("alice", "bob", null) }),
      { argument: "amount", entry_index: 1 },
    ],
    [
      "a bound",
      request("k", { entries: move("alice", "bob", 1, { posted_balance: { gte: "0.5" } }) }),
      { argument: "posted_balance", entry_index: 1 },
    ],
    ["metadata", request("k", { metadata: [] }), { argument: "metadata" }],
    ["a description", request("k", { description: "a\u0007" }), { argument: "description" }],
  ])("%s", async (_, wrong, detail) => {
    const refusal = await books.enqueueRefused(request("ok"), wrong, request(null));
    expect(refusal).toMatchObject({ code: "LDARG", detail: { index: 2, ...detail } });
    expect((await books.enqueueRefused(wrong)).detail).toMatchObject({ index: 1 });
    expect(await waiting()).toBe("0");
  });

  // Addresses are looked at together with others and the key.
  test.each(["", null, "x:", ":x", "x::y", "x\ny", "x y", "x".repeat(256)])(
    "alone: the address %j on either side",
    async (account) => {
      const sides = [
        [debit(account, 1), credit("bob", 1)],
        [debit("bob", 1), credit(account, 1)],
        [debit("alice", 1), debit(account, 1), credit("bob", 2)],
      ];
      for (const entries of sides)
        expect(await books.enqueueRefused(request("k", { entries }))).toMatchObject({
          code: "LDARG",
          detail: { argument: "account", index: 1 },
        });
    },
  );

  test.each(["a\nb", "\n", "\u007f", "x".repeat(256)])("alone: the key %j", async (key) => {
    expect(await books.enqueueRefused(request(key))).toMatchObject({
      code: "LDARG",
      detail: { argument: "idempotency_key", index: 1 },
    });
  });

  test("alone: long and unusual ones that are allowed", async () => {
    const account = "x".repeat(255);
    const [receipt] = await books.enqueue(
      request("é ".repeat(127), { entries: move(account, account, 1) }),
    );
    expect(receipt).toMatchObject({ state: "queued", idempotency_key: "é ".repeat(127) });
    const big = { m: "x".repeat(65_000) };
    expect(await books.enqueue(request("big", { metadata: big }))).toHaveLength(1);
    const bigger = { m: "x".repeat(65_600) };
    expect(await books.enqueueRefused(request("bigger", { metadata: bigger }))).toMatchObject({
      code: "LDARG",
    });
  });

  test("a null member, and null for all of them", async () => {
    expect(await refusedList("array[null]::daybook.transaction_input[]")).toMatchObject({
      code: "LDARG",
      detail: { index: 1 },
    });
    expect(await refusedList("null")).toMatchObject({
      code: "LDARG",
      detail: { argument: "transactions" },
    });
  });

  test("more than 10 000 members, or 100 000 entries", async () => {
    expect(await books.enqueueRefused(...many(10_001))).toMatchObject({
      code: "LDARG",
      detail: { argument: "transactions", value: 10_001 },
    });
    const entries = Array.from({ length: 200 }, (_, n) => (n % 2 ? debit : credit)("alice", 1));
    expect(await books.enqueueRefused(...many(501, { entries }))).toMatchObject({
      code: "LDARG",
      detail: { argument: "transactions", value: 100_200 },
    });
    expect(await books.enqueue(...many(500, { entries }))).toHaveLength(500);
  });
});

describe("what only the books can tell ends the receipt as refused", () => {
  const short = { available_balance: { gte: 1000 } };
  test.each<[string, object, object]>([
    ["LDAMT", { entries: move("alice", "bob", "0.5") }, { index: 1 }],
    ["LDACC", { entries: move("alice", "nobody", 5) }, { accounts: ["nobody"] }],
    ["LDUNB", { entries: [debit("alice", 1), credit("bob", 2)] }, { debits: "1", credits: "2" }],
    ["LDEXT", { external_id: "taken" }, { external_id: "taken" }],
    ["LDCLS", { entries: move("alice", "closed", 5) }, { account: "closed" }],
    ["LDVER", { entries: move("alice", "bob", 5, { lock_version: 7 }) }, { account: "alice" }],
    ["LDBAL", { entries: move("alice", "bob", 5, short) }, { account: "alice", limit: "1000" }],
    ["LDLIM", { entries: move("limited", "bob", 5) }, { account: "limited" }],
    [
      "LDARG",
      { status: "pending", expires_at: "2000-01-01T00:00:00Z" },
      { argument: "expires_at" },
    ],
  ])("%s, and frees its key", async (code, wrong, detail) => {
    const [before, refused, after] = await carryOut(
      request("before"),
      request("wrong", wrong),
      request("after"),
    );
    expect([before!["state"], after!["state"]]).toEqual(["applied", "applied"]);
    expect(refused).toMatchObject({
      state: "refused",
      transaction_id: null,
      error_code: code,
      error_message: expect.stringMatching(/\w+ \w+/),
      error_detail: detail,
      finished_at: expect.any(Date),
    });
    const [next] = await books.enqueue(request("wrong"));
    expect(next).toMatchObject({ state: "queued" });
    expect(next!["receipt_id"]).not.toBe(refused!["receipt_id"]);
    expect(await books.drain()).toBe(1);
    expect(await books.receipt(next!)).toMatchObject({ state: "applied" });
    expect(await books.receipt(refused!)).toEqual(refused);
    const kept = await books.look(
      "select (request).idempotency_key as key from daybook_private.finished_receipts where request is distinct from null",
    );
    expect(kept).toEqual([{ key: "wrong" }]);
  });

  test("a decline that is kept counts as applied", async () => {
    const wrong = { entries: move("alice", "bob", 5, short), archive_on_lock_failure: true };
    const [receipt] = await carryOut(request("k", wrong));
    expect(receipt).toMatchObject({ state: "applied", error_code: "LDBAL" });
    expect(await books.transaction(receipt!["transaction_id"])).toMatchObject({
      status: "archived",
      archived_reason: "balance_lock_failure",
    });
    expect(await books.enqueue(request("k", wrong))).toEqual([receipt]);
  });

  test("they are applied in order: one that needs the money of the one before gets it", async () => {
    const covered = { available_balance: { gte: 0 } };
    const receipts = await carryOut(
      request("z", { entries: move("bank", "alice", 100) }),
      request("y", { entries: move("alice", "bob", 70, covered) }),
      request("x", { entries: move("alice", "bob", 70, covered) }),
      request("w", { entries: move("bob", "carol", 70, covered) }),
    );
    expect(receipts.map((receipt) => receipt["state"])).toEqual([
      "applied",
      "applied",
      "refused",
      "applied",
    ]);
  });
});

describe("access comes first", () => {
  test("42501", async () => {
    const args = { ledger: "none", transactions: [request(null)] };
    expect((await books.refusal("enqueue_transactions", args)).code).toBe("42501");
    await books.be("test_reader");
    await expect(books.enqueue(request("k"))).rejects.toMatchObject({ code: "42501" });
  });

  test("LDLED for whoever may use every ledger, after LDARG", async () => {
    await books.be("test_admin");
    const code = async (transaction: object) => {
      const args = { ledger: "none", transactions: [transaction] };
      return (await books.refusal("enqueue_transactions", args)).code;
    };
    expect(await code(request(null))).toBe("LDARG");
    expect(await code(request("k"))).toBe("LDLED");
  });
});

describe("the limit", () => {
  test("refuses what would not fit, and accepts again when there is room", async () => {
    await limit(3);
    await books.enqueue(request("a"), request("b"));
    expect(await books.enqueueRefused(request("c"), request("d"))).toMatchObject({
      code: "LDQUE",
      detail: { ledger: "main" },
      hint: expect.stringMatching(/later/),
    });
    expect(await waiting()).toBe("2");
    await books.enqueue(request("c"));
    expect(await books.enqueueRefused(request("d"))).toMatchObject({ code: "LDQUE" });
    expect(await books.drain()).toBe(3);
    await books.enqueue(request("d"), request("e"));
  });

  test("keys come first: known ones are answered though the queue is full", async () => {
    await limit(2);
    const [a, b] = await books.enqueue(request("a"), request("b"));
    expect(await books.enqueue(request("b"))).toEqual([b]);
    expect(await books.enqueue(request("b"), request("a"))).toEqual([b, a]);
    const other = request("a", { entries: move("alice", "bob", 6) });
    expect(await books.enqueueRefused(other)).toMatchObject({ code: "LDIDM" });
    expect(await books.enqueueRefused(request("c"), other)).toMatchObject({ code: "LDIDM" });
  });

  test("positions that were left out and other ledgers' do not count", async () => {
    await limit(3);
    await books.enqueue(request("a"));
    await books.look(
      "select nextval('daybook_private.queue_positions') from generate_series(1, 100)",
    );
    await books.enqueue(request("b"));
    await books.enqueue(request("c"));
    expect(await books.enqueueRefused(request("d"))).toMatchObject({ code: "LDQUE" });
  });

  test("a long queue is estimated", async () => {
    await limit(25_000);
    for (const part of ["a", "b"])
      await books.enqueue(
        ...many(10_000).map((each) => ({ ...each, idempotency_key: part + each.idempotency_key })),
      );
    expect(await books.enqueueRefused(...many(10_000))).toMatchObject({ code: "LDQUE" });
    await books.look("select nextval('daybook_private.queue_positions')"); // whatever the parity
    expect(await books.enqueueRefused(...many(10_000))).toMatchObject({ code: "LDQUE" });
    await books.enqueue(...many(100));
  });

  test("of none at all refuses everything new", async () => {
    const [a] = await books.enqueue(request("a"));
    await limit(0);
    expect(await books.enqueueRefused(request("b"))).toMatchObject({ code: "LDQUE" });
    expect(await books.enqueue(request("a"))).toEqual([a]);
    expect(await books.drain()).toBe(1);
  });
});

describe("as a last resort", () => {
  test.each(["22012", "23514", "P0001", "42P01", "XX000"])(
    "one that ends with %s is refused",
    async (code) => {
      const [first, second] = await books.enqueue(request("a"), request("b"));
      await drainAlone(); // makes the head
      await failWith(code);
      expect(await drainAlone()).toEqual([{ count: 1 }]);
      expect(await books.receipt(first!)).toMatchObject({
        state: "refused",
        transaction_id: null,
        error_code: code,
        error_message: "no way",
        error_detail: null,
      });
      expect(await books.receipt(second!)).toMatchObject({ state: "queued" });
    },
  );

  test.each(["40001", "40P01", "55P03", "53100", "57014", "58030", "25006", "XX001"])(
    "%s, which is no fault of its own, is raised",
    async (code) => {
      const [receipt] = await books.enqueue(request("a"));
      await drainAlone();
      await failWith(code);
      expect(await books.refused(drainAlone)).toMatchObject({ code });
      await books.be("test_writer");
      expect(await books.receipt(receipt!)).toMatchObject({ state: "queued" });
    },
  );

  test("one that can be applied is applied", async () => {
    const [receipt] = await books.enqueue(request("a"));
    await drainAlone();
    await drainAlone();
    expect(await books.receipt(receipt!)).toMatchObject({ state: "applied" });
  });
});

test("is accepted at every isolation level", async () => {
  for (const level of ["repeatable read", "serializable"]) {
    await books.query("rollback");
    await books.query(`begin isolation level ${level}`);
    expect(await books.enqueue(request("k"), request("l"))).toHaveLength(2);
  }
});
