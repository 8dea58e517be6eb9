import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openBooks, SECRET, sign, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;
let admin: { token: string };

beforeAll(async () => {
  server = await startTestServer({ jwt: { secret: SECRET } });
  admin = { token: await sign({ role: "daybook_admin", ledgers: "*" }) };
  await openBooks(server, admin);
  for (const n of [1, 2, 3]) {
    await server.data(
      `mutation ($amount: BigFloat!, $at: Datetime!, $description: String!) {
        createTransaction(input: { ledger: "main", effectiveAt: $at, description: $description, entries: [
          { account: "bank", direction: debit, amount: $amount }
          { account: "users:alice", direction: credit, amount: $amount }] }) { result { status } }
      }`,
      { amount: `${10 ** n}`, at: `2026-01-0${n}T00:00:00Z`, description: `no ${n}` },
      admin,
    );
  }
});
afterAll(() => server?.stop());

const STATEMENT = `query ($after: String) {
  accountStatement(ledger: "main", account: "users:alice", startsAt: "2026-01-02T00:00:00Z", first: 1, after: $after) {
    account currency currencyExponent normalBalance startsAt endsAt openingBalance debits credits closingBalance nextPage
    entries { amount direction balance effectiveAt description transaction { id status entries { nodes { amount } } } }
  }
}`;

test("a statement, page by page, with its balances and what each entry belongs to", async () => {
  const { accountStatement: first } = await server.data(STATEMENT, {}, admin);
  expect(first).toMatchObject({
    account: "users:alice",
    currency: "USD",
    currencyExponent: 2,
    normalBalance: "credit",
    startsAt: "2026-01-02T00:00:00.000000+00:00",
    endsAt: null,
    openingBalance: "10",
    debits: "0",
    credits: "1100",
    closingBalance: "1110",
    nextPage: expect.any(String),
    entries: [
      {
        amount: "100",
        direction: "credit",
        balance: "110",
        description: "no 2",
        transaction: {
          status: "posted",
          entries: { nodes: [{ amount: "100" }, { amount: "100" }] },
        },
      },
    ],
  });
  const { accountStatement: second } = await server.data(
    STATEMENT,
    { after: first.nextPage },
    admin,
  );
  expect(second).toMatchObject({ nextPage: null, entries: [{ amount: "1000", balance: "1110" }] });
});

test("a trial balance, now and at a time", async () => {
  const { now, then } = await server.data(
    `{
      now: trialBalance(ledger: "main") { account currency postedDebits postedCredits debitBalance creditBalance }
      then: trialBalance(ledger: "main", effectiveAt: "2026-01-01T12:00:00Z") { account debitBalance creditBalance }
    }`,
    {},
    admin,
  );
  expect(now.at(-1)).toEqual({
    account: null,
    currency: "USD",
    postedDebits: "1110",
    postedCredits: "1110",
    debitBalance: "1110",
    creditBalance: "1110",
  });
  expect(then.find(({ account }: any) => account === "users:alice")).toEqual({
    account: "users:alice",
    debitBalance: "0",
    creditBalance: "10",
  });
});

test("periods are closed and reopened, and refuse with the code's name", async () => {
  const { closePeriod } = await server.data(
    `mutation { closePeriod(input: { ledger: "main", until: "2026-01-02T00:00:00Z" }) { result { name closedUntil } } }`,
    {},
    admin,
  );
  expect(closePeriod.result.closedUntil).toMatch(/^2026-01-02T00:00:00/);
  const { errors } = await server.ask(
    `mutation {
      createTransaction(input: { ledger: "main", effectiveAt: "2026-01-01T00:00:00Z", entries: [
        { account: "bank", direction: debit, amount: "1" }
        { account: "users:alice", direction: credit, amount: "1" }] }) { result { status } }
    }`,
    {},
    admin,
  );
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "PERIOD_CLOSED",
    sqlstate: "LDPER",
    detail: { ledger: "main" },
  });
  const { reopenPeriod } = await server.data(
    `mutation { reopenPeriod(input: { ledger: "main", until: "2025-01-01T00:00:00Z" }) { result { closedUntil } } }`,
    {},
    admin,
  );
  expect(reopenPeriod.result.closedUntil).toMatch(/^2025-01-01/);
});

const codeOf = async (query: string, sent = admin) =>
  (await server.ask(query, {}, sent)).errors?.[0]?.extensions?.code;

test("what is refused: an unknown account, and a ledger that is not the caller's", async () => {
  expect(await codeOf(`{ accountStatement(ledger: "main", account: "nobody") { nextPage } }`)).toBe(
    "ACCOUNT_NOT_FOUND",
  );
  expect(
    await codeOf(`{ accountStatement(ledger: "main", account: "bank", first: 1001) { nextPage } }`),
  ).toBe("INVALID_ARGUMENT");
  const stranger = { token: await sign({ role: "daybook_reader", ledgers: ["other"] }) };
  expect(await codeOf(`{ trialBalance(ledger: "main") { account } }`, stranger)).toBe(
    "PERMISSION_DENIED",
  );
});
