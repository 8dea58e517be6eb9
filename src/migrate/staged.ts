import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../client.ts";
import type { Log } from "../log.ts";
import { ensurePartitions } from "./as-owner.ts";
import { runUncommitted } from "./committed.ts";

/**
 * Applies what is staged in migrations/current.sql on top of the committed migrations, so that tests and
 * benchmarks meet the next release. Never part of `daybook migrate`.
 */
export async function migrateStaged(connectionString: string, log: Log): Promise<void> {
  const migrationsFolder = join(import.meta.dirname, "../../migrations");
  const file = join(migrationsFolder, "current.sql");
  if (!existsSync(file)) return;
  const options = { connectionString, migrationsFolder, log };
  await runUncommitted(options, readFileSync(file, "utf8"), "current.sql");
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await ensurePartitions(client);
  } finally {
    await client.end();
  }
}
