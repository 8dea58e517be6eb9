/**
 * Measures balances in time: an account with many entries over five years beside one with a thousand, at random
 * instants; then again while ten thousand backdated entries are being rolled up, and while nobody does so.
 *
 *   node bench/moments.ts [--entries 1000000] [--questions 400]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL (a superuser's URL; the database daybook_moments
 * is made there and dropped again).
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../src/client.ts";
import { startCluster } from "../src/embedded/cluster.ts";
import { consoleLog, silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { migrateStaged } from "../src/migrate/staged.ts";
import { startRollingUp } from "../src/worker/rollup.ts";
import { readFlags } from "./flags.ts";

const values = readFlags({ entries: "1000000", questions: "400" });
const log = consoleLog("bench");
const DATABASE = "daybook_moments";

/** Any time of the last five years. */
const anyTime = "now() - random() * interval '5 years'";
const kinds: Record<string, string> = {
  "effective at": `, effective_at => ${anyTime}`,
  "recorded at": `, recorded_at => ${anyTime}`,
  now: "",
  "both, any two times": `, effective_at => ${anyTime}, recorded_at => ${anyTime}`,
  "at a version": `, lock_version => 1 + floor(random() * 1000)::bigint`,
};

/** Ten thousand entries of all these years, recorded now. */
const BACKDATE = `
  select daybook.create_transactions('main', array(
    select row(array[daybook.debit('other', 100), daybook.credit('big', 100)], null,
               ${anyTime}, null, null, null, null, null, null, null)::daybook.transaction_input
      from generate_series(1, 10000)))`;

const folder = mkdtempSync(join(tmpdir(), "daybook-bench-"));
chmodSync(folder, 0o755);
const given = process.env["BENCH_DATABASE_URL"];
const cluster = given
  ? undefined
  : await startCluster({ dataDir: join(folder, "pg"), port: 0, durable: true });
const root = new URL(given ?? cluster!.url);
const url = Object.assign(new URL(root), { pathname: DATABASE }).href;
try {
  await sql(root.href, `drop database if exists ${DATABASE} with (force)`);
  await sql(root.href, `create database ${DATABASE}`);
  await migrate({ connectionString: url, log: silentLog });
  await migrateStaged(url, silentLog);
  await measure();
} finally {
  await sql(root.href, `drop database if exists ${DATABASE} with (force)`);
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function sql(connectionString: string, text: string): Promise<Record<string, any>[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const results = await client.query(text);
    return [results].flat().at(-1)!.rows;
  } finally {
    await client.end();
  }
}

async function measure(): Promise<void> {
  await sql(
    url,
    "set role daybook_owner; " +
      readFileSync(join(import.meta.dirname, "moments.sql"), "utf8").replaceAll(
        ":entries",
        values.entries,
      ),
  );
  await rolledUp("all history");
  await sql(url, "vacuum analyze");
  const [size] = await sql(
    url,
    `select pg_size_pretty(pg_total_relation_size('daybook_private.entry_sums')) as sums,
            pg_size_pretty(sum(pg_total_relation_size(relid))) as entries
       from pg_partition_tree('daybook.entries') where isleaf`,
  );
  log.info(`sums: ${size!["sums"]}, entries: ${size!["entries"]}`);
  await table("rolled up");
  const rolling = startRollingUp({ connectionString: url, log });
  try {
    await sql(url, BACKDATE);
    await whileBehind();
    await sql(url, BACKDATE);
    await table("just after 10 000 backdated entries");
  } finally {
    await rolling.stop();
  }
  await rolledUp("what was left");
  await sql(url, BACKDATE);
  await table("10 000 backdated entries, nobody rolls up");
}

/** Asks for balances at effective times from now on until the worker has added all entries to the sums of one time. */
async function whileBehind(): Promise<void> {
  const start = performance.now();
  const client = new Client({ connectionString: url });
  await client.connect();
  const behind = `select applied_version - rolled_up_version >= 256 as yes from daybook.rollups where account = 'big'`;
  const times: Record<string, number[]> = { small: [], big: [] };
  while ((await client.query(behind)).rows[0].yes)
    for (const account of ["small", "big"])
      times[account]!.push(await timed(client, "effective at", account));
  await client.end();
  const [small, big] = [times["small"]!, times["big"]!];
  log.info(
    `10 000 backdated entries rolled up ${Math.round(performance.now() - start)} ms after they were written; ` +
      `${big.length} balances at effective times meanwhile: ${shown(small)} and ${shown(big)} ms (median, p95)`,
  );
}

/** Rolls up whatever there is, and says how long it took. */
async function rolledUp(what: string): Promise<void> {
  const start = Date.now();
  const rolling = startRollingUp({ connectionString: url, log, idle: 50 });
  const behind = `select count(*)::int as n from daybook.rollups where applied_version - both_times_version >= 256`;
  while ((await sql(url, behind))[0]!["n"] > 0) await new Promise((done) => setTimeout(done, 100));
  await rolling.stop();
  log.info(`${what} rolled up in ${Date.now() - start} ms`);
}

async function table(title: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  console.log(
    `\n| ${title} | 1 000 entries: median, p95 (ms) | ${values.entries} entries: median, p95 (ms) | ratio |`,
  );
  console.log("| --- | --- | --- | --- |");
  for (const kind of Object.keys(kinds)) {
    const times: Record<string, number[]> = { small: [], big: [] };
    for (let n = -5; n < Number(values.questions); n++)
      for (const account of ["small", "big"]) {
        const took = await timed(client, kind, account);
        if (n >= 0) times[account]!.push(took);
      }
    const [small, big] = [times["small"]!, times["big"]!];
    const ratio = at(0.5, big) / at(0.5, small);
    console.log(`| ${kind} | ${shown(small)} | ${shown(big)} | ${ratio.toFixed(2)} |`);
  }
  await client.end();
}

/** Asks once, and gives how long the answer took in milliseconds. */
async function timed(client: Client, kind: string, account: string): Promise<number> {
  const start = performance.now();
  await client.query({
    name: `${kind} ${account}`,
    text: `select daybook.account_balance('main', '${account}'${kinds[kind]})`,
  });
  return performance.now() - start;
}

function at(part: number, numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(part * numbers.length)]!;
}

function shown(numbers: number[]): string {
  return `${at(0.5, numbers).toFixed(2)}, ${at(0.95, numbers).toFixed(2)}`;
}
