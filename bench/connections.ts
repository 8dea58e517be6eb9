/**
 * Whether many clients get what few get: 200 of them directly and 500 through PgBouncer, each beside 16 over
 * the same way, on accounts of their own, on a hot one, and on one that all of them have to wait for. How many calls a
 * second, how long a call takes, and whether some clients get much less done than others.
 *
 *   npm run bench:connections -- [--rounds 1] [--seconds 30] [--direct 200] [--pooled 500] [--only text]
 *
 * On an embedded PostgreSQL of its own, durable, or on BENCH_DATABASE_URL, with a worker. It needs pgbench and PgBouncer.
 */
import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { consoleLog, silentLog } from "../src/log.ts";
import { startWorker } from "../src/worker/start.ts";
import { startBenchCluster } from "./cluster.ts";
import { readFlags } from "./flags.ts";
import { startPgbouncer } from "./pgbouncer.ts";
import { pgbench } from "./pgbench.ts";
import { serviceLogin } from "./server.ts";

const values = readFlags({ rounds: "1", seconds: "30", direct: "200", pooled: "500", only: "" });
const FEW = 16;
const scripts = {
  "accounts of their own": "create.sql",
  "a hot account, without a condition": "create-hot.sql",
  "a hot account, with a condition": "create-waiting.sql",
};

/** Latencies in milliseconds; what the clients got done that got least and most. */
type Run = { rate: number; p50: number; p99: number; max: number; least: number; most: number };

const log = consoleLog("bench");
const { url, client, folder, stop } = await startBenchCluster();
try {
  await client.query(readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  const service = new URL(await serviceLogin(url));
  const worker = await startWorker({ connectionString: url, log: silentLog });
  const pooler = await startPgbouncer(service, folder);
  try {
    await measure(service, pooler.url);
  } finally {
    await pooler.stop();
    await worker.stop();
  }
} finally {
  await stop();
}

async function measure(direct: URL, pooled: URL): Promise<void> {
  const ways = [
    { way: "directly", through: direct, many: Number(values.direct) },
    { way: "through PgBouncer", through: pooled, many: Number(values.pooled) },
  ];
  console.log(
    "| calls on | clients | per second | of 16 | p50 ms | p99 ms | longest ms | calls of a client, least … most |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, script] of Object.entries(scripts)) {
    for (const { way, through, many } of ways) {
      if (!`${name}, ${way}`.includes(values.only)) continue;
      const few: Run[] = [];
      const all: Run[] = [];
      for (let round = 1; round <= Number(values.rounds); round++) {
        few.push(await run(through, script, FEW));
        all.push(await run(through, script, many));
        log.info(`${name}, ${way}, round ${round}: ${JSON.stringify([few.at(-1), all.at(-1)])}`);
      }
      console.log(row(`${name}, ${way}`, FEW, few, few));
      console.log(row(`${name}, ${way}`, many, all, few));
    }
  }
}

/**
 * Without prepared statements, which older PgBouncers cannot keep apart. The first third does not count: a session
 * compiles the ledger's functions with its first call, which takes tens of milliseconds, some of them with the account
 * in its hands that all others wait for. 200 sessions take some seconds for that.
 */
async function run(through: URL, script: string, clients: number): Promise<Run> {
  const prefix = join(folder, "calls");
  const seconds = Number(values.seconds);
  const options = ["-n", "-M", "extended", "-T", `${seconds}`, "-c", `${clients}`, "-j", "2"];
  const logging = ["-l", "--log-prefix", prefix];
  const file = join(import.meta.dirname, script);
  await pgbench(through, [...options, ...logging, "-f", file]);
  const logs = globSync(`${prefix}.*`);
  const calls = logs.flatMap((path) => readFileSync(path, "utf8").trim().split("\n").map(parse));
  for (const path of logs) rmSync(path);
  const start = calls.reduce((last, { end }) => Math.max(last, end), 0) - (seconds * 2) / 3;
  const counted = calls.filter(({ end }) => end >= start);
  const times = counted.map(({ time }) => time);
  const counts: number[] = Array.from({ length: clients }, () => 0);
  for (const { who } of counted) counts[who]! += 1;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor((times.length - 1) * share)]!;
  return {
    rate: (counted.length * 3) / (seconds * 2),
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    least: Math.min(...counts),
    most: Math.max(...counts),
  };
}

/** A line of pgbench's log: a call's client, how long it took in milliseconds, and when it ended in seconds. */
function parse(line: string): { who: number; time: number; end: number } {
  const [who, , time, , epoch, microseconds] = line.split(" ").map(Number);
  return { who: who!, time: time! / 1000, end: epoch! + microseconds! / 1e6 };
}

function row(name: string, clients: number, runs: Run[], few: Run[]): string {
  const of = (what: (run: Run, n: number) => number) => median(runs.map(what));
  const ratio = of(({ rate }, n) => rate / few[n]!.rate).toFixed(2);
  return (
    `| ${name} | ${clients} | ${of((r) => r.rate).toFixed(0)} | ${ratio} ` +
    `| ${of((r) => r.p50).toFixed(1)} | ${of((r) => r.p99).toFixed(0)} | ${of((r) => r.max).toFixed(0)} ` +
    `| ${of((r) => r.least)} … ${of((r) => r.most)} |`
  );
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
