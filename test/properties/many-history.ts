import { expect } from "@jest/globals";
import { drain, membersFrom, type Member } from "../support/ledgers.ts";
import type { Row } from "../support/sessions.ts";
import { traces, type History } from "./compare.ts";
import { create, isMalformed, textOf, type Making, type Model } from "./model.ts";
import type { Queue } from "./other-operations.ts";
import type { Batch } from "./requests.ts";
import { requestOf } from "./sent.ts";

/** What becomes of a member: the code of a refusal, or a transaction of the model. */
type Outcome = { code: string } | { transaction: number; replayed: boolean; status: string };

function make(model: Model, request: Member, making?: Making): Outcome {
  const known = model.keys.get(request.idempotency_key ?? "");
  const answer = create(model, request, making);
  if ("code" in answer) return answer;
  const transaction = known?.transaction ?? model.transactions.length - 1;
  return { transaction, replayed: known !== undefined, status: answer.status };
}

/** Makes a batch, which is what its members are one after the other. */
export async function carryOutBatch(history: History, operation: Batch): Promise<void> {
  const { model, ledger, sent, client } = history;
  const draft = structuredClone(model);
  const requests: Member[] = [];
  const outcomes = operation.requests.map((each) => {
    const request = requestOf(draft, sent, each);
    requests.push(request);
    return make(draft, request);
  });
  const values = [ledger, JSON.stringify(requests), operation.isAtomic];
  const text = `select * from daybook.create_transactions($1, ${membersFrom("$2")}, $3)`;
  const before = await traces(history);
  const hadQueue = await hasQueue(history);
  const actual = await rowsOf(client.query({ name: "batch", text, values }));
  const after = await traces(history);
  const declining = requests.findIndex((each) => each.archive_on_lock_failure);
  const first = declining < 0 ? outcomes.findIndex((each) => "code" in each) : declining;
  if (operation.isAtomic && first >= 0) {
    const code = declining < 0 ? (outcomes[first] as { code: string }).code : "LDARG";
    expect(actual).toMatchObject({ code, index: first + 1 });
    expect(after).toBe(before);
    return;
  }
  const isNew = draft.transactions.length > model.transactions.length;
  // What was queued for accounts that members wait for is folded in, whatever becomes of the members.
  if (isNew || !hadQueue) expect(after === before).toBe(!isNew);
  Object.assign(model, draft);
  const rows = actual as Row[];
  for (const [n, outcome] of outcomes.entries()) note(history, outcome, rows[n]!["transaction_id"]);
  expect(rows.map((row) => told(history, row))).toEqual(
    outcomes.map((outcome, n) => ({ index: n + 1, ...outcome })),
  );
}

async function hasQueue({ database, ledger }: History): Promise<boolean> {
  const text = "select from daybook_private.entry_queue where ledger = $1 limit 1";
  return (await database.pool.query(text, [ledger])).rowCount === 1;
}

/** Transactions are numbered as they are made. */
function note({ ids }: History, outcome: Outcome, id: string): void {
  if ("transaction" in outcome && outcome.transaction === ids.length) ids.push(id);
}

function told({ ids }: History, row: Row): Row {
  const { index, status, replayed, transaction_id: id, error_code: code } = row;
  if (id === null) return { index, code };
  return { index, status, replayed, transaction: ids.indexOf(id) };
}

async function rowsOf(query: Promise<{ rows: Row[] }>): Promise<Row[] | Row> {
  try {
    return (await query).rows;
  } catch (error) {
    const { code, detail } = error as { code: string; detail: string };
    return { code, index: JSON.parse(detail).index };
  }
}

/** Hands requests to the write-ahead queue, or applies the oldest ones that wait. */
export async function carryOutQueue(history: History, operation: Queue): Promise<void> {
  if (operation.does === "drain") return carryOutDrain(history, operation.count);
  const { model, sent } = history;
  const requests = operation.requests.map((each) => {
    const { idempotency_key: key = "k1", ...others } = requestOf(model, sent, each);
    return { ...others, idempotency_key: key };
  });
  return send(history, requests);
}

/** Sends requests twice: the second time they have their receipts, or are refused again. */
async function send(history: History, requests: Member[]): Promise<void> {
  const { model, ledger, client, receiptIds } = history;
  const draft = structuredClone(model);
  const places = accept(draft, requests);
  const text = `select * from daybook.enqueue_transactions($1, ${membersFrom("$2")})`;
  const values = [ledger, JSON.stringify(requests)];
  for (const isFirst of [true, false]) {
    const before = await traces(history);
    const actual = await rowsOf(client.query({ name: "enqueue", text, values }));
    const after = await traces(history);
    const isNew = isFirst && draft.receipts.length > model.receipts.length;
    expect(after === before).toBe(!(Array.isArray(places) && isNew));
    if (!Array.isArray(places)) {
      expect(actual).toMatchObject(places);
      continue;
    }
    Object.assign(model, draft);
    const given = (actual as Row[]).map(({ receipt_id: id }) => id);
    for (const [n, place] of places.entries()) {
      if (place === receiptIds.length) receiptIds.push(given[n]);
    }
    expect(given).toEqual(places.map((place) => receiptIds[place]));
  }
}

/** Predicts enqueue_transactions: each one's receipt, or the first that is refused, and so all. */
function accept(model: Model, requests: Member[]): number[] | { code: string; index: number } {
  const malformed = requests.findIndex(isMalformed);
  if (malformed >= 0) return { code: "LDARG", index: malformed + 1 };
  const places: number[] = [];
  for (const [n, request] of requests.entries()) {
    const place = model.receipts.findLastIndex(
      (r) => r.request.idempotency_key === request.idempotency_key && r.code === undefined,
    );
    const known = model.receipts[place];
    if (known && textOf(known.request) !== textOf(request)) return { code: "LDIDM", index: n + 1 };
    places.push(known ? place : model.receipts.push({ request }) - 1);
  }
  return places;
}

async function carryOutDrain(history: History, count: number): Promise<void> {
  const { model, ledger, database, receiptIds } = history;
  const waiting = [...model.receipts.entries()].filter(
    ([, { code, transaction }]) => code === undefined && transaction === undefined,
  );
  const taken = waiting.slice(0, count);
  expect((await database.pool.query(drain(ledger, count))).rows).toEqual([{ count: taken.length }]);
  for (const [place, { request }] of taken) {
    const outcome = make(model, request, { accepted: `^${place}` });
    const receipt = model.receipts[place]!;
    if ("code" in outcome) receipt.code = outcome.code;
    else receipt.transaction = outcome.transaction;
    const { rows } = await database.pool.query(
      "select transaction_id from daybook.queued_transaction($1, $2)",
      [ledger, receiptIds[place]],
    );
    note(history, outcome, rows[0].transaction_id);
  }
  // Applied, it keeps its receipt; refused, it has freed its key.
  if (taken.length > 0) await send(history, [taken.at(-1)![1].request]);
}
