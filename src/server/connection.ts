import {
  DatabaseError,
  type Pool,
  type PoolClient,
  type QueryArrayResult,
  type QueryResult,
} from "pg";
import { errorCode } from "../errors.ts";
import { streamOf } from "../vigil.ts";
import { TIMEOUTS } from "./request.ts";
import { RolledBackError } from "./rolled-back.ts";
import { tooLarge } from "./size.ts";
import { isWornOut, preparedStatement } from "./statements.ts";

/**
 * What an operation may read from the database, in bytes: rows may be large, and a text of more than 512 MB, which Node
 * cannot hold, would end the process.
 */
export const ANSWERS = { mostBytes: 200_000_000 };

/** How much longer than PostgreSQL itself the end of an operation is waited for, in milliseconds. */
export const SILENCE = { most: 10_000 };
const NOT_KNOWN = "whether anything was kept is not known";

export type Statement = { text: string; values?: readonly unknown[] };

/** A connection on which a transaction was begun, perhaps not answered yet. It is in pipeline mode. */
export type Connection = {
  client: PoolClient;
  opened: Promise<unknown>;
  /** Since when, in milliseconds. */
  begun: number;
  /** Ends it when the transaction's time is over, see `endIn`. */
  watch: NodeJS.Timeout | undefined;
  /** Given back: what is heard of it from now on concerns somebody else. */
  released: boolean;
  /** Not to be used again. */
  broken: boolean;
  /** Why it was cut in the middle of the transaction, of which nothing was kept. */
  ended: Error | undefined;
  release(): void;
};

/**
 * Takes a connection and sends `begin` and the settings, without waiting for the answer.
 * @param limited whether answers of more than `ANSWERS.mostBytes` are refused. Not where the commit is sent already.
 */
export async function connect(
  pool: Pick<Pool, "connect">,
  begin: string,
  settings: Record<string, string>,
  limited: boolean,
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
    begun: Date.now(),
    watch: undefined,
    released: false,
    broken: false,
    ended: undefined,
    release() {
      connection.released = true;
      unlimit();
      clearTimeout(connection.watch);
      connection.watch = undefined;
      client.release(connection.broken || isWornOut(client));
    },
  };
  const unlimit = limited ? limitAnswers(connection) : () => {};
  watchSilence(connection);
  return connection;
}

/** Cuts a connection through which too much comes. The server's side notices, and rolls back. */
function limitAnswers(connection: Connection): () => void {
  const stream = streamOf(connection.client);
  const most = stream.bytesRead + ANSWERS.mostBytes;
  const check = () => {
    if (stream.bytesRead <= most) return;
    const megabytes = Math.floor(ANSWERS.mostBytes / 1_000_000);
    cut(connection, tooLarge(`query: the answer has more than ${megabytes} MB`));
  };
  stream.on("data", check);
  return () => void stream.off("data", check);
}

/** PostgreSQL ends what takes too long and says so, unless it is stopped, or waits for a standby that is. */
function watchSilence(connection: Connection): void {
  endIn(connection, Number(TIMEOUTS.transaction_timeout) + SILENCE.most, () =>
    Object.assign(new Error(`the database does not answer: ${NOT_KNOWN}`), { code: "08006" }),
  );
}

/** PostgreSQL forgets `transaction_timeout` with the first error of a transaction; from then on its time is watched here. */
function watchTime(connection: Connection): void {
  if (connection.released) return; // the beginning had failed, and nobody waited for what was sent behind it
  const left = connection.begun + Number(TIMEOUTS.transaction_timeout) - Date.now();
  endIn(connection, Math.max(left, 0), () =>
    Object.assign(new Error("the statements of the operation took too long together"), {
      code: "25P04",
    }),
  );
}

/** In milliseconds. Only what is said last counts. */
function endIn(connection: Connection, left: number, why: () => Error): void {
  clearTimeout(connection.watch);
  connection.watch = setTimeout(() => cut(connection, why()), left);
}

/** Every statement fails from now on, with errors of the driver's own that do not tell why. */
function cut(connection: Connection, error: Error): void {
  connection.broken = true;
  connection.ended ??= error;
  streamOf(connection.client).destroy();
}

/** What is sent until the event loop's next turn leaves in one packet. */
function sendTogether(client: PoolClient): void {
  const stream = streamOf(client);
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
  for (const sent of [before, after]) {
    sent.catch((error) => isOutOfTime(error) && cut(connection, error));
  }
  answer.catch(() => watchTime(connection));
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
    const result = await answer;
    if (connection.ended) throw connection.ended;
    return result;
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
  if (isOutOfTime(error)) cut(connection, error);
  // PostgreSQL's own errors; Node's codes (EPIPE) can have five letters too.
  if (error instanceof DatabaseError || error instanceof RolledBackError) return error;
  if (connection.ended) return connection.ended;
  connection.broken = true;
  return Object.assign(
    new Error(`the connection to the database was lost: ${NOT_KNOWN}`, {
      cause: error,
    }),
    {
      code: "08006",
    },
  );
}

/** PostgreSQL then ends not the transaction alone, but the connection. */
function isOutOfTime(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^25P0[34]$/.test(error.code ?? "");
}

function unreachable(error: unknown): never {
  // Too many connections, or shutting down: the server says so itself.
  if (/^5[37]/.test(errorCode(error) ?? "")) throw error;
  throw Object.assign(new Error("the database cannot be reached", { cause: error }), {
    code: "08001",
  });
}
