/**
 * Repeats the random tests with other draws until one fails or the time is up:
 *
 *   npm run fuzz -- --minutes 10 --seed 7 bad-input properties
 *
 * Random are those that draw from test/support/seed.ts; words choose among their paths.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Command, InvalidArgumentError } from "commander";

type Options = { minutes: number; seed: number; effort: number };

const program = new Command("fuzz")
  .argument("[words...]", "only test files with one of these words in their path")
  .option("--minutes <n>", "how long: no round begins after that", positive, 10)
  .option(
    "--seed <n>",
    "of the first round, each later one takes the next",
    positive,
    Math.ceil(Math.random() * 1e9),
  )
  .option("--effort <n>", "how many times as often as usual a test draws in a round", positive, 5)
  .parse();
const { minutes, seed, effort } = program.opts<Options>();
const files = randomTests(program.args);
const end = Date.now() + minutes * 60_000;

for (let round = seed; Date.now() < end && !process.exitCode; round++) {
  console.log(`seed ${round}: ${files.length} files`);
  const { code, output } = await run(round);
  if (code === 0) continue;
  console.log(output);
  console.log(
    `failed; the same again: npm run fuzz -- --seed ${round} --effort ${effort} ${program.args.join(" ")}`,
  );
  process.exitCode = 1;
}
if (!process.exitCode) console.log("nothing found");

function positive(given: string): number {
  const value = Number(given);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a positive number.");
  return value;
}

function randomTests(words: string[]): string[] {
  const root = resolve(import.meta.dirname, "..");
  const found = globSync("test/**/*.test.ts", { cwd: root }).filter(
    (file) =>
      readFileSync(resolve(root, file), "utf8").includes('"../support/seed.ts"') &&
      (words.length === 0 || words.some((word) => file.includes(word))),
  );
  if (found.length === 0) throw new Error("no such test");
  return found;
}

async function run(round: number): Promise<{ code: number | null; output: string }> {
  const jest = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  const child = spawn(
    process.execPath,
    [...jest, "node_modules/jest/bin/jest.js", "--runTestsByPath", ...files],
    {
      stdio: ["ignore", "inherit", "pipe"],
      cwd: resolve(import.meta.dirname, ".."),
      env: { ...process.env, DAYBOOK_SEED: `${round}`, DAYBOOK_EFFORT: `${effort}` },
    },
  );
  const [output, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  return { code, output };
}
