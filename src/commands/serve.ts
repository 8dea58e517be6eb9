import type { Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import { databaseUrlOption, serverOptions, type ServerFlags } from "./options.ts";
import { runService } from "./run-service.ts";
import { readServerConfig } from "./server-config.ts";

/** `daybook serve` */
export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .description("serve the ledger as GraphQL")
    .addOption(databaseUrlOption());
  for (const option of serverOptions()) command.addOption(option);
  command
    .addHelpText(
      "after",
      `
The login is daybook_authenticator; a caller's token says as which role it acts and in which ledgers.
Without a key for tokens every caller is trusted, so the server then listens on this machine only,
and takes nothing that a proxy passes on.

Examples:
  $ DATABASE_URL=postgres://daybook_authenticator:secret@db/books daybook serve
  $ DAYBOOK_JWT_SECRET="$KEY" daybook serve --trust-proxy 10.0.0.0/8
  $ daybook serve --host 0.0.0.0 --jwks-url https://id.example.com/keys --jwt-audience daybook`,
    )
    .action(run);
}

async function run(flags: ServerFlags & { databaseUrl?: string }): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  const config = readServerConfig(reader, flags);
  reader.finish();
  const log = consoleLog("serve");
  await runService(log, async ({ defer }) => {
    const { checkVersionAt } = await import("../migrate/check-version.ts");
    await checkVersionAt(connectionString);
    const { startServer } = await import("../server/start.ts");
    const server = await startServer({ connectionString, ...config, log });
    defer(server.stop);
    log.info(`GraphQL at ${server.url}`);
  });
}
