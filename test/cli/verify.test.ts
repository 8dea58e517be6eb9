import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createDatabase, type Login, type TestDatabase } from "../support/database.ts";
import { balanceOf, openLedger, transfer } from "../support/ledgers.ts";
import { runCli } from "../support/run-cli.ts";
import { seal } from "../support/sealing.ts";

let database: TestDatabase;
let ledger: string;
let other: string;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, { alice: { money: 100 }, bob: { money: 50 } });
  other = await openLedger(database, { carol: { money: 7 } });
  for (const name of [ledger, other]) {
    await database.pool.query("select daybook.grant_ledger_access('test_auditor', $1, 'read')", [
      name,
    ]);
  }
  await database.pool.query(transfer(ledger, "alice", "bob", 5));
  for (const name of [ledger, other]) await seal(await database.connect(), name);
});
afterAll(() => database?.drop());

async function daybook(login: Login, ...args: string[]) {
  const result = await runCli(args, { DATABASE_URL: database.urlOf(login) });
  const stdout = result.stdout.replaceAll(/\d+ records, all as they were sealed; .*/g, "SEALED");
  return { ...result, stdout };
}

test("an auditor is told that all is right, of all ledgers or of one", async () => {
  expect(await daybook("test_auditor", "verify")).toMatchObject({
    code: 0,
    stdout:
      "2 granted ledgers, 5 accounts, 4 transactions: all is right\n" +
      `${ledger}: SEALED\n${other}: SEALED\n`,
  });
  expect(await daybook("test_auditor", "verify", "--ledger", other)).toMatchObject({
    code: 0,
    stdout: `1 ledger, 2 accounts, 1 transaction: all is right\n${other}: SEALED\n`,
  });
});

test("what is wrong is told in words and figures, and the exit code is 1", async () => {
  await database.pool.query(
    `update daybook_private.account_counters set posted_credits = 101, pending_credits = 101
      where ledger = $1 and address = 'alice'`,
    [ledger],
  );
  const client = await database.connect();
  await client.query("set session_replication_role = replica");
  await client.query("update daybook.transactions set archived_at = now() where ledger = $1", [
    other,
  ]);
  const { code, stdout } = await daybook("test_auditor", "verify");
  expect(code).toBe(1);
  expect(stdout.split("\n")).toEqual([
    `WRONG: ledger ${ledger}, USD: debits and credits of a currency differ`,
    expect.stringContaining('"posted_credits":"156"'),
    `WRONG: ledger ${ledger}, alice: the counters of an account are not the sum of its entries`,
    expect.stringContaining('"counters":["2","5","101","5","101"]'),
    expect.stringMatching(
      `WRONG: ledger ${other}, .*: times do not tell the status of their transaction`,
    ),
    expect.stringContaining('"archived_at":"'),
    "2 granted ledgers, 5 accounts, 4 transactions: 3 things are wrong",
    `${ledger}: SEALED`,
    expect.stringMatching(`^${other}: record . .* was changed since it was sealed`),
    "",
  ]);
  await client.query("update daybook.transactions set archived_at = null where ledger = $1", [
    other,
  ]);
});

test("large figures are not rounded, lest both sides of a difference look the same", async () => {
  const [logged, found] = ["123456789012345678901", "123456789012345678902"];
  await database.pool.query("select daybook.set_account_limits($1, 'carol', balance_max => $2)", [
    other,
    logged,
  ]);
  const limit = (to: string) =>
    database.pool.query(
      "update daybook.accounts set balance_max = $2 where ledger = $1 and address = 'carol'",
      [other, to],
    );
  await limit(found);
  const { code, stdout } = await daybook("test_auditor", "verify", "--ledger", other);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    new RegExp(`facts of an account differ\n.*"balance_max":"${found}".*"balance_max":"${logged}"`),
  );
  await limit(logged);
});

test("sums by time that are wrong are dropped, and said to be made anew", async () => {
  await database.pool.query(
    `insert into daybook_private.entry_sums
     select a.ledger, a.id, 'ever', 'day', '-infinity', now(), 1, 0, 7, 0, 7, uuidv7(), uuidv7()
       from daybook.accounts a where a.ledger = $1 and a.address = 'carol'`,
    [other],
  );
  expect(await daybook("test_admin", "rebuild", "--ledger", other, "-a", "carol")).toMatchObject({
    code: 0,
    stdout:
      "carol: sums by time are not those of the entries up to their cursor\n" +
      "  the worker makes these sums anew; nothing else was wrong\n" +
      "compared: 1, rebuilt: 1\n",
  });
  await seal(await database.connect(), other);
});

test("an administrator rebuilds what is wrong; then all is right", async () => {
  expect(await daybook("test_auditor", "rebuild", "--ledger", ledger)).toMatchObject({ code: 1 });
  const { code, stdout } = await daybook("test_admin", "rebuild", "--ledger", ledger);
  expect(stdout).toMatch(
    /^alice: the counters of an account .*\n {2}before .*"101".*\n {2}after .*"100"/,
  );
  expect(stdout).toMatch(/compared: 3, rebuilt: 1\n$/);
  expect(code).toBe(0);
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 95 });
  expect(await daybook("test_auditor", "verify")).toMatchObject({ code: 0 }); // the log, too
  expect(await daybook("test_admin", "rebuild", "-l", ledger, "-a", "bob")).toMatchObject({
    stdout: "compared: 1, rebuilt: 0\n",
  });
});

