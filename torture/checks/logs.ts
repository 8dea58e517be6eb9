import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** So many lines tell who waited for whom, and by which statements. */
const LINES = 16;

/**
 * Deadlocks that PostgreSQL wrote of. There may be none: single calls take what they wait for in one order, transactions of several calls
 * wait in the first alone (clients/creations.ts), and workers wait for one account at a time. Clients say so when they are told of one;
 * a worker tries again without a word.
 * @param files logs, which may be large
 */
export async function deadlocksIn(files: string[]): Promise<string[]> {
  const found: string[][] = [];
  for (const file of files) {
    let current: string[] = [];
    for await (const line of createInterface({ input: createReadStream(file) })) {
      if (line.includes("deadlock detected")) found.push((current = []));
      if (found.at(-1) === current && current.length < LINES) current.push(line);
    }
  }
  return found.map((lines) => lines.join("\n").slice(0, 3_000));
}
