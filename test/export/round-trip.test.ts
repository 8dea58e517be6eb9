import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileName, Manifest } from "../../src/export/manifest.ts";
import { fingerprint, MADE_ANEW, violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { fold } from "../support/ledgers.ts";
import { fillRichLedger } from "../support/rich-ledger.ts";
import { rollUp } from "../support/moments.ts";
import { drainAs } from "../support/use-books.ts";
import { runCli } from "../support/run-cli.ts";
import { LOWEST_ID, seal as sealLog, verify } from "../support/sealing.ts";
import { temporaryFolder } from "../support/temporary.ts";

/* What is taken out of one database and put into another is the same ledger. */

const temporary = temporaryFolder();
const folder = join(temporary.path, "rich.export");
let here: TestDatabase;
let there: TestDatabase;

beforeAll(async () => {
  here = await createDatabase();
  const admin = await here.connectAs("test_admin");
  await admin.query("select daybook.create_currency('X_9', 30, 'Points')");
  await fillRichLedger(admin, "rich");
  await queueEntries();
  await applyFromQueue();
  await seal(here);
  await admin.query(
    "select daybook.set_account_metadata('rich', 'old', '{\"not\": \"sealed yet\"}')",
  );
  expect(await exportTo(folder)).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/ 100 %/),
  });
});
beforeEach(async () => {
  await there?.drop();
  there = await createDatabase();
});
afterAll(async () => {
  await here?.drop();
  await there?.drop();
  temporary.remove();
});

const exportTo = (out: string, ledger = "rich") =>
  runCli(["export", "-l", ledger, "-o", out], { DATABASE_URL: here.urlOf("test_admin") });

const importFrom = (from: string, ...flags: string[]) =>
  runCli(["import", from, ...flags], { DATABASE_URL: there.urlOf("test_admin") });

/** Leaves entries in an account's queue, as somebody who holds it does. */
async function queueEntries(): Promise<void> {
  const [holder, other] = [await here.connect(), await here.connectAs("test_admin")];
  await holder.query("begin; select from daybook.accounts where address = 'users:bob' for update");
  await other.query(
    "select daybook.create_transaction('rich', array[daybook.debit('bank:cash', 11), daybook.credit('users:bob', 11)], idempotency_key => 'queued')",
  );
  await holder.query("rollback");
  const { rows } = await here.pool.query("select from daybook_private.entry_queue");
  expect(rows).toHaveLength(1);
}

const ENQUEUE = `
  select receipt_id from daybook.enqueue_transactions('rich', array[row(
    array[daybook.debit('bank:cash', 7), daybook.credit('users:alice', 7)],
    null, null, $1, null, null, null, null, null, null)::daybook.transaction_input])`;

/** Leaves a finished receipt. */
async function applyFromQueue(): Promise<void> {
  await here.pool.query(ENQUEUE, ["receipt"]);
  expect(
    await drainAs(async (sql, values) => (await here.pool.query(sql, values)).rows, "rich"),
  ).toBe(1);
}

/** Near times at which something took effect or was recorded, and at versions. */
const QUESTIONS = `
  select jsonb_agg(q)::text as questions
    from (select a.address as account, e.lock_version as version,
                 e.effective_at + (random() - 0.5) * interval '1 second' as effective_at,
                 e.created_at + (random() - 0.5) * interval '1 second' as recorded_at
            from generate_series(1, 100) n
           cross join lateral (select * from daybook.entries where ledger = 'rich' and lock_version > 0
                                order by hashtext(id::text || n) limit 1) e
            join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id) q`;

const ANSWERS = `
  select to_jsonb(b) as balance
    from jsonb_to_recordset($1::jsonb)
           q (account text, version bigint, effective_at timestamptz, recorded_at timestamptz)
   cross join generate_series(1, 3) kind
   cross join lateral daybook.account_balance('rich', q.account,
     effective_at => case when kind < 3 then q.effective_at end,
     recorded_at => case when kind = 2 then q.recorded_at end,
     lock_version => case when kind = 3 then q.version end) b`;

/** Seals all of the log, as the worker does. */
async function seal(db: TestDatabase): Promise<void> {
  const { rows } = await db.pool.query("select * from daybook_private.seal_log('rich', 10000)");
  expect(rows[0].sealed).toBeGreaterThan(0);
}

const headOf = async (db: TestDatabase) =>
  (await db.pool.query("select no::integer, hash from daybook.log_head('rich')")).rows[0];

