import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { decimal } from "../../src/export/hledger.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { runCli, startProgram } from "../support/run-cli.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* What hledger makes of an export is what the ledger says. */

const isThere = spawnSync("hledger", ["--version"]).status === 0;
/** Where it must be there it is not skipped. */
const isNeeded = process.env["DAYBOOK_TEST_HLEDGER"] !== undefined;
const withHledger = isThere || isNeeded ? describe : describe.skip;

const BERKA = resolve(import.meta.dirname, "../../examples/berka");
/** A ledger's name and the folder of its records. The whole bank is compared where a folder with it is named. */
const BANKS = [
  ["excerpt", join(BERKA, "excerpt"), 6],
  ["whole", process.env["DAYBOOK_TEST_BERKA"] ?? "", 1229],
].filter(([, source]) => source !== "") as Array<[string, string, number]>;
const folder = temporaryFolder();
const journal = join(folder.path, "rich.journal");
let db: TestDatabase;

beforeAll(async () => {
  db = await createDatabase();
  const admin = await db.connectAs("test_admin");
  await admin.query("select daybook.create_currency('X_9', 30, 'Points')");
  await fillRichLedger(admin, "rich");
  await admin.query("select daybook.grant_ledger_access('test_reader', 'rich', 'read')");
});
beforeEach(() => rmSync(journal, { force: true }));
afterAll(async () => {
  await db?.drop();
  folder.remove();
});

const exportAs = (login: Parameters<TestDatabase["urlOf"]>[0], ...args: string[]) =>
  runCli(["export", "--format", "hledger", ...args], { DATABASE_URL: db.urlOf(login) });

const hledger = (file: string, ...args: string[]) =>
  execFileSync("hledger", ["-f", file, ...args], { encoding: "utf8" });

/** The balances that are not zero as hledger has them: address, amount, currency. */
function balances(file: string, ...args: string[]): string[] {
  const csv = hledger(file, "balance", "--flat", "-N", "-O", "csv", ...args);
  const rows = csv.trim().split("\n").slice(1);
  return rows.map((row) => row.replaceAll('"', "").replace(",", " ")).toSorted();
}

/** The same by the ledger's own trial balance, of what took effect before a time. */
async function trialBalance(ledger: string, before?: string): Promise<string[]> {
  type Row = { account: string; currency: string; currency_exponent: number; net: string };
  const { rows } = await db.pool.query<Row>(
    `select account, currency, currency_exponent, (debit_balance - credit_balance)::text as net
       from daybook.trial_balance($1, $2::timestamptz - interval '1 microsecond')
      where account is not null and debit_balance <> credit_balance`,
    [ledger, before],
  );
  return rows
    .map(({ account, currency, currency_exponent: exponent, net }) => {
      const sign = net.startsWith("-") ? "-" : "";
      return `${account} ${sign}${decimal(net.replace("-", ""), exponent)} ${currency}`;
    })
    .toSorted();
}

