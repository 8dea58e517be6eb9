import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { silentLog } from "../../src/log.ts";
import { startExpiring } from "../../src/worker/expire.ts";
import { startFolding } from "../../src/worker/fold.ts";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { contradictions, newDiary, note, type Diary } from "../support/diary.ts";
import { openLedger } from "../support/ledgers.ts";
import {
  anyTransfer,
  attempt,
  attemptBatch,
  changePending,
  endPending,
  randomFrom,
} from "../support/load.ts";
import { SEED } from "../support/seed.ts";
import type { Row } from "../support/sessions.ts";
import { until } from "../support/temporary.ts";
import { watch, type Watched } from "./watch.ts";

const SECONDS = Number(process.env["DAYBOOK_STRESS_SECONDS"] ?? 8);
const ACCOUNTS = ["a", "b", "c", "d", "e", "f", "g", "h"];

let database: TestDatabase;
let ledger: string;
/** There must be none: the row that stands for an account is locked, never the counters that everybody updates. */
let deadlocks = 0;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(
    database,
    Object.fromEntries(ACCOUNTS.map((name) => [name, { money: 1_000 }])),
  );
});
afterAll(() => database?.drop());

/** One thing that a client does: a batch, a call, a call at another level, several calls, or calls that are given up. */
async function act(client: Client, diary: Diary, random: () => number): Promise<void> {
  const dice = random();
  if (dice < 0.08) {
    await attemptBatch(client, diary, ledger, ACCOUNTS, random);
  } else if (dice < 0.45) {
    const { key, call } = anyTransfer(random, ledger, ACCOUNTS);
    await attempt(client, diary, key, call);
  } else if (dice < 0.6) {
    await changePending(client, diary, ledger, ACCOUNTS, random);
  } else if (dice < 0.7) {
    await endPending(client, diary, ledger, random);
  } else if (dice < 0.8) {
    const { key, call } = anyTransfer(random, ledger, ACCOUNTS, true);
    await client.query("begin isolation level repeatable read");
    await client.query("select count(*) from daybook.balances");
    await attempt(client, diary, key, call);
    await client.query("commit");
  } else if (dice < 0.9) {
    await severalCalls(client, diary, random);
  } else {
    const { call } = anyTransfer(random, ledger, ACCOUNTS);
    await client.query("begin");
    await client.query(call).catch(refusal);
    await client.query("rollback");
  }
}

/**
 * Up to three calls in one transaction, some of them undone by a savepoint. Only the first may wait: whoever
 * holds accounts and waits for others can deadlock, and it may be a single call that pays for it.
 */
async function severalCalls(client: Client, diary: Diary, random: () => number): Promise<void> {
  const made: [string, Row][] = [];
  await client.query("begin");
  for (let n = 0; n < 3; n++) {
    const { key, call } = anyTransfer(random, ledger, ACCOUNTS, n > 0);
    await client.query("savepoint s");
    const result = await client.query<Row>(call).catch(refusal);
    if (result === "deadlock") return void (await client.query("rollback"));
    if (result && random() < 0.7) made.push([key, result.rows[0]!]);
    else await client.query("rollback to s");
  }
  await client.query("commit");
  for (const [key, row] of made) note(diary, key, row);
}

function refusal(error: { code: string }): undefined | "deadlock" {
  if (error.code === "40P01") deadlocks += 1;
  else if (!/^(LD|40001)/.test(error.code)) throw error;
  return error.code === "40P01" ? "deadlock" : undefined;
}

test(
  `${SECONDS} s of everything at once: nothing is lost, nothing is doubled, nobody deadlocks`,
  async () => {
    const errors: string[] = [];
    const log = { ...silentLog, error: (message: string) => errors.push(message) };
    const options = { connectionString: database.urlOf("daybook_worker"), log, idle: 20 };
    const working = [
      startFolding(options),
      startFolding(options),
      startExpiring(options),
      startExpiring(options),
    ];
    const { diaries, watched } = await load().finally(async () => {
      await until("the queue is empty", isQueueEmpty).catch((error) => errors.push(error.message));
      await Promise.all(working.map((one) => one.stop()));
    });
    for (const { outcomes } of diaries) deadlocks += outcomes["40P01"] ?? 0;
    const met = new Set(diaries.flatMap(({ outcomes }) => Object.keys(outcomes)));
    // A hold may have expired, before a slow call made it too, or somebody may just be releasing it.
    for (const expected of [
      "posted",
      "pending",
      "archived",
      "LDARG",
      "LDBAL",
      "LDSTA",
      "40001",
      "40P01",
    ])
      met.delete(expected);
    expect({
      seed: SEED,
      errors,
      watched: watched.wrong,
      unexpected: [...met],
      books: await violations(database),
      told: await contradictions(database.pool, ledger, diaries),
    }).toEqual({
      seed: SEED,
      errors: [],
      watched: [],
      unexpected: [],
      books: [],
      told: [],
    });
    expect(watched.looks).toBeGreaterThan(10);
    for (const kind of ["expired", "fully_posted", "partly_posted", "changed"]) {
      expect([kind, (await happened())[kind] > 0]).toEqual([kind, true]);
    }
    expect(deadlocks).toBe(0);
  },
  60_000 + SECONDS * 1000,
);

/** Clients that write and readers that watch them, all at once, until the time is over or one fails. */
async function load(): Promise<{ diaries: Diary[]; watched: Watched }> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), SECONDS * 1000);
  const watching = watch(database, ledger, stop.signal);
  const clients = Array.from({ length: 8 }, async (_, n) => {
    const diary = newDiary();
    const random = randomFrom(SEED + n);
    const client = await database.connectAs("test_writer");
    try {
      while (!stop.signal.aborted) await act(client, diary, random);
    } finally {
      stop.abort();
    }
    return diary;
  });
  const ended = await Promise.allSettled([watching, ...clients]);
  clearTimeout(timer);
  for (const one of ended) if (one.status === "rejected") throw one.reason;
  return { watched: await watching, diaries: await Promise.all(clients) };
}

/** How often something happened that the clients cannot all see. */
async function happened(): Promise<Row> {
  const { rows } = await database.pool.query<Row>(
    `select count(*) filter (where archived_reason = 'expired')::integer as expired,
            count(*) filter (where archived_reason = 'fully_posted')::integer as fully_posted,
            count(partially_posts_transaction_id)::integer as partly_posted,
            count(*) filter (where entries_version > 1)::integer as changed
       from daybook.transactions where ledger = $1`,
    [ledger],
  );
  return rows[0]!;
}

async function isQueueEmpty(): Promise<boolean> {
  const { rowCount } = await database.pool.query("select from daybook_private.entry_queue");
  return rowCount === 0;
}
