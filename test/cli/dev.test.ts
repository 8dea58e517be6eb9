import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { Client } from "pg";
import { postmasterOf } from "../../src/embedded/leftover.ts";
import { isAlive } from "../../src/embedded/processes.ts";
import { administer, createEmptyDatabase, type TestDatabase } from "../support/database.ts";
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
async function startDev(
  args = ["--data-dir", dataDir],
  environment: Record<string, string> = {},
): Promise<{ dev: Running; graphql: string; database: string }> {
  const dev = startCli(["dev", ...args, "--port", "0"], environment);
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

async function ask(graphql: string): Promise<unknown> {
  const answer = await fetch(graphql, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ ledgers { nodes { name } } }" }),
  });
  return await answer.json();
}
const answer = { data: { ledgers: { nodes: [] } } };

test("daybook dev starts all of it, stops all of it on SIGTERM, and finds its data again", async () => {
  const first = await startDev();
  expect(await ask(first.graphql)).toEqual(answer);
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

describe("daybook dev on a server of one's own", () => {
  const LOGIN = "daybook_authenticator";
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createEmptyDatabase();
  });
  afterEach(async () => {
    await administer(`alter role ${LOGIN} password 'test'`); // that of all other tests
    await database.drop();
  });

  /** Starts, asks and stops it, and tells whether the login's password is still what it was. */
  async function use(args: string[], environment: Record<string, string> = {}): Promise<boolean> {
    const { dev, graphql } = await startDev(args, { DATABASE_URL: database.url, ...environment });
    expect(await ask(graphql)).toEqual(answer);
    dev.process.kill("SIGTERM");
    expect(await dev.ended).toMatchObject({ code: 0 });
    return query(database.urlOf(LOGIN), "select 1").then(
      () => true,
      () => false,
    );
  }

  test.each([["postgres"], ["test_admin"]])(
    "replaces no password unasked, and says what it wants: %s",
    async (login) => {
      const DATABASE_URL = login === "postgres" ? database.url : database.urlOf("test_admin");
      running = startCli(["dev", "--port", "0"], { DATABASE_URL });
      const { code, stderr } = await running.ended;
      expect(stderr).toMatch(
        /^daybook: the role daybook_authenticator .*DAYBOOK_AUTHENTICATOR_PASSWORD.*--new-password\n$/,
      );
      expect(code).toBe(2);
      await query(database.urlOf(LOGIN), "select 1");
      const schemas = "select nspname from pg_namespace where nspname ~ '^daybook'";
      expect(await query(database.url, schemas)).toEqual([]);
    },
  );

  test("uses the password that it is told", async () => {
    expect(await use([], { DAYBOOK_AUTHENTICATOR_PASSWORD: "test" })).toBe(true);
  });

  test("replaces it where a flag asks for it", async () => {
    expect(await use(["--new-password"])).toBe(false);
  });

  test("gives one to a login that has none, as on a new server", async () => {
    await administer(`alter role ${LOGIN} password null`);
    expect(await use([])).toBe(false);
    await query(database.urlOf("daybook_worker"), "select 1"); // which it leaves alone
  });
});
