import { describe, expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

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

describe("log", () => {
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
