import { isDeepStrictEqual } from "node:util";
import { currencyOf } from "../clients/accounts.ts";
import type { Deed, Read } from "../clients/deed.ts";
import type { Args, Row } from "../doors/door.ts";

/** What a balance is made of. */
export const FIGURES = [
  "lock_version",
  "pending_debits",
  "pending_credits",
  "posted_debits",
  "posted_credits",
];

/** What rows of each function that reads balances hold, as far as it is judged. */
const NAMES: Record<string, string[]> = {
  account_balance: FIGURES,
  account_balances: FIGURES,
  balances: FIGURES,
  category_balance: FIGURES.slice(1),
  trial_balance: ["posted_debits", "posted_credits"],
};

/** The figures of a row of an answer. */
export const figuresIn = (does: string, row: Row) =>
  NAMES[does]!.map((name): [string, number] => [name, Number(row[name])]);

type Asked = Pick<Read, "does" | "request" | "rows">;

/**
 * What is wrong with the rows of an answer, whatever stands in them: they must be those of the accounts that were asked for, one for
 * each, in that order, and whole.
 * @param everybody all accounts of the ledger
 */
export function misshapen({ does, request, rows }: Asked, everybody: string[]): string | undefined {
  const names = NAMES[does];
  if (!names) return undefined;
  const accounts = rows.map(({ account }) => account ?? null);
  // A view has no order.
  const told = does === "balances" ? accounts.toSorted() : accounts;
  const asked = askedFor(does, request, everybody.toSorted());
  const isWhole = rows.every((row) => names.every((name) => /^-?\d+$/.test(`${row[name]}`)));
  if (isWhole && isDeepStrictEqual(told, asked)) return undefined;
  return `${does} was asked for ${JSON.stringify(asked)}, and gave ${JSON.stringify(rows)}`;
}

function askedFor(does: string, { account, accounts }: Args, everybody: string[]): unknown[] {
  if (does === "account_balance") return [account];
  if (does === "account_balances") return accounts;
  if (does === "balances") return everybody;
  if (does === "category_balance") return [null];
  const totals = new Set(everybody.map(currencyOf)).size;
  return [...everybody, ...Array.from({ length: totals }, () => null)];
}

/** What is wrong with the balances that a call was to show; they are those of the accounts whose entries asked for them. */
export function misshown({ does, request, answer }: Deed): string | undefined {
  if (does === "enqueue_transactions" || answer?.["archived_reason"]) return undefined;
  const entries = (request["entries"] ?? []) as Row[];
  const asked = entries.filter((entry) => entry["show_resulting_balances"]);
  const due = [...new Set(asked.map(({ account }) => account as string))].toSorted();
  const told = ((answer?.["balances"] ?? []) as (Row | null)[]).map((row) => row?.["account"]);
  if (isDeepStrictEqual(told.toSorted(), due)) return undefined;
  return `was to show the balances of ${due.join()}, and showed those of ${told.join()}`;
}
