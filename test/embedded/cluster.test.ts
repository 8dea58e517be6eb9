import { afterAll, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { startCluster } from "../../src/embedded/cluster.ts";
import { postmasterOf } from "../../src/embedded/leftover.ts";
import { childrenOf, isAlive } from "../../src/embedded/processes.ts";
import { startProgram } from "../support/run-cli.ts";
import { temporaryFolder, until } from "../support/temporary.ts";

const folder = temporaryFolder();
const dataDir = join(folder.path, "pg"); // one for all: making a cluster takes longer than any of this
const start = (durable = false) => startCluster({ dataDir, port: 0, durable });

afterAll(() => folder.remove());

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

test("a fresh cluster is PostgreSQL 18 with UTF-8, the built-in locale, checksums and scram on loopback", async () => {
  const cluster = await start();
  try {
    const facts = `select current_setting('server_version_num')::integer / 10000, current_setting('data_checksums'),
                          current_setting('listen_addresses'), current_setting('server_encoding'),
                          datlocprovider, datlocale from pg_database where datname = current_database()`;
    expect(await query(cluster.url, facts)).toEqual([
      18,
      "on",
      "127.0.0.1",
      "UTF8",
      "b",
      "C.UTF-8",
    ]);
    const rules = "select distinct auth_method from pg_hba_file_rules";
    expect(await query(cluster.url, rules)).toEqual(["scram-sha-256"]);
    const wrong = new URL(cluster.url);
    wrong.password = "wrong";
    await expect(query(wrong.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
    expect(statSync(`${dataDir}.password`).mode & 0o777).toBe(0o600);
  } finally {
    await cluster.stop();
  }
});

test("the second start finds the data, with the same password", async () => {
  const first = await start();
  await query(first.url, "create table kept as select 42 as answer");
  await first.stop();
  const second = await start();
  try {
    expect(await query(second.url, "table kept")).toEqual([42]);
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
  } finally {
    await second.stop();
  }
});

test("after kill() no process is left, and the next start recovers what was committed", async () => {
  const first = await start(true);
  await query(first.url, "create table survivor as select 42 as answer");
  const pid = postmasterOf(dataDir)!;
  await first.kill();
  expect(isAlive(pid)).toBe(false);
  const second = await start(true);
  try {
    expect(await query(second.url, "table survivor")).toEqual([42]);
    const log = readFileSync(`${dataDir}.log`, "utf8");
    expect(log).toContain("automatic recovery in progress");
  } finally {
    await second.stop();
  }
});

test("refuses a folder that a living process uses, and leaves its server alone", async () => {
  const cluster = await start();
  try {
    await expect(start()).rejects.toThrow(/in use by process/);
    expect(await query(cluster.url, "select 1")).toEqual([1]);
  } finally {
    await cluster.stop();
  }
});

test("a port that must be used and is taken is an error", async () => {
  const cluster = await start();
  try {
    const other = { dataDir: join(folder.path, "other"), port: cluster.port, durable: false };
    await expect(startCluster(other)).rejects.toThrow(`port ${cluster.port} of 127.0.0.1 is taken`);
  } finally {
    await cluster.stop();
  }
});

test("a server that cannot start is an error that quotes its log", async () => {
  const settings = { no_such_setting: "1" };
  await expect(startCluster({ dataDir, port: 0, durable: false, settings })).rejects.toThrow(
    /no_such_setting/,
  );
});

test("a killed parent leaves no server behind, and its folder can be used at once", async () => {
  const parent = startProgram(join(import.meta.dirname, "parent.ts"), [dataDir]);
  await until("the server runs", () => parent.output.stdout.includes("ready"));
  const pid = postmasterOf(dataDir)!;
  expect(isAlive(pid)).toBe(true);
  parent.process.kill("SIGKILL");
  await parent.ended;
  const next = await start();
  expect(isAlive(pid)).toBe(false);
  await next.stop();
});

test("no process shows the environment's secrets to others, and the server has none of them", async () => {
  const secret = "jwt-of-27-hexagons";
  const environment = {
    DAYBOOK_JWT_SECRET: secret,
    PGPASSWORD: secret,
    NODE_OPTIONS: "--no-warnings",
  };
  const parent = startProgram(join(import.meta.dirname, "parent.ts"), [dataDir], environment);
  await until("the server runs", () => parent.output.stdout.includes("ready"));
  const [watchdog] = childrenOf(parent.process.pid!);
  const server = postmasterOf(dataDir)!;
  expect(childrenOf(watchdog!)).toEqual([server]);
  try {
    expect(execFileSync("ps", ["-A", "-ww", "-o", "args="], { encoding: "utf8" })).not.toContain(
      secret,
    );
    if (process.platform !== "linux") return;
    for (const pid of [watchdog, server]) {
      const names = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      expect(names.join("\n")).not.toMatch(
        /jwt-of-27|^PG(?!DATA|SYSCONFDIR|LOCALEDIR)|NODE_OPTIONS/m,
      );
      expect(names).toContain("LC_ALL=C");
    }
  } finally {
    parent.process.kill("SIGTERM");
    await parent.ended;
    await until("the server has stopped", () => !isAlive(server));
  }
});

test("a killed parent's server stops by itself", async () => {
  const parent = startProgram(join(import.meta.dirname, "parent.ts"), [dataDir]);
  await until("the server runs", () => parent.output.stdout.includes("ready"));
  const pid = postmasterOf(dataDir)!;
  parent.process.kill("SIGKILL");
  await until("the server has stopped", () => !isAlive(pid), 5_000);
});

test("a data folder without its password file is an error that says what to do", async () => {
  const cluster = await start();
  await cluster.stop();
  rmSync(`${dataDir}.password`);
  await expect(start()).rejects.toThrow(/password file .* is missing/);
});
