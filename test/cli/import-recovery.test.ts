import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { withSettings } from "../../src/database-url.ts";
import type { Summary } from "../../src/import/carry-out.ts";
import { importFile } from "../../src/import/import-file.ts";
import { inFlight } from "../../src/import/in-flight.ts";
import { readLines } from "../../src/import/lines.ts";
import { startProgress } from "../../src/import/progress.ts";
import { silentLog } from "../../src/log.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/temporary.ts";

const HEADER = `{"accounts": [{"address": "a", "currency": "EUR"}, {"address": "b", "currency": "EUR"}]}\n`;
let db: TestDatabase;
let ledger: string;
let count = 0;

beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(() => {
  ledger = `books_${(count += 1)}`;
});
afterAll(() => db?.drop());

const line = (amount: number, more = "") =>
  `{"entries": [{"account": "a", "direction": "debit", "amount": ${amount}${more}},` +
  ` {"account": "b", "direction": "credit", "amount": ${amount}}]}\n`;

function run(
  bytes: AsyncIterable<Buffer>,
  options: { connectionString?: string; connections?: number } = {},
): Promise<Summary> {
  return importFile({
    connectionString: db.urlOf("test_admin"),
    ledger,
    createLedger: true,
    transactions: { name: "test", bytes },
    connections: 1,
    refused: { write() {}, close() {} },
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
