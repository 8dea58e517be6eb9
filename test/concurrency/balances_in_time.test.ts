import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { finish, fold, openLedger, transfer, type TransferOptions } from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { differences, rollUp, spreadRecording } from "../support/moments.ts";
import { SEED } from "../support/seed.ts";

/* Ten thousand questions of every kind, each compared with plain sums over the entries of the same snapshot. */

const ACCOUNTS = ["a", "b", "c"];
const YEARS = 3;
const QUESTIONS = 10_000;

let database: TestDatabase;
let ledger: string;
let next = 0;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, Object.fromEntries(ACCOUNTS.map((name) => [name, {}])));
});
afterAll(() => database?.drop());

/** Any time of these years, a border of a period now and then. */
function anyTime(random: () => number): string {
  const time = new Date(Date.now() + (random() - 0.98) * YEARS * 365 * 86_400_000);
  const dice = random();
  if (dice < 0.2) time.setUTCMinutes(0, 0, 0);
  if (dice < 0.1) time.setUTCHours(0);
  if (dice < 0.04) time.setUTCDate(1);
  if (dice < 0.02) time.setUTCMonth(0);
  return time.toISOString();
}

/** One transaction, of any effective time; some are pending, some of these are posted or archived later. */
async function write(client: Client, random: () => number, pending: string[]): Promise<void> {
  const pick = () => ACCOUNTS[Math.floor(random() * ACCOUNTS.length)]!;
  const options: TransferOptions = {};
  if (random() < 0.8) options.effective_at = anyTime(random);
  if (random() < 0.3) options.status = "pending";
  if (random() < 0.2) options.from = { show_resulting_balances: true };
  const call = transfer(ledger, pick(), pick(), 1 + Math.floor(random() * 1000), options);
  const dice = random();
  if (dice < 0.3 && pending.length > 0) {
    await client.query(finish(random() < 0.6 ? "post" : "archive", ledger, pending.shift()!));
    return;
  }
  const isQueued = dice < 0.5 && !options.from; // above read committed unlocked entries are queued
  if (isQueued) await client.query("begin isolation level repeatable read");
  const { rows } = await client.query(call);
  if (isQueued) await client.query(random() < 0.8 ? "commit" : "rollback");
  else if (options.status) pending.push(rows[0].transaction_id);
}

async function writeHistory(random: () => number): Promise<void> {
  const client = await database.connectAs("test_writer");
  const pending: string[] = [];
  for (let n = 0; n < 900; n++) await write(client, random, pending);
  await spreadRecording(database, ledger, YEARS);
  for (const account of ACCOUNTS) {
    await database.pool.query(await fold(database, ledger, account));
    await database.pool.query(rollUp(ledger, account, 350, 500, 200));
  }
}

/** Asks so many questions at one go; gives those that were answered wrongly, and how many there were. */
async function ask(client: Client, random: () => number, count: number) {
  const questions = Array.from({ length: count }, () => {
    const kind = random();
    return {
      id: ++next,
      account: ACCOUNTS[Math.floor(random() * ACCOUNTS.length)],
      effective_at: kind < 0.7 ? anyTime(random) : null,
      recorded_at: kind > 0.35 && kind < 0.9 ? anyTime(random) : null,
      version: kind >= 0.9 ? random() : null,
      like_entry: random() < 0.3,
    };
  });
  const { rows } = await client.query(differences(), [ledger, JSON.stringify(questions)]);
  return { asked: rows[0].asked as number, wrong: rows[0].wrong as object[] };
}

test("10 000 questions during writes, backdating, folds, and two who roll up: all as plain sums say", async () => {
  const random = randomFrom(SEED);
  await writeHistory(random);
  const stop = new AbortController();
  const working = [1, 2].map(async (n) => {
    const client = await database.connectAs("test_writer");
    const dice = randomFrom(SEED + n);
    const pending: string[] = [];
    for (let wrote = 0; !stop.signal.aborted; wrote++) {
      if (wrote < 1_000) await write(client, dice, pending);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  });
  for (const n of [3, 4]) {
    const client = await database.connect();
    const dice = randomFrom(SEED + n);
    const rollUpOften = async () => {
      while (!stop.signal.aborted) {
        const account = ACCOUNTS[Math.floor(dice() * ACCOUNTS.length)]!;
        if (dice() < 0.3) await client.query(await fold(database, ledger, account));
        const most = dice() < 0.01 ? 20 : 500; // entries of a period, before shorter ones are needed
        const max = () => Math.floor(dice() * 30);
        await client.query(rollUp(ledger, account, max(), most, max()));
        if (dice() < 0.05) await client.query(MISLEAD, [ledger]);
        if (dice() < 0.01) await client.query(FORGET, [ledger, account]);
        if (dice() < 0.1) await client.query(rollUp(ledger, account));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    working.push(rollUpOften());
  }
  const wrong: object[] = [];
  let asked = 0;
  const asking = [5, 6].map(async (n) => {
    const client = await database.connect();
    const dice = randomFrom(SEED + n);
    while (asked < QUESTIONS && wrong.length === 0) {
      const answers = await ask(client, dice, 100);
      asked += answers.asked;
      wrong.push(...answers.wrong);
    }
  });
  const ended = await Promise.allSettled(asking);
  stop.abort();
  for (const one of [...ended, ...(await Promise.allSettled(working))])
    if (one.status === "rejected") throw one.reason;
  expect({ seed: SEED, wrong, books: await violations(database) }).toEqual({
    seed: SEED,
    wrong: [],
    books: [],
  });
  expect(asked).toBeGreaterThanOrEqual(QUESTIONS);
}, 120_000);

/** The hint where later entries are is only a hint. */
const MISLEAD = `
  update daybook_private.rollup_cursors
     set later_from = uuidv7(interval '1 hour'), both_later_from = uuidv7(interval '1 hour')
   where ledger = $1`;

const FORGET = `
  select daybook_private.forget_sums(ledger, id) from daybook.accounts where ledger = $1 and address = $2`;
