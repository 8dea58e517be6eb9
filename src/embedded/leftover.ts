import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../errors.ts";
import type { Log } from "../log.ts";
import { childrenOf, commandLine, awaitEnd } from "./processes.ts";

/** How long a server may take to shut down, in milliseconds. */
const PATIENCE = 60_000;

/**
 * Stops a server that a crashed process left running on this folder. Its own watchdog is about to stop
 * it as well; a second fast shutdown does no harm.
 * @throws Error if it does not go
 */
export async function stopLeftover(dataDir: string, log: Log): Promise<void> {
  const pid = postmasterOf(dataDir);
  if (pid === undefined) return;
  log.warn(`stopping the PostgreSQL server ${pid} that a crash left running`);
  signal(pid, "SIGINT");
  if (!(await awaitEnd(pid, PATIENCE))) {
    throw new Error(`the PostgreSQL server ${pid} still runs on ${dataDir} and does not stop`);
  }
}

/** Kills the server of this folder and all its processes at once, as a power failure would. */
export async function killServer(dataDir: string): Promise<void> {
  const pid = postmasterOf(dataDir);
  if (pid === undefined) return;
  signal(pid, "SIGSTOP"); // so that it starts no further process meanwhile
  const victims = [...childrenOf(pid), pid];
  for (const victim of victims) signal(victim, "SIGKILL");
  for (const victim of victims) await awaitEnd(victim, PATIENCE);
}

/** The main process of the server that runs on this folder, or undefined. */
export function postmasterOf(dataDir: string): number | undefined {
  const pid = Number(firstLine(join(dataDir, "postmaster.pid")));
  // The file survives a crash, and its number may since belong to any other process.
  return pid > 0 && commandLine(pid)?.includes(`-D ${dataDir} `) ? pid : undefined;
}

function firstLine(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").split("\n", 1)[0];
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error;
  }
}
