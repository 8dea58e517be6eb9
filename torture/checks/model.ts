import { sweep } from "../../test/properties/expiry.ts";
import { apply, type Account } from "../../test/properties/judge.ts";
import { change, partiallyPost } from "../../test/properties/lifecycle.ts";
import type { Answer, Model } from "../../test/properties/model.ts";
import type { Line } from "../../test/support/ledgers.ts";
import { ALL } from "../clients/accounts.ts";
import type { Deed } from "../clients/deed.ts";
import type { Entry } from "./books.ts";

/* The model of test/properties, as far as one transaction and accounts that nothing binds are concerned. */

/** What each effect adds to the pending and to the posted side of an account. */
const EFFECTS = {
  pending: { pending: 1, posted: 0 },
  posted: { pending: 1, posted: 1 },
  settled: { pending: 0, posted: 1 },
  released: { pending: -1, posted: 0 },
};

/** Adds an entry to its account's counters. */
export const applyEntry = (accounts: Map<string, Account>, entry: Entry) =>
  apply(accounts, [entry], EFFECTS[entry.effect].pending, EFFECTS[entry.effect].posted);

/** Lines without what they ask. */
export const bare = (lines: Line[]): Line[] =>
  lines.map(({ account, direction, amount }) => ({ account, direction, amount }));

/** Changes the model's one transaction as a deed says; or its time is over. */
export function carryOut(model: Model, deed: Deed | "expiry"): Answer {
  const [transaction] = model.transactions;
  if (deed === "expiry") {
    transaction!.isDue = true;
    sweep(model);
    return { status: "archived", version: transaction!.version, reason: "expired" };
  }
  const { does, request } = deed;
  const entries = request["entries"] && bare(request["entries"]);
  const { effective_at, expires_at, description } = request;
  const given = Object.entries({ entries, effective_at, expires_at, description });
  const options = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  if (does === "partially_post_transaction") return partiallyPost(model, 0, options);
  return change(model, does.split("_")[0] as "post" | "update" | "archive", 0, options);
}

/** The counters of all accounts that something happened to. */
export const figuresOf = (accounts: Map<string, Account>) =>
  JSON.stringify([...accounts].filter(([, { version }]) => version > 0).toSorted());

/** The version and the four counters of an account. */
export const countsOf = ({ version, pending, posted }: Account): number[] => [
  version,
  pending.debit,
  pending.credit,
  posted.debit,
  posted.credit,
];

/** A model of nothing but accounts that nothing binds. */
export function newModel(lines: Line[]): Model {
  const accounts = new Map(ALL.map((address) => [address, newAccount()]));
  for (const { account } of lines) accounts.set(account, newAccount());
  const nothing = {
    transactions: [],
    keys: new Map(),
    closedUntil: "",
    categories: new Map(),
    receipts: [],
  };
  return { accounts, ...nothing };
}

/** An account that nothing has happened to, and that nothing binds unless it is said. */
export const newAccount = ({
  min = null,
  max = null,
}: { min?: number | null; max?: number | null } = {}): Account => ({
  currency: "any",
  sign: 1,
  min,
  max,
  closed: false,
  version: 0,
  pending: { debit: 0, credit: 0 },
  posted: { debit: 0, credit: 0 },
});
