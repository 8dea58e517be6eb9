import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { Client } from "../src/client.ts";
import { chooseDriver } from "./driver.ts";
import { median, table } from "./figures.ts";
import { pgbenchVersion } from "./pgbench.ts";
import type { BenchServer } from "./server.ts";

/** What the figures depend on. */
const SETTINGS = [
  "shared_buffers",
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_compression",
  "wal_level",
  "max_wal_size",
  "checkpoint_timeout",
  "commit_delay",
  "data_checksums",
  "io_method",
  "huge_pages_status",
  "effective_io_concurrency",
  "random_page_cost",
  "work_mem",
  "jit",
  "autovacuum",
  "max_connections",
  "shared_preload_libraries",
];

/** The machine and the server, in Markdown. */
export async function describeMachine(server: BenchServer): Promise<string> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    const version = (await client.query("select version()")).rows[0].version;
    const commit = await durableCommit(client);
    const where = server.isEmbedded ? "embedded, started for this" : new URL(server.url).hostname;
    const rows = [
      ["what", "here"],
      ["processor of the clients", `${cpus()[0]?.model.trim()}, ${cpus().length} threads`],
      ["memory", `${(totalmem() / 2 ** 30).toFixed(1)} GB`],
      ["system", `${platform()} ${release()}, Node.js ${process.version}`],
      ["server", where],
      ["PostgreSQL", version],
      ["disk", server.isEmbedded ? diskOf(server.folder) : "not known from here"],
      ["a durable commit, one client", `${commit.toFixed(2)} ms (median of 100)`],
      [
        "load sent by",
        chooseDriver() === "node" ? "Node.js (bench/node-driver.ts)" : pgbenchVersion()!,
      ],
      ...(await settings(client)),
    ];
    return table(rows);
  } finally {
    await client.end();
  }
}

async function settings(client: Client): Promise<string[][]> {
  const { rows } = await client.query<{ name: string; value: string }>(
    "select name, current_setting(name) as value from pg_settings where name = any ($1) order by array_position($1, name)",
    [SETTINGS],
  );
  return rows.map(({ name, value }) => [`\`${name}\``, value || "(none)"]);
}

/** Milliseconds for a commit that writes and waits for the disk, and the way to the server and back. */
async function durableCommit(client: Client): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 100; n++) {
    const start = performance.now();
    await client.query("select pg_logical_emit_message(true, 'bench', 'x')");
    times.push(performance.now() - start);
  }
  return median(times);
}

/** The disk a folder is on, as far as Linux tells: machines of a cloud often take theirs for any kind. */
function diskOf(folder: string): string {
  const { dev } = statSync(folder);
  const major = ((dev >> 8) & 0xfff).toString();
  const minor = ((dev & 0xff) | ((dev >> 12) & 0xfff00)).toString();
  const block = `/sys/dev/block/${major}:${minor}`;
  if (!existsSync(block)) return "kind not known";
  const disk = existsSync(join(block, "partition")) ? join(realpathSync(block), "..") : block;
  const name = realpathSync(disk).split("/").at(-1);
  const rotates = join(disk, "queue/rotational");
  if (!existsSync(rotates)) return `${name}, kind not known`;
  const kind =
    readFileSync(rotates, "utf8").trim() === "1" ? "said to rotate" : "said not to rotate";
  return `${name}, ${kind}`;
}
