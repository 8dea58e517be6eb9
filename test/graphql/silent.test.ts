import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SILENCE } from "../../src/server/connection.ts";
import { TIMEOUTS } from "../../src/server/request.ts";
import { CREATE, entriesOf, startCutServer } from "./server.ts";

/* A database that takes connections and says nothing: PostgreSQL is stopped, or its disk does not answer. */

const usual = { transaction: TIMEOUTS.transaction_timeout, silence: SILENCE.most };
let server: Awaited<ReturnType<typeof startCutServer>>;

beforeAll(async () => {
  server = await startCutServer();
  expect(await health()).toBe(200);
  await Promise.all([server.ask(QUERY), server.ask(QUERY)]); // there are connections for both
  server.cutter.silence("takes new ones");
});
afterAll(async () => {
  TIMEOUTS.transaction_timeout = usual.transaction;
  SILENCE.most = usual.silence;
  await server?.stop();
});

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
  const answers = await Promise.all([server.ask(CREATE, { input }), server.ask(QUERY)]);
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
