import type { Pool } from "pg";
import {
  commit,
  connect,
  run,
  runAndCommit,
  runRead,
  type Connection,
  type Statement,
} from "./connection.ts";
import { RolledBackError } from "./rolled-back.ts";

type Result = { rows: readonly any[]; rowCount: number | null; notices: readonly never[] };

/** What PostGraphile runs its SQL on. */
export type SessionClient = {
  rawClient: unknown;
  query(statement: Statement): Promise<Result>;
  withTransaction<T>(callback: (client: SessionClient) => Promise<T>): Promise<T>;
};

/** The one database transaction of a GraphQL operation, begun with its first statement. */
export type Session = {
  /** To be set before the first statement. A lone statement is committed in its own round trip. */
  statements: "one" | "many";
  /** Whether something was written for good. */
  readonly committed: boolean;
  withPgClient<T>(
    settings: unknown,
    callback: (client: SessionClient) => T | Promise<T>,
  ): Promise<T>;
  /** Ends the transaction: commits what a mutation wrote if `ok`, else takes all of it back. */
  finish(ok: boolean): Promise<void>;
};

export type SessionOptions = {
  pool: Pick<Pool, "connect">;
  /** Settings local to the transaction. */
  settings: Record<string, string>;
  kind: "query" | "mutation";
};

const BEGIN = {
  // One snapshot for all that a query shows.
  query: "begin isolation level repeatable read read only",
  // Locked entries must see what was committed while they waited, see LDISO.
  mutation: "begin isolation level read committed",
};

/**
 * Opens the session of one operation. Statements are written to the connection without waiting for the answers to
 * those before (it must be in pipeline mode), so `begin`, the settings and the first statement are one round trip.
 */
export function openSession({ pool, settings, kind }: SessionOptions): Session {
  let opening: Promise<Connection> | undefined;
  let failed = false;
  let committed = false;
  const client: SessionClient = {
    rawClient: null,
    withTransaction: (callback) => callback(client),
    async query(statement) {
      if (failed && kind === "mutation") throw new RolledBackError();
      const isCommitSent = kind === "mutation" && session.statements === "one";
      opening ??= connect(pool, BEGIN[kind], settings, !isCommitSent);
      try {
        const connection = await opening;
        const send = session.statements === "one" ? runAndCommit : kind === "query" ? runRead : run;
        const { rows, rowCount } = await send(connection, statement);
        committed = kind === "mutation" && session.statements === "one";
        return { rows, rowCount, notices: [] };
      } catch (error) {
        failed = true;
        throw error;
      }
    },
  };
  const session: Session = {
    statements: "many",
    get committed() {
      return committed;
    },
    withPgClient: async (_settings, callback) => callback(client),
    async finish(ok) {
      const connection = await opening?.catch(() => undefined);
      if (!connection) return;
      try {
        if (session.statements === "one") return; // has ended already
        if (ok && !failed && kind === "mutation") {
          await commit(connection);
          committed = true;
          return;
        }
        // Nobody need wait for the end of what leaves no trace.
        connection.client.query("rollback").catch(() => (connection.broken = true));
      } finally {
        connection.release();
      }
    },
  };
  return session;
}