const verified = async (db: TestDatabase) =>
  (await db.pool.query("select problem, to_no - head_no as left from daybook.verify_log('rich')"))
    .rows[0];

/** Every row of a ledger, caches among them. */
const everything = (db: TestDatabase) => fingerprint(db, ["rich"], MADE_ANEW);

describe("a ledger that was taken elsewhere", () => {
  test("is the same in every row, ids, versions, queue, keys and log included", async () => {
    const { code, stdout, stderr } = await importFrom(folder);
    expect(stderr).toMatch(/info import: 100 %, \d+ lines, .*\n.* 100 %, \d+ records verified/);
    expect(stdout).toMatch(/^ledger rich: \d+ transactions of 12 accounts\n/);
    expect(code).toBe(0);
    expect(await everything(there)).toBe(await everything(here));
    expect(await violations(there)).toEqual([]);
    const head = await headOf(here);
    expect(head.no).toBeGreaterThan(50);
    expect(stdout).toContain(`log sealed up to ${head.no}, head ${head.hash}\n`);
    expect(await headOf(there)).toEqual(head);
    expect(await verified(there)).toEqual({ problem: null, left: "0" });
  });

  test("goes on being sealed where it was left, and by the same chain", async () => {
    await importFrom(folder);
    const { no, hash } = await headOf(here);
    await seal(there);
    expect((await headOf(there)).no).toBe(no + 1);
    expect(await verified(there)).toEqual({ problem: null, left: "0" });
    const { rows } = await there.pool.query(
      "select * from daybook.check_log_head('rich', $1, $2)",
      [no, hash],
    );
    expect(rows[0]).toEqual({ check_log_head: true });
  });

  test("leaves access behind, and says so in its log", async () => {
    const admin = await here.connectAs("test_admin");
    await admin.query("select daybook.create_ledger('shared')");
    await admin.query("select daybook.create_category('shared', 'some', 'USD')");
    await admin.query("select daybook.grant_ledger_access('test_writer', 'shared', 'write')");
    await admin.query("select daybook.grant_category_access('test_reader', 'shared', 'some')");
    const out = join(temporary.path, "shared.export");
    await exportTo(out, "shared");
    expect(await importFrom(out)).toMatchObject({ code: 0 });
    const { rows } = await there.pool.query(
      "select kind, data from daybook.log where ledger = 'shared' and kind like 'revoke%' order by kind",
    );
    expect(rows).toEqual([
      { kind: "revoke_category_access", data: { role: "test_reader", category: "some" } },
      { kind: "revoke_ledger_access", data: { role: "test_writer" } },
    ]);
    await there.pool.query("select daybook_private.seal_log('shared', 100)");
    const [verification] = (
      await there.pool.query("select problem, detail from daybook.verify_log('shared')")
    ).rows;
    expect(verification).toEqual({ problem: null, detail: null });
  });

  test("answers questions about any time as it did", async () => {
    await importFrom(folder);
    const { rows } = await here.pool.query<{ questions: string }>(QUESTIONS);
    const ask = async (db: TestDatabase) =>
      (await db.pool.query(ANSWERS, [rows[0]!.questions])).rows;
    const expected = await ask(here);
    expect(expected).toHaveLength(300);
    expect(await ask(there)).toEqual(expected);
    for (const account of ["bank:cash", "users:alice"]) {
      await there.pool.query(rollUp("rich", account));
    }
    expect(await ask(there)).toEqual(expected);
  });

  test("goes on: retries are replays, queued entries are folded, money moves", async () => {
    await importFrom(folder);
    const admin = await there.connectAs("test_admin");
    const again = await admin.query(
      "select * from daybook.create_transaction('rich', array[daybook.debit('bank:cash', 11), daybook.credit('users:bob', 11)], idempotency_key => 'queued')",
    );
    expect(again.rows[0]).toMatchObject({ replayed: true });
    expect((await there.pool.query(await fold(there, "rich", "users:bob"))).rows).toEqual([
      { folded: 1 },
    ]);
    await admin.query(
      "select daybook.create_transaction('rich', array[daybook.debit('users:alice', 1, available_balance => daybook.gte(0)), daybook.credit('bank:cash', 1)])",
    );
    await admin.query("select daybook.add_to_category('rich', 'users', 'users:bob')");
    expect(await violations(there)).toEqual([]);
  });

  test("can be taken out again, and is the same file", async () => {
    await importFrom(folder);
    const second = join(temporary.path, "again.export");
    await runCli(["export", "-l", "rich", "-o", second], {
      DATABASE_URL: there.urlOf("test_admin"),
    });
    for (const file of ["rows.ndjson", "log.ndjson"]) {
      expect(readFileSync(join(second, file), "utf8")).toBe(
        readFileSync(join(folder, file), "utf8"),
      );
    }
  });

  test("is noted in the log of the instance", async () => {
    await importFrom(folder);
    const { rows } = await there.pool.query(
      "select kind, data, actor from daybook.log where ledger = '*' order by id",
    );
    const { head, exported_at } = manifest();
    expect(rows).toEqual([
      {
        kind: "create_currency",
        data: { code: "X_9", name: "Points", exponent: 30 },
        actor: "test_admin",
      },
      { kind: "restore_ledger", data: { ledger: "rich", head, exported_at }, actor: "test_admin" },
    ]);
    await there.pool.query("select daybook_private.seal_log('*', 100)");
    const [{ problem }] = (await there.pool.query("select problem from daybook.verify_log('*')"))
      .rows;
    expect(problem).toBeNull();
  });
});

