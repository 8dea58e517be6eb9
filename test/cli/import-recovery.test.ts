import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { withSettings } from "../../src/database-url.ts";
import type { Summary } from "../../src/import/carry-out.ts";
import { inBatches } from "../../src/import/batches.ts";
import { importFile } from "../../src/import/import-file.ts";
import { inFlight } from "../../src/import/in-flight.ts";
import { keyMaker } from "../../src/import/keys.ts";
import { readLines } from "../../src/import/lines.ts";
import type { RefusedFile } from "../../src/import/refused-file.ts";
import { startProgress } from "../../src/import/progress.ts";
import { silentLog } from "../../src/log.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { runCli, startCli } from "../support/run-cli.ts";
import { temporaryFolder, until } from "../support/temporary.ts";

const HEADER = `{"accounts": [{"address": "a", "currency": "EUR"}, {"address": "b", "currency": "EUR"}]}\n`;
const folder = temporaryFolder();
let db: TestDatabase;
let ledger: string;
let count = 0;

beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(() => {
  ledger = `books_${(count += 1)}`;
});
afterAll(async () => {
  await db?.drop();
  folder.remove();
});

const line = (amount: number, more = "") =>
  `{"entries": [{"account": "a", "direction": "debit", "amount": ${amount}${more}},` +
  ` {"account": "b", "direction": "credit", "amount": ${amount}}]}\n`;

function run(
  bytes: AsyncIterable<Buffer>,
  options: { connectionString?: string; connections?: number; refused?: RefusedFile } = {},
): Promise<Summary> {
  return importFile({
    connectionString: db.urlOf("test_admin"),
    ledger,
    createLedger: true,
    transactions: { name: "test", bytes },
    connections: 1,
    refused: { begin() {}, write() {}, close() {} },
    progress: { update() {}, stop() {} },
    log: silentLog,
    ...options,
  });
}

async function made(): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>(
    "select count(*)::integer as n from daybook.transactions where ledger = $1",
    [ledger],
  );
  return rows[0]!.n;
}

