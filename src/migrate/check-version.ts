import type { ClientBase } from "pg";
import { Client } from "../client.ts";
import { checkRelease } from "./release.ts";

/** The oldest PostgreSQL whose features the ledger needs (uuidv7, returning old and new, …). */
export const OLDEST_MAJOR = 18;

/**
 * Refuses a server that is too old, before anything fails on it half way.
 * @throws Error naming the version found and the version needed
 */
export async function checkVersion(client: Pick<ClientBase, "query">): Promise<void> {
  const { rows } = await client.query<{ number: number; name: string }>(
    `select current_setting('server_version_num')::integer as number,
            current_setting('server_version') as name`,
  );
  const { number, name } = rows[0]!;
  if (number < OLDEST_MAJOR * 10_000) {
    throw new Error(`Daybook needs PostgreSQL ${OLDEST_MAJOR} or newer, this server is ${name}`);
  }
}

/**
 * As `checkVersion`, and refuses a database that was never migrated, or by another version of Daybook, before a
 * query fails on what is not there.
 * @throws Error saying what is missing
 */
export async function checkLedger(client: Pick<ClientBase, "query">): Promise<void> {
  await checkVersion(client);
  const { rows } = await client.query<{ migrated: boolean }>(
    "select to_regnamespace('daybook_private') is not null as migrated",
  );
  if (!rows[0]!.migrated) {
    throw new Error("the database holds no ledger yet: run daybook migrate");
  }
  await checkRelease(client);
}

/** As `checkVersion`, over a connection of its own: so that a program fails at its start, not at its first query. */
export async function checkVersionAt(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  try {
    await client.connect();
    await checkVersion(client);
  } finally {
    await client.end();
  }
}
