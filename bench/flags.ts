import { basename } from "node:path";
import { Command, InvalidArgumentError } from "commander";

/**
 * Reads a study's flags, each with its default; where that is a number only a number will do. With `--help`, or a flag
 * that there is not, the program ends and says which there are.
 */
export function readFlags<Flags extends Record<string, string>>(defaults: Flags): Flags {
  const program = new Command(basename(process.argv[1]!)).allowExcessArguments(false);
  for (const [name, value] of Object.entries(defaults)) {
    const check = /^\d+$/.test(value) ? (name === "rounds" ? whole : number) : String;
    program.option(`--${name} <${check === String ? "text" : "n"}>`, "", check, value);
  }
  return program.parse().opts<Flags>();
}

/** Half a round would be none, and figures of none are no figures. */
function whole(value: string): string {
  if (/^\d{1,12}$/.test(value)) return value;
  throw new InvalidArgumentError("It must be a whole number.");
}

function number(value: string): string {
  if (/^\d{1,12}(\.\d+)?$/.test(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}
