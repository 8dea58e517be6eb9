import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { End } from "../support/cutter.ts";
import { CREATE, entriesOf, startCutServer, type Answer } from "./server.ts";

/*
 * Connections to the database end after each part of what it says, from the first byte to the last. The server lives (what
 * nobody catches fails the test that runs just then), answers, and answers right as soon as connections live.
 */

let server: Awaited<ReturnType<typeof startCutServer>>;
let keys = 0;

beforeAll(async () => void (server = await startCutServer()));
afterAll(() => server?.stop());

const create = () => {
  const input = { ledger: "main", idempotencyKey: `key ${keys++}`, entries: entriesOf("1") };
  return () => server.ask(CREATE, { input });
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
      return () => server.ask(TWO, { a, b });
    },
    "a query": () => () =>
      server.ask("{ ledgers { nodes { name } } accounts { nodes { address } } }"),
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

async function cutEverywhere(what: string, isNew: boolean): Promise<void> {
  const renew = async () => {
    if (!isNew) return;
    server.cutter.endAll();
    await server.cutter.untilKnown();
  };
  await requests[what]!()();
  await renew();
  server.cutter.heal();
  await requests[what]!()();
  const { bytes, messages } = server.cutter.passed();
  let failed = 0;
  for (const [much, end] of cuts(bytes, messages)) {
    const request = requests[what]!();
    await renew();
    server.cutter.cutAfter(much, end);
    const { status, errors = [] } = await request();
    for (const { extensions } of errors) {
      expect(extensions!.code).toMatch(/^(CONNECTION_FAILURE|SERVER_SHUTDOWN|ROLLED_BACK)$/);
    }
    if (errors.length > 0 || status !== 200) failed += 1;
    server.cutter.heal();
    // An answer may be whole before the connection ends: the next request could still meet it.
    await server.cutter.untilKnown();
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
  const { rows } = await server.database.pool.query(
    "select count(*)::integer as n from daybook.transactions",
  );
  expect(rows[0].n).toBe(keys);
});
