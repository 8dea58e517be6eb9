import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { withSettings } from "../../src/database-url.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { runCli, type Result } from "../support/run-cli.ts";
import { temporaryFolder } from "../support/temporary.ts";

const CLI = resolve(import.meta.dirname, "../../src/cli.ts");
const folder = temporaryFolder();
const file = join(folder.path, "january.ndjson");
const refusedFile = `${file}.refused.ndjson`;
const ACCOUNTS = [
  { address: "cash", currency: "EUR", normal_balance: "debit" },
  { address: "users:alice", currency: "EUR" },
];
const HEADER = JSON.stringify({ accounts: ACCOUNTS });
let db: TestDatabase;
let ledger: string;
let count = 0;

beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(() => {
  ledger = `books_${(count += 1)}`;
  rmSync(refusedFile, { force: true });
});
afterAll(async () => {
  await db?.drop();
  folder.remove();
});

/** A line that moves an amount, given as JSON text, from cash to alice. */
function move(amount: string, more = ""): string {
  return `{"entries":[{"account":"cash","direction":"debit","amount":${amount}},{"account":"users:alice","direction":"credit","amount":${amount}}]${more}}`;
}

function importLines(lines: string[] | Buffer, ...flags: string[]): Promise<Result> {
  writeFileSync(file, Buffer.isBuffer(lines) ? lines : `${lines.join("\n")}\n`);
  return importFile(...flags);
}

function importFile(...flags: string[]): Promise<Result> {
  const args = ["import", file, "--ledger", ledger, "--create-ledger", ...flags];
  // A zone of the session's own must not move the times in the file.
  const url = withSettings(db.urlOf("test_admin"), { timezone: "Asia/Tokyo" });
  return runCli(args, { DATABASE_URL: url });
}

function importFromStdin(input: string, ...flags: string[]) {
  return spawnSync(process.execPath, [CLI, "import", "-", "--ledger", ledger, ...flags], {
    input,
    env: { ...process.env, DATABASE_URL: db.urlOf("test_admin") },
    cwd: folder.path,
    encoding: "utf8",
  });
}

async function balance(account = "users:alice"): Promise<string | undefined> {
  const { rows } = await db.pool.query<{ posted_amount: string }>(
    "select posted_amount from daybook.balances where ledger = $1 and account = $2",
    [ledger, account],
  );
  return rows[0]?.posted_amount;
}

type RefusedLine = { line: number; error_code: string; message: string; input: string };

function refusedLines(): RefusedLine[] {
  if (!existsSync(refusedFile)) return [];
  const lines = readFileSync(refusedFile, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as RefusedLine).toSorted((a, b) => a.line - b.line);
}

const codes = () => refusedLines().map(({ line, error_code }) => [line, error_code]);

