import { Option, type Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import { databaseUrlOption } from "./options.ts";

type Flags = { databaseUrl?: string; authenticatorPassword?: string; workerPassword?: string };

/** `daybook migrate` */
export function registerMigrate(program: Command): void {
  program
    .command("migrate")
    .description("bring a database up to date; repeating it changes nothing")
    .addOption(databaseUrlOption())
    .addOption(
      new Option("--authenticator-password <password>", "set the server's login password").env(
        "DAYBOOK_AUTHENTICATOR_PASSWORD",
      ),
    )
    .addOption(
      new Option("--worker-password <password>", "set the worker's login password").env(
        "DAYBOOK_WORKER_PASSWORD",
      ),
    )
    .addHelpText(
      "after",
      `
The login needs CREATEROLE and must own the database, or hold CREATE and CONNECT on it with grant option.
No superuser is needed.

Examples:
  $ DATABASE_URL=postgres://owner:secret@db/books daybook migrate
  $ DAYBOOK_AUTHENTICATOR_PASSWORD=… DAYBOOK_WORKER_PASSWORD=… daybook migrate -d postgres://owner@db/books`,
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  reader.finish();
  const log = consoleLog("migrate");
  const { migrate } = await import("../migrate/migrate.ts");
  const passwords = { authenticator: flags.authenticatorPassword, worker: flags.workerPassword };
  await migrate({ connectionString, log, passwords });
  log.info("the database is up to date");
}
