import { appendFileSync, chownSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import { errorCode } from "../../src/errors.ts";

/** A server that may be copied: where it is reached, and where its data are. */
export type Node = Cluster & { dataDir: string };

/**
 * Starts a server on data that are there, or new ones. Commits are written before they are acknowledged, and that
 * outlives processes that are killed; the disk need not confirm it, since no machine fails here.
 */
export async function startNode(dataDir: string): Promise<Node> {
  const settings = { fsync: "off" };
  return { ...(await startCluster({ dataDir, port: 0, durable: true, settings })), dataDir };
}

/** One statement of the superuser, over a connection of its own. */
export async function command(connectionString: string, sql: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

/** Not part of a backup: processes, slots of this server, and the log, which comes from elsewhere. */
const LEFT_OUT = new Set(["postmaster.pid", "postmaster.opts", "pg_wal", "pg_replslot"]);

/**
 * Copies the data of a running server, as pg_basebackup would: the embedded PostgreSQL comes without it.
 * @param target a folder that is not there yet
 */
export async function backUp({ url, dataDir }: Node, target: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("select pg_backup_start('copy', fast => true)");
    copyFolder(dataDir, target, LEFT_OUT);
    for (const folder of ["pg_wal", "pg_replslot"]) makeFolder(join(target, folder), dataDir);
    const { rows } = await client.query("select labelfile from pg_backup_stop()");
    addFile(target, "backup_label", rows[0].labelfile);
    copyFileSync(`${dataDir}.password`, `${target}.password`);
  } finally {
    await client.end();
  }
}

/** Copies a folder; files that vanish meanwhile are no part of it. */
export function copyFolder(source: string, target: string, leftOut = new Set<string>()): void {
  makeFolder(target, source);
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (leftOut.has(entry.name)) continue;
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) copyFolder(from, to);
    else copyFile(from, to);
  }
}

function copyFile(source: string, target: string): void {
  try {
    copyFileSync(source, target);
    own(target, source);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

function makeFolder(path: string, like: string): void {
  mkdirSync(path, { mode: 0o700 });
  own(path, like);
}

function own(path: string, like: string): void {
  const { uid, gid } = statSync(like);
  chownSync(path, uid, gid);
}

/** Adds a file to a server's data. */
export function addFile(dataDir: string, name: string, text: string): void {
  writeFileSync(join(dataDir, name), text, { mode: 0o600 });
  own(join(dataDir, name), dataDir);
}

/** Adds settings that `alter system` can change later. */
export function configure(dataDir: string, settings: string): void {
  appendFileSync(join(dataDir, "postgresql.auto.conf"), `${settings}\n`);
}

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");

/** The blocks of SQL and of settings in docs/operations.md that nobody has asked for. */
export const unusedBlocks = new Set(
  Array.from(PAGE.matchAll(/^ *```(sql|ini)\n(.*?)^ *```$/gms), ([, , text]) => text!),
);

/**
 * Gives a block of docs/operations.md, so that what the page says is what is tried.
 * @param change what to put in the place of the example's names and paths
 * @param nth of its kind in that section, from 0
 */
export function block(
  language: "sql" | "ini",
  heading: string,
  change: Record<string, string> = {},
  nth = 0,
): string {
  const section = PAGE.split(/^##+ /m).find((text) => text.startsWith(`${heading}\n`))!;
  const blocks = [...section.matchAll(/^ *```(\w+)\n(.*?)^ *```$/gms)];
  let [, , text] = blocks.filter(([, kind]) => kind === language)[nth]!;
  unusedBlocks.delete(text!);
  for (const [name, value] of Object.entries(change)) {
    if (!text!.includes(name)) throw new Error(`"${heading}" does not mention ${name}`);
    text = text!.replaceAll(name, value);
  }
  return text!;
}
