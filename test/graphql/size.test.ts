import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { getIntrospectionQuery } from "graphql";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ANSWERS } from "../../src/server/connection.ts";
import { entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

/* What would keep the server from everybody else is refused before it is planned. */

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

const list = (n: number) => `a${n}: currencies(first: 1) { nodes { code } }`;
const repeat = (count: number, what: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => what(n)).join(" ");
const balances = (n: number) =>
  `b${n}: balances(filter: { ledger: { equalTo: "main" } }) { nodes { account } }`;
const askMany = (k: number) => server.data(`{ ${repeat(330, (n) => balances(1000 * k + n))} }`);
const askRefused = (k: number) =>
  server.ask(`{ ${repeat(9000, (n) => `a${k}_${n}: __typename`)} }`);
const make = (n: number) => `m${n}: createLedger(input: { ledger: "made" }) { result { name } }`;
const fragment = (n: number) =>
  `fragment f${n} on Query { ${n < 30 ? `...f${n + 1} ... { ...f${n + 1} }` : "__typename"} }`;
const nested = (depth: number): string =>
  depth === 0 ? "address" : `entries(first: 1) { nodes { account { ${nested(depth - 1)} } } }`;
const entries = (account: string) => [
  { account: "bank", direction: "debit", amount: "1", metadata: { note: "x".repeat(200_000) } },
  { account, direction: "credit", amount: "1" },
];
const askNested = (depth: number) =>
  server.ask(`{ accounts(first: 1) { nodes { ${nested(depth)} } } }`);
const refusal = (message: RegExp) => [
  {
    message: expect.stringMatching(message),
    extensions: { code: "INVALID_ARGUMENT", sqlstate: "LDARG", detail: { argument: "query" } },
  },
];
const tooMany = refusal(/^query: at most 1000 fields/);

test("a thousand fields are answered, one more is refused", async () => {
  const data = await server.data(`{ ${repeat(333, list)} __typename }`);
  expect(Object.keys(data)).toHaveLength(334);
  const { errors } = await server.ask(`{ ${repeat(333, list)} __typename a: __typename }`);
  expect(errors).toMatchObject(tooMany);
});

/** In megabytes. */
function used(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

test("the plans of large operations are not kept, lest they fill the memory", async () => {
  await askMany(1);
  const before = used();
  for (const k of [2, 3]) await askMany(k);
  expect(used() - before).toBeLessThan(25); // 48 if they are
});

test("what was refused is not kept", async () => {
  await askRefused(1);
  const before = used();
  for (const k of [2, 3, 4, 5]) expect((await askRefused(k)).errors).toMatchObject(tooMany);
  expect(used() - before).toBeLessThan(15);
});

test("of a mutation with too many nothing is done", async () => {
  const { errors } = await server.ask(`mutation { ${repeat(400, make)} }`);
  expect(errors).toMatchObject(tooMany);
  expect(await server.data(`{ ledger(name: "made") { name } }`)).toEqual({ ledger: null });
});

test("fragments count wherever they are spread, those within fragments too", async () => {
  expect((await server.ask(`{ ...f0 } ${repeat(31, fragment)}`)).errors).toMatchObject(tooMany);
  const few = `{ ...f25 } ${repeat(31, (n) => (n < 25 ? "" : fragment(n)))}`;
  expect(await server.data(few)).toEqual({ __typename: "Query" });
});

const page = (first: number | string, below = "id") =>
  `accounts(first: ${first}) { nodes { entries(first: 1000) { nodes { ${below} } } } }`;
const tooManyRows = refusal(/^query: at most 110000 rows, and its pages may hold \d/);

test.each([
  ["three lists deep", page(1, "account { entries(first: 1000) { nodes { id amount } } }")],
  ["by default", "ledgers { nodes { accounts { nodes { entries { nodes { id } } } } } }"],
  [
    "by edges",
    "accounts(first: 120) { edges { node { entries(last: 1000) { edges { cursor } } } } }",
  ],
  ["by the length of a variable", page("$n")],
  ["by a variable that is not given", page("$none")],
  ["in aliases", `a: ${page(60)} b: ${page(60)}`],
  ["in fragments", `...a ...a b: accounts(first: 55) { ...b } ... on Query { c: ${page(55)} }`],
  [
    "below what was asked by name",
    "accountBalances(ledger: $main, accounts: $many) { accountDetails { entries(first: 1000) { nodes { id } } } }",
  ],
  [
    "below a statement",
    "accountStatement(ledger: $main, account: $main, first: 1000) { entries { transaction { entries { nodes { amount } } reversesTransaction { entries { nodes { amount } } } } } }",
  ],
])("what may be more than 110 000 rows is refused: %s", async (_what, fields) => {
  const text = `query ($main: String! = "main", $n: Int, $none: Int = 200, $many: [String!]! = []) { ${fields} ...rest }
    fragment rest on Query { ...a z: accounts(first: 0) { ...b }
                             used: accountBalances(ledger: $main, accounts: $many) { account }
                             pages: currencies(first: $n) { totalCount } others: currencies(first: $none) { totalCount } }
    fragment a on Query { __typename }
    fragment b on AccountConnection { nodes { entries(first: 1000) { nodes { id } } } }`;
  const variables = { n: 110, many: Array.from({ length: 110 }, () => "bank") };
  expect((await server.ask(text, variables)).errors).toMatchObject(tooManyRows);
});

test("a full page of lists of the usual length is answered, and so are counts", async () => {
  const usual = "accounts(first: 1000) { nodes { entries { nodes { id } } } }";
  expect((await server.data(`{ ${usual} }`)).accounts.nodes).toHaveLength(2);
  const counts = "accounts(first: 1000) { nodes { entries(first: 1000) { totalCount } } }";
  expect((await server.data(`{ ${counts} }`)).accounts.nodes).toHaveLength(2);
  const text = `query ($n: Int!) { ${page("$n")} }`;
  expect((await server.ask(text, { n: 109 })).errors).toBeUndefined();
  expect((await server.ask(text, { n: 110 })).errors).toMatchObject(tooManyRows);
});

const batch = (lines: string, length: number) => {
  const text = `mutation ($input: CreateTransactionsInput!) {
    createTransactions(input: $input) { result { balances { account } transaction { ${lines} { nodes { id } } } } } }`;
  const transactions = Array.from({ length }, () => ({ entries: entriesOf("1") }));
  return server.ask(text, { input: { ledger: "main", transactions } });
};

test("of a batch whose answer may be too long nothing is done; with shorter lists below it is", async () => {
  expect((await batch("entries", 1050)).errors).toMatchObject(tooManyRows);
  expect(await server.data("{ transactions { totalCount } }")).toEqual({
    transactions: { totalCount: 0 },
  });
  const { data } = await batch("entries(first: 2)", 50);
  expect(data.createTransactions.result).toHaveLength(50);
});

test("an answer of too many bytes is cut off, and a mutation that reads one keeps nothing", async () => {
  const usual = { ...ANSWERS };
  const rows = "currencies(first: 1000) { nodes { code name } }";
  const tooLong = refusal(/^query: the answer has more than 0 MB$/);
  Object.assign(ANSWERS, { mostBytes: 3000 });
  try {
    expect((await server.ask(`{ ${rows} }`)).errors).toMatchObject(tooLong);
    const { errors: several } = await server.ask(
      `{ a: ${rows} b: ${rows.replace("1000", "999")} }`,
    );
    expect(several!.at(-1)).toMatchObject(tooLong[0]!);
    const reading = `mutation { createLedger(input: { ledger: "long" }) { result { name } query { ${rows} } } }`;
    const { data, errors } = await server.ask(reading);
    expect(data).toEqual({ createLedger: null });
    expect(errors).toMatchObject(tooLong);
  } finally {
    Object.assign(ANSWERS, usual);
  }
  expect(await server.data(`{ ledger(name: "long") { name } }`)).toEqual({ ledger: null });
  expect(server.logged.filter((line) => /lost|masked/.test(line))).toEqual([]);
});

test("lists within lists within lists are refused with a reason", async () => {
  expect((await askNested(8)).errors).toBeUndefined();
  expect((await askNested(30)).errors).toMatchObject(refusal(/^query: too many lists/));
});

test("a text as long as a batch is refused: its values belong into variables, where they are no text", async () => {
  const { status, errors } = await server.ask(`{ __typename } # ${"x".repeat(200_000)}`);
  expect({ status, errors }).toMatchObject({
    status: 400,
    errors: refusal(/^query: at most 200000 characters; values belong into variables/),
  });
  const create =
    "mutation ($input: CreateTransactionInput!) { createTransaction(input: $input) { result { status } } }";
  const long = await server.ask(create, { input: { ledger: "main", entries: entries("alice") } });
  expect(long.errors).toMatchObject([{ extensions: { detail: { argument: "metadata" } } }]);
});

test("a schema is still told as a whole", async () => {
  const { __schema } = await server.data(getIntrospectionQuery());
  expect(__schema.types.length).toBeGreaterThan(100);
});
