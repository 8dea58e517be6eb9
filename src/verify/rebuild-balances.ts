import { Client } from "../client.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { ownSession } from "../session.ts";
import { transactionRanges } from "./pages.ts";
import type { Progress, Violation } from "./verify-books.ts";

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
  /** One account; all of the ledger, and what searches look through, if there is none. */
  account?: string | undefined;
  progress: Progress;
};

export type RebuildSummary = {
  accounts: number;
  rebuilt: Rebuilt[];
  /** What searches would have got wrong. */
  search: Violation[];
};

/**
 * Rebuilds what is wrong, account by account, then what searches look through, some transactions at a time,
 * each step in a transaction of its own: nobody waits for more than what is being repaired.
 * @throws Error if there is no such ledger or account, or the login may not
 */
export async function rebuildBalances(options: RebuildOptions): Promise<RebuildSummary> {
  const { connectionString, ledger, account, progress } = options;
  const client = new Client({
    connectionString: ownSession(connectionString),
    application_name: "daybook rebuild",
  });
  const summary: RebuildSummary = { accounts: 0, rebuilt: [], search: [] };
  const { rebuilt, search } = summary;
  let done = 0;
  const show = () => progress.update(done, rebuilt.length + search.length);
  try {
    await client.connect();
    await checkLedger(client);
    const accounts = account === undefined ? await addressesOf(client, ledger) : [account];
    const transactions = account === undefined ? await countTransactions(client, ledger) : 0;
    progress.start(accounts.length + transactions);
    for (const address of accounts) {
      const { rows } = await client.query<Rebuilt>(
        "select * from daybook.rebuild_balances($1, $2)",
        [ledger, address],
      );
      rebuilt.push(...rows);
      done = summary.accounts += 1;
      show();
    }
    if (account !== undefined) return summary;
    for await (const { after, until, count } of transactionRanges(client, ledger)) {
      const { rows } = await client.query<Violation>(
        "select * from daybook.rebuild_search($1, $2, $3)",
        [ledger, after, until],
      );
      search.push(...rows);
      done += count;
      show();
    }
    return summary;
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

async function countTransactions(client: Client, ledger: string): Promise<number> {
  const { rows } = await client.query<{ total: string }>(
    "select count(*) as total from daybook.transactions where ledger = $1",
    [ledger],
  );
  return Number(rows[0]!.total);
}
