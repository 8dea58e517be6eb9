/**
 * Measures statements of an account with many entries over five years, beside one with a few, and trial balances of
 * 100 000 accounts.
 *
 *   node bench/reports.ts [--entries 1000000] [--times 50]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL (a superuser's URL; the database daybook_reports
 * is made there and dropped again).
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../src/client.ts";
import { startCluster } from "../src/embedded/cluster.ts";
import { silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { migrateStaged } from "../src/migrate/staged.ts";
import { readFlags } from "./flags.ts";

const values = readFlags({ entries: "1000000", times: "50" });
const DATABASE = "daybook_reports";
const times = Number(values.times);

const anyTime = "now() - random() * interval '5 years'";
const statement = (account: string, rest: string) =>
  `select cardinality(s.entries) from daybook.account_statement('main', '${account}'${rest}) s`;
const month = (account: string) =>
  `select cardinality(s.entries)
     from (select ${anyTime} as at offset 0) m, daybook.account_statement('main', '${account}', m.at, m.at + interval '1 month') s`;
const reports: Record<string, [sql: string, times: number]> = {
  "statement of a month, few entries in all": [month("users:7"), times],
  "statement of a month, the large account": [month("big"), times],
  "all of the large account, first page": [statement("big", ""), times],
  "all of the large account, 1000 entries": [statement("big", ", first => 1000"), times],
  "first page and the next one": [
    `select cardinality(s.entries) from daybook.account_statement('main', 'big') p,
            daybook.account_statement('main', 'big', after => p.next_page) s`,
    times,
  ],
  "trial balance now": ["select count(*) from daybook.trial_balance('main')", 5],
  "trial balance at a time": [`select count(*) from daybook.trial_balance('main', ${anyTime})`, 5],
};

const folder = mkdtempSync(join(tmpdir(), "daybook-bench-"));
chmodSync(folder, 0o755);
const given = process.env["BENCH_DATABASE_URL"];
const cluster = given
  ? undefined
  : await startCluster({ dataDir: join(folder, "pg"), port: 0, durable: true });
const root = new URL(given ?? cluster!.url);
const url = Object.assign(new URL(root), { pathname: DATABASE }).href;
try {
  await using(root.href, async (client) => {
    await client.query(`drop database if exists ${DATABASE} with (force)`);
    await client.query(`create database ${DATABASE}`);
  });
  await migrate({ connectionString: url, log: silentLog });
  await migrateStaged(url, silentLog);
  await using(url, fill);
  await using(url, measure);
} finally {
  await using(root.href, (client) =>
    client.query(`drop database if exists ${DATABASE} with (force)`),
  );
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function using(
  connectionString: string,
  act: (client: Client) => Promise<unknown>,
): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}

async function fill(client: Client): Promise<void> {
  const text = readFileSync(join(import.meta.dirname, "reports.sql"), "utf8");
  await client.query(`set role daybook_owner; ${text.replaceAll(":entries", values.entries)}`);
  await client.query("vacuum analyze");
  await client.query(
    `select daybook_private.roll_up_account(ledger, account_id, 100000000) -- by months, by days, by hours
       from daybook_private.account_counters, generate_series(1, 3) where address = 'big'`,
  );
}

async function measure(client: Client): Promise<void> {
  console.log("| report | ms, median | ms, greatest |\n| --- | --- | --- |");
  for (const [name, [sql, count]] of Object.entries(reports)) {
    const taken: number[] = [];
    await client.query(sql); // plans and caches
    for (let n = 0; n < count; n++) {
      const start = performance.now();
      await client.query(sql);
      taken.push(performance.now() - start);
    }
    taken.sort((a, b) => a - b);
    const shown = [taken[Math.floor(count / 2)]!, taken.at(-1)!].map((ms) => ms.toFixed(1));
    console.log(`| ${name} | ${shown.join(" | ")} |`);
  }
}
