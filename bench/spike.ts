import { Client } from "pg";

/** What came of a spike: transactions per second, and how many were lost. */
export type Spike = { accepted: number; drained: number; batched: number; lost: number };

const CLIENTS = 4;
const CALL = 1000;

/** `$1` is what the keys begin with; a thousand requests like those of create.sql. */
const requests = `array(
  select row(array[daybook.debit('users:' || 1 + (i * 7919 + $2::int) % 10000, 100),
                   daybook.credit('users:' || 1 + (i * 104729 + $2::int) % 10000, 100)],
             null, null, $1 || '-' || i, null, null, '{"order":"ord-123456","channel":"web"}',
             null, null, null)::daybook.transaction_input
    from generate_series(1, ${CALL}) i)`;

/**
 * Enqueues so many transactions as fast as they are accepted, then waits until the worker has applied
 * them all; and makes a tenth of them directly by create_transactions, one client, to compare.
 * @throws Error if nothing is applied for a minute
 */
export async function spike(url: string, size: number): Promise<Spike> {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = new Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  try {
    const [first] = clients as [Client];
    const name = `spike-${Date.now()}`;
    const batched = await rate(size / 10, async (calls) => {
      for (let n = 0; n < calls; n++)
        await first.query(`select count(*) from daybook.create_transactions('main', ${requests})`, [
          `${name}-direct-${n}`,
          n,
        ]);
    });
    const started = Date.now();
    const accepted = await rate(size, async (calls) => {
      let next = 0;
      const enqueue = async (client: Client) => {
        for (let n = next++; n < calls; n = next++)
          await client.query(
            `select count(*) from daybook.enqueue_transactions('main', ${requests})`,
            [`${name}-queued-${n}`, n],
          );
      };
      await Promise.all(clients.map(enqueue));
    });
    await untilDrained(first);
    const drained = (size * 1000) / (Date.now() - started);
    const { rows } = await first.query(
      "select count(distinct transaction_id)::int as n from daybook_private.finished_receipts where ledger = 'main' and idempotency_key like $1 and state = 'applied'",
      [`${name}-queued-%`],
    );
    return { accepted, drained, batched, lost: size - rows[0].n };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

async function rate(size: number, work: (calls: number) => Promise<void>): Promise<number> {
  const start = Date.now();
  await work(Math.ceil(size / CALL));
  return (size * 1000) / (Date.now() - start);
}

/**
 * Waits until nothing waits in the queue of `main`, so that what is measured next has the machine to itself.
 * @throws Error if nothing is applied for a minute
 */
export async function untilDrained(client: Client): Promise<void> {
  let [least, since] = [Infinity, Date.now()];
  for (;;) {
    const { rows } = await client.query(
      "select depth::int from daybook.transaction_queue where ledger = 'main'",
    );
    if (rows[0].depth === 0) return;
    if (rows[0].depth < least) [least, since] = [rows[0].depth, Date.now()];
    if (Date.now() - since > 60_000)
      throw new Error(`${least} transactions wait and none is applied`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
