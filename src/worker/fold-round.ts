import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal, isPassing } from "./failures.ts";

type Account = { ledger: string; account_id: string };

/** Accounts that somebody held, in the order in which they were met; and those that fail, with when to try again. */
export type Held = { accounts: Map<string, Account>; failed: Map<string, number> };

export const newHeld = (): Held => ({ accounts: new Map(), failed: new Map() });

/** How many accounts a round takes at most: all of them as a rule, so that none waits behind others that refill. */
const BATCH = 10_000;
/** How many are folded in one transaction: few enough that who needs one of them does not wait long. */
const TOGETHER = 50;
/** How long to leave an account alone that fails, in milliseconds. */
const REST_FAILED = 10_000;

/**
 * Folds each account that has queued entries once, many of them in one statement, those that nobody holds.
 * @returns the number of entries folded
 * @throws Error if the connection is lost or nothing can be read
 */
export async function foldRound(
  client: Client,
  held: Held,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  for (const [name, due] of held.failed) if (due <= Date.now()) held.failed.delete(name);
  const { rows } = await client.query<Account>({
    name: "queued_accounts",
    text: "select ledger, account_id from daybook_private.queued_accounts($1)",
    values: [BATCH + held.failed.size], // failed ones must not fill the page
  });
  const queued = rows.filter((account) => !held.failed.has(key(account)));
  let folded = 0;
  for (const some of together(queued)) {
    if (stop.aborted) return folded;
    folded += await foldTogether(client, held, log, some);
  }
  return folded;
}

/** Accounts of one ledger, not too many at a time. */
function together(accounts: Account[]): Account[][] {
  return [...Map.groupBy(accounts, ({ ledger }) => ledger).values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / TOGETHER) }, (_, n) =>
      all.slice(n * TOGETHER, (n + 1) * TOGETHER),
    ),
  );
}

/** Where one of them fails, each is left to who takes them one by one. */
async function foldTogether(
  client: Client,
  held: Held,
  log: Log,
  accounts: Account[],
): Promise<number> {
  try {
    const ids = accounts.map(({ account_id }) => account_id);
    const { rows } = await client.query<{ folded: number; held: string[] }>({
      name: "fold_accounts",
      text: "select folded, held from daybook_private.fold_accounts($1, $2)",
      values: [accounts[0]!.ledger, ids],
    });
    const missed = new Set(rows[0]!.held);
    for (const account of accounts)
      if (missed.has(account.account_id)) held.accounts.set(key(account), account);
      else held.accounts.delete(key(account));
    return rows[0]!.folded;
  } catch (error) {
    if (isFatal(error)) throw error;
    if (!isPassing(error)) log.warn(`folding ${accounts.length} accounts: ${describeError(error)}`);
    for (const account of accounts)
      if (!held.failed.has(key(account))) held.accounts.set(key(account), account);
    return 0;
  }
}

/**
 * Waits for each of the accounts that somebody held, and folds it.
 * @returns the number of entries folded
 * @throws Error if the connection is lost
 */
export async function foldHeld(
  client: Client,
  held: Held,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  let folded = 0;
  for (const [name, account] of held.accounts) {
    if (stop.aborted) return folded;
    held.accounts.delete(name); // who is not had now is met by a round again, and comes behind the others
    // A round may have met it again while it was being tried.
    if (!held.failed.has(name)) folded += await fold(client, held, log, account);
  }
  return folded;
}

async function fold(client: Client, held: Held, log: Log, account: Account): Promise<number> {
  try {
    const { rows } = await client.query<{ count: number }>({
      name: "fold_account",
      text: "select daybook_private.fold_account($1, $2) as count",
      values: [account.ledger, account.account_id],
    });
    return rows[0]?.count ?? 0;
  } catch (error) {
    if (isFatal(error)) throw error;
    if (!isPassing(error)) {
      log.error(`folding account ${key(account)}: ${describeError(error)}`);
      held.failed.set(key(account), Date.now() + REST_FAILED);
    }
    return 0;
  }
}

const key = ({ ledger, account_id }: Account) => `${ledger}/${account_id}`;
