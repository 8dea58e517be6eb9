import type { Writable } from "node:stream";
import {
  DatabaseError,
  type Pool,
  type PoolClient,
  type QueryArrayResult,
  type QueryResult,
} from "pg";
import { errorCode } from "../errors.ts";
import { RolledBackError } from "./rolled-back.ts";
import { isWornOut, preparedStatement } from "./statements.ts";

export type Statement = { text: string; values?: readonly unknown[] };

/** A connection on which a transaction was begun, perhaps not answered yet. It is in pipeline mode. */
export type Connection = {
  client: PoolClient;
  opened: Promise<unknown>;
  /** Not to be used again. */
  broken: boolean;
  release(): void;
};

/** Takes a connection and sends `begin` and the settings, without waiting for the answer. */
export async function connect(
  pool: Pick<Pool, "connect">,
  begin: string,
  settings: Record<string, string>,
): Promise<Connection> {
  const client = await pool.connect().catch(unreachable);
  sendTogether(client);
  const names = Object.keys(settings);
  const calls = names.map((name, index) => `set_config('${name}', $${index + 1}, true)`);
  const statement = preparedStatement(client, `select ${calls}`, Object.values(settings));
  const opened = Promise.all([client.query(begin), client.query(statement)]);
  opened.catch(() => {}); // told by the first statement
  const connection: Connection = {
    client,
    opened,
    broken: false,
    release: () => client.release(connection.broken || isWornOut(client)),
  };
  return connection;
}

/** What is sent until the event loop's next turn leaves in one packet. */
function sendTogether(client: PoolClient): void {
  const { stream } = (client as unknown as { connection: { stream: Writable } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** Runs one statement of several. */
export function run(
  connection: Connection,
  { text, values }: Statement,
): Promise<QueryArrayResult> {
  const { client } = connection;
  sendTogether(client);
  return answerOf(connection, client.query<any[]>(preparedStatement(client, text, values)));
}

/** Runs one read of several. It must not fail because another one did: each leaves the transaction as it was. */
export function runRead(
  connection: Connection,
  { text, values }: Statement,
): Promise<QueryArrayResult> {
  const { client } = connection;
  sendTogether(client);
  const before = client.query("savepoint before_read");
  const answer = client.query<any[]>(preparedStatement(client, text, values));
  const after = client.query("rollback to savepoint before_read");
  for (const sent of [before, after]) sent.catch(() => {});
  return answerOf(connection, answer);
}

/** Runs the only statement of a transaction and ends it, in one packet. */
export async function runAndCommit(
  connection: Connection,
  { text, values }: Statement,
): Promise<QueryArrayResult> {
  const { client } = connection;
  sendTogether(client);
  const answer = client.query<any[]>(preparedStatement(client, text, values));
  const committing = commit(connection);
  committing.catch(() => {}); // if the statement failed as well, that is the error to tell
  const result = await answerOf(connection, answer);
  await committing;
  return result;
}

async function answerOf(
  connection: Connection,
  answer: Promise<QueryArrayResult>,
): Promise<QueryArrayResult> {
  answer.catch(() => {}); // if opening failed as well, that is the error to tell
  try {
    await connection.opened;
    return await answer;
  } catch (error) {
    throw lostConnection(connection, error);
  }
}

/** @throws RolledBackError if the transaction had failed before */
export async function commit(connection: Connection): Promise<void> {
  let result: QueryResult;
  try {
    result = await connection.client.query("commit");
  } catch (error) {
    throw lostConnection(connection, error);
  }
  if (result.command !== "COMMIT") throw new RolledBackError();
}

/** Gives an error of the driver's own the SQLSTATE of what happened; the caller may then repeat the call. */
function lostConnection(connection: Connection, error: unknown): unknown {
  const { routine } = error as { routine?: string };
  // A statement prepared before a migration that changed its result fails on this connection for ever.
  if (routine === "RevalidateCachedQuery") connection.broken = true;
  // PostgreSQL's own errors; Node's codes (EPIPE) can have five letters too.
  if (error instanceof DatabaseError || error instanceof RolledBackError) return error;
  connection.broken = true;
  return Object.assign(
    new Error("the connection to the database was lost: whether anything was kept is not known", {
      cause: error,
    }),
    {
      code: "08006",
    },
  );
}

function unreachable(error: unknown): never {
  // Too many connections, or shutting down: the server says so itself.
  if (/^5[37]/.test(errorCode(error) ?? "")) throw error;
  throw Object.assign(new Error("the database cannot be reached", { cause: error }), {
    code: "08001",
  });
}
