import { describe, expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const THEN = new Date("2020-01-01T00:00:00Z");
const LATER = new Date("2021-01-01T00:00:00Z");
const later = () => new Date(Date.now() + 3_600_000);
const pend = (args: object = {}) =>
  books.create(move("alice", "bob", 100), { status: "pending", effective_at: THEN, ...args });

/** The versions, their lines as [position, account, amount, effect]. */
async function versionsOf({ transaction_id }: Row): Promise<Row[]> {
  const rows = await books.all("transaction_versions", { transaction_id });
  const lines = await books.query(
    `select v.version, array_agg(jsonb_build_array(e.position, a.address, e.amount, e.effect) order by e.n) as lines
       from daybook.transaction_versions('main', $1) v
      cross join lateral unnest(v.entries) with ordinality e (ledger, id, transaction_id, transaction_version, position,
              account_id, direction, amount, currency, effect, locked, effective_at, created_at, metadata, lock_version,
              pending_debits, pending_credits, posted_debits, posted_credits, n)
       join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
      group by v.version`,
    [transaction_id],
  );
  return rows.map((row) => ({
    ...row,
    lines: lines.find((of) => of["version"] === row["version"])?.["lines"] ?? [],
  }));
}
const lines = (amount: number, effect: string, from = "alice", to = "bob") => [
  [1, from, amount, effect],
  [2, to, amount, effect],
];
const named = (operation: string) =>
  books.query("select set_config('daybook.request_id', $1, true)", [operation]);

test("each change makes one: what it was from then on, when, by whom and by what request", async () => {
  const expires_at = later();
  await named("r1");
  const transaction = await pend({ description: "first", expires_at });
  await named("r2");
  await books.update(transaction, { description: "second" });
  await named("r3");
  await books.update(transaction, { entries: move("alice", "carol", 60) });
  await named("r4");
  await books.update(transaction, {
    effective_at: LATER,
    expires_at: new Date(expires_at.getTime() + 1),
  });
  await named("r5");
  await books.postPart(transaction, move("alice", "carol", 10));
  await named("");
  await books.be("test_admin");
  await books.post(transaction);
  await books.be("test_writer");

  const common = { ledger: "main", transaction_id: transaction["transaction_id"] };
  const versions = await versionsOf(transaction);
  expect(versions).toMatchObject([
    {
      ...common,
      version: 1,
      status: "pending",
      effective_at: THEN,
      expires_at,
      description: "first",
      operation: "create_transaction",
      actor: "test_writer",
      request_id: "r1",
      lines: lines(100, "pending"),
    },
    {
      ...common,
      version: 2,
      status: "pending",
      effective_at: THEN,
      expires_at,
      description: "second",
      operation: "update_transaction",
      request_id: "r2",
      lines: lines(100, "pending"),
    },
    {
      version: 3,
      status: "pending",
      effective_at: THEN,
      description: "second",
      operation: "update_transaction",
      data: { entries: [{ account: "alice", amount: 60 }, { account: "carol" }] },
      lines: lines(60, "pending", "alice", "carol"),
    },
    {
      version: 4,
      status: "pending",
      effective_at: LATER,
      expires_at: new Date(expires_at.getTime() + 1),
      lines: lines(60, "pending", "alice", "carol"),
    },
    {
      version: 5,
      status: "pending",
      effective_at: LATER,
      operation: "partially_post_transaction",
      request_id: "r5",
      lines: lines(50, "pending", "alice", "carol"),
    },
    {
      version: 6,
      status: "posted",
      effective_at: LATER,
      description: "second",
      operation: "post_transaction",
      actor: "test_admin",
      request_id: null,
      lines: lines(50, "settled", "alice", "carol"),
    },
  ]);
  const times = versions.map((version) => version["created_at"].getTime());
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test("the entries of a version are those that made it, with what they are", async () => {
  const entries = move("alice", "bob", 5, { metadata: { n: 1 } });
  const transaction = await books.create(entries, { status: "pending" });
  await books.post(transaction);
  const [row] = await books.query(
    `select to_jsonb(v.entries[1]) - 'amount' = to_jsonb(e) - 'amount' as same
       from daybook.transaction_versions('main', $1) v
       join daybook.entries e on e.transaction_id = v.transaction_id and e.position = 1 and e.effect = 'pending'
      where v.version = 1`,
    [transaction["transaction_id"]],
  );
  expect(row).toEqual({ same: true });
});

describe("the end", () => {
  test("archived: what was released", async () => {
    const transaction = await pend();
    await books.archive(transaction);
    expect(await versionsOf(transaction)).toMatchObject([
      { version: 1, status: "pending", lines: lines(100, "pending") },
      {
        version: 2,
        status: "archived",
        operation: "archive_transaction",
        lines: lines(100, "released"),
      },
    ]);
  });

  test("expired: with what was left of it", async () => {
    const transaction = await pend({ expires_at: later() });
    await books.postPart(transaction, move("alice", "bob", 30));
    await books.lapse(transaction);
    await books.look("select daybook_private.expire_transactions(1)");
    expect(await versionsOf(transaction)).toMatchObject([
      { lines: lines(100, "pending") },
      { lines: lines(70, "pending") },
      { status: "archived", operation: "expire_transaction", lines: lines(70, "released") },
    ]);
  });

  test("fully posted: the last part", async () => {
    const transaction = await pend();
    await books.postPart(transaction, move("alice", "bob", 30));
    await books.postPart(transaction, move("alice", "bob", 70));
    expect(await versionsOf(transaction)).toMatchObject([
      { status: "pending" },
      { status: "pending", lines: lines(70, "pending") },
      {
        version: 3,
        status: "archived",
        operation: "partially_post_transaction",
        lines: lines(70, "released"),
      },
    ]);
  });

  test("posted with other entries and at another time", async () => {
    const transaction = await pend();
    const entries = move("carol", "bob", 7);
    await books.post(transaction, { entries, effective_at: LATER });
    expect(await versionsOf(transaction)).toMatchObject([
      { effective_at: THEN, lines: lines(100, "pending") },
      { effective_at: LATER, status: "posted", lines: lines(7, "posted", "carol") },
    ]);
  });
});

describe("only one version", () => {
  test("of what was made posted: it is its own record", async () => {
    const transaction = await books.create(move("alice", "bob", 5), { description: "d" });
    expect(await versionsOf(transaction)).toMatchObject([
      {
        version: 1,
        status: "posted",
        description: "d",
        expires_at: null,
        operation: "create_transaction",
        actor: "test_writer",
        lines: lines(5, "posted"),
      },
    ]);
  });

  test("of a part, and of a reversal, by the names of their operations", async () => {
    const part = await books.postPart(await pend(), move("alice", "bob", 30));
    expect(await versionsOf(part)).toMatchObject([
      { version: 1, operation: "partially_post_transaction", lines: lines(30, "posted") },
    ]);
    const { transaction_id } = await books.create(move("alice", "bob", 5));
    const reversal = await books.call("reverse_transaction", { transaction_id });
    expect(await versionsOf(reversal)).toMatchObject([
      { version: 1, operation: "reverse_transaction", status: "posted" },
    ]);
    expect(await versionsOf({ transaction_id })).toHaveLength(1);
  });

  test("of one that was declined: no entries, but what was asked and why it was refused", async () => {
    const declined = await books.create(
      move("alice", "bob", 5, { available_balance: { gte: 0 } }),
      {
        archive_on_lock_failure: true,
        status: "pending",
        description: "d",
        expires_at: later(),
      },
    );
    expect(await versionsOf(declined)).toMatchObject([
      {
        version: 1,
        status: "archived",
        description: "d",
        operation: "create_transaction",
        entries: "{}",
        lines: [],
        data: {
          entries: [{ account: "alice", amount: 5, available_balance: { gte: 0 } }, {}],
          error_code: "LDBAL",
          error_detail: { account: "alice" },
        },
      },
    ]);
  });
});

test("metadata makes no version, nor do refused, replayed and rehearsed calls", async () => {
  const transaction = await pend();
  const { transaction_id } = transaction;
  await books.call("set_transaction_metadata", { transaction_id, metadata: { a: 1 } });
  await books.refusal("update_transaction", { transaction_id });
  const key = { description: "d", idempotency_key: "k" };
  await books.update(transaction, key);
  await books.update(transaction, key);
  await books.call("delete_transaction_metadata", { transaction_id, key: "a" });
  expect((await versionsOf(transaction)).map((row) => row["operation"])).toEqual([
    "create_transaction",
    "update_transaction",
  ]);
});

test.each([
  "-4712-06-01T00:00:00.123456Z",
  "0044-03-15 12:00:00+00 BC",
  "9999-12-31T23:59:59.999999Z",
])(
  "an effective time of %s is kept to the microsecond, whatever the session's time zone",
  async (effective_at) => {
    await books.query("set local timezone = 'Asia/Kolkata'");
    const [row] = await books.query(
      `select (daybook.create_transaction('main', array[daybook.debit('alice', 1), daybook.credit('bob', 1)],
                 status => 'pending', effective_at => $1::text::timestamptz)).transaction_id`,
      [effective_at.startsWith("-") ? "4713-06-01 00:00:00.123456+00 BC" : effective_at],
    );
    await books.update(row!, { description: "x" });
    await books.query("set local timezone = 'America/St_Johns'");
    await books.query("set local datestyle = 'German'");
    const same = await books.query(
      `select v.effective_at = t.effective_at as same
         from daybook.transaction_versions('main', $1) v
         join daybook.transactions t on t.ledger = v.ledger and t.id = v.transaction_id`,
      [row!["transaction_id"]],
    );
    expect(same).toEqual([{ same: true }, { same: true }]);
  },
);

describe("who may look", () => {
  const unknown = "00000000-0000-7000-8000-000000000000";

  test("a reader of the ledger, and nobody else", async () => {
    const { transaction_id } = await pend();
    await books.be("test_reader");
    expect(await books.refusal("transaction_versions", { transaction_id })).toMatchObject({
      code: "42501",
    });
    await books.be("test_admin");
    await books.call("grant_ledger_access", { role: "test_reader", access: "read" });
    await books.be("test_reader");
    expect(await versionsOf({ transaction_id })).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["LDARG", { transaction_id: null }],
    ["LDTXN", { transaction_id: unknown }],
    ["LDLED", { transaction_id: unknown, ledger: "none" }],
  ])("%s for %j", async (code, args) => {
    await books.be("test_admin");
    expect(await books.refusal("transaction_versions", args)).toMatchObject({ code });
  });

  test("a transaction of another ledger is not found", async () => {
    const { transaction_id } = await pend();
    await books.be("test_admin");
    await books.call("create_ledger", { ledger: "second" });
    const args = { transaction_id, ledger: "second" };
    expect(await books.refusal("transaction_versions", args)).toMatchObject({ code: "LDTXN" });
  });
});
