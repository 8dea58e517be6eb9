import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { minorUnits, type Row } from "../../examples/berka/bank.ts";
import { transactionOf } from "../../examples/berka/books.ts";
import { figuresOf } from "../../examples/berka/figures.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { runCli, startProgram, type Result } from "../support/run-cli.ts";
import { temporaryFolder } from "../support/temporary.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/berka");
const EXCERPT = join(EXAMPLE, "excerpt");
const folder = temporaryFolder();
const file = join(folder.path, "berka.ndjson");
let db: TestDatabase;
let converted: Result;

const runExample = (program: string, ...args: string[]): Promise<Result> =>
  startProgram(join(EXAMPLE, program), args, { DATABASE_URL: db.urlOf("test_admin") }).ended;

const importInto = (ledger: string): Promise<Result> =>
  runCli(["import", file, "--ledger", ledger, "--create-ledger"], {
    DATABASE_URL: db.urlOf("test_admin"),
  });

beforeAll(async () => {
  db = await createDatabase();
  converted = await runExample("convert.ts", EXCERPT);
  writeFileSync(file, converted.stdout);
});
afterAll(async () => {
  await db?.drop();
  folder.remove();
});

describe("the excerpt", () => {
  test("is converted, and the line that is cut off is reported, counted and skipped", () => {
    const lines = readFileSync(join(EXCERPT, "trans.asc"), "latin1").split("\r\n");
    expect(lines.at(-1)).toBe('3526882;11021;940331;"PRIJE');
    expect(converted.stderr).toMatch(
      /^trans\.asc line 236 skipped: .*\n234 transactions of 6 accounts, 1 line skipped\n$/,
    );
    expect(converted.code).toBe(0);
    expect(converted.stdout.trim().split("\n")).toHaveLength(1 + 234);
  });

  test("is imported, agrees with the bank's own figures, and a second time changes nothing", async () => {
    expect(await importInto("berka")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/12 opened.*\ntransactions: 234 created, 0 .*, 0 refused/),
    });
    const verified = await runExample("verify.ts", EXCERPT, "--ledger", "berka");
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(verified.stdout).toBe(
      "1 customers' balances equal the bank's figure exactly\n" +
        "3 differ by what its rounding adds up to, at most 10 haléře\n" +
        "2 lack a credit of 1994-03-31, where the file is cut off; the day before, they agree\n" +
        "0 are unexplained\n" +
        "234 transactions in the ledger, 234 in the file\n" +
        "debits 213959780, credits 213959780; by the entries 213959780 and 213959780\n",
    );
    expect((await importInto("berka")).stdout).toMatch(/^nothing new: 234 already there\n/);
  });

  test("touches every one of the bank's own accounts", async () => {
    await importInto("sides");
    const { rows } = await db.pool.query(
      `select account, normal_balance::text as side, lock_version > 0 as touched
         from daybook.balances where ledger = 'sides' and account like 'bank:%' order by account`,
    );
    expect(rows.map(({ account, side, touched }) => [account, side, touched])).toEqual([
      ["bank:cards", "credit", true],
      ["bank:cash", "debit", true],
      ["bank:clearing", "debit", true],
      ["bank:fees", "credit", true],
      ["bank:interest", "debit", true],
      ["bank:penalty-interest", "credit", true],
    ]);
  });

  test.each([
    ["a customer's balance that is one haléř off", ["customers:489", "bank:cash"], 1],
    ["a transaction that the bank does not know", ["bank:cash", "bank:clearing"], 2],
  ])("does not agree with %s", async (name, [debit, credit], amount) => {
    const ledger = `wrong_${amount}`;
    await importInto(ledger);
    await db.pool.query(
      "select daybook.create_transaction($1, array[daybook.debit($2, $4), daybook.credit($3, $4)])",
      [ledger, debit, credit, amount],
    );
    const { code, stdout } = await runExample("verify.ts", EXCERPT, "--ledger", ledger);
    expect(code).toBe(1);
    expect(stdout).toMatch(/235 transactions in the ledger, 234 in the file/);
    expect(/^1 are unexplained$/m.test(stdout)).toBe(name.startsWith("a customer"));
  });

  test("does not agree with a ledger where accounts are missing", async () => {
    const { code, stdout } = await runExample("verify.ts", EXCERPT, "--ledger", "nowhere");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^6 are unexplained$/m);
  });
});

