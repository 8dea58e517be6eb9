import type { Task } from "graphile-worker";

/** Makes the partitions of the time to come, before an entry needs one. */
export const ensurePartitions: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query("select daybook_private.ensure_partitions()"));
};
