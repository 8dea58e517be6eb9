import { randomBytes } from "node:crypto";
import { Option, type Command } from "commander";
import { ConfigError, configReader } from "../config.ts";
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

type Flags = ServerFlags &
  RetentionFlags & {
    databaseUrl?: string;
    dataDir: string;
    authenticatorPassword?: string;
    newPassword?: true;
  };

/** The server's login: its password, and whether to set that first. */
type Login = { password: string; isSet: boolean };

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
    )
    .addOption(
      new Option(
        "--authenticator-password <password>",
        "the server's login password (default: a new one)",
      ).env("DAYBOOK_AUTHENTICATOR_PASSWORD"),
    )
    .option("--new-password", "with a database URL: set it, for all databases of that server");
  for (const option of [...serverOptions(), ...retentionOptions()]) command.addOption(option);
  command
    .addHelpText(
      "after",
      `
With a database URL, that server is used instead of an embedded one; the login must be able to migrate. The
server enters as daybook_authenticator, a role of all databases there: if that is new it is given a password,
else dev wants to be told the one it has, or --new-password.

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
    const login = await loginOf(url, flags, !given);
    await startAll(url, login, config, retention, life);
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
  { password, isSet }: Login,
  config: ServerConfig,
  retention: Retention,
  { defer }: Lifetime,
): Promise<void> {
  const { migrate } = await import("../migrate/migrate.ts");
  const passwords = isSet ? { authenticator: password } : {};
  await migrate({ connectionString: url, log: consoleLog("migrate"), passwords });

  const { startWorker } = await import("../worker/start.ts");
  const worker = await startWorker({
    connectionString: url, // whoever migrates may become daybook_worker
    retention,
    log: consoleLog("worker"),
  });
  defer(worker.stop);

  const { startServer } = await import("../server/start.ts");
  const server = await startServer({
    connectionString: withLogin(url, "daybook_authenticator", password),
    ...config,
    log: consoleLog("server"),
  });
  defer(server.stop);
  process.stdout.write(welcome(server.url, url));
}

/**
 * On a server of somebody's own, other databases may have servers that use the same login: its password is not replaced
 * unasked.
 * @param isOurs whether the server is dev's alone
 * @throws ConfigError if it has a password that was not told
 */
async function loginOf(url: string, flags: Flags, isOurs: boolean): Promise<Login> {
  const { hasPassword } = await import("../migrate/passwords.ts");
  // Nobody needs to know a new one: it lives as long as this process.
  const password = flags.authenticatorPassword ?? randomBytes(24).toString("hex");
  if (isOurs || flags.newPassword || !(await hasPassword(url, "daybook_authenticator"))) {
    return { password, isSet: true };
  }
  if (flags.authenticatorPassword === undefined) {
    throw new ConfigError(
      "the role daybook_authenticator is there, and servers of other databases may use its password: " +
        "tell it by DAYBOOK_AUTHENTICATOR_PASSWORD, or replace it by --new-password",
    );
  }
  return { password, isSet: false };
}

function welcome(graphql: string, database: string): string {
  return `
  GraphQL     ${graphql}
  in browser  ${new URL("/", graphql).href}
  SQL         psql '${database}'

  Ctrl-C stops all of it.

`;
}
