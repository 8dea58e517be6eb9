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
      category: createCategory(input: { ledger: "main", category: "users", currency: "USD" }) { result { category } }
      member: addToCategory(input: { ledger: "main", category: "users", account: "users:alice" }) { result { category } }
      coffee: createTransaction(input: { ledger: "main", description: "STARBUCKS #1234", metadata: { shop: "Blue Bottle" }, entries: [
        { account: "bank", direction: debit, amount: "450" }
        { account: "users:alice", direction: credit, amount: "450" }] }) { result { status } }
      rent: createTransaction(input: { ledger: "main", description: "Rent", status: pending, entries: [
        { account: "bank", direction: debit, amount: "90000" }
        { account: "users:alice", direction: credit, amount: "90000" }] }) { result { status } }
    }`,
    {},
    admin,
  );
});
afterAll(() => server?.stop());

test("a search is a query, with every filter, and leads to the transactions and their entries", async () => {
  const data = await server.data(
    `query ($metadata: JSON) {
      words: searchTransactions(ledger: "main", words: "starbcks") { description amount currency status transaction { entries { nodes { amount account { address } } } } }
      all: searchTransactions(ledger: "main", account: "users:*", category: "users", direction: credit, currency: "USD",
        amountMin: "1", amountMax: "100000", status: posted, effectiveFrom: "2026-01-01T00:00:00Z", createdFrom: "2026-01-01T00:00:00Z",
        effectiveBefore: "2226-01-01T00:00:00Z", createdBefore: "2226-01-01T00:00:00Z",
        metadata: $metadata, words: "blue botle", metadataKeys: ["shop"], sort: amount, ascending: true, first: 5) { description }
      none: searchTransactions(ledger: "main", externalId: "none") { id }
    }`,
    { metadata: { shop: "Blue Bottle" } },
    admin,
  );
  expect(data).toEqual({
    words: [
      {
        description: "STARBUCKS #1234",
        amount: "450",
        currency: "USD",
        status: "posted",
        transaction: {
          entries: {
            nodes: [
              { amount: "450", account: { address: "bank" } },
              { amount: "450", account: { address: "users:alice" } },
            ],
          },
        },
      },
    ],
    all: [{ description: "STARBUCKS #1234" }],
    none: [],
  });
});

test("pages follow the cursor", async () => {
  const query = `query ($after: String) {
    searchTransactions(ledger: "main", first: 1, sort: amount, after: $after) { amount cursor }
  }`;
  const seen: string[] = [];
  for (let after: string | null = null; ;) {
    const { searchTransactions } = await server.data(query, { after }, admin);
    if (searchTransactions.length === 0) break;
    seen.push(searchTransactions[0].amount);
    after = searchTransactions[0].cursor;
  }
  expect(seen).toEqual(["90000", "450"]);
});

test("errors have their symbol; a token for a category searches in it alone", async () => {
  const codeOf = async (args: string, who: { token: string }) =>
    (await server.ask(`{ searchTransactions(ledger: "main", ${args}) { id } }`, {}, who))
      .errors![0]!.extensions!["code"];
  expect(await codeOf("first: 201", admin)).toBe("INVALID_ARGUMENT");
  const token = { token: await sign({ categories: ["main/users"] }) };
  expect(await codeOf("status: posted", token)).toBe("PERMISSION_DENIED");
  const { searchTransactions } = await server.data(
    `{ searchTransactions(ledger: "main", category: "users") { amount transaction { id } } }`,
    {},
    token,
  );
  expect(searchTransactions).toHaveLength(2);
});
