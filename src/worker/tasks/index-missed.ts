import type { Task } from "graphile-worker";

/** Proves that search has passed over nothing, as it would if a clock was set back, and makes up for it. */
export const indexMissed: Task = async (_payload, { withPgClient, logger }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ count: number }>("select daybook_private.index_missed() as count"),
  );
  const count = rows[0]?.count ?? 0;
  if (count > 0) logger.warn(`search had passed over ${count} transactions: was a clock set back?`);
};
