import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { runCli, startCli } from "../support/run-cli.ts";
import { temporaryFolder, until } from "../support/temporary.ts";

const URL = "postgres://someone:secret@127.0.0.1:1/books"; // nobody listens on port 1

test.each([
  [[]],
  [["dev"]],
  [["export"]],
  [["migrate"]],
  [["rebuild"]],
  [["serve"]],
  [["verify"]],
  [["work"]],
])("daybook %j --help explains itself with examples", async (command) => {
  const { code, stdout } = await runCli([...command, "--help"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Usage: daybook/);
  expect(stdout).toMatch(/Examples:\n {2}\$ /);
});

test("import --help says how long repeating an import changes nothing", async () => {
  const { stdout } = await runCli(["import", "--help"]);
  expect(stdout.replaceAll(/\s+/g, " ")).toContain(
    "repeating an import changes nothing as long as keys are kept, 30 days unless the worker was told otherwise",
  );
});

test("daybook --version is the package's", async () => {
  expect(await runCli(["--version"])).toMatchObject({ code: 0, stdout: "0.1.0\n" });
});

describe("exit code 2 and one line on stderr", () => {
  test.each([
    ["an unknown command", ["nonsense"], /unknown command 'nonsense'/],
    ["an unknown flag", ["migrate", "--nonsense"], /unknown option '--nonsense'/],
    ["no database", ["migrate"], /set DATABASE_URL or pass --database-url/],
    ["something that is no URL", ["migrate", "-d", "books"], /must look like postgres:/],
    ["another kind of URL", ["work", "-d", "mysql://a/b"], /must look like postgres:/],
    ["a URL without database", ["serve", "-d", "postgres://a"], /end with the name of a database/],
    [
      "a bad server among good ones",
      ["work", "-d", "postgres://a,b:x/c"],
      /must look like postgres:/,
    ],
    ["an impossible port", ["serve", "-d", URL, "--port", "70000"], /--port must be a port/],
    ["no jobs at all", ["work", "-d", URL, "--jobs", "0"], /--jobs must be a whole number/],
    ["an open door", ["serve", "-d", URL, "--host", "0.0.0.0"], /listens on 127\.0\.0\.1 only/],
    ["no ledger", ["export", "-d", URL], /required option '-l, --ledger/],
    ["no ledger to import into", ["import", "-d", URL, "x"], /no ledger given: pass --ledger/],
    [
      "a format nobody knows",
      ["export", "-l", "x", "-f", "ledger"],
      /Allowed choices are ndjson, hledger/,
    ],
    [
      "keys over a line that others reach",
      ["serve", "-d", URL, "--jwks-url", "http://id.example.com/keys"],
      /must be a URL that starts with https/,
    ],
    [
      "a proxy that is no address",
      ["serve", "-d", URL, "--jwt-secret", "x".repeat(32), "--trust-proxy", "10.0.0.0/8,proxy"],
      /--trust-proxy must be addresses or networks such as 10\.0\.0\.0\/8, not "proxy"/,
    ],
    [
      "a proxy before a server that trusts everybody",
      ["serve", "-d", URL, "--trust-proxy", "127.0.0.1"],
      /--trust-proxy need --jwt-secret or --jwks-url/,
    ],
    ["a weak key", ["serve", "-d", URL, "--jwt-secret", "short"], /at least 32 bytes/],
  ])("for %s", async (_name, args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(stderr).toMatch(message);
    expect({ code, stdout, lines: stderr.trim().split("\n").length }).toEqual({
      code: 2,
      stdout: "",
      lines: 1,
    });
  });

  test("for a key that is set to nothing, which is none", async () => {
    const { code, stderr } = await runCli(["serve", "-d", URL, "--host", "0.0.0.0"], {
      DAYBOOK_JWT_SECRET: "",
      DAYBOOK_JWKS_URL: "",
      DAYBOOK_JWT_AUDIENCE: "",
      DAYBOOK_JWT_ISSUER: "",
      DAYBOOK_TRUST_PROXY: "",
    });
    expect(stderr).toMatch(/^daybook: without --jwt-secret or --jwks-url anyone [^;]*\n$/);
    expect(code).toBe(2);
  });

  test("that names all mistakes at once", async () => {
    const { code, stderr } = await runCli(["serve", "--port", "x", "--host", "::"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no database.*--port.*127\.0\.0\.1 only/);
  });
});

test.each([["migrate"], ["serve"], ["verify"], ["work"], ["export", "-l", "main"]])(
  "daybook %s: a database that does not answer is one line and exit code 1, without the password",
  async (...command) => {
    const { code, stderr } = await runCli(command, { DATABASE_URL: URL, PORT: "0" });
    expect(stderr).toBe("daybook: connect ECONNREFUSED 127.0.0.1:1\n");
    expect(code).toBe(1);
  },
);

test("all exit codes are told, on the command line as in the README", async () => {
  const { stdout } = await runCli(["--help"]);
  const [, told] = /\nExit codes:\n(.*)$/s.exec(stdout)!;
  const codes = [...told!.matchAll(/^ {2}(\d+) +(.*)$/gm)].map(([, code, text]) => [code, text]);
  expect(codes.map(([code]) => code)).toEqual(["0", "1", "2", "3", "128"]);
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const [, table] = /^\| exit code [^\n]*\n(.*?)\n\n/ms.exec(readme)!;
  const rows = [...table!.matchAll(/^\| (\d+)( .*?)? +\| (.*?) +\|$/gm)];
  const plain = rows.map(([, code, more = "", text]) => [
    code,
    `${more} ${text}`.trim().replaceAll("`", ""),
  ]);
  expect(plain.map(([code]) => code)).toEqual(codes.map(([code]) => code));
  // The last is a number and a rule.
  expect(plain.slice(0, -1)).toEqual(codes.slice(0, -1));
});

describe("daybook work", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database?.drop());

  test("keeps keys and receipts for a day at least, or says in one line what it takes", async () => {
    const { code, stderr } = await runCli(["work"], {
      DATABASE_URL: database.urlOf("daybook_worker"),
      DAYBOOK_KEY_RETENTION: "1 hour",
      DAYBOOK_RECEIPT_RETENTION: "never",
    });
    expect(stderr).toBe(
      'daybook: --key-retention must be an interval as PostgreSQL reads it, of 24 hours or more, not "1 hour"; ' +
        '--receipt-retention must be an interval as PostgreSQL reads it, of 24 hours or more, not "never"\n',
    );
    expect(code).toBe(2);
  });

  test("a second signal ends the worker at once, with 128 and its number", async () => {
    const work = startCli(["work"], { DATABASE_URL: database.urlOf("daybook_worker") });
    await until("it works", () => work.output.stderr.includes("working")).finally(() => {
      work.process.kill("SIGINT");
      work.process.kill("SIGTERM");
    });
    // Of two that are sent at once either may come second.
    expect([130, 143]).toContain((await work.ended).code);
  });

  test("keeps keys for as long as its flags say", async () => {
    await database.pool.query(
      `insert into daybook_private.idempotency_keys (ledger, key, operation, request_hash, transaction_id, status, version, created_at)
       select 'some', n, 'create_transaction', 1, uuidv7(), 'posted', 1, now() - make_interval(days => n) from unnest(array[1, 3]) n`,
    );
    const left = async () => {
      const { rows } = await database.pool.query(
        "select key from daybook_private.idempotency_keys",
      );
      return rows.map(({ key }) => key).join();
    };
    const work = startCli(["work", "--key-retention", "2 days"], {
      DATABASE_URL: database.urlOf("daybook_worker"),
    });
    await until("the old one is forgotten", async () => (await left()) === "1").finally(() =>
      work.process.kill("SIGTERM"),
    );
    expect((await work.ended).code).toBe(0);
  });
});

describe("a database that was never migrated is said to be one, in one line", () => {
  let empty: TestDatabase;
  const folder = temporaryFolder();
  const told = join(folder.path, "told.ndjson");
  beforeAll(async () => {
    empty = await createEmptyDatabase();
    writeFileSync(
      told,
      '{"ledger": "main", "receipt_id": "01a1fd48-0a45-7dee-9d42-88f8cd75712b"}\n',
    );
  });
  afterAll(async () => {
    folder.remove();
    await empty?.drop();
  });

  test.each([
    ["export", "-l", "main"],
    ["import", "-l", "main", told],
    ["rebuild", "-l", "main"],
    ["rebuild", "-l", "main", "--from-log"],
    ["serve"],
    ["verify"],
    ["verify", "--acknowledged", told],
    ["verify", "--log"],
    ["work"],
  ])("by %s %s %s %s", async (...command) => {
    const { code, stderr } = await runCli(command, { DATABASE_URL: empty.url, PORT: "0" });
    expect(stderr.trim().split("\n").at(-1)).toBe(
      "daybook: the database holds no ledger yet: run daybook migrate",
    );
    expect(code).toBe(1);
  });
});
