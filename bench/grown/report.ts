import type { Client } from "pg";
import { share, table } from "../figures.ts";
import { BUSY, LARGE, type Plan } from "./plan.ts";

type Sample = { session: number; at: Date; batches: number; lsn: number };

/** The rate in each tenth of the growth, and the write-ahead log of all of it. */
export async function growth(client: Client, plan: Plan): Promise<string> {
  const { rows } = await client.query<Sample>(
    "select session, at, batches, (lsn - '0/0')::float8 as lsn from bench_samples order by session, at",
  );
  const tenths = Array.from({ length: 10 }, () => ({ batches: 0, seconds: 0, bytes: 0 }));
  const most = Math.max(...rows.map(({ batches }) => batches));
  for (const [n, sample] of rows.entries()) {
    const last = rows[n - 1];
    if (last?.session !== sample.session) continue; // nothing was made in between
    const tenth = tenths[Math.min(9, Math.floor((10 * last.batches) / most))]!;
    tenth.batches += sample.batches - last.batches;
    tenth.seconds += (sample.at.getTime() - last.at.getTime()) / 1000;
    tenth.bytes += sample.lsn - last.lsn;
  }
  const lines = tenths
    .map(({ batches, seconds, bytes }, n) => {
      const made = batches * plan.batch;
      return [`${n * 10} to ${n * 10 + 10} %`, whole(made / seconds), whole(bytes / made)];
    })
    .filter((_, n) => tenths[n]!.batches > 0);
  return table([
    ["of the growth", "transactions per second", "write-ahead log of each, bytes"],
    ...lines,
  ]);
}

const SIZES = `
  with parts as (
    select p.parent, p.relid, c.relkind, i.indexrelid
      from (select c.oid as parent, coalesce(t.relid, c.oid) as relid
              from pg_class c
              left join lateral pg_partition_tree(c.oid) t on c.relkind = 'p'
             where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
               and c.relkind in ('r', 'p') and not c.relispartition) p
      join pg_class c on c.oid = p.relid
      left join pg_index i on i.indrelid = p.relid),
  named as (
    select parent, 'table'::text as name, sum(pg_table_size(relid)) as bytes
      from (select distinct parent, relid from parts) t group by parent
    union all
    select parent, coalesce(r.relname, o.relname), sum(pg_relation_size(indexrelid))
      from parts
      join pg_class o on o.oid = indexrelid
      left join lateral (select max(relid::regclass::text) from pg_partition_ancestors(indexrelid) where not exists
                           (select from pg_inherits h where h.inhrelid = relid)) a (name) on true
      left join pg_class r on r.oid = a.name::regclass
     group by parent, coalesce(r.relname, o.relname))
  select parent::regclass::text as relation, name, bytes::float8 from named where bytes > 65536
   order by sum(bytes) over (partition by parent) desc, parent, name <> 'table', bytes desc`;

/** Bytes of each table and each index, all partitions together. */
export async function sizes(client: Client): Promise<string> {
  const count = "select count(*)::float8 as transactions from daybook.transactions"; // calls of an earlier report among them
  const { transactions } = (await client.query<{ transactions: number }>(count)).rows[0]!;
  const { rows } = await client.query<{ relation: string; name: string; bytes: number }>(SIZES);
  const total = rows.reduce((sum, { bytes }) => sum + bytes, 0);
  const line = (relation: string, name: string, bytes: number) => [
    relation,
    name,
    (bytes / 2 ** 20).toFixed(1),
    whole(bytes / transactions),
  ];
  return table([
    ["relation", "table or index", "MB", "bytes for each transaction"],
    ...rows.map(({ relation, name, bytes }) => line(relation, name, bytes)),
    line("all", "", total),
  ]);
}

const statement = (rest: string) =>
  `select cardinality(s.entries) from daybook.account_statement('${LARGE}', '${BUSY.account}'${rest}) s`;
const day = `, timestamptz '${BUSY.day}Z', timestamptz '${BUSY.day}Z' + interval '1 day'`;
const search = (rest: string) =>
  `select count(*) from daybook.search_transactions('${LARGE}'${rest})`;

/** What somebody asks of grown books. */
const QUESTIONS: Record<string, string> = {
  "a balance": `select daybook.account_balance('${LARGE}', 'users:7')`,
  "the busy account's balance": `select daybook.account_balance('${LARGE}', '${BUSY.account}')`,
  "the busy account's balance at a moment of its day": `
    select daybook.account_balance('${LARGE}', '${BUSY.account}', effective_at => '${BUSY.day}Z'::timestamptz + random() * interval '1 day')`,
  "the busy day's statement, first page of 100": statement(day),
  "the busy day's statement, 1 000 entries": statement(`${day}, first => 1000`),
  "the busy day's last hour": statement(
    `, timestamptz '${BUSY.day} 23:00Z', timestamptz '${BUSY.day}Z' + interval '1 day'`,
  ),
  "search: the latest": search(""),
  "search: an account": search(", account => 'users:7'"),
  "search: the busy account, by amount": search(`, account => '${BUSY.account}', sort => 'amount'`),
  "search: words on an account": search(", words => 'paymnt 77', account => 'users:7'"),
  "trial balance of the large ledger": `select count(*) from daybook.trial_balance('${LARGE}')`,
  "trial balance of the large ledger, at a moment": `
    select count(*) from daybook.trial_balance('${LARGE}', '${BUSY.day} 12:00Z')`,
  "trial balance of another ledger": "select count(*) from daybook.trial_balance('l1')",
};

/** Milliseconds of each question; slow ones are asked less often. */
export async function questions(client: Client): Promise<string> {
  const lines: string[][] = [];
  for (const [name, text] of Object.entries(QUESTIONS)) {
    const first = await timed(client, text);
    const times: number[] = [];
    for (let n = 0; n < (first > 1000 ? 3 : 30); n++) times.push(await timed(client, text));
    lines.push([
      name,
      ...[0.5, 0.95].map((part) => share(part, times).toFixed(1)),
      first.toFixed(1),
    ]);
  }
  return table([["question", "median, ms", "p95, ms", "the first time, ms"], ...lines]);
}

async function timed(client: Client, text: string): Promise<number> {
  const start = performance.now();
  await client.query(text);
  return performance.now() - start;
}

const whole = (value: number) => (Number.isFinite(value) ? Math.round(value).toString() : "");
