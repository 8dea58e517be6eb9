import { randomUUID } from "node:crypto";
import { DatabaseError, type Client } from "pg";
import { capture, revise } from "./changes.ts";
import { add, count, note, type Diary } from "./diary.ts";
import { batch, create, finish, transfer, type Member, type TransferOptions } from "./ledgers.ts";
import type { Row, Statement } from "./sessions.ts";

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
  if (random() < 0.25) {
    options.status = "pending";
    if (random() < 0.4)
      options.expires_at = new Date(Date.now() + 30 + random() * 400).toISOString();
  }
  if (!unlockedOnly) {
    if (random() < 0.4) options.from = BOUNDS;
    if (random() < 0.2) options.to = { show_resulting_balances: true };
    if (random() < 0.1) options.archive_on_lock_failure = true;
  }
  const amount = 1 + Math.floor(random() * 50);
  if (random() < 0.8)
    return { key: options.description, call: transfer(ledger, from, to, amount, options) };
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

/**
 * Makes up to 40 transfers of any kind in one call, and writes down what came of each.
 * @throws Error if the connection is lost
 */
export async function attemptBatch(
  client: Pick<Client, "query">,
  diary: Diary,
  ledger: string,
  accounts: string[],
  random: () => number,
): Promise<void> {
  const isPlain = random() < 0.5;
  const calls = Array.from({ length: 2 + Math.floor(random() * 39) }, () =>
    anyTransfer(random, ledger, accounts, isPlain),
  );
  const call = batch(
    ledger,
    calls.map(({ call: { values } }) => memberOf(values)),
  );
  for (const { key, call: single } of calls) diary.unknown.set(key, single);
  try {
    const [row] = (await client.query(call)).rows;
    for (const [n, { key }] of calls.entries()) {
      const [status, transaction_id] = [row.outcomes[n], row.ids[n]];
      if (transaction_id) note(diary, key, { transaction_id, status });
      else diary.unknown.delete(key);
      count(diary, status);
    }
  } catch (error) {
    if (isLost(error)) throw error;
    for (const { key } of calls) diary.unknown.delete(key);
    count(diary, (error as DatabaseError).code!);
  }
}

function memberOf(values: ReturnType<typeof create>["values"]): Member {
  const [, entries, status, idempotency_key, external_id, description, archives, , , expires_at] =
    values;
  const fields = { status, idempotency_key, external_id, description, expires_at };
  const member = {
    entries: JSON.parse(entries as string),
    ...fields,
    archive_on_lock_failure: archives,
  };
  return JSON.parse(JSON.stringify(member));
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
  const operation = random() < 0.5 ? "post" : "archive";
  const row = await attemptChange(client, diary, id, finish(operation, ledger, id));
  if (row) diary.ended.set(id, row["status"]);
}

/**
 * Changes the entries of some pending transaction that the client knows, or posts a part of it.
 * @throws Error if the connection is lost
 */
export async function changePending(
  client: Pick<Client, "query">,
  diary: Diary,
  ledger: string,
  accounts: string[],
  random: () => number,
): Promise<void> {
  const pick = () => accounts[Math.floor(random() * accounts.length)]!;
  const id = diary.pending[Math.floor(random() * diary.pending.length)];
  if (!id) return;
  const from = random() < 0.4 ? BOUNDS : {};
  if (random() < 0.4) {
    const amount = 1 + Math.floor(random() * 50);
    await attemptChange(client, diary, id, revise(ledger, id, [pick(), pick()], amount, { from }));
    return;
  }
  const [debit, credit] = await sidesOf(client, ledger, id);
  if (!debit || !credit) return;
  const most = Math.min(debit.amount, credit.amount);
  const amount = random() < 0.3 ? most : Math.ceil(random() * most);
  const key = randomUUID();
  const options = { from, description: key, idempotency_key: key };
  const call = capture(ledger, id, [debit.account, credit.account], amount, options);
  diary.unknown.set(key, call);
  const row = await attemptChange(client, diary, id, call);
  if (row) note(diary, key, row);
  else diary.unknown.delete(key);
}

/** The first lines on both sides of what a pending transaction still holds. */
async function sidesOf(client: Pick<Client, "query">, ledger: string, id: string) {
  const { rows } = await client.query<{ account: string; direction: string; amount: number }>(
    `select a.address as account, e.direction, e.amount::integer as amount
       from daybook.current_entries e
       join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
      where e.ledger = $1 and e.transaction_id = $2 and e.effect = 'pending'
      order by e.position`,
    [ledger, id],
  );
  return ["debit", "credit"].map((side) => rows.find(({ direction }) => direction === side));
}

/**
 * Carries out a change of a pending transaction and writes down what came of it.
 * @throws Error if the connection is lost
 */
async function attemptChange(
  client: Pick<Client, "query">,
  diary: Diary,
  id: string,
  call: Statement,
): Promise<Row | undefined> {
  add(diary.lost, id);
  try {
    const row: Row = (await client.query(call as { text: string })).rows[0]!;
    add(diary.changes, id);
    count(diary, row["status"]);
    add(diary.lost, id, -1);
    return row;
  } catch (error) {
    if (isLost(error)) throw error;
    add(diary.lost, id, -1);
    count(diary, (error as DatabaseError).code!);
    return undefined;
  }
}
