import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestServer, type TestServer } from "./server.ts";

/* Arrays within a row keep the order that SQL gives them. */

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.database.pool.query(
    `select daybook.create_ledger('main');
     select daybook.open_account('main', 'a', 'USD');
     select daybook.open_account('main', 'b', 'USD');
     select daybook.open_account('main', 'c', 'USD')`,
  );
});
afterAll(() => server?.stop());

const ENTRIES = [
  { account: "c", direction: "debit", amount: "30", showResultingBalances: true },
  { account: "a", direction: "credit", amount: "10", showResultingBalances: true },
  { account: "b", direction: "credit", amount: "20", showResultingBalances: true },
];

const CREATE = `mutation ($entries: [EntryInput!]!) {
  createTransaction(input: { ledger: "main", entries: $entries, status: pending }) {
    result { transactionId balances { account pendingAmount } }
  }
}`;

async function create() {
  const { createTransaction } = await server.data(CREATE, { entries: ENTRIES });
  return createTransaction.result;
}

test("balances come in the order of the entries that asked for them", async () => {
  const { balances } = await create();
  expect(balances.map(({ account }: any) => account)).toEqual(["c", "a", "b"]);
});

const lines = (effect: string) =>
  ["c", "a", "b"].map((address, i) => ({ position: i + 1, effect, account: { address } }));

test("the lines of a version come in the order of the transaction's", async () => {
  const { transactionId: id } = await create();
  await server.database.pool.query("select daybook.archive_transaction('main', $1)", [id]);
  const { transactionVersions } = await server.data(
    `query ($id: UUID!) {
       transactionVersions(ledger: "main", transactionId: $id) {
         nodes { status entries { position effect account { address } } }
       }
     }`,
    { id },
  );
  expect(transactionVersions.nodes).toEqual([
    { status: "pending", entries: lines("pending") },
    { status: "archived", entries: lines("released") },
  ]);
});
