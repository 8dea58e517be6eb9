import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { calculateHash } from "graphile-migrate/dist/hash.js";
import { MIGRATIONS } from "./global-setup.ts";

/** Writes a migrations folder with the real roles.sql and a committed chain of the given texts. */
export function writeMigrations(folder: string, ...bodies: string[]): void {
  mkdirSync(join(folder, "committed"), { recursive: true });
  copyFileSync(join(MIGRATIONS, "roles.sql"), join(folder, "roles.sql"));
  let previous: string | null = null;
  for (const [index, body] of bodies.entries()) {
    const hash: string = calculateHash(body, previous);
    const text = `--! Previous: ${previous ?? "-"}\n--! Hash: ${hash}\n\n${body}\n`;
    writeFileSync(join(folder, "committed", `00000${index + 1}.sql`), text);
    previous = hash;
  }
}
