import type { Account } from "../../test/properties/judge.ts";
import type { Entry, Records } from "../checks/books.ts";
import { applyEntry, countsOf, newAccount } from "../checks/model.ts";
import { FIGURES } from "../checks/shapes.ts";
import { written } from "../checks/transactions.ts";
import type { Deed, Read } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import { accountIn } from "./units.ts";

/*
 * Where entries are left out, those that come later on their account count on from what is left before them, and so does who was told of it.
 */

/** Entries without those of some places. */
export function entriesWithout(entries: Entry[], places: Set<string>): Entry[] {
  const less = new Map<string, Account>();
  return entries.flatMap((entry) => {
    const { account, transaction, version, lockVersion, counters } = entry;
    const gone = less.get(account) ?? newAccount();
    less.set(account, gone);
    if (places.has(written(transaction, version))) {
      applyEntry(less, entry);
      return [];
    }
    const [fewer, ...sums] = countsOf(gone);
    return {
      ...entry,
      lockVersion: lockVersion === null ? null : lockVersion - fewer!,
      counters: counters.map((n, at) => (n === null ? null : n - sums[at]!)),
    };
  });
}

/** Gives what is told of a balance in a ledger as it is without what is left out: below the version that it tells. */
type Teller = (ledger: string, row: Row) => Row;

export function tellersOf(all: Records[], places: Set<string>): Teller {
  const gone = new Map<string, Entry[]>();
  for (const { ledger, entries } of all) {
    for (const entry of entries) {
      if (!places.has(written(entry.transaction, entry.version))) continue;
      const name = accountIn(ledger, entry.account);
      gone.set(name, [...(gone.get(name) ?? []), entry]);
    }
  }
  return (ledger, row) => {
    const account = newAccount();
    for (const entry of gone.get(accountIn(ledger, row["account"])) ?? [])
      if (entry.lockVersion !== null && entry.lockVersion <= Number(row["lock_version"]))
        applyEntry(new Map([[entry.account, account]]), entry);
    if (account.version === 0) return row;
    const less = countsOf(account);
    const now = FIGURES.map((name, n) => [name, `${Number(row[name]) - less[n]!}`]);
    return { ...row, ...Object.fromEntries(now) };
  };
}

export function answeredWithout(deed: Deed, told: Teller): Deed {
  const balances = deed.answer?.["balances"] as (Row | null)[] | null | undefined;
  if (!balances) return deed;
  const less = balances.map((row) => row && told(deed.ledger, row));
  const isSame = less.every((row, n) => row === balances[n]);
  return isSame ? deed : { ...deed, answer: { ...deed.answer, balances: less } };
}

export function readWithout(read: Read, told: Teller): Read {
  const { request, rows } = read;
  if (request["lock_version"] !== undefined) return read; // a version is another one then
  const less = rows.map((row) => (row["lock_version"] ? told(request["ledger"], row) : row));
  return less.every((row, n) => row === rows[n]) ? read : { ...read, rows: less };
}
