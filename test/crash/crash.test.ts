import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "pg";
import { silentLog } from "../../src/log.ts";
import { startFolding } from "../../src/worker/fold.ts";
import { startRollingUp } from "../../src/worker/rollup.ts";
import { startWorker } from "../../src/worker/start.ts";
import { violations } from "../support/books.ts";
import { startDurableServer, type DurableServer } from "../support/durable.ts";
import { contradictions, newDiary, note, type Diary } from "../support/diary.ts";
import { openLedger } from "../support/ledgers.ts";
import {
  anyTransfer,
  attempt,
  changePending,
  endPending,
  isLost,
  randomFrom,
} from "../support/load.ts";
import { SEED } from "../support/seed.ts";
import { until } from "../support/temporary.ts";

const ROUNDS = Number(process.env["DAYBOOK_CRASHES"] ?? 2);
const ACCOUNTS = ["a", "b", "c"]; // few, so that much is queued
/** How many calls to have acknowledged before the server is killed under the next ones. */
const CALLS = 400;

/** The diaries of all rounds: a later crash must not undo what an earlier one spared. */
const everything: Diary[] = [];

let server: DurableServer;
let ledger: string;

beforeAll(async () => {
  server = await startDurableServer();
  const accounts = Object.fromEntries(ACCOUNTS.map((name) => [name, { money: 1_000 }]));
  ledger = await openLedger(server, accounts);
});
afterAll(() => server?.remove());

/** Works until its connection is lost. */
async function work(diary: Diary, random: () => number): Promise<void> {
  const client = new Client({ connectionString: server.url });
  client.on("error", () => {}); // the next query fails and tells
  await client.connect();
  try {
    for (;;) {
      const { key, call } = anyTransfer(random, ledger, ACCOUNTS);
      await attempt(client, diary, key, call);
      if (random() < 0.2) await changePending(client, diary, ledger, ACCOUNTS, random);
      if (random() < 0.2) await endPending(client, diary, ledger, random);
    }
  } catch (error) {
    if (!isLost(error)) throw error;
  }
}

/** Kills the server under load, with workers folding and rolling up, and starts it again. */
async function crash(round: number): Promise<Diary[]> {
  const diaries = Array.from({ length: 6 }, newDiary);
  const options = { connectionString: server.url, log: silentLog, idle: 20 };
  const loops = [startFolding(options), startRollingUp({ ...options, minEntries: 1 })];
  const working = diaries.map((diary, n) => work(diary, randomFrom(SEED + 100 * round + n)));
  const acknowledged = () => diaries.reduce((sum, diary) => sum + diary.acknowledged.size, 0);
  await until("enough is acknowledged", () => acknowledged() >= CALLS, 30_000);
  await server.kill();
  await Promise.all(working);
  await Promise.all(loops.map((loop) => loop.stop()));
  await server.restart();
  return diaries;
}

/** Repeats each call whose answer got lost; gives what did not turn out as the books said before. */
async function resolve(diary: Diary): Promise<string[]> {
  const lies: string[] = [];
  for (const [key, call] of diary.unknown) {
    const known = "select id from daybook.transactions where ledger = $1 and description = $2";
    const before = (await server.pool.query(known, [ledger, key])).rows[0]?.id;
    try {
      const row = (await server.pool.query(call as { text: string })).rows[0];
      if (row.replayed !== (before !== undefined)) lies.push(`${key}: replayed ${row.replayed}`);
      if (before && before !== row.transaction_id) lies.push(`${key}: ${before} became another`);
      note(diary, key, row);
    } catch (error) {
      // Refused, as it would have been: then it must not have been made.
      if (!(error as { code: string }).code.startsWith("LD") || before)
        lies.push(`${key}: ${error}`);
      diary.unknown.delete(key);
    }
  }
  return lies;
}

test.each(Array.from({ length: ROUNDS }, (_, n) => n + 1))(
  "killed under load, round %i: what was acknowledged is there once, what was not can be repeated",
  async (round) => {
    const diaries = await crash(round);
    const seed = { seed: SEED };
    expect({ ...seed, books: await violations(server) }).toEqual({ ...seed, books: [] });
    expect((await server.pool.query("select from daybook_private.entry_sums")).rowCount).not.toBe(
      0,
    );
    everything.push(...diaries);
    const told = await contradictions(server.pool, ledger, everything);
    expect({ ...seed, told }).toEqual({ ...seed, told: [] });

    expect(diaries.some(({ unknown }) => unknown.size > 0)).toBe(true); // or it was no crash under load
    for (const diary of diaries) expect(await resolve(diary)).toEqual([]);
    expect(await contradictions(server.pool, ledger, everything)).toEqual([]);

    const worker = await startWorker({ connectionString: server.url, log: silentLog });
    await until("the queue is empty", async () => {
      const { rowCount } = await server.pool.query("select from daybook_private.entry_queue");
      return rowCount === 0;
    });
    await worker.stop();
    expect({ ...seed, books: await violations(server) }).toEqual({ ...seed, books: [] });
  },
);
