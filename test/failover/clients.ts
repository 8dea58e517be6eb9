import { randomUUID } from "node:crypto";
import { Client } from "../../src/client.ts";
import { newDiary, note, type Diary } from "../support/diary.ts";
import { enqueue, transfer } from "../support/ledgers.ts";
import {
  anyTransfer,
  attempt,
  changePending,
  endPending,
  isLost,
  randomFrom,
} from "../support/load.ts";
import type { Row } from "../support/sessions.ts";

/** Clients at work until they are told to stop; they repeat, with its key, each call whose answer got lost. */
export type Clients = {
  diaries: Diary[];
  /** Keys and receipts. */
  receipts: Map<string, string>;
  /** When calls were acknowledged, in milliseconds since 1970. */
  times: number[];
  stop(): Promise<void>;
};

export type Books = {
  url: string;
  graphql: string;
  ledger: string;
  /** Another ledger, for what goes through the write-ahead queue. */
  queue: string;
  accounts: string[];
  seed: number;
};

type Job = (client: Client, diary: Diary) => Promise<void>;

/** Starts four clients over SQL, two over GraphQL, and one that enqueues. */
export function startClients(books: Books): Clients {
  const receipts = new Map<string, string>();
  const times: number[] = [];
  const stopping = new AbortController();
  const { signal } = stopping;

  /** Does a job over and over, over a new connection whenever one is lost. */
  const overSql = async (diary: Diary, job: Job) => {
    while (!signal.aborted) {
      const client = new Client({ connectionString: books.url });
      client.on("error", () => {}); // the next query fails and tells
      try {
        await client.connect();
        for (const [key, call] of diary.unknown) await attempt(client, diary, key, call);
        while (!signal.aborted) {
          await job(client, diary);
          times.push(Date.now());
        }
      } catch (error) {
        if (!isLost(error) && (error as { code?: string }).code !== "25006") throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await client.end().catch(() => {});
    }
  };
  const overGraphql = async (diary: Diary) => {
    for (let key = randomUUID(); !signal.aborted; key = randomUUID()) {
      let row: Row | undefined;
      while (!(row = await tryPost(books, key))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      note(diary, key, row);
      times.push(Date.now());
    }
  };

  const sql = Array.from({ length: 4 }, newDiary);
  const graphql = Array.from({ length: 2 }, newDiary);
  const working = [
    ...sql.map((diary, n) => overSql(diary, anyCall(books, randomFrom(books.seed + n)))),
    ...graphql.map(overGraphql),
    overSql(newDiary(), enqueueing(books, receipts)),
  ];
  const stop = async () => {
    stopping.abort();
    await Promise.all(working);
  };
  return { diaries: [...sql, ...graphql], receipts, times, stop };
}

function anyCall({ ledger, accounts }: Books, random: () => number): Job {
  return async (client, diary) => {
    const { key, call } = anyTransfer(random, ledger, accounts);
    await attempt(client, diary, key, call);
    if (random() < 0.2) await changePending(client, diary, ledger, accounts, random);
    if (random() < 0.2) await endPending(client, diary, ledger, random);
  };
}

function enqueueing({ queue, accounts }: Books, receipts: Map<string, string>): Job {
  let key = randomUUID();
  return async (client) => {
    const [from, to] = accounts as [string, string];
    const call = transfer(queue, from, to, 1, { idempotency_key: key, description: key });
    const { rows } = await client.query(enqueue(queue, call));
    receipts.set(key, rows[0].receipt_id);
    key = randomUUID();
  };
}

const CREATE = `
  mutation ($ledger: String!, $from: String!, $to: String!, $key: String!) {
    createTransaction(input: { ledger: $ledger, idempotencyKey: $key, description: $key, entries: [
      { account: $from, direction: debit, amount: "1" }, { account: $to, direction: credit, amount: "1" }] })
    { result { transactionId status } }
  }`;

/** Nothing if the answer does not come, or is one to repeat. */
async function tryPost(
  { graphql, ledger, accounts: [from, to] }: Books,
  key: string,
): Promise<Row | undefined> {
  const body = JSON.stringify({ query: CREATE, variables: { ledger, from, to, key } });
  const headers = { "content-type": "application/json" };
  const response = await fetch(graphql, { method: "POST", headers, body });
  const { data, errors } = (await response.json()) as { data?: any; errors?: any[] };
  if (!errors) {
    const { transactionId, status } = data.createTransaction.result;
    return { transaction_id: transactionId, status };
  }
  const { sqlstate = "" } = errors[0].extensions ?? {};
  if (!/^(08|57P|25006)/.test(sqlstate)) throw new Error(JSON.stringify(errors));
  return undefined;
}
