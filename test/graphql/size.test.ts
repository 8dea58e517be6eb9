import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { getIntrospectionQuery } from "graphql";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openBooks, startTestServer, type TestServer } from "./server.ts";

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

test("the plans of large operations are not kept, lest they fill the memory", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const used = () => {
    gc();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  await askMany(1);
  const before = used();
  for (const k of [2, 3]) await askMany(k);
  expect(used() - before).toBeLessThan(25); // 48 if they are
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
