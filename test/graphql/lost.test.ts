import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../../src/server/start.ts";
import { silentLog } from "../../src/log.ts";
import { startCutter, type Cutter, type End } from "../support/cutter.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { CREATE, entriesOf, openBooks, post, type Answer } from "./server.ts";

/*
 * Connections to the database end after each part of what it says, from the first byte to the last. The server lives (what
 * nobody catches fails the test that runs just then), answers, and answers right as soon as connections live.
 */

let database: TestDatabase;
let cutter: Cutter;
let server: { url: string; stop(): Promise<void> };
let keys = 0;

beforeAll(async () => {
  database = await createDatabase();
  cutter = await startCutter(database.url);
  const connectionString = cutter.lead(database.urlOf("daybook_authenticator"));
  server = await startServer({ connectionString, host: "127.0.0.1", port: 0, log: silentLog });
  await openBooks({
    data: async (query, variables) => (await send(query, variables)).data,
  });
});
afterAll(async () => {
  await server?.stop();
  cutter?.close();
  await database?.drop();
});

const send = (query: string, variables: object = {}): Promise<Answer> =>
  post(server.url, JSON.stringify({ query, variables }));
const create = () => {
  const input = { ledger: "main", idempotencyKey: `key ${keys++}`, entries: entriesOf("1") };
  return () => send(CREATE, { input });
};
const TWO = `mutation ($a: CreateTransactionInput!, $b: CreateTransactionInput!) {
  a: createTransaction(input: $a) { result { status } }
  b: createTransaction(input: $b) { result { status } } }`;

/** Each makes a request that can be sent again. */
const requests: Record<string, () => () => Promise<{ status: number; errors?: Answer["errors"] }>> =
  {
    "a mutation of one field": create,
    "a mutation of two fields": () => {
      const [a, b] = [0, 1].map(() => ({
        ledger: "main",
        idempotencyKey: `key ${keys++}`,
        entries: entriesOf("1"),
      }));
      return () => send(TWO, { a, b });
    },
    "a query": () => () => send("{ ledgers { nodes { name } } accounts { nodes { address } } }"),
    health: () => async () => ({
      status: (await fetch(new URL("/healthz", server.url))).status,
      errors: undefined,
    }),
  };

/** Where to cut: in bytes from the first to the last, and behind each message, where a server says that it ends a session. */
function* cuts(bytes: number, messages: number): Generator<[number, End]> {
  for (let much = 0; much < messages; much += 1) yield [much, "terminated"];
  for (let much = 0; much < bytes; much += 2 * STEP) yield [much, "closed"];
  for (let much = STEP; much < bytes; much += 2 * STEP) yield [much, "reset"];
}

/** In bytes. */
const STEP = 211;

const untilPoolsKnow = () => sleep(5);

async function cutEverywhere(what: string, isNew: boolean): Promise<void> {
  const renew = async () => {
    if (!isNew) return;
    cutter.endAll();
    await untilPoolsKnow();
  };
  await requests[what]!()();
  await renew();
  cutter.heal();
  await requests[what]!()();
  const { bytes, messages } = cutter.passed();
  let failed = 0;
  for (const [much, end] of cuts(bytes, messages)) {
    const request = requests[what]!();
    await renew();
    cutter.cutAfter(much, end);
    const { status, errors = [] } = await request();
    for (const { extensions } of errors) {
      expect(extensions!.code).toMatch(/^(CONNECTION_FAILURE|SERVER_SHUTDOWN|ROLLED_BACK)$/);
    }
    if (errors.length > 0 || status !== 200) failed += 1;
    cutter.heal();
    expect(await request()).toMatchObject({ status: 200, errors: undefined });
  }
  expect(failed).toBeGreaterThan(3); // it was cut where it hurts
}

test.each(Object.keys(requests))("%s, over a connection that is in use", (what) =>
  cutEverywhere(what, false),
);
test.each(["a mutation of one field", "health"])("%s, over a new connection", (what) =>
  cutEverywhere(what, true),
);

test("nothing was kept twice, and all that was asked for in the end", async () => {
  const { rows } = await database.pool.query(
    "select count(*)::integer as n from daybook.transactions",
  );
  expect(rows[0].n).toBe(keys);
});