test("explains itself with examples", async () => {
  const { code, stdout } = await runCli(["import", "--help"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Examples:\n {2}\$ daybook import/);
});

describe("a file without a fault", () => {
  const facts =
    ',"effective_at":"2024-01-31","external_id":"r1","description":"rent","metadata":{"n":1.10}';
  const lines = [HEADER, move("100", facts), move('"23"'), move('"23"')];

  test("opens the accounts and makes its transactions, equal lines too", async () => {
    const { code, stdout, stderr } = await importLines(lines);
    expect(stdout).toMatch(
      /^accounts: 2 opened, 0 already there\ntransactions: 3 created, 0 already/,
    );
    expect(stderr).toMatch(/^\S+ info import: 100 %, 3 transactions, \d+ per second\n$/);
    expect(code).toBe(0);
    expect([await balance(), await balance("cash")]).toEqual(["146", "146"]);
    const { rows } = await db.pool.query(
      `select effective_at, description, metadata::text from daybook.transactions
        where ledger = $1 and external_id = 'r1'`,
      [ledger],
    );
    const effective_at = new Date("2024-01-31T00:00:00Z");
    expect(rows).toEqual([{ effective_at, description: "rent", metadata: '{"n": 1.10}' }]);
    expect(existsSync(refusedFile)).toBe(false);
  });

  test("changes nothing the second time and says so", async () => {
    await importLines(lines);
    const { code, stdout } = await importFile();
    expect(stdout).toMatch(/^nothing new: 3 already there\n/);
    expect(stdout).toMatch(/transactions: 0 created, 3 already there, 0 refused/);
    expect(code).toBe(0);
    expect(await balance()).toBe("146");
  });

  test("gives only what is new when lines were corrected, added and removed", async () => {
    await importLines(lines);
    const { stdout } = await importLines([
      HEADER,
      move("7"),
      move('"23"'),
      move('"23"'),
      move('"23"'),
    ]);
    expect(stdout).toMatch(/transactions: 2 created, 2 already there/);
    expect(await balance()).toBe("176"); // 100 + 3 × 23 + 7
  });

  test("is another import under another name", async () => {
    await importLines(lines.slice(0, 3).toSpliced(1, 1));
    await importFile("--name", "february");
    expect(await balance()).toBe("46");
  });

  test("comes from standard input as well", async () => {
    const input = lines.join("\n");
    expect(importFromStdin(input, "--create-ledger")).toMatchObject({
      status: 0,
      stderr: expect.not.stringMatching("%"),
    });
    expect(importFromStdin(input).stdout).toMatch(/^nothing new: 3 already there/);
    expect(await balance()).toBe("146");
  });

  test("may be split over several connections", async () => {
    const many = Array.from({ length: 300 }, (_, index) => move(`${index + 1}`));
    const { stdout } = await importLines([HEADER, ...many], "--connections", "4");
    expect(stdout).toMatch(/300 created/);
    expect(await balance()).toBe("45150");
  });

  test("is applied line after line over one connection", async () => {
    const versioned = Array.from({ length: 150 }, (_, version) =>
      move("1").replace('"debit"', `"debit","lock_version":${version}`),
    );
    expect(await importLines([HEADER, ...versioned])).toMatchObject({ code: 0 });
    expect(await balance()).toBe("150");
  });
});

describe("refused lines", () => {
  test("are reported with number, code and text, and the rest goes on", async () => {
    const unbalanced = move("5").replace('"credit","amount":5', '"credit","amount":6');
    const stranger = move("5").replace("users:alice", "users:bob");
    const lines = [HEADER, move("1"), unbalanced, stranger, '{"entries": [', "[1]", move("2")];
    const { code, stdout } = await importLines(lines);
    expect(code).toBe(3);
    expect(stdout).toMatch(/2 created, 0 already there, 4 refused/);
    expect(stdout).toContain(`refused lines (LDARG 2, LDUNB 1, LDACC 1) are in ${refusedFile}`);
    const [first, ...others] = refusedLines();
    expect(first).toEqual({
      line: 3,
      error_code: "LDUNB",
      message: expect.any(String),
      detail: expect.objectContaining({ currency: "EUR" }),
      input: unbalanced,
    });
    expect(others.map(({ line, error_code, input }) => [line, error_code, input])).toEqual([
      [4, "LDACC", stranger],
      [5, "LDARG", lines[4]],
      [6, "LDARG", "[1]"],
    ]);
    expect(await balance()).toBe("3");
  });

  test("are gone from the report once they are corrected", async () => {
    await importLines([HEADER, move("1"), move("0")]);
    expect(codes()).toEqual([[3, "LDAMT"]]);
    const { code, stdout } = await importLines([HEADER, move("1"), move("10")]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/1 created, 1 already/),
    });
    expect(existsSync(refusedFile)).toBe(false);
  });

  test.each([
    [
      "an unknown field",
      move("1", ',"colour":"red"'),
      /colour: transaction_input has no such field/,
    ],
    [
      "an unknown field of an entry",
      move("1").replace('"account"', '"acount"'),
      /entries\[1\]\.acount/,
    ],
    ["__proto__", move("1", ',"__proto__":{}'), /__proto__: transaction_input has no such field/],
    [
      "a bound that there is not",
      move("1").replace('"amount"', '"posted_balance":{"gte":0,"max":1},"amount"'),
      /entries\[1\]\.posted_balance\.max/,
    ],
    ["entries that are no array", '{"entries":"{}"}', /entries: must be an array/],
    [
      "an entry that is no object",
      '{"entries":["(cash,debit,1)"]}',
      /entries\[1\]: must be an object/,
    ],
    [
      "a number where a text belongs",
      move("1", ',"description":12'),
      /description: must be a string/,
    ],
    [
      "a text where a truth belongs",
      move("1", ',"archive_on_lock_failure":"no"'),
      /must be true or false/,
    ],
    ["an amount that is no number", move("true"), /entries\[1\]\.amount: must be a number/],
    ["an unknown direction", move("1").replace("debit", "sideways"), /sideways/],
    ["a date that is none", move("1", ',"effective_at":"31.02.2024"'), /31\.02\.2024/],
    [
      "a character that PostgreSQL has not",
      move("1", String.raw`,"description":"\u0000"`),
      /\\u0000|Unicode/,
    ],
    ["accounts beside entries", move("1", ',"accounts":[]'), /accounts: transaction_input has/],
    [
      "an unknown field of an account",
      '{"accounts":[{"address":"a","currency":"EUR","colour":"red"}]}',
      /accounts\[1\]\.colour/,
    ],
    ["an account that is null", '{"accounts":[null]}', /accounts\[1\]: must be an object/],
  ])("with %s are LDARG", async (_name, line, message) => {
    const { code } = await importLines([HEADER, line, move("1")]);
    expect(code).toBe(3);
    expect(refusedLines()).toEqual([
      expect.objectContaining({
        line: 2,
        error_code: "LDARG",
        message: expect.stringMatching(message),
      }),
    ]);
    expect(await balance()).toBe("1");
  });

  test("go where --refused says", async () => {
    const elsewhere = join(folder.path, "elsewhere.ndjson");
    await importLines([HEADER, "nonsense"], "--refused", elsewhere);
    expect(readFileSync(elsewhere, "utf8")).toMatch(/^\{"line":2,"error_code":"LDARG".*\}\n$/);
    expect(existsSync(refusedFile)).toBe(false);
  });
});

