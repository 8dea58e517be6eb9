import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  CREATE,
  entriesOf,
  openBooks,
  SECRET,
  sign,
  startTestServer,
  type TestServer,
} from "./server.ts";

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

const LINES = "nodes { position direction amount account { address } }";

test("reverses a transaction, and shows each from the other", async () => {
  const id = await made({ effectiveAt: "2020-01-01T00:00:00Z" });
  const reverse = `mutation ($id: UUID!) {
    reverseTransaction(input: {
      ledger: "main", transactionId: $id, description: "mistake", metadata: { ticket: 7 }, idempotencyKey: "undo"
    }) {
      result {
        transactionId status version replayed
        transaction {
          effectiveAt description metadata reversesTransactionId
          entries { ${LINES} }
          reversesTransaction { id reversedByTransactionId reversedByTransaction { id description } }
        }
      }
    }
  }`;
  const { result } = (await server.data(reverse, { id })).reverseTransaction;
  const { transactionId } = result;
  expect(result).toMatchObject({
    status: "posted",
    version: 1,
    replayed: false,
    transaction: {
      description: "mistake",
      metadata: { ticket: 7 },
      reversesTransactionId: id,
      reversesTransaction: {
        id,
        reversedByTransactionId: transactionId,
        reversedByTransaction: { id: transactionId, description: "mistake" },
      },
    },
  });
  expect(new Date(result.transaction.effectiveAt)).toEqual(new Date("2020-01-01T00:00:00Z"));
  expect(result.transaction.entries.nodes).toEqual([
    { position: 1, direction: "credit", amount: "100", account: { address: "bank" } },
    { position: 2, direction: "debit", amount: "100", account: { address: "users:alice" } },
  ]);
  const again = (await server.data(reverse, { id })).reverseTransaction.result;
  expect(again).toEqual({ ...result, replayed: true });
  const { errors } = await server.ask(reverse.replace("undo", "undo again"), { id });
  expect(errors![0]!.extensions).toMatchObject({
    code: "INVALID_STATUS",
    sqlstate: "LDSTA",
    detail: { status: "reversed", reversed_by_transaction_id: transactionId },
  });
});

const TRANSFER = `mutation ($amount: BigFloat!) {
  transferBetweenLedgers(input: {
    fromLedger: "main", fromAccount: "users:alice", fromClearingAccount: "clearing"
    toLedger: "abroad", toAccount: "users:bob", toClearingAccount: "clearing", amount: $amount
  }) {
    result {
      ledger transactionId
      transaction {
        counterpartLedger
        counterpartTransaction {
          ledger id effectiveAt entries { ${LINES} }
          counterpartTransaction { ledger id }
        }
      }
    }
  }
}`;

const CLEARING = `mutation {
    createLedger(input: { ledger: "abroad" }) { result { name } }
    here: openAccount(input: { ledger: "main", address: "clearing", currency: "USD" }) { result { id } }
    there: openAccount(input: { ledger: "abroad", address: "clearing", currency: "USD" }) { result { id } }
    bob: openAccount(input: { ledger: "abroad", address: "users:bob", currency: "USD" }) { result { id } }
  }`;

test("transfers between ledgers, and shows each half from the other", async () => {
  await server.data(CLEARING);
  const { result } = (await server.data(TRANSFER, { amount: "70" })).transferBetweenLedgers;
  const { counterpartTransaction } = result.transaction;
  expect(result).toMatchObject({ ledger: "main", transaction: { counterpartLedger: "abroad" } });
  expect(counterpartTransaction).toMatchObject({
    ledger: "abroad",
    counterpartTransaction: { ledger: "main", id: result.transactionId },
  });
  expect(counterpartTransaction.entries.nodes).toEqual([
    { position: 1, direction: "debit", amount: "70", account: { address: "clearing" } },
    { position: 2, direction: "credit", amount: "70", account: { address: "users:bob" } },
  ]);
  const { errors } = await server.ask(TRANSFER, { amount: "0.5" });
  expect(errors![0]!.extensions).toMatchObject({ code: "INVALID_AMOUNT", sqlstate: "LDAMT" });
});

test("who may not read the other ledger sees that there is another half, and nothing of it", async () => {
  const guarded = await startTestServer({ jwt: { secret: SECRET } });
  try {
    const token = await sign({ role: "daybook_admin", ledgers: "*" });
    await openBooks(guarded, { token });
    await guarded.data(CLEARING, {}, { token });
    const { result } = (await guarded.data(TRANSFER, { amount: "70" }, { token }))
      .transferBetweenLedgers;
    const query = `query ($id: UUID!) {
      transaction(ledger: "main", id: $id) { counterpartLedger counterpartTransaction { id } }
    }`;
    const reader = await sign({ role: "daybook_reader", ledgers: ["main"] });
    const { transaction } = await guarded.data(
      query,
      { id: result.transactionId },
      { token: reader },
    );
    expect(transaction).toEqual({ counterpartLedger: "abroad", counterpartTransaction: null });
    const writer = await sign({ role: "daybook_writer", ledgers: ["main"] });
    const { errors } = await guarded.ask(TRANSFER, { amount: "70" }, { token: writer });
    expect(errors![0]!.extensions).toMatchObject({ code: "PERMISSION_DENIED", sqlstate: "42501" });
  } finally {
    await guarded.stop();
  }
});
