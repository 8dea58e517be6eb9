import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { MUTATIONS, type Mutation } from "./list.ts";

const program = new Command("mutations")
  .description(
    "put each deliberate bug into a ledger and say who finds it; exit code 1 if nobody found one",
  )
  .argument("[names...]", "only these bugs of test/mutations/list.ts", known, [])
  .option("--tests", "also run the tests that are to find it")
  .option("--no-torture", "without the simulator")
  .parse();

const ROOT = resolve(import.meta.dirname, "../..");
/** Timing decides whether a bug shows itself: so often the simulator tries. */
const TRIES = 3;

/** A bug may keep something waiting for ever: that is found too. In milliseconds, of a test and of all together. */
const TEST_PATIENCE = 20_000;
const PATIENCE = 600_000;

const names: string[] = program.processedArgs[0];
const { tests: withTests, torture: withTorture } = program.opts<{
  tests?: true;
  torture: boolean;
}>();

function known(name: string, others: string[]): string[] {
  if (MUTATIONS.some((mutation) => mutation.name === name)) return [...others, name];
  throw new InvalidArgumentError("There is no such bug.");
}

type Result = { code: number | null; output: string };

function run(args: string[], environment: Record<string, string> = {}): Promise<Result> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    timeout: PATIENCE,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  return new Promise((done) => void child.on("close", (code) => done({ code, output })));
}

/** Which checks of the simulator found it. */
async function torture({ name, options = [] }: Mutation): Promise<string[]> {
  for (let seed = 1; seed <= TRIES; seed++) {
    const length = ["--minutes", "0.5", "--chapter-seconds", "15", "--seed", `${seed}`];
    const { code, output } = await run([
      "torture/run.ts",
      "--mutation",
      name,
      ...length,
      ...options,
    ]);
    const checks = [...output.matchAll(/WRONG \(([^)]*)\)/g)].map(([, check]) => check!);
    if (checks.length > 0) return [...new Set(checks)].map((check) => `torture: ${check}`);
    if (code !== 0) return [`torture: ${output.trim().split("\n").at(-1)}`];
  }
  return [];
}

/** Which of the tests that are to find it did. */
async function test({ name, tests }: Mutation): Promise<string[]> {
  const jest = ["--experimental-vm-modules", "node_modules/jest/bin/jest.js", "--bail=0"];
  const { code, output } = await run([...jest, `--testTimeout=${TEST_PATIENCE}`, ...tests], {
    DAYBOOK_MUTATION: name,
  });
  if (code === null) return tests.map((file) => `${file} (never ended)`);
  return [...output.matchAll(/^FAIL (\S+)/gm)].map(([, file]) => file!);
}

let missed = 0;
for (const mutation of MUTATIONS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const byTests = withTests ? await test(mutation) : [];
  const found = [...byTests, ...(withTorture ? await torture(mutation) : [])];
  if (found.length === 0) missed += 1;
  process.stdout.write(
    `| ${mutation.name} | ${mutation.what} | ${found.join(", ") || "NOBODY"} |\n`,
  );
}
process.exitCode = missed > 0 ? 1 : 0;
