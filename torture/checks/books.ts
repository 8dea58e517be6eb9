import type { Row } from "../doors/door.ts";
import type { Kept } from "./kept.ts";

/** An entry as it stands in the books. Amounts are small here. */
export type Entry = {
  id: string;
  transaction: string;
  version: number;
  position: number;
  account: string;
  direction: "debit" | "credit";
  amount: number;
  effect: "pending" | "posted" | "settled" | "released";
  locked: boolean;
  /** Null while it is queued. */
  lockVersion: number | null;
  counters: (number | null)[];
  createdAt: number;
};

/** What a ledger holds, as its tables tell it. */
export type Records = {
  ledger: string;
  /** In the order of their accounts' versions. */
  entries: Entry[];
  transactions: Row[];
  receipts: Row[];
  kept: Kept;
};

/** The same, arranged to be looked up. */
export type Books = {
  ledger: string;
  /** Of each account in the order of its versions. */
  entries: Map<string, Entry[]>;
  byTransaction: Map<string, Entry[]>;
  transactions: Map<string, Row>;
  /** By the id of the deed that asked for it: its description, or what its metadata name. */
  byDeed: Map<string, Row[]>;
  receipts: Map<string, Row>;
  kept: Kept;
};

export const arrange = ({ ledger, entries, transactions, receipts, kept }: Records): Books => ({
  ledger,
  entries: groupBy(entries, ({ account }) => account),
  byTransaction: groupBy(entries, ({ transaction }) => transaction),
  transactions: new Map(transactions.map((row) => [row["id"], row])),
  byDeed: groupBy(transactions, makerOf),
  receipts: new Map(receipts.map((row) => [row["receipt_id"], row])),
  kept,
});

/** The id of the deed that made a transaction: what its metadata name, for its description may have been changed. */
export const makerOf = (row: Row): string => row["metadata"]["by"] ?? row["description"] ?? "";

export function groupBy<T>(list: T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const group = groups.get(key(one));
    if (group) group.push(one);
    else groups.set(key(one), [one]);
  }
  return groups;
}
