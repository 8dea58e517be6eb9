import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { alternate, choose, chooseAll } from "../../bench/alternate.ts";
import { cases, type Case } from "../../bench/cases.ts";
import { chart } from "../../bench/chart.ts";
import { alternative } from "../../bench/compare.ts";
import { median, share } from "../../bench/figures.ts";
import { readOptions } from "../../bench/options.ts";
import { ratesTable, writeReport } from "../../bench/report.ts";
import { parseScript } from "../../bench/script.ts";
import { studies } from "../../bench/studies.ts";
import { clusterUrl } from "../support/database.ts";
import { startProgram } from "../support/run-cli.ts";
import { temporaryFolder, until } from "../support/temporary.ts";

const BENCH = join(import.meta.dirname, "../../bench");
const temporary = temporaryFolder();
let admin: Client;

beforeAll(async () => {
  admin = new Client({ connectionString: clusterUrl() });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  temporary.remove();
});

const bench = (...args: string[]) =>
  startProgram(join(BENCH, "run.ts"), ["--out", temporary.path, ...args]).ended;
const written = (file: string) => readFileSync(join(temporary.path, file), "utf8");

test("one command measures the ledger, TPC-B and an own alternative, and leaves only its report", async () => {
  const folder = join(BENCH, "alternatives");
  const short = "--driver node --clients 1 --rounds 2 --seconds 0.1".split(" ");
  const yours = ["--compare", join(folder, "by-hand.sql")];
  const setup = ["--compare-setup", join(folder, "by-hand-setup.sql")];
  const { code, stderr } = await bench("--url", clusterUrl(), ...short, ...yours, ...setup);
  expect({ code, stderr }).toMatchObject({ code: 0 });

  const rounds = [...stderr.matchAll(/round \d: (.*?): \d+\/s/g)].map(([, name]) => name);
  const inOrder = ["TPC-B (pgbench)", "create_transaction", "yours: by-hand.sql"];
  expect(rounds).toEqual([...inOrder, ...inOrder.toReversed()]);
  const { outcomes } = JSON.parse(written("figures.json"));
  expect(outcomes.map(({ rates }: any) => rates.filter((rate: number) => rate > 1).length)).toEqual(
    [2, 2, 2],
  );
  const row =
    /^\| yours: by-hand\.sql +\| \d+ +\| create_transaction +\| [\d.]+ \([\d.]+ … [\d.]+\)/m;
  expect(written("report.md")).toMatch(row);
  expect(written("report.md")).toMatch(/PostgreSQL 18.*`shared_buffers`/s);
  expect(written("ratios.svg")).toContain("yours: by-hand.sql");

  const left = await admin.query(
    `select datname as name from pg_database where datname like 'daybook\\_bench%'
      union all select rolname from pg_roles where rolname like 'bench%'`,
  );
  expect(left.rows).toEqual([]);
}, 120_000);

test("what is named must be there, and pgbench's absence is told with where to get it", async () => {
  const unknown = await bench("--only", "no such case");
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain("see --list");

  const { pgbench } = await import("../../bench/pgbench.ts");
  const path = process.env["PATH"];
  process.env["PATH"] = temporary.path;
  const failed = pgbench(new URL(clusterUrl()), []);
  process.env["PATH"] = path;
  await expect(failed).rejects.toThrow(/pgbench was not found.*apt-get install.*--driver node/s);
});

test.each([
  [["--rounds", "0.5"], /whole number/],
  [["--rounds", "1.5"], /whole number/],
  [["--compare-setup", "x.sql"], /--compare-setup is for --compare/],
  [["--compare-units", "2"], /--compare-units is for --compare/],
  [["--compare", "nowhere.sql"], /there is no file nowhere\.sql/],
  [["--compare", "cat", "--compare-setup", "nowhere.sql"], /there is no file nowhere\.sql/],
  [["--only", "costs", "--compare", "cat"], /costs is a study/],
])("what makes no sense is refused before anything is made: %j", async (args, message) => {
  const { code, stdout, stderr } = await bench(
    "--url",
    "postgres://nobody@127.0.0.1:1/none",
    ...args,
  );
  expect(stderr).toMatch(message);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
});

test("what is compared goes with the cases that are named", () => {
  const yours = alternative("cat", false, 1);
  const chosen = chooseAll([...cases, yours], ["account_balance", yours.name]);
  expect(chosen.map(({ name }) => name)).toEqual([
    "TPC-B (pgbench)",
    "create_transaction",
    "bare primary-key select",
    "account_balance",
    "yours: cat",
  ]);
});

