import { Client } from "../src/client.ts";
import { share } from "./figures.ts";

/** Of ages in milliseconds, the 99th percentile and the greatest, and what was going on then. */
export type QueueAge = { p99: number; max: number; during: string };

/**
 * Samples how old the oldest entry is that waits to be folded, ten times a second, while `work` runs. Each sample is an
 * upper bound of what any entry has waited at that moment.
 * @param now says what is going on
 */
export async function queueAgeDuring(
  url: string,
  now: () => string,
  work: () => Promise<unknown>,
): Promise<QueueAge> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const ages: number[] = [];
  let [max, during] = [0, ""];
  const sample = setInterval(() => {
    client
      .query(
        `select extract(epoch from clock_timestamp() - uuid_extract_timestamp(min(entry_id::text)::uuid)) * 1000 as age
           from daybook_private.entry_queue`,
      )
      .then(({ rows }) => {
        const age = Number(rows[0].age ?? 0);
        if (age > max) [max, during] = [age, now()];
        ages.push(age);
      })
      .catch(() => clearInterval(sample));
  }, 100);
  try {
    await work();
  } finally {
    clearInterval(sample);
    await client.end();
  }
  return { p99: share(0.99, ages) || 0, max, during };
}
