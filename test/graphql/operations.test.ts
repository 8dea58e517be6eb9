import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { silentLog } from "../../src/log.ts";
import { startServer } from "../../src/server/start.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/temporary.ts";
import { CREATE, entriesOf, openBooks, post, type TestServer } from "./server.ts";

/** What the server sent to the database, packet by packet. */
let packets: string[] = [];
/** Cuts the connection when the server sends this. */
let cutBefore: string | undefined;
let database: TestDatabase;
let proxy: Server;
let server: { url: string; stop(): Promise<void> };

const ask: TestServer["ask"] = (query, variables) =>
  post(server.url, JSON.stringify({ query, variables }));
const data: TestServer["data"] = async (query, variables) => {
  const answer = await ask(query, variables);
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
};

beforeAll(async () => {
  database = await createDatabase();
  const url = new URL(database.urlOf("daybook_authenticator"));
  proxy = await listenBefore(Number(url.port), url.hostname);
  url.hostname = "127.0.0.1";
  url.port = String((proxy.address() as AddressInfo).port);
  server = await startServer({
    connectionString: url.href,
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
  });
  await openBooks({ data });
});
afterAll(async () => {
  await server?.stop();
  proxy?.close();
  await database?.drop();
});
beforeEach(() => {
  packets = [];
  cutBefore = undefined;
});

const count = (text: string) => packets.join("").split(text).length - 1;

test("a mutation of one statement is one round trip: begin, settings, call and commit in one packet", async () => {
  const input = { ledger: "main", entries: entriesOf("1") };
  await data(CREATE.replace(/balances \{.*\}/, ""), { input });
  packets = [];
  await data(CREATE.replace(/balances \{.*\}/, ""), { input });
  expect(packets).toHaveLength(1);
  expect(packets[0]).toMatch(/begin isolation level read committed[^]+commit/);
  expect(count("create_transaction")).toBe(0); // it is prepared already
});

test("what a mutation's payload reads is read in its own transaction, before the commit", async () => {
  const query = CREATE.replace("errorCode", "transaction { entries { nodes { amount } } }");
  await data(query, { input: { ledger: "main", entries: entriesOf("1") } });
  expect(count("begin")).toBe(1);
  expect(count("\0commit") + count("Q\0\0\0\x0bcommit")).toBe(1);
  expect(packets.at(-1)).toMatch(/commit/);
  expect(packets.length).toBeGreaterThan(1);
});

test("several fields of a mutation commit together", async () => {
  await data(`mutation {
    a: setAccountMetadata(input: { ledger: "main", address: "bank", metadata: { a: 1 } }) { result { metadata } }
    b: setAccountMetadata(input: { ledger: "main", address: "bank", metadata: { b: 2 } }) { result { metadata } }
  }`);
  expect(count("begin")).toBe(1);
  const { accountByAddress } = await data(
    `{ accountByAddress(ledger: "main", address: "bank") { metadata } }`,
  );
  expect(accountByAddress.metadata).toEqual({ a: 1, b: 2 });
});

test("if one field of a mutation fails nothing is kept, and every field says so", async () => {
  const { data: shown, errors } = await ask(`mutation {
    first: closeAccount(input: { ledger: "main", address: "bank" }) { result { closedAt } }
    wrong: closeAccount(input: { ledger: "main", address: "nobody" }) { result { closedAt } }
    third: closeAccount(input: { ledger: "main", address: "users:alice" }) { result { closedAt } }
  }`);
  expect(shown).toEqual({ first: null, wrong: null, third: null });
  const codes = errors!.map(({ path, extensions }) => [path![0], extensions!.code]);
  expect(Object.fromEntries(codes)).toEqual({
    first: "ROLLED_BACK",
    wrong: "ACCOUNT_NOT_FOUND",
    third: "ROLLED_BACK",
  });
  const { accounts } = await data("{ accounts { nodes { closedAt } } }");
  expect(accounts.nodes).toEqual([{ closedAt: null }, { closedAt: null }]);
});

test("a read that fails after a write takes the write back", async () => {
  const { data: shown, errors } = await ask(`mutation {
    closeAccount(input: { ledger: "main", address: "bank" }) {
      result { closedAt }
      query { accountBalance(ledger: "main", account: "nobody") { account } }
    }
  }`);
  expect(shown).toEqual({ closeAccount: null });
  expect(errors![0]!.extensions!.code).toBe("ACCOUNT_NOT_FOUND");
  const { accountByAddress } = await data(
    `{ accountByAddress(ledger: "main", address: "bank") { closedAt } }`,
  );
  expect(accountByAddress).toEqual({ closedAt: null });
});

