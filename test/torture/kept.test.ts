import { afterEach, expect, test } from "@jest/globals";
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { judgeEvidence } from "../../torture/checks/judge-evidence.ts";
import { readFailure } from "../../torture/report/keep.ts";
import { kindsOf } from "../../torture/report/kinds.ts";
import { replay } from "../../torture/replay/replay.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";

/*
 * Histories in which the simulator found something, each with as little as it takes: the simulator still finds it, and the ledger does not do it
 * any more when the same is asked again.
 */

const FOLDER = join(import.meta.dirname, "kept");
const names = globSync("*.json", { cwd: FOLDER }).map((file) => basename(file, ".json"));
const kept = (name: string) => readFailure(join(FOLDER, `${name}.json`));

let database: TestDatabase | undefined;
afterEach(() => database?.drop());

test.each(names)("%s is judged as it was", (name) => {
  const { kinds, evidence } = kept(name);
  expect(kinds).not.toEqual([]);
  expect(kindsOf(judgeEvidence(evidence).findings)).toEqual(kinds);
});

test.each(names)("%s, played again, is right", async (name) => {
  database = await createDatabase();
  const { url, pool } = database;
  expect(await replay(kept(name).evidence, { url, pool, role: "test_reader" })).toEqual({
    findings: [],
    skipped: 0,
  });
});
