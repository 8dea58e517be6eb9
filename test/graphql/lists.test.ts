import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

const NUMBER = 130;

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
  const accounts = Array.from({ length: NUMBER }, (_, index) => ({
    address: `shops:${String(index).padStart(3, "0")}`,
    currency: index % 2 ? "EUR" : "USD",
  }));
  await server.data(
    `mutation ($accounts: [AccountInput!]!) { openAccounts(input: { ledger: "main", accounts: $accounts }) { result { id } } }`,
    { accounts },
  );
  for (const amount of ["1", "2", "3"]) {
    await server.data(CREATE, { input: { ledger: "main", entries: entriesOf(amount) } });
  }
});
afterAll(() => server?.stop());

const addresses = async (args: string, variables?: Record<string, unknown>) => {
  const query = `query ${variables ? "($n: Int)" : ""} { accounts(${args}) { nodes { address } } }`;
  return (await server.data(query, variables)).accounts.nodes.map((row: any) => row.address);
};

test("a list that names no length has 100", async () => {
  const { accounts } = await server.data(
    "{ accounts { totalCount nodes { id } pageInfo { hasNextPage } } }",
  );
  expect(accounts.totalCount).toBe(NUMBER + 2);
  expect(accounts.nodes).toHaveLength(100);
  expect(accounts.pageInfo.hasNextPage).toBe(true);
  expect(await addresses("first: $n", { n: null })).toHaveLength(100);
});

test("pages of 1000 are the longest, wherever the length stands", async () => {
  expect(await addresses("first: 1000")).toHaveLength(NUMBER + 2);
  expect(await addresses("last: 1000")).toHaveLength(NUMBER + 2);
  expect(await addresses("last: 3")).toHaveLength(3);
  expect(await addresses("first: 0")).toHaveLength(0);
  const tooLong = [
    "accounts(first: 1001) { totalCount }",
    "accounts(last: 1001) { totalCount }",
    "accounts(first: -1) { totalCount }",
    "accounts(first: $n) { nodes { id } }",
    "accounts(first: 1) { nodes { entries(first: 1001) { nodes { id } } } }",
    `ledger(name: "main") { transactions(first: 1001) { edges { cursor } } }`,
  ];
  for (const field of tooLong) {
    const { errors } = await server.ask(
      `query ($n: Int) { ${field} __typename @skip(if: false) accounts2: accounts(first: $n) @skip(if: true) { totalCount } }`,
      { n: 5000 },
    );
    expect(errors![0]!.extensions).toMatchObject({ code: "INVALID_ARGUMENT", sqlstate: "LDARG" });
  }
});

test("pages follow one another", async () => {
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { accounts } = await server.data(
      `query ($after: Cursor) {
        accounts(first: 50, after: $after, orderBy: [ADDRESS_DESC]) {
          nodes { address } pageInfo { hasNextPage endCursor }
        }
      }`,
      { after },
    );
    seen.push(...accounts.nodes.map((row: any) => row.address));
    after = accounts.pageInfo.hasNextPage ? accounts.pageInfo.endCursor : null;
  } while (after);
  expect(seen).toHaveLength(NUMBER + 2);
  expect(seen).toEqual(seen.toSorted().toReversed());
});

test("filters and orders", async () => {
  expect(
    await addresses(`filter: { address: { startsWith: "shops:00" } }, orderBy: [ADDRESS_DESC]`),
  ).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((index) => `shops:00${index}`));
  // An underscore is a letter, not a wildcard.
  expect(await addresses(`filter: { address: { startsWith: "shops_" } }`)).toEqual([]);
  const euros = await addresses(
    `filter: { ledger: { equalTo: "main" }, currency: { equalTo: "EUR" } }`,
  );
  expect(euros).toHaveLength(NUMBER / 2);
  const future = `filter: { createdAt: { greaterThan: "2999-01-01T00:00:00Z" } }`;
  expect(await addresses(future)).toEqual([]);
  expect((await addresses("first: 1, orderBy: [CREATED_AT_DESC]"))[0]).toBe(`shops:${NUMBER - 1}`);
  const either = `filter: { or: [{ address: { equalTo: "bank" } }, { address: { in: ["shops:001"] } }] }, orderBy: [ADDRESS_ASC]`;
  expect(await addresses(either)).toEqual(["bank", "shops:001"]);
});