test("the login that setup.sql makes on a server of somebody's own has no password", async () => {
  const setup = readFileSync(join(BENCH, "setup.sql"), "utf8");
  await admin.query("begin");
  try {
    await admin.query(/^do \$\$.*?^\$\$;$/ms.exec(setup)![0]);
    const { rows } = await admin.query(
      "select rolcanlogin, rolpassword from pg_authid where rolname = 'bench_service'",
    );
    expect(rows).toEqual([{ rolcanlogin: true, rolpassword: null }]);
  } finally {
    await admin.query("rollback");
  }
});

const made = (name: string, against?: string) =>
  ({ name, script: "", database: "own", ...(against && { against }) }) satisfies Case;

test("the command lines that the manual shows are understood", () => {
  const manual = readFileSync(join(BENCH, "../docs/performance.md"), "utf8");
  const lines = [...manual.matchAll(/^npm run bench(?: -- (.*?))?(?:  .*)?$/gm)];
  const given = lines.map(([, line = ""]) => readOptions(["node", "bench", ...line.split(" ")]));
  expect(given).toMatchObject([
    { quick: true, rounds: 1, seconds: 2 },
    { quick: false, rounds: 3, seconds: 10, clients: 16 },
    { url: "postgres://postgres:…@db/postgres" },
    { only: "costs" },
    { compare: "other.sql" },
    { list: true },
  ]);
});

describe("a case", () => {
  test("is chosen with what it is compared with, and so on", () => {
    const some = [made("a"), made("b", "a"), made("bc", "b"), made("d")];
    const names = (only: string) => choose(some, only).map(({ name }) => name);
    expect(names("bc")).toEqual(["a", "b", "bc"]);
    expect(names("b")).toEqual(["a", "b"]); // the one of that name, though others have it in theirs
    expect(names("c")).toEqual(["a", "b", "bc"]);
    expect(names("")).toEqual(["a", "b", "bc", "d"]);
    expect(names("x")).toEqual([]);
    const all = (...only: string[]) => chooseAll(some, only).map(({ name }) => name);
    expect(all("d", "b")).toEqual(["a", "b", "d"]);
    expect(all("")).toEqual(["a", "b", "bc", "d"]);
    expect(() => all("d", "x")).toThrow('nothing is named "x": see --list');
  });

  test("is compared with others of the known names", () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { against } of cases) if (against !== undefined) expect(names).toContain(against);
  });

  test("is divided by the rate of the same round", async () => {
    const rates: Record<string, number[]> = { a: [0, 100, 200, 400], b: [0, 50, 400, 200] };
    const measure = async ({ name }: Case, round: number) => rates[name]![round]!;
    const [base, other] = await alternate([made("a"), made("b", "a")], 3, measure);
    expect(base).toMatchObject({ rate: 200, rates: [100, 200, 400] });
    expect(base!.ratio).toBeUndefined();
    expect(other!.ratio).toEqual({ median: 0.5, least: 0.5, greatest: 2 });
  });

  test("may be a command that prints its rate", async () => {
    const load = { url: "postgres://there", clients: 3, seconds: 2 };
    const rateOf = (command: string) => alternative(command, false, 1).run!(load);
    expect(await rateOf("echo started; echo $BENCH_CLIENTS$BENCH_SECONDS.5")).toBe(32.5);
    expect(await rateOf("echo tps = 7.25 '(without initial connection time)'")).toBe(7.25);
    expect(await rateOf("echo 1,234 of them: 1234")).toBe(1234);
    for (const none of [
      "nothing",
      "1,234",
      "tps = 1,234",
      "1.2.3",
      "12/s",
      "1e5",
      "-3",
      "tps = 7/s 8",
    ])
      await expect(rateOf(`echo '${none}'`)).rejects.toThrow("said no rate");
    await expect(rateOf("echo 7; exit 3")).rejects.toThrow("ended with 3");
  });
});

test("a script is read as pgbench reads it", () => {
  const [a, b, k, sql] = parseScript(
    "-- A comment.\n\\set a 2 * :client_id + random(1, 3)\n\\set b -5\n\\set k random(:b, 2*:b)\n" +
      "select :a::int,\n  :b, 'x' || :a;\n",
  );
  if (a?.kind !== "set" || b?.kind !== "set" || k?.kind !== "set") throw new Error("no sets");
  const values = Array.from({ length: 100 }, () => a.value({ client_id: 10 }));
  expect([...new Set(values)].toSorted()).toEqual([21, 22, 23]);
  expect(b.value({})).toBe(-5);
  expect(k.value({ b: 1 })).toBeGreaterThanOrEqual(1);
  expect(sql).toEqual({ kind: "sql", text: "select $1::int,\n  $2, 'x' || $1", names: ["a", "b"] });
  expect(() => parseScript("select 1")).toThrow("semicolon");
  expect(() => parseScript("\\sleep 1 s")).toThrow("pgbench");
  expect(() => parseScript("\\set a :b / 2")).toThrow("pgbench");
});

