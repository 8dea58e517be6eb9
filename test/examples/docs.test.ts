import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, QueryResult } from "pg";
import { startTestServer, type TestServer } from "../graphql/server.ts";
import { age } from "../support/age.ts";
import { violations } from "../support/books.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { runCli } from "../support/run-cli.ts";
import { seal } from "../support/sealing.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* What a page of docs shows is run from top to bottom, against fresh books. */

let server: TestServer;
let client: Client;

beforeAll(async () => {
  server = await startTestServer();
  client = await server.database.connectAs("test_admin");
});
afterEach(async () => expect(await violations(server.database)).toEqual([]));
afterAll(() => server?.stop());

const read = (page: string) => readFileSync(join(import.meta.dirname, "../../docs", page), "utf8");

const rowsOf = (given: QueryResult | QueryResult[]): any[] =>
  [given].flat().map(({ rows }) => rows);

/**
 * Gives what each block of SQL or GraphQL returned: of SQL the rows of its statements, in order.
 * @param meanwhile what the worker does between two blocks
 */
async function run(page: string, meanwhile = async () => {}): Promise<any[]> {
  const text = read(page);
  const results: any[] = [];
  for (const [, language, code] of text.matchAll(/^```(sql|graphql)\n(.*?)^```$/gms)) {
    if (language === "graphql") {
      results.push(await server.data(code!));
    } else {
      results.push(rowsOf(await client.query(code!)));
    }
    await meanwhile();
  }
  return results;
}

test("README.md: one transaction, three ways, and a login of one's own", async () => {
  const page = read("../README.md");
  const [first, login] = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, code]) => code!);
  const [, , , [topUp], [payment], balances] = rowsOf(await client.query(first!));
  const posted = { status: "posted", replayed: false };
  expect([topUp, payment]).toMatchObject([posted, posted]);
  expect(balances.map(Object.values)).toEqual([
    ["bank:settlement", "9900", "9900"],
    ["users:alice:card", "9900", "9900"],
  ]);
  const pay = /select transaction_id[^;]*8f1c'\);/.exec(first!)![0];
  const [again] = rowsOf(await client.query(pay));
  expect(again).toEqual([{ ...payment, replayed: true }]);
  const tooMuch = pay.replaceAll(/\b100\b/g, "20000").replace("8f1c", "of its own");
  const [, detail] = /^DETAIL: {2}(.*)$/m.exec(page)!;
  await expect(client.query(tooMuch)).rejects.toMatchObject({ code: "LDBAL", detail });

  const [, graphql] = /^```graphql\n(.*?)^```$/ms.exec(page)!;
  const { createTransaction } = await server.data(graphql!);
  expect(createTransaction.result).toMatchObject(posted);

  const { pool } = server.database;
  await pool.query("drop role if exists payments");
  await pool.query(login!);
  await pool.query("select daybook.revoke_ledger_access('payments', 'main'); drop role payments");
});

test("categories.md: accounts together, what bounds them, and who may read them", async () => {
  const { pool } = server.database;
  await pool.query("drop role if exists partner; create role partner in role daybook_reader");
  const [, [[balance]], [transactions, [newest], older]] = await run("categories.md");
  expect(balance).toEqual({ posted_amount: "1500", available_amount: "1500" });
  expect(transactions).toHaveLength(1);
  expect([newest, ...older].map(({ amount }) => amount).toSorted()).toEqual(["1000", "500"]);
  await pool.query("drop role partner");
  const [, call, detail] = /^club=> (.*?;)\nERROR:.*?\nDETAIL: {2}(.*?)\n/ms.exec(
    read("categories.md"),
  )!;
  await expect(client.query(call!)).rejects.toMatchObject({ code: "LDCAT", detail });
});