describe("amounts are exact", () => {
  test("with thirty digits, as number and as text, beyond what JavaScript can count", async () => {
    const amount = "123456789012345678901234567891";
    await importLines([HEADER, move(amount), move(`"${amount}"`), move("9007199254740993")]);
    expect(await balance()).toBe("246913578024700365001723876775");
  });

  test("or refused, never rounded", async () => {
    const amounts = ["0.5", "1e-1", "9007199254740993.5", '"1e36"', "-1", '"NaN"'];
    await importLines([HEADER, ...amounts.map((amount) => move(amount)), move("1.00")]);
    expect(codes()).toEqual(amounts.map((_, index) => [index + 2, "LDAMT"]));
    expect(await balance()).toBe("1");
  });
});

test("a byte order mark, CRLF, blank lines, a missing last line end, foreign bytes, endless lines", async () => {
  const parts = [
    `\uFEFF${HEADER}\r\n\r\n`,
    `${move("1")}\r\n  \n`,
    Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]),
    move("1", `,"metadata":{"x":"${"x".repeat(1_048_576)}"}`),
    `\n${move("2")}`,
  ];
  const { code } = await importLines(Buffer.concat(parts.map((part) => Buffer.from(part))));
  expect(code).toBe(3);
  expect(codes()).toEqual([
    [5, "LDARG"],
    [6, "LDARG"],
  ]);
  const [bytes, long] = refusedLines();
  expect(bytes!.message).toMatch(/not UTF-8/);
  expect(long!.message).toMatch(/longer than 1048576 bytes/);
  expect(long!.input).toHaveLength(1000);
  expect(await balance()).toBe("3");
});

