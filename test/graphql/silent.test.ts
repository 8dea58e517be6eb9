import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SILENCE } from "../../src/server/connection.ts";
import { TIMEOUTS } from "../../src/server/request.ts";
import { startServer } from "../../src/server/start.ts";
import { silentLog } from "../../src/log.ts";
import { startCutter, type Cutter } from "../support/cutter.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { CREATE, entriesOf, openBooks, post, type Answer } from "./server.ts";

/* A database that takes connections and says nothing: PostgreSQL is stopped, or its disk does not answer. */

const usual = { transaction: TIMEOUTS.transaction_timeout, silence: SILENCE.most };
let database: TestDatabase;
let cutter: Cutter;
let server: { url: string; stop(): Promise<void> };

beforeAll(async () => {
  database = await createDatabase();
  cutter = await startCutter(database.url);
  const connectionString = cutter.lead(database.urlOf("daybook_authenticator"));
  server = await startServer({ connectionString, host: "127.0.0.1", port: 0, log: silentLog });
  await openBooks({
    data: async (query, variables) => (await send(query, variables)).data,
  });
  expect(await health()).toBe(200);
  await Promise.all([send(QUERY), send(QUERY)]); // there are connections for both
  cutter.silence("takes new ones");
});
afterAll(async () => {
  Object.assign(TIMEOUTS, { transaction_timeout: usual.transaction });
  SILENCE.most = usual.silence;
  cutter?.close();
  await server?.stop();
  await database?.drop();
});

const send = (query: string, variables: object = {}): Promise<Answer> =>
  post(server.url, JSON.stringify({ query, variables }));
const QUERY = "{ ledgers { nodes { name } } }";
const health = async () => (await fetch(new URL("/healthz", server.url))).status;

test("a supervisor is told that the database does not answer", async () => {
  const began = Date.now();
  expect(await health()).toBe(503);
  expect(Date.now() - began).toBeLessThan(10_000);
});

test("so are a mutation and a query, as soon as PostgreSQL would have ended them itself", async () => {
  TIMEOUTS.transaction_timeout = "1000";
  SILENCE.most = 500;
  const input = { ledger: "main", entries: entriesOf("1"), idempotencyKey: "silent" };
  const answers = await Promise.all([send(CREATE, { input }), send(QUERY)]);
  for (const { errors } of answers) {
    expect(errors).toMatchObject([
      {
        message: "the database does not answer: whether anything was kept is not known",
        extensions: {
          code: "CONNECTION_FAILURE",
          sqlstate: "08006",
          hint: "Repeat the request as it is, with its idempotency key.",
        },
      },
    ]);
  }
});
