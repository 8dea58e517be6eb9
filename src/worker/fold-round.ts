import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal, isPassing } from "./failures.ts";

type Account = { ledger: string; account_id: string };

/** Accounts that somebody held, who was waited for longest ago first; and those that fail. Times in milliseconds since 1970. */
export type Held = {
  accounts: Map<string, { account: Account; due: number }>;
  failed: Map<string, number>;
};

export const newHeld = (): Held => ({ accounts: new Map(), failed: new Map() });

/** How many accounts a round takes at most: all of them as a rule, so that none waits behind others that refill. */
const BATCH = 10_000;
/** How long to leave an account alone, in milliseconds: held by somebody; failing for another reason. */
const REST_HELD = 100;
const REST_FAILED = 10_000;
/** How many of those that were held may turn out to be held still, before the round ends. */
const MOST_HELD = 5;

/**
 * Folds each account that has queued entries once, one autocommitted statement each. Accounts that were held the
 * last time come last, and the round ends when some of them still are: what others keep locked costs a round
 * no more than a few lock timeouts, however many are locked.
 * @returns the number of entries folded
 * @throws Error if the connection is lost or nothing can be read
 */
export async function foldRound(
  client: Client,
  held: Held,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  const { rows } = await client.query<Account>({
    name: "queued_accounts",
    text: "select ledger, account_id from daybook_private.queued_accounts($1)",
    values: [BATCH + held.accounts.size + held.failed.size], // these must not fill the page
  });
  forgetOthers(held, rows);
  const isKnown = (account: Account) =>
    held.accounts.has(key(account)) || held.failed.has(key(account));
  const due = [...held.accounts.values()].filter((each) => each.due <= Date.now());

  let folded = 0;
  for (const account of rows.filter((each) => !isKnown(each))) {
    if (stop.aborted) return folded;
    folded += (await fold(client, held, log, account)) ?? 0;
  }
  let misses = 0;
  for (const { account } of due) {
    if (stop.aborted || misses === MOST_HELD) return folded;
    const count = await fold(client, held, log, account);
    if (count === undefined) misses += 1;
    folded += count ?? 0;
  }
  return folded;
}

/**
 * Waits for one of the accounts that somebody held, and folds it.
 * @returns the number of entries folded
 * @throws Error if the connection is lost
 */
export async function foldHeld(client: Client, held: Held, log: Log): Promise<number> {
  const [first] = held.accounts.values();
  if (!first) return 0;
  const count = await fold(client, held, log, first.account);
  const name = key(first.account);
  const again = held.accounts.get(name);
  if (again && held.accounts.delete(name)) held.accounts.set(name, again); // behind the others
  return count ?? 0;
}

/** Gives the number of entries folded, or undefined if the account is to be tried later. */
async function fold(
  client: Client,
  held: Held,
  log: Log,
  account: Account,
): Promise<number | undefined> {
  const name = key(account);
  try {
    const { rows } = await client.query<{ count: number }>({
      name: "fold_account",
      text: "select daybook_private.fold_account($1, $2) as count",
      values: [account.ledger, account.account_id],
    });
    held.accounts.delete(name);
    return rows[0]?.count ?? 0;
  } catch (error) {
    if (isFatal(error)) throw error;
    if (isPassing(error)) {
      held.accounts.set(name, { account, due: Date.now() + REST_HELD });
    } else {
      log.error(`folding account ${name}: ${describeError(error)}`);
      held.accounts.delete(name);
      held.failed.set(name, Date.now() + REST_FAILED);
    }
    return undefined;
  }
}

/** Accounts whose queue somebody else has emptied need no second try; failed ones get one after a while. */
function forgetOthers({ accounts, failed }: Held, queued: Account[]): void {
  for (const [name, due] of failed) if (due <= Date.now()) failed.delete(name);
  if (accounts.size === 0) return;
  const keys = new Set(queued.map(key));
  for (const name of accounts.keys()) if (!keys.has(name)) accounts.delete(name);
}

const key = ({ ledger, account_id }: Account) => `${ledger}/${account_id}`;
