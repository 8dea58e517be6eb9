import { Client } from "../src/client.ts";

/**
 * Waits until nothing waits in the write-ahead queue of `main`, so that what is measured next has the machine to itself.
 * @throws Error if nothing is applied for a minute
 */
export async function untilDrained(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
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
  } finally {
    await client.end();
  }
}
