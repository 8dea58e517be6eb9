import { Logger, migrate as graphileMigrate, run } from "graphile-migrate";
import { clearAllPools, withClient } from "graphile-migrate/dist/pgReal.js";
import { parseSettings } from "graphile-migrate/dist/settings.js";
import { randomUUID } from "node:crypto";
import { Client } from "../client.ts";
import { withSettings } from "../database-url.ts";
import type { Log } from "../log.ts";

export type MigrateOptions = { connectionString: string; migrationsFolder: string; log: Log };

/** As whom migrations run, and how: the objects belong to daybook_owner, names are always qualified. */
const SESSION = { role: "daybook_owner", search_path: "pg_catalog, pg_temp" };

/**
 * Runs the committed migrations that the database does not have yet.
 * @param patience how long to wait, in milliseconds, for another graphile-migrate
 * @throws Error of the migration that failed; those before it stay applied
 */
export async function runCommitted(options: MigrateOptions, patience: number): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    try {
      await withPools(options, (named) => graphileMigrate(settingsOf(named)));
      return;
    } catch (error) {
      // graphile-migrate does not wait for its lock. Ours is held here, so this is its own command line.
      const taken = error instanceof Error && error.message === "Failed to get exclusive lock";
      if (!taken || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/**
 * Runs SQL with its includes as graphile-migrate would, in one transaction, without recording it.
 * @param name stands for the text in messages
 */
export async function runUncommitted(
  options: MigrateOptions,
  sql: string,
  name: string,
): Promise<void> {
  await withPools(options, (named) => run(settingsOf(named), sql, name));
}

function settingsOf({ connectionString, migrationsFolder, log }: MigrateOptions) {
  return {
    connectionString,
    // Unused, but it must not happen to be equal to the other.
    rootConnectionString: "postgres://unused/template1",
    migrationsFolder,
    pgSettings: SESSION,
    logger: new Logger(() => (level, message) => {
      if (level === "error" || level === "warning") log.warn(message);
      else if (level === "info") log.info(message);
    }),
  };
}

/**
 * graphile-migrate keeps its connections for 200 ms, closes them without waiting, and ends the process if
 * one fails meanwhile, as when the server is shut down. So close them at once, and wait until they are gone.
 */
async function withPools<T>(
  options: MigrateOptions,
  work: (named: MigrateOptions) => Promise<T>,
): Promise<T> {
  const name = `daybook migrate ${randomUUID()}`;
  const connectionString = withSettings(options.connectionString, { application_name: name });
  const named = { ...options, connectionString };
  try {
    await listenToErrors(named);
    return await work(named);
  } finally {
    clearAllPools();
    // A server that is away has closed them, and the work has failed with a better error.
    await untilGone(options.connectionString, name).catch(() => {});
  }
}

/**
 * Nobody listens to a connection that graphile-migrate is using, so its loss would end the process with a stack. It keeps one
 * connection for all of its work: this one, which tells by the query that fails.
 */
async function listenToErrors(named: MigrateOptions): Promise<void> {
  const settings = await parseSettings(settingsOf(named));
  // Without pgSettings, which would be set before anybody can listen.
  await withClient(
    named.connectionString,
    { ...settings, pgSettings: undefined },
    async (client) => {
      client.on("error", () => {});
    },
  );
}

/** How long to wait for connections that are being closed, in milliseconds. */
const PATIENCE = 5_000;

async function untilGone(connectionString: string, name: string): Promise<void> {
  const client = new Client({ connectionString });
  const deadline = Date.now() + PATIENCE;
  await client.connect();
  try {
    const text = "select from pg_stat_activity where application_name = $1";
    while ((await client.query(text, [name])).rowCount! > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    await client.end();
  }
}
