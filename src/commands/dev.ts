import { randomBytes } from "node:crypto";
import { Option, type Command } from "commander";
import { configReader } from "../config.ts";
import { withLogin } from "../database-url.ts";
import { consoleLog } from "../log.ts";
import type { Retention } from "../worker/retention.ts";
import {
  databaseUrlOption,
  retentionOf,
  retentionOptions,
  serverOptions,
  type RetentionFlags,
  type ServerFlags,
} from "./options.ts";
import { runService, type Lifetime } from "./run-service.ts";
import { readServerConfig, type ServerConfig } from "./server-config.ts";

type Flags = ServerFlags & RetentionFlags & { databaseUrl?: string; dataDir: string };

/** `daybook dev` */
export function registerDev(program: Command): void {
  const command = program
    .command("dev")
    .description("run all of it on this machine: PostgreSQL, migrations, server and worker")
    .addOption(databaseUrlOption())
    .addOption(
      new Option("--data-dir <folder>", "where the embedded PostgreSQL keeps its data")
        .env("DAYBOOK_DATA_DIR")
        .default("./.daybook/pg"),
    );
  for (const option of [...serverOptions(), ...retentionOptions()]) command.addOption(option);
  command
    .addHelpText(
      "after",
      `
With a database URL, that server is used instead of an embedded one; the login must be able to migrate,
and the roles daybook_authenticator and daybook_worker get new passwords.

Examples:
  $ daybook dev
  $ daybook dev --data-dir /var/tmp/books --port 8080`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const config = readServerConfig(reader, flags);
  const retention = retentionOf(flags);
  const given = flags.databaseUrl && reader.databaseUrl(flags.databaseUrl);
  reader.finish();
  await runService(consoleLog("dev"), async (life) => {
    const url = given || (await startPostgres(flags.dataDir, life));
    await startAll(url, config, retention, life);
  });
}

async function startPostgres(dataDir: string, { defer, fail }: Lifetime): Promise<string> {
  const { startCluster } = await import("../embedded/cluster.ts");
  const cluster = await startCluster({ dataDir, durable: true, log: consoleLog("postgres") });
  defer(cluster.stop);
  void cluster.exited.then(() => fail(new Error(`PostgreSQL ended; see ${dataDir}.log`)));
  return cluster.url;
}

async function startAll(
  url: string,
  config: ServerConfig,
  retention: Retention,
  { defer }: Lifetime,
): Promise<void> {
  // Nobody needs to know these: they live as long as this process.
  const passwords = { authenticator: password(), worker: password() };
  const { migrate } = await import("../migrate/migrate.ts");
  await migrate({ connectionString: url, log: consoleLog("migrate"), passwords });

  const { startWorker } = await import("../worker/start.ts");
  const worker = await startWorker({
    connectionString: withLogin(url, "daybook_worker", passwords.worker),
    retention,
    log: consoleLog("worker"),
  });
  defer(worker.stop);

  const { startServer } = await import("../server/start.ts");
  const server = await startServer({
    connectionString: withLogin(url, "daybook_authenticator", passwords.authenticator),
    ...config,
    log: consoleLog("server"),
  });
  defer(server.stop);
  process.stdout.write(welcome(server.url, url));
}

const password = () => randomBytes(24).toString("hex");

function welcome(graphql: string, database: string): string {
  return `
  GraphQL     ${graphql}
  in browser  ${new URL("/", graphql).href}
  SQL         psql '${database}'

  Ctrl-C stops all of it.

`;
}
