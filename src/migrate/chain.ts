import { basename } from "node:path";
import { existsSync } from "node:fs";
import { calculateHash } from "graphile-migrate/dist/hash.js";
import { getAllMigrations, type FileMigration } from "graphile-migrate/dist/migration.js";
import { parseSettings } from "graphile-migrate/dist/settings.js";
import type { ClientBase } from "pg";
import { otherRelease, unknownRelease, type Release } from "./release.ts";

/** A committed migration: its name in the database (`000001.sql`), its file, and its place in the chain. */
export type Committed = Pick<
  FileMigration,
  "filename" | "realFilename" | "hash" | "previousHash" | "body" | "allowInvalidHash"
>;

/**
 * Reads the committed migrations in order and checks that none was touched since it was committed: each
 * file's hash covers its text and the hash before it. graphile-migrate checks only what it is about to run.
 * @throws Error naming the first file that is not what it was
 */
export async function readCommitted(migrationsFolder: string): Promise<Committed[]> {
  // graphile-migrate would make an empty folder, and migrate to nothing.
  if (!existsSync(`${migrationsFolder}/committed`)) {
    throw new Error(`there are no committed migrations in ${migrationsFolder}`);
  }
  const settings = await parseSettings({
    connectionString: "postgres://unused/unused",
    rootConnectionString: "postgres://unused/template1",
    databaseOwner: "unused",
    migrationsFolder,
  });
  const committed: Committed[] = await getAllMigrations(settings);
  for (const { realFilename, hash, previousHash, body, allowInvalidHash } of committed) {
    if (allowInvalidHash || calculateHash(body, previousHash) !== hash) {
      throw new Error(
        `the committed migration ${basename(realFilename)} was changed after it was committed ` +
          "(its hash does not match its text): restore it, and put the change into a new migration",
      );
    }
  }
  return committed;
}

/**
 * Checks that what was applied to the database is what lies in the folder, name by name and hash by hash.
 * @param client must be allowed to read graphile_migrate.migrations, if that exists
 * @throws Error naming the first migration that differs or is unknown
 */
export async function checkApplied(client: ClientBase, committed: Committed[]): Promise<void> {
  const table = await client.query(
    "select from pg_catalog.pg_tables where schemaname = 'graphile_migrate' and tablename = 'migrations'",
  );
  if (table.rowCount === 0) return;
  const applied = await client.query<Release>(
    "select filename, hash from graphile_migrate.migrations order by filename",
  );
  for (const [place, there] of applied.rows.entries()) {
    const here = committed[place];
    if (!here) throw new Error(unknownRelease(there));
    if (here.filename !== there.filename || here.hash !== there.hash) {
      throw new Error(otherRelease(there, here.realFilename));
    }
  }
}
