import { Option, type Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import { databaseUrlOption } from "./options.ts";
import { runService } from "./run-service.ts";

/** `daybook work` */
export function registerWork(program: Command): void {
  program
    .command("work")
    .description(
      "do what may happen a moment later: apply queued entries and transactions, clean up",
    )
    .addOption(databaseUrlOption())
    .addOption(
      new Option("-j, --jobs <n>", "jobs at the same time").env("DAYBOOK_JOBS").default("2"),
    )
    .addHelpText(
      "after",
      `
The login is daybook_worker. Any number of workers may run at once; balances are exact without any.

Examples:
  $ DATABASE_URL=postgres://daybook_worker:secret@db/books daybook work`,
    )
    .action(run);
}

async function run(flags: { databaseUrl?: string; jobs: string }): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  const concurrency = reader.positive("--jobs", flags.jobs);
  reader.finish();
  const log = consoleLog("work");
  await runService(log, async ({ defer }) => {
    const { checkVersionAt } = await import("../migrate/check-version.ts");
    await checkVersionAt(connectionString);
    const { startWorker } = await import("../worker/start.ts");
    const worker = await startWorker({ connectionString, concurrency, log });
    defer(worker.stop);
    log.info("working");
  });
}
