#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { registerDev } from "./commands/dev.ts";
import { registerExport } from "./commands/export.ts";
import { registerImport } from "./commands/import.ts";
import { registerMigrate } from "./commands/migrate.ts";
import { registerRebuild } from "./commands/rebuild.ts";
import { registerServe } from "./commands/serve.ts";
import { registerVerify } from "./commands/verify.ts";
import { registerWork } from "./commands/work.ts";
import { ConfigError } from "./config.ts";
import { describeError } from "./errors.ts";
import { checkNode, version } from "./version.ts";

/** A command is a file in commands/ with a function that adds it to the program, and a line here. */
const COMMANDS = [
  registerDev,
  registerExport,
  registerImport,
  registerMigrate,
  registerRebuild,
  registerServe,
  registerVerify,
  registerWork,
];

const program = new Command("daybook")
  .description("A double-entry ledger that lives inside PostgreSQL.")
  .version(version())
  .exitOverride() // commands inherit it, so it comes before them
  .addHelpText(
    "after",
    `
Examples:
  $ daybook dev                         PostgreSQL, server and worker on this machine, nothing to set up
  $ daybook migrate                     bring the database at DATABASE_URL up to date
  $ daybook serve & daybook work        what runs in production

Exit codes:
  0    done; of verify also: nothing is wrong; of dev, serve and work: a signal ended it
  1    it failed, and the last line on stderr says why; of verify also: something is wrong
  2    the command line or configuration is wrong
  3    of import: some lines were refused, all others are in the ledger
  128  and the number of the signal: a second one ended dev, serve or work at once`,
  );
for (const register of COMMANDS) register(program);

try {
  checkNode();
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Gives the exit code, as the help has them. */
function report(error: unknown): number {
  // Commander has said what it had to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`daybook: ${describeError(error)}\n`);
  return error instanceof ConfigError ? 2 : 1;
}
