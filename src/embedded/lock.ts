import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { errorCode } from "../errors.ts";
import { startedAt } from "./processes.ts";

type Owner = { pid: number; started: string };

/**
 * Claims a data folder for this process, by a file beside it. What a crashed process left is taken over.
 * @returns a function that gives the folder back
 * @throws Error if another living process, or this one, holds it
 */
export function claim(dataDir: string): () => void {
  const file = `${dataDir}.lock`;
  const own: Owner = { pid: process.pid, started: startedAt(process.pid) ?? "" };
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(own));
  try {
    // A link appears whole or not at all, and never replaces an existing file.
    while (!tryLink(draft, file)) removeIfStale(file, dataDir);
  } finally {
    rmSync(draft, { force: true });
  }
  return () => rmSync(file, { force: true });
}

function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

function removeIfStale(file: string, dataDir: string): void {
  const seen = read(file);
  if (seen === undefined) return;
  const owner = parse(seen);
  if (owner && startedAt(owner.pid) === owner.started) {
    throw new Error(
      `${dataDir} is in use by process ${owner.pid}, which runs its PostgreSQL server: ` +
        "stop it, or choose another data folder",
    );
  }
  // Moved aside first: between reading and removing, another process may have put its own lock there.
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  if (read(aside) !== seen) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined; // not written by claim(): nobody can hold it
  }
}
