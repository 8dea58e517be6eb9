import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryFolder, until } from "../support/temporary.ts";
import { writeMigrations } from "../support/write-migrations.ts";

const folder = temporaryFolder();
const migrationsFolder = join(folder.path, "migrations");
const first = "create schema daybook; create table daybook.first ();";
const second = "create table daybook.second ();";
let database: TestDatabase;

const migrateDatabase = () =>
  migrate({ connectionString: database.url, migrationsFolder, log: silentLog });

beforeEach(async () => {
  writeMigrations(migrationsFolder, first, second);
  database = await createEmptyDatabase();
});
afterEach(() => database?.drop());
afterAll(() => folder.remove());

describe("a chain of migrations that is not intact is refused", () => {
  const file = join(migrationsFolder, "committed", "000001.sql");
  const changed = /000001\.sql was changed after it was committed/;

  test("changed before it was applied", async () => {
    appendFileSync(file, "-- one word more\n");
    await expect(migrateDatabase()).rejects.toThrow(changed);
  });

  test("changed after it was applied", async () => {
    await migrateDatabase();
    writeFileSync(file, readFileSync(file, "utf8").replace("daybook.first", "daybook.other"));
    await expect(migrateDatabase()).rejects.toThrow(changed);
  });

  test("replaced by another with a valid hash after it was applied", async () => {
    await migrateDatabase();
    writeMigrations(migrationsFolder, "create schema daybook;", second);
    await expect(migrateDatabase()).rejects.toThrow(
      /000001\.sql in the database is not the committed/,
    );
  });

  test("shorter than what the database has", async () => {
    await migrateDatabase();
    rmSync(join(migrationsFolder, "committed", "000002.sql"));
    await expect(migrateDatabase()).rejects.toThrow(
      /000002\.sql, which this version .* does not know/,
    );
  });

  test("with a missing link", async () => {
    rmSync(file);
    await expect(migrateDatabase()).rejects.toThrow(/expected a previous migration/);
  });

  test("without any", async () => {
    rmSync(join(migrationsFolder, "committed"), { recursive: true });
    await expect(migrateDatabase()).rejects.toThrow(/there are no committed migrations/);
  });
});

test("a migration that fails names its error, and what came before stays applied", async () => {
  writeMigrations(migrationsFolder, first, "select 1 / 0;");
  await expect(migrateDatabase()).rejects.toThrow(/division by zero/);
  const applied = await database.pool.query("select filename from graphile_migrate.migrations");
  expect(applied.rows).toEqual([{ filename: "000001.sql" }]);
  writeMigrations(migrationsFolder, first, second);
  await migrateDatabase();
});

test("waits for another migration, but not for ever", async () => {
  const other = await database.connect();
  await other.query("select pg_advisory_lock(7264101)");
  const options = { connectionString: database.url, migrationsFolder, log: silentLog };
  await expect(migrate({ ...options, patience: 100 })).rejects.toThrow(
    /another migration of this database has not ended within 0.1 s/,
  );
  const waiting = migrate(options);
  await other.end();
  await waiting;
});

test("waits for graphile-migrate's own command line", async () => {
  const other = await database.connect();
  await other.query("select pg_advisory_lock(4727445306447283)");
  const waiting = migrateDatabase();
  await until("it has got that far", async () => {
    const { rows } = await database.pool.query(
      "select to_regclass('graphile_worker.migrations') as it",
    );
    return rows[0].it !== null;
  });
  await other.end();
  await waiting;
});

test("daybook migrate brings a database up to date with the real migrations, and again", async () => {
  const environment = { DATABASE_URL: database.url };
  const upToDate = { code: 0, stderr: expect.stringMatching(/is up to date\n$/) };
  expect(await runCli(["migrate"], environment)).toMatchObject(upToDate);
  expect(await runCli(["migrate"], environment)).toMatchObject(upToDate);
});
