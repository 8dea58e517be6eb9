import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { until } from "../support/temporary.ts";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

const HEALTH = `{
  ledger(name: "main") { balanceHealth { driftedAccounts violations queuedEntries oldestCheckAt } }
}`;
const VERIFY = `{
  verifyAccounts(ledger: "main", accounts: ["bank"]) { violation subject facts }
  verifyTransactions(ledger: "main") { violation subject facts }
  verifyTotals(ledger: "main") { violation subject facts }
}`;
const REBUILD = `mutation {
  rebuildBalances(input: { ledger: "main", account: "bank" }) {
    result { account violation before after changedEntries }
  }
}`;

const REBUILD_SEARCH = `mutation {
  rebuildSearch(input: { ledger: "main" }) { result { violation subject } }
}`;

test("what clients were told is looked for", async () => {
  const id = "01a1fd48-0a1b-79a0-8f46-382357e9f9a5";
  const asked = `{
    verifyAcknowledged(ledger: "main", acknowledged: [{ transactionId: "${id}", version: 1, status: posted }]) {
      violation subject facts
    }
  }`;
  const { verifyAcknowledged } = await server.data(asked);
  expect(verifyAcknowledged).toMatchObject([
    { violation: "an acknowledged transaction is missing", subject: id, facts: { found: null } },
  ]);
});

test("health, checks and repair", async () => {
  expect((await server.data(HEALTH)).ledger.balanceHealth).toEqual({
    driftedAccounts: "0",
    violations: "0",
    queuedEntries: "0",
    oldestCheckAt: null,
  });
  expect(await server.data(VERIFY)).toEqual({
    verifyAccounts: [],
    verifyTransactions: [],
    verifyTotals: [],
  });
  await server.database.pool.query(
    "update daybook_private.account_counters set lock_version = lock_version + 1 where address = 'bank'",
  );
  expect((await server.data(VERIFY)).verifyAccounts).toMatchObject([{ subject: "bank" }]);
  expect((await server.data(REBUILD)).rebuildBalances.result).toMatchObject([
    { account: "bank", violation: expect.stringMatching(/counters/), changedEntries: "0" },
  ]);
  expect((await server.data(VERIFY)).verifyAccounts).toEqual([]);
  await server.database.pool.query(
    "select daybook.create_transaction('main', array[daybook.debit('bank', 1), daybook.credit('bank', 1)])",
  );
  await server.database.pool.query("select daybook_private.index_search('main')");
  await server.database.pool.query("update daybook_private.search_lines set amount = amount + 1");
  const { verifyTransactions } = await server.data(VERIFY);
  expect(verifyTransactions[0]).toMatchObject({
    violation: expect.stringMatching(/^search knows/),
  });
  expect((await server.data(REBUILD_SEARCH)).rebuildSearch.result).toEqual(
    verifyTransactions.map(({ violation, subject }: any) => ({ violation, subject })),
  );
  expect((await server.data(VERIFY)).verifyTransactions).toEqual([]);
});

test("the server is well while all of its connections wait for somebody", async () => {
  const holder = await server.database.connect();
  await holder.query("begin");
  await holder.query("lock table daybook_private.idempotency_keys");
  const input = { ledger: "main", entries: entriesOf("1"), idempotencyKey: "waits" };
  const waiting = Array.from({ length: 25 }, () => server.ask(CREATE, { input }));
  try {
    await until("all of them wait", async () => {
      const { rows } = await server.database.pool.query(
        "select count(*)::integer as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      return rows[0].n === 20;
    });
    const began = Date.now();
    const { status } = await fetch(new URL("/healthz", server.url));
    expect({ status, soon: Date.now() - began < 5000 }).toEqual({ status: 200, soon: true });
  } finally {
    await holder.query("rollback");
    await Promise.all(waiting);
  }
});
