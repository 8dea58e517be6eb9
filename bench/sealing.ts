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
import { consoleLog, silentLog } from "../src/log.ts";
import { startFolding } from "../src/worker/fold.ts";
import { startSealing } from "../src/worker/seal.ts";
import { startBenchCluster } from "./cluster.ts";
import { median, share, table } from "./figures.ts";
import { readFlags } from "./flags.ts";
import { clients, pgbench, rateIn } from "./pgbench.ts";

type Run = { rate: number; p50: number; p99: number };
type Round = { before: Run; sealing: Run; after: Run };

const values = readFlags({ rounds: "3", seconds: "10" });
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
  const full: Round[] = [];
  const half: Round[] = [];
  const { rate } = await run(); // warm
  await sealAll();
  for (let round = 1; round <= Number(values.rounds); round++) {
    full.push(await runsInTurn());
    half.push(await runsInTurn(Math.floor(rate / 2)));
    log.info(`round ${round}: ${JSON.stringify([full.at(-1), half.at(-1)])}`);
  }
  const figures = [
    ["rate, per second", (one: Run) => one.rate],
    ["p50, ms", (one: Run) => one.p50],
    ["p99, ms", (one: Run) => one.p99],
  ] as const;
  const rows = [
    ["full load", full],
    ["half load", half],
  ].flatMap(([load, rounds]) =>
    figures.map(([name, of]) => [`${load as string}: ${name}`, ...compared(rounds as Round[], of)]),
  );
  const head = [
    "",
    "without",
    "sealing",
    "ratio (least … greatest)",
    "two without (least … greatest)",
  ];
  console.log(table([head, ...rows]));
}

/** What sealing did to a figure, and what chance does: the ratio of two runs that both went without it. */
function compared(rounds: Round[], of: (one: Run) => number): string[] {
  const without = (round: Round) => (of(round.before) + of(round.after)) / 2;
  return [
    median(rounds.map(without)).toFixed(2),
    median(rounds.map(({ sealing }) => of(sealing))).toFixed(2),
    spread(rounds.map((round) => of(round.sealing) / without(round))),
    spread(rounds.map(({ before, after }) => of(after) / of(before))),
  ];
}

function spread(ratios: number[]): string {
  const [least, greatest] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(2)} (${least.toFixed(2)} … ${greatest.toFixed(2)})`;
}

/** The run with sealing is compared with those before and after it, so that a slower or quicker machine is on both sides. */
async function runsInTurn(rate?: number): Promise<Round> {
  const before = await run(rate);
  await sealAll(); // what was made meanwhile is not to be sealed during the next run
  const worker = startSealing({ connectionString: url, log });
  const sealing = await run(rate).finally(() => worker.stop());
  const behind = await unsealed();
  const start = Date.now();
  await sealAll();
  log.info(`${behind} records were not sealed yet; that took ${Date.now() - start} ms more`);
  const after = await run(rate);
  await sealAll();
  return { before, sealing, after };
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
  return { rate: rateIn(output), p50: share(0.5, times), p99: share(0.99, times) };
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
