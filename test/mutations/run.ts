import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { temporaryFolder } from "../support/temporary.ts";
import { judgeTests, judgeTorture, type Ended, type JestReport, type Verdict } from "./judge.ts";
import { MUTATIONS, type Mutation } from "./list.ts";

const program = new Command("mutations")
  .description(
    "put each deliberate bug into a ledger and say who finds it; exit code 1 if one who is to find it does not",
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

function run(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    timeout: PATIENCE,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  return new Promise(
    (done) => void child.on("close", (code) => done({ code, output, isHung: child.killed })),
  );
}

/** Which checks of the simulator find it, within a few tries. */
async function torture({ name, options }: Mutation): Promise<Verdict> {
  for (let seed = 1; ; seed++) {
    const verdict = await tortureOnce(seed, ["--mutation", name, ...(options ?? [])]);
    if (verdict.finders.length + verdict.errors.length > 0 || seed === TRIES) return verdict;
  }
}

async function tortureOnce(seed: number, options: string[]): Promise<Verdict> {
  const length = ["--minutes", "0.5", "--chapter-seconds", "15", "--seed", `${seed}`];
  return judgeTorture(await run(["torture/run.ts", ...length, ...options]));
}

/** Which of these tests fail, of a ledger with a bug or without. */
async function runTests(
  tests: string[],
  environment?: { DAYBOOK_MUTATION: string },
): Promise<Verdict> {
  const folder = temporaryFolder();
  const file = join(folder.path, "report.json");
  try {
    const ended = await run(
      [
        "--experimental-vm-modules",
        "node_modules/jest/bin/jest.js",
        "--runTestsByPath",
        `--testTimeout=${TEST_PATIENCE}`,
        "--json",
        `--outputFile=${file}`,
        ...tests.map((name) => `${name}.test.ts`),
      ],
      environment,
    );
    const report = existsSync(file)
      ? (JSON.parse(readFileSync(file, "utf8")) as JestReport)
      : undefined;
    return judgeTests(tests, ended, report);
  } finally {
    folder.remove();
  }
}

if (!withTests && !withTorture) program.error("Neither tests nor the simulator are to look.");
const chosen = MUTATIONS.filter(({ name }) => names.length === 0 || names.includes(name));
let failures = 0;
const say = (error: string) => {
  failures += 1;
  process.stderr.write(`ERROR ${error}\n`);
};

// Who finds something without a bug finds none.
const sound = [
  ...(withTests ? [await runTests([...new Set(chosen.flatMap(({ tests }) => tests))])] : []),
  ...(withTorture ? [await tortureOnce(1, [])] : []),
];
for (const { finders, errors } of sound) {
  for (const finder of finders) say(`without any bug: ${finder} fails`);
  for (const error of errors) say(`without any bug: ${error}`);
}
for (const mutation of failures === 0 ? chosen : []) {
  const { name, what, options, tests } = mutation;
  const verdicts = [
    ...(withTests ? [await runTests(tests, { DAYBOOK_MUTATION: name })] : []),
    ...(withTorture && options !== null ? [await torture(mutation)] : []),
  ];
  const finders = verdicts.flatMap((verdict) => verdict.finders);
  for (const { blind, errors } of verdicts) {
    for (const one of blind) say(`${name}: ${one} does not find it`);
    for (const error of errors) say(`${name}: ${error}`);
  }
  if (verdicts.length > 0 && finders.length === 0) say(`${name}: nobody finds it`);
  const nobody = verdicts.length > 0 ? "NOBODY" : "only its tests can tell";
  process.stdout.write(`| ${name} | ${what} | ${finders.join(", ") || nobody} |\n`);
}
process.exitCode = failures > 0 ? 1 : 0;
