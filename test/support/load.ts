import { randomUUID } from "node:crypto";
import { DatabaseError, type Client, type Pool } from "pg";
import { create, finish, transfer, type TransferOptions } from "./ledgers.ts";
import type { Row, Statement } from "./sessions.ts";

/** What a client knows of its calls, each of which has a key that is also its description. */
export type Diary = {
  /** Key and id of what was acknowledged. */
  acknowledged: Map<string, string>;
  /** Calls whose answer got lost. */
  unknown: Map<string, Statement>;
  /** Ids of pending transactions, and what was acknowledged of their end. */
  pending: string[];
  ended: Map<string, string>;
  /** How often each outcome was met: a status or the code of an error. */
  outcomes: Record<string, number>;
};

export const newDiary = (): Diary => ({
  acknowledged: new Map(),
  unknown: new Map(),
  pending: [],
  ended: new Map(),
  outcomes: {},
});

/** Numbers from 0 to below 1 that come again for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const BOUNDS = { available_balance: { gte: 0 } };

/** A transfer between any two of the accounts, of any kind: locked on one side or both, unlocked, pending, … */
export function anyTransfer(
  random: () => number,
  ledger: string,
  accounts: string[],
  unlockedOnly = false,
) {
  const pick = () => accounts[Math.floor(random() * accounts.length)]!;
  const [from, to] = [pick(), pick()];
  const options: TransferOptions = { idempotency_key: randomUUID() };
  options.description = options.idempotency_key!;
  if (random() < 0.25) options.status = "pending";
  if (!unlockedOnly) {
    if (random() < 0.4) options.from = BOUNDS;
    if (random() < 0.2) options.to = { show_resulting_balances: true };
    if (random() < 0.1) options.archive_on_lock_failure = true;
  }
  const amount = 1 + Math.floor(random() * 50);
  if (random() < 0.8) return { key: options.description, call: transfer(ledger, from, to, amount, options) };
  const { from: asks, to: _, ...rest } = options; // through a third account, touched twice
  const lines = [
    { account: from, direction: "debit", amount: 2 * amount, ...asks } as const,
    { account: pick(), direction: "credit", amount } as const,
    { account: to, direction: "credit", amount } as const,
  ];
  return { key: options.description, call: create(ledger, lines, rest) };
}

/** Whether the server went away, rather than refuse something. */
export function isLost(error: unknown): boolean {
  return !(error instanceof DatabaseError) || /^(08|57P)/.test(error.code ?? "");
}

/**
 * Carries out a call and writes down what came of it.
 * @throws Error if the connection is lost
 */
export async function attempt(
  client: Pick<Client, "query">,
  diary: Diary,
  key: string,
  call: Statement,
): Promise<Row | undefined> {
  diary.unknown.set(key, call);
  try {
    const row: Row = (await client.query(call as { text: string })).rows[0]!;
    note(diary, key, row);
    count(diary, row["status"]);
    return row;
  } catch (error) {
    if (isLost(error)) throw error;
    diary.unknown.delete(key);
    count(diary, (error as DatabaseError).code!);
    return undefined;
  }
}

/** Writes down an acknowledged transaction. */
export function note(diary: Diary, key: string, row: Row): void {
  diary.unknown.delete(key);
  diary.acknowledged.set(key, row["transaction_id"]);
  if (row["status"] === "pending") diary.pending.push(row["transaction_id"]);
}

/**
 * Posts or archives the oldest pending transaction that the client knows.
 * @throws Error if the connection is lost
 */
export async function endPending(
  client: Pick<Client, "query">,
  diary: Diary,
  ledger: string,
  random: () => number,
): Promise<void> {
  const id = diary.pending.shift();
  if (!id) return;
  try {
    const operation = random() < 0.5 ? "post" : "archive";
    const { rows } = await client.query(finish(operation, ledger, id));
    diary.ended.set(id, rows[0].status);
    count(diary, rows[0].status);
  } catch (error) {
    if (isLost(error)) throw error;
    count(diary, (error as DatabaseError).code!);
  }
}

const count = ({ outcomes }: Diary, outcome: string) =>
  (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);

/** What the clients were told and the books do not say, or say twice; nothing if they agree. */
export async function contradictions(
  pool: Pick<Pool, "query">,
  ledger: string,
  diaries: Diary[],
): Promise<string[]> {
  const { rows } = await pool.query<Row>(
    "select id, status, description as key from daybook.transactions where ledger = $1 and description is not null",
    [ledger],
  );
  const found: string[] = [];
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    if (byKey.has(row["key"])) found.push(`made twice: ${row["key"]}`);
    byKey.set(row["key"], row);
  }
  const status = new Map(rows.map((row) => [row["id"], row["status"]]));
  for (const diary of diaries) {
    for (const [key, id] of diary.acknowledged) {
      if (byKey.get(key)?.["id"] !== id) found.push(`acknowledged and not there: ${key} ${id}`);
    }
    for (const [id, end] of diary.ended) {
      if (status.get(id) !== end) found.push(`acknowledged as ${end}: ${id} is ${status.get(id)}`);
    }
  }
  const told = new Set(diaries.flatMap((d) => [...d.acknowledged.keys(), ...d.unknown.keys()]));
  for (const key of byKey.keys()) if (!told.has(key)) found.push(`nobody was told: ${key}`);
  return found;
}
