import type { Task } from "graphile-worker";

/** Forgets finished receipts of the write-ahead queue whose retention is over. */
export const purgeReceipts: Task = async (_payload, { withPgClient }) => {
  await withPgClient((client) => client.query("select daybook_private.purge_receipts()"));
};
