import { silentLog } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { migrateStaged } from "../../src/migrate/staged.ts";
import { temporaryFolder } from "../../test/support/temporary.ts";
import { PASSWORD, startPostgres, type Postgres } from "./postgres.ts";
import { startProxy, type Proxy } from "./proxy.ts";
import { startService, type Service } from "./service.ts";

/** All that runs: PostgreSQL, the GraphQL server and two workers, and the ways to them. */
export type Stage = {
  folder: string;
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
  stop(): Promise<void>;
};

/** Who the SQL clients are: a login like that of any service. */
export const LOGIN = "torture";

export async function setStage(): Promise<Stage> {
  const folder = temporaryFolder();
  const stops: (() => unknown)[] = [folder.remove];
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
    const url = (login: string) => ({ DATABASE_URL: postgres.urlOf(login, proxies.inside) });
    const server = await startService({
      name: "the server",
      args: ["serve", "--port", "0"],
      environment: url("daybook_authenticator"),
      ready: /GraphQL at http:\/\/[^:]+:(\d+)/,
      onReady: (port) => proxies.http.leadTo(Number(port)),
    });
    stops.push(server.stop);
    const workers: Service[] = [];
    for (const name of ["worker 1", "worker 2"]) {
      const environment = url("daybook_worker");
      workers.push(await startService({ name, args: ["work"], environment, ready: /working/ }));
      stops.push(workers.at(-1)!.stop);
    }
    return { folder: folder.path, postgres, server, workers, proxies, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes the ledger in an empty database, and the clients' login. */
export async function prepare(postgres: Postgres): Promise<void> {
  const passwords = { authenticator: PASSWORD, worker: PASSWORD };
  await migrate({ connectionString: postgres.url(), log: silentLog, passwords });
  await migrateStaged(postgres.url(), silentLog);
  await postgres.pool.query(
    `create role ${LOGIN} login password '${PASSWORD}' in role daybook_writer`,
  );
}
