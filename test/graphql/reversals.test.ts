import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

async function made(input: object = {}): Promise<string> {
  const entries = entriesOf("100");
  const answer = await server.data(CREATE, { input: { ledger: "main", entries, ...input } });
  return answer.createTransaction.result.transactionId;
}

test("sets and deletes metadata of a transaction that is posted", async () => {
  const id = await made({ metadata: { a: 1, b: 2 } });
  const answer = await server.data(
    `mutation ($id: UUID!, $metadata: JSON!) {
      setTransactionMetadata(input: { ledger: "main", transactionId: $id, metadata: $metadata }) {
        result { transactionId status version transaction { metadata } }
      }
      deleteTransactionMetadata(input: { ledger: "main", transactionId: $id, key: "a" }) {
        result { version transaction { metadata } }
      }
    }`,
    { id, metadata: { b: { c: 3 }, d: null } },
  );
  expect(answer.setTransactionMetadata.result).toMatchObject({
    transactionId: id,
    status: "posted",
    version: 1,
  });
  expect(answer.deleteTransactionMetadata.result).toEqual({
    version: 1,
    transaction: { metadata: { b: { c: 3 }, d: null } },
  });
});

test("divides an amount of any size by weights", async () => {
  const whole = "9".repeat(36);
  const query = `query ($amount: BigFloat!, $weights: [BigFloat]!) { allocate(amount: $amount, weights: $weights) }`;
  const { allocate } = await server.data(query, { amount: whole, weights: ["1", "1", "0.5"] });
  expect(allocate.map(BigInt).reduce((a: bigint, b: bigint) => a + b)).toBe(BigInt(whole));
  const { errors } = await server.ask(query, { amount: whole, weights: [] });
  expect(errors![0]!.extensions).toMatchObject({ code: "INVALID_ARGUMENT", sqlstate: "LDARG" });
});
