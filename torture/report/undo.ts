import { grantOf, memberOf, type Aspect } from "../checks/aspects.ts";
import type { Records } from "../checks/books.ts";
import type { Kept } from "../checks/kept.ts";
import type { Row } from "../doors/door.ts";

/** Gives the tables as they would be if nobody had ever set something of a subject, which was `first` then. */
type Undo = (records: Records, subject: string, first: any) => Records;

const keeping = (records: Records, kept: Partial<Kept>): Records => ({
  ...records,
  kept: { ...records.kept, ...kept },
});
const account =
  (facts: (first: any) => Row): Undo =>
  (records, subject, first) =>
    keeping(records, {
      accounts: records.kept.accounts.map((row) =>
        row["address"] === subject ? { ...row, ...facts(first) } : row,
      ),
    });
const without =
  (
    table: "accounts" | "categories" | "members" | "access" | "categoryAccess",
    name: (row: Row) => string,
  ): Undo =>
  (records, subject) =>
    keeping(records, { [table]: records.kept[table].filter((row) => name(row) !== subject) });

/** By the name of what is set. */
export const UNDO: Record<Aspect["name"], Undo> = {
  account: without("accounts", ({ address }) => address),
  limits: account(([balance_min, balance_max]) => ({ balance_min, balance_max })),
  closing: account(() => ({ closed_at: null })),
  "account's metadata": account((metadata) => ({ metadata })),
  "transaction's metadata": (records, subject, metadata) => ({
    ...records,
    transactions: records.transactions.map((row) =>
      row["id"] === subject ? { ...row, metadata } : row,
    ),
  }),
  category: without("categories", ({ category }) => category),
  membership: without("members", memberOf),
  period: (records) => keeping(records, { closedUntil: null }),
  "grant of the ledger": without("access", grantOf),
  "grant of a category": without("categoryAccess", grantOf),
};
