import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { TIMEOUTS } from "../../src/server/request.ts";
import { violations } from "../support/books.ts";
import { openSession, outcome, type Session } from "../support/sessions.ts";
import { until } from "../support/temporary.ts";
import { CREATE, entriesOf, openBooks, startTestServer, type TestServer } from "./server.ts";

/* What the database could not do just now: the client is told so, nothing is kept, and the same request goes through later. */

let server: TestServer;
/** A session of SQL that holds what requests want. */
let ann: Session;
let key: string;
let keys = 0;

const usual = { ...TIMEOUTS };
const ledger = "main";
/** Wants the row of an account, so that it has to wait for whoever holds it. */
const into = (account: string, idempotencyKey: string) => ({
  ledger,
  idempotencyKey,
  entries: [
    { account: "bank", direction: "debit", amount: "1" },
    { account, direction: "credit", amount: "1", showResultingBalances: true },
  ],
});
const hold = (account: string) =>
  `select * from daybook.create_transaction('main', array[daybook.debit('bank', 1),
     daybook.credit('${account}', 1, show_resulting_balances => true)])`;

beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
  await server.data(
    `mutation { openAccounts(input: { ledger: "main", accounts: [
       { address: "a", currency: "USD" }, { address: "b", currency: "USD" }, { address: "c", currency: "USD" }] })
       { result { id } } }`,
  );
  ann = await openSession(server.database, "test_admin");
});
afterAll(() => server?.stop());

beforeEach(() => {
  key = `key-${++keys}`;
});
afterEach(async () => {
  Object.assign(TIMEOUTS, usual);
  await ann.step("rollback");
  // Nobody holds anything any more, and no connection was lost or left in a transaction.
  await until("all is quiet", async () => (await backends("state <> 'idle'")).length === 0);
  expect(server.logged.filter((line) => /lost|masked/.test(line))).toEqual([]);
  expect(await violations(server.database)).toEqual([]);
});

async function backends(condition: string): Promise<number[]> {
  const { rows } = await server.database.pool.query(
    `select pid from pg_stat_activity
      where datname = current_database() and usename = 'daybook_authenticator' and ${condition} order by pid`,
  );
  return rows.map(({ pid }) => pid);
}

async function waitingFor(session: Session): Promise<number> {
  const blocked = `wait_event_type = 'Lock' and pg_blocking_pids(pid) @> array[${session.pid}]`;
  await until("a request waits", async () => (await backends(blocked)).length === 1);
  return (await backends(blocked))[0]!;
}

const cancel = (pid: number) => server.database.pool.query("select pg_cancel_backend($1)", [pid]);
const kept = async () =>
  (
    await server.database.pool.query(
      `select (select count(*)::integer from daybook.transactions where ledger = 'main') as transactions,
              (select count(*)::integer from daybook_private.idempotency_keys where ledger = 'main') as keys`,
    )
  ).rows[0];

test("a statement is given 30 s, a wait for a lock 10 s, an operation as a whole 60 s", async () => {
  expect(usual).toEqual({
    statement_timeout: "30s",
    lock_timeout: "10s",
    transaction_timeout: "60000",
  });
});

/** What puts an end to a request that waits: how it is called, and by what. */
const ends = [
  ["55P03", "LOCK_NOT_AVAILABLE", "lock_timeout"],
  ["57014", "QUERY_CANCELED", "statement_timeout"],
  ["57014", "QUERY_CANCELED", "somebody who cancels it"],
] as const;
const told = (sqlstate: string, code: string) => ({
  code,
  sqlstate,
  detail: null,
  hint: expect.stringMatching(/^Repeat the request/),
});

describeEach("a mutation of one field", CREATE);
describeEach(
  "a mutation whose payload is read as well",
  CREATE.replace("errorCode", "transaction { entries { nodes { amount } } }"),
);

function describeEach(what: string, query: string) {
  test.each(ends)(`${what}: %s, %s, by %s`, async (sqlstate, code, by) => {
    if (by in TIMEOUTS) Object.assign(TIMEOUTS, { [by]: "300ms" });
    await ann.step("begin");
    await ann.step(hold("a"));
    const before = await kept();
    const answering = server.ask(query, { input: into("a", key) });
    const pid = await waitingFor(ann);
    if (!(by in TIMEOUTS)) await cancel(pid);
    const { status, data, errors } = await answering;
    expect({ status, data }).toEqual({ status: 200, data: { createTransaction: null } });
    expect(errors).toHaveLength(1);
    expect(errors![0]).toMatchObject({ path: ["createTransaction"] });
    expect(errors![0]!.extensions).toEqual(told(sqlstate, code));
    expect(await kept()).toEqual(before);

    // As soon as the other one is ready the same request goes through, over the same connection, and is the first.
    Object.assign(TIMEOUTS, usual);
    await ann.step("rollback");
    const { createTransaction } = await server.data(query, { input: into("a", key) });
    expect(createTransaction.result).toMatchObject({ status: "posted", replayed: false });
    expect(await backends("true")).toContain(pid);
  });
}

