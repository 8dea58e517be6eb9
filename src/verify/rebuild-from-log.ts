import { Client } from "../client.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { ownSession } from "../session.ts";

export type PutRight = { violation: string; subject: string; facts: unknown };

/**
 * Makes everything of a ledger that is not a record itself anew from the records, in one transaction.
 * @returns what was otherwise than recorded
 * @throws Error if the database cannot be reached, or the login may not do that
 */
export async function rebuildFromLog(
  connectionString: string,
  ledger: string,
): Promise<PutRight[]> {
  const client = new Client({
    connectionString: ownSession(connectionString),
    application_name: "daybook rebuild",
  });
  try {
    await client.connect();
    await checkLedger(client);
    const { rows } = await client.query<PutRight>(
      "select violation, subject, facts from daybook.rebuild_from_log($1)",
      [ledger],
    );
    return rows;
  } finally {
    await client.end();
  }
}
