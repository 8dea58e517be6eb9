import { afterAll, afterEach, expect, test } from "@jest/globals";
import { join } from "node:path";
import { Client } from "pg";
import { postmasterOf } from "../../src/embedded/leftover.ts";
import { isAlive } from "../../src/embedded/processes.ts";
import { startCli, type Running } from "../support/run-cli.ts";
import { temporaryFolder, until } from "../support/temporary.ts";

const folder = temporaryFolder();
const dataDir = join(folder.path, "pg");
let running: Running | undefined;

afterEach(() => void running?.process.kill("SIGKILL"));
afterAll(async () => {
  await until("no server is left", () => postmasterOf(dataDir) === undefined);
  folder.remove();
});

/** Starts `daybook dev` and waits for its welcome. */
async function startDev(): Promise<{ dev: Running; graphql: string; database: string }> {
  const dev = startCli(["dev", "--data-dir", dataDir, "--port", "0"]);
  running = dev;
  await until(
    "dev is ready or has ended",
    () => {
      if (dev.process.exitCode !== null) throw new Error(dev.output.stderr);
      return dev.output.stdout.includes("psql '");
    },
    30_000,
  );
  return {
    dev,
    graphql: /GraphQL +(\S+)/.exec(dev.output.stdout)![1]!,
    database: /psql '(.+)'/.exec(dev.output.stdout)![1]!,
  };
}

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

test("daybook dev starts all of it, stops all of it on SIGTERM, and finds its data again", async () => {
  const first = await startDev();
  const answer = await fetch(first.graphql, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ __typename }" }),
  });
  expect(await answer.json()).toEqual({ data: { __typename: "Query" } });
  await query(first.database, "create table kept as select 42 as answer");
  const pid = postmasterOf(dataDir)!;

  first.dev.process.kill("SIGTERM");
  expect(await first.dev.ended).toMatchObject({ code: 0 });
  expect(isAlive(pid)).toBe(false);

  const second = await startDev();
  expect(await query(second.database, "table kept")).toEqual([42]);
  second.dev.process.kill("SIGINT");
  expect(await second.dev.ended).toMatchObject({ code: 0 });
});

test("daybook dev ends with exit code 1 if its PostgreSQL is killed", async () => {
  const { dev } = await startDev();
  process.kill(postmasterOf(dataDir)!, "SIGKILL");
  const { code, stderr } = await dev.ended;
  expect(stderr).toMatch(/daybook: PostgreSQL ended; see .*pg\.log\n$/);
  expect(code).toBe(1);
});

test("daybook dev refuses a retention that is too short, and stops what it started", async () => {
  const dev = startCli(["dev", "--data-dir", dataDir, "--port", "0", "--key-retention", "1 hour"]);
  running = dev;
  const { code, stderr } = await dev.ended;
  expect(stderr).toMatch(/\ndaybook: --key-retention must be .* 24 hours or more, not "1 hour"\n$/);
  expect(code).toBe(2);
  expect(postmasterOf(dataDir)).toBeUndefined();
});

test("a second daybook dev on the same folder is refused in one line", async () => {
  const { dev } = await startDev();
  const second = await startCli(["dev", "--data-dir", dataDir, "--port", "0"]).ended;
  expect(second).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^daybook: .*in use by process \d+.*\n$/),
  });
  dev.process.kill("SIGTERM");
  await dev.ended;
});

test("no server outlives a daybook dev that was killed", async () => {
  const { dev } = await startDev();
  const pid = postmasterOf(dataDir)!;
  dev.process.kill("SIGKILL");
  await dev.ended;
  await until("the server has stopped", () => !isAlive(pid), 5_000);
});
