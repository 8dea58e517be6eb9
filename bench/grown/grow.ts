import { Client } from "../../src/client.ts";
import { consoleLog } from "../../src/log.ts";
import { startProgress } from "../../src/import/progress.ts";
import { batchesOf, batchOf, carryOut, openLedger, type Plan } from "./plan.ts";

const log = consoleLog("grown");

export type GrowOptions = { url: string; plan: Plan; clients: number; minutes: number };

const TABLES = `
  create table if not exists bench_plan (plan jsonb not null);
  create table if not exists bench_batches (batch int primary key);
  create table if not exists bench_samples (session int, at timestamptz default clock_timestamp(), batches int, lsn pg_lsn)`;

/**
 * Makes what is missing of the plan, and takes down now and then how far it is.
 * @returns whether all of it is there; not if the time was over before
 * @throws Error if the database was begun by another plan
 */
export async function grow(options: GrowOptions): Promise<boolean> {
  const { url, plan, clients } = options;
  const sessions = Array.from({ length: clients }, () => new Client({ connectionString: url }));
  try {
    await Promise.all(sessions.map((session) => session.connect()));
    await begin(sessions[0]!, plan);
    await openAll(sessions, plan);
    return await carryOutAll(sessions, options);
  } finally {
    await Promise.all(sessions.map((session) => session.end().catch(() => {})));
  }
}

async function begin(client: Client, plan: Plan): Promise<void> {
  await client.query(TABLES);
  const { rows } = await client.query("select plan from bench_plan");
  if (rows.length === 0) await client.query("insert into bench_plan values ($1)", [plan]);
  else if (JSON.stringify(sorted(rows[0].plan)) !== JSON.stringify(sorted(plan)))
    throw new Error(
      `this database was begun as ${JSON.stringify(rows[0].plan)}: go on so, or drop it`,
    );
}

const sorted = (plan: Plan) => Object.entries(plan).toSorted();

async function openAll(sessions: Client[], plan: Plan): Promise<void> {
  const { rows } = await sessions[0]!.query("select count(*)::int as n from daybook.ledgers");
  let next = Math.max(0, rows[0].n - sessions.length); // the last ones may be half done
  if (rows[0].n < plan.ledgers)
    log.info(`opening ${plan.accounts} accounts in ${plan.ledgers} ledgers`);
  await inTurn(sessions, async (client) => {
    const ledger = next++;
    if (ledger >= plan.ledgers) return false;
    await openLedger(client, plan, ledger);
    return true;
  });
}

async function carryOutAll(
  sessions: Client[],
  { url, plan, minutes }: GrowOptions,
): Promise<boolean> {
  const { rows } = await sessions[0]!.query("select batch from bench_batches");
  const done = new Set<number>(rows.map(({ batch }) => batch));
  const before = done.size;
  const missing = Array.from({ length: batchesOf(plan) }, (_, no) => no).filter(
    (no) => !done.has(no),
  );
  if (missing.length === 0) return true;
  const progress = startProgress({ size: missing.length, stream: process.stderr, log });
  const end = Date.now() + minutes * 60_000;
  let [next, made] = [0, 0];
  const stopSampling = await startSampling(url, () => before + made);
  try {
    await inTurn(sessions, async (client) => {
      const no = missing[next++];
      if (no === undefined || Date.now() > end) return false;
      await carryOut(client, plan, batchOf(plan, no));
      progress.update(++made, made * plan.batch);
      return true;
    });
  } finally {
    progress.stop();
    await stopSampling();
  }
  return made === missing.length;
}

/** Each session takes the next piece of work until it says that there is none. */
export async function inTurn(
  sessions: Client[],
  work: (client: Client) => Promise<boolean>,
): Promise<void> {
  await Promise.all(
    sessions.map(async (client) => {
      while (await work(client)) continue;
    }),
  );
}

/** Samples on a connection of its own; gives what takes the last sample and ends it. */
async function startSampling(
  connectionString: string,
  batches: () => number,
): Promise<() => Promise<void>> {
  const client = new Client({ connectionString });
  await client.connect();
  const { rows } = await client.query(
    "select coalesce(max(session), 0) + 1 as n from bench_samples",
  );
  const sample = () =>
    client.query(
      "insert into bench_samples (session, batches, lsn) values ($1, $2, pg_current_wal_insert_lsn())",
      [rows[0].n, batches()],
    );
  await sample();
  const timer = setInterval(() => void sample().catch(() => clearInterval(timer)), 2000);
  return async () => {
    clearInterval(timer);
    await sample().finally(() => client.end());
  };
}
