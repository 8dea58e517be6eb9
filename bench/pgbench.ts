import { spawn, spawnSync } from "node:child_process";

/** How many clients a load has that says nothing else. */
export const clients = 16;

const MISSING =
  "pgbench was not found. It comes with PostgreSQL's server or its client programs: " +
  "apt-get install postgresql (Debian, Ubuntu; then put /usr/lib/postgresql/*/bin into PATH), " +
  "dnf install postgresql-contrib (Fedora, Red Hat), brew install postgresql@18 (macOS, in its bin folder). " +
  "Any version from 14 on will do. Without it, --driver node measures, less sharply.";

/** Its version as it tells it, or undefined if there is none. */
export function pgbenchVersion(): string | undefined {
  const { status, stdout } = spawnSync("pgbench", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Runs pgbench once.
 * @param options settings of the sessions, as in PGOPTIONS
 * @returns its output
 * @throws Error with pgbench's own words if it fails, or if a client was refused anything; or that there is none
 */
export function pgbench(url: URL, args: string[], options = ""): Promise<string> {
  const target = new URL(url);
  target.password = ""; // everybody sees the arguments of a process
  const PGPASSWORD = decodeURIComponent(url.password);
  return new Promise((resolve, reject) => {
    const child = spawn("pgbench", [...args, target.href], {
      env: { ...process.env, ...(PGPASSWORD && { PGPASSWORD }), PGOPTIONS: options },
    });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", () => reject(new Error(MISSING)));
    child.on("close", (code) =>
      code === 0 && !/ERROR|aborted/.test(output)
        ? resolve(output)
        : reject(new Error(`pgbench failed: ${output.slice(0, 2000)}`)),
    );
  });
}

/** @throws Error if pgbench said no rate */
export function rateIn(output: string): number {
  const rate = /tps = ([\d.]+)/.exec(output)?.[1];
  if (!rate) throw new Error(`pgbench told no rate: ${output}`);
  return Number(rate);
}
