import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { request } from "node:http";
import { silentLog } from "../../src/log.ts";
import { startServer } from "../../src/server/start.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

test("without a key for tokens it listens on loopback only, and says that it trusts everybody", async () => {
  const connectionString = server.database.urlOf("daybook_authenticator");
  for (const jwt of [undefined, {}, { audience: "daybook" }]) {
    await expect(
      startServer({ connectionString, host: "0.0.0.0", port: 0, jwt, log: silentLog }),
    ).rejects.toThrow(/127\.0\.0\.1 only/);
  }
  expect(server.logged.join()).toMatch(/every caller is trusted and acts as daybook_admin/);
});

test("without a key it answers to names of this machine only, against pages that rebind theirs", async () => {
  expect(await statusFor("localhost:1234")).toBe(200);
  expect(await statusFor("127.0.0.1")).toBe(200);
  expect(await statusFor("evil.example")).toBe(401);
  expect(await statusFor("127.0.0.1.evil.example")).toBe(401);
});

test.each([
  ["forwarded", "for=192.0.2.7"],
  ["via", "1.1 proxy"],
  ["x-forwarded-for", "127.0.0.1"],
  ["x-forwarded-proto", "https"],
  ["x-real-ip", "127.0.0.1"],
])("without a key nothing is taken that a proxy passed on: %s", async (name, value) => {
  const response = await fetch(server.url, {
    method: "POST",
    headers: { "content-type": "application/json", [name]: value },
    body: '{"query":"{ __typename }"}',
  });
  expect(response.status).toBe(401);
  const { errors } = (await response.json()) as any;
  expect(errors).toEqual([
    {
      message: expect.stringMatching(`nobody is served through a proxy.*header ${name}$`),
      extensions: { code: "UNAUTHENTICATED" },
    },
  ]);
});

test("a simple form post of another page is not taken for a request", async () => {
  const response = await fetch(server.url, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: '{"query":"{ __typename }"}',
  });
  expect(response.status).toBe(415);
  expect((await fetch(`${server.url}?query=%7B__typename%7D`)).status).toBe(405);
});

test("as another login, what that login was granted decides", async () => {
  await server.database.pool.query("select daybook.create_ledger('other')");
  await server.database.pool.query(
    "select daybook.grant_ledger_access('test_writer', 'main', 'write')",
  );
  const log: string[] = [];
  const { startServer: start } = await import("../../src/server/start.ts");
  const second = await start({
    connectionString: server.database.urlOf("test_writer"),
    host: "127.0.0.1",
    port: 0,
    log: { ...silentLog, warn: (message) => log.push(message) },
  });
  try {
    expect(log.join()).toMatch(/connected as test_writer/);
    expect(log.join()).toMatch(/acts as daybook_writer/);
    const ask = async (query: string, variables = {}) => {
      const response = await fetch(second.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as any;
    };
    const ledgers = await ask("{ ledgers { nodes { name } } }");
    expect(ledgers.data.ledgers.nodes).toEqual([{ name: "main" }]);
    const written = await ask(CREATE, { input: { ledger: "main", entries: entriesOf("1") } });
    expect(written.data.createTransaction.result.status).toBe("posted");
    const refused = await ask(CREATE, { input: { ledger: "other", entries: entriesOf("1") } });
    expect(refused.errors[0].extensions.code).toBe("PERMISSION_DENIED");
  } finally {
    await second.stop();
  }
});

test("a database without a ledger is refused at the start", async () => {
  const empty = await createEmptyDatabase();
  try {
    await expect(
      startServer({ connectionString: empty.url, host: "127.0.0.1", port: 0, log: silentLog }),
    ).rejects.toThrow(/run daybook migrate/);
  } finally {
    await empty.drop();
  }
});

test("stop() lets a running request finish", async () => {
  const second = await startServer({
    connectionString: server.database.urlOf("daybook_authenticator"),
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
  });
  const blocker = await server.database.connect();
  await blocker.query("begin");
  await blocker.query("select from daybook_private.account_counters for update");
  const body = JSON.stringify({
    query: CREATE,
    variables: {
      input: { ledger: "main", entries: entriesOf("1", { showResultingBalances: true }) },
    },
  });
  const headers = { "content-type": "application/json" };
  const running = fetch(second.url, { method: "POST", headers, body });
  await waitFor(
    "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  const stopped = second.stop();
  await blocker.query("rollback");
  const answer = (await (await running).json()) as any;
  expect(answer.data.createTransaction.result.status).toBe("posted");
  await stopped;
  await expect(fetch(second.url, { method: "POST", headers, body })).rejects.toThrow();
});

async function waitFor(sql: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if ((await server.database.pool.query(sql)).rowCount! > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`in vain: ${sql}`);
}

/** `fetch` does not let a caller choose the header. */
function statusFor(host: string): Promise<number | undefined> {
  const headers = { host, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const call = request(server.url, { method: "POST", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on("error", reject).end('{"query":"{ __typename }"}');
  });
}
