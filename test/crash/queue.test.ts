import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "pg";
import { silentLog } from "../../src/log.ts";
import { startDraining } from "../../src/worker/drain.ts";
import { violations } from "../support/books.ts";
import { startDurableServer, type DurableServer } from "../support/durable.ts";
import { enqueue, openLedger, withdrawal } from "../support/ledgers.ts";
import { isLost } from "../support/load.ts";
import { startCli } from "../support/run-cli.ts";
import { until } from "../support/temporary.ts";

const ROUNDS = Number(process.env["DAYBOOK_CRASHES"] ?? 2);
/** How many receipts to have handed out before the server is killed under the next ones. */
const RECEIPTS = 1_500;

let server: DurableServer;
let ledger: string;
/** Keys and receipts of what was acknowledged, in all rounds; keys of calls whose answer got lost. */
const acknowledged = new Map<string, string>();
const unknown = new Set<string>();

beforeAll(async () => {
  server = await startDurableServer();
  ledger = await openLedger(server, { alice: { money: 1_000_000 } });
});
afterAll(() => server?.remove());

const request = (key: string) =>
  withdrawal(ledger, "alice", 1, { idempotency_key: key, description: key });

async function accept(client: Pick<Client, "query">, keys: string[]): Promise<void> {
  for (const key of keys) unknown.add(key);
  const { rows } = await client.query(enqueue(ledger, ...keys.map(request)));
  for (const [n, key] of keys.entries()) {
    unknown.delete(key);
    const before = acknowledged.get(key);
    acknowledged.set(key, rows[n].receipt_id);
    expect(before ?? rows[n].receipt_id).toBe(rows[n].receipt_id);
  }
}

/** Enqueues until its connection is lost. */
async function work(name: string): Promise<void> {
  const client = new Client({ connectionString: server.url });
  client.on("error", () => {}); // the next query fails and tells
  await client.connect();
  try {
    for (let n = 0; ; n++) {
      await accept(
        client,
        Array.from({ length: 1 + (n % 20) }, (_, m) => `${name}-${n}-${m}`),
      );
    }
  } catch (error) {
    if (!isLost(error)) throw error;
  }
}

async function count(sql: string): Promise<number> {
  return (await server.pool.query(sql, [ledger])).rows[0].n;
}
const applied = () =>
  count("select count(*)::integer as n from daybook_private.finished_receipts where ledger = $1");
const waiting = () =>
  count("select depth::integer as n from daybook.transaction_queue where ledger = $1");

/** Asks for no ledger, but `count` gives one. */
const WORKING = `select count(*)::integer as n from pg_stat_activity where application_name like 'daybook%' and $1 <> ''`;

/** Each acknowledged receipt has its one transaction, and nothing else was made. */
async function expectEachOnce(): Promise<void> {
  const { rows } = await server.pool.query(
    `select t.description as key, r.receipt_id
       from daybook.transactions t
       left join daybook_private.finished_receipts r
         on r.ledger = t.ledger and r.transaction_id = t.id and r.state = 'applied'
      where t.ledger = $1 and t.description is not null`,
    [ledger],
  );
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  expect(new Map(rows.map(({ key, receipt_id }) => [key, receipt_id]))).toEqual(acknowledged);
  expect(await violations(server)).toEqual([]);
}

test.each(Array.from({ length: ROUNDS }, (_, n) => n + 1))(
  "the server is killed while clients enqueue and two workers drain, round %i",
  async (round) => {
    const before = await applied();
    const workers = [1, 2].map(() =>
      startDraining({ connectionString: server.url, log: silentLog, idle: 5 }),
    );
    const clients = Array.from({ length: 4 }, (_, n) => work(`${round}-${n}`));
    const goal = acknowledged.size + RECEIPTS;
    await until("enough is accepted", () => acknowledged.size >= goal, 30_000);
    await until("some is applied", async () => (await applied()) > before, 30_000);
    await server.kill();
    await Promise.all(clients);
    await Promise.all(workers.map((worker) => worker.stop()));
    await server.restart();

    // Nothing that was acknowledged is lost: what is applied and what waits is at least that.
    expect((await applied()) + (await waiting())).toBeGreaterThanOrEqual(acknowledged.size);
    for (const key of unknown) await accept(server.pool, [key]);
    const worker = startDraining({ connectionString: server.url, log: silentLog, idle: 5 });
    await until("the queue is empty", async () => (await waiting()) === 0, 30_000);
    await worker.stop();
    await expectEachOnce();
  },
);

test("workers are killed over and over while they drain", async () => {
  for (let part = 0; part < 10; part++) {
    await accept(
      server.pool,
      Array.from({ length: 500 }, (_, n) => `killed-${part}-${n}`),
    );
  }
  // Slow enough to be met at work, however fast the machine is.
  await server.pool.query(`
    create function public.slow() returns trigger language plpgsql as $$
      begin perform pg_sleep(0.001); return new; end $$;
    create trigger slow before insert on daybook.transactions for each row execute function public.slow()`);
  let kills = 0;
  while ((await waiting()) > 0 && kills < 4) {
    const before = await applied();
    const workers = [1, 2].map(() => startCli(["work"], { DATABASE_URL: server.url }));
    await until(
      "it works",
      async () => (await applied()) > before || (await waiting()) === 0,
      30_000,
    );
    for (const worker of workers) worker.process.kill("SIGKILL");
    await Promise.all(workers.map((worker) => worker.ended));
    kills += 1;
  }
  expect(kills).toBeGreaterThan(1);
  await until("what the killed had begun is over", async () => (await count(WORKING)) === 0);
  await server.pool.query("drop trigger slow on daybook.transactions");
  const worker = startDraining({ connectionString: server.url, log: silentLog, idle: 5 });
  await until("the queue is empty", async () => (await waiting()) === 0, 30_000);
  await worker.stop();
  await expectEachOnce();
});
