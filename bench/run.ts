/**
 * Measures the ledger beside pgbench's TPC-B script on one server, in alternation, and prints a table.
 *
 *   npm run bench -- [--rounds 3] [--seconds 10] [--only text] [--spike 200000]
 *
 * On an embedded PostgreSQL of its own with durable settings, or on BENCH_DATABASE_URL (a superuser's
 * URL; two databases, daybook_bench and daybook_bench_tpcb, are made there and dropped again).
 * It needs pgbench, which comes with PostgreSQL's client programs.
 */
import { mkdtempSync, chmodSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Client } from "pg";
import { startCluster } from "../src/embedded/cluster.ts";
import { consoleLog, silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { migrateStaged } from "../src/migrate/staged.ts";
import { startWorker } from "../src/worker/start.ts";
import { cases, type Case } from "./cases.ts";
import { graphqlRate } from "./graphql.ts";
import { clients, pgbench, rateOf } from "./pgbench.ts";
import { queueAgeDuring } from "./queue-age.ts";
import { spike, untilDrained } from "./spike.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    only: { type: "string", default: "" },
    spike: { type: "string", default: "200000" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const log = consoleLog("bench");

const databases = { daybook: "daybook_bench", tpcb: "daybook_bench_tpcb" };
const folder = mkdtempSync(join(tmpdir(), "daybook-bench-"));
chmodSync(folder, 0o755); // run by root, the server is another user, who must get through
const cluster = process.env["BENCH_DATABASE_URL"]
  ? undefined
  : await startCluster({
      dataDir: join(folder, "pg"),
      port: 0,
      durable: true,
      settings: {
        shared_buffers: "1GB",
        max_wal_size: "8GB",
        min_wal_size: "4GB", // segments are reused, as on a server that has run for a while
        max_connections: "200",
      },
    });
const root = new URL(cluster?.url ?? process.env["BENCH_DATABASE_URL"]!);
try {
  await setUp();
  const worker = await startWorker({ connectionString: on("daybook").href, log: silentLog });
  try {
    await measure();
  } finally {
    await worker.stop();
  }
} finally {
  if (!cluster)
    for (const name of Object.values(databases))
      await sql(root, `drop database if exists ${name} with (force)`);
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}

function on(database: keyof typeof databases): URL {
  return Object.assign(new URL(root), { pathname: databases[database] });
}

async function sql(url: URL, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    const result = await client.query(text);
    return result.rows;
  } finally {
    await client.end();
  }
}

async function setUp(): Promise<void> {
  for (const name of Object.values(databases)) {
    await sql(root, `drop database if exists ${name} with (force)`);
    await sql(root, `create database ${name}`);
  }
  await pgbench(on("tpcb"), ["-i", "-q", "-s", `${clients}`]);
  await migrate({ connectionString: on("daybook").href, log: silentLog });
  await migrateStaged(on("daybook").href, silentLog);
  await sql(on("daybook"), readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  await sql(on("daybook"), "vacuum analyze");
}

/** The service's own login for the ledger, so that grants are checked as they would be. */
function loginOf({ database, isRaw }: Case): URL {
  return database === "tpcb" || isRaw
    ? on(database)
    : Object.assign(on("daybook"), { username: "bench_service", password: "bench" });
}

async function measure(): Promise<void> {
  const chosen = cases.filter(
    ({ name, against }) =>
      name.includes(values.only) ||
      cases.some((other) => other.against === name && other.name.includes(values.only)) ||
      against?.includes(values.only),
  );
  const rates = new Map<string, number[]>();
  let graphql: number[] = [];
  const age = await queueAgeDuring(on("daybook").href, async () => {
    for (let round = 1; round <= rounds; round++) {
      for (const each of chosen) {
        await sql(root, "checkpoint"); // every run begins with the same distance to the next one
        const rate = await rateOf(loginOf(each), each, seconds);
        if (each.script.startsWith("enqueue")) await drained();
        rates.set(each.name, [...(rates.get(each.name) ?? []), rate]);
        log.info(`round ${round}: ${each.name}: ${rate.toFixed(0)}/s`);
      }
      if (values.only === "" || "graphql".includes(values.only))
        graphql.push(await graphqlRate(on("daybook").href, seconds));
    }
  });
  const absorbed =
    values.only === "" || "spike".includes(values.only)
      ? await spike(on("daybook").href, Number(values.spike))
      : undefined;
  const [server] = await sql(root, "select version()");
  console.log(`${cpus()[0]?.model} × ${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GB`);
  console.log(`${server?.["version"]}`);
  console.log(
    `${rounds} rounds of ${seconds} s in alternation, ${clients} clients, prepared statements\n`,
  );
  console.log("| case | per second (median) | against | ratio (median, least … greatest) | bar |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const each of chosen) console.log(row(each, rates));
  if (graphql.length)
    console.log(
      `| GraphQL createTransaction, one Node process | ${median(graphql).toFixed(0)} | | | |`,
    );
  if (absorbed)
    console.log(
      `\nSpike of ${values.spike}: accepted at ${absorbed.accepted.toFixed(0)}/s, all applied at ${absorbed.drained.toFixed(0)}/s ` +
        `(create_transactions, 1000 a call, one client: ${absorbed.batched.toFixed(0)}/s), ${absorbed.lost} lost`,
    );
  console.log(
    `\nOldest entry waiting to be folded: p99 ${age.p99.toFixed(0)} ms, at most ${age.max.toFixed(0)} ms`,
  );
}

async function drained(): Promise<void> {
  const client = new Client({ connectionString: on("daybook").href });
  await client.connect();
  try {
    await untilDrained(client);
  } finally {
    await client.end();
  }
}

function row({ name, against, bar }: Case, rates: Map<string, number[]>): string {
  const own = rates.get(name) ?? [];
  const other = against ? (rates.get(against) ?? []) : [];
  const ratios = own.map((rate, i) => rate / (other[i] ?? NaN));
  const spread = against
    ? `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)})`
    : "";
  return `| ${name} | ${median(own).toFixed(0)} | ${against ?? ""} | ${spread} | ${bar ?? ""} |`;
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
