import { Client } from "../client.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { ownSession } from "../session.ts";
import { chooseLedgers, type Which } from "./ledgers.ts";
import { accountPages, transactionRanges } from "./pages.ts";

/** What is wrong with the books, as daybook.violation has it. */
export type Violation = { violation: string; ledger: string; subject: string; facts: unknown };

export type Progress = {
  /** @param total accounts and transactions of all ledgers */
  start(total: number): void;
  /** @param done accounts and transactions so far */
  update(done: number, wrong: number): void;
  stop(): void;
};

export type VerifyOptions = Which & {
  /** Of a login that may verify: daybook_auditor, daybook_admin, or a superuser. */
  connectionString: string;
  progress: Progress;
  /** Is told what is wrong as soon as it is found. */
  found(violation: Violation): void;
};

export type Summary = {
  ledgers: string[];
  /** Whether these are all there are. */
  areAll: boolean;
  accounts: number;
  transactions: number;
  wrong: number;
};

/**
 * Compares everything cached with the entries, the entries with each other, and what searches look through
 * with the books, while the ledger is at work; nothing is locked and nothing changed.
 * @throws Error if there is no such ledger or none that the login may read, or it may not verify
 */
export async function verifyBooks(options: VerifyOptions): Promise<Summary> {
  const client = new Client({
    connectionString: ownSession(options.connectionString),
    application_name: "daybook verify",
  });
  try {
    await client.connect();
    await checkLedger(client);
    return await verifyAll(client, options);
  } finally {
    options.progress.stop();
    await client.end();
  }
}

async function verifyAll(client: Client, options: VerifyOptions): Promise<Summary> {
  const { progress, found } = options;
  const { names: ledgers, areAll } = await chooseLedgers(client, options);
  const summary: Summary = { ledgers, areAll, accounts: 0, transactions: 0, wrong: 0 };
  const tell = (violations: Violation[]) => {
    summary.wrong += violations.length;
    violations.forEach(found);
    progress.update(summary.accounts + summary.transactions, summary.wrong);
  };
  progress.start(await countAll(client, ledgers));
  for (const ledger of ledgers) {
    tell(await verify(client, "verify_totals($1)", [ledger]));
    for await (const accounts of accountPages(client, ledger)) {
      summary.accounts += accounts.length;
      tell(await verify(client, "verify_accounts($1, $2)", [ledger, accounts]));
    }
    for await (const { after, until, count } of transactionRanges(client, ledger)) {
      summary.transactions += count;
      tell(await verify(client, "verify_transactions($1, $2, $3)", [ledger, after, until]));
    }
  }
  return summary;
}

async function countAll(client: Client, ledgers: string[]): Promise<number> {
  const { rows } = await client.query<{ total: string }>(
    `select (select count(*) from daybook.accounts where ledger = any ($1))
          + (select count(*) from daybook.transactions where ledger = any ($1)) as total`,
    [ledgers],
  );
  return Number(rows[0]!.total);
}

async function verify(client: Client, call: string, values: unknown[]): Promise<Violation[]> {
  const { rows } = await client.query<Violation>(`select * from daybook.${call}`, values);
  return rows;
}
