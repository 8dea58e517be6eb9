/**
 * What it takes to stream requests into the write-ahead queue by COPY, beside the same requests by enqueue_transactions, a
 * thousand a call: one client, in alternation, nobody draining.
 *
 *   npm run bench -- --only intake [-- --size 20000 --rounds 3]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL. Processor time needs Linux and a server on this machine.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { copyFrom } from "../test/support/copy.ts";
import { startBenchCluster } from "./cluster.ts";
import { median, table } from "./figures.ts";
import { readFlags } from "./flags.ts";
import { openMeter, type Meter, type Use } from "./meter.ts";
import { serviceLogin } from "./server.ts";

type Run = Use & { seconds: number };

const CALL = 1000;
const GRANT = "grant insert on daybook.transaction_intake to bench_service";

/** What all keys of a run begin with, and how many requests. */
type Way = (client: Client, key: string, size: number) => Promise<unknown>;

const ways: Record<string, Way> = {
  "`COPY` into `transaction_intake`": (client, key, size) =>
    copyFrom(
      client,
      "copy daybook.transaction_intake (ledger, transaction) from stdin",
      Array.from({ length: size }, (_, n) => `main\t${JSON.stringify(request(key, n))}\n`).join(""),
    ),
  "`enqueue_transactions`, 1 000 a call": async (client, key, size) => {
    for (let n = 0; n < size; n += CALL) await client.query(ENQUEUE, [`${key}-${n}`, n]);
  },
};

const user = (n: number) => `users:${1 + (n % 10_000)}`;

function request(key: string, n: number) {
  const entries = [
    { account: user(n * 7919), direction: "debit", amount: 100 },
    { account: user(n * 104_729), direction: "credit", amount: 100 },
  ];
  const metadata = { order: "ord-123456", channel: "web" };
  return { entries, idempotency_key: `${key}-${n}`, metadata };
}

const ENQUEUE = `
  select count(*) from daybook.enqueue_transactions('main', array(
    select row(array[daybook.debit('users:' || 1 + (i * 7919 + $2::int) % 10000, 100),
                     daybook.credit('users:' || 1 + (i * 104729 + $2::int) % 10000, 100)],
               null, null, $1 || '-' || i, null, null, '{"order":"ord-123456","channel":"web"}',
               null, null, null)::daybook.transaction_input
      from generate_series(1, ${CALL}) i))`;

const values = readFlags({ size: "20000", rounds: "3" });
const { url, client, stop } = await startBenchCluster("daybook_bench_intake");
try {
  await client.query(readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  await client.query(`set role daybook_owner; ${GRANT}; reset role`);
  await client.query("vacuum analyze");
  const meter = await openMeter(await serviceLogin(url), url);
  await measure(meter).finally(() => meter.end());
} finally {
  await stop();
}

async function measure(meter: Meter): Promise<void> {
  const size = CALL * Math.ceil(Number(values.size) / CALL);
  const runs = new Map<string, Run[]>(Object.keys(ways).map((name) => [name, []]));
  for (const [name, way] of Object.entries(ways)) await way(meter.client, `warm ${name}`, CALL);
  for (let round = 1; round <= Number(values.rounds); round++) {
    await client.query("checkpoint");
    const inTurn = Object.entries(ways);
    for (const [name, way] of round % 2 ? inTurn : inTurn.toReversed())
      runs.get(name)!.push(await timed(meter, () => way(meter.client, `${round} ${name}`, size)));
  }
  const { rows } = await client.query("select depth::int from daybook.transaction_queue");
  const asked = Object.keys(ways).length * (Number(values.rounds) * size + CALL);
  if (rows[0].depth !== asked) throw new Error(`${rows[0].depth} wait in place of ${asked}`);
  const lines = [...runs].map(([name, all]) => {
    const least = (what: keyof Run) => Math.min(...all.map((run) => run[what])) / size;
    const rate = size / median(all.map(({ seconds }) => seconds));
    const cpu = least("cpu");
    const time = Number.isNaN(cpu) ? "not seen" : cpu.toFixed(0);
    return [name, rate.toFixed(0), time, least("bytes").toFixed(0)];
  });
  console.log(`For each request, of ${size} a run; one client, nobody draining.\n`);
  console.log(
    table([
      ["way", "per second (median)", "processor, µs (least)", "log, bytes (least)"],
      ...lines,
    ]),
  );
}

async function timed(meter: Meter, work: () => Promise<unknown>): Promise<Run> {
  const start = performance.now();
  const use = await meter.use(work);
  return { ...use, seconds: (performance.now() - start) / 1000 };
}
