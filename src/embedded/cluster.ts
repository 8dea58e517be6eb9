import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Client } from "../client.ts";
import { silentLog, type Log } from "../log.ts";
import { findBinaries } from "./binaries.ts";
import { ensureCluster } from "./init.ts";
import { killServer, stopLeftover } from "./leftover.ts";
import { claim } from "./lock.ts";
import { assertReachable, serverUser } from "./os-user.ts";
import { choosePort, DEFAULT_PORT } from "./port.ts";
import { runServer, startLog, waitUntilReady, type Server } from "./server.ts";

export type ClusterOptions = {
  /** Folder of the data; made if missing. Its password, lock and log lie beside it. */
  dataDir: string;
  /** A port that must be used, or 0 for any free one. Default: 54318, or any free one if that is taken. */
  port?: number;
  /** Whether commits survive a power failure. False is for tests, and faster. */
  durable: boolean;
  /** Further settings of the server. */
  settings?: Record<string, string>;
  log?: Log;
};

export type Cluster = {
  /** Of the superuser `postgres` and the database `daybook`. */
  url: string;
  port: number;
  /** Shuts down cleanly: open transactions are rolled back. May be called again. */
  stop(): Promise<void>;
  /** Kills every process of the server at once; the next start recovers. For tests of crashes. */
  kill(): Promise<void>;
  /** Settles when the server has ended, whoever ended it. */
  exited: Promise<void>;
};

/**
 * Starts PostgreSQL 18 on a folder, making the cluster first if there is none. It listens on 127.0.0.1
 * only, and ends when this process ends, even if that is killed.
 * @throws Error if the folder is in use or out of reach, the port is taken, or the server does not start
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { durable, log = silentLog } = options;
  const dataDir = resolve(options.dataDir);
  const { initdb, postgres } = findBinaries();
  const user = serverUser();
  mkdirSync(dirname(dataDir), { recursive: true });
  assertReachable(postgres, user, "PostgreSQL's program");
  assertReachable(dataDir, user, "the data folder");

  const release = claim(dataDir);
  let server: Server | undefined;
  try {
    await stopLeftover(dataDir, log);
    const password = await ensureCluster(dataDir, initdb, user, durable);
    const port = await choosePort(options.port);
    if (options.port === undefined && port !== DEFAULT_PORT) {
      log.warn(`port ${DEFAULT_PORT} is taken: PostgreSQL listens on ${port}`);
    }
    const logFile = startLog(`${dataDir}.log`);
    const settings = { ...serverSettings(port, durable), ...options.settings };
    server = runServer({ postgres, dataDir, settings, user, logFile });
    const url = (database: string) =>
      `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
    await waitUntilReady(server, url("postgres"), logFile);
    await ensureDatabase(url("postgres"));
    void server.exited.then(release);
    return handle(server, dataDir, url("daybook"), port);
  } catch (error) {
    server?.close();
    await server?.exited;
    release();
    throw error;
  }
}

function handle({ close, exited }: Server, dataDir: string, url: string, port: number): Cluster {
  const stop = async () => {
    close();
    await exited;
  };
  const kill = async () => {
    await killServer(dataDir);
    await exited;
  };
  return { url, port, stop, kill, exited };
}

function serverSettings(port: number, durable: boolean): Record<string, string> {
  const always = { port: `${port}`, listen_addresses: "127.0.0.1", unix_socket_directories: "" };
  if (durable) return { ...always, fsync: "on", full_page_writes: "on" };
  return { ...always, fsync: "off", full_page_writes: "off", synchronous_commit: "off" };
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query("select from pg_database where datname = 'daybook'");
    if (found.rowCount === 0) await client.query("create database daybook");
  } finally {
    await client.end();
  }
}