withHledger("hledger", () => {
  beforeAll(() => expect(isThere || "hledger is missing: apt-get install hledger").toBe(true));

  test("agrees with a ledger of four currencies, to the unit", async () => {
    const { code, stdout, stderr } = await exportAs("test_reader", "-l", "rich", "-o", journal);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toMatch(/info export: 100 %, \d+ transactions, \d+ per second\n$/);
    const expected = await trialBalance("rich");
    expect(expected).toContain(`points:owned -999999.${"9".repeat(30)} X_9`);
    expect(expected).toContain("yen:owed -9007199254740993 JPY");
    expect(balances(journal)).toEqual(expected);
  });

  test.each(["2000-01-01", "2023-05-02", "2024-01-30", "2024-01-31"])(
    "agrees at the end of the day before %s",
    async (day) => {
      await exportAs("test_reader", "-l", "rich", "-o", journal);
      expect(balances(journal, "-e", day)).toEqual(await trialBalance("rich", `${day}T00:00:00Z`));
    },
  );

  test("finds nothing to complain about: all is balanced, declared and in order", async () => {
    await exportAs("test_reader", "-l", "rich", "-o", journal);
    expect(hledger(journal, "check", "--strict", "ordereddates")).toBe("");
  });

  test("reads descriptions and tags as they were meant", async () => {
    await exportAs("test_reader", "-l", "rich", "-o", journal);
    const descriptions = hledger(journal, "descriptions").trim().split("\n");
    expect(descriptions).toEqual(
      expect.arrayContaining([
        "rent, May | June, (paid)",
        "(7) * of seven",
        "! žluťoučký , kůň 円",
        "undone",
      ]),
    );
    expect(hledger(journal, "tags", "external_id", "--values")).toBe("a; b;c:d\nlater\n");
    const { rows } = await db.pool.query<{ id: string }>(
      "select id from daybook.transactions where external_id = 'later'",
    );
    expect(hledger(journal, "print", `code:${rows[0]!.id}`)).toMatch(
      /^2023-06-01 \* \([0-9a-f-]{36}\)\n {4}; effective_at:2023-06-01T00:00:00.000000Z, external_id:later\n/,
    );
  });

  test.each(BANKS)(
    "agrees with a real bank, to the haléř: %s",
    async (ledger, source, customers) => {
      const DATABASE_URL = db.urlOf("test_admin");
      const converted = await startProgram(join(BERKA, "convert.ts"), [source]).ended;
      const file = join(folder.path, `${ledger}.ndjson`);
      writeFileSync(file, converted.stdout);
      const lines = converted.stdout.match(/"entries"/g)!.length;
      const { stdout } = await runCli(["import", file, "-l", ledger, "--create-ledger"], {
        DATABASE_URL,
      });
      expect(stdout).toContain(`transactions: ${lines} created, 0 already there, 0 refused`);
      const verified = await startProgram(join(BERKA, "verify.ts"), [source, "--ledger", ledger], {
        DATABASE_URL,
      }).ended;
      expect(verified).toMatchObject({ code: 0, stderr: "" });
      const compared = [...verified.stdout.matchAll(/^(\d+) (customers' balances|differ|lack) /gm)];
      expect(compared.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(customers);
      expect(verified.stdout).toContain("\n0 are unexplained\n");
      await exportAs("test_admin", "-l", ledger, "-o", journal);
      expect(balances(journal)).toEqual(await trialBalance(ledger));
      if (ledger === "whole") return; // reading its journal takes hledger some seconds
      expect(balances(journal, "-e", "1993-06-01")).toEqual(
        await trialBalance(ledger, "1993-06-01T00:00:00Z"),
      );
    },
    300_000,
  );
});

describe("a journal", () => {
  test("has the posted transactions alone, in the order in which they took effect", async () => {
    const { stdout } = await exportAs("test_reader", "-l", "rich");
    const dates = [...stdout.matchAll(/^(\d+-\d\d-\d\d) \* \(/gm)].map(([, date]) => date!);
    const { rows } = await db.pool.query<{ date: string }>(
      `select to_char(effective_at at time zone 'UTC', 'YYYY-MM-DD') as date from daybook.transactions
        where ledger = 'rich' and status = 'posted' order by effective_at`,
    );
    expect(dates).toEqual(rows.map(({ date }) => date));
    expect(stdout).toMatch(
      /^account users:alice:card {2}; id:[0-9a-f-]+, currency:USD, normal_balance:credit$/m,
    );
  });

  test("is not begun where it cannot be finished: no dates before the year 1", async () => {
    const admin = await db.connectAs("test_admin");
    await admin.query("select daybook.create_ledger('ancient')");
    await admin.query(
      "select daybook.open_accounts('ancient', array[('a', 'USD', null, null, null, null, null), ('b', 'USD', null, null, null, null, null)]::daybook.account_input[])",
    );
    await admin.query(`select daybook.create_transaction('ancient',
      array[daybook.debit('a', 1), daybook.credit('b', 1)], effective_at => '0044-03-15 BC')`);
    const file = join(folder.path, "ancient.journal");
    const { code, stderr } = await exportAs("test_admin", "-l", "ancient", "-o", file);
    expect(stderr).toMatch(/^daybook: transaction [0-9a-f-]{36} took effect before the year 1$/m);
    expect([code, existsSync(file), existsSync(`${file}.partial`)]).toEqual([1, false, false]);
  });

  test("never takes the place of a file that exists", async () => {
    writeFileSync(journal, "mine");
    const { code, stderr } = await exportAs("test_reader", "-l", "rich", "-o", journal);
    expect(stderr).toBe(`daybook: ${journal} exists: choose another --out\n`);
    expect([code, readFileSync(journal, "utf8")]).toEqual([2, "mine"]);
  });

  test.each(["rich", "nowhere"])("is refused to who may not read all of %s", async (ledger) => {
    const admin = await db.connectAs("test_admin");
    await admin.query("select daybook.grant_category_access('test_auditor', 'rich', 'users')");
    const { code, stderr } = await exportAs("test_auditor", "-l", ledger);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `daybook: there is no ledger "${ledger}" that this login may read\n`,
    });
  });
});

test("minor units become decimals without arithmetic", () => {
  expect([decimal("5", 0), decimal("5", 2), decimal("12345", 2), decimal("1", 30)]).toEqual([
    "5",
    "0.05",
    "123.45",
    `0.${"0".repeat(29)}1`,
  ]);
});
