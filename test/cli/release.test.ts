import { afterAll, beforeEach, expect, test } from "@jest/globals";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, type Login, type TestDatabase } from "../support/database.ts";
import { MIGRATIONS } from "../support/global-setup.ts";
import { runCli, startCli, type Result } from "../support/run-cli.ts";
import { until } from "../support/temporary.ts";

/* A program meets a database that another version of it migrated. */

const NEWEST = `${readdirSync(join(MIGRATIONS, "committed")).toSorted().at(-1)!.slice(0, 6)}.sql`;
let database: TestDatabase;

beforeEach(async () => {
  await database?.drop();
  database = await createDatabase();
});
afterAll(() => database?.drop());

const chain = (sql: string) => database.pool.query(sql);

/** What a program says at its end, which is to come at once: one that starts is stopped. */
async function end(command: string, login: Login): Promise<Result> {
  const DATABASE_URL = database.urlOf(login);
  const { process, ended } = startCli([command], { DATABASE_URL, PORT: "0" });
  const stopping = setTimeout(() => process.kill("SIGTERM"), 20_000);
  return ended.finally(() => clearTimeout(stopping));
}

test.each<[string, Login]>([
  ["serve", "daybook_authenticator"],
  ["work", "daybook_worker"],
  ["verify", "test_admin"],
])(
  "one that lacks the newest migration is refused, with what to do: %s",
  async (command, login) => {
    await chain(`delete from graphile_migrate.migrations where filename = '${NEWEST}'`);
    expect(await end(command, login)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        `^daybook: the database was last migrated by an older version of Daybook \\(to \\d+.sql; this one needs ${NEWEST}\\): run daybook migrate\n$`,
      ),
    });
  },
);

test("one whose migrations nobody was let read is of an older version; migrating it mends that", async () => {
  await chain("revoke all on graphile_migrate.migrations from public");
  const said =
    "daybook: the database was last migrated by an older version of Daybook: run daybook migrate\n";
  await chain("grant usage on schema graphile_migrate to public");
  expect(await end("work", "daybook_worker")).toMatchObject({ code: 1, stderr: said });
  await chain("revoke all on schema graphile_migrate from public");
  expect(await end("work", "daybook_worker")).toMatchObject({ code: 1, stderr: said });

  expect(await runCli(["migrate"], { DATABASE_URL: database.url })).toMatchObject({ code: 0 });
  const running = startCli(["work"], { DATABASE_URL: database.urlOf("daybook_worker") });
  await until("it works", () => running.output.stderr.includes("working")).finally(() =>
    running.process.kill("SIGTERM"),
  );
  expect(await running.ended).toMatchObject({ code: 0 });
});

test("one that is newer is refused by the programs as by migrate", async () => {
  await chain(
    "insert into graphile_migrate.migrations (hash, filename) values ('sha1:00', '999999.sql')",
  );
  const said =
    "daybook: the database has migration 999999.sql, which this version of Daybook does not know: " +
    "use the version that migrated it, or a newer one\n";
  expect(await end("work", "daybook_worker")).toMatchObject({ code: 1, stderr: said });
  const { stderr } = await runCli(["migrate"], { DATABASE_URL: database.url });
  expect(stderr).toContain(said);
});

test("one whose newest migration is another is refused", async () => {
  await chain(
    `update graphile_migrate.migrations set hash = 'sha1:00' where filename = '${NEWEST}'`,
  );
  expect(await end("work", "daybook_worker")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^daybook: migration \d+\.sql in the database is not the committed \d/,
    ),
  });
});

test("one whose schema was made by hand says nothing of versions", async () => {
  await chain("drop schema graphile_migrate cascade");
  expect(await runCli(["verify"], { DATABASE_URL: database.urlOf("test_admin") })).toMatchObject({
    code: 0,
  });
});
