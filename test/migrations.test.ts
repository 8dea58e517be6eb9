import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../src/log.ts";
import { ensurePartitions } from "../src/migrate/as-owner.ts";
import { runUncommitted } from "../src/migrate/committed.ts";
import { createRoles } from "../src/migrate/roles.ts";
import { migrateWorkerSchema } from "../src/migrate/worker-schema.ts";
import { createDatabase, createEmptyDatabase, type TestDatabase } from "./support/database.ts";
import { MIGRATIONS } from "./support/global-setup.ts";

const FIXTURES = join(MIGRATIONS, "fixtures");
const INCLUDE = /^--![ \t]*include[ \t]+(\S+\.sql)[ \t]*$/;

const fixtures = globSync("**/*.sql", { cwd: FIXTURES });
const committed = globSync("committed/*.sql", { cwd: MIGRATIONS });
const read = (...path: string[]) => readFileSync(join(MIGRATIONS, ...path), "utf8");
const linesWith = (text: string, pattern: RegExp) =>
  text.split("\n").filter((line) => pattern.test(line));

/** A file's statements without comments and strings, in which the words below may be spoken of. */
const codeOf = (file: string) =>
  read(file)
    .replace(/--.*$/gm, "")
    .replace(/'(?:[^']|'')*'/g, "''");
const DESTROYS = /\bdrop\s+(table|schema)\b|\btruncate\b(?!\s+(on|or|from)\b|\s*,)|\bcascade\b/i;

test("no committed migration has an include that was not resolved", () => {
  const unresolved = committed.filter((file) => /^--!\s*include\b/im.test(read(file)));
  expect(unresolved).toEqual([]);
});

test("no committed migration destroys anything", () => {
  const destructive = committed.flatMap((file) => linesWith(codeOf(file), DESTROYS));
  expect(destructive).toEqual([]);
});

test("every include is written in the one form that graphile-migrate sees", () => {
  const texts = [...fixtures.map((file) => read("fixtures", file)), stagedText()];
  const includes = texts.flatMap((text) => linesWith(text, /!\s*include/i));
  expect(includes.filter((line) => !INCLUDE.test(line))).toEqual([]);
});

test("daybook.sql reaches every file under fixtures", () => {
  const reached = new Set<string>();
  const visit = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const line of linesWith(read("fixtures", file), INCLUDE)) visit(INCLUDE.exec(line)![1]!);
  };
  visit("daybook.sql");
  expect(fixtures.filter((file) => !reached.has(file.replaceAll("\\", "/")))).toEqual([]);
});

describe("two builds, one catalog", () => {
  let migrated: TestDatabase;
  let fromNothing: TestDatabase;

  beforeAll(async () => {
    migrated = await createDatabase();
    fromNothing = await createEmptyDatabase();
    await buildFromNothing(fromNothing);
  });
  afterAll(async () => {
    await migrated?.drop();
    await fromNothing?.drop();
  });

  test("what was committed and staged is what fixtures/daybook.sql says", async () => {
    const expected = await catalog(fromNothing);
    const found = await catalog(migrated);
    const missing = [...expected].filter(
      ([object, definition]) => found.get(object) !== definition,
    );
    const surplus = [...found.keys()].filter((object) => !expected.has(object));
    expect({ missing: Object.fromEntries(missing), surplus }).toEqual({ missing: {}, surplus: [] });
    expect(expected.size).toBeGreaterThan(100); // the query does see the ledger
  });
});

async function buildFromNothing({ url, connect }: TestDatabase): Promise<void> {
  const client = await connect();
  await createRoles(client, MIGRATIONS);
  await migrateWorkerSchema(url, silentLog);
  const options = { connectionString: url, migrationsFolder: MIGRATIONS, log: silentLog };
  await runUncommitted(options, read("fixtures", "daybook.sql"), "daybook.sql");
  await ensurePartitions(client);
}

/** Definitions by kind and name. */
async function catalog({ pool }: TestDatabase): Promise<Map<string, string>> {
  const sql = readFileSync(join(import.meta.dirname, "support", "catalog.sql"), "utf8");
  const { rows } = await pool.query<{ kind: string; name: string; definition: string }>(sql);
  return new Map(rows.map(({ kind, name, definition }) => [`${kind} ${name}`, definition]));
}

function stagedText(): string {
  return existsSync(join(MIGRATIONS, "current.sql")) ? read("current.sql") : "";
}