/** 500 lines; after most of them, connections are ended while statements are on their way. */
async function* linesWithDisaster(): AsyncGenerator<Buffer> {
  yield Buffer.from(HEADER);
  for (let n = 1; n <= 400; n += 1) yield Buffer.from(line(n));
  await db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'daybook import'`,
  );
  for (let n = 401; n <= 500; n += 1) yield Buffer.from(line(n));
}

test("whatever isolation level the login has by default, conditions are accepted", async () => {
  const login = `test_admin in database ${new URL(db.url).pathname.slice(1)}`;
  await db.pool.query(`alter role ${login} set default_transaction_isolation to 'repeatable read'`);
  try {
    const covered = `, "available_balance": {"gte": -10}`;
    async function* bytes() {
      yield Buffer.from(HEADER + line(5, covered) + line(6, covered));
    }
    const summary = await run(bytes());
    expect(summary).toMatchObject({ created: 1, refused: new Map([["LDBAL", 1]]) });
  } finally {
    await db.pool.query(`alter role ${login} reset default_transaction_isolation`);
  }
});

describe("an import goes on", () => {
  test.each([1, 3])("with each line once after %i lost connections", async (connections) => {
    const summary = await run(linesWithDisaster(), { connections });
    // What was committed when the connection was lost is found by its key.
    expect(summary.created + summary.replayed).toBe(500);
    expect(await made()).toBe(500);
  });

  test("after somebody held the account for longer than a lock may take", async () => {
    await run(buffers(HEADER));
    const blocker = await db.connect();
    await blocker.query("begin");
    await blocker.query(
      "select from daybook_private.account_counters where ledger = $1 for update",
      [ledger],
    );
    const connectionString = withSettings(db.urlOf("test_admin"), { lock_timeout: "50" });
    const importing = run(buffers(line(1, ', "show_resulting_balances": true')), {
      connectionString,
    });
    await sleep(300); // several timeouts
    await blocker.query("commit");
    expect(await importing).toMatchObject({ created: 1, refused: new Map() });
  });
});

test("an import that cannot go on names the line, and what is done stays", async () => {
  await run(buffers(HEADER));
  async function* bytes() {
    yield Buffer.from(line(1));
    await until("the first line is applied", async () => (await made()) === 1);
    await db.pool.query("revoke execute on all functions in schema daybook from daybook_writer");
    yield Buffer.from(line(2));
  }
  try {
    await expect(run(bytes())).rejects.toMatchObject({
      code: "42501",
      hint: expect.stringMatching(/^Stopped at line 2\. Repeat the import/),
    });
  } finally {
    await db.pool.query("grant execute on all functions in schema daybook to daybook_writer");
  }
  expect(await run(buffers(line(1) + line(2)))).toMatchObject({ created: 1, replayed: 1 });
});

async function* buffers(text: string, size = text.length): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size)
    yield bytes.subarray(start, start + size);
}

test.each([1, 2, 3, 5, 100])("lines are the same in pieces of %i bytes", async (size) => {
  const lines = [];
  for await (const { number, bytes, end } of readLines(buffers("\uFEFFä\r\n\nb\r\r\nlast", size))) {
    lines.push([number, bytes.toString(), end]);
  }
  expect(lines).toEqual([
    [1, "ä", 7],
    [2, "", 8],
    [3, "b\r", 12],
    [4, "last", 16],
  ]);
});

test("what is refused or cannot be read, in the midst of many, neither stops nor moves the others", async () => {
  const lines = Array.from({ length: 600 }, (_, version) =>
    line(1, `, "lock_version": ${version}`),
  );
  const unreadable = line(1).replace("]", '], "effective_at": "31.02.2024"');
  lines.splice(550, 0, line(0), unreadable);
  lines.splice(300, 0, unreadable, line(2, ', "lock_version": 7'), "nonsense\n");
  lines.splice(20, 0, line(0), unreadable);
  const written: Array<[number, string]> = [];
  const refused: RefusedFile = {
    begin() {},
    write: (place, { code }) => void written.push([place.line, code]),
    close() {},
  };
  const summary = await run(buffers(HEADER + lines.join("")), { refused });
  expect(summary).toMatchObject({ created: 600, replayed: 0 });
  // In the order of the file, with the numbers that its lines have there.
  expect(written).toEqual([
    [22, "LDAMT"],
    [23, "LDARG"],
    [304, "LDARG"],
    [305, "LDVER"],
    [306, "LDARG"],
    [557, "LDAMT"],
    [558, "LDARG"],
  ]);
  expect(await run(buffers(HEADER + lines.join("")))).toMatchObject({ created: 0, replayed: 600 });
});

test("a line that a single call has made is known", async () => {
  await run(buffers(HEADER));
  const text = line(5);
  const key = keyMaker("test")(Buffer.from(text.trim()));
  await db.pool.query(
    `select daybook.create_transaction($1, array[daybook.debit('a', 5), daybook.credit('b', 5)], idempotency_key => $2)`,
    [ledger, key],
  );
  expect(await run(buffers(text))).toMatchObject({ created: 0, replayed: 1 });
});

test("an import that was killed is finished by the next", async () => {
  const file = join(folder.path, "killed.ndjson");
  writeFileSync(file, HEADER + Array.from({ length: 6_000 }, (_, n) => line(n + 1)).join(""));
  const args = ["import", file, "--ledger", ledger, "--create-ledger"];
  const environment = { DATABASE_URL: db.urlOf("test_admin") };
  const killed = startCli(args, environment);
  await until("some are made", async () => (await made()) > 0);
  killed.process.kill("SIGKILL");
  await killed.ended;
  await until("its last statement ended", async () => {
    const { rows } = await db.pool.query(
      "select from pg_stat_activity where datname = current_database() and application_name = 'daybook import'",
    );
    return rows.length === 0;
  });
  const before = await made();
  expect(before).toBeLessThan(6_000);
  const { code, stdout } = await runCli(args, environment);
  expect(stdout).toContain(
    `transactions: ${6_000 - before} created, ${before} already there, 0 refused`,
  );
  expect([code, await made()]).toEqual([0, 6_000]);
});

/** Batches of texts, of four characters at most, and what became of them. */
const gather = (atOnce: number, fails?: string) => {
  const seen: string[] = [];
  let [running, most] = [0, 0];
  const batches = inBatches<string>({
    atOnce,
    most: 4,
    sizeOf: (item) => item.length,
    async work(items) {
      most = Math.max(most, (running += 1));
      await sleep(5);
      running -= 1;
      seen.push(items.join(" "));
      if (items.includes(fails ?? "")) throw new Error("broken");
    },
  });
  return { batches, seen, most: () => most };
};

describe("batches", () => {
  const items = ["a", "b", "c", "dd", "eeeeee", "f"];

  test("are of what came meanwhile, as much as may be, in order", async () => {
    const { batches, seen, most } = gather(1);
    for (const item of items) await batches.add(item);
    await batches.idle();
    expect(seen).toEqual(["a", "b c dd", "eeeeee", "f"]);
    expect(most()).toBe(1);
  });

  test("are worked on at once, up to a number", async () => {
    const { batches, seen, most } = gather(2);
    for (const item of items) await batches.add(item);
    await batches.idle();
    expect(most()).toBe(2);
    expect(seen.flatMap((batch) => batch.split(" ")).toSorted()).toEqual(items);
  });

  test("end with the first that fails", async () => {
    const { batches, seen } = gather(1, "b");
    await batches.add("a");
    await batches.add("b");
    await expect(
      (async () => {
        for (const item of items) await batches.add(item);
      })(),
    ).rejects.toThrow("broken");
    await expect(batches.idle()).rejects.toThrow("broken");
    expect(seen).toEqual(["a", "b a b c"]);
  });
});

test("no more tasks run at once than may, and none after a failure", async () => {
  const flight = inFlight(3);
  let [running, most, started] = [0, 0, 0];
  const task = (fails: boolean) => async () => {
    started += 1;
    most = Math.max(most, (running += 1));
    await sleep(5);
    running -= 1;
    if (fails) throw new Error("broken");
  };
  for (let n = 0; n < 9; n += 1) await flight.add(task(false));
  await flight.idle();
  expect({ running, most, started }).toEqual({ running: 0, most: 3, started: 9 });
  await flight.add(task(true));
  await expect(flight.idle()).rejects.toThrow("broken");
  await expect(flight.add(task(false))).rejects.toThrow("broken");
  expect(started).toBe(10);
});

describe("progress", () => {
  test("is a plain line now and then, and at the end", async () => {
    const said: string[] = [];
    const log = { ...silentLog, info: (message: string) => void said.push(message) };
    const stream = new PassThrough();
    const progress = startProgress({ size: 200, stream, log, milliseconds: 50 });
    progress.update(10, 1);
    await sleep(60);
    progress.update(100, 10);
    progress.update(101, 11);
    progress.update(200, 20);
    progress.stop();
    expect(said).toEqual([
      expect.stringMatching(/^50 %, 10 transactions, \d+ per second$/),
      expect.stringMatching(/^100 %, 20 transactions, \d+ per second$/),
    ]);
    expect(stream.read()).toBeNull();
  });

  test.each([
    [200, /50% \| 10 transactions \| \d+\/s/],
    [undefined, /10 transactions \| \d+\/s/],
  ])("is a bar with the rate on a terminal, of %p bytes", (size, expected) => {
    const stream = Object.assign(new PassThrough(), { isTTY: true });
    const progress = startProgress({ size, stream, log: silentLog });
    progress.update(100, 10);
    progress.stop();
    expect(String(stream.read())).toMatch(expected);
  });
});
