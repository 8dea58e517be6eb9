import type { ClientBase } from "pg";

/** Does something as the owner of the ledger, on a session that may become it. */
export async function asOwner(client: ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query("set role daybook_owner");
  try {
    await work();
  } finally {
    await client.query("reset role");
  }
}

/**
 * Makes the partitions of the months to come, if the ledger is there. The worker does so every hour;
 * this is for the first ones, and for those that are missing after a long rest.
 */
export async function ensurePartitions(client: ClientBase): Promise<void> {
  const { rowCount } = await client.query(
    `select from pg_proc where proname = 'ensure_partitions' and pronamespace = to_regnamespace('daybook_private')`,
  );
  if (rowCount === 0) return;
  await asOwner(client, async () => {
    await client.query("select daybook_private.ensure_partitions()");
  });
}
