import { Client } from "pg";

/**
 * Samples how old the oldest entry is that waits to be folded, ten times a second, while `work` runs.
 * @returns the 99th percentile and the greatest age, in milliseconds; each sample is an upper bound of
 *   what any entry has waited at that moment
 */
export async function queueAgeDuring(
  url: string,
  work: () => Promise<unknown>,
): Promise<{ p99: number; max: number }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const ages: number[] = [];
  const sample = setInterval(() => {
    client
      .query(
        `select extract(epoch from clock_timestamp() - uuid_extract_timestamp(min(entry_id::text)::uuid)) * 1000 as age
           from daybook_private.entry_queue`,
      )
      .then(({ rows }) => ages.push(Number(rows[0].age ?? 0)))
      .catch(() => clearInterval(sample));
  }, 100);
  try {
    await work();
  } finally {
    clearInterval(sample);
    await client.end();
  }
  ages.sort((a, b) => a - b);
  return { p99: ages[Math.floor(ages.length * 0.99)] ?? 0, max: ages.at(-1) ?? 0 };
}