describe("accounts", () => {
  test("of a line are open for the lines behind it, not for those before", async () => {
    const others = Array.from({ length: 300 }, (_, n) => ({ address: `a:${n}`, currency: "EUR" }));
    const slow = JSON.stringify({ accounts: [...others, ...ACCOUNTS] });
    const lines = Array.from({ length: 50 }, () => move("1"));
    const { stdout } = await importLines([...lines, slow, ...lines, HEADER], "-c", "3");
    expect(codes()).toEqual(lines.map((_, index) => [index + 1, "LDACC"]));
    expect(stdout).toMatch(/accounts: 302 opened, 2 already there/);
    expect(await balance()).toBe("50");
  });

  test("come from a file of their own, which may have faults too", async () => {
    const accounts = join(folder.path, "accounts.ndjson");
    const nowhere = '{"address":"x","currency":"XYZZY"}';
    writeFileSync(
      accounts,
      [...ACCOUNTS.map((account) => JSON.stringify(account)), nowhere].join("\n"),
    );
    const { code, stdout } = await importLines([move("1")], "--accounts", accounts);
    expect(code).toBe(3);
    expect(stdout).toMatch(/accounts: 2 opened.*\n.*1 created, 0 already there, 1 refused/);
    expect(refusedLines()).toEqual([
      expect.objectContaining({ file: accounts, line: 3, error_code: "LDCUR" }),
    ]);
  });

  test("opened differently before are LDDUP, and the lines go on", async () => {
    await importLines([HEADER]);
    await importLines([HEADER.replace("debit", "credit"), move("1")]);
    expect(codes()).toEqual([[1, "LDDUP"]]);
    expect(await balance()).toBe("1");
  });
});

describe("keys", () => {
  test("of the lines themselves are kept: used again for something else they are LDIDM", async () => {
    const key = ',"idempotency_key":"k1"';
    await importLines([HEADER, move("1", key), move("2", key), move("1.0", key)]);
    expect(codes()).toEqual([[3, "LDIDM"]]);
    expect(await balance()).toBe("1");
  });
});

test("a decline that is kept is counted as such", async () => {
  const bounded = move("1", ',"archive_on_lock_failure":true').replace(
    '"amount"',
    '"posted_balance":{"lt":0},"amount"',
  );
  const { code, stdout } = await importLines([HEADER, bounded]);
  expect(stdout).toMatch(/0 created, 1 declined, 0 already there, 0 refused/);
  expect(code).toBe(0);
});

describe("ends with 1 before any line, and leaves the report of the last run, if", () => {
  const nowhere = "postgres://somebody@127.0.0.1:1/books"; // nobody listens on port 1
  test.each([
    ["the ledger is missing", ["--ledger", "nowhere"], "test_admin", /ledger/],
    ["the ledger is not the login's", ["--ledger", "nowhere"], "test_writer", /permission denied/],
    [
      "there is no such file",
      ["--ledger", "main", "--refused", refusedFile],
      "test_admin",
      /ENOENT/,
    ],
    [
      "there is no file of accounts",
      ["--ledger", "main", "--accounts", "/none"],
      "test_admin",
      /ENOENT/,
    ],
    ["nobody answers", ["--ledger", "main"], undefined, /ECONNREFUSED/],
  ] as const)("%s", async (_name, flags, login, message) => {
    writeFileSync(file, `${HEADER}\nnonsense\n`);
    writeFileSync(refusedFile, "what was refused");
    const input = flags.includes(refusedFile as never) ? join(folder.path, "missing") : file;
    const args = ["import", input, ...flags];
    const { code, stdout, stderr } = await runCli(args, {
      DATABASE_URL: login ? db.urlOf(login) : nowhere,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n").at(-1)).toMatch(/^daybook: /);
    expect(readFileSync(refusedFile, "utf8")).toBe("what was refused");
  });
});

test.each([
  ["no ledger", ["import", "x"], /--ledger/],
  ["no file", ["import", "--ledger", "main"], /missing required argument 'file'/],
  ["half a connection", ["import", "x", "-l", "main", "-c", "0.5"], /--connections must be/],
  ["an endless name", ["import", "x", "-l", "main", "--name", "x".repeat(151)], /--name must be/],
  [
    "its own input for the refused",
    ["import", "x", "-l", "main", "--refused", "./x"],
    /--refused must/,
  ],
])("exit code 2 for %s", async (_name, args, message) => {
  const { code, stderr } = await runCli(args, { DATABASE_URL: db.url });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
});
