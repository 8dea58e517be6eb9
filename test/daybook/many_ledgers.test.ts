/**
 * What is done for many rows at once is done in one way however many there are. A planner that has seen many ledgers
 * expects a row or two of each, and would compare every row with every other; so it knows of small ledgers only here.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";

type Node = {
  "Node Type": string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Join Filter"?: number;
  Plans?: Node[];
};

const COUNT = 400;
const FIRST = "00000000-0000-0000-0000-000000000000";
const LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff";

let database: TestDatabase;
let client: Client;
let ledger: string;
let plans: Node[];

const batch = (of: string) => `
  select count(*)
    from daybook.create_transactions('${ledger}', array(
      select row(array[daybook.debit('world', 1), daybook.credit('a' || n % 100, 1)], null, null, '${of}' || n, 'x${of}' || n,
                 'a description', '{"order":"1"}', null, null, null)::daybook.transaction_input
        from generate_series(1, ${COUNT}) n))`;

beforeAll(async () => {
  database = await createDatabase();
  await database.pool.query(`
    do $$
    begin
      for n in 1..300 loop
        perform daybook.create_ledger('small' || n), daybook.open_account('small' || n, 'a', 'USD'), daybook.open_account('small' || n, 'b', 'USD');
        perform daybook.create_transaction('small' || n, array[daybook.debit('a', 1), daybook.credit('b', 1)], idempotency_key => 'k');
        perform daybook_private.seal_log('small' || n, 10), daybook_private.index_search('small' || n, 10);
      end loop;
    end
    $$`);
  await database.pool.query("analyze");
  const accounts = Array.from({ length: 100 }, (_, n) => [`a${n}`, {}]);
  ledger = await openLedger(database, Object.fromEntries(accounts));
  await database.pool.query(batch("first"));
  client = await database.connect();
  client.on("notice", ({ severity, message }) => {
    const plan = severity === "LOG" ? /plan:\s*(\{.*\})\s*$/s.exec(message ?? "")?.[1] : undefined;
    if (plan) plans.push((JSON.parse(plan) as { Plan: Node }).Plan);
  });
  await client.query(`
    load 'auto_explain';
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_format = json;
    set client_min_messages = log`);
});
afterAll(() => database?.drop());

/** The most rows that a step of any of the plans has looked at, and which it was. */
function busiest(nodes: Node[]): { rows: number; node: string } {
  const each = nodes.map((node) => {
    const rows =
      (node["Actual Rows"] + (node["Rows Removed by Join Filter"] ?? 0)) * node["Actual Loops"];
    const below = busiest(node.Plans ?? []);
    return rows >= below.rows ? { rows, node: node["Node Type"] } : below;
  });
  return each.reduce((a, b) => (b.rows > a.rows ? b : a), { rows: 0, node: "none" });
}

test.each([
  ["a batch", () => batch("second")],
  ["sealing", () => unhashed(`select sealed from daybook_private.seal_log('${ledger}', 5000)`)],
  ["indexing for search", () => unhashed(`select daybook_private.index_search('${ledger}', 500)`)],
  ["rolling up", () => rollUp("world")],
  ["checking accounts", () => "select * from daybook_private.check_accounts('', null, true, 5000)"],
  [
    "verifying accounts",
    () =>
      verify(
        "verify_accounts($1, (select array_agg(address) from daybook.accounts where ledger = $1))",
      ),
  ],
  ["verifying totals", () => verify("verify_totals($1)")],
  ["verifying transactions", () => verify(`verify_transactions($1, '${FIRST}', '${LAST}')`)],
  ["verifying the log", () => verify("verify_log($1)")],
  ["a search", () => `select count(*) from daybook.search_transactions('${ledger}')`],
  ["a trial balance", () => `select count(*) from daybook.trial_balance('${ledger}', now())`],
  ["its log", () => `select count(l) from daybook.log l where l.ledger = '${ledger}'`],
])("%s takes no more steps than there are rows, in one of many ledgers", async (name, text) => {
  if (name === "rolling up") await database.pool.query("analyze"); // from here on the ledger is known, as small
  plans = [];
  await client.query(text());
  expect(plans).not.toEqual([]);
  expect(busiest(plans).rows).toBeLessThan(10 * COUNT);
});

/** Where hashing is dear, as with large tables, nested loops come next. */
const unhashed = (text: string) => `set enable_hashjoin to off; ${text}; set enable_hashjoin to on`;
const verify = (call: string) =>
  `select count(*) from daybook.${call.replaceAll("$1", `'${ledger}'`)}`;
const rollUp = (address: string) =>
  `select daybook_private.roll_up_account(ledger, id, 20000) from daybook.accounts where ledger = '${ledger}' and address = '${address}'`;
