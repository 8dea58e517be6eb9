/**
 * Measures what is asked about categories of ten to a hundred thousand accounts, directly in the category or by way of others:
 * their balance now and at a moment, the first page of their entries and of their transactions; and their locks.
 *
 *   npm run bench -- --only categories [-- --accounts 120000 --transactions 60000 --times 11]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL. One client, everything in memory.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consoleLog } from "../src/log.ts";
import { startBenchCluster } from "./cluster.ts";
import { share, table } from "./figures.ts";
import { readFlags } from "./flags.ts";

const values = readFlags({ accounts: "120000", transactions: "60000", times: "11" });
const log = consoleLog("bench");

/** $1 is a category. */
const QUESTIONS = {
  "its balance": "select daybook.category_balance('main', $1)",
  "at a moment":
    "select daybook.category_balance('main', $1, clock_timestamp() - random() * interval '1 minute')",
  "its entries, first page": "select count(*) from daybook.category_entries('main', $1)",
  "its transactions, first page": "select count(*) from daybook.category_transactions('main', $1)",
};

/** Transactions $1 and the 999 after it; of all accounts, one after the other. */
const CREATE = `
  select count(*) from daybook.create_transactions('main', array(
    select row(array[daybook.debit('users:' || 1 + n * 7919 % $2, 100), daybook.credit('users:' || 1 + n * 104729 % $2, 100)],
               null, null, null, null, null, null, null, null, null)::daybook.transaction_input
      from generate_series($1::bigint, $1::bigint + 999) n))`;

/** All categories with the first account in them, as a call with a category lock takes them. */
const LOCK = `
  select daybook_private.lock_categories('main', '{}', array[id]) from daybook.accounts where address = 'users:1'`;

const { client, stop } = await startBenchCluster("daybook_bench_categories");
try {
  const text = readFileSync(join(import.meta.dirname, "categories.sql"), "utf8");
  await client.query(text.replaceAll(":accounts", values.accounts));
  for (let n = 0; n < Number(values.transactions); n += 1000)
    await client.query(CREATE, [n, values.accounts]);
  await client.query("vacuum analyze");
  await measure();
} finally {
  await stop();
}

async function measure(): Promise<void> {
  const { rows } = await client.query<{ name: string; accounts: number; parts: number }>(`
    select c.category as name, m.parts,
           (select count(*)::int from daybook_private.category_accounts('main', c.category) a, unnest(a) x) as accounts
      from daybook.categories c,
           lateral (select count(child_category)::int as parts from daybook.category_members m
                     where m.ledger = c.ledger and m.category = c.category) m
     where c.category not like 'part:%' order by parts, accounts`);
  const lines: string[][] = [];
  for (const { name, accounts, parts } of rows) {
    const cells: string[] = [];
    for (const question of Object.values(QUESTIONS)) cells.push(await asked(question, [name]));
    lines.push([parts > 0 ? `${accounts}, in ${parts} categories` : `${accounts}`, ...cells]);
    log.info(lines.at(-1)!.join(", "));
  }
  console.log("Milliseconds, median and 95th percentile.\n");
  console.log(table([["accounts in the category", ...Object.keys(QUESTIONS)], ...lines]));
  const above = `select count(distinct c.category)::int as n
    from daybook.accounts a, daybook_private.categories_of('main', array[a.id]) c where a.address = 'users:1'`;
  const { n } = (await client.query<{ n: number }>(above)).rows[0]!;
  console.log(`Locking the ${n} categories that an account is in: ${await asked(LOCK, [])} ms.`);
}

/** Asked again and again, behind a first time that does not count. */
async function asked(text: string, parameters: string[]): Promise<string> {
  const times: number[] = [];
  for (let n = -1; n < Number(values.times); n++) {
    const start = performance.now();
    await client.query({ name: text.slice(0, 60), text, values: parameters });
    if (n >= 0) times.push(performance.now() - start);
  }
  return [0.5, 0.95].map((part) => share(part, times).toFixed(2)).join(", ");
}
