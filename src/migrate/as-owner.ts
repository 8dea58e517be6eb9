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

/**
 * Lets every login see which migrations were applied, so that a program finds out at its start whether it suits the
 * database. Names and hashes say nothing that the functions' own texts do not, which PostgreSQL shows to everybody.
 */
export async function showReleases(client: ClientBase): Promise<void> {
  await asOwner(client, async () => {
    await client.query("grant usage on schema graphile_migrate to public");
    await client.query("grant select on graphile_migrate.migrations to public");
  });
}
