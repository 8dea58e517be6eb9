import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CREATE, entriesOf, openBooks, post, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

const [bank, alice] = entriesOf("1");
const many = (length: number) => Array.from({ length }, (_, index) => (index % 2 ? bank : alice));
const nameAndKey = (key: string, value: unknown) => ({ entries: entriesOf("1"), [key]: value });

test.each<[string, object, string]>([
  ["no entries", { entries: [] }, "INVALID_ARGUMENT"],
  ["one entry", { entries: [bank] }, "INVALID_ARGUMENT"],
  ["1001 entries", { entries: many(1001) }, "INVALID_ARGUMENT"],
  ["a null entry", { entries: [bank, null] }, "INVALID_ARGUMENT"],
  ["an empty entry", { entries: [bank, {}] }, "INVALID_ARGUMENT"],
  ["a null amount", { entries: entriesOf(null) }, "INVALID_ARGUMENT"],
  ["a zero", { entries: entriesOf("0") }, "INVALID_AMOUNT"],
  ["a negative amount", { entries: entriesOf("-5") }, "INVALID_AMOUNT"],
  ["a fraction", { entries: entriesOf("1.5") }, "INVALID_AMOUNT"],
  ["not a number", { entries: entriesOf("NaN") }, "INVALID_AMOUNT"],
  ["infinity", { entries: entriesOf("Infinity") }, "INVALID_AMOUNT"],
  ["10^36", { entries: entriesOf("1e36") }, "INVALID_AMOUNT"],
  ["far beyond", { entries: entriesOf("1e9999") }, "INVALID_AMOUNT"],
  ["unknown account", { entries: [bank, { ...alice, account: "nobody" }] }, "ACCOUNT_NOT_FOUND"],
  ["no account", { entries: [bank, { ...alice, account: null }] }, "INVALID_ARGUMENT"],
  ["an empty address", { entries: [bank, { ...alice, account: "" }] }, "INVALID_ARGUMENT"],
  [
    "an address in Greek",
    { entries: [bank, { ...alice, account: "χρήστης" }] },
    "INVALID_ARGUMENT",
  ],
  [
    "an address with a line break",
    { entries: [bank, { ...alice, account: "a\nb" }] },
    "INVALID_ARGUMENT",
  ],
  [
    "an address with a zero byte",
    { entries: [bank, { ...alice, account: "a\0b" }] },
    "INVALID_ARGUMENT",
  ],
  [
    "an address with quotes",
    { entries: [bank, { ...alice, account: `a","b\\` }] },
    "INVALID_ARGUMENT",
  ],
  [
    "an address of 256",
    { entries: [bank, { ...alice, account: "a".repeat(256) }] },
    "INVALID_ARGUMENT",
  ],
  ["no direction", { entries: [bank, { ...alice, direction: null }] }, "INVALID_ARGUMENT"],
  ["empty bounds", { entries: entriesOf("1", { postedBalance: {} }) }, "INVALID_ARGUMENT"],
  [
    "bounds of nulls",
    { entries: entriesOf("1", { postedBalance: { gte: null } }) },
    "INVALID_ARGUMENT",
  ],
  [
    "a fraction as bound",
    { entries: entriesOf("1", { postedBalance: { gte: "0.5" } }) },
    "INVALID_ARGUMENT",
  ],
  [
    "a negative lock version",
    { entries: entriesOf("1", { lockVersion: "-1" }) },
    "INVALID_ARGUMENT",
  ],
  ["metadata that is a list", nameAndKey("metadata", [1]), "INVALID_ARGUMENT"],
  ["metadata that is a text", nameAndKey("metadata", "x"), "INVALID_ARGUMENT"],
  ["metadata beyond 64 kB", nameAndKey("metadata", { a: "x".repeat(70_000) }), "INVALID_ARGUMENT"],
  ["metadata with a zero byte", nameAndKey("metadata", { a: "\0" }), "INVALID_ARGUMENT"],
  [
    "an entry's metadata that is no object",
    { entries: entriesOf("1", { metadata: 7 }) },
    "INVALID_ARGUMENT",
  ],
  ["an infinite time", nameAndKey("effectiveAt", "infinity"), "INVALID_ARGUMENT"],
  ["an infinite past", nameAndKey("effectiveAt", "-infinity"), "INVALID_ARGUMENT"],
  ["a time that is none", nameAndKey("effectiveAt", "soon"), "INVALID_ARGUMENT"],
  ["the 31st of February", nameAndKey("effectiveAt", "2026-02-31T00:00:00Z"), "INVALID_ARGUMENT"],
  [
    "an expiry of a posted one",
    nameAndKey("expiresAt", "2999-01-01T00:00:00Z"),
    "INVALID_ARGUMENT",
  ],
  ["status archived", nameAndKey("status", "archived"), "INVALID_ARGUMENT"],
  ["an empty key", nameAndKey("idempotencyKey", ""), "INVALID_ARGUMENT"],
  ["a key of 256", nameAndKey("idempotencyKey", "k".repeat(256)), "INVALID_ARGUMENT"],
  ["a key with a tab", nameAndKey("idempotencyKey", "a\tb"), "INVALID_ARGUMENT"],
  ["a long description", nameAndKey("description", "d".repeat(1001)), "INVALID_ARGUMENT"],
])("refuses %s", async (_name, input, code) => {
  const { data, errors } = await server.ask(CREATE, { input: { ledger: "main", ...input } });
  expect(errors).toHaveLength(1);
  expect(errors![0]!.extensions).toMatchObject({ code });
  expect(data?.createTransaction ?? null).toBeNull();
});

