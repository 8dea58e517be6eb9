import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

const twice = (line: object) => [line, line];
const LINES = "transaction { status version entries { nodes { amount effect } } }";

test("a hold is changed, posted in part, posted, and tells its history", async () => {
  const made = await server.data(CREATE, {
    input: { ledger: "main", status: "pending", entries: entriesOf("100") },
  });
  const id = made.createTransaction.result.transactionId;
  const updated = await server.data(
    `mutation ($input: UpdateTransactionInput!) { updateTransaction(input: $input) { result { ${LINES} } } }`,
    { input: { ledger: "main", transactionId: id, expectedVersion: 1, entries: entriesOf("80") } },
  );
  expect(updated.updateTransaction.result.transaction).toEqual({
    status: "pending",
    version: 2,
    entries: { nodes: twice({ amount: "80", effect: "pending" }) },
  });
  const part = await server.data(
    `mutation ($input: PartiallyPostTransactionInput!) {
       partiallyPostTransaction(input: $input) {
         result { transaction { status partiallyPostsTransaction { id entries { nodes { amount } } } } }
       }
     }`,
    { input: { ledger: "main", transactionId: id, entries: entriesOf("30") } },
  );
  expect(part.partiallyPostTransaction.result.transaction).toEqual({
    status: "posted",
    partiallyPostsTransaction: { id, entries: { nodes: twice({ amount: "50" }) } },
  });
  const posted = await server.data(
    `mutation ($input: PostTransactionInput!) { postTransaction(input: $input) { result { ${LINES} } } }`,
    { input: { ledger: "main", transactionId: id, entries: entriesOf("45") } },
  );
  expect(posted.postTransaction.result.transaction).toMatchObject({ status: "posted", version: 4 });
  const { transactionVersions } = await server.data(
    `query ($id: UUID!) {
       transactionVersions(ledger: "main", transactionId: $id) {
         nodes { version status operation entries { amount account { address } } }
       }
     }`,
    { id },
  );
  const history = transactionVersions.nodes.map((v: any) => [
    v.version,
    v.status,
    v.operation,
    v.entries.map(({ amount }: { amount: string }) => amount),
  ]);
  expect(history).toEqual([
    [1, "pending", "create_transaction", ["100", "100"]],
    [2, "pending", "update_transaction", ["80", "80"]],
    [3, "pending", "partially_post_transaction", ["50", "50"]],
    [4, "posted", "post_transaction", ["45", "45"]],
  ]);
});

test("more than is left is INVALID_AMOUNT, with what is left", async () => {
  const made = await server.data(CREATE, {
    input: { ledger: "main", status: "pending", entries: entriesOf("10") },
  });
  const { errors } = await server.ask(
    `mutation ($input: PartiallyPostTransactionInput!) {
       partiallyPostTransaction(input: $input) { result { status } } }`,
    {
      input: {
        ledger: "main",
        transactionId: made.createTransaction.result.transactionId,
        entries: entriesOf("11"),
      },
    },
  );
  expect(errors![0]!.extensions).toMatchObject({
    code: "INVALID_AMOUNT",
    detail: { remaining: "10" },
  });
});