test.each(ends)("a batch as a whole: %s, %s, by %s", async (sqlstate, code, by) => {
  if (by in TIMEOUTS) Object.assign(TIMEOUTS, { [by]: "300ms" });
  const batch = `mutation ($input: CreateTransactionsInput!) {
    createTransactions(input: $input) { result { status replayed errorCode } } }`;
  const transactions = [
    { entries: entriesOf("1"), idempotencyKey: `${key}-1` },
    { entries: into("a", "").entries, idempotencyKey: `${key}-2` },
  ];
  await ann.step("begin");
  await ann.step(hold("a"));
  const before = await kept();
  const answering = server.ask(batch, { input: { ledger, transactions } });
  const pid = await waitingFor(ann);
  if (!(by in TIMEOUTS)) await cancel(pid);
  const { data, errors } = await answering;
  expect(data).toEqual({ createTransactions: null });
  expect(errors!.map(({ extensions }) => extensions)).toEqual([told(sqlstate, code)]);
  expect(await kept()).toEqual(before);
  Object.assign(TIMEOUTS, usual);
  await ann.step("rollback");
  const { createTransactions } = await server.data(batch, { input: { ledger, transactions } });
  expect(createTransactions.result).toEqual([
    { status: "posted", replayed: false, errorCode: null },
    { status: "posted", replayed: false, errorCode: null },
  ]);
});

test.each(ends)(
  "one field of several takes all along: %s, %s, by %s",
  async (sqlstate, code, by) => {
    if (by in TIMEOUTS) Object.assign(TIMEOUTS, { [by]: "300ms" });
    await ann.step("begin");
    await ann.step(hold("a"));
    const before = await kept();
    const variables = {
      b: into("b", `${key}-b`),
      a: into("a", `${key}-a`),
      c: into("c", `${key}-c`),
    };
    const answering = server.ask(THREE, variables);
    const pid = await waitingFor(ann);
    if (!(by in TIMEOUTS)) await cancel(pid);
    const { data, errors } = await answering;
    expect(data).toEqual({ b: null, a: null, c: null });
    const codes = errors!.map(({ path, extensions }) => [path![0], extensions!.code]);
    expect(Object.fromEntries(codes)).toEqual({ b: "ROLLED_BACK", a: code, c: "ROLLED_BACK" });
    const ended = errors!.find(({ path }) => path![0] === "a")!;
    expect(ended.extensions).toEqual(told(sqlstate, code));
    expect(await kept()).toEqual(before);
    Object.assign(TIMEOUTS, usual);
    await ann.step("rollback");
    const again = await server.data(THREE, variables);
    for (const field of ["a", "b", "c"])
      expect(again[field].result).toMatchObject({ status: "posted", replayed: false });
  },
);

const THREE = `mutation ($a: CreateTransactionInput!, $b: CreateTransactionInput!, $c: CreateTransactionInput!) {
  b: createTransaction(input: $b) { result { status replayed } }
  a: createTransaction(input: $a) { result { status replayed } }
  c: createTransaction(input: $c) { result { status replayed } } }`;

test("40P01: two fields of a mutation are one transaction, which can deadlock with another one of several calls", async () => {
  const bob = await openSession(server.database, "test_admin");
  const carl = await openLast();
  await bob.step("begin");
  await bob.step(hold("a"));
  await carl.step("begin");
  await carl.step(hold("c"));
  const before = await kept();
  // The request holds b and waits for a; carl, who holds c, comes to wait for b; then the request wants c.
  const variables = {
    b: into("b", `${key}-b`),
    a: into("a", `${key}-a`),
    c: into("c", `${key}-c`),
  };
  const answering = server.ask(THREE, variables);
  const pid = await waitingFor(bob);
  const waiting = carl.step(hold("b"));
  await carl.waits();
  await bob.step("rollback");
  const { status, data, errors } = await answering;
  expect({ status, data }).toEqual({ status: 200, data: { b: null, a: null, c: null } });
  const codes = errors!.map(({ path, extensions }) => [path![0], extensions!.code]);
  expect(Object.fromEntries(codes)).toEqual({
    b: "ROLLED_BACK",
    a: "ROLLED_BACK",
    c: "DEADLOCK_DETECTED",
  });
  const deadlock = errors!.find(({ path }) => path![0] === "c")!;
  expect(deadlock.extensions).toEqual(told("40P01", "DEADLOCK_DETECTED"));
  // Who waits for whom is nobody's business but the server's.
  expect(JSON.stringify(errors)).not.toMatch(/process|ShareLock|relation/i);
  expect(await outcome(waiting)).toBe("posted");
  await carl.step("rollback");
  expect(await kept()).toEqual(before);
  const again = await server.data(THREE, variables);
  for (const field of ["a", "b", "c"])
    expect(again[field].result).toMatchObject({ status: "posted", replayed: false });
  expect(await backends("true")).toContain(pid);
});

