/**
 * How fast a month of entries is detached, alone and beside writers at full load, and what these notice of it.
 *
 *   npm run bench:detaching -- [--transactions 50000] [--seconds 10] [--portion 2000]
 *
 * On an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL. It needs pgbench.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consoleLog } from "../src/log.ts";
import { startBenchCluster } from "./cluster.ts";
import { readFlags } from "./flags.ts";
import { clients, pgbench } from "./pgbench.ts";

const values = readFlags({ transactions: "50000", seconds: "10", portion: "2000" });
const log = consoleLog("bench");
const { url, client, stop } = await startBenchCluster("daybook_bench_detaching");
const MONTH = "2024-03-01Z";
try {
  await client.query(readFileSync(join(import.meta.dirname, "setup.sql"), "utf8"));
  await makeMonth(Number(values.transactions));
  const without = await write();
  const writing = write();
  const beside = await detach(Number(values.seconds) * 1000);
  const during = await writing;
  const alone = await detach(Infinity);
  const { rows } = await client.query(
    "select pg_size_pretty(pg_total_relation_size('daybook.entries_202403')) as full",
  );
  await client.query("vacuum full daybook.entries_202403");
  const left = await client.query(
    "select pg_size_pretty(pg_total_relation_size('daybook.entries_202403')) as empty",
  );
  console.log("| what | |\n| --- | --- |");
  console.log(`| entries detached per second, beside writers | ${beside} |`);
  console.log(`| entries detached per second, alone | ${alone} |`);
  console.log(`| writing per second, without and beside | ${without}, ${during} |`);
  console.log(
    `| the month on disk before and after vacuum full | ${rows[0].full}, ${left.rows[0].empty} |`,
  );
} finally {
  await stop();
}

function aged(column: string): string {
  return `${column} = overlay(${column}::text placing substr(daybook_private.uuid_at(uuid_extract_timestamp(${column}) - ago)::text, 1, 13) from 1)::uuid`;
}

/** Transactions of now, which then look as if they had been made in a month long ago. */
async function makeMonth(count: number): Promise<void> {
  const batch = readFileSync(join(import.meta.dirname, "batch.sql"), "utf8").replaceAll(
    /^(--|\\).*$/gm,
    "",
  );
  for (let made = 0; made < count; made += 1000) {
    const text = batch
      .replaceAll(/(?<!:):[ab]\b/g, () => `${1 + Math.floor(Math.random() * 9000)}`)
      .replaceAll(/(?<!:):k\b/g, `${made}`);
    await client.query(text);
  }
  log.info(`${count} transactions`);
  await client.query(`
    select daybook_private.ensure_partition(p, '${MONTH}')
      from unnest('{daybook.entries,daybook.transactions,daybook_private.log_events}'::regclass[]) p;
    begin;
    set local session_replication_role = replica;
    update daybook.entries set ${aged("id")}, ${aged("transaction_id")}, created_at = created_at - ago, effective_at = effective_at - ago
      from (select now() - '2024-03-15'::timestamptz as ago) a;
    update daybook.transactions set ${aged("id")}, created_at = created_at - ago, posted_at = posted_at - ago, effective_at = effective_at - ago
      from (select now() - '2024-03-15'::timestamptz as ago) a;
    update daybook_private.idempotency_keys set ${aged("transaction_id")} from (select now() - '2024-03-15'::timestamptz as ago) a;
    commit;`);
  await client.query("vacuum analyze");
  while (
    (await client.query("select sealed from daybook_private.seal_log('main', 5000)")).rows[0]
      .sealed > 0
  )
    continue;
  log.info("sealed");
}

async function entries(): Promise<number> {
  const call = "select coalesce(sum(entries), 0) as n from daybook.detached_months";
  return Number((await client.query(call)).rows[0].n);
}

/** @returns entries per second, for so many milliseconds or until nothing is left. */
async function detach(most: number): Promise<number> {
  const start = Date.now();
  const before = await entries();
  let state = "detaching";
  while (state === "detaching" && Date.now() - start < most) {
    const call = `select state from daybook.detach_month('${MONTH}', ${Number(values.portion)})`;
    state = (await client.query(call)).rows[0].state;
  }
  return Math.round(((await entries()) - before) / ((Date.now() - start) / 1000));
}

/** @returns calls per second of 16 clients. */
async function write(): Promise<number> {
  const load = ["-n", "-M", "prepared", "-c", `${clients}`, "-j", "2", "-T", values.seconds];
  const output = await pgbench(new URL(url), [
    ...load,
    "-f",
    join(import.meta.dirname, "create.sql"),
  ]);
  return Math.round(Number(/tps = ([\d.]+)/.exec(output)?.[1]));
}
