import { expect } from "@jest/globals";
import type { Client } from "pg";
import { fingerprint } from "../support/books.ts";
import type { TestDatabase } from "../support/database.ts";
import type { Member } from "../support/ledgers.ts";
import type { Row, Statement } from "../support/sessions.ts";
import type { Answer, Model } from "./model.ts";

/** A ledger and what is known of it. */
export type History = {
  database: TestDatabase;
  client: Client;
  ledger: string;
  model: Model;
  /** Ids of the model's transactions. */
  ids: string[];
  /** Ids of the model's receipts. */
  receiptIds: string[];
  /** Requests with a key that were sent in whatever way. */
  sent: Member[];
  /** Another ledger, with which money is exchanged. */
  other: History;
  /** Calls with a key that were not refused, and what a repetition gives. */
  kept: { statement: Statement; result: Row }[];
};

/** A hash of all that is kept of both ledgers of a history, and of the instance. */
export const traces = (
  { database, ledger, other }: History,
  except: Record<string, string> = {},
): Promise<string> => fingerprint(database, [ledger, other.ledger, "*"], except);

/** In which way a call is made, which no part of the request tells. */
export type Circumstances = {
  isKnown: boolean;
  key: string | undefined;
  isSnapshot?: boolean;
  isDry?: boolean;
};

/** Makes the call and, if it can be repeated, repeats it. Refusals, replays and rehearsals leave no trace. */
export async function compare(
  history: History,
  statement: Exclude<Statement, string>,
  answer: Answer,
  { isKnown, key, isSnapshot = false, isDry = false }: Circumstances,
): Promise<void> {
  const { ids, model } = history;
  const before = await traces(history);
  const actual = await call(history, statement, isSnapshot);
  const replayed = "code" in answer ? {} : { replayed: isKnown };
  expect(answerOf(actual)).toEqual({ ...answer, ...replayed });
  const isNew = !("code" in answer) && !isKnown && !isDry;
  if (isNew && model.transactions.length > ids.length) ids.push(actual["transaction_id"]);
  if (!("code" in answer)) expect(actual["transaction_id"] === null).toBe(isDry && !isKnown);
  const after = await traces(history);
  expect(after === before).toBe(!isNew);
  if ("code" in answer || key !== undefined) {
    const again = await call(history, statement, isSnapshot);
    const isReplay = !("code" in answer) && !(isDry && !isKnown);
    expect(again).toEqual(isReplay ? { ...actual, replayed: true } : actual);
    expect(await traces(history)).toBe(after);
    if (isReplay && !isSnapshot) history.kept.push({ statement, result: again });
  }
}

async function call({ client }: History, statement: Statement, isSnapshot: boolean): Promise<Row> {
  if (isSnapshot) await client.query("begin isolation level repeatable read");
  try {
    const { rows } = await client.query(statement as { text: string });
    return rows[0];
  } catch (error) {
    const { code, detail } = error as { code: string; detail: string };
    return { code, detail };
  } finally {
    if (isSnapshot) await client.query("commit");
  }
}

function answerOf(actual: Row): Row {
  if ("code" in actual) return { code: actual["code"] };
  const { status, version, replayed, archived_reason: reason } = actual;
  return { status, version, replayed, reason };
}
