import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openLedger, transfer } from "../support/ledgers.ts";
import { rollUp } from "../support/moments.ts";
import { startTestServer, type TestServer } from "./server.ts";

let server: TestServer;
let ledger: string;

beforeAll(async () => {
  server = await startTestServer();
  ledger = await openLedger(server.database, { alice: {}, bob: {} });
  for (const [amount, effective_at] of [
    [10, "2024-01-01T00:00:00Z"],
    [100, "2025-01-01T00:00:00Z"],
  ] as const)
    await server.database.pool.query(transfer(ledger, "world", "alice", amount, { effective_at }));
  await server.database.pool.query("select daybook.create_category($1, 'all', 'USD')", [ledger]);
  await server.database.pool.query("select daybook.add_to_category($1, 'all', 'alice')", [ledger]);
});
afterAll(() => server?.stop());

const ask = (field: string) => server.ask(`{ answer: ${field.replace("LEDGER", `"${ledger}"`)} }`);
const posted = async (field: string) =>
  (await ask(`${field} { postedAmount lockVersion }`)).data?.answer;

test.each([
  ['effectiveAt: "2023-12-31T23:59:59Z"', "0", "0"],
  ['effectiveAt: "2024-01-01T00:00:00Z"', "10", "1"],
  ['effectiveAt: "2024-01-01T00:00:00Z", recordedAt: "2024-01-01T00:00:00Z"', "0", "0"],
  ['recordedAt: "2999-01-01T00:00:00Z"', "110", "2"],
  ['lockVersion: "1"', "10", "1"],
  ['lockVersion: "0"', "0", "0"],
])("accountBalance with %s", async (args, postedAmount, lockVersion) => {
  expect(await posted(`accountBalance(ledger: LEDGER, account: "alice", ${args})`)).toEqual({
    postedAmount,
    lockVersion,
  });
});

test("accountBalances and categoryBalance at a time", async () => {
  const effectiveAt = 'effectiveAt: "2024-06-01T00:00:00Z"';
  expect(
    await posted(`accountBalances(ledger: LEDGER, accounts: ["bob", "alice"], ${effectiveAt})`),
  ).toEqual([
    { postedAmount: "0", lockVersion: "0" },
    { postedAmount: "10", lockVersion: "1" },
  ]);
  expect(await posted(`categoryBalance(ledger: LEDGER, category: "all", ${effectiveAt})`)).toEqual({
    postedAmount: "10",
    lockVersion: null,
  });
});

test("a version together with a time is INVALID_ARGUMENT", async () => {
  const { errors } = await ask(
    `accountBalance(ledger: LEDGER, account: "alice", lockVersion: "1", effectiveAt: "2024-01-01T00:00:00Z") { account }`,
  );
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "INVALID_ARGUMENT",
    detail: { argument: "lock_version" },
  });
});

test("how far an account's sums go stands beside it", async () => {
  const query = `{ accountByAddress(ledger: "${ledger}", address: "alice") {
    rollup { account appliedVersion rolledUpVersion rolledUpAt } } }`;
  const before = await server.data(query);
  expect(before.accountByAddress.rollup).toEqual({
    account: "alice",
    appliedVersion: "2",
    rolledUpVersion: "0",
    rolledUpAt: null,
  });
  await server.database.pool.query(rollUp(ledger, "alice"));
  const after = await server.data(query);
  expect(after.accountByAddress.rollup).toMatchObject({
    rolledUpVersion: "2",
    rolledUpAt: expect.any(String),
  });
});
