/**
 * A spike into the write-ahead queue: so many transactions as fast as they are accepted, and how long until the worker has
 * applied them all; and a tenth of them directly by create_transactions, one client, to compare.
 *
 *   node bench/spike.ts [--size 200000]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../src/client.ts";
import { silentLog } from "../src/log.ts";
import { startWorker } from "../src/worker/start.ts";
import { startBenchCluster } from "./cluster.ts";
import { untilDrained } from "./drained.ts";
import { table } from "./figures.ts";
import { readFlags } from "./flags.ts";

const CLIENTS = 4;
const CALL = 1000;

/** `$1` is what the keys begin with; a thousand requests like those of create.sql. */
const requests = `array(
  select row(array[daybook.debit('users:' || 1 + (i * 7919 + $2::int) % 10000, 100),
                   daybook.credit('users:' || 1 + (i * 104729 + $2::int) % 10000, 100)],
             null, null, $1 || '-' || i, null, null, '{"order":"ord-123456","channel":"web"}',
             null, null, null)::daybook.transaction_input
    from generate_series(1, ${CALL}) i)`;
const call = (what: string) => `select count(*) from daybook.${what}('main', ${requests})`;

const values = readFlags({ size: "200000" });
const calls = Math.ceil(Number(values.size) / CALL);
const { url, client, stop } = await startBenchCluster("daybook_bench_spike");
try {
  await client.query(readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  await client.query("vacuum analyze");
  const worker = await startWorker({ connectionString: url, log: silentLog });
  await measure().finally(() => worker.stop());
} finally {
  await stop();
}

async function measure(): Promise<void> {
  const direct = Math.ceil(calls / 10);
  const batched = await timed(async () => {
    for (let n = 0; n < direct; n++)
      await client.query(call("create_transactions"), [`direct-${n}`, n]);
  });
  const accepted = await timed(enqueueAll);
  const drained = accepted + (await timed(() => untilDrained(url)));
  const { rows } = await client.query(
    `select count(distinct transaction_id)::int as n from daybook_private.finished_receipts
      where ledger = 'main' and idempotency_key like 'queued-%' and state = 'applied'`,
  );
  const rate = (count: number, seconds: number) => Math.round((count * CALL) / seconds);
  console.log(
    table([
      [
        "a spike of",
        "accepted, per second",
        "all applied, per second",
        "lost",
        "create_transactions, one client",
      ],
      [
        calls * CALL,
        rate(calls, accepted),
        rate(calls, drained),
        calls * CALL - rows[0].n,
        rate(direct, batched),
      ],
    ]),
  );
}

async function enqueueAll(): Promise<void> {
  let next = 0;
  const enqueue = async () => {
    const session = new Client({ connectionString: url });
    await session.connect();
    try {
      for (let n = next++; n < calls; n = next++)
        await session.query(call("enqueue_transactions"), [`queued-${n}`, n]);
    } finally {
      await session.end();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, enqueue));
}

/** Gives seconds. */
async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
