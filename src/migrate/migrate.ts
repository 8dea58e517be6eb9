import type { DatabaseError } from "pg";
import { Client, oneServer } from "../client.ts";
import type { Log } from "../log.ts";
import { asOwner, ensurePartitions, showReleases } from "./as-owner.ts";
import { checkApplied, readCommitted } from "./chain.ts";
import { checkVersion } from "./check-version.ts";
import { runCommitted } from "./committed.ts";
import { setPasswords, type LoginPasswords } from "./passwords.ts";
import { MIGRATIONS } from "./release.ts";
import { createRoles, retryOnCollision } from "./roles.ts";
import { migrateWorkerSchema } from "./worker-schema.ts";

export type MigrateSettings = {
  /** Of a role with CREATEROLE that owns the database, or holds CREATE and CONNECT on it with grant option. */
  connectionString: string;
  log: Log;
  /** Default: the migrations of this package. */
  migrationsFolder?: string;
  /** New passwords of the login roles. */
  passwords?: LoginPasswords;
  /** How long to wait for another migration of this database, in milliseconds. Default: two minutes. */
  patience?: number;
};

/** The key of the lock that lets one migration at a time work on a database. */
const LOCK = 7264101;

/**
 * Brings a database to the state this version of Daybook needs: roles, graphile-worker's schema, the
 * committed migrations, partitions for the time to come. Repeating it changes nothing; several at once
 * take turns.
 * @throws Error with one sentence on what is in the way
 */
export async function migrate(settings: MigrateSettings): Promise<void> {
  const { log, migrationsFolder = MIGRATIONS, passwords = {} } = settings;
  const patience = settings.patience ?? 120_000;
  const committed = await readCommitted(migrationsFolder);
  const connectionString = await oneServer(settings.connectionString);

  const client = new Client({ connectionString, application_name: "daybook migrate" });
  client.on("error", (error) => log.error(`lost the connection: ${error.message}`));
  await client.connect();
  try {
    await checkVersion(client);
    await takeTurns(client, patience);
    await createRoles(client, migrationsFolder);
    await retryOnCollision(client, () => setPasswords(client, passwords));
    await asOwner(client, () => checkApplied(client, committed));
    // First, because SQL functions of ours may name its tables.
    await migrateWorkerSchema(connectionString, log);
    await runCommitted({ connectionString, migrationsFolder, log }, patience);
    await showReleases(client);
    await ensurePartitions(client);
  } finally {
    await client.end();
  }
}

/** Waits for other migrations of this database. The lock ends with the session. */
async function takeTurns(client: Client, patience: number): Promise<void> {
  await client.query("select set_config('lock_timeout', $1, false)", [`${patience}ms`]);
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
  } catch (error) {
    if ((error as DatabaseError).code !== "55P03") throw error;
    throw new Error(
      `another migration of this database has not ended within ${patience / 1000} s`,
      {
        cause: error,
      },
    );
  }
}