test("splits.md: a sale is divided without losing a cent", async () => {
  const [[[divided]], , [[sale], balances], asked, second] = await run("splits.md");
  expect(divided).toEqual({ allocate: [3999, 855, 145] });
  expect(sale).toMatchObject({ status: "posted" });
  expect(balances.map(Object.values)).toEqual([
    ["bank", "10000"],
    ["creators:ana", "3999"],
    ["fees:payment", "145"],
    ["fees:platform", "855"],
    ["users:bob", "5001"],
  ]);
  expect(asked).toEqual({ allocate: ["3999", "855", "145"] });
  expect(second.createTransaction.result.status).toBe("posted");
});

test("transfers.md: money goes from one ledger to another", async () => {
  const [, [[sent], balances], again] = await run("transfers.md");
  expect(sent).toEqual({ ledger: "eu", status: "posted", replayed: false });
  expect(balances.map(Object.values)).toEqual([
    ["eu", "bank", "5000", "0", "5000"],
    ["eu", "clearing:us", "0", "2000", "2000"],
    ["eu", "users:ana", "2000", "5000", "3000"],
    ["us", "clearing:eu", "2000", "0", "2000"],
    ["us", "users:bob", "0", "2000", "2000"],
  ]);
  const { counterpartTransaction } = again.transferBetweenLedgers.result.transaction;
  expect(counterpartTransaction).toMatchObject({ ledger: "us", status: "posted" });
});

test("holds.md: money is held, taken in part, and given back", async () => {
  const [, [[held], [before]], [[posted], [after]], [[order], [part], left], [versions]] =
    await run("holds.md");
  expect(held).toEqual({ status: "pending", version: 1 });
  expect(Object.values(before)).toEqual(["20000", "5000"]);
  expect(posted).toEqual({ status: "posted", version: 2 });
  expect(Object.values(after)).toEqual(["15680", "15680"]);
  expect([order, part].map(({ status }) => status)).toEqual(["pending", "posted"]);
  expect(left.map(Object.values)).toEqual([
    [1, "debit", "5500"],
    [2, "credit", "5500"],
  ]);
  expect(versions.map(Object.values)).toEqual([
    [1, "pending", "create_transaction", 2],
    [2, "posted", "post_transaction", 2],
  ]);
});

test("queue.md: transactions are accepted now and applied later", async () => {
  const [[, , , first], [again], second, [queue], [limit]] = await run("queue.md");
  expect(first.map(Object.values)).toEqual([
    ["queued", "payment-1", null],
    ["queued", "payment-2", null],
  ]);
  expect(again.map(Object.values)).toEqual([["queued", null, null]]);
  expect(second.enqueueTransactions.result).toMatchObject([{ state: "queued" }]);
  expect(queue.map(Object.values)).toEqual([["shop", "3", "1000000", true]]);
  expect(limit).toEqual([{ set_queue_limit: "250000" }]);
});

test("batches.md: members stand or fall alone, or all together", async () => {
  const [[, , , , results], [, balances]] = await run("batches.md");
  expect(results.map(Object.values)).toEqual([
    [1, "posted", false, null, null],
    [2, null, false, "LDBAL", "-6900"],
    [3, "posted", false, null, null],
  ]);
  expect(balances.map(Object.values)).toEqual([
    ["bank", "3000"],
    ["users:flo", "500"],
    ["users:gus", "2500"],
  ]);
});

test("search.md: transactions are found by what is known of them", async () => {
  const [, [found], [ordered, words], [[largest], [next]], asked] = await run("search.md");
  expect(found).toEqual([{ description: "STARBUCKS #1234", status: "posted", amount: "450" }]);
  expect(ordered.map(Object.values)).toEqual([
    ["Rent for March", "90000"],
    ["STARBUCKS #1234", "450"],
  ]);
  expect(words).toEqual([{ description: "STARBUCKS #1234" }]);
  expect([largest.description, next.description]).toEqual(["Rent for March", "STARBUCKS #1234"]);
  expect(asked.searchTransactions).toMatchObject([
    { description: "STARBUCKS #1234", transaction: { entries: { nodes: [{}, {}] } } },
  ]);
});

