import { beforeEach, expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const NOBODY = "01a1fd48-0a1b-79a0-8f46-382357e9f9a5";

const books = useBooks(async () => {
  await books.be("test_admin");
  await books.call("grant_ledger_access", { role: "test_auditor", access: "read" });
});
beforeEach(() => books.be("test_auditor"));

/** Does something as a writer. */
async function write(name: string, args: object): Promise<Row> {
  await books.be("test_writer");
  const row = await books.call(name, args);
  await books.be("test_auditor");
  return row;
}
const create = (status: string) =>
  write("create_transaction", { entries: move("bob", "alice", 5), status });
const verify = (...acknowledged: object[]) => books.all("verify_acknowledged", { acknowledged });

test("what is there as it was acknowledged, or has gone on since, is no news", async () => {
  const made = await create("posted");
  const held = await create("pending");
  const changed = await create("pending");
  const posted = await write("post_transaction", { transaction_id: changed["transaction_id"] });
  expect(posted).toMatchObject({ version: 2, status: "posted" });
  expect(await verify(made, held, changed, posted)).toEqual([]);
  expect(await verify({ transaction_id: made["transaction_id"] })).toEqual([]);
});

test("a transaction that is not there is named, with what was acknowledged", async () => {
  const made = await create("posted");
  const [found, ...more] = await verify(made, {
    transaction_id: NOBODY,
    version: 1,
    idempotency_key: "k",
  });
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    violation: "an acknowledged transaction is missing",
    ledger: "main",
    subject: NOBODY,
    facts: { acknowledged: { transaction_id: NOBODY, idempotency_key: "k" }, found: null },
  });
});

test("nor is one found in another ledger than its own", async () => {
  const made = await create("posted");
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "other" });
  await books.call("grant_ledger_access", {
    ledger: "other",
    role: "test_auditor",
    access: "read",
  });
  await books.be("test_auditor");
  const args = { ledger: "other", acknowledged: [made] };
  expect(await books.all("verify_acknowledged", args)).toHaveLength(1);
});

test("a change that is not there is told, and a status that is another", async () => {
  const held = await create("pending");
  const { transaction_id } = held;
  const found = { version: 1, status: "pending" };
  expect(
    await verify(
      { ...held, version: 2, status: "posted" },
      { transaction_id, status: "archived" },
      { transaction_id, version: 1, status: "posted" },
    ),
  ).toMatchObject([
    { violation: "an acknowledged change of a transaction is missing", facts: { found } },
    { violation: "a transaction has not the status that was acknowledged", facts: { found } },
    { violation: "a transaction has not the status that was acknowledged", facts: { found } },
  ]);
});

test("a receipt is looked for in the queue and among those that were finished", async () => {
  const transactions = [{ entries: move("bob", "alice", 5), idempotency_key: "q" }];
  const { receipt_id } = await write("enqueue_transactions", { transactions });
  const lost = { receipt_id: NOBODY };
  expect(await verify({ receipt_id }, lost)).toMatchObject([
    { violation: "an acknowledged receipt is missing", subject: NOBODY },
  ]);
  await books.look("select daybook_private.drain_queue('main', 10)");
  expect(await verify({ receipt_id }, lost)).toMatchObject([{ subject: NOBODY }]);
  const { transaction_id } = await create("posted");
  expect(await verify({ ...lost, transaction_id })).toEqual([]); // receipts are forgotten one day
});

test("what cannot be looked for is refused", async () => {
  expect(
    await books.refusal("verify_acknowledged", {
      acknowledged: [{ transaction_id: NOBODY }, { version: 1 }],
    }),
  ).toMatchObject({ code: "LDARG", detail: { argument: "acknowledged", index: 2 } });
  expect(await books.refusal("verify_acknowledged", { acknowledged: null })).toMatchObject({
    code: "LDARG",
  });
});

test("it is for auditors and administrators of the ledger", async () => {
  const args = { acknowledged: [] };
  expect(await books.all("verify_acknowledged", args)).toEqual([]);
  expect(await books.refusal("verify_acknowledged", { ...args, ledger: "none" })).toMatchObject({
    code: "42501",
  });
  await books.be("test_admin");
  expect(await books.refusal("verify_acknowledged", { ...args, ledger: "none" })).toMatchObject({
    code: "LDLED",
  });
  await books.be("test_writer");
  expect(await books.refusal("verify_acknowledged", args)).toMatchObject({ code: "42501" });
});
