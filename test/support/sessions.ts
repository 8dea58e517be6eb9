import type { Client } from "pg";
import type { Login, TestDatabase } from "./database.ts";

export type Row = Record<string, any>;
export type Statement = string | { text: string; values?: unknown[]; name?: string };

/** A session of a test that tells who waits for whom. It carries out one step after the other. */
export type Session = {
  pid: number;
  /** Starts a statement; gives its first row when it has ended. Need not be awaited at once. */
  step(statement: Statement): Promise<Row>;
  /** Waits until a step waits for a row that somebody holds, or that this session holds; throws if it ends instead. */
  waits(holder?: Session): Promise<void>;
  /** Waits until all steps have ended, or one waits for somebody. */
  rests(): Promise<void>;
};

/** Opens named sessions: `const { ann, bob } = await openSessions(database, ["ann", "bob"])`. */
export async function openSessions<Name extends string>(
  database: TestDatabase,
  names: readonly Name[],
  login: Login = "test_writer",
): Promise<Record<Name, Session>> {
  const open = async (name: Name) => [name, await openSession(database, login)] as const;
  return Object.fromEntries(await Promise.all(names.map(open))) as Record<Name, Session>;
}

/** Opens one session: of a writer, unless another login is named. */
export async function openSession(
  database: TestDatabase,
  login: Login = "test_writer",
): Promise<Session> {
  const client = await database.connectAs(login);
  const { rows } = await client.query("select pg_backend_pid() as pid");
  return sessionOf(database, client, rows[0].pid);
}

function sessionOf(database: TestDatabase, client: Client, pid: number): Session {
  const state = { open: 0, last: undefined as unknown };
  const isActive = async () => {
    const query = "select from pg_stat_activity where pid = $1 and state = 'active'";
    return (await database.pool.query(query, [pid])).rowCount === 1;
  };
  const step = async (statement: Statement) => {
    state.open += 1;
    try {
      const row = (await client.query<Row>(statement as string)).rows[0] ?? {};
      state.last = row;
      return row;
    } catch (error) {
      state.last = error;
      while (await isActive()) continue; // an error arrives before what the step held is let go
      throw error;
    } finally {
      state.open -= 1;
    }
  };
  const looksAt = async (holder?: Session) => {
    // Rows, transactions and periods, not the momentary locks of a growing table.
    const { rows } = await database.pool.query(
      `select wait_event_type = 'Lock' and wait_event in ('transactionid', 'tuple', 'advisory') as waits,
              pg_blocking_pids(pid) as holders
         from pg_stat_activity where pid = $1`,
      [pid],
    );
    return Boolean(rows[0]?.waits && (!holder || rows[0].holders.includes(holder.pid)));
  };
  const rests = async () => {
    const check = patience();
    do check();
    while (state.open > 0 && !(await looksAt()));
  };
  const waits = async (holder?: Session) => {
    const check = patience();
    while (!(await looksAt(holder))) {
      check();
      if (state.open === 0)
        throw new Error("the step ended; it was to wait", { cause: state.last });
    }
  };
  return {
    pid,
    waits,
    rests,
    step(statement) {
      const ended = step(statement);
      ended.catch(() => {}); // whoever started the step will look at it later
      return ended;
    },
  };
}

/** Gives a check that throws when it is called after 30 s. */
function patience(): () => void {
  const deadline = Date.now() + 30_000;
  return () => {
    if (Date.now() > deadline) throw new Error("the step neither ended nor waited for 30 s");
  };
}

/** What came of a step: its status if it has one, else `ok`; or the code of its error. */
export function outcome(step: Promise<Row>): Promise<string> {
  return step.then(
    (row) => (row["replayed"] ? "replayed" : (row["status"] ?? "ok")),
    (error) => error.code ?? String(error),
  );
}

/** How many of each there are. */
export function tally(outcomes: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of outcomes) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}

/** All the orders in which two sessions can take so many steps each. */
export function interleavings<A extends string, B extends string>(
  [a, m]: [A, number],
  [b, n]: [B, number],
): (A | B)[][] {
  if (m === 0 && n === 0) return [[]];
  const first = m > 0 ? interleavings([a, m - 1], [b, n]).map((rest) => [a, ...rest]) : [];
  const second = n > 0 ? interleavings([a, m], [b, n - 1]).map((rest) => [b, ...rest]) : [];
  return [...first, ...second];
}

/**
 * Takes the sessions' steps in an order; gives the outcomes of each session's steps.
 * A step that waits lets the next one begin.
 */
export async function play<Name extends string>(
  sessions: Record<Name, Session>,
  scripts: Record<Name, Statement[]>,
  order: Name[],
): Promise<Record<Name, string[]>> {
  const taken = Object.fromEntries(
    Object.keys(scripts).map((name) => [name, []]),
  ) as unknown as Record<Name, Promise<string>[]>;
  for (const name of order) {
    taken[name].push(outcome(sessions[name].step(scripts[name][taken[name].length]!)));
    await sessions[name].rests();
  }
  const ended = Object.entries<Promise<string>[]>(taken).map(
    async ([name, steps]) => [name, await Promise.all(steps)] as const,
  );
  return Object.fromEntries(await Promise.all(ended)) as Record<Name, string[]>;
}
