/**
 * Measures a page of each of the usual searches among many transactions, and what indexing for search costs
 * those who write meanwhile.
 *
 *   npm run bench:search -- [--transactions 1000000] [--times 40] [--rounds 3] [--seconds 10]
 *
 * On an embedded PostgreSQL of its own with durable settings, or on BENCH_DATABASE_URL. Preparing takes some minutes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consoleLog } from "../src/log.ts";
import { startIndexing } from "../src/worker/search.ts";
import { startBenchCluster } from "./cluster.ts";
import { rateOf } from "./driver.ts";
import { readFlags } from "./flags.ts";
import { serviceLogin } from "./server.ts";
import { setUp, shapes, statement } from "./search-shapes.ts";

const values = readFlags({ transactions: "1000000", times: "40", rounds: "3", seconds: "10" });
const log = consoleLog("bench");
const { url, client, stop } = await startBenchCluster("daybook_bench_search");
try {
  for (const file of ["setup.sql", "search-setup.sql"]) {
    const text = readFileSync(join(import.meta.dirname, file), "utf8");
    await client.query(setUp(text, Number(values.transactions)));
    log.info(`${file} is done`);
  }
  await client.query("vacuum analyze");
  await measureSearches();
  await measureWriting();
} finally {
  await stop();
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
  const service = new URL(await serviceLogin(url));
  const create = { name: "create", script: "create.sql", database: "daybook" } as const;
  const run = () => rateOf(service, create, Number(values.seconds));
  const ratios: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const rates = { alone: 0, beside: 0 };
    const order = ["alone", "beside"] as const; // now this one first, now that
    for (const which of round % 2 ? order.toReversed() : order) {
      await client.query("checkpoint");
      const indexing =
        which === "beside" ? startIndexing({ connectionString: url, log }) : undefined;
      rates[which] = await run().finally(() => indexing?.stop());
    }
    ratios.push(rates.beside / rates.alone);
    log.info(`${rates.alone.toFixed(0)}/s alone, ${rates.beside.toFixed(0)}/s while indexing`);
  }
  ratios.sort((a, b) => a - b);
  console.log(`\nwriting while indexing: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`);
}
