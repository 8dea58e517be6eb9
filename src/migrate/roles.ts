import { readFile } from "node:fs/promises";
import type { ClientBase } from "pg";
import { errorCode } from "../errors.ts";

/** How often a collision with another database's migration is met by trying again. */
const ATTEMPTS = 10;

/**
 * Creates the cluster's roles and their rights on this database, where they are missing.
 * @throws Error if they are missing and the session's role may not create them
 */
export async function createRoles(client: ClientBase, migrationsFolder: string): Promise<void> {
  const sql = await readFile(`${migrationsFolder}/roles.sql`, "utf8");
  await retryOnCollision(client, () => client.query(sql));
}

/**
 * Runs something that writes the cluster's shared catalogs. Sessions in other databases of the cluster
 * may write the same rows, and no lock reaches across databases: the loser tries again.
 */
export async function retryOnCollision(
  client: ClientBase,
  write: () => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await write();
      return;
    } catch (error) {
      await client.query("rollback");
      if (attempt === ATTEMPTS || !isCollision(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt * Math.random()));
    }
  }
}

function isCollision(error: unknown): boolean {
  const code = errorCode(error);
  // "tuple concurrently updated" is an internal error to PostgreSQL and has no code of its own.
  const updated = code === "XX000" && /tuple concurrently/.test((error as Error).message);
  return updated || code === "23505" || code === "42710";
}
