/**
 * graphile-migrate's command line, on a PostgreSQL of its own that is gone afterwards:
 *
 *   node scripts/db.ts commit -m "what changes"    make migrations/current.sql the next committed migration
 *   node scripts/db.ts uncommit                    take the last one back, before it was released
 *   node scripts/db.ts status                      what is staged
 *
 * Nothing needs to be set up, and no database of anybody's is touched.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { withSettings } from "../src/database-url.ts";
import { startCluster } from "../src/embedded/cluster.ts";
import { silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";

const folder = mkdtempSync(join(tmpdir(), "daybook-db-"));
chmodSync(folder, 0o755); // run by root, the server is another user, who must get through
const cluster = await startCluster({ dataDir: join(folder, "pg"), port: 0, durable: false });
try {
  await migrate({ connectionString: cluster.url, log: silentLog });
  process.exitCode = await graphileMigrate(process.argv.slice(2));
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}

function on(database: string): string {
  return Object.assign(new URL(cluster.url), { pathname: database }).href;
}

/**
 * As in src/migrate: what migrations create belongs to daybook_owner. In the URL and not in .gmrc's
 * pgSettings, which would also apply to the superuser's connection that creates the databases.
 */
function asOwner(database: string): string {
  return withSettings(on(database), { role: "daybook_owner" });
}

async function graphileMigrate(args: string[]): Promise<number> {
  const tool = createRequire(import.meta.url).resolve("graphile-migrate/package.json");
  const child = spawn(process.execPath, [join(dirname(tool), "dist/cli.js"), ...args], {
    stdio: "inherit",
    env: {
      ...process.env,
      DATABASE_URL: asOwner("daybook"),
      SHADOW_DATABASE_URL: asOwner("shadow"),
      ROOT_DATABASE_URL: on("postgres"),
    },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
