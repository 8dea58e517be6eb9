import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { allEntries, violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { moveMonth, monthsAgo, writeHistory } from "../support/history.ts";
import { finish, fold, transfer } from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { differences, rollUp } from "../support/moments.ts";
import { SEED } from "../support/seed.ts";

/* A month leaves and comes back while everybody is at work. */

const MONTH = monthsAgo(3);
const HORIZON = monthsAgo(2);
const ACCOUNTS = ["a", "b", "c"];

let database: TestDatabase;
let ledger: string;
let holds: string[];

beforeAll(async () => {
  database = await createDatabase();
  ({ ledger, holds } = await writeHistory(database, [3, 0], 150, SEED));
}, 60_000);
afterAll(() => database?.drop());

/** Until the test is over, each in a session of its own; the first error ends it. */
function working(
  stop: AbortSignal,
  n: number,
  work: (client: Client, random: () => number) => Promise<unknown>,
) {
  const random = randomFrom(SEED + n);
  return database.connect().then(async (client) => {
    let rounds = 0;
    for (; !stop.aborted; rounds++) {
      await work(client, random);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return rounds;
  });
}

const pick = (random: () => number) => ACCOUNTS[Math.floor(random() * ACCOUNTS.length)]!;

async function write(client: Client, random: () => number): Promise<void> {
  const dice = random();
  if (dice < 0.1 && holds.length > 0) {
    await client.query(finish(dice < 0.05 ? "post" : "archive", ledger, holds.shift()!));
    return;
  }
  const back = new Date(Date.now() - random() * 120 * 86_400_000).toISOString();
  const isQueued = dice < 0.3;
  if (isQueued) await client.query("begin isolation level repeatable read");
  await client.query(
    transfer(ledger, pick(random), pick(random), 1 + Math.floor(random() * 100), {
      ...(dice < 0.6 && { effective_at: back }),
      ...(dice > 0.8 && { from: { show_resulting_balances: true } }),
    }),
  );
  if (isQueued) await client.query("commit");
}

/** Questions from the end of the month on, some in a snapshot that is older than what has left since. */
async function ask(client: Client, random: () => number, wrong: object[]): Promise<void> {
  const time = () =>
    random() < 0.1
      ? HORIZON
      : new Date(HORIZON.getTime() + random() * (Date.now() + 1e9 - HORIZON.getTime()));
  const questions = Array.from({ length: 20 }, (_, id) => ({
    id,
    account: pick(random),
    effective_at: random() < 0.6 ? time() : null,
    recorded_at: random() < 0.4 ? time() : null,
    version: random() < 0.1 ? 1 : null,
    like_entry: false,
  })).map((question) =>
    question.version ? { ...question, effective_at: null, recorded_at: null } : question,
  );
  const isOld = random() < 0.5;
  if (isOld) {
    await client.query("begin isolation level repeatable read");
    await client.query("select 1");
    await new Promise((resolve) => setTimeout(resolve, 100 * random()));
  }
  const { rows } = await client.query(
    differences(await allEntries({ pool: { query: client.query.bind(client) } as never })),
    [ledger, JSON.stringify(questions)],
  );
  if (isOld) await client.query("commit");
  wrong.push(...rows[0].wrong);
}

test("no balance is ever wrong, and nobody is held up", async () => {
  const stop = new AbortController();
  const wrong: object[] = [];
  await database.pool.query("select daybook.detach_month($1, 1)", [MONTH]); // makes the table
  const others = [
    working(stop.signal, 1, write),
    working(stop.signal, 2, write),
    working(stop.signal, 3, async (client, random) => {
      const account = pick(random);
      if (random() < 0.5) await client.query(await fold(database, ledger, account));
      await client.query(
        rollUp(ledger, account, 1 + Math.floor(random() * 60), random() < 0.05 ? 10 : 500),
      );
    }),
    working(stop.signal, 4, async (client, random) => {
      await client.query("select daybook_private.check_accounts('', $1, $2, 50, 20)", [
        "00000000-0000-0000-0000-000000000000",
        random() < 0.5,
      ]);
      await client.query("update daybook_private.account_checks set finished_at = null");
    }),
    working(stop.signal, 5, (client, random) => ask(client, random, wrong)),
    working(stop.signal, 6, (client, random) => ask(client, random, wrong)),
    working(stop.signal, 7, async () => wrong.push(...(await violations(database, ledger)))),
  ];
  const moving = (async () => {
    expect(await moveMonth(database, "detach_month", MONTH, 7)).toBeGreaterThan(10);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // To the last entry, but not on to where the emptied table is dropped: the questions read it.
    const attach = "select entries from daybook.attach_month($1, 7)";
    while ((await database.pool.query(attach, [MONTH])).rows[0].entries !== "0");
  })();
  const ended = await Promise.allSettled([moving, Promise.race([moving, ...others])]);
  stop.abort();
  const rounds = await Promise.allSettled(others);
  for (const one of [...ended, ...rounds]) if (one.status === "rejected") throw one.reason;
  expect({ seed: SEED, wrong: wrong.slice(0, 3) }).toEqual({ seed: SEED, wrong: [] });
  for (const one of rounds) expect((one as { value: number }).value).toBeGreaterThan(3);
  const { rows } = await database.pool.query(
    "select * from daybook.log where kind = 'drift_found'",
  );
  expect(rows).toEqual([]);
  expect(await moveMonth(database, "attach_month", MONTH)).toBe(1);
  expect(await violations(database)).toEqual([]);
}, 60_000);
