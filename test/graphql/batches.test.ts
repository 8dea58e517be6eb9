import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

const CREATE_MANY = `
  mutation ($input: CreateTransactionsInput!) {
    createTransactions(input: $input) {
      result { index transactionId status replayed errorCode errorDetail transaction { description } }
    }
  }`;

const member = (amount: number, idempotencyKey: string) => ({
  entries: entriesOf(amount),
  idempotencyKey,
  description: idempotencyKey,
});
/** More than the account has. */
const tooMuch = {
  entries: [
    {
      account: "users:alice",
      direction: "debit",
      amount: "999999",
      availableBalance: { gte: "0" },
    },
    { account: "bank", direction: "credit", amount: "999999" },
  ],
};

test("a refused member in the middle is a result; its neighbours are made, and replayed when repeated", async () => {
  const transactions = [1, 2, 3, 4, 5].map((n) => member(n, `b${n}`));
  const input = { ledger: "main", transactions: [...transactions, tooMuch, member(6, "b6")] };
  const { result: results } = (await server.data(CREATE_MANY, { input })).createTransactions;
  expect(results.map((r: any) => r.index)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(results[5]).toMatchObject({
    transactionId: null,
    status: null,
    errorCode: "LDBAL",
    errorDetail: { index: 1, account: "users:alice", bound: "gte" },
    transaction: null,
  });
  expect(results[6]).toMatchObject({
    status: "posted",
    replayed: false,
    errorCode: null,
    transaction: { description: "b6" },
  });
  const again = (await server.data(CREATE_MANY, { input })).createTransactions.result;
  expect(again[6]).toEqual({ ...results[6], replayed: true });
  expect(again[5]).toMatchObject({ errorCode: "LDBAL", replayed: false });
});

test("an atomic batch is refused with the error of its first refused member", async () => {
  const transactions = [member(1, "a1"), tooMuch];
  const { errors } = await server.ask(CREATE_MANY, {
    input: { ledger: "main", transactions, atomic: true },
  });
  expect(errors).toMatchObject([
    {
      extensions: {
        code: "BALANCE_CONDITION",
        sqlstate: "LDBAL",
        detail: { index: 2, entry_index: 1 },
      },
    },
  ]);
  const { rows } = await server.database.pool.query(
    "select from daybook_private.idempotency_keys where key = 'a1'",
  );
  expect(rows).toEqual([]);
});
