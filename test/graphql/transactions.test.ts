import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

test("creates a transaction, and a repeated request is a replay", async () => {
  const entries = entriesOf("1000", { showResultingBalances: true });
  const input = { ledger: "main", entries, idempotencyKey: "first", metadata: { order: 7 } };
  const first = (await server.data(CREATE, { input })).createTransaction.result;
  expect(first).toMatchObject({ ledger: "main", status: "posted", version: 1, replayed: false });
  expect(first.balances).toEqual([
    { account: "users:alice", postedAmount: "1000", availableAmount: "1000", lockVersion: "1" },
  ]);
  const again = (await server.data(CREATE, { input })).createTransaction.result;
  expect(again).toEqual({ ...first, replayed: true });
});

test("the life of a pending transaction", async () => {
  const input = { ledger: "main", entries: entriesOf(5), status: "pending" };
  const { transactionId } = (await server.data(CREATE, { input })).createTransaction.result;
  const { postTransaction } = await server.data(
    `mutation ($id: UUID!) {
      postTransaction(input: { ledger: "main", transactionId: $id, expectedVersion: 1 }) {
        clientMutationId
        result { status version transaction { status postedAt } }
      }
    }`,
    { id: transactionId },
  );
  expect(postTransaction.result).toMatchObject({
    status: "posted",
    version: 2,
    transaction: { status: "posted", postedAt: expect.any(String) },
  });
});

test("shows a transaction with its lines in order, their accounts and balances", async () => {
  const entries = [
    { account: "users:alice", direction: "credit", amount: "3" },
    { account: "bank", direction: "debit", amount: "7" },
    { account: "users:alice", direction: "credit", amount: "4", metadata: { part: "b" } },
  ];
  const query = CREATE.replace(
    "errorCode",
    `transaction {
      id status actor
      entries {
        totalCount
        nodes { position amount direction effect metadata account { address balance { postedAmount } } transaction { id } }
      }
    }`,
  );
  const { transaction, transactionId } = (
    await server.data(query, { input: { ledger: "main", entries } })
  ).createTransaction.result;
  expect(transaction.id).toBe(transactionId);
  expect(transaction.actor).toBe("daybook_authenticator");
  const { nodes, totalCount } = transaction.entries;
  expect(totalCount).toBe(3);
  expect(nodes.map((node: any) => [node.position, node.amount, node.account.address])).toEqual([
    [1, "3", "users:alice"],
    [2, "7", "bank"],
    [3, "4", "users:alice"],
  ]);
  expect(nodes[2]).toMatchObject({
    metadata: { part: "b" },
    effect: "posted",
    transaction: { id: transactionId },
  });
  expect(nodes[0].account.balance).toEqual(nodes[2].account.balance);
});

test("a dry run shows nothing that could be looked up", async () => {
  const query = CREATE.replace("errorCode", "transaction { id }");
  const input = { ledger: "main", entries: entriesOf("1"), dryRun: true };
  const { result } = (await server.data(query, { input })).createTransaction;
  expect(result).toMatchObject({ transactionId: null, transaction: null, status: "posted" });
});

test("opens accounts in a batch, in order, and reads their balances as asked for", async () => {
  const accounts = ["c", "a", "b"].map((name) => ({ address: `batch:${name}`, currency: "EUR" }));
  const { openAccounts } = await server.data(
    `mutation ($accounts: [AccountInput!]!) {
      openAccounts(input: { ledger: "main", accounts: $accounts }) { result { address } }
    }`,
    { accounts },
  );
  expect(openAccounts.result.map(({ address }: any) => address)).toEqual([
    "batch:c",
    "batch:a",
    "batch:b",
  ]);
  const { accountBalances } = await server.data(
    `query ($accounts: [String!]!) {
      accountBalances(ledger: "main", accounts: $accounts) { account postedAmount currencyExponent }
    }`,
    { accounts: ["batch:b", "batch:a", "batch:b"] },
  );
  expect(accountBalances.map(({ account }: any) => account)).toEqual([
    "batch:b",
    "batch:a",
    "batch:b",
  ]);
  expect(accountBalances[0]).toMatchObject({ postedAmount: "0", currencyExponent: 2 });
});

test("says who asked, from where, under which request id", async () => {
  const input = { ledger: "main", entries: entriesOf("2") };
  const query = CREATE.replace("errorCode", "transaction { requestId clientAddress }");
  const answer = await server.ask(query, { input }, { headers: { "x-request-id": "order-77" } });
  expect(answer.headers.get("x-request-id")).toBe("order-77");
  expect(answer.data.createTransaction.result.transaction).toEqual({
    requestId: "order-77",
    clientAddress: "127.0.0.1",
  });
  const other = await server.ask(
    "{ __typename }",
    {},
    { headers: { "x-request-id": "x".repeat(500) } },
  );
  expect(other.headers.get("x-request-id")).toBe("x".repeat(200));
  expect((await server.ask("{ __typename }")).headers.get("x-request-id")).toMatch(
    /^[0-9a-f-]{36}$/,
  );
});

test("two requests with one key at once write once", async () => {
  const input = { ledger: "main", entries: entriesOf("11"), idempotencyKey: "at once" };
  const answers = await Promise.all([1, 2, 3, 4].map(() => server.data(CREATE, { input })));
  const results = answers.map(({ createTransaction }) => createTransaction.result);
  expect(new Set(results.map(({ transactionId }) => transactionId)).size).toBe(1);
  expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
});

test("requests at once that need the same balance never overdraw it", async () => {
  await server.data(
    `mutation { openAccount(input: { ledger: "main", address: "till", currency: "USD" }) { result { id } } }`,
  );
  const into = [
    { account: "bank", direction: "debit", amount: "5" },
    { account: "till", direction: "credit", amount: "5" },
  ];
  await server.data(CREATE, { input: { ledger: "main", entries: into } });
  const out = [
    { account: "till", direction: "debit", amount: "2", availableBalance: { gte: "0" } },
    { account: "bank", direction: "credit", amount: "2" },
  ];
  const answers = await Promise.all(
    Array.from({ length: 6 }, () =>
      server.ask(CREATE, { input: { ledger: "main", entries: out } }),
    ),
  );
  const codes = answers.map(({ errors }) => errors?.[0]?.extensions?.code ?? "ok").toSorted();
  expect(codes).toEqual([...Array(4).fill("BALANCE_CONDITION"), "ok", "ok"]);
});