const row = (more: Partial<Row>): Row => ({
  trans_id: "1",
  account_id: "7",
  date: "930131",
  type: "PRIJEM",
  operation: "VKLAD",
  amount: "700.00",
  balance: "700.00",
  k_symbol: "",
  bank: "",
  account: "",
  ...more,
});

test.each([
  ["a cash deposit", { type: "PRIJEM", operation: "VKLAD" }, "bank:cash", "customers:7"],
  ["a cash withdrawal", { type: "VYBER", operation: "VYBER" }, "customers:7", "bank:cash"],
  [
    "household money",
    { type: "VYDAJ", operation: "VYBER", k_symbol: "SIPO" },
    "customers:7",
    "bank:cash",
  ],
  ["a card", { type: "VYDAJ", operation: "VYBER KARTOU" }, "customers:7", "bank:cards"],
  ["a pension", { operation: "PREVOD Z UCTU", k_symbol: "DUCHOD" }, "bank:clearing", "customers:7"],
  [
    "insurance",
    { type: "VYDAJ", operation: "PREVOD NA UCET", k_symbol: "POJISTNE" },
    "customers:7",
    "bank:clearing",
  ],
  ["interest", { operation: "", k_symbol: "UROK" }, "bank:interest", "customers:7"],
  [
    "penalty interest",
    { type: "VYDAJ", operation: "VYBER", k_symbol: "SANKC. UROK" },
    "customers:7",
    "bank:penalty-interest",
  ],
  ["a fee", { type: "VYDAJ", operation: "VYBER", k_symbol: "SLUZBY" }, "customers:7", "bank:fees"],
])("%s is in the right books", (_name, more, debit, credit) => {
  expect(transactionOf(row(more))).toMatchObject({
    entries: [
      { account: debit, direction: "debit", amount: "70000" },
      { account: credit, direction: "credit", amount: "70000" },
    ],
    effective_at: "1993-01-31T00:00:00Z",
    idempotency_key: "berka:1",
    external_id: "1",
  });
});

test.each([
  [{ operation: "DAR" }, /neither DAR nor/],
  [{ type: "STORNO" }, /unknown type/],
  [{ amount: "1.5" }, /two decimals/],
  [{ date: "31.1.93" }, /no date/],
])("%j is not guessed at", (more, message) => {
  expect(() => transactionOf(row(more))).toThrow(message);
});

test("amounts become whole haléře without rounding", () => {
  expect(["0.29", "-1.10", "90071992547409.93"].map(minorUnits)).toEqual([
    29n,
    -110n,
    9007199254740993n,
  ]);
});

function day(date: string, ...rows: Array<[amount: string, balance: string]>): Row[] {
  return rows.map(([amount, balance]) => row({ date, amount, balance }));
}

describe("the bank's figure", () => {
  test("is the last one of the day in the order that fits, whatever the file's", () => {
    const rows = [
      ...day("930101", ["5.00", "5.00"]),
      ...day("930102", ["2.00", "8.00"], ["1.00", "6.00"]),
    ];
    expect(figuresOf(rows)).toMatchObject({
      last: { balance: 800n, rounding: 0n },
      missing: 0n,
      broken: false,
    });
  });

  test("may be off by 0.10 for each row that was rounded", () => {
    const rows = [
      ...day("930101", ["5.00", "5.10"]),
      ...day("930102", ["1.00", "6.20"], ["1.00", "7.10"]),
    ];
    expect(figuresOf(rows).last).toEqual({ balance: 710n, rounding: 10n });
  });

  test("lacks a row where it jumps on the last day, and is broken where it jumps before", () => {
    const jump = day("930102", ["1.00", "9.00"]);
    const first = day("930101", ["5.00", "5.00"]);
    expect(figuresOf([...first, ...jump])).toMatchObject({
      missing: 300n,
      broken: false,
      before: { balance: 500n, day: "930102" },
    });
    expect(figuresOf([...first, ...jump, ...day("930103", ["1.00", "10.00"])]).broken).toBe(true);
  });
});
