// oxlint-disable-next-line import/no-unassigned-import -- it sets a variable that the next imports read
import "./environment.ts";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Pool, PoolConfig } from "pg";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/node";
import { newPool } from "../client.ts";
import { isLoopback } from "../config.ts";
import { consoleLog, type Log } from "../log.ts";
import { makeAuthenticator, type JwtOptions } from "./auth.ts";
import { addressReader } from "./client-address.ts";
import { checkDatabase } from "./database.ts";
import { serverPreset } from "./preset.ts";
import { contextPlugin } from "./context.ts";
import { requestPlugin } from "./request.ts";

export type ServerOptions = {
  /** Of daybook_authenticator; without a key also of another login, whose grants decide then (`grant_ledger_access`). */
  connectionString: string;
  host: string;
  /** 0 for any free one. */
  port: number;
  /** How callers' tokens are checked. Without a key every caller is trusted and the host must be loopback. */
  jwt?: JwtOptions;
  /** Addresses and networks (CIDR) of proxies that are believed when they say whom a request comes from. */
  trustProxy?: readonly string[];
  log?: Log;
};

/** How many operations may use the database at once; more wait for their turn. */
const CONNECTIONS = 20;
/** A supervisor is told soon, even by a server whose database does not answer. */
const HEALTH: PoolConfig = { max: 1, connectionTimeoutMillis: 4_000, query_timeout: 4_000 };
/** How long requests may go on after `stop()` was called. */
const GRACE_MS = 10_000;

/**
 * Serves the ledger as GraphQL at `/graphql`, with an editor at `/` and `/healthz` for supervisors.
 * @returns the address, and `stop`, which lets running requests finish
 * @throws Error if the database is too old, not migrated or not reachable, if an open server would not be loopback, or if
 *   tokens would not be looked at because of the login
 */
export async function startServer(
  options: ServerOptions,
): Promise<{ url: string; stop(): Promise<void> }> {
  const { connectionString, host, port, jwt, trustProxy, log = consoleLog("server") } = options;
  const authenticate = makeAuthenticator(jwt);
  if (!authenticate && !isLoopback(host)) {
    throw new Error(
      `without a key for tokens the server listens on 127.0.0.1 only, not on ${host}`,
    );
  }
  const addressOf = addressReader(trustProxy);
  const pool = makePool(connectionString, log, { max: CONNECTIONS });
  // One of its own: where all others wait for somebody, the server is well.
  const health = makePool(connectionString, log, HEALTH);
  const stops = [() => pool.end(), () => health.end()];
  const stop = async () => {
    for (const end of stops.splice(0).toReversed()) await end();
  };
  try {
    const trusted = await checkDatabase(pool, log, !!authenticate);
    if (!authenticate)
      log.warn(`no key for tokens: every caller is trusted and acts as ${trusted.role}`);
    if (jwt?.jwksUrl && !jwt.audience)
      log.warn(
        "no audience: tokens that their issuer made for other programs are accepted as well; set --jwt-audience",
      );
    const isHealthy = () =>
      health.query("select").then(
        () => true,
        () => false,
      );
    const request = requestPlugin({ authenticate, trusted, addressOf, isHealthy });
    const graphql = postgraphile(serverPreset(pool, log, [request, contextPlugin(pool)]));
    stops.push(async () => graphql.release());
    const server = createServer();
    const serv = graphql.createServ(grafserv);
    await serv.addTo(server);
    await serv.ready();
    await graphql.getSchema();
    await listen(server, host, port);
    stops.push(() => close(server));
    const name = host.includes(":") ? `[${host}]` : host;
    return { url: `http://${name}:${(server.address() as AddressInfo).port}/graphql`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function makePool(connectionString: string, log: Log, options: PoolConfig): Pool {
  const pool = newPool({
    connectionString,
    connectionTimeoutMillis: 10_000,
    application_name: "daybook serve",
    // Statements are sent without waiting for the answers to those before; see session.ts.
    pipeline: true,
    ...options,
  });
  pool.on("error", (error) => {
    // The server may go while connections are being closed: nobody misses them.
    if (!pool.ending) log.error(`lost a connection: ${error.message}`);
  });
  return pool;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // A connection whose last request has just ended would stay open for its next one.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const all = setTimeout(() => server.closeAllConnections(), GRACE_MS);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(all);
      resolve();
    });
  });
}
