import { Command, InvalidArgumentError } from "commander";

export type Options = {
  minutes: number;
  /** Decides what clients do and what goes wrong; when it happens nobody can decide. */
  seed: number;
  sqlClients: number;
  graphqlClients: number;
  /** How long a ledger is used before all of it is judged. */
  chapterSeconds: number;
  /** Nothing goes wrong but what clients do to each other. */
  calm: boolean;
  /** Only evils with this in their name happen, or with one of these between commas. */
  evil: string;
  /** A deliberate bug of test/mutations, to see that it is found. */
  mutation?: string;
  /** Kept evidence, which is judged again instead. */
  judge?: string;
};

/** Reads the command line. */
export function readOptions(): Options {
  const program = new Command("torture")
    .description("use the ledger while everything goes wrong, and judge what came of it")
    .option("--minutes <n>", "how long", positive, 2)
    .option(
      "--seed <n>",
      "what clients do and what goes wrong",
      positive,
      Math.ceil(Math.random() * 1e9),
    )
    .option("--sql-clients <n>", "clients that use SQL", positive, 6)
    .option("--graphql-clients <n>", "clients that use GraphQL", positive, 3)
    .option(
      "--chapter-seconds <n>",
      "how long a ledger is used before all of it is judged",
      positive,
      30,
    )
    .option("--calm", "nothing goes wrong but what clients do to each other", false)
    .option(
      "--evil <words>",
      "only what has this in its name goes wrong, or one of these between commas",
      "",
    )
    .option("--mutation <name>", "a deliberate bug of test/mutations, to see that it is found")
    .option("--judge <file>", "only judge again what a failing run has kept")
    .parse();
  return program.opts<Options>();
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a positive number.");
  return value;
}
