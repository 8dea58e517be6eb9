import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { moveMonth, monthsAgo, writeHistory } from "../support/history.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryFolder } from "../support/temporary.ts";

let database: TestDatabase;
let ledger: string;
const temporary = temporaryFolder();

beforeAll(async () => {
  database = await createDatabase();
  ({ ledger } = await writeHistory(database, [3, 0], 20));
  await moveMonth(database, "detach_month", monthsAgo(3), 1000);
}, 60_000);
afterAll(async () => {
  temporary.remove();
  await database?.drop();
});

const run = (...args: string[]) =>
  runCli([...args, "--ledger", ledger], { DATABASE_URL: database.urlOf("test_admin") });

test("verify finds nothing wrong, and says what of the log it could not read", async () => {
  const books = await run("verify");
  expect(books).toMatchObject({ code: 0 });
  const log = await run("verify", "--log");
  expect(log).toMatchObject({ code: 0 });
  expect(log.stdout).toMatch(
    / records, all where they were sealed, \d+ not read as a whole because their entries are detached; head /,
  );
});

test.each([["json"], ["hledger"]])(
  "export --format %s does not write half a ledger",
  async (format) => {
    const out = join(temporary.path, format);
    const { code, stderr } = await run(
      "export",
      "--out",
      out,
      ...(format === "hledger" ? ["--format", format] : []),
    );
    expect(code).toBe(1);
    expect(stderr).toContain("months of entries of the ledger");
    expect(stderr).toContain("daybook.attach_month");
    expect(existsSync(out)).toBe(false);
  },
);

test("a ledger that nothing left of is written out", async () => {
  await database.pool.query("select daybook.create_ledger('new')");
  const { code } = await runCli(
    ["export", "--ledger", "new", "--out", join(temporary.path, "new")],
    {
      DATABASE_URL: database.urlOf("test_admin"),
    },
  );
  expect(code).toBe(0);
});
