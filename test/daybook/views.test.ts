import { describe, expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const columns = async (relation: string) =>
  (
    await books.look(
      `select attname from pg_attribute where attrelid = 'daybook.${relation}'::regclass and attnum > 0 and not attisdropped`,
    )
  ).map((row) => row["attname"] as string);

/** The contract's list: at least these columns; those of balances exactly, for functions return its rows. */
describe.each<[string, string]>([
  ["ledgers", "name description metadata closed_until created_at"],
  ["currencies", "code exponent name"],
  [
    "accounts",
    "ledger id address currency normal_balance balance_min balance_max description metadata closed_at created_at",
  ],
  [
    "balances",
    "ledger account account_id currency currency_exponent normal_balance lock_version pending_debits pending_credits pending_amount posted_debits posted_credits posted_amount available_amount",
  ],
  [
    "transactions",
    "ledger id status version effective_at created_at posted_at archived_at archived_reason expires_at external_id description metadata reverses_transaction_id reversed_by_transaction_id partially_posts_transaction_id counterpart_ledger counterpart_transaction_id",
  ],
  [
    "entries",
    "ledger id transaction_id transaction_version position account_id direction amount effect effective_at created_at metadata lock_version pending_debits pending_credits posted_debits posted_credits",
  ],
  ["current_entries", "ledger id transaction_id position account_id direction amount effect"],
  [
    "log",
    "ledger id kind transaction_id account_id data actor request_id client_address created_at",
  ],
])("%s", (relation, list) => {
  test("has the columns of the contract", async () => {
    expect(await columns(relation)).toEqual(expect.arrayContaining(list.split(" ")));
  });

  test("can be read by a reader of the ledger", async () => {
    await books.query(`select * from daybook.${relation} limit 1`);
  });
});

/** Names and order of fields are the contract's: composites are also built by position. */
describe.each<[string, string]>([
  ["balance_bounds", "gt gte eq not_eq lte lt"],
  ["account_input", "address currency normal_balance balance_min balance_max description metadata"],
  [
    "entry_input",
    "account direction amount lock_version pending_balance posted_balance available_balance show_resulting_balances metadata",
  ],
  ["category_lock_input", "category pending_balance posted_balance available_balance"],
  [
    "transaction_input",
    "entries status effective_at idempotency_key external_id description metadata category_locks archive_on_lock_failure expires_at",
  ],
  [
    "transaction_result",
    "index ledger transaction_id status version replayed archived_reason balances error_code error_message error_detail",
  ],
  [
    "transaction_version",
    "ledger transaction_id version status effective_at expires_at description entries operation data actor request_id client_address created_at",
  ],
])("type %s", (type, list) => {
  test("has the fields of the contract, in order", async () => {
    const fields = await columns(type);
    expect(fields.slice(0, list.split(" ").length)).toEqual(list.split(" "));
  });
});

const effects = async () =>
  (await books.query("select effect::text, position from daybook.current_entries order by 2")).map(
    (row) => row["effect"],
  );

describe("current_entries", () => {
  test("a pending transaction shows its pending lines, then what became of them", async () => {
    const transaction = await books.create(move("alice", "bob", 1), { status: "pending" });
    expect(await effects()).toEqual(["pending", "pending"]);
    await books.query("savepoint pending");
    await books.post(transaction);
    expect(await effects()).toEqual(["settled", "settled"]);
    await books.query("rollback to savepoint pending");
    await books.archive(transaction);
    expect(await effects()).toHaveLength(2);
  });

  test("a posted transaction shows its lines once", async () => {
    await books.create(move("alice", "bob", 1));
    expect(await effects()).toEqual(["posted", "posted"]);
  });
});

type Step = (transaction: Row) => Promise<unknown>;
const part: Step = (t) => books.postPart(t, move("alice", "bob", 4));
const other: Step = (t) => books.update(t, { entries: move("carol", "bob", 7) });
const moved: Step = (t) => books.update(t, { effective_at: "2020-01-01T00:00:00Z" });
const post: Step = (t) => books.post(t);
const archive: Step = (t) => books.archive(t);

describe("current_entries: each line of the present version once", () => {
  test.each<[string, Step[], [string, number, string]]>([
    ["updated", [other], ["carol", 7, "pending"]],
    ["moved in time", [moved], ["alice", 10, "pending"]],
    ["described", [(t) => books.update(t, { description: "d" })], ["alice", 10, "pending"]],
    ["posted in part", [part], ["alice", 6, "pending"]],
    [
      "posted in part, then moved, then in part again",
      [part, moved, part],
      ["alice", 2, "pending"],
    ],
    ["posted in part, then updated", [part, other], ["carol", 7, "pending"]],
    ["posted in part, then posted", [part, post], ["alice", 6, "settled"]],
    ["posted in part, then archived", [part, archive], ["alice", 6, "released"]],
    ["updated, then archived", [other, archive], ["carol", 7, "released"]],
    ["updated, then posted", [other, moved, post], ["carol", 7, "settled"]],
    [
      "posted with other entries",
      [(t) => books.post(t, { entries: move("carol", "bob", 3) })],
      ["carol", 3, "posted"],
    ],
    [
      "posted at another time",
      [(t) => books.post(t, { effective_at: "2020-01-01T00:00:00Z" })],
      ["alice", 10, "posted"],
    ],
  ])("%s", async (_, steps, [from, amount, effect]) => {
    const transaction = await books.create(move("alice", "bob", 10), { status: "pending" });
    for (const step of steps) await step(transaction);
    const line = { amount: String(amount), effect };
    expect(await books.linesOf(transaction)).toEqual([
      { position: 1, account: from, direction: "debit", ...line },
      { position: 2, account: "bob", direction: "credit", ...line },
    ]);
  });

  test("none of one that was declined", async () => {
    const entries = move("alice", "bob", 1, { posted_balance: { gte: 0 } });
    const declined = await books.create(entries, { archive_on_lock_failure: true });
    expect(await books.linesOf(declined)).toEqual([]);
  });
});

describe("log", () => {
  test("each change of a transaction is a record, by the name of its operation", async () => {
    const transaction = await books.create(move("alice", "bob", 10), {
      status: "pending",
      expires_at: new Date(Date.now() + 3_600_000),
    });
    await books.update(transaction, { description: "d" });
    const posted = await books.postPart(transaction, move("alice", "bob", 4));
    await books.lapse(transaction);
    await books.look("select daybook_private.expire_transactions(1)");
    const kinds = async ({ transaction_id }: Row) =>
      (
        await books.query(
          "select kind from daybook.log where transaction_id = $1 order by created_at",
          [transaction_id],
        )
      ).map((row) => row["kind"]);
    expect(await kinds(transaction)).toEqual([
      "create_transaction",
      "update_transaction",
      "partially_post_transaction",
      "expire_transaction",
    ]);
    expect(await kinds(posted)).toEqual(["partially_post_transaction"]);
  });

  test("has one record per operation, ids are UUIDv7 and unique", async () => {
    const before = await books.query("select id from daybook.log");
    const transaction = await books.create(move("alice", "bob", 1), { status: "pending" });
    await books.post(transaction);
    await books.create(move("alice", "bob", 1));
    await books.call("set_account_metadata", { address: "alice", metadata: { a: 1 } });
    const after = await books.query("select id, kind, created_at from daybook.log");
    expect(after).toHaveLength(before.length + 4);
    expect(new Set(after.map((row) => row["id"])).size).toBe(after.length);
  });

  test("posting a pending transaction does not make its creation appear twice", async () => {
    const transaction = await books.create(move("alice", "bob", 1), { status: "pending" });
    await books.post(transaction);
    const rows = await books.query(
      "select from daybook.log where transaction_id = $1 and kind = 'create_transaction'",
      [transaction["transaction_id"]],
    );
    expect(rows).toHaveLength(1);
  });

  test("a replay, a refusal and a dry run are no operations", async () => {
    const key = { idempotency_key: "k" };
    await books.create(move("alice", "bob", 1), key);
    const before = await books.query("select id from daybook.log");
    await books.create(move("alice", "bob", 1), key);
    await books.create(move("alice", "bob", 1), { dry_run: true });
    await books.createRefused(move("alice", "bob", 1, { posted_balance: { gte: 0 } }));
    expect(await books.query("select id from daybook.log")).toEqual(before);
  });
});
