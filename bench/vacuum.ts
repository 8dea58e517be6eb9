/**
 * Full load for an hour, and what becomes of the tables whose rows are written again and again: the balances and the
 * queues. Payments with a condition and one hot account by 16 clients, and beside them a stream into the write-ahead queue,
 * as fast as the worker applies it; sizes and dead rows are looked at every minute. At half of the time the hourly jobs
 * run, as they also do at every full hour: while a statement is long, no dead row can be cleaned away.
 *
 *   npm run bench -- --only vacuum [-- --minutes 60 --step 60]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../src/client.ts";
import { consoleLog, silentLog } from "../src/log.ts";
import { startWorker } from "../src/worker/start.ts";
import { startBenchCluster } from "./cluster.ts";
import { rateOf } from "./driver.ts";
import { table } from "./figures.ts";
import { readFlags } from "./flags.ts";
import { runOnce } from "./node-driver.ts";
import { parseScript } from "./script.ts";
import { serviceLogin } from "./server.ts";

type Sample = { relation: string; bytes: number; indexes: number; dead: number; vacuums: number };
type Step = { rate: number; samples: Sample[] };

/** Tables whose rows are updated or deleted by every call, or by the worker for it; that one is missing is an error. */
const SAMPLE = `
  select t.oid::regclass::text as relation, pg_table_size(t.oid)::float8 as bytes, pg_indexes_size(t.oid)::float8 as indexes,
         s.n_dead_tup::float8 as dead, s.autovacuum_count::float8 as vacuums
    from unnest('{daybook.accounts,daybook_private.account_counters,daybook_private.entry_queue,
           daybook_private.queued_transactions,daybook_private.queue_heads,daybook_private.seal_heads,
           daybook_private.search_heads,daybook_private.rollup_cursors,daybook_private.account_checks}'::regclass[]) t (oid)
    join pg_stat_user_tables s on s.relid = t.oid
   order by 2 desc`;

const HOURLY = `
  select graphile_worker.add_job(identifier, job_key => identifier) from graphile_worker._private_known_crontabs`;

/** Waiting transactions from which on the stream holds back. */
const DEPTH = 10_000;

const values = readFlags({ minutes: "60", step: "60" });
const log = consoleLog("bench");
const seconds = Number(values.step);
const read = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8");
const { url, client, stop } = await startBenchCluster("daybook_bench_vacuum");
try {
  await client.query(read("setup.sql"));
  await client.query("vacuum analyze");
  const service = await serviceLogin(url);
  const worker = await startWorker({ connectionString: url, log: silentLog });
  const ending = new AbortController();
  const loads = [
    measure(new URL(service), ending.signal),
    stream(service, ending.signal), // without it it is not full load
  ] as const;
  for (const load of loads) void load.catch(() => {}).finally(() => ending.abort());
  await Promise.allSettled(loads).finally(() => worker.stop());
  const [steps] = await Promise.all(loads);
  report(steps);
} finally {
  await stop();
}

async function measure(service: URL, ending: AbortSignal): Promise<Step[]> {
  const steps: Step[] = [];
  const count = Math.max(2, Math.ceil((60 * Number(values.minutes)) / seconds));
  const load = { name: "card", script: "create-card.sql", database: "daybook" } as const;
  while (steps.length < count && !ending.aborted) {
    if (steps.length === Math.floor(count / 2)) await client.query(HOURLY);
    const rate = await rateOf(service, load, seconds);
    const samples = (await client.query<Sample>(SAMPLE)).rows;
    steps.push({ rate, samples });
    const sizes = samples
      .slice(0, 4)
      .map(({ relation, bytes }) => `${relation} ${megabytes(bytes)}`);
    log.info(`${steps.length} of ${count}: ${rate.toFixed(0)}/s; ${sizes.join(", ")} MB`);
  }
  return steps;
}

/** Enqueues a hundred at a time while not too many wait, until it is to end. Counting them is dear: every tenth time is enough. */
async function stream(connectionString: string, ending: AbortSignal): Promise<void> {
  const session = new Client({ connectionString, application_name: "bench stream" });
  const script = parseScript(read("enqueue-100.sql"));
  try {
    await session.connect();
    for (let n = 1; !ending.aborted; n++) {
      await runOnce(session, script, {});
      if (n % 10 > 0) continue;
      const { rows } = await client.query("select depth::int from daybook.transaction_queue");
      if (rows.some(({ depth }) => depth > DEPTH))
        await new Promise((done) => setTimeout(done, 200));
    }
  } finally {
    await session.end().catch(() => {}); // it may never have connected
  }
}

function report(steps: Step[]): void {
  const at = (share: number) => steps[Math.floor(share * (steps.length - 1))]!;
  const rows = at(1).samples.map(({ relation, vacuums }) => {
    const of = (step: Step) => step.samples.find((sample) => sample.relation === relation)!;
    const sizes = [0, 0.1, 0.5, 1].map((share) => of(at(share)));
    return [
      relation,
      ...sizes.map(({ bytes, indexes }) => `${megabytes(bytes)} + ${megabytes(indexes)}`),
      Math.max(...steps.map((step) => of(step).dead)),
      vacuums,
    ];
  });
  const minutes = ((steps.length * seconds) / 60).toFixed(0);
  console.log(
    `${minutes} minutes, looked at every ${seconds} s. Sizes in MB, of the table and its indexes.\n`,
  );
  console.log(
    table([
      ["table", "first", "after a tenth", "half", "at the end", "dead rows at most", "vacuumed"],
      ...rows,
    ]),
  );
  const rates = [0, 0.1, 0.5, 1].map((share) => at(share).rate.toFixed(0));
  console.log(`Payments per second at these times: ${rates.join(", ")}.`);
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
