import type { Client } from "pg";
import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isFatal, isPassing } from "./failures.ts";
import { leaveAlone, type LeftAlone } from "./left-alone.ts";

type Account = { ledger: string; account_id: string };

/**
 * Accounts that a round has left, in the order in which they were met: those that somebody held, and those that have very
 * many queued entries; and those that fail.
 */
export type Left = { held: Map<string, Account>; long: Map<string, Account>; failed: LeftAlone };

/** How many accounts a round takes at most: all of them as a rule, so that none waits behind others that refill. */
const BATCH = 10_000;
/** How many are folded in one transaction: few enough that who needs one of them does not wait long. */
const TOGETHER = 50;
/** How long to leave an account alone that fails, in milliseconds. */
const REST_FAILED = 10_000;

export const newLeft = (): Left => ({
  held: new Map(),
  long: new Map(),
  failed: leaveAlone(REST_FAILED),
});

/**
 * Folds each account that has queued entries once, many of them in one statement, those that nobody holds and that have
 * not so many that all others would wait for it.
 * @returns the number of entries folded
 * @throws Error if the connection is lost or nothing can be read
 */
export async function foldRound(
  client: Client,
  left: Left,
  log: Log,
  stop: AbortSignal,
): Promise<number> {
  const { rows } = await client.query<Account>({
    name: "queued_accounts",
    text: "select ledger, account_id from daybook_private.queued_accounts($1)",
    values: [BATCH + left.failed.names().length], // failed ones must not fill the page
  });
  const queued = rows.filter((account) => !left.failed.has(key(account)));
  let folded = 0;
  for (const some of together(queued)) {
    if (stop.aborted) return folded;
    folded += await foldTogether(client, left, log, some);
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
  left: Left,
  log: Log,
  accounts: Account[],
  howeverMany = false,
): Promise<number> {
  try {
    const ids = accounts.map(({ account_id }) => account_id);
    const { rows } = await client.query<{ folded: number; held: string[]; long: string[] }>({
      name: "fold_accounts",
      text: "select folded, held, long from daybook_private.fold_accounts($1, $2, $3)",
      values: [accounts[0]!.ledger, ids, howeverMany],
    });
    const [held, long] = [new Set(rows[0]!.held), new Set(rows[0]!.long)];
    for (const account of accounts)
      if (long.has(account.account_id)) left.long.set(key(account), account);
      else if (held.has(account.account_id)) left.held.set(key(account), account);
      else left.held.delete(key(account));
    return rows[0]!.folded;
  } catch (error) {
    if (isFatal(error)) throw error;
    if (!isPassing(error)) log.warn(`folding ${accounts.length} accounts: ${describeError(error)}`);
    for (const account of accounts)
      if (!left.failed.has(key(account))) left.held.set(key(account), account);
    return 0;
  }
}

/**
 * Waits for each of the accounts that somebody held, and folds it.
 * @returns the number of entries folded
 * @throws Error if the connection is lost
 */
export function foldHeld(client: Client, left: Left, log: Log, stop: AbortSignal): Promise<number> {
  return foldEach(left.held, left, stop, (account) => fold(client, left, log, account));
}

/**
 * Folds each of the accounts that have very many entries, alone, and waits for none.
 * @returns the number of entries folded
 * @throws Error if the connection is lost
 */
export function foldLong(client: Client, left: Left, log: Log, stop: AbortSignal): Promise<number> {
  return foldEach(left.long, left, stop, (account) =>
    foldTogether(client, left, log, [account], true),
  );
}

async function foldEach(
  accounts: Map<string, Account>,
  { failed }: Left,
  stop: AbortSignal,
  foldOne: (account: Account) => Promise<number>,
): Promise<number> {
  let folded = 0;
  for (const [name, account] of accounts) {
    if (stop.aborted) return folded;
    accounts.delete(name); // who is not had now is met by a round again, and comes behind the others
    // A round may have met it again while it was being tried.
    if (!failed.has(name)) folded += await foldOne(account);
  }
  return folded;
}

async function fold(client: Client, left: Left, log: Log, account: Account): Promise<number> {
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
      left.failed.add(key(account));
    }
    return 0;
  }
}

const key = ({ ledger, account_id }: Account) => `${ledger}/${account_id}`;
