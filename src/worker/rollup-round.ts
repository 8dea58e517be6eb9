import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal, isPassing } from "./failures.ts";
import type { LeftAlone } from "./left-alone.ts";

/** One that is behind; `of_both` says that it is so only in the sums of both times together. */
type Account = { ledger: string; account_id: string; of_both: boolean };

/** How many accounts a sweep gives at most. */
const ACCOUNTS = 10_000;
/** How many entries a call takes of one: few, for what it has added need not be read one by one any more. */
const ENTRIES = 2_000;

/** Accounts that are behind by so many entries, except those that failed a while ago. */
export async function sweep(
  client: Client,
  minEntries: number,
  failed: LeftAlone,
): Promise<Account[]> {
  const { rows } = await client.query<Account>({
    name: "accounts_to_roll_up",
    text: "select ledger, account_id, of_both from daybook_private.accounts_to_roll_up($1, $2)",
    values: [minEntries, ACCOUNTS + failed.names().length], // failed ones must not fill the page
  });
  return rows.filter((account) => !failed.has(key(account)));
}

/**
 * Rolls up accounts until none of them has many entries left, one call of each in turn: their sums of one time, or
 * those of both times. `isOver` is asked before each call.
 * @returns the number of entries added to sums
 * @throws Error if the connection is lost
 */
export async function rollUpAll(
  client: Client,
  accounts: Account[],
  ofBoth: boolean,
  failed: LeftAlone,
  log: Log,
  isOver: () => boolean,
): Promise<number> {
  let total = 0;
  while (accounts.length > 0) {
    const unfinished: Account[] = [];
    for (const account of accounts) {
      if (isOver()) return total;
      const count = await rollUp(client, account, ofBoth, failed, log);
      total += count;
      if (count >= ENTRIES) unfinished.push(account);
    }
    accounts = unfinished;
  }
  return total;
}

async function rollUp(
  client: Client,
  account: Account,
  ofBoth: boolean,
  failed: LeftAlone,
  log: Log,
): Promise<number> {
  try {
    const { rows } = await client.query<{ count: number }>({
      name: "roll_up_account",
      text: "select daybook_private.roll_up_account($1, $2, $3, of_both => $4) as count",
      values: [account.ledger, account.account_id, ENTRIES, ofBoth],
    });
    return rows[0]?.count ?? 0;
  } catch (error) {
    if (isFatal(error)) throw error;
    if (isPassing(error)) return 0; // another worker makes its first sums
    failed.add(key(account));
    log.error(`rolling up account ${key(account)}: ${describeError(error)}`);
    return 0;
  }
}

const key = ({ ledger, account_id }: Account) => `${ledger}/${account_id}`;
