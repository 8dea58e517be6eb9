import { existsSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";

export type Options = {
  url?: string;
  only?: string;
  rounds: number;
  /** Of one run of one case. */
  seconds: number;
  clients: number;
  driver?: "pgbench" | "node";
  compare?: string;
  compareSetup?: string;
  compareUnits: number;
  out: string;
  quick: boolean;
  list: boolean;
  /** For the study that --only names. */
  rest: string[];
};

/** Reads the command line; ends the program with a message if it is wrong. */
export function readOptions(argv: string[]): Options {
  const program = new Command("npm run bench --")
    .description(
      "Measures the ledger beside PostgreSQL's own TPC-B script, in alternation, and writes a report.",
    )
    .addOption(
      new Option("--url <url>", "a superuser's URL of a server (default: an embedded one)").env(
        "BENCH_DATABASE_URL",
      ),
    )
    .option("--only <name>", "one case or study by its name, or all cases with this in their names")
    .option("--rounds <n>", "how often each case is run", whole, 3)
    .option("--seconds <n>", "how long each run takes", positive, 10)
    .option("--clients <n>", "how many there are at once", whole, 16)
    .addOption(
      new Option(
        "--driver <driver>",
        "what sends the load (default: pgbench if there is one)",
      ).choices(["pgbench", "node"]),
    )
    .option(
      "--compare <file.sql or command>",
      "your own, with create_transaction or the cases of --only",
    )
    .option("--compare-setup <file.sql>", "makes its tables, in a database of its own")
    .option("--compare-units <n>", "how many things one run of its script does", whole, 1)
    .option("--out <folder>", "where the report goes", "bench-report")
    .option("--quick", "one round of 2 s, and small studies: a first impression", false)
    .option("--list", "what there is to measure", false)
    .argument("[arguments...]", "behind -- and for the study named by --only")
    .addHelpText("after", EXAMPLES)
    .parse(argv);
  const options = program.opts<Options>();
  const isGiven = (name: string) => program.getOptionValueSource(name) === "cli";
  for (const [name, flag] of Object.entries(OF_COMPARE))
    if (isGiven(name) && options.compare === undefined)
      program.error(`error: ${flag} is for --compare, which is not there`);
  if (options.quick && !isGiven("rounds")) options.rounds = 1;
  if (options.quick && !isGiven("seconds")) options.seconds = 2;
  return { ...options, rest: program.args };
}

const OF_COMPARE = { compareSetup: "--compare-setup", compareUnits: "--compare-units" };

/** The first file that is named and not there; a command's name says nothing of files. */
export function missingFile({ compare, compareSetup }: Options): string | undefined {
  const scripts = [compare?.endsWith(".sql") ? compare : undefined, compareSetup];
  return scripts.find((file) => file !== undefined && !existsSync(file));
}

const EXAMPLES = `
Databases and a login that it makes on a server of yours are dropped again; the roles of Daybook stay.
What is compared: a script in pgbench's language, or a command that loads DATABASE_URL for BENCH_SECONDS
by BENCH_CLIENTS clients and prints "tps = …" or a number at its end.

Examples:
  $ npm run bench -- --quick
  $ npm run bench -- --url postgres://postgres:…@db.example/postgres --rounds 5
  $ npm run bench -- --only create_transaction
  $ npm run bench -- --only moments -- --entries 100000
  $ npm run bench -- --compare bench/alternatives/by-hand.sql --compare-setup bench/alternatives/by-hand-setup.sql`;

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above zero.");
  return value;
}

function whole(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}
