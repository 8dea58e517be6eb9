import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { moveMonth, monthsAgo, writeHistory } from "../support/history.ts";
import { startTestServer, type TestServer } from "./server.ts";

const MONTH = monthsAgo(3);
const UNTIL = monthsAgo(2);

let server: TestServer;
let ledger: string;
let left: string;

beforeAll(async () => {
  server = await startTestServer();
  ({ ledger } = await writeHistory(server.database, [3, 0], 20));
  await moveMonth(server.database, "detach_month", MONTH, 1000);
  const { rows } = await server.database.pool.query(
    "select id from daybook.transactions t where ledger = $1 and status = 'posted' and daybook_private.is_detached(t) order by id limit 1",
    [ledger],
  );
  left = rows[0].id;
}, 60_000);
afterAll(() => server?.stop());

test("says which months are out", async () => {
  const { detachedMonths } = await server.data(
    "{ detachedMonths { nodes { month state entries detachedUntil storedIn } } }",
  );
  expect(detachedMonths.nodes).toMatchObject([{ state: "detached" }]);
  expect(new Date(detachedMonths.nodes[0].detachedUntil)).toEqual(UNTIL);
});

const transaction = `transaction(ledger: "$ledger", id: "$id") { id status %s }`;
const filled = (fields: string) =>
  fields
    .replaceAll("$ledger", ledger)
    .replaceAll("$id", left)
    .replaceAll("$early", MONTH.toISOString());

test.each([
  [
    "the lines of a transaction that left",
    transaction.replace("%s", "entries { nodes { amount } }"),
    "transaction_id",
  ],
  [
    "its lines in a list",
    `transactions(filter: { ledger: { equalTo: "$ledger" } }) { nodes { entries { nodes { amount } } } }`,
    "transaction_id",
  ],
  [
    "its history",
    `transactionVersions(ledger: "$ledger", transactionId: "$id") { nodes { version } }`,
    "transaction_id",
  ],
  [
    "an old balance",
    `accountBalance(ledger: "$ledger", account: "a", effectiveAt: "$early") { postedAmount }`,
    "effective_at",
  ],
  [
    "an old statement",
    `accountStatement(ledger: "$ledger", account: "a", startsAt: "$early") { openingBalance }`,
    "effective_at",
  ],
  [
    "an old trial balance",
    `trialBalance(ledger: "$ledger", effectiveAt: "$early") { account }`,
    "effective_at",
  ],
])("refuses %s", async (_, field, argument) => {
  const { errors } = await server.ask(`{ ${filled(field)} }`);
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "INVALID_ARGUMENT",
    sqlstate: "LDARG",
    detail: { argument, detached_until: expect.stringMatching(/^\d{4}-/) },
  });
});

test("an account says how many of its entries its list does not show, and from when on it shows all", async () => {
  const { accountByAddress, detachedAccounts } = await server.data(
    filled(`{
      accountByAddress(ledger: "$ledger", address: "a") {
        balance { lockVersion }
        detached { account entries lockVersion detachedUntil }
        entries(first: 1000) { totalCount nodes { createdAt lockVersion } }
      }
      detachedAccounts(filter: { ledger: { equalTo: "$ledger" } }, orderBy: [ACCOUNT_ASC]) { nodes { account } }
    }`),
  );
  const { detached, entries, balance } = accountByAddress;
  expect(detached).toMatchObject({ account: "a" });
  expect(Number(detached.entries)).toBeGreaterThan(0);
  expect(Number(detached.entries) + entries.totalCount).toBe(Number(balance.lockVersion));
  expect(entries.nodes).toHaveLength(entries.totalCount);
  expect(new Date(detached.detachedUntil)).toEqual(UNTIL);
  // From there on nothing is missing.
  const later = entries.nodes.filter(
    (entry: any) => Number(entry.lockVersion) > Number(detached.lockVersion),
  );
  expect(later).toHaveLength(Number(balance.lockVersion) - Number(detached.lockVersion));
  expect(detachedAccounts.nodes.map(({ account }: any) => account)).toEqual(["a", "b", "c"]);
});

test("and its reversal", async () => {
  const { errors } = await server.ask(
    filled(
      `mutation { reverseTransaction(input: { ledger: "$ledger", transactionId: "$id" }) { result { status } } }`,
    ),
  );
  expect(errors?.[0]?.extensions).toMatchObject({
    sqlstate: "LDARG",
    detail: { argument: "transaction_id" },
  });
});

test("what is asked of today is answered", async () => {
  const answers = await server.data(
    filled(`{
      ${transaction.replace("%s", "description")}
      now: accountBalance(ledger: "$ledger", account: "a") { postedAmount }
      searchTransactions(ledger: "$ledger", account: "a", first: 200) { id }
      transactions(filter: { ledger: { equalTo: "$ledger" } }, last: 3) { nodes { entries { nodes { amount } } } }
    }`),
  );
  expect(answers.transaction).toMatchObject({ id: left, status: "posted" });
  expect(answers.searchTransactions.map(({ id }: any) => id)).toContain(left);
  for (const { entries } of answers.transactions.nodes)
    expect(entries.nodes.length).toBeGreaterThan(1);
});
