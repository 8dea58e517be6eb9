import { Option, type Command } from "commander";
import { configReader } from "../config.ts";
import { consoleLog } from "../log.ts";
import {
  databaseUrlOption,
  retentionOf,
  retentionOptions,
  type RetentionFlags,
} from "./options.ts";
import { runService } from "./run-service.ts";

/** `daybook work` */
export function registerWork(program: Command): void {
  const command = program
    .command("work")
    .description(
      "do what may happen a moment later: apply queued entries and transactions, clean up",
    )
    .addOption(databaseUrlOption())
    .addOption(
      new Option("-j, --jobs <n>", "jobs at the same time").env("DAYBOOK_JOBS").default("2"),
    );
  for (const option of retentionOptions()) command.addOption(option);
  command
    .addHelpText(
      "after",
      `
The login is daybook_worker. Any number of workers may run at once; balances are exact without any.
A retry that comes after a key's retention moves the money again. An interval is what PostgreSQL takes for one,
'infinity' too; all workers are to have the same, or the shortest holds.

Examples:
  $ DATABASE_URL=postgres://daybook_worker:secret@db/books daybook work
  $ daybook work --key-retention '90 days' --receipt-retention '2 days'`,
    )
    .action(run);
}

type Flags = RetentionFlags & { databaseUrl?: string; jobs: string };

async function run(flags: Flags): Promise<void> {
  const reader = configReader();
  const connectionString = reader.databaseUrl(flags.databaseUrl);
  const concurrency = reader.positive("--jobs", flags.jobs);
  reader.finish();
  const log = consoleLog("work");
  await runService(log, async ({ defer }) => {
    const { checkVersionAt } = await import("../migrate/check-version.ts");
    await checkVersionAt(connectionString);
    const { startWorker } = await import("../worker/start.ts");
    const worker = await startWorker({
      connectionString,
      concurrency,
      retention: retentionOf(flags),
      log,
    });
    defer(worker.stop);
    log.info("working");
  });
}
