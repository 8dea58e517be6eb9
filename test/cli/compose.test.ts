import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { cpSync, existsSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { silentLog } from "../../src/log.ts";
import { startServer } from "../../src/server/start.ts";
import { checkNode } from "../../src/version.ts";
import { startWorker } from "../../src/worker/start.ts";
import { createDatabase, createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryFolder, until } from "../support/temporary.ts";

/* Without Docker: what the composition says is what the programs know, and what it runs runs. */

type Service = {
  image: string;
  command: string[];
  environment: Record<string, string | number>;
  healthcheck?: { test: string[] };
};

const ROOT = resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const text = read("docker-compose.yml");
const { load } = createRequire(import.meta.url)("js-yaml") as { load(yaml: string): unknown };
const { services } = load(text) as { services: Record<string, Service> };
const ours = Object.entries(services).filter(([, { image }]) => image === "daybook");

describe("docker-compose.yml", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database?.drop());

  test.each(ours)("%s: its command, flags and settings exist", async (_name, service) => {
    const [command, ...flags] = service.command;
    const { stdout } = await runCli([command!, "--help"]);
    expect(stdout).toMatch(new RegExp(`^Usage: daybook ${command} `));
    const known = [...stdout.matchAll(/env:\s+(\w+)/g)].map(([, name]) => name);
    expect(known).toEqual(expect.arrayContaining(Object.keys(service.environment)));
    for (const flag of flags.filter((each) => each.startsWith("-")))
      expect(stdout).toContain(`${flag} <`);
  });

  test("its first lines make all that must be set", () => {
    const needed = [...text.matchAll(/\$\{(\w+):?\?/g)].map(([, name]) => name!);
    const [, made] = /printf '(.*)'/.exec(text)!;
    expect(
      made!
        .replaceAll("\\n", " ")
        .match(/\w+(?==%s)/g)!
        .toSorted(),
    ).toEqual([...new Set(needed)].toSorted());
  });

  test("every word of a health check is a text", () => {
    const checks = Object.values(services).flatMap(({ healthcheck }) => healthcheck?.test ?? []);
    expect(checks.filter((word) => typeof word !== "string")).toEqual([]);
    expect(ours.filter(([, { healthcheck }]) => healthcheck).map(([name]) => name)).toEqual([
      "server",
      "worker",
    ]);
  });

  const HOST = "127.0.0.1:5678";

  /** The exit code of a service's health check; for the server, at its address here. */
  async function check(name: string, environment = {}, host = HOST): Promise<number> {
    const [, node, ...words] = services[name]!.healthcheck!.test;
    expect(node).toBe("node");
    const args = words.map((word) => word.replace(HOST, host));
    const env = { ...process.env, NODE_OPTIONS: "", ...environment };
    return promisify(execFile)(process.execPath, args, { cwd: ROOT, env }).then(
      () => 0,
      ({ code }) => code,
    );
  }

  test("the worker is healthy while it folds", async () => {
    const DATABASE_URL = database.urlOf("daybook_worker");
    expect(await check("worker", { DATABASE_URL })).toBe(1);
    const worker = await startWorker({ connectionString: DATABASE_URL, log: silentLog });
    try {
      await until("it is healthy", async () => (await check("worker", { DATABASE_URL })) === 0);
    } finally {
      await worker.stop();
    }
  });

  test("the server is healthy while it answers", async () => {
    const connectionString = database.urlOf("daybook_authenticator");
    const log = silentLog;
    const server = await startServer({ connectionString, host: "127.0.0.1", port: 0, log });
    const { host } = new URL(server.url);
    expect(await check("server", {}, host)).toBe(0);
    await server.stop();
    expect(await check("server", {}, host)).toBe(1);
  });
});

describe("Dockerfile", () => {
  const lines = read("Dockerfile").split("\n");
  const copied = lines
    .filter((line) => line.startsWith("COPY "))
    .flatMap((line) => line.split(/ +/).slice(1, -1));
  const words = (instruction: string): string[] =>
    JSON.parse(lines.find((line) => line.startsWith(`${instruction} `))!.replace(/^\w+ /, ""));

  test("has a Node that is new enough", () => {
    const [, major] = /^FROM node:(\d+)-slim$/m.exec(lines.join("\n"))!;
    expect(() => checkNode(`${major}.0.0`)).not.toThrow();
  });

  test("copies what is there and not ignored", () => {
    const sent = [...read(".dockerignore").matchAll(/^!(.+)$/gm)].map(([, name]) => name);
    expect(copied.toSorted()).toEqual(sent.toSorted());
    expect(copied.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  test("runs with what it copies: its help, and the command that migrates", async () => {
    const folder = temporaryFolder();
    const empty = await createEmptyDatabase();
    try {
      for (const name of copied)
        cpSync(join(ROOT, name), join(folder.path, name), { recursive: true });
      symlinkSync(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
      const [node, ...entry] = words("ENTRYPOINT");
      expect(node).toBe("node");
      const run = (...args: string[]) =>
        promisify(execFile)(process.execPath, [...entry, ...args], {
          cwd: folder.path,
          env: { PATH: process.env["PATH"], DATABASE_URL: empty.url },
        });
      expect((await run(...words("CMD"))).stdout).toMatch(/^Usage: daybook /);
      expect((await run(...services["migrate"]!.command)).stderr).toMatch(/is up to date\n$/);
    } finally {
      await empty.drop();
      folder.remove();
    }
  });
});
