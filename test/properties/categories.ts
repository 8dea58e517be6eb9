import type { CategoryLock } from "../support/categories.ts";
import type { Line } from "../support/ledgers.ts";
import { balancesOf, breaks, type Account } from "./judge.ts";
import type { Model } from "./model.ts";

/** A category of the model: what it directly contains, accounts and categories by name. */
export type Category = {
  currency: string;
  sign: 1 | -1;
  accounts: string[];
  children: string[];
};

/** All categories that are a category or in it, whatever the way. */
function within({ categories }: Model, name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const child of categories.get(name)!.children) within({ categories } as Model, child, seen);
  return seen;
}

/** All accounts in a category, each once. */
export const accountsIn = (model: Model, name: string) =>
  new Set([...within(model, name)].flatMap((each) => [...model.categories.get(each)!.accounts]));

/** The balance of a category: the sums of its accounts' counters. */
export function totalOf(model: Model, name: string): Pick<Account, "sign" | "pending" | "posted"> {
  const total = { pending: { debit: 0, credit: 0 }, posted: { debit: 0, credit: 0 } };
  for (const address of accountsIn(model, name)) {
    const { pending, posted } = model.accounts.get(address)!;
    for (const side of ["debit", "credit"] as const) {
      total.pending[side] += pending[side];
      total.posted[side] += posted[side];
    }
  }
  return { sign: model.categories.get(name)!.sign, ...total };
}

/** Whether category locks are malformed: each names another category. */
export const isRepeated = (locks: CategoryLock[]) =>
  new Set(locks.map(({ category }) => category)).size < locks.length;

export const isUnknown = ({ categories }: Model, locks: CategoryLock[]) =>
  locks.some(({ category }) => !categories.has(category));

/** Which of the lines' accounts category locks cover; null if one covers none. */
export function coveredBy(model: Model, locks: CategoryLock[], lines: Line[]): Set<string> | null {
  const covered = new Set<string>();
  for (const { category } of locks) {
    const inside = accountsIn(model, category);
    const some = lines.map(({ account }) => account).filter((account) => inside.has(account));
    if (some.length === 0) return null;
    for (const account of some) covered.add(account);
  }
  return covered;
}

/** Whether the balances break a condition on a category. */
export const isBroken = (model: Model, locks: CategoryLock[]) =>
  locks.some((lock) =>
    Object.entries(balancesOf(totalOf(model, lock.category))).some(([kind, balance]) =>
      breaks(lock[kind as "posted_balance"], balance),
    ),
  );

/** Predicts create_category: the code of a refusal, or null. */
export function createCategory(
  { categories }: Model,
  name: string,
  currency: string,
  normal: "debit" | "credit",
): string | null {
  const sign = normal === "credit" ? 1 : -1;
  const known = categories.get(name);
  if (known) return known.currency === currency && known.sign === sign ? null : "LDDUP";
  if (currency !== "USD" && currency !== "EUR") return "LDCUR";
  categories.set(name, { currency, sign, accounts: [], children: [] });
  return null;
}

type Member = { account?: string; child_category?: string };

/** Predicts add_to_category and remove_from_category: the code of a refusal, or null. */
export function changeMembers(
  model: Model,
  does: "add_to" | "remove_from",
  name: string,
  { account, child_category: child }: Member,
): string | null {
  if ((account === undefined) === (child === undefined)) return "LDARG";
  if (account !== undefined && !model.accounts.has(account)) return "LDACC";
  const category = model.categories.get(name);
  if (!category || (child !== undefined && !model.categories.has(child))) return "LDCTG";
  const member =
    account === undefined ? model.categories.get(child!)! : model.accounts.get(account)!;
  const [kind, entry] =
    account === undefined ? (["children", child!] as const) : (["accounts", account] as const);
  const others = category[kind].filter((each) => each !== entry);
  if (does === "add_to") {
    if (member.currency !== category.currency || member.sign !== category.sign) return "LDCUR";
    if (child !== undefined && within(model, child).has(name)) return "LDCYC";
    others.push(entry);
  }
  category[kind] = others.toSorted();
  return null;
}