describe("records that nobody had sealed for a day are taken along, and have a day to be sealed", () => {
  test.each(["partly sealed", "not sealed at all"])("of a log that is %s", async (name) => {
    const ledger = name.replaceAll(" ", "-");
    const admin = await here.connectAs("test_admin");
    await admin.query("select daybook.create_ledger($1)", [ledger]);
    await admin.query("select daybook.open_account($1, 'a', 'USD')", [ledger]);
    if (name === "partly sealed") await sealLog(here.pool, ledger);
    await admin.query("select daybook.create_category($1, 'late', 'USD')", [ledger]);
    await age(here, ledger, "create_category");
    const out = join(temporary.path, `${ledger}.export`);
    await exportTo(out, ledger);

    expect(await importFrom(out)).toMatchObject({ code: 0 });
    expect(await verify(there.pool, ledger)).toMatchObject({ problem: null });
    const { rows } = await there.pool.query(
      `select h.latest = coalesce((select max(s.log_id::text)::uuid from daybook_private.seals s
                                    where s.ledger = h.ledger), $2) as is_known
         from daybook_private.seal_heads h where h.ledger = $1`,
      [ledger, LOWEST_ID],
    );
    expect(rows).toEqual([{ is_known: true }]);
    await age(there, "*", "restore_ledger");
    expect(await verify(there.pool, ledger)).toMatchObject({ problem: "record_unsealed" });
    expect(await sealLog(there.pool, ledger)).toBe(name === "partly sealed" ? 1 : 3);
    expect(await verify(there.pool, ledger)).toMatchObject({ problem: null });
  });
});

/** As if a record had been made 25 hours before. */
async function age(db: TestDatabase, ledger: string, kind: string): Promise<void> {
  const client = await db.connect();
  await client.query("set session_replication_role = replica");
  const { rowCount } = await client.query(
    "update daybook_private.log_events set id = uuidv7(interval '-25 hours') where ledger = $1 and kind = $2",
    [ledger, kind],
  );
  expect(rowCount).toBe(1);
}

async function expectRefusal(from: string, message: RegExp, flags: string[] = []): Promise<void> {
  const before = await everything(there);
  const { code, stderr } = await importFrom(from, ...flags);
  expect(stderr).toMatch(message);
  expect(code).not.toBe(0);
  expect(await everything(there)).toBe(before);
}

const find = (lines: string[], pattern: RegExp) => lines.findIndex((line) => pattern.test(line));

const sha256Of = (text: string) => createHash("sha256").update(text).digest("hex");

const manifest = (): Manifest => JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));