test("an account's entries, by id; a transaction's, by place; the log and balances", async () => {
  const { account, transactions, logs, balances } = await server.data(`{
    account: accountByAddress(ledger: "main", address: "bank") {
      balance { postedAmount accountDetails { address } }
      ledgerDetails { name }
      currencyDetails { exponent }
      entries(orderBy: [ID_DESC], first: 2) { nodes { amount transaction { id } account { address } } totalCount }
    }
    transactions(orderBy: [ID_DESC], first: 1) { nodes { id entries { nodes { position } } } }
    logs(first: 1000, orderBy: [ID_ASC]) { nodes { kind account { address } transaction { id } } }
    balances(filter: { account: { in: ["bank", "shops:007"] } }, orderBy: [ACCOUNT_DESC]) { nodes { account postedAmount } }
  }`);
  expect(account.balance).toEqual({ postedAmount: "6", accountDetails: { address: "bank" } });
  expect(account.ledgerDetails).toEqual({ name: "main" });
  expect(account.currencyDetails).toEqual({ exponent: 2 });
  expect(account.entries.totalCount).toBe(3);
  expect(account.entries.nodes.map((row: any) => row.amount)).toEqual(["3", "2"]);
  expect(account.entries.nodes[0].transaction.id).toBe(transactions.nodes[0].id);
  expect(transactions.nodes[0].entries.nodes).toEqual([{ position: 1 }, { position: 2 }]);
  expect(balances.nodes).toEqual([
    { account: "shops:007", postedAmount: "0" },
    { account: "bank", postedAmount: "6" },
  ]);
  const kinds = logs.nodes.map((row: any) => row.kind);
  expect(kinds[0]).toBe("create_ledger");
  expect(kinds.slice(-3)).toEqual(Array(3).fill("create_transaction"));
  expect(logs.nodes[1].account.address).toBe("bank");
});

test("entries of one account or one transaction, from the root", async () => {
  const { account, last } = await server.data(`{
    account: accountByAddress(ledger: "main", address: "users:alice") { id }
    last: transactions(last: 1) { nodes { id } }
  }`);
  const { byAccount, byTransaction, current } = await server.data(
    `query ($account: UUID!, $transaction: UUID!) {
      byAccount: entries(filter: { ledger: { equalTo: "main" }, accountId: { equalTo: $account } }) { nodes { amount } }
      byTransaction: entries(filter: { ledger: { equalTo: "main" }, transactionId: { equalTo: $transaction } }) { nodes { amount } }
      current: currentEntries(filter: { transactionId: { equalTo: $transaction } }) { nodes { position } }
    }`,
    { account: account.id, transaction: last.nodes[0].id },
  );
  expect(byAccount.nodes.map((row: any) => row.amount)).toEqual(["1", "2", "3"]);
  expect(byTransaction.nodes).toEqual([{ amount: "3" }, { amount: "3" }]);
  expect(current.nodes).toEqual([{ position: 1 }, { position: 2 }]);
});

test.each([
  `accounts(filter: { description: { equalTo: "x" } }) { totalCount }`,
  `accounts(orderBy: [CLOSED_AT_ASC]) { totalCount }`,
  `transactions(filter: { status: { equalTo: pending } }) { totalCount }`,
  `entries(orderBy: [AMOUNT_DESC]) { totalCount }`,
  `balances(filter: { postedAmount: { lessThan: "0" } }) { totalCount }`,
])("what no index answers cannot be asked: %s", async (field) => {
  const { status, errors } = await server.ask(`{ ${field} }`);
  expect(status).toBe(400);
  expect(errors![0]!.message).toMatch(/not defined|does not exist/);
});