/** A session that looks for deadlocks so late that somebody else finds them. */
async function openLast(): Promise<Session> {
  const name = new URL(server.database.url).pathname.slice(1);
  await server.database.pool.query(
    `alter role test_admin in database ${name} set deadlock_timeout = '1min'`,
  );
  return openSession(server.database, "test_admin");
}

test.each(ends)(
  "one read of a query fails, the others are there: %s, %s, by %s",
  async (sqlstate, code, by) => {
    if (by in TIMEOUTS) Object.assign(TIMEOUTS, { [by]: "300ms" });
    const maintenance = await server.database.connect();
    await maintenance.query("begin; lock table daybook.category_members in access exclusive mode");
    const { rows } = await maintenance.query("select pg_backend_pid() as pid");
    try {
      const answering = server.ask(`{
      before: ledger(name: "main") { name }
      categoryMembers(filter: { ledger: { equalTo: "main" } }) { nodes { category } }
      after: accountByAddress(ledger: "main", address: "a") { address }
    }`);
      const pid = await waitingFor({ ...ann, pid: rows[0].pid });
      if (!(by in TIMEOUTS)) await cancel(pid);
      const { data, errors } = await answering;
      expect(data).toEqual({
        before: { name: "main" },
        categoryMembers: null,
        after: { address: "a" },
      });
      expect(errors!.map(({ path, extensions }) => [path![0], extensions])).toEqual([
        ["categoryMembers", told(sqlstate, code)],
      ]);
    } finally {
      await maintenance.query("rollback");
      await maintenance.end();
    }
  },
);

const OUT_OF_TIME = {
  code: "TRANSACTION_TIMEOUT",
  sqlstate: "25P04",
  detail: null,
  hint: expect.stringMatching(/^Ask for less in one request/),
};

const SLOW = `{
  before: ledger(name: "main") { name }
  a: categoryMembers(first: 1) { nodes { category } }
  b: categoryMembers(first: 2) { nodes { category } }
  c: categoryMembers(first: 3) { nodes { category } }
}`;

test.each([
  ["in the midst of its first", "30s", OUT_OF_TIME],
  // With the first error PostgreSQL forgets how long the transaction may take.
  ["after one that failed", "500ms", told("57014", "QUERY_CANCELED")],
])(
  "a query whose statements take too long together is ended %s, and says so wherever an answer is missing",
  async (_when, statement_timeout, a) => {
    Object.assign(TIMEOUTS, { statement_timeout, transaction_timeout: "900" });
    const maintenance = await server.database.connect();
    await maintenance.query("begin; lock table daybook.category_members in access exclusive mode");
    try {
      const start = Date.now();
      const { status, data, errors } = await server.ask(SLOW);
      expect({ status, data }).toEqual({
        status: 200,
        data: { before: { name: "main" }, a: null, b: null, c: null },
      });
      expect(Date.now() - start).toBeLessThan(3000);
      const codes = errors!.map(({ path, extensions }) => [path![0], extensions]);
      expect(Object.fromEntries(codes)).toEqual({ a, b: OUT_OF_TIME, c: OUT_OF_TIME });
      // Others are served.
      Object.assign(TIMEOUTS, usual);
      expect(await server.data(`{ ledger(name: "main") { name } }`)).toEqual({
        ledger: { name: "main" },
      });
    } finally {
      await maintenance.query("rollback");
      await maintenance.end();
    }
  },
);

test.each([
  ["of one statement", CREATE],
  [
    "whose payload is read",
    CREATE.replace("errorCode", "transaction { entries { nodes { id } } }"),
  ],
])("of a mutation %s that takes too long nothing is kept", async (_what, query) => {
  Object.assign(TIMEOUTS, { transaction_timeout: "300" });
  await ann.step("begin");
  await ann.step(hold("a"));
  const before = await kept();
  const { status, data, errors } = await server.ask(query, { input: into("a", key) });
  expect({ status, data }).toEqual({ status: 200, data: { createTransaction: null } });
  expect(errors!.map(({ extensions }) => extensions)).toEqual([OUT_OF_TIME]);
  expect(await kept()).toEqual(before);
  Object.assign(TIMEOUTS, usual);
  await ann.step("rollback");
  const { createTransaction } = await server.data(query, { input: into("a", key) });
  expect(createTransaction.result).toMatchObject({ status: "posted", replayed: false });
});

test("of several mutations the one that took too long says so", async () => {
  Object.assign(TIMEOUTS, { transaction_timeout: "900" });
  await ann.step("begin");
  await ann.step(hold("a"));
  const variables = {
    b: into("b", `${key}-b`),
    a: into("a", `${key}-a`),
    c: into("c", `${key}-c`),
  };
  const before = await kept();
  const { data, errors } = await server.ask(THREE, variables);
  expect(data).toEqual({ b: null, a: null, c: null });
  const codes = errors!.map(({ path, extensions }) => [path![0], extensions!.code]);
  expect(Object.fromEntries(codes)).toEqual({
    b: "ROLLED_BACK",
    a: "TRANSACTION_TIMEOUT",
    c: "ROLLED_BACK",
  });
  expect(await kept()).toEqual(before);
});
