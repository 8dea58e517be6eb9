/**
 * What checking the caches costs those who write: the same calls with and without it, in alternation, at full
 * load; and how many accounts it gets to meanwhile.
 *
 *   npm run bench:checking -- [--rounds 3] [--seconds 10]
 *   npm run bench:checking -- --accounts 1000000 [--minutes 5]
 *
 * The second form tells how long recent activity waits to be looked at, when the load is spread over so many accounts.
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL. It needs pgbench.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consoleLog, silentLog } from "../src/log.ts";
import { startChecking } from "../src/worker/check.ts";
import { startCheckingTransactions } from "../src/worker/check-transactions.ts";
import { startFolding } from "../src/worker/fold.ts";
import { openAccounts, watchAge } from "./checking-age.ts";
import { startBenchCluster } from "./cluster.ts";
import { readFlags } from "./flags.ts";
import { clients, pgbench } from "./pgbench.ts";

const values = readFlags({ rounds: "3", seconds: "10", accounts: "0", minutes: "5" });
const log = consoleLog("bench");
const { url, client, stop } = await startBenchCluster();
try {
  await client.query(readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  const folding = startFolding({ connectionString: url, log: silentLog });
  await (Number(values.accounts) > 0 ? measureAge() : measure()).finally(() => folding.stop());
} finally {
  await stop();
}

async function measure(): Promise<void> {
  const ratios: number[] = [];
  await rate(); // warm
  for (let round = 1; round <= Number(values.rounds); round++) {
    const without = await rate();
    const checking = startAllChecks();
    const checked = await rate().finally(() => checking.stop());
    ratios.push(checked / without);
    log.info(`round ${round}: ${without} per second, with checks ${checked}; ${await reached()}`);
  }
  ratios.sort((a, b) => a - b);
  console.log(`with checks, of the rate without: ${ratios[ratios.length >> 1]?.toFixed(2)}`);
}

function startAllChecks(): { stop(): Promise<unknown> } {
  const loops = [
    startChecking({ connectionString: url, log }),
    startCheckingTransactions({ connectionString: url, log }),
  ];
  return { stop: () => Promise.all(loops.map((loop) => loop.stop())) };
}

async function measureAge(): Promise<void> {
  const [accounts, minutes] = [Number(values.accounts), Number(values.minutes)];
  const options = { url, client, accounts, minutes, log };
  await openAccounts(options);
  const checking = startAllChecks();
  await watchAge(options).finally(() => checking.stop());
}

async function rate(): Promise<number> {
  const script = join(import.meta.dirname, "create.sql");
  const load = ["-n", "-M", "prepared", "-c", `${clients}`, "-j", "2", "-T", values.seconds];
  const output = await pgbench(new URL(url), [...load, "-f", script]);
  return Math.round(Number(/tps = ([\d.]+)/.exec(output)?.[1]));
}

async function reached(): Promise<string> {
  const { rows } = await client.query(
    "select checked_accounts, drifted_accounts, violations from daybook.balance_health",
  );
  return JSON.stringify(rows);
}
