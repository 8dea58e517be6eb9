import { silentLog } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { migrateStaged } from "../../src/migrate/staged.ts";
import { applyMutation, findMutation } from "../../test/mutations/apply.ts";
import { temporaryFolder } from "../../test/support/temporary.ts";
import type { Digest } from "../checks/afterwards.ts";
import type { Past } from "../clients/past.ts";
import { signal } from "../nemesis/signal.ts";
import { loginsSql } from "./logins.ts";
import { makePast } from "./past.ts";
import { PASSWORD, startPostgres, type Postgres } from "./postgres.ts";
import { startProxy, type Proxy } from "./proxy.ts";
import { startService, type Service } from "./service.ts";

/** All that runs: PostgreSQL, the GraphQL server and two workers, and the ways to them. */
export type Stage = {
  folder: string;
  /** The deliberate bug that is in the ledger. */
  mutation: string | undefined;
  postgres: Postgres;
  server: Service;
  workers: Service[];
  proxies: {
    /** Clients to PostgreSQL. */
    sql: Proxy;
    /** Clients to the GraphQL server. */
    http: Proxy;
    /** Server and workers to PostgreSQL. */
    inside: Proxy;
  };
  /** A ledger with a past, and what it was before anybody came. */
  past: Past;
  asItWas: Digest;
  stop(): Promise<void>;
};

/** Starts all of it; with a deliberate bug in the ledger, if one is named. */
export async function setStage(mutation?: string): Promise<Stage> {
  const folder = temporaryFolder();
  const stops: (() => unknown)[] = [folder.remove];
  const services: Service[] = [];
  leaveNothing(folder.remove, services);
  const stop = async () => {
    for (const one of stops.splice(0).toReversed()) await one();
  };
  try {
    const proxies = {
      sql: await startProxy(),
      http: await startProxy(),
      inside: await startProxy(),
    };
    stops.push(() => Promise.all(Object.values(proxies).map((proxy) => proxy.close())));
    const postgres = await startPostgres(folder.path, [proxies.sql, proxies.inside]);
    stops.push(postgres.stop);
    await prepare(postgres);
    const { past, asItWas } = await makePast(postgres);
    if (mutation) await applyMutation(postgres.pool, findMutation(mutation));
    const url = (login: string) => ({ DATABASE_URL: postgres.urlOf(login, proxies.inside) });
    const server = await startService({
      name: "the server",
      args: ["serve", "--port", "0"],
      environment: url("daybook_authenticator"),
      ready: /GraphQL at http:\/\/[^:]+:(\d+)/,
      onReady: (port) => proxies.http.leadTo(Number(port)),
    });
    stops.push(server.stop);
    services.push(server);
    const workers: Service[] = [];
    for (const name of ["worker 1", "worker 2"]) {
      const environment = url("daybook_worker");
      workers.push(await startService({ name, args: ["work"], environment, ready: /working/ }));
      stops.push(workers.at(-1)!.stop);
      services.push(workers.at(-1)!);
    }
    return {
      folder: folder.path,
      mutation,
      postgres,
      server,
      workers,
      proxies,
      past,
      asItWas,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** However this process ends, nothing of it stays: PostgreSQL notices by itself, see src/embedded. */
function leaveNothing(removeFolder: () => void, services: Service[]): void {
  process.on("exit", () => {
    for (const service of services) {
      const pid = service.pid();
      if (pid !== undefined) signal(pid, "SIGKILL");
    }
    removeFolder();
  });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => process.exit(130));
}

/** Makes the ledger in an empty database, and the clients' logins; also who is granted what in stage/past.ts. */
export async function prepare(postgres: Postgres, mutation?: string): Promise<void> {
  const passwords = { authenticator: PASSWORD, worker: PASSWORD };
  await migrate({ connectionString: postgres.url(), log: silentLog, passwords });
  await migrateStaged(postgres.url(), silentLog);
  await postgres.pool.query(`${loginsSql(PASSWORD)} create role test_writer`);
  if (mutation) await applyMutation(postgres.pool, findMutation(mutation));
}
