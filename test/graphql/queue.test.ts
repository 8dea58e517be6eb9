import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { drainAs } from "../support/use-books.ts";
import { entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

const ENQUEUE = `mutation ($transactions: [TransactionInput]!) {
  enqueueTransactions(input: { ledger: "main", transactions: $transactions }) {
    result { ledger receiptId state idempotencyKey transactionId errorCode acceptedAt finishedAt }
  }
}`;
const RECEIPT = `query ($id: UUID!) {
  queuedTransaction(ledger: "main", receiptId: $id) {
    receiptId state errorCode errorMessage errorDetail transaction { id status actor }
  }
}`;
const QUEUE = `{ transactionQueue(ledger: "main") { ledger depth maxDepth oldestAcceptedAt oldestAge { seconds } } }`;

const request = (idempotencyKey: string, amount: unknown = 5) => ({
  entries: entriesOf(amount),
  idempotencyKey,
});
const drain = () =>
  drainAs(async (sql, values) => (await server.database.pool.query(sql, values)).rows, "main");

test("enqueues, shows what waits, and what became of it", async () => {
  const transactions = [request("a"), request("b", "0.5")];
  const { result } = (await server.data(ENQUEUE, { transactions })).enqueueTransactions;
  expect(result).toMatchObject([
    { ledger: "main", state: "queued", idempotencyKey: "a", transactionId: null, finishedAt: null },
    { state: "queued", idempotencyKey: "b" },
  ]);
  expect((await server.data(QUEUE)).transactionQueue).toMatchObject({
    depth: "2",
    maxDepth: "1000000",
    oldestAcceptedAt: result[0].acceptedAt,
    oldestAge: { seconds: expect.any(Number) },
  });
  expect(await drain()).toBe(2);
  const [a, b] = result.map(({ receiptId }: any) => ({ id: receiptId }));
  expect((await server.data(RECEIPT, a)).queuedTransaction).toMatchObject({
    state: "applied",
    errorCode: null,
    transaction: { id: expect.any(String), status: "posted", actor: "daybook_authenticator" },
  });
  expect((await server.data(RECEIPT, b)).queuedTransaction).toMatchObject({
    state: "refused",
    errorCode: "LDAMT",
    errorDetail: { index: 1 },
    transaction: null,
  });
  const again = (await server.data(ENQUEUE, { transactions: [request("a")] })).enqueueTransactions;
  expect(again.result).toMatchObject([{ receiptId: a.id, state: "applied" }]);
});

test("says why it refuses", async () => {
  const refused = async (query: string, variables: object) => {
    const { errors } = await server.ask(query, variables as Record<string, unknown>);
    return errors?.[0]?.extensions;
  };
  const noKey = { transactions: [request("x"), { entries: entriesOf(1) }] };
  expect(await refused(ENQUEUE, noKey)).toMatchObject({
    code: "INVALID_ARGUMENT",
    detail: { argument: "idempotency_key", index: 2 },
  });
  expect(await refused(RECEIPT, { id: "00000000-0000-7000-8000-000000000000" })).toMatchObject({
    code: "RECEIPT_NOT_FOUND",
    sqlstate: "LDRCP",
  });
  await server.data(`mutation { setQueueLimit(input: { maxDepth: 0 }) { result } }`);
  expect(await refused(ENQUEUE, { transactions: [request("x")] })).toMatchObject({
    code: "QUEUE_FULL",
    hint: expect.stringContaining("later"),
  });
});

test("all queues at once, beside their ledgers", async () => {
  const { ledgers, transactionQueues } = await server.data(
    `{ ledgers { nodes { name transactionQueue { depth } } } transactionQueues { nodes { ledger depth ledgerDetails { name } } } }`,
  );
  expect(ledgers.nodes).toEqual([{ name: "main", transactionQueue: { depth: "0" } }]);
  expect(transactionQueues.nodes).toEqual([
    { ledger: "main", depth: "0", ledgerDetails: { name: "main" } },
  ]);
});
