import type { Client } from "pg";

/** How many a statement takes: each is a snapshot of its own, and none is long. */
const ACCOUNTS = 50;
const TRANSACTIONS = 500;

const ACCOUNT_PAGE = `
  select address as key from daybook.accounts where ledger = $1 and address > $2 order by address limit $3`;
const TRANSACTION_PAGE = `
  select id as key from daybook.transactions where ledger = $1 and id > $2 order by id limit $3`;

/** The addresses of a ledger, some at a time. */
export const accountPages = (client: Client, ledger: string): AsyncGenerator<string[]> =>
  pagesOf(client, ACCOUNT_PAGE, [ledger, "", ACCOUNTS]);

/** Ids above one, up to another or without an end, and how many transactions are between them. */
export type Range = { after: string; until: string | null; count: number };

/** Ranges of ids that cover all there are, some transactions in each; what is of none may lie behind the last. */
export async function* transactionRanges(client: Client, ledger: string): AsyncGenerator<Range> {
  let after = "00000000-0000-0000-0000-000000000000";
  for await (const ids of pagesOf(client, TRANSACTION_PAGE, [ledger, after, TRANSACTIONS])) {
    const until = ids.at(-1)!;
    yield { after, until, count: ids.length };
    after = until;
  }
  yield { after, until: null, count: 0 };
}

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