test("operations.md: what clients were told and is not in the books is named", async () => {
  await client.query("select daybook.create_ledger('main')");
  const [, told] = /^```json\n(.*?)^```$/ms.exec(read("operations.md"))!;
  const [, expected] = /^```console\n\$ daybook verify --ack[^\n]*\n(.*?)^```$/ms.exec(
    read("operations.md"),
  )!;
  const temporary = temporaryFolder();
  const file = join(temporary.path, "told.ndjson");
  writeFileSync(file, told!);
  const DATABASE_URL = server.database.urlOf("test_admin");
  const { code, stdout } = await runCli(["verify", "--acknowledged", file], { DATABASE_URL });
  temporary.remove();
  expect({ code, stdout }).toEqual({ code: 1, stdout: expected });
});

test("partitions.md: months are made ahead; an old one is taken out and put back", async () => {
  const { database } = server;
  const from = new Date();
  const ledger = await openLedger(database, { alice: {} });
  for (const parent of ["daybook.entries", "daybook.transactions", "daybook_private.log_events"])
    await database.pool.query("select daybook_private.ensure_partition($1, '2024-03-01Z')", [
      parent,
    ]);
  await database.pool.query(transfer(ledger, "world", "alice", 500));
  await age(
    database,
    ledger,
    from,
    `${(from.getTime() - Date.parse("2024-03-11")) / 1000} seconds`,
  );
  await seal(database.pool, ledger);
  const balance = async (at = "null") =>
    (
      await database.pool.query(`select * from daybook.account_balance($1, 'alice', ${at})`, [
        ledger,
      ])
    ).rows;
  const before = await balance();

  const admin = client;
  client = await database.connect(); // as the owner
  let blocks = 0;
  const [[health], moved, , [months]] = await run("partitions.md", async () => {
    if (++blocks !== 5) return;
    const restore = await takeAway(database.url, "daybook_private.entries_202403_detached");
    expect(await balance()).toEqual(before);
    await expect(balance("'2024-03-20'")).rejects.toMatchObject({ code: "LDARG" });
    await restore();
  }).finally(() => (client = admin));
  expect(blocks).toBe(6);
  expect(health).toHaveLength(3);
  for (const each of health)
    expect(each).toMatchObject({ is_made_ahead: true, default_is_empty: true });
  expect(moved.flat()).toEqual([
    { clear_default: "0" },
    { clear_default: "0" },
    { clear_default: "0" },
  ]);
  expect(months.map(({ state, entries, stored_in }: any) => [state, entries, stored_in])).toEqual([
    ["detached", "2", "daybook_private.entries_202403_detached"],
  ]);
  expect(await balance("'2024-03-20'")).toMatchObject([{ posted_amount: "500" }]);
});

/** Dumps a table and drops it, as the page says, where there is a pg_dump; gives what restores it. */
async function takeAway(url: string, table: string): Promise<() => Promise<unknown>> {
  const dumped = spawnSync("pg_dump", ["--table", table, url], { encoding: "utf8" });
  if (dumped.status !== 0) await client.query(`create table kept as table ${table}`);
  await client.query(`drop table ${table}`);
  if (dumped.status === 0)
    return async () =>
      expect(spawnSync("psql", [url], { input: dumped.stdout, encoding: "utf8" })).toMatchObject({
        stderr: "",
      });
  return () =>
    client.query(`create table ${table} (like daybook.entries);
      alter table ${table} owner to daybook_owner; insert into ${table} table kept; drop table kept`);
}

