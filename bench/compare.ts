import { spawn } from "node:child_process";
import { basename, resolve } from "node:path";
import type { Case, Run } from "./cases.ts";

/**
 * Somebody's own alternative as a case beside `create_transaction`.
 * @param what a script in pgbench's language (its name ends with .sql), or a command of the shell that keeps up a load for
 *   BENCH_SECONDS by BENCH_CLIENTS clients on DATABASE_URL and prints how many it did per second: `tps = …`, or a number at
 *   the end, in digits with a point
 * @param hasSetup whether it has a database of its own; else it runs in the ledger's
 * @param units how many things one run of a script does
 */
export function alternative(what: string, hasSetup: boolean, units: number): Case {
  const isScript = what.endsWith(".sql");
  return {
    name: `yours: ${isScript ? basename(what) : what}`,
    script: resolve(what),
    ...(isScript ? {} : { run: command(what) }),
    units,
    isOfSuperuser: true,
    database: hasSetup ? "own" : "daybook",
    against: "create_transaction",
  };
}

const command =
  (text: string): Run =>
  ({ url, clients, seconds }) =>
    new Promise((done, reject) => {
      const child = spawn(text, {
        shell: true,
        stdio: ["ignore", "pipe", "inherit"],
        env: {
          ...process.env,
          DATABASE_URL: url,
          BENCH_CLIENTS: `${clients}`,
          BENCH_SECONDS: `${seconds}`,
        },
      });
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (part: string) => (output += part));
      child.on("error", reject);
      child.on("close", (code) => {
        // A whole word, or "1,234" would be 234.
        const rate = (/tps = (\S+)/.exec(output) ?? /(\S+)\s*$/.exec(output))?.[1];
        if (code === 0 && /^\d+(\.\d+)?$/.test(rate ?? "")) done(Number(rate));
        else reject(new Error(`"${text}" ended with ${code} and said no rate: ${output}`));
      });
    });
