import { spawn } from "node:child_process";
import { join } from "node:path";

/**
 * What takes more than a rate to tell: a program of this folder that makes a database of its own on
 * BENCH_DATABASE_URL and prints Markdown.
 */
export type Study = {
  name: string;
  about: string;
  file: string;
  /** Its arguments for a first impression, in seconds instead of minutes. */
  quick: string[];
  /** Takes long, or needs what few have: only when it is asked for by its name. */
  isLong?: boolean;
  needsPgbench?: boolean;
};

const brief = ["--rounds", "1", "--seconds", "2"];

export const studies: Study[] = [
  {
    name: "costs",
    about: "processor time and write-ahead log of each call, and of what the worker does for it",
    file: "costs.ts",
    quick: ["--calls", "300"],
  },
  {
    name: "spike",
    about: "a spike into the write-ahead queue: accepted, applied, lost",
    file: "spike.ts",
    quick: ["--size", "10000"],
  },
  {
    name: "intake",
    about: "requests streamed into the write-ahead queue by COPY",
    file: "intake.ts",
    quick: ["--size", "2000", "--rounds", "1"],
  },
  {
    name: "categories",
    about: "balances and pages of categories, and their locks",
    file: "categories.ts",
    quick: "--accounts 2000 --transactions 2000 --times 5".split(" "),
  },
  {
    name: "moments",
    about: "balances in time of an account with a long history",
    file: "moments.ts",
    quick: ["--entries", "20000", "--questions", "20"],
  },
  {
    name: "reports",
    about: "statements and trial balances",
    file: "reports.ts",
    quick: ["--entries", "20000", "--times", "5"],
  },
  {
    name: "search",
    about: "pages of searches, and what indexing costs those who write",
    file: "search.ts",
    quick: ["--transactions", "20000", "--times", "5", ...brief],
  },
  {
    name: "sealing",
    about: "what sealing the log costs those who write",
    file: "sealing.ts",
    quick: brief,
    needsPgbench: true,
  },
  {
    name: "checking",
    about: "what checking the caches costs those who write",
    file: "checking.ts",
    quick: brief,
    needsPgbench: true,
  },
  {
    name: "detaching",
    about: "how fast a month of entries is detached, and what that costs those who write",
    file: "detaching.ts",
    quick: "--transactions 5000 --seconds 2".split(" "),
    needsPgbench: true,
  },
  {
    name: "connections",
    about: "what many clients get of what few get, directly and through PgBouncer, which it needs",
    file: "connections.ts",
    quick: "--seconds 3 --direct 40 --pooled 80".split(" "),
    isLong: true,
    needsPgbench: true,
  },
  {
    name: "vacuum",
    about: "bloat of the balances and the queues under an hour of full load",
    file: "vacuum.ts",
    quick: ["--minutes", "1", "--step", "10"],
    isLong: true,
  },
  {
    name: "grown",
    about: "ten million transactions: rates, sizes, and how long questions take",
    file: "grown.ts",
    quick: [
      "--transactions",
      "50000",
      "--accounts",
      "5000",
      "--ledgers",
      "5",
      "--busy",
      "1000",
      ...brief,
    ],
    isLong: true,
  },
];

/**
 * Runs a study on a server; what it says beside its tables goes to stderr.
 * @returns what it printed
 * @throws Error if it failed
 */
export function runStudy(study: Study, serverUrl: string, args: string[]): Promise<string> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, study.file), ...args], {
      env: { ...process.env, BENCH_DATABASE_URL: serverUrl },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (output += part));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? done(output) : reject(new Error(`${study.name} failed (${code})`)),
    );
  });
}