test("what searches look through is verified and rebuilt with the rest", async () => {
  await database.pool.query("select daybook_private.index_search($1)", [ledger]);
  await database.pool.query("update daybook_private.search_documents set status = 'archived'");
  await database.pool.query("delete from daybook_private.search_lines");
  const { code, stdout } = await daybook("test_auditor", "verify", "--ledger", ledger);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^WRONG: ledger .*: search knows something else than the books\n {7}\{"books":\{.*"search":\{.*"status":"archived"/,
  );
  expect(stdout).toMatch(/3 transactions: 6 things are wrong/);
  expect(await daybook("test_admin", "rebuild", "-l", ledger, "-a", "bob")).toMatchObject({
    stdout: "compared: 1, rebuilt: 0\n",
  });
  const rebuilt = await daybook("test_admin", "rebuild", "--ledger", ledger);
  expect(rebuilt.stdout).toMatch(
    /^compared: 3, rebuilt: 0\n([0-9a-f-]{36}: search knows .* than the books; it is indexed anew\n){6}$/,
  );
  expect(await daybook("test_auditor", "verify", "--ledger", ledger)).toMatchObject({ code: 0 });
});

test("an entry whose transaction is gone is found, wherever its id lies", async () => {
  const client = await database.connect();
  await client.query("set session_replication_role = replica");
  await client.query(
    `delete from daybook.transactions t where t.ledger = $1
        and t.id = (select o.id from daybook.transactions o where o.ledger = $1 order by o.id desc limit 1)`,
    [ledger],
  );
  const { code, stdout } = await daybook("test_auditor", "verify");
  expect(stdout).toMatch(/entry without its transaction/);
  expect(code).toBe(1);
});

test.each(["verify", "rebuild"])("%s refuses a ledger that is not there", async (command) => {
  const { code, stderr } = await daybook("test_auditor", command, "--ledger", "nowhere");
  expect(stderr).toBe('daybook: there is no ledger "nowhere" that this login may read\n');
  expect(code).toBe(1);
});

describe("what was looked at", () => {
  let empty: TestDatabase;
  beforeAll(async () => {
    empty = await createDatabase();
  });
  afterAll(() => empty?.drop());

  const verify = (login: Login, ...args: string[]) =>
    runCli(["verify", ...args], { DATABASE_URL: empty.urlOf(login) });
  const first = async (login: Login) => (await verify(login)).stdout.split(",", 1)[0];
  const nothing = {
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^daybook: this login may read no ledger, .*'\*', 'read'\)\n$/),
  };

  test("nothing, by a login that was granted no ledger, is no success", async () => {
    expect(await verify("test_auditor")).toMatchObject(nothing);
    expect(await verify("test_reader", "--log")).toMatchObject(nothing);
    await empty.pool.query("select daybook.create_ledger('some')");
    expect(await verify("test_auditor")).toMatchObject(nothing);
    expect(await verify("test_auditor", "--log")).toMatchObject(nothing);
  });

  test("nothing, where there is nothing, is fine for whoever may see all", async () => {
    const fresh = await createDatabase();
    try {
      await fresh.pool.query("select daybook.grant_ledger_access('test_auditor', '*', 'read')");
      const stdout = "there is no ledger yet: nothing to look at\n*: nothing is sealed yet\n";
      for (const login of ["test_admin", "test_auditor"] as const)
        expect(await runCli(["verify"], { DATABASE_URL: fresh.urlOf(login) })).toMatchObject({
          code: 0,
          stdout,
        });
    } finally {
      await fresh.drop();
    }
  });

  test("is all there is, or what was granted", async () => {
    await empty.pool.query("select daybook.create_ledger('other')");
    await empty.pool.query("select daybook.grant_ledger_access('test_auditor', 'some', 'read')");
    expect(await first("test_auditor")).toBe("1 granted ledger");
    expect(await first("test_admin")).toBe("2 ledgers");
    await empty.pool.query("select daybook.grant_ledger_access('test_auditor', '*', 'read')");
    expect(await first("test_auditor")).toBe("2 ledgers");
    await empty.pool.query("select daybook.revoke_ledger_access('test_auditor', '*')");
  });

  test.each([[[]], [["--log"]]])("must be as many as expected: %j", async (args) => {
    expect(await verify("test_auditor", ...args, "--expect", "1")).toMatchObject({ code: 0 });
    expect(await verify("test_auditor", ...args, "--expect", "2")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "daybook: this login may read 1 ledgers, not 2: some\n",
    });
    expect(await verify("test_admin", ...args, "--expect", "2")).toMatchObject({ code: 0 });
  });

  test.each([
    ["--expect", "some"],
    ["--expect", "1", "--ledger", "some"],
    ["--expect", "1", "--acknowledged", "-"],
  ])("an expectation that cannot be met is a mistake: %s %s %s %s", async (...args) => {
    expect(await verify("test_admin", ...args)).toMatchObject({ code: 2, stdout: "" });
  });

  test("no acknowledged line at all is no success", async () => {
    const { code, stdout, stderr } = await verify("test_admin", "--acknowledged", "/dev/null");
    expect(stderr).toBe("daybook: /dev/null has no line, so nothing was compared\n");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });
});
