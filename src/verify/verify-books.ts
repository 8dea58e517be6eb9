import { Client } from "../client.ts";
import { withSettings } from "../database-url.ts";
import { checkVersion } from "../migrate/check-version.ts";

/** What is wrong with the books, as daybook.violation has it. */
export type Violation = { violation: string; ledger: string; subject: string; facts: unknown };

export type Progress = {
  /** @param total accounts and transactions of all ledgers */
  start(total: number): void;
  /** @param done accounts and transactions so far */
  update(done: number, wrong: number): void;
  stop(): void;
};

export type VerifyOptions = {
  /** Of a login that may verify: daybook_auditor, daybook_admin, or a superuser. */
  connectionString: string;
  /** One ledger; all that the login may read if there is none. */
  ledger?: string | undefined;
  progress: Progress;
  /** Is told what is wrong as soon as it is found. */
  found(violation: Violation): void;
};

export type Summary = { ledgers: number; accounts: number; transactions: number; wrong: number };

/** How many a statement takes: each is a snapshot of its own, and none is long. */
const ACCOUNTS = 50;
const TRANSACTIONS = 500;

const NO_ID = "00000000-0000-0000-0000-000000000000";

/**
 * Compares everything cached with the entries, and the entries with each other, while the ledger is at
 * work; nothing is locked and nothing changed.
 * @throws Error if there is no such ledger, or the login may not verify
 */
export async function verifyBooks(options: VerifyOptions): Promise<Summary> {
  const client = new Client({
    connectionString: withSettings(options.connectionString, { statement_timeout: "0" }),
    application_name: "daybook verify",
  });
  client.on("error", () => {}); // told by the query as well
  try {
    await client.connect();
    await checkVersion(client);
    return await verifyAll(client, options);
  } finally {
    options.progress.stop();
    await client.end();
  }
}

async function verifyAll(client: Client, options: VerifyOptions): Promise<Summary> {
  const { progress, found } = options;
  const ledgers = await ledgersOf(client, options.ledger);
  const summary: Summary = { ledgers: ledgers.length, accounts: 0, transactions: 0, wrong: 0 };
  const tell = (violations: Violation[]) => {
    summary.wrong += violations.length;
    violations.forEach(found);
    progress.update(summary.accounts + summary.transactions, summary.wrong);
  };
  progress.start(await countAll(client, ledgers));
  for (const ledger of ledgers) {
    tell(await verify(client, "verify_totals($1)", [ledger]));
    for await (const accounts of pagesOf(client, ACCOUNT_PAGE, [ledger, "", ACCOUNTS])) {
      summary.accounts += accounts.length;
      tell(await verify(client, "verify_accounts($1, $2)", [ledger, accounts]));
    }
    let after = NO_ID;
    for await (const ids of pagesOf(client, TRANSACTION_PAGE, [ledger, after, TRANSACTIONS])) {
      summary.transactions += ids.length;
      const until = ids.at(-1)!;
      tell(await verify(client, "verify_transactions($1, $2, $3)", [ledger, after, until]));
      after = until;
    }
    // Entries whose transaction is gone may lie behind the last one.
    tell(await verify(client, "verify_transactions($1, $2)", [ledger, after]));
  }
  return summary;
}

/** @throws Error if there is none of this name that the login may read */
async function ledgersOf(client: Client, ledger: string | undefined): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select name from daybook.ledgers where $1::text is null or name = $1 order by name",
    [ledger],
  );
  if (ledger !== undefined && rows.length === 0) {
    throw new Error(`there is no ledger "${ledger}" that this login may read`);
  }
  return rows.map(({ name }) => name);
}

async function countAll(client: Client, ledgers: string[]): Promise<number> {
  const { rows } = await client.query<{ total: string }>(
    `select (select count(*) from daybook.accounts where ledger = any ($1))
          + (select count(*) from daybook.transactions where ledger = any ($1)) as total`,
    [ledgers],
  );
  return Number(rows[0]!.total);
}

const ACCOUNT_PAGE = `
  select address as key from daybook.accounts where ledger = $1 and address > $2 order by address limit $3`;
const TRANSACTION_PAGE = `
  select id as key from daybook.transactions where ledger = $1 and id > $2 order by id limit $3`;

/** Pages of keys; the second value is the key before the first page. */
async function* pagesOf(
  client: Client,
  sql: string,
  [ledger, first, size]: [string, string, number],
): AsyncGenerator<string[]> {
  for (let after = first; ;) {
    const { rows } = await client.query<{ key: string }>(sql, [ledger, after, size]);
    if (rows.length === 0) return;
    yield rows.map(({ key }) => key);
    after = rows.at(-1)!.key;
  }
}

async function verify(client: Client, call: string, values: unknown[]): Promise<Violation[]> {
  const { rows } = await client.query<Violation>(`select * from daybook.${call}`, values);
  return rows;
}
