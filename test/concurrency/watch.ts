import { violations } from "../support/books.ts";
import type { TestDatabase } from "../support/database.ts";

/** What readers found while others were writing: how often they looked, and what was wrong. */
export type Watched = { looks: number; wrong: unknown[] };

const BALANCES =
  "select account, currency, lock_version, pending_debits, pending_credits, posted_debits, posted_credits";

/** The same balances by each way to read them; `$2` are all accounts of the ledger. */
const WAYS = [
  `${BALANCES} from daybook.balances where ledger = $1 and account = any ($2)`,
  `${BALANCES} from daybook.account_balances($1, $2)`,
  `${BALANCES} from unnest($2::text[]) u (address)
     cross join lateral daybook.account_balance($1, u.address)`,
];

/**
 * Reads over and over until stopped: in each single statement debits must equal credits, versions must
 * never go back, and now and then all of the books must be right.
 */
export async function watch(
  database: TestDatabase,
  ledger: string,
  stop: AbortSignal,
): Promise<Watched> {
  const watched: Watched = { looks: 0, wrong: [] };
  const readers = WAYS.map((way) => read(database, ledger, way, watched, stop));
  await Promise.all([...readers, audit(database, ledger, watched, stop)]);
  return watched;
}

async function read(
  database: TestDatabase,
  ledger: string,
  way: string,
  watched: Watched,
  stop: AbortSignal,
): Promise<void> {
  const client = await database.connectAs("test_writer");
  const { rows } = await client.query("select address from daybook.accounts where ledger = $1", [
    ledger,
  ]);
  const accounts = rows.map(({ address }) => address);
  const highest = new Map<string, bigint>();
  while (!stop.aborted) {
    const balances = await client.query({ name: "watch", text: way, values: [ledger, accounts] });
    let [pending, posted] = [0n, 0n];
    for (const row of balances.rows) {
      pending += BigInt(row.pending_debits) - BigInt(row.pending_credits);
      posted += BigInt(row.posted_debits) - BigInt(row.posted_credits);
      const version = BigInt(row.lock_version);
      if (version < (highest.get(row.account) ?? 0n)) {
        watched.wrong.push({ way, account: row.account, version, after: highest.get(row.account) });
      }
      highest.set(row.account, version);
    }
    if (pending !== 0n || posted !== 0n) watched.wrong.push({ way, pending, posted });
    watched.looks += 1;
  }
}

async function audit(
  database: TestDatabase,
  ledger: string,
  watched: Watched,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    watched.wrong.push(...(await violations(database, ledger)));
    await new Promise((resolve) => setTimeout(resolve, 500)); // leaves the machine to the others
  }
}