test("balances.md: a balance now, at a time, as it was known then, and at a version", async () => {
  const [, [[now]], [[january]], [, [known]], [many], [versions], asked, [rollups]] =
    await run("balances.md");
  expect(Object.values(now)).toEqual(["7500", "7500", "7500", "2"]);
  expect(Object.values(january)).toEqual(["10000", "1"]);
  expect(known).toEqual({ today: "10500", as_it_was_reported: "10000" });
  expect(many.map(Object.values)).toEqual([
    ["users:ida", "10500"],
    ["users:joe", "0"],
    ["bank", "10500"],
  ]);
  expect(versions.map(Object.values)).toEqual([
    ["0", "0"],
    ["1", "10000"],
    ["2", "7500"],
    ["3", "8000"],
  ]);
  expect(asked.accountBalance).toEqual({
    postedAmount: "10500",
    availableAmount: "10500",
    lockVersion: "2",
  });
  expect(rollups.map(Object.values)).toEqual([
    ["bank", "2", "0", "0", null],
    ["users:ida", "3", "0", "0", null],
    ["users:joe", "1", "0", "0", null],
  ]);
});

test("reports.md: a statement, a trial balance, and a period that is closed", async () => {
  const [, [[totals], lines], [later], asked, [trial], [[closed]], [[open], [again], [final]]] =
    await run("reports.md");
  expect(Object.values(totals)).toEqual(["0", "120", "50000", "49880"]);
  expect(lines.map(({ description, balance }: any) => [description, balance])).toEqual([
    ["Deposit", "50000"],
    ["Fee for January", "49880"],
  ]);
  expect(later).toEqual([
    { description: "Withdrawal", balance: "42880", closing_balance: "42880", next_page: null },
  ]);
  expect(asked.accountStatement).toMatchObject({
    openingBalance: "49880",
    closingBalance: "42880",
    entries: [{ transaction: { description: "Withdrawal", entries: { nodes: [{}, {}] } } }],
  });
  expect(trial.map(Object.values)).toEqual([
    ["bank", "50000", "0", "50000", "0"],
    ["fees", "0", "120", "0", "120"],
    ["users:ida", "120", "50000", "0", "49880"],
    [null, "50120", "50120", "50000", "50000"],
  ]);
  expect(again.status).toBe("posted");
  expect(open.closed_until < closed.closed_until).toBe(true);
  expect(final).toEqual(closed);
  const refused = /=> (select status.*?);\n/s.exec(read("reports.md"))![1]!;
  await expect(client.query(refused)).rejects.toMatchObject({ code: "LDPER" });
});

test("performance.md: what a server tells of its checkpoints and of who keeps it from cleaning", async () => {
  const [[[checkpoints]], [holders]] = await run("performance.md");
  expect(Object.keys(checkpoints)).toEqual(["num_timed", "num_requested"]);
  expect(holders).toEqual([]);
});

test("log.md: the log is sealed and verified, here and by anybody who has its texts", async () => {
  const { pool } = server.database;
  const [[, , , , , records], [[head]], [[verified], [known]], [rebuilt]] = await run(
    "log.md",
    async () => {
      await seal(pool, "shop");
    },
  );
  const kinds = ["create_ledger", "open_account", "open_account", "create_transaction"];
  expect(records.map(({ kind }: any) => kind)).toEqual([...kinds, "set_account_limits"]);
  expect(verified).toEqual({ problem: null, no: null, log_id: null });
  expect(known).toEqual({ is_known: true });
  expect(rebuilt).toEqual([]);

  const temporary = temporaryFolder();
  const folder = join(temporary.path, "shop.export");
  const DATABASE_URL = server.database.urlOf("test_admin");
  await runCli(["export", "--ledger", "shop", "--out", folder], { DATABASE_URL });
  const program = join(temporary.path, "recompute.mjs");
  writeFileSync(program, /^```js\n(.*?)^```$/ms.exec(read("log.md"))![1]!);
  const { stdout } = spawnSync(process.execPath, [program, folder, "shop"], { encoding: "utf8" });
  temporary.remove();
  expect(stdout).toBe(`${head.no}:${head.hash}\n`);
});
