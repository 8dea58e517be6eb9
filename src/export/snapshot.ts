import { DatabaseError, type QueryResultRow } from "pg";
import { Client } from "../client.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { longSession } from "./session.ts";

/** Rows that are fetched at a time: enough to hide the way, few enough to hold in memory. */
const FETCH = 1000;

/** A ledger as it is at one moment, however long one reads. */
export type Snapshot = {
  /** The rows of a small question. Its first parameter is the ledger, as that of a large one is. */
  query<Row extends QueryResultRow>(sql: string, ...values: unknown[]): Promise<Row[]>;
  /** The rows of a large one, in portions. */
  stream<Row extends QueryResultRow>(sql: string): AsyncGenerator<Row[]>;
  close(): Promise<void>;
};

/**
 * Opens a snapshot.
 * @param settings of its session
 * @throws Error if the ledger does not exist, the login may not read all of it, or months of it are detached
 */
export async function openSnapshot(
  connectionString: string,
  ledger: string,
  settings: Record<string, string> = {},
): Promise<Snapshot> {
  const client = new Client({
    connectionString: longSession(connectionString, settings),
    application_name: "daybook export",
  });
  try {
    await client.connect();
    await checkLedger(client);
    await client.query("begin isolation level repeatable read, read only");
    // The planner expects that a cursor's first rows are what matters. Here it is the last.
    await client.query("set local cursor_tuple_fraction = 1");
    await checkReadable(client, ledger);
    await checkWhole(client, ledger);
  } catch (error) {
    await client.end();
    throw error;
  }
  return {
    query: async <Row extends QueryResultRow>(sql: string, ...values: unknown[]) =>
      (await client.query<Row>(sql, [ledger, ...values])).rows,
    stream: (sql) => readRows(client, sql, ledger),
    close: () => client.end(),
  };
}

/** Who may read no more than some categories of a ledger does not see the ledger itself. */
async function checkReadable(client: Client, ledger: string): Promise<void> {
  const { rowCount } = await client.query("select from daybook.ledgers where name = $1", [ledger]);
  if (rowCount === 0) throw new Error(`there is no ledger "${ledger}" that this login may read`);
}

/** The view refuses when there is a transaction whose entries are detached. */
async function checkWhole(client: Client, ledger: string): Promise<void> {
  try {
    await client.query("select from daybook.current_entries where ledger = $1 and id is null", [
      ledger,
    ]);
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === "LDARG")) throw error;
    throw new Error(
      `months of entries of the ledger "${ledger}" are detached: attach them first (daybook.attach_month)`,
      { cause: error },
    );
  }
}

async function* readRows<Row extends QueryResultRow>(
  client: Client,
  sql: string,
  ledger: string,
): AsyncGenerator<Row[]> {
  await client.query(`declare portions no scroll cursor for ${sql}`, [ledger]);
  for (;;) {
    const { rows } = await client.query<Row>(`fetch ${FETCH} from portions`);
    if (rows.length === 0) break;
    yield rows;
  }
  await client.query("close portions");
}