describe("is refused, and leaves nothing:", () => {
  const copy = join(temporary.path, "copy.export");

  beforeEach(() => {
    rmSync(copy, { recursive: true, force: true });
    cpSync(folder, copy, { recursive: true });
  });

  /** Changes a file and makes the manifest agree, as one who means it would. */
  function forge(change: (lines: string[]) => void, file: FileName = "rows.ndjson"): void {
    const lines = readFileSync(join(copy, file), "utf8").split("\n");
    change(lines);
    const text = lines.join("\n");
    writeFileSync(join(copy, file), text);
    const sha256 = sha256Of(text);
    const { files, ...facts } = manifest();
    Object.assign(files[file], { sha256 });
    writeFileSync(join(copy, "manifest.json"), JSON.stringify({ ...facts, files }));
  }

  test("a file that is damaged", async () => {
    const file = join(copy, "rows.ndjson");
    writeFileSync(file, readFileSync(file, "utf8").replace('"USD"', '"EUR"'));
    await expectRefusal(copy, /rows\.ndjson is not the file that was exported/);
  });

  test("a file that is cut off", async () => {
    const file = join(copy, "rows.ndjson");
    writeFileSync(file, readFileSync(file).subarray(0, -1000));
    await expectRefusal(copy, /rows\.ndjson is not the file that was exported/);
  });

  test("an amount that was changed on one side", async () => {
    forge((lines) => {
      const at = find(lines, /"amount": 100005,/);
      lines[at] = lines[at]!.replace('"amount": 100005,', '"amount": 100006,');
    });
    await expectRefusal(copy, /do not add up to zero.*in lines \d+ to \d+ of rows\.ndjson/s);
  });

  test("an amount that was changed on both sides", async () => {
    forge((lines) => {
      const at = find(lines, /"amount": 100005,/);
      lines[at] = lines[at]!.replaceAll('"amount": 100005,', '"amount": 100006,');
    });
    await expectRefusal(copy, /version and counters of an entry do not follow/);
  });

  test("a transaction that was left out", async () => {
    forge((lines) => lines.splice(find(lines, /"amount": 100005,/), 1));
    await expectRefusal(copy, /version and counters of an entry do not follow/);
  });

  test.each([
    ["a description", /"description": "undone"/, '"description": "done"'],
    ["metadata of a transaction", /"who": "bob"/, '"who": "bib"'],
    ["who did it", /"actor": "test_admin"(?=.*"transaction_id")/, '"actor": "test_auditor"'],
    ["an effective time", /"effective_at": "2023-06-01T/g, '"effective_at": "2023-06-02T'],
    ["an account's limit", /"balance_min": 5,/, '"balance_min": 6,'],
  ])("%s that was changed", async (_name, pattern, instead) => {
    forge((lines) => {
      const at = find(lines, pattern);
      lines[at] = lines[at]!.replace(pattern, instead);
    });
    await expectRefusal(
      copy,
      /nothing was restored: the log says otherwise: (record_changed|state_differs)/,
    );
  });

  test.each([
    [
      "a record that was changed",
      /"record":\{(.*)"amount":"100005"/,
      '"record":{$1"amount":"100006"',
      /record \d+ of log\.ndjson is not what was sealed/,
    ],
    [
      "a leaf that was changed",
      /"leaf":"..../,
      '"leaf":"0000',
      /record 1 of log\.ndjson is not what was sealed/,
    ],
    [
      "a block that was changed",
      /"block":\{"block":1,(.*)"hash":"..../,
      '"block":{"block":1,$1"hash":"0000',
      /block_changed/,
    ],
  ])("%s in the log", async (_name, pattern, instead, message) => {
    forge((lines) => {
      const at = find(lines, pattern);
      lines[at] = lines[at]!.replace(pattern, instead);
    }, "log.ndjson");
    await expectRefusal(copy, message);
  });

  test("a log that was cut off at its end", async () => {
    forge((lines) => lines.splice(0), "log.ndjson");
    await expectRefusal(copy, /the log ends at 0, .* and not where the manifest says/);
  });

  test("rows that would go into another ledger", async () => {
    const admin = await there.connectAs("test_admin");
    await admin.query("select daybook.create_ledger('victim')");
    forge((lines) => {
      for (const [n, line] of lines.entries())
        lines[n] = line.replace(/^\{"(\w+)":\s*\{/, '{"$1":{"ledger": "victim",');
    });
    const victim = () => fingerprint(there, ["victim"], { "daybook.currencies": "one comes" });
    const before = await victim();
    const { code } = await importFrom(copy);
    expect([code, await victim()]).toEqual([0, before]);
    expect(await everything(there)).toBe(await everything(here));
  });

  test("a second time", async () => {
    await importFrom(folder);
    await expectRefusal(folder, /the ledger exists here/);
  });

  test("a currency with other decimals", async () => {
    const admin = await there.connectAs("test_admin");
    await admin.query("select daybook.create_currency('X_9', 2, 'Others')");
    await expectRefusal(folder, /the currency has another exponent here.*X_9/);
  });

  test("an administrator of nothing", async () => {
    const before = await everything(there);
    const { code, stderr } = await runCli(["import", folder], {
      DATABASE_URL: there.urlOf("test_writer"),
    });
    expect(stderr).toMatch(/permission denied/);
    expect([code, await everything(there)]).toEqual([1, before]);
  });

  test.each([
    ["another ledger's name", ["-l", "poor"], /the export is of the ledger "rich"/],
    ["what is for files of transactions", ["--name", "x"], /are not for an export/],
  ])("with %s", (_name, flags, message) => expectRefusal(folder, message, flags));

  test.each([
    ["a later format", { version: 2 }, /version 2 of the format, written by daybook 0\.1\.0/],
    ["something else", { format: "holiday" }, /is not of an export/],
    ["half a manifest", { files: {} }, /is not complete/],
  ])("%s", async (_name, change, message) => {
    writeFileSync(join(copy, "manifest.json"), JSON.stringify({ ...manifest(), ...change }));
    await expectRefusal(copy, message);
  });

  test("a folder that is none", async () => {
    await expectRefusal(temporary.path, /: .* is not an export: its manifest\.json cannot be read/);
  });

  test("an import that is interrupted", async () => {
    const blocker = await there.connect();
    await blocker.query("begin; lock table daybook.category_members");
    const running = importFrom(folder);
    for (let waits = 0; waits === 0;) {
      const { rows } = await there.pool.query(
        "select pid from pg_stat_activity where application_name = 'daybook import' and wait_event_type = 'Lock' and datname = current_database()",
      );
      waits = rows.length;
      if (waits > 0) await there.pool.query("select pg_terminate_backend($1)", [rows[0].pid]);
    }
    expect((await running).code).toBe(1);
    await blocker.query("rollback");
    expect(await there.pool.query("select from daybook.ledgers where name = 'rich'")).toMatchObject(
      { rowCount: 0 },
    );
    expect((await importFrom(folder)).code).toBe(0);
  });
});

describe("rows are put back by nobody", () => {
  test("into a ledger that was there before", async () => {
    const admin = await there.connectAs("test_admin");
    await admin.query("select daybook.create_ledger('rich')");
    for (const call of ["restore_rows('rich', 'account', '[]')", "finish_restore('rich', '{}')"]) {
      await expect(admin.query(`select daybook.${call}`)).rejects.toMatchObject({
        code: "LDARG",
      });
    }
  });

  test("into a ledger whose row this transaction has written", async () => {
    const admin = await there.connectAs("test_admin");
    await admin.query("select daybook.create_ledger('closed')");
    await admin.query("begin");
    await admin.query("select daybook.close_period('closed', '2026-01-01')");
    await expect(
      admin.query("select daybook.restore_rows('closed', 'event', '[]')"),
    ).rejects.toMatchObject({ code: "LDARG" });
    await admin.query("rollback");
  });

  test("who is not an administrator", async () => {
    const writer = await there.connectAs("test_writer");
    for (const call of [
      "restore_rows('x', 'ledger', '[{}]')",
      "restore_rows('x', 'account', '[]')",
      "prepare_restore(now())",
      "export_rows('x', 'key')",
    ]) {
      await expect(writer.query(`select daybook.${call}`)).rejects.toMatchObject({
        code: "42501",
      });
    }
  });
});

test("whoever has the file can recompute the chain without a database", () => {
  let previous = "0".repeat(64);
  let leaves: string[] = [];
  for (const line of readFileSync(join(folder, "log.ndjson"), "utf8").trim().split("\n")) {
    const { block: b } = JSON.parse(line);
    if (b) {
      const head = ["daybook log 1", "rich", b.block, b.first_no, b.last_no, b.sealed_at, previous];
      expect(b.hash).toBe((previous = sha256Of([...head, ...leaves].join("\n"))));
      leaves = [];
    } else {
      leaves.push(sha256Of(line.slice(line.indexOf('"record":') + '"record":'.length, -2)));
    }
  }
  expect(previous).toBe(manifest().head!.hash);
});

test("an export says what is not in it: transactions that wait in the queue", async () => {
  await here.pool.query(ENQUEUE, ["waits"]);
  const { code, stderr } = await exportTo(join(temporary.path, "waiting.export"));
  expect(stderr).toMatch(/^1 transactions wait in the queue and are not in it/m);
  expect(code).toBe(0);
});

test("an export does not write over what is there, and one that fails leaves nothing", async () => {
  expect(await exportTo(folder)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/exists: choose another/),
  });
  const out = join(temporary.path, "none.export");
  expect(await exportTo(out, "nowhere")).toMatchObject({ code: 1 });
  expect([existsSync(out), existsSync(`${out}.partial`)]).toEqual([false, false]);
});
