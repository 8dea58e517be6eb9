import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const request = (idempotency_key: string, amount = 5) => ({
  entries: move("alice", "bob", amount),
  idempotency_key,
});
const unknown = "00000000-0000-7000-8000-000000000000";

test("shows a receipt waiting, applied and refused", async () => {
  const [good, bad] = await books.enqueue(request("good"), request("bad", 0));
  expect(await books.receipt(good!)).toEqual(good);
  await books.drain();
  const applied = await books.receipt(good!);
  expect(applied).toMatchObject({
    ...good,
    state: "applied",
    finished_at: expect.any(Date),
    transaction_id: expect.any(String),
  });
  expect(await books.transaction(applied["transaction_id"])).toMatchObject({ status: "posted" });
  expect(await books.receipt(bad!)).toMatchObject({
    ...bad,
    state: "refused",
    error_code: "LDAMT",
    finished_at: expect.any(Date),
    error_message: expect.any(String),
    error_detail: { index: 1 },
  });
});

test("a reader may ask", async () => {
  const [receipt] = await books.enqueue(request("k"));
  await books.be("test_admin");
  await books.call("grant_ledger_access", { role: "test_reader", access: "read" });
  await books.be("test_reader");
  expect(await books.receipt(receipt!)).toEqual(receipt);
});

test("42501, LDARG, LDLED, LDRCP", async () => {
  const code = async (args: object) => (await books.refusal("queued_transaction", args)).code;
  expect(await code({ ledger: "none", receipt_id: null })).toBe("42501");
  expect(await code({ receipt_id: null })).toBe("LDARG");
  expect(await books.refusal("queued_transaction", { receipt_id: unknown })).toMatchObject({
    code: "LDRCP",
    detail: { ledger: "main", receipt_id: unknown },
    hint: expect.stringMatching(/\w+ \w+/),
  });
  await books.be("test_admin");
  expect(await code({ ledger: "none", receipt_id: unknown })).toBe("LDLED");
});

test("a receipt of another ledger is not found", async () => {
  const [receipt] = await books.enqueue(request("k"));
  await books.be("test_admin");
  await books.call("create_ledger", { ledger: "other" });
  const refusal = await books.refusal("queued_transaction", {
    ledger: "other",
    receipt_id: receipt!["receipt_id"],
  });
  expect(refusal.code).toBe("LDRCP");
});

test("finished receipts are forgotten when their retention is over, waiting ones never", async () => {
  const [old] = await books.enqueue(request("old"));
  await books.drain();
  const [waiting] = await books.enqueue(request("waiting"));
  await books.look(
    "update daybook_private.finished_receipts set finished_at = now() - interval '31 days'",
  );
  await books.look(
    "update daybook_private.queued_transactions set accepted_at = now() - interval '31 days'",
  );
  const [young] = await books.enqueue(request("young"));
  expect(await books.look("select daybook_private.purge_receipts('40 days') as n")).toEqual([
    { n: "0" },
  ]);
  expect(await books.look("select daybook_private.purge_receipts() as n")).toEqual([{ n: "1" }]);
  expect((await books.refusal("queued_transaction", { receipt_id: old!["receipt_id"] })).code).toBe(
    "LDRCP",
  );
  for (const receipt of [waiting, young])
    expect(await books.receipt(receipt!)).toMatchObject({ state: "queued" });
});

test("the retention is never below a day", async () => {
  const [receipt] = await books.enqueue(request("k"));
  await books.drain();
  await books.look(
    "update daybook_private.finished_receipts set finished_at = now() - interval '23 hours'",
  );
  expect(await books.look("select daybook_private.purge_receipts('0 days') as n")).toEqual([
    { n: "0" },
  ]);
  expect(await books.receipt(receipt!)).toMatchObject({ state: "applied" });
});
