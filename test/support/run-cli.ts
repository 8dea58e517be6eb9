import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";

const CLI = resolve(import.meta.dirname, "../../src/cli.ts");

export type Result = { code: number | null; stdout: string; stderr: string };

/** A running `daybook`, with what it has printed so far. */
export type Running = { process: ChildProcess; output: Result; ended: Promise<Result> };

/**
 * Starts `daybook` in a process of its own.
 * @param environment added to an environment without any setting of Daybook's
 */
export function startCli(args: string[], environment: Record<string, string> = {}): Running {
  return startProgram(CLI, args, environment);
}

/** Runs `daybook` to its end. */
export function runCli(args: string[], environment?: Record<string, string>): Promise<Result> {
  return startCli(args, environment).ended;
}

/** Starts any TypeScript program. */
export function startProgram(
  file: string,
  args: string[],
  environment: Record<string, string> = {},
): Running {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DAYBOOK_|DATABASE_URL|PORT$|PG|NODE_OPTIONS|JEST)/.test(name),
  );
  const env = { ...Object.fromEntries(inherited), ...environment };
  const child = spawn(process.execPath, [file, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Result = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = new Promise<Result>((done) => {
    child.once("close", (code) => done(Object.assign(output, { code })));
  });
  return { process: child, output, ended };
}
