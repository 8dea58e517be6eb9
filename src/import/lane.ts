import { setTimeout as sleep } from "node:timers/promises";
import type { QueryResultRow } from "pg";
import { Client, type ClientOptions } from "../client.ts";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { ownSession } from "../session.ts";
import { isLost, isTransient } from "./judge-error.ts";

/** Some 30 seconds in all: long enough for a server that starts again. */
const ATTEMPTS = 12;
const PAUSE_FIRST = 50;
const PAUSE_MAX = 5000;

/** A connection that replaces itself when it is lost. Statements run in the order in which they are sent. */
export type Lane = {
  /** How many statements have been sent and not answered. */
  readonly pending: number;
  /**
   * Runs one statement in a transaction of its own, again after a transient failure: it must be one
   * that may be repeated.
   */
  run<Row extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
};

/** A statement and the name under which the server keeps it prepared. */
export type Statement = { name: string; text: string };

/**
 * Opens a lane. Times without a zone are read as UTC, so that a file means the same everywhere.
 * @throws the error of the first attempt to connect
 */
export async function openLane(connectionString: string, log: Log): Promise<Lane> {
  const url = ownSession(connectionString, { timezone: "UTC" });
  const options = { connectionString: url, application_name: "daybook import", pipeline: true };
  let current: Promise<Client> = connect(options);
  await current;
  let pending = 0;
  let closed = false;

  const replace = async (lost: Promise<Client>, error: unknown) => {
    if (current !== lost) return; // another statement was faster
    log.warn(`the connection was lost: ${describeError(error)}`);
    current = reconnect(options);
    current.catch(() => {}); // told by the statements that wait for it
    await (await lost).end().catch(() => {});
  };

  const attempt = async <Row extends QueryResultRow>(query: Statement, values: unknown[]) => {
    for (let attempts = 1; ; attempts += 1) {
      const connection = current;
      const client = await connection;
      try {
        return (await client.query<Row>({ ...query, values })).rows;
      } catch (error) {
        if (closed || !isTransient(error) || attempts === ATTEMPTS) throw error;
        if (isLost(error)) void replace(connection, error);
        else await sleep(pause(attempts));
      }
    }
  };

  return {
    get pending() {
      return pending;
    },
    async run(query, values) {
      pending += 1;
      try {
        return await attempt(query, values);
      } finally {
        pending -= 1;
      }
    },
    async close() {
      closed = true;
      const client = await current.catch(() => undefined);
      await client?.end();
    },
  };
}

async function connect(options: ClientOptions): Promise<Client> {
  const client = new Client(options);
  await client.connect();
  return client;
}

async function reconnect(options: ClientOptions): Promise<Client> {
  for (let attempts = 1; ; attempts += 1) {
    await sleep(pause(attempts));
    try {
      return await connect(options);
    } catch (error) {
      if (!isTransient(error) || attempts === ATTEMPTS) throw error;
    }
  }
}

const pause = (attempts: number) => Math.min(PAUSE_MAX, PAUSE_FIRST * 2 ** (attempts - 1));
