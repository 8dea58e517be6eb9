import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SYMBOLS } from "../../src/server/errors.ts";
import { administer } from "../support/database.ts";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

/** Raised and caught inside, to undo a dry run. */
const INTERNAL = ["LDDRY", "LDGRW"];
const FIXTURES = resolve(import.meta.dirname, "../../migrations/fixtures");

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

test("every code that SQL raises or documents has a symbol", () => {
  const files = readdirSync(FIXTURES, { recursive: true, encoding: "utf8" });
  const text = files
    .filter((file) => file.endsWith(".sql"))
    .map((file) => readFileSync(join(FIXTURES, file), "utf8"))
    .join("\n");
  const codes = new Set(text.match(/\bLD[A-Z]{3}\b/g));
  expect(codes.size).toBeGreaterThan(10);
  expect([...codes].filter((code) => !SYMBOLS[code]).toSorted()).toEqual(INTERNAL);
});

test("the map holds the whole table of errors, each symbol once", () => {
  const table = `42501 PERMISSION_DENIED, LDARG INVALID_ARGUMENT, LDISO ISOLATION_LEVEL, LDIDM IDEMPOTENCY_KEY_REUSED,
    LDAMT INVALID_AMOUNT, LDLED LEDGER_NOT_FOUND, LDACC ACCOUNT_NOT_FOUND, LDCTG CATEGORY_NOT_FOUND,
    LDTXN TRANSACTION_NOT_FOUND, LDRCP RECEIPT_NOT_FOUND, LDDUP ALREADY_EXISTS, LDCUR CURRENCY_MISMATCH,
    LDUNB UNBALANCED, LDEXT EXTERNAL_ID_TAKEN, LDSTA INVALID_STATUS, LDCLS ACCOUNT_CLOSED, LDPER PERIOD_CLOSED,
    LDVER VERSION_CONFLICT, LDBAL BALANCE_CONDITION, LDLIM BALANCE_LIMIT, LDCAT CATEGORY_CONDITION,
    LDCYC CATEGORY_CYCLE, LDQUE QUEUE_FULL, LDIMM IMMUTABLE, 0A000 FEATURE_NOT_SUPPORTED`;
  const expected = Object.fromEntries(table.split(",").map((row) => row.trim().split(" ")));
  expect(SYMBOLS).toMatchObject(expected);
  const ledgers = Object.entries(SYMBOLS).filter(([code]) => code.startsWith("LD"));
  expect(new Set(ledgers.map(([, symbol]) => symbol)).size).toBe(ledgers.length);
  // What the contract calls retryable must be told apart from what is masked.
  const retryable =
    "40001 40P01 40003 55P03 57014 25006 08000 08006 53300 53400 57P01 57P02 57P03 57P04 57P05";
  for (const code of retryable.split(" ")) expect(Object.keys(SYMBOLS)).toContain(code);
});

const ledger = "main";
const create = (input: object) => [CREATE, { input: { ledger, ...input } }] as const;
const post = (input: string) =>
  [
    `mutation { postTransaction(input: { ledger: "main", ${input} }) { result { status } } }`,
  ] as const;

test.each([
  [
    "LDUNB",
    create({ entries: [entriesOf("1")[0], entriesOf("2")[1]] }),
    { debits: "1", credits: "2" },
  ],
  [
    "LDACC",
    create({ entries: [entriesOf("1")[0], { ...entriesOf("1")[1], account: "nobody" }] }),
    { accounts: ["nobody"] },
  ],
  ["LDAMT", create({ entries: entriesOf("-1") }), { index: 1 }],
  [
    "LDARG",
    create({ entries: entriesOf("1"), idempotencyKey: "" }),
    { argument: "idempotency_key" },
  ],
  ["LDVER", create({ entries: entriesOf("1", { lockVersion: "99" }) }), { account: "users:alice" }],
  [
    "LDBAL",
    create({ entries: entriesOf("1", { postedBalance: { lt: "1" } }) }),
    { account: "users:alice" },
  ],
  ["LDTXN", post(`transactionId: "01900000-0000-7000-8000-000000000000"`), {}],
  [
    "LDLED",
    [CREATE, { input: { ledger: "nowhere", entries: entriesOf("1") } }] as const,
    { ledger: "nowhere" },
  ],
  [
    "LDDUP",
    [
      `mutation { openAccount(input: { ledger: "main", address: "bank", currency: "EUR" }) { result { id } } }`,
    ] as const,
    {},
  ],
  [
    "LDCUR",
    [
      `mutation { openAccount(input: { ledger: "main", address: "x", currency: "XXQ" }) { result { id } } }`,
    ] as const,
    {},
  ],
])(
  "%s arrives with its symbol, its SQLSTATE, its facts and what to do",
  async (code, request, detail) => {
    const [query, variables] = request;
    const { status, data, errors } = await server.ask(query, variables);
    expect(status).toBe(200);
    expect(Object.values(data)).toEqual([null]);
    expect(errors).toHaveLength(1);
    expect(errors![0]!.path).toHaveLength(1);
    expect(errors![0]!.extensions).toEqual({
      code: SYMBOLS[code],
      sqlstate: code,
      detail: expect.objectContaining(detail),
      hint: expect.any(String),
    });
  },
);