test("a ledger's name that is none", async () => {
  for (const ledger of ["", "a b", "main,other", "x".repeat(64)]) {
    const { errors } = await server.ask(CREATE, { input: { ledger, entries: entriesOf("1") } });
    expect(errors![0]!.extensions!.code).toBe("INVALID_ARGUMENT");
  }
});

test("text in any script goes in and out as it is", async () => {
  const description = `Zoë "quoted" \\ {a,b} (1) 日本 🏦 'x' $1 --`;
  const query = CREATE.replace("errorCode", "transaction { description metadata externalId }");
  const metadata = { ключ: [description, { deep: null }], n: 0.1 };
  const input = {
    ledger: "main",
    entries: entriesOf("1"),
    description,
    metadata,
    externalId: "№ 5",
  };
  const { result } = (await server.data(query, { input })).createTransaction;
  expect(result.transaction).toEqual({ description, metadata, externalId: "№ 5" });
});

test("amounts are exact at any size", async () => {
  const amount = "123456789012345678901234567890123456";
  const query = CREATE.replace("errorCode", "transaction { entries { nodes { amount } } }");
  const input = { ledger: "main", entries: entriesOf(amount) };
  const { result } = (await server.data(query, { input })).createTransaction;
  expect(result.transaction.entries.nodes).toEqual([{ amount }, { amount }]);
  expect(
    (await server.data(CREATE, { input: { ...input, entries: entriesOf("100.00") } }))
      .createTransaction.result.status,
  ).toBe("posted");
});

const literal = (amount: string, more = "") => `mutation {
  createTransaction(input: { ledger: "main", dryRun: true, entries: [
    { account: "bank", direction: debit, amount: ${amount} }
    { account: "users:alice", direction: credit, amount: ${amount} ${more} }
  ] }) { result { status } }
}`;

test("whole numbers in the query's text are taken as written; fractions and other things are not", async () => {
  for (const amount of ["7", `"7"`, "900719925474099267890"]) {
    expect(await server.data(literal(amount))).toMatchObject({
      createTransaction: { result: { status: "posted" } },
    });
  }
  for (const amount of [
    "1.0",
    "1e3",
    "true",
    `"ten"`,
    `""`,
    `"0x10"`,
    `"1 0"`,
    "[1]",
    "{ a: 1 }",
  ]) {
    const { status, errors } = await server.ask(literal(amount));
    expect(status).toBe(400);
    expect(errors![0]!.extensions).toMatchObject({ code: "INVALID_AMOUNT", sqlstate: "LDAMT" });
  }
});

test.each([
  ["9007199254740991", undefined],
  ["9007199254740992", "INVALID_AMOUNT"],
  ["9007199254740993", "INVALID_AMOUNT"],
  ["100.0", undefined],
  ["1e2", undefined],
  ["1.5", "INVALID_AMOUNT"],
  ["1e400", "INVALID_AMOUNT"],
  // JSON.parse makes whole numbers of these.
  ["4503599627370497.5", "INVALID_AMOUNT"],
  ["100.00000000000000001", "INVALID_AMOUNT"],
  ["0.99999999999999999", "INVALID_AMOUNT"],
  ["1.000000000000000000001e2", "INVALID_AMOUNT"],
  ["true", "INVALID_AMOUNT"],
  ["[1]", "INVALID_AMOUNT"],
])("the JSON number %s: %s", async (amount, code) => {
  const entries = `[{"account":"bank","direction":"debit","amount":${amount}},{"account":"users:alice","direction":"credit","amount":${amount}}]`;
  const body = `{"query":${JSON.stringify(CREATE)},"variables":{"input":{"ledger":"main","dryRun":true,"entries":${entries}}}}`;
  const { errors } = await post(server.url, body);
  expect(errors?.[0]?.extensions?.code).toBe(code);
});

