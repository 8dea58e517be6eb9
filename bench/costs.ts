/**
 * What one thing costs the server: processor time and write-ahead log of each call by one client, and of what the worker
 * does afterwards for each transaction. Counted for the session's own process, so that others on the server do not
 * matter; the pages were written since the last checkpoint, so that hardly any page goes into the log as a whole.
 *
 *   npm run bench -- --only costs [-- --calls 2000]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL. Processor time needs Linux and a server on this machine.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startBenchCluster } from "./cluster.ts";
import { median, table } from "./figures.ts";
import { readFlags } from "./flags.ts";
import { openMeter, type Meter, type Use } from "./meter.ts";
import { runOnce } from "./node-driver.ts";
import { parseScript } from "./script.ts";
import { serviceLogin } from "./server.ts";

type Call = {
  name: string;
  script: string;
  units?: number;
  isOfSuperuser?: boolean;
  /** As the superuser, before. */
  settings?: string;
  /** The first calls after a checkpoint, which write each page that they touch as a whole. */
  isAfterCheckpoint?: boolean;
};

const calls: Call[] = [
  { name: "a select of nothing, for the protocol", script: "select 1;", isOfSuperuser: true },
  { name: "TPC-B, all of its statements", script: "tpcb.sql", isOfSuperuser: true },
  { name: "`create_transaction`", script: "create.sql" },
  { name: "the same, with an effective time", script: "create-dated.sql" },
  { name: "the same, with a condition", script: "create-card.sql" },
  { name: "`create_transactions`, of 1 000", script: "batch.sql", units: 1000 },
  {
    name: "raw inserts, of 1 000",
    script: "batch-raw.sql",
    units: 1000,
    isOfSuperuser: true,
    settings: "session_replication_role = replica",
  },
  { name: "`enqueue_transactions`, one", script: "enqueue.sql" },
  { name: "`enqueue_transactions`, of 100", script: "enqueue-100.sql", units: 100 },
  { name: "`account_balance`", script: "balance.sql" },
  {
    name: "`create_transaction`, the first after a checkpoint",
    script: "create.sql",
    isOfSuperuser: true,
    isAfterCheckpoint: true,
  },
  {
    name: "the same, `wal_compression` on",
    script: "create.sql",
    isOfSuperuser: true,
    isAfterCheckpoint: true,
    settings: "wal_compression = on",
  },
];

/** Writes into every page that the calls will write into, once. */
const TOUCH = `
  checkpoint;
  update daybook_private.account_counters set lock_version = lock_version;
  select count(*) from (select from daybook.accounts for no key update) a;
  update pgbench_accounts set abalance = 0;`;

const PARTS = 5;
/**
 * How many records are enough to know what one takes. Of entries to roll up there are fewer: all of them, so that those by one
 * time are there for the sums of both.
 */
const ENOUGH = 20_000;
const rollUp = (ofBoth: boolean) => `
  select coalesce(sum(daybook_private.roll_up_account(ledger, account_id, 20000, of_both => ${ofBoth})), 0) as n
    from daybook_private.accounts_to_roll_up(256, 100)`;

const HEAD = ["for each", "processor, µs", "log, bytes", "log, records", "pages as a whole"];

const values = readFlags({ calls: "2000" });
const read = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8");
const { url, client, stop } = await startBenchCluster("daybook_bench_costs");
try {
  await client.query(read("setup.sql"));
  await client.query(read("tpcb-setup.sql").replaceAll(":scale", "1"));
  await client.query("vacuum analyze");
  const service = await serviceLogin(url);
  const batch = parseScript(read("batch.sql"));
  for (const statement of TOUCH.split(";\n")) await client.query(statement);
  for (let n = 0; n < 20; n++) await runOnce(client, batch, {});
  await measureCalls(service);
  await measureWorker();
} finally {
  await stop();
}

async function measureCalls(service: string): Promise<void> {
  const rows = [HEAD];
  for (const call of calls) {
    const { name, units = 1 } = call;
    const meter = await openMeter(call.isOfSuperuser ? url : service, url);
    if (call.settings) await meter.client.query(`set ${call.settings}`);
    const count = Math.max(2, Math.round(Number(values.calls) / PARTS / Math.sqrt(units)));
    rows.push(row(name, await measureCall(meter, call, count), count * units));
    await meter.end();
  }
  console.log(table(rows));
}

/** Of so many calls. Of several parts the one that took the processor least: who else is there takes his time too. */
async function measureCall(meter: Meter, call: Call, count: number): Promise<Use> {
  const { script, isAfterCheckpoint } = call;
  const steps = parseScript(script.endsWith(".sql") ? read(script) : script);
  const run = async () => {
    for (let n = 0; n < count; n++) await runOnce(meter.client, steps, { scale: 1 });
  };
  await run(); // plans and caches
  if (isAfterCheckpoint) await client.query("checkpoint");
  const parts: Use[] = [];
  while (parts.length < (isAfterCheckpoint ? 1 : PARTS)) parts.push(await meter.use(run));
  const of = (what: keyof Use) => parts.map((part) => part[what]);
  return {
    cpu: Math.min(...of("cpu")),
    bytes: median(of("bytes")),
    records: median(of("records")),
    pageImages: median(of("pageImages")),
  };
}

function row(name: string, { cpu, bytes, records, pageImages }: Use, count: number): string[] {
  const each = (value: number, digits: number) => (value / count).toFixed(digits);
  const time = Number.isNaN(cpu) ? "not seen" : each(cpu, 0);
  return [name, time, each(bytes, 0), each(records, 1), each(pageImages, 3)];
}

/** What the worker's loops do, call for call, with all that was written above. */
async function measureWorker(): Promise<void> {
  const rows = [HEAD];
  const meter = await openMeter(url, url);
  const add = async (name: string, call: string, enough = ENOUGH) => {
    let total = 0;
    const use = await meter.use(async () => {
      for (let count = 1; count > 0 && total < enough; total += count)
        count = await numberOf(meter, call);
    });
    if (total === 0) throw new Error(`there was nothing to do: ${name}`);
    rows.push(row(name, use, total));
  };
  try {
    await add("sealing a record", "select sealed as n from daybook_private.seal_log('main', 500)");
    const index = "select daybook_private.index_search('main', 500) as n";
    await numberOf(meter, index); // the setup's transactions come first, and are of 200 entries
    await add("indexing a transaction for search", index);
    await add("rolling up an entry, many of an hour", rollUp(false), Infinity);
    await add("the same by both times together", rollUp(true), Infinity);
    console.log(table(rows));
  } finally {
    await meter.end();
  }
}

async function numberOf({ client: session }: Meter, call: string): Promise<number> {
  return Number((await session.query(call)).rows[0]?.n ?? 0);
}