test("a page that is too long takes the write back as well", async () => {
  const query = CREATE.replace("errorCode", "transaction { entries(first: 1001) { totalCount } }");
  const input = { ledger: "main", entries: entriesOf("1"), idempotencyKey: "long page" };
  const { errors } = await ask(query, { input });
  expect(errors![0]!.extensions!.code).toBe("INVALID_ARGUMENT");
  const { createTransaction } = await data(CREATE, { input });
  expect(createTransaction.result.replayed).toBe(false);
});

test("a commit that fails is an error, never a success", async () => {
  // Two statements, so that the commit is a packet of its own.
  const query = CREATE.replace("errorCode", "transaction { id }");
  const input = { ledger: "main", entries: entriesOf("1"), idempotencyKey: "cut" };
  cutBefore = "Q\0\0\0\x0bcommit";
  const { data: shown, errors } = await ask(query, { input });
  cutBefore = undefined;
  expect(shown).toEqual({ createTransaction: null });
  expect(errors).toHaveLength(1);
  expect(errors![0]!.extensions).toMatchObject({ code: "CONNECTION_FAILURE", sqlstate: "08006" });
  const { createTransaction } = await data(query, { input });
  expect(createTransaction.result.replayed).toBe(false);
});

test("a deferred constraint that fails at the commit is an error, in one packet or in several", async () => {
  await database.pool.query(`
    create function public.refuse() returns trigger language plpgsql as
      $$ begin raise exception 'not this one' using errcode = 'LDARG', detail = '{"late": true}'; end $$;
    create constraint trigger late after update on daybook.accounts
      deferrable initially deferred for each row execute function public.refuse()`);
  const close = `mutation { closeAccount(input: { ledger: "main", address: "bank" }) { result { closedAt } } }`;
  try {
    for (const query of [close, close.replace("closedAt", "balance { account }")]) {
      const { data: shown, errors } = await ask(query);
      expect(shown).toEqual({ closeAccount: null });
      expect(errors![0]!.extensions).toMatchObject({ sqlstate: "LDARG", detail: { late: true } });
    }
  } finally {
    await database.pool.query("drop trigger late on daybook.accounts");
  }
});

test("a query is one read-only snapshot", async () => {
  await data(`{
    a: accountBalance(ledger: "main", account: "bank") { postedAmount }
    b: balances { nodes { postedAmount } }
    c: transactions(last: 1) { nodes { id entries { nodes { amount } } } }
  }`);
  expect(count("begin isolation level repeatable read read only")).toBe(1);
  expect(count("begin")).toBe(1);
  packets = [];
  await data(`{ accountBalance(ledger: "main", account: "bank") { lockVersion } }`);
  expect(packets).toHaveLength(1);
});

test("many operations at once, and no connection is left in a transaction", async () => {
  const input = { ledger: "main", entries: entriesOf("1") };
  const read = "{ a: ledgers { totalCount } b: accounts { totalCount } }";
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      index % 3 === 0
        ? ask(read)
        : ask(CREATE, index % 3 === 1 ? { input } : { input: { ledger: "main", entries: [] } }),
    ),
  );
  // The end of a query is sent, but nobody waits for it.
  const busy = `select from pg_stat_activity
    where usename = 'daybook_authenticator' and datname = current_database() and state <> 'idle'`;
  await until("all are idle", async () => (await database.pool.query(busy)).rowCount === 0, 2000);
});

function listenBefore(port: number, host: string): Promise<Server> {
  const between = createServer((client) => {
    const upstream = connect(port, host);
    client.setNoDelay(true).on("data", (chunk) => {
      const text = chunk.toString("latin1");
      packets.push(text);
      if (cutBefore && text.includes(cutBefore)) client.destroy();
      else upstream.write(chunk);
    });
    upstream.setNoDelay(true).on("data", (chunk) => client.write(chunk));
    client.on("close", () => upstream.destroy()).on("error", () => {});
    upstream.on("close", () => client.destroy()).on("error", () => {});
  });
  return new Promise((resolve) => {
    between.listen(0, "127.0.0.1", () => resolve(between));
  });
}
