import { Client } from "../client.ts";
import { withSettings } from "../database-url.ts";
import { checkVersion } from "../migrate/check-version.ts";
import type { Progress } from "./verify-books.ts";

export type Rebuilt = {
  account: string;
  violation: string | null;
  before: unknown;
  after: unknown;
  changed_entries: string | null;
};

export type RebuildOptions = {
  /** Of a login that administers the ledger. */
  connectionString: string;
  ledger: string;
  /** One account; all of the ledger if there is none. */
  account?: string | undefined;
  progress: Progress;
};

/**
 * Rebuilds what is wrong, account by account, each in a transaction of its own: nobody waits for more
 * than the one that is being repaired.
 * @throws Error if there is no such ledger or account, or the login may not
 */
export async function rebuildBalances(
  options: RebuildOptions,
): Promise<{ accounts: number; rebuilt: Rebuilt[] }> {
  const { connectionString, ledger, account, progress } = options;
  const client = new Client({
    connectionString: withSettings(connectionString, { statement_timeout: "0" }),
    application_name: "daybook rebuild",
  });
  client.on("error", () => {}); // told by the query as well
  const rebuilt: Rebuilt[] = [];
  let done = 0;
  try {
    await client.connect();
    await checkVersion(client);
    const accounts = account === undefined ? await addressesOf(client, ledger) : [account];
    progress.start(accounts.length);
    for (const address of accounts) {
      const { rows } = await client.query<Rebuilt>(
        "select * from daybook.rebuild_balances($1, $2)",
        [ledger, address],
      );
      rebuilt.push(...rows);
      progress.update(++done, rebuilt.length);
    }
    return { accounts: done, rebuilt };
  } finally {
    progress.stop();
    await client.end();
  }
}

/** @throws Error if there is no such ledger that the login may read */
async function addressesOf(client: Client, ledger: string): Promise<string[]> {
  const known = await client.query("select from daybook.ledgers where name = $1", [ledger]);
  if (known.rowCount === 0) {
    throw new Error(`there is no ledger "${ledger}" that this login may read`);
  }
  const { rows } = await client.query<{ address: string }>(
    "select address from daybook.accounts where ledger = $1 order by id",
    [ledger],
  );
  return rows.map(({ address }) => address);
}
