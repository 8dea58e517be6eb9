import type { Args, Row } from "../doors/door.ts";
import type { Books } from "./books.ts";
import type { Kept } from "./kept.ts";

/** Something about a ledger that calls set, one after the other. */
export type Aspect = {
  name:
    | "account"
    | "limits"
    | "closing"
    | "account's metadata"
    | "transaction's metadata"
    | "category"
    | "membership"
    | "period"
    | "grant of the ledger"
    | "grant of a category";
  /** What each function makes of what was so before. */
  changes: Record<string, (before: any, args: Args) => unknown>;
  /** Those of which the log says nothing when they change nothing. */
  silent: string[];
  /** The account, member, … that a call is about, or a record of the log: it has nothing to do with others. */
  subject(args: Args): string;
  /** What a call and its record in the log must have in common, beside their subject. */
  asked(args: Args): unknown;
  /** What was so before anybody called. */
  first(books: Books, subject: string, maker: Args | undefined): unknown;
  /** What stands in the tables, by subject; of subjects that are not there what was so at first. */
  now(books: Books): [string, unknown][];
};

const numberOf = (value: unknown) => (value === undefined || value === null ? null : Number(value));
const limitsOf = (one: Row | undefined) => [
  numberOf(one?.["balance_min"]),
  numberOf(one?.["balance_max"]),
];
const openingOf = ({ events }: Kept, address: string) =>
  events.find(({ kind, args }) => kind === "open_account" && args["address"] === address)?.args;
const merged = (before: Row, { metadata }: Args) => ({ ...before, ...metadata });
const without = (before: Row, { key }: Args) =>
  Object.fromEntries(Object.entries(before).filter(([name]) => name !== key));
const askedNote = ({ metadata, key }: Args) => metadata ?? key ?? null;
const addressOf = ({ address }: Args) => address as string;
const never = () => null;
const none = () => false;
const once = (name: string): Pick<Aspect, "changes" | "silent"> => ({
  changes: { [name]: () => true },
  silent: [name],
});
export const memberOf = ({ category, account, child_category }: Row) =>
  `${account ?? child_category} in ${category}`;
export const grantOf = ({ role, category }: Row) => (category ? `${role} ${category}` : role);

/** All that calls set in a ledger, transactions apart. */
export const ASPECTS: Aspect[] = [
  {
    name: "account",
    ...once("open_account"),
    subject: addressOf,
    asked: (args) => [args["currency"], ...limitsOf(args)],
    first: none,
    now: ({ kept }) => kept.accounts.map((row) => [row["address"], true]),
  },
  {
    name: "limits",
    changes: { set_account_limits: (_, args) => limitsOf(args) },
    silent: [],
    subject: addressOf,
    asked: limitsOf,
    first: ({ kept }, address) => limitsOf(openingOf(kept, address)),
    now: ({ kept }) => kept.accounts.map((row) => [row["address"], limitsOf(row)]),
  },
  {
    name: "closing",
    changes: { close_account: () => true, reopen_account: () => false },
    silent: ["close_account", "reopen_account"],
    subject: addressOf,
    asked: never,
    first: none,
    now: ({ kept }) => kept.accounts.map((row) => [row["address"], row["closed_at"] !== null]),
  },
  {
    name: "account's metadata",
    changes: { set_account_metadata: merged, delete_account_metadata: without },
    silent: [],
    subject: addressOf,
    asked: askedNote,
    first: ({ kept }, address) => openingOf(kept, address)?.["metadata"] ?? {},
    now: ({ kept }) => kept.accounts.map((row) => [row["address"], row["metadata"]]),
  },
  {
    name: "transaction's metadata",
    changes: { set_transaction_metadata: merged, delete_transaction_metadata: without },
    silent: [],
    subject: (args) => args["transaction_id"],
    asked: askedNote,
    first: (_, __, maker) => maker?.["metadata"] ?? {},
    now: ({ transactions }) => [...transactions].map(([id, row]) => [id, row["metadata"]]),
  },
  {
    name: "category",
    ...once("create_category"),
    subject: ({ category }) => category,
    asked: ({ currency }) => currency,
    first: none,
    now: ({ kept }) => kept.categories.map((row) => [row["category"], true]),
  },
  {
    name: "membership",
    changes: { add_to_category: () => true, remove_from_category: () => false },
    silent: ["add_to_category", "remove_from_category"],
    subject: memberOf,
    asked: never,
    first: none,
    now: ({ kept }) => kept.members.map((row) => [memberOf(row), true]),
  },
  {
    name: "period",
    changes: {
      close_period: (before, { until }) => Math.max(before ?? -Infinity, Date.parse(until)),
      reopen_period: (before, { until }) =>
        before === null ? null : Math.min(before, Date.parse(until)),
    },
    silent: ["close_period", "reopen_period"],
    subject: () => "",
    asked: ({ until }) => Date.parse(until),
    first: never,
    now: ({ kept }) => [["", kept.closedUntil?.getTime() ?? null]],
  },
  {
    name: "grant of the ledger",
    changes: { grant_ledger_access: (_, { access }) => access, revoke_ledger_access: never },
    silent: ["revoke_ledger_access"],
    subject: grantOf,
    asked: ({ access }) => access ?? null,
    first: never,
    now: ({ kept }) => kept.access.map((row) => [grantOf(row), row["access"]]),
  },
  {
    name: "grant of a category",
    changes: { grant_category_access: () => true, revoke_category_access: none },
    silent: ["grant_category_access", "revoke_category_access"],
    subject: grantOf,
    asked: never,
    first: none,
    now: ({ kept }) => kept.categoryAccess.map((row) => [grantOf(row), true]),
  },
];
