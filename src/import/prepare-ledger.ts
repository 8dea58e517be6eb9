import { Client } from "../client.ts";
import { errorCode } from "../errors.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { ownSession } from "../session.ts";
import { readShapes, type Shapes } from "./shape.ts";
import { CHECK_LEDGER, CREATE_LEDGER } from "./statements.ts";

/**
 * Makes sure that lines can be imported into a ledger at all, over a connection of its own.
 * @param create whether to make the ledger if it is missing
 * @returns what lines may say
 * @throws Error saying what is in the way
 */
export async function prepareLedger(
  connectionString: string,
  ledger: string,
  create: boolean,
): Promise<Shapes> {
  const client = new Client({
    connectionString: ownSession(connectionString),
    application_name: "daybook import",
  });
  try {
    await client.connect();
    await checkLedger(client);
    const shapes = await readShapes(client);
    if (create) await createLedger(client, ledger);
    await client.query(CHECK_LEDGER, [ledger]);
    return shapes;
  } finally {
    await client.end();
  }
}

async function createLedger(client: Client, ledger: string): Promise<void> {
  try {
    await client.query(CREATE_LEDGER, [ledger]);
  } catch (error) {
    // There is one, made with a description perhaps: it will do.
    if (errorCode(error) !== "LDDUP") throw error;
  }
}