test("every script of the folder is one that Node.js can send", () => {
  const all = new Set(cases.filter(({ run }) => !run).map(({ script }) => script));
  all.delete("tpcb-like");
  const files = [...all, "tpcb.sql", ...globSync("alternatives/*.sql", { cwd: BENCH })];
  for (const file of files)
    expect(parseScript(readFileSync(join(BENCH, file), "utf8")).length).toBeGreaterThan(0);
});

test("medians, shares, and a chart of ratios beyond its edges", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(
    share(
      0.95,
      Array.from({ length: 100 }, (_, n) => n),
    ),
  ).toBe(95);
  const outcome = { name: 'a & "b"', against: "c", bar: 1, rates: [1], rate: 1 };
  const ratio = { median: 1000, least: 0, greatest: 1000 };
  const drawn = chart([{ ...outcome, ratio }], "<t>");
  expect(drawn).toContain("a &amp; &quot;b&quot;");
  expect(drawn).toContain("&lt;t&gt;");
  expect(drawn).not.toMatch(/NaN|Infinity/);
});

test.each([
  [0.9, "#b31"],
  [1.1, "#b80"],
  [1.2, "#283"],
])("what is asked for does not hide the goal: a ratio of %j", (value, colour) => {
  const ratio = { median: value, least: value, greatest: value };
  const asked = { name: "a", against: "b", bar: 1, goal: 1.2, rates: [1], rate: 1, ratio };
  const drawn = chart([asked], "t");
  expect(drawn).toContain(`r="5" fill="${colour}"`);
  for (const mark of ["#c80", "#27c"]) expect(drawn.split(`stroke="${mark}"`)).toHaveLength(2);
  expect(ratesTable([asked]).split("\n").at(-2)).toMatch(/\| 1 +\| 1\.2 +\|$/);
});

test("what is aimed at stands beside what is asked for", () => {
  const goals = cases
    .filter(({ goal }) => goal)
    .map(({ name, against, goal }) => [name, against, goal]);
  expect(goals).toEqual([
    ["create_transaction", "TPC-B (pgbench)", 1.2],
    [
      "create_transactions, 1000 a call, one client",
      "raw insert of 1000 transactions, one client",
      0.7,
    ],
    ["create_transaction, synchronous_commit=off", "TPC-B, synchronous_commit=off", 1],
  ]);
});

test("a report without cases leaves no chart and no figures of an earlier one beside it", () => {
  const folder = join(temporary.path, "reports");
  const report = { machine: "m", how: "h", outcomes: [], studies: [], remarks: [] };
  const ratio = { median: 1, least: 1, greatest: 1 };
  const outcomes = [{ name: "a", against: "b", rates: [1], rate: 1, ratio }];
  const files = ["ratios.svg", "figures.json"].map((file) => join(folder, file));
  writeReport(folder, { ...report, outcomes });
  expect(files.map(existsSync)).toEqual([true, true]);
  writeReport(folder, { ...report, studies: [{ name: "s", text: "t" }] });
  expect(files.map(existsSync)).toEqual([false, false]);
  expect(readFileSync(join(folder, "report.md"), "utf8")).toContain("## s\n\nt");
});

test("every program of the folder is a study", () => {
  const programs = globSync("*.ts", { cwd: BENCH }).filter((file) =>
    /= readFlags\(/.test(readFileSync(join(BENCH, file), "utf8")),
  );
  expect(studies.map(({ file }) => file).toSorted()).toEqual(programs.toSorted());
});

test("without the stream an hour of full load is none: the run fails", async () => {
  const study = startProgram(join(BENCH, "vacuum.ts"), ["--minutes", "0.3", "--step", "1"], {
    BENCH_DATABASE_URL: clusterUrl(),
    BENCH_DRIVER: "node",
  });
  const kill = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bench stream'`;
  const isKilled = async () => (await admin.query(kill)).rowCount === 1;
  await until("the stream is killed", isKilled, 60_000);
  const { code, stdout } = await study.ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
}, 120_000);

test.each([
  [["--help"], 0, /--rounds <n> +\(default: "3"\)/],
  [["--nonsense"], 1, /^error: unknown option '--nonsense'\n$/],
  [["--seconds", "x"], 1, /^error: .*It must be a number\.\n$/],
  [["--rounds", "x"], 1, /^error: .*It must be a whole number\.\n$/],
  [["--rounds", "0.5"], 1, /^error: .*It must be a whole number\.\n$/],
])("a study by itself says which flags it has: %j", async (args, code, message) => {
  const ended = await startProgram(join(BENCH, "sealing.ts"), args).ended;
  expect(ended.code).toBe(code);
  expect(ended.stdout + ended.stderr).toMatch(message);
});
