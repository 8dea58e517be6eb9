/**
 * What sealing the log costs those who write: the same calls with and without it, in alternation, at full load
 * and at half of it, and how far behind it is at the end.
 *
 *   npm run bench:sealing -- [--rounds 3] [--seconds 10]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL. It needs pgbench.
 */
import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { consoleLog, silentLog } from "../src/log.ts";
import { startFolding } from "../src/worker/fold.ts";
import { startSealing } from "../src/worker/seal.ts";
import { startBenchCluster } from "./cluster.ts";
import { median } from "./figures.ts";
import { clients, pgbench } from "./pgbench.ts";

type Run = { rate: number; p50: number; p99: number };
type Pair = { without: Run; sealing: Run };

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
  },
});
const log = consoleLog("bench");
const { url, client, folder, stop } = await startBenchCluster("daybook_bench_sealing");
try {
  await client.query(readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  const folding = startFolding({ connectionString: url, log: silentLog });
  await measure().finally(() => folding.stop());
} finally {
  await stop();
}

async function measure(): Promise<void> {
  const full: Pair[] = [];
  const half: Pair[] = [];
  await run(); // warm
  await sealAll();
  for (let round = 1; round <= Number(values.rounds); round++) {
    full.push(await pair());
    const rate = Math.floor(full.at(-1)!.without.rate / 2);
    half.push(await pair(rate));
    log.info(`round ${round}: ${JSON.stringify([full.at(-1), half.at(-1)])}`);
  }
  console.log(
    "| load | per second without, with | ratio | p50 ms without, with | p99 ms without, with |",
  );
  console.log("| --- | --- | --- | --- | --- |");
  for (const [load, pairs] of [
    ["full", full],
    ["half", half],
  ] as const) {
    const of = (what: (pair: Pair) => number) => median(pairs.map(what)).toFixed(2);
    console.log(
      `| ${load} | ${of((p) => p.without.rate)}, ${of((p) => p.sealing.rate)} | ${of((p) => p.sealing.rate / p.without.rate)} ` +
        `| ${of((p) => p.without.p50)}, ${of((p) => p.sealing.p50)} | ${of((p) => p.without.p99)}, ${of((p) => p.sealing.p99)} |`,
    );
  }
}

async function pair(rate?: number): Promise<Pair> {
  const without = await run(rate);
  await sealAll(); // what was made meanwhile is not to be sealed during the next run
  const sealing = startSealing({ connectionString: url, log });
  const sealed = await run(rate).finally(() => sealing.stop());
  const behind = await unsealed();
  const start = Date.now();
  await sealAll();
  log.info(`${behind} records were not sealed yet; that took ${Date.now() - start} ms more`);
  return { without, sealing: sealed };
}

async function run(rate?: number): Promise<Run> {
  await client.query("checkpoint");
  const prefix = join(folder, "calls");
  const limits = rate === undefined ? [] : ["-R", `${rate}`];
  const target = new URL(url);
  const script = join(import.meta.dirname, "create.sql");
  const load = ["-n", "-M", "prepared", "-c", `${clients}`, "-j", "2", "-T", values.seconds];
  const logged = ["-l", "--log-prefix", prefix];
  const output = await pgbench(target, [...load, ...limits, ...logged, "-f", script]);
  const files = globSync(`${prefix}.*`);
  const times = files.flatMap((file) =>
    readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => Number(line.split(" ")[2]) / 1000),
  );
  for (const file of files) rmSync(file);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? NaN;
  return { rate: Number(/tps = ([\d.]+)/.exec(output)?.[1]), p50: at(0.5), p99: at(0.99) };
}

async function sealAll(): Promise<void> {
  const call = "select sealed from daybook_private.seal_log('main', 5000)";
  while ((await client.query(call)).rows[0].sealed > 0) continue;
}

async function unsealed(): Promise<number> {
  const { rows } = await client.query(
    `select (select count(*) from daybook.log where ledger = 'main')
          - (select count(*) from daybook_private.seals where ledger = 'main') as n`,
  );
  return Number(rows[0].n);
}