test("a key used for another request, and a closed account", async () => {
  const input = { ledger, entries: entriesOf("1"), idempotencyKey: "k" };
  await server.data(CREATE, { input });
  const other = await server.ask(CREATE, { input: { ...input, entries: entriesOf("2") } });
  expect(other.errors![0]!.extensions).toMatchObject({
    code: "IDEMPOTENCY_KEY_REUSED",
    sqlstate: "LDIDM",
  });
  await server.data(`mutation {
    openAccount(input: { ledger: "main", address: "shut", currency: "USD" }) { result { id } }
    closeAccount(input: { ledger: "main", address: "shut" }) { result { closedAt } }
  }`);
  const entries = [entriesOf("1")[0], { account: "shut", direction: "credit", amount: "1" }];
  const closed = await server.ask(CREATE, { input: { ledger, entries } });
  expect(closed.errors![0]!.extensions).toMatchObject({ code: "ACCOUNT_CLOSED" });
});

test("what nobody foresaw is masked: the caller gets a hash, the log the rest", async () => {
  await server.database.pool.query(
    "alter function daybook.close_account(text, text) rename to close_account_before",
  );
  const before = server.logged.length;
  const { errors } = await server.ask(
    `mutation { closeAccount(input: { ledger: "main", address: "bank" }) { result { id } } }`,
  );
  await server.database.pool.query(
    "alter function daybook.close_account_before(text, text) rename to close_account",
  );
  const [error] = errors!;
  expect(error!.message).toMatch(/^An error occurred \(logged with hash: '.+', id: '.+'\)$/);
  expect(JSON.stringify(error)).not.toMatch(/close_account|42883/);
  const hash = /hash: '([^']+)'/.exec(error!.message)![1]!;
  const logged = server.logged.slice(before).join("\n");
  expect(logged).toContain(hash);
  expect(logged).toMatch(/close_account/);
});

test("queries: one read that fails does not take the others along", async () => {
  const { data, errors } = await server.ask(`{
    before: accountBalance(ledger: "main", account: "bank") { account }
    missing: accountBalance(ledger: "main", account: "nobody") { account }
    after: accountBalance(ledger: "main", account: "users:alice") { account }
  }`);
  expect(data).toEqual({
    before: { account: "bank" },
    missing: null,
    after: { account: "users:alice" },
  });
  expect(errors).toHaveLength(1);
  expect(errors![0]).toMatchObject({ path: ["missing"], extensions: { sqlstate: "LDACC" } });
});

test("a database that is gone is said to be gone, and /healthz as well", async () => {
  const health = new URL("/healthz", server.url);
  const { pool } = server.database;
  const allow = async (allowed: boolean) => {
    const { rows } = await pool.query("select current_database() as name");
    await administer(`alter database ${rows[0].name} with allow_connections ${allowed}`);
  };
  expect((await fetch(health)).status).toBe(200);
  await allow(false);
  try {
    await pool.query(`
      select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where usename = 'daybook_authenticator' and datname = current_database()`);
    const { errors } = await server.ask("{ ledgers { nodes { name } } }");
    expect(errors).toHaveLength(1);
    expect(["CONNECTION_FAILURE", "SERVER_SHUTDOWN"]).toContain(errors![0]!.extensions!.code);
    expect((await fetch(health)).status).toBe(503);
    const again = await server.ask("{ ledgers { nodes { name } } }");
    expect(again.errors![0]).toMatchObject({
      message: "the database cannot be reached",
      extensions: { code: "CONNECTION_FAILURE", sqlstate: "08001" },
    });
  } finally {
    await allow(true);
  }
  expect((await fetch(health)).status).toBe(200);
  expect(await server.data(`{ ledger(name: "main") { name } }`)).toEqual({
    ledger: { name: "main" },
  });
});
