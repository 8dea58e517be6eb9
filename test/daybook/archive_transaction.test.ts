import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const pend = (args: object = {}) =>
  books.create(move("alice", "bob", 100), { status: "pending", ...args });
const refusal = (args: object) => books.refusal("archive_transaction", args);

test("what was held is released: counters as before, entries that say so", async () => {
  const at = new Date("2020-01-01T00:00:00Z");
  const transaction = await pend({ effective_at: at });
  const { transaction_id } = transaction;
  expect(await books.archive(transaction)).toMatchObject({
    transaction_id,
    status: "archived",
    version: 2,
    replayed: false,
  });
  const row = await books.transaction(transaction_id);
  expect(row).toMatchObject({ status: "archived", version: 2, posted_at: null });
  expect(row["archived_at"]).toBeInstanceOf(Date);
  expect(await books.entriesOf("alice")).toMatchObject([
    { effect: "pending", amount: "100", pending_debits: "100" },
    {
      effect: "released",
      transaction_version: 2,
      position: 1,
      direction: "debit",
      amount: "100",
      lock_version: "2",
      effective_at: at,
      created_at: row["archived_at"],
      pending_debits: "0",
      posted_debits: "0",
    },
  ]);
  expect(await books.balance("alice")).toMatchObject({
    lock_version: "2",
    pending_debits: "0",
    pending_credits: "0",
    available_amount: "0",
  });
});

test("an archived hold leaves no trace in effective time", async () => {
  await books.archive(await pend({ effective_at: "2020-01-01T00:00:00Z" }));
  const [sum] = await books.query(
    `select sum(case effect when 'released' then -amount else amount end)::text as held
       from daybook.entries where effective_at = '2020-01-01T00:00:00Z'`,
  );
  expect(sum).toEqual({ held: "0" });
});

test("its lines stay what they were, once each", async () => {
  await books.archive(await pend());
  const lines = await books.query(
    "select position, amount::int, direction::text from daybook.current_entries order by 1",
  );
  expect(lines).toEqual([
    { position: 1, amount: 100, direction: "debit" },
    { position: 2, amount: 100, direction: "credit" },
  ]);
});

test("an expired one may be archived", async () => {
  const transaction = await pend({ expires_at: new Date(Date.now() + 100) });
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(await books.archive(transaction)).toMatchObject({ status: "archived" });
});

test("expected_version is the pending one's", async () => {
  const transaction = await pend();
  const { transaction_id } = transaction;
  expect(await refusal({ transaction_id, expected_version: 2 })).toMatchObject({ code: "LDVER" });
  expect(await books.archive(transaction, { expected_version: 1 })).toMatchObject({ version: 2 });
});

test("posted and archived ones are LDSTA", async () => {
  const posted = await books.create(move("alice", "bob", 1));
  const archived = await pend();
  await books.archive(archived);
  for (const [status, { transaction_id }] of Object.entries({ posted, archived })) {
    expect(await refusal({ transaction_id })).toMatchObject({ code: "LDSTA", detail: { status } });
  }
});

test("a repeated call with a key returns what the first returned", async () => {
  const transaction = await pend();
  const key = { idempotency_key: "a" };
  const first = await books.archive(transaction, key);
  expect(await books.archive(transaction, key)).toEqual({ ...first, replayed: true });
  const { transaction_id } = transaction;
  expect(await books.refusal("post_transaction", { transaction_id, ...key })).toMatchObject({
    code: "LDIDM",
  });
});

test("archiving is logged", async () => {
  const transaction = await pend();
  await books.archive(transaction);
  const log = await books.query(
    "select kind from daybook.log where transaction_id = $1 order by created_at",
    [transaction["transaction_id"]],
  );
  expect(log.map((row) => row["kind"])).toEqual(["create_transaction", "archive_transaction"]);
});

const unknown = "00000000-0000-7000-8000-000000000000";
test.each<[string, object]>([
  ["LDARG", { transaction_id: null }],
  ["LDARG", { transaction_id: unknown, expected_version: 0 }],
  ["LDARG", { transaction_id: unknown, idempotency_key: "\u0007" }],
  ["LDTXN", { transaction_id: unknown }],
  ["LDLED", { transaction_id: unknown, ledger: "none" }],
])("%s for %j", async (code, args) => {
  await books.be("test_admin");
  expect(await refusal(args)).toMatchObject({ code });
});
