/**
 * What checking the caches costs those who write: the same calls with and without it, in alternation, at full
 * load; and how many accounts it gets to meanwhile.
 *
 *   npm run bench:checking -- [--rounds 3] [--seconds 10]
 *
 * On an embedded PostgreSQL of its own, durable. It needs pgbench.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Client } from "pg";
import { startCluster } from "../src/embedded/cluster.ts";
import { consoleLog, silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { migrateStaged } from "../src/migrate/staged.ts";
import { startChecking } from "../src/worker/check.ts";
import { startCheckingTransactions } from "../src/worker/check-transactions.ts";
import { startFolding } from "../src/worker/fold.ts";
import { clients, pgbench } from "./pgbench.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
  },
});
const log = consoleLog("bench");
const folder = mkdtempSync(join(tmpdir(), "daybook-bench-"));
chmodSync(folder, 0o755); // run by root, the server is another user, who must get through
const cluster = await startCluster({
  dataDir: join(folder, "pg"),
  port: 0,
  durable: true,
  settings: { shared_buffers: "1GB", max_wal_size: "8GB", min_wal_size: "4GB" },
});
const connectionString = cluster.url;
const client = new Client({ connectionString });
try {
  await client.connect();
  await migrate({ connectionString, log: silentLog });
  await migrateStaged(connectionString, silentLog);
  await client.query(readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  const folding = startFolding({ connectionString, log: silentLog });
  await measure().finally(() => folding.stop());
} finally {
  await client.end();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const ratios: number[] = [];
  await rate(); // warm
  for (let round = 1; round <= Number(values.rounds); round++) {
    const without = await rate();
    const loops = [
      startChecking({ connectionString, log }),
      startCheckingTransactions({ connectionString, log }),
    ];
    const checked = await rate().finally(() => Promise.all(loops.map((loop) => loop.stop())));
    ratios.push(checked / without);
    log.info(`round ${round}: ${without} per second, with checks ${checked}; ${await reached()}`);
  }
  ratios.sort((a, b) => a - b);
  console.log(`with checks, of the rate without: ${ratios[ratios.length >> 1]?.toFixed(2)}`);
}

async function rate(): Promise<number> {
  const script = join(import.meta.dirname, "create.sql");
  const load = ["-n", "-M", "prepared", "-c", `${clients}`, "-j", "2", "-T", values.seconds];
  const output = await pgbench(new URL(connectionString), [...load, "-f", script]);
  return Math.round(Number(/tps = ([\d.]+)/.exec(output)?.[1]));
}

async function reached(): Promise<string> {
  const { rows } = await client.query(
    "select checked_accounts, drifted_accounts, violations from daybook.balance_health",
  );
  return JSON.stringify(rows);
}
