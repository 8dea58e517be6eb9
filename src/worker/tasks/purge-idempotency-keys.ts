import type { Task } from "graphile-worker";

/** Forgets idempotency keys whose retention is over. */
export const purgeIdempotencyKeys: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query("select daybook_private.purge_idempotency_keys()"));
};
