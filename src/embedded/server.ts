import { spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { extname, join } from "node:path";
import { Client } from "../client.ts";
import { errorCode } from "../errors.ts";
import { serverEnvironment } from "./init.ts";
import type { ServerUser } from "./os-user.ts";
import type { WatchdogArguments } from "./watchdog.ts";

export type ServerOptions = {
  postgres: string;
  dataDir: string;
  settings: Record<string, string>;
  user: ServerUser;
  logFile: string;
};

/** A running server: a watchdog process with PostgreSQL below it. */
export type Server = {
  /** Asks for a fast shutdown. */
  close(): void;
  /** Settles when watchdog and server have ended. */
  exited: Promise<void>;
  hasExited(): boolean;
};

/** Starts the server under its watchdog. It is not ready yet: see `waitUntilReady`. */
export function runServer({ postgres, dataDir, settings, user, logFile }: ServerOptions): Server {
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const order: WatchdogArguments = {
    command: postgres,
    args: ["-D", dataDir, ...flags],
    ...user,
    logFile,
  };
  // The same ending as this file: .ts in the checkout, .js in the published package.
  const program = join(import.meta.dirname, `watchdog${extname(import.meta.filename)}`);
  // Detached: Ctrl-C in a terminal reaches all processes of the group, and would stop the database
  // before those who use it.
  const watchdog = spawn(process.execPath, [program, JSON.stringify(order)], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
    cwd: "/",
    env: serverEnvironment(), // which the watchdog hands on; a command line is read by everybody
  });
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      ended = true;
      resolve();
    };
    watchdog.once("exit", end).once("error", end);
  });
  watchdog.stdin.on("error", () => {}); // it has ended already, which `exited` tells
  return { close: () => void watchdog.stdin.end(), exited, hasExited: () => ended };
}

/**
 * Waits until the server accepts connections, recovery after a crash included, however long that takes.
 * @param url of any database and a role that may connect
 * @throws Error with the end of the server's log if it ends instead
 */
export async function waitUntilReady(server: Server, url: string, logFile: string): Promise<void> {
  while (!server.hasExited()) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return;
    } catch (error) {
      // 57P03: starting up or shutting down
      if (errorCode(error) !== "57P03" && errorCode(error) !== "ECONNREFUSED") throw error;
      await new Promise((resolve) => setTimeout(resolve, 30));
    } finally {
      await client.end();
    }
  }
  const lines = readFileSync(logFile, "utf8").trim().split("\n").slice(-5);
  throw new Error(`PostgreSQL did not start; the end of ${logFile}: ${lines.join(" | ")}`);
}

/** The log of the run before is kept, once: after a crash it says what happened. */
export function startLog(logFile: string): string {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
  return logFile;
}
