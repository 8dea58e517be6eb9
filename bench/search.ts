/**
 * Measures a page of each of the usual searches among many transactions, and what indexing for search costs
 * those who write meanwhile.
 *
 *   npm run bench:search -- [--transactions 1000000] [--times 40] [--rounds 3] [--seconds 10]
 *
 * On an embedded PostgreSQL of its own with durable settings. Preparing takes some minutes.
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
import { startIndexing } from "../src/worker/search.ts";
import { rateOf } from "./pgbench.ts";
import { setUp, shapes, statement } from "./search-shapes.ts";

const { values } = parseArgs({
  options: {
    transactions: { type: "string", default: "1000000" },
    times: { type: "string", default: "40" },
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
  settings: { shared_buffers: "1GB", max_wal_size: "8GB", max_connections: "200" },
});
const client = new Client({ connectionString: cluster.url });
try {
  await client.connect();
  await migrate({ connectionString: cluster.url, log: silentLog });
  await migrateStaged(cluster.url, silentLog);
  for (const file of ["setup.sql", "search-setup.sql"]) {
    const text = readFileSync(join(import.meta.dirname, file), "utf8");
    await client.query(setUp(text, Number(values.transactions)));
    log.info(`${file} is done`);
  }
  await client.query("vacuum analyze");
  await measureSearches();
  await measureWriting();
} finally {
  await client.end();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measureSearches(): Promise<void> {
  console.log(`\n| search among ${values.transactions} transactions | median, ms | p95, ms |`);
  console.log("| --- | --- | --- |");
  for (const shape of shapes) {
    const times: number[] = [];
    for (let n = 0; n < Number(values.times); n++) {
      const started = performance.now();
      await client.query(statement(shape));
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)]!.toFixed(1);
    const name = shape.isSlow ? `${shape.name} (no promise)` : shape.name;
    console.log(`| ${name} | ${at(0.5)} | ${at(0.95)} |`);
  }
}

/** The same load with and without the worker's loop, in alternation. */
async function measureWriting(): Promise<void> {
  const url = Object.assign(new URL(cluster.url), {
    username: "bench_service",
    password: "bench",
  });
  const create = { name: "create", script: "create.sql", database: "daybook" } as const;
  const run = () => rateOf(url, create, Number(values.seconds));
  const ratios: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    await client.query("checkpoint");
    const alone = await run();
    await client.query("checkpoint");
    const indexing = startIndexing({ connectionString: cluster.url, log });
    const beside = await run().finally(() => indexing.stop());
    ratios.push(beside / alone);
    log.info(`${alone.toFixed(0)}/s alone, ${beside.toFixed(0)}/s while indexing`);
  }
  ratios.sort((a, b) => a - b);
  console.log(`\nwriting while indexing: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`);
}
