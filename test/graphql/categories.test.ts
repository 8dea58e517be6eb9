import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openBooks, SECRET, sign, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;
let admin: { token: string };

beforeAll(async () => {
  server = await startTestServer({ jwt: { secret: SECRET } });
  admin = { token: await sign({ role: "daybook_admin", ledgers: "*" }) };
  await openBooks(server, admin);
  await server.data(
    `mutation {
      bob: openAccount(input: { ledger: "main", address: "users:bob", currency: "USD" }) { result { id } }
      all: createCategory(input: { ledger: "main", category: "all", currency: "USD" }) { result { category } }
      users: createCategory(input: { ledger: "main", category: "users", currency: "USD", description: "ours" }) {
        result { category currencyExponent currencyDetails { name } }
      }
      child: addToCategory(input: { ledger: "main", category: "all", childCategory: "users" }) { result { category } }
      alice: addToCategory(input: { ledger: "main", category: "users", account: "users:alice" }) { result { category } }
      inAll: addToCategory(input: { ledger: "main", category: "all", account: "users:bob" }) { result { category } }
      again: addToCategory(input: { ledger: "main", category: "users", account: "users:bob" }) { result { category } }
      out: removeFromCategory(input: { ledger: "main", category: "users", account: "users:bob" }) { result { category } }
      money: createTransaction(input: { ledger: "main", entries: [
        { account: "bank", direction: debit, amount: "30" }
        { account: "users:alice", direction: credit, amount: "20" }
        { account: "users:bob", direction: credit, amount: "10" }] }) { result { status } }
    }`,
    {},
    admin,
  );
});
afterAll(() => server?.stop());

test("a category leads to its members, their accounts and categories, and back, and to its balance", async () => {
  const data = await server.data(
    `{
      category(ledger: "main", category: "all") {
        balance { account accountId lockVersion postedAmount currency accountDetails { address } }
        ledgerDetails { name }
        members(orderBy: [ID_ASC]) { nodes { account accountDetails { address } childCategoryDetails { category balance { postedAmount } } } }
      }
      accountByAddress(ledger: "main", address: "users:alice") {
        memberships { nodes { categoryDetails { category memberships { nodes { category } } } } }
      }
      categories(filter: { ledger: { equalTo: "main" } }) { nodes { category description } }
    }`,
    {},
    admin,
  );
  expect(data).toEqual({
    category: {
      balance: {
        account: null,
        accountId: null,
        lockVersion: null,
        postedAmount: "30",
        currency: "USD",
        accountDetails: null,
      },
      ledgerDetails: { name: "main" },
      members: {
        nodes: [
          {
            account: null,
            accountDetails: null,
            childCategoryDetails: { category: "users", balance: { postedAmount: "20" } },
          },
          {
            account: "users:bob",
            accountDetails: { address: "users:bob" },
            childCategoryDetails: null,
          },
        ],
      },
    },
    accountByAddress: {
      memberships: {
        nodes: [
          { categoryDetails: { category: "users", memberships: { nodes: [{ category: "all" }] } } },
        ],
      },
    },
    categories: {
      nodes: [
        { category: "all", description: null },
        { category: "users", description: "ours" },
      ],
    },
  });
});

test("the functions that read are queries, with pages by id", async () => {
  const query = `query ($after: UUID) {
    categoryBalance(ledger: "main", category: "users") { postedAmount }
    categoryTransactions(ledger: "main", category: "all", first: 1) { id entries { nodes { amount } } }
    categoryEntries(ledger: "main", category: "all", first: 1, after: $after) { id amount account { address } }
  }`;
  const first = await server.data(query, {}, admin);
  expect(first).toMatchObject({
    categoryBalance: { postedAmount: "20" },
    categoryTransactions: [{ entries: { nodes: [{}, {}, {}] } }],
    categoryEntries: [{ amount: "10", account: { address: "users:bob" } }],
  });
  const { categoryEntries } = await server.data(
    query,
    { after: first.categoryEntries[0].id },
    admin,
  );
  expect(categoryEntries).toMatchObject([{ amount: "20", account: { address: "users:alice" } }]);
});

test("errors have their symbol and facts", async () => {
  const { errors } = await server.ask(
    `mutation { addToCategory(input: { ledger: "main", category: "users", childCategory: "all" }) { result { category } } }`,
    {},
    admin,
  );
  expect(errors![0]!.extensions).toMatchObject({
    code: "CATEGORY_CYCLE",
    sqlstate: "LDCYC",
    detail: { category: "users", child_category: "all" },
  });
  const missing = await server.ask(
    `{ categoryBalance(ledger: "main", category: "none") { postedAmount } }`,
    {},
    admin,
  );
  expect(missing.errors![0]!.extensions).toMatchObject({
    code: "CATEGORY_NOT_FOUND",
    detail: { categories: ["none"] },
  });
});

test("a token may name categories: their accounts are seen and nothing else", async () => {
  const token = await sign({ categories: ["main/users"] });
  const seen = await server.data(
    `{
      accounts { nodes { address balance { postedAmount } entries(first: 9) { nodes { amount transaction { entries { nodes { amount } } } } } } }
      categories { nodes { category balance { postedAmount } } }
      ledgers { nodes { name } }
      accountBalance(ledger: "main", account: "users:alice") { postedAmount }
    }`,
    {},
    { token },
  );
  expect(seen).toEqual({
    accounts: {
      nodes: [
        {
          address: "users:alice",
          balance: { postedAmount: "20" },
          entries: {
            nodes: [{ amount: "20", transaction: { entries: { nodes: [{ amount: "20" }] } } }],
          },
        },
      ],
    },
    categories: { nodes: [{ category: "users", balance: { postedAmount: "20" } }] },
    ledgers: { nodes: [] },
    accountBalance: { postedAmount: "20" },
  });
  for (const account of ["users:bob", "nobody"]) {
    const { errors } = await server.ask(
      `{ accountBalance(ledger: "main", account: "${account}") { postedAmount } }`,
      {},
      { token },
    );
    expect(errors![0]!.extensions).toMatchObject({
      code: "PERMISSION_DENIED",
      detail: { ledger: "main" },
    });
  }
});

test.each([
  ["users"],
  ["main/users,main/all"],
  ["main/"],
  ["*/users"],
  ["*"],
  ["main/a b"],
  [7],
  ["main/a/b"],
])("a claim categories with %j is refused", async (name) => {
  const token = await sign({ categories: [name] });
  const { status, errors } = await server.ask("{ ledgers { nodes { name } } }", {}, { token });
  expect([status, errors![0]!.extensions!.code]).toEqual([401, "UNAUTHENTICATED"]);
});

const countAccounts = async (claims: Record<string, unknown>): Promise<number> => {
  const token = await sign(claims);
  const { accounts } = await server.data("{ accounts { nodes { address } } }", {}, { token });
  return accounts.nodes.length;
};

test("one connection serves one token after the other: nothing of the first stays", async () => {
  expect(await countAccounts({ categories: ["main/users"] })).toBe(1);
  expect(await countAccounts({})).toBe(0);
  expect(await countAccounts({ ledgers: ["main"], categories: ["main/users"] })).toBe(3);
});
