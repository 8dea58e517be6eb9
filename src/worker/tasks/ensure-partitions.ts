import type { Task } from "graphile-worker";

/**
 * Makes the partitions of the time to come, before an entry needs one, and says so when something is wrong
 * with them: the log is what is watched at night.
 */
export const ensurePartitions: Task = async (_payload, { withPgClient, logger }) => {
  const { rows } = await withPgClient(async (client) => {
    await client.query("select daybook_private.ensure_partitions()");
    return client.query<{ relation: string; ends_soon: boolean; default_is_empty: boolean }>(
      `select relation, default_is_empty, covered_until < now() + interval '1 month' as ends_soon
         from daybook_private.partition_states()`,
    );
  });
  for (const { relation, ends_soon, default_is_empty } of rows) {
    if (ends_soon) logger.error(`${relation}: partitions end within a month`);
    if (!default_is_empty)
      logger.error(`${relation}: rows are in the default partition, see docs/partitions.md`);
  }
};
