import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { Case } from "./cases.ts";
import { runByNode } from "./node-driver.ts";
import { clients as usual, pgbench, pgbenchVersion, rateIn } from "./pgbench.ts";

export type Driver = "pgbench" | "node";

/** What sends the load: BENCH_DRIVER, else pgbench if there is one. Both sides of a ratio are sent by the same. */
export function chooseDriver(): Driver {
  const given = process.env["BENCH_DRIVER"];
  if (given === "pgbench" || given === "node") return given;
  return pgbenchVersion() ? "pgbench" : "node";
}

/**
 * One run of a case.
 * @param clients unless the case has its own number
 * @returns how many of what it does per second
 */
export async function rateOf(
  url: URL,
  { script, options, units = 1, run, ...rest }: Case,
  seconds: number,
  clients = usual,
): Promise<number> {
  const count = rest.clients ?? clients;
  if (run) return units * (await run({ url: url.href, clients: count, seconds }));
  const isBuiltIn = script === "tpcb-like";
  const file = resolve(import.meta.dirname, isBuiltIn ? "tpcb.sql" : script);
  const load = { url: url.href, file, options, clients: count, seconds };
  if (chooseDriver() === "node")
    return units * (await runByNode({ ...load, variables: { scale: clients } }));
  const threads = Math.min(count, availableParallelism());
  const many = ["-n", "-M", "prepared", "-c", `${count}`, "-j", `${threads}`];
  const what = isBuiltIn ? ["-b", script] : ["-f", file];
  const long = ["-T", `${Math.max(1, Math.round(seconds))}`];
  return units * rateIn(await pgbench(url, [...many, ...long, ...what], options));
}
