import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal, isPassing } from "./failures.ts";

type Account = { ledger: string; account_id: string };

/** Accounts that could not be folded, and when to try again, in milliseconds since 1970. */
export type Held = Map<string, number>;

/** How many accounts a round takes at most: all of them as a rule, so that none waits behind others that refill. */
const BATCH = 10_000;
/** How long to leave an account alone, in milliseconds: held by somebody; failing for another reason. */
const REST_HELD = 500;
const REST_FAILED = 10_000;

/**
 * Folds each account that has queued entries once, one autocommitted statement each.
 *
 * Accounts that were held the last time come last, and the round ends at the first that still is: a row
 * that somebody keeps locked costs the others one lock timeout a round, however many are locked.
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
    values: [BATCH + held.size], // held ones must not fill the page
  });
  forgetOthers(held, rows);
  const fresh = rows.filter((account) => !held.has(key(account)));
  const due = rows.filter((account) => (held.get(key(account)) ?? Infinity) <= Date.now());

  let folded = 0;
  for (const account of fresh) {
    if (stop.aborted) return folded;
    folded += (await fold(client, held, log, account)) ?? 0;
  }
  for (const account of due) {
    if (stop.aborted) return folded;
    const count = await fold(client, held, log, account);
    if (count === undefined) break;
    folded += count;
  }
  return folded;
}

/** Gives the number of entries folded, or undefined if the account is to be tried later. */
async function fold(
  client: Client,
  held: Held,
  log: Log,
  account: Account,
): Promise<number | undefined> {
  try {
    const { rows } = await client.query<{ count: number }>({
      name: "fold_account",
      text: "select daybook_private.fold_account($1, $2) as count",
      values: [account.ledger, account.account_id],
    });
    held.delete(key(account));
    return rows[0]?.count ?? 0;
  } catch (error) {
    if (isFatal(error)) throw error;
    const passing = isPassing(error);
    if (!passing) log.error(`folding account ${key(account)}: ${describeError(error)}`);
    held.set(key(account), Date.now() + (passing ? REST_HELD : REST_FAILED));
    return undefined;
  }
}

/** Accounts whose queue somebody else has emptied need no second try. */
function forgetOthers(held: Held, queued: Account[]): void {
  if (held.size === 0) return;
  const keys = new Set(queued.map(key));
  for (const account of held.keys()) if (!keys.has(account)) held.delete(account);
}

const key = ({ ledger, account_id }: Account) => `${ledger}/${account_id}`;
