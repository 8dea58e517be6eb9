import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Case } from "./cases.ts";

const folder = import.meta.dirname;
export const clients = 16;

/**
 * Runs pgbench once.
 * @returns its output
 * @throws Error with pgbench's own words if it fails, or if a client was refused anything
 */
export function pgbench(url: URL, args: string[], options = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      "pgbench",
      ["-h", url.hostname, "-p", url.port, "-U", url.username, ...args, url.pathname.slice(1)],
      { env: { ...process.env, PGPASSWORD: decodeURIComponent(url.password), PGOPTIONS: options } },
    );
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", () =>
      reject(new Error("pgbench was not found: install PostgreSQL's client programs")),
    );
    child.on("exit", (code) =>
      code === 0 && !/ERROR|aborted/.test(output)
        ? resolve(output)
        : reject(new Error(`pgbench failed: ${output.slice(0, 2000)}`)),
    );
  });
}

/** One run of a case: how many of what it does per second. */
export async function rateOf(
  url: URL,
  { script, options, units = 1, clients: count = clients }: Case,
  seconds: number,
): Promise<number> {
  const what = script.endsWith(".sql") ? ["-f", join(folder, script)] : ["-b", script];
  const output = await pgbench(
    url,
    [
      "-n",
      "-M",
      "prepared",
      "-c",
      `${count}`,
      "-j",
      `${Math.min(2, count)}`,
      "-T",
      `${seconds}`,
      ...what,
    ],
    options,
  );
  const rate = /tps = ([\d.]+)/.exec(output)?.[1];
  if (!rate) throw new Error(`pgbench told no rate: ${output}`);
  return units * Number(rate);
}
