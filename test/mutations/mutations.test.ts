import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { applyMutation } from "./apply.ts";
import { judgeTests, judgeTorture, BEGUN, type JestReport } from "./judge.ts";
import { MUTATIONS } from "./list.ts";

/* That the deliberate bugs are still bugs of this ledger, and that only who finds one is called its finder. */

const ROOT = resolve(import.meta.dirname, "../..");

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await createDatabase();
  client = await database.connect();
});
afterAll(() => database?.drop());

test.each(MUTATIONS)(
  "$name: there is such a place, and what comes there is a function",
  async (mutation) => {
    await client.query("begin");
    try {
      await applyMutation(client, mutation);
    } finally {
      await client.query("rollback");
    }
  },
);

test("who changes what is not there is told", async () => {
  const mutation = { ...MUTATIONS[0]!, changes: [["no such text", ""]] as [string, string][] };
  await expect(applyMutation(client, mutation)).rejects.toThrow("holds 0 times");
  await expect(applyMutation(client, { ...mutation, function: "no_such" })).rejects.toThrow(
    "0 functions",
  );
});

test("each has a name of its own, and tests that are to find it", () => {
  const missing = MUTATIONS.flatMap(({ tests }) => tests).filter(
    (file) => !existsSync(join(ROOT, `${file}.test.ts`)),
  );
  expect(missing).toEqual([]);
  expect(MUTATIONS.filter(({ tests }) => tests.length === 0)).toEqual([]);
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
});

/** Paths below test/; in a list of several of one folder only the first names it. */
function testsNamedIn(text: string): string[] {
  let folder = "";
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => {
    const isWhole = existsSync(join(ROOT, "test", `${name}.test.ts`));
    const path = isWhole ? name! : `${folder}/${name}`;
    folder = dirname(path);
    return `test/${path}`;
  });
}

test("the table of the documentation names them all, and the tests of each", () => {
  const page = readFileSync(join(ROOT, "docs/guarantees.md"), "utf8");
  const rows = [...page.matchAll(/^\| ([^|]+?) +\| ((?:torture: |`)[^|]+?) +\|$/gm)];
  const told = rows.map(([, what, finders]) => [what!, testsNamedIn(finders!).toSorted()]);
  const listed = MUTATIONS.map(({ what, tests }) => [what, tests.toSorted()] as const);
  expect(new Map(told as [string, string[]][])).toEqual(new Map(listed));
});

const nothing = { finders: [], blind: [], errors: [] };

test.each([
  ["a check that says so", 1, false, "t WRONG (books): x", { finders: ["torture: books"] }],
  ["a run that never ends", 130, true, BEGUN, { finders: ["torture: never ended"] }],
  ["a run that never begins", 130, true, "seed 1", { errors: [expect.stringContaining("seed 1")] }],
  ["a run that breaks down", 1, false, BEGUN, { errors: [expect.stringContaining("with 1")] }],
  ["a run in which all is right", 0, false, BEGUN, {}],
])("what the simulator finds: %s", (_, code, isHung, output, expected) => {
  expect(judgeTorture({ code, isHung, output })).toEqual({ ...nothing, ...expected });
});

test("what tests find: one that fails, none that passes or cannot be run", () => {
  const report: JestReport = {
    testResults: [
      { name: "/x/test/red.test.ts", message: "", assertionResults: [{ status: "failed" }] },
      { name: "/x/test/green.test.ts", message: "", assertionResults: [{ status: "passed" }] },
      { name: "/x/test/no.test.ts", message: "cannot be read", assertionResults: [] },
    ],
  };
  const ended = { code: 1, isHung: false, output: "" };
  expect(judgeTests(["test/red", "test/green", "test/no"], ended, report)).toEqual({
    finders: ["test/red"],
    blind: ["test/green"],
    errors: [expect.stringContaining("cannot be read")],
  });
  expect(judgeTests(["test/red"], ended, undefined).finders).toEqual([]);
  const output = "FAIL test/red.test.ts\nPASS test/green.test.ts (1 s)";
  const hung = { code: null, isHung: true, output };
  expect(judgeTests(["test/red", "test/late", "test/green"], hung, undefined)).toEqual({
    finders: ["test/red", "test/late (never ended)"],
    blind: ["test/green"],
    errors: [],
  });
});