/** A transaction whose metadata holds a number, as its text is, in the variables and in the query. */
const withNumber = (number: string) => {
  const entries = JSON.stringify(entriesOf("1"));
  const query = CREATE.replace("errorCode", "transaction { metadata }");
  const variables = `{"input":{"ledger":"main","entries":${entries},"metadata":{"a":{"b":${number}}}}}`;
  return [
    `{"query":${JSON.stringify(query)},"variables":${variables}}`,
    JSON.stringify({ query: literal("1", `metadata: { a: { b: ${number} } }`) }),
  ];
};

test.each([
  "12345678901234567890",
  "1e400",
  "[[-9007199254740993]]",
  "4503599627370497.5",
  "0.12345678901234567890",
  "[1, 1e-400]",
])("a number in metadata that would come back as another one: %s", async (number) => {
  for (const body of withNumber(number)) {
    const { errors } = await post(server.url, body);
    expect(errors![0]!.extensions).toMatchObject({ code: "INVALID_ARGUMENT", sqlstate: "LDARG" });
  }
});

test("a number in metadata comes back as it is: what JavaScript writes, JavaScript reads", async () => {
  for (const number of [0.1 + 0.2, -1.25, 1 / 3, 1e-7, 9007199254740991]) {
    const [body] = withNumber(String(number));
    const { data } = await post(server.url, body!);
    expect(data.createTransaction.result.transaction.metadata).toEqual({ a: { b: number } });
  }
});

const accountsWith = (type: string, argument: string, value: string) =>
  post(
    server.url,
    `{"query":"query ($v: ${type}) { accounts(${argument}) { nodes { ledger } } }","variables":{"v":${value}}}`,
  );

test.each([
  ["Int", "first: $v", "10"],
  ["AccountFilter", "filter: $v", "{}"],
  ["String", "filter: { ledger: { equalTo: $v } }", `"main"`],
])("a long number where %s belongs is refused", async (type, argument, good) => {
  expect((await accountsWith(type, argument, good)).status).toBe(200);
  for (const long of ["12345678901234567890", "10.00000000000000000001"]) {
    expect((await accountsWith(type, argument, long)).status).toBe(400);
  }
});

test("the body's type may be written in other ways, and must be JSON", async () => {
  const [body] = withNumber("4503599627370497.5");
  for (const type of ["application/json;charset=utf-8", "application/json\t; charset=utf-8"]) {
    const { errors } = await post(server.url, body!, { headers: { "content-type": type } });
    expect(errors![0]!.extensions).toMatchObject({ code: "INVALID_ARGUMENT" });
  }
  const text = await post(server.url, body!, { headers: { "content-type": "text/plain" } });
  expect(text.status).toBe(415);
});

test.each(["1.00000000000000000001", "9007199254740993", "4503599627370496.25"])(
  "the lock version %s, as a JSON number",
  async (version) => {
    const entries = JSON.stringify(entriesOf("1", { lockVersion: "$" })).replace('"$"', version);
    const body = `{"query":${JSON.stringify(CREATE)},"variables":{"input":{"ledger":"main","entries":${entries}}}}`;
    const { errors } = await post(server.url, body);
    expect(errors![0]!.extensions).toMatchObject({
      code: "INVALID_ARGUMENT",
      sqlstate: "LDARG",
      detail: { value: version },
    });
  },
);

test("lock versions are 64 bits and as strict", async () => {
  for (const version of ["9223372036854775808", "1.0", "x", ""]) {
    const { errors } = await server.ask(CREATE, {
      input: { ledger: "main", entries: entriesOf("1", { lockVersion: version }) },
    });
    expect(errors![0]!.extensions).toMatchObject({ code: "INVALID_ARGUMENT", sqlstate: "LDARG" });
  }
  const { errors } = await server.ask(CREATE, {
    input: { ledger: "main", entries: entriesOf("1", { lockVersion: 2 ** 53 }) },
  });
  expect(errors![0]!.extensions!.code).toBe("INVALID_ARGUMENT");
  const actual = await server.ask(literal("1", "lockVersion: 9223372036854775807"));
  expect(actual.errors![0]!.extensions).toMatchObject({ code: "VERSION_CONFLICT" });
});

test("what is no GraphQL, or asks for what is not there, is a plain 400", async () => {
  expect((await post(server.url, "{")).status).toBe(400);
  expect((await post(server.url, "[]")).status).toBe(400);
  expect((await server.ask("{ nothing }")).status).toBe(400);
  expect((await server.ask(CREATE, {})).status).toBe(400);
  const cursor = await server.ask(`{ accounts(after: "rubbish") { nodes { id } } }`);
  expect(cursor.errors).toHaveLength(1);
});
