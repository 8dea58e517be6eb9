import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, Pool, type QueryResult } from "pg";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import { postmasterOf } from "../../src/embedded/leftover.ts";
import { childrenOf } from "../../src/embedded/processes.ts";
import { judgeError } from "../doors/door.ts";
import type { Proxy } from "./proxy.ts";

/** The server that is tortured. Its address is the proxy's, whichever cluster stands behind it. */
export type Postgres = {
  /** Of the superuser, not through the proxy: for those who torture and judge. */
  pool: Pool;
  /** A statement that may be repeated, of the superuser: tried until the server is there to answer it. */
  ask(text: string, values?: unknown[]): Promise<QueryResult>;
  /** Of the superuser, not through the proxy. */
  url(): string;
  /** The same database through the proxy, with another login. */
  urlOf(login: string, proxy: Proxy): string;
  dataDir(): string;
  /** What it has written since the beginning, in order. */
  logs(): string[];
  /** Ids of its processes, the postmaster first. */
  processes(): number[];
  /** Kills every process at once. */
  kill(): Promise<void>;
  /** Stops without a checkpoint: the next start recovers. */
  stopImmediately(): Promise<void>;
  /** Starts again on what is left. */
  restart(): Promise<void>;
  /** Goes on with another data folder, which it makes; the old server must have ended. */
  moveTo(folder: string): Promise<void>;
  /** From now on the proxies lead nowhere, until it is shown again. */
  hide(): void;
  show(): void;
  isHidden(): boolean;
  stop(): Promise<void>;
};

/** A port at which nobody listens. */
const NOWHERE = 1;

export const PASSWORD = "torture";

/** Few connections, so that they can be used up; long enough a statistics window for nothing here. */
const SETTINGS = {
  max_connections: "90",
  max_prepared_transactions: "10",
  shared_buffers: "128MB",
  "plpgsql.extra_errors": "shadowed_variables,strict_multi_assignment,too_many_rows",
  deadlock_timeout: "200ms",
  log_lock_waits: "on",
  // A stopped process keeps what it holds; nobody may wait for it for ever.
  tcp_keepalives_idle: "5",
};

/** Starts PostgreSQL in a folder; the proxies lead to it, now and after each restart. */
export async function startPostgres(folder: string, proxies: Proxy[]): Promise<Postgres> {
  let dataDir = join(folder, "pg");
  let cluster: Cluster;
  let isHidden = false;
  const lead = () => {
    for (const proxy of proxies) proxy.leadTo(isHidden ? NOWHERE : cluster.port);
  };
  const start = async () => {
    keepLog(dataDir, join(folder, "postgres.log")); // the server begins a new one
    cluster = await startCluster({ dataDir, port: 0, durable: true, settings: SETTINGS });
    lead();
    postgres.pool = poolOf(cluster.url);
  };
  const ended = async () => {
    await cluster.exited;
    await postgres.pool.end().catch(() => {});
  };
  const postgres: Postgres = {
    pool: undefined as unknown as Pool,
    ask: (text, values) => persist(() => postgres.pool.query(text, values)),
    url: () => cluster.url,
    urlOf: (login, proxy) => `postgres://${login}:${PASSWORD}@127.0.0.1:${proxy.port}/daybook`,
    dataDir: () => dataDir,
    logs: () => [join(folder, "postgres.log"), `${dataDir}.log`].filter((file) => existsSync(file)),
    processes() {
      const postmaster = postmasterOf(dataDir);
      return postmaster === undefined ? [] : [postmaster, ...childrenOf(postmaster)];
    },
    async kill() {
      await cluster.kill();
      await ended();
    },
    async stopImmediately() {
      const postmaster = postmasterOf(dataDir);
      if (postmaster !== undefined) process.kill(postmaster, "SIGQUIT");
      await ended();
    },
    restart: start,
    async moveTo(other) {
      keepLog(dataDir, join(folder, "postgres.log"));
      dataDir = join(folder, other);
      await start();
    },
    hide() {
      isHidden = true;
      lead();
    },
    show() {
      isHidden = false;
      lead();
    },
    isHidden: () => isHidden,
    async stop() {
      await cluster.stop();
      await ended();
    },
  };
  await start();
  return postgres;
}

function poolOf(connectionString: string): Pool {
  const pool = new Pool({ connectionString, max: 6, application_name: "torture" });
  pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/** Tries again as long as the server is away, for at most a minute. */
async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const { is } = judgeError((error as { code?: string }).code, null);
      if (is === "refused" || tries > 300) throw error;
      await sleep(200);
    }
  }
}

/** Adds what the server has written to a file, for whoever wants to know why. */
export function keepLog(dataDir: string, to: string): void {
  const log = `${dataDir}.log`;
  if (existsSync(log)) appendFileSync(to, readFileSync(log));
}

/** A connection of the superuser of its own. */
export async function connectTo(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: "torture" });
  client.on("error", () => {});
  await client.connect();
  return client;
}
