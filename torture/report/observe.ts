import type { Books } from "../checks/books.ts";
import { momentsOf } from "../checks/steps.ts";
import type { Deed, Read } from "../clients/deed.ts";
import type { PastRead } from "../clients/past.ts";
import type { Args, Row } from "../doors/door.ts";
import { accountIn, membersIn, type History, type Unit } from "./units.ts";

/** Reads of the balances of all accounts there are. */
const OF_ALL = /^(trial_)?balances?$/;

/**
 * Takes note of the accounts whose balances a unit saw or was judged by; and of members of categories and accounts that must be there for it.
 * @param limited accounts that ever had a limit, by which all entries on them are judged
 */
export function observe(unit: Unit, all: Books[], limited: Set<string>): void {
  for (const event of unit.events) {
    unit.until = Math.max(unit.until, event.ended ?? 0);
    const books = all.find(({ ledger }) => ledger === event.request["ledger"]);
    if (!books) continue;
    const { accounts, categories } = seenBy(event, books);
    for (const address of accounts) unit.sees.set(accountIn(books.ledger, address), 0);
    for (const category of categories) unit.needs.add(membersIn(category));
    if (OF_ALL.test(event.does)) for (const one of accounts) unit.needs.add(one);
  }
  if (unit.events.length > 0)
    for (const name of unit.moves) if (limited.has(name)) unit.sees.set(name, 0);
}

/**
 * Of a balance that was read wrongly the first versions may go: those below somebody who had held the account, and had had his answer, before it was
 * asked for. They are in the counters, and what was read can be told without them.
 */
export function forgetFirst(unit: Unit, accounts: History["accounts"]): void {
  if (unit.events.some(({ does }) => does === "category_balance")) return;
  for (const name of unit.sees.keys()) {
    for (const [one, { last, isLocked }] of accounts.get(name) ?? [])
      if (isLocked && wasThereBefore(one, unit.at))
        unit.sees.set(name, Math.max(last, unit.sees.get(name)!));
  }
}

/** Whether a unit was in the books before a moment for sure: what expired or was enqueued can have come at any time. */
const wasThereBefore = ({ events }: Unit, moment: number) =>
  events.length > 0 && events.every((one) => "fate" in one && momentsOf(one).until < moment);

/** The accounts of a ledger that ever had a limit. */
export function limitedIn({ ledger, kept }: Books): string[] {
  const some = [...kept.accounts, ...kept.events.map(({ args }) => args)];
  return some
    .filter((row) => (row["balance_min"] ?? row["balance_max"] ?? null) !== null)
    .map(({ address }) => accountIn(ledger, address));
}

type Seen = { accounts: string[]; categories: string[] };

function seenBy(event: Deed | Read | PastRead, books: Books): Seen {
  const { does, request } = event;
  if ("fate" in event) {
    const locks = event.fate === "refused" ? [] : ((request["category_locks"] ?? []) as Args[]);
    const some = everIn(
      books,
      locks.map(({ category }) => category),
    );
    return { ...some, accounts: [...some.accounts, ...askedOf(event)] };
  }
  if (does === "category_balance") return everIn(books, [request["category"]]);
  const accounts: string[] = OF_ALL.test(does)
    ? books.kept.accounts.map(({ address }) => address)
    : (request["accounts"] ?? (request["account"] ? [request["account"]] : []));
  return { accounts, categories: [] };
}

/** The accounts of a deed whose balances it was shown, or of which it asked a condition. */
function askedOf({ request, answer }: Deed): string[] {
  const shown = ((answer?.["balances"] ?? []) as (Row | null)[]).map((row) => row?.["account"]);
  const entries = (request["entries"] ?? []) as Args[];
  const asking = entries.filter((entry) => Object.keys(entry).some((name) => ASKS.test(name)));
  return [
    ...shown.filter((account) => account !== undefined),
    ...asking.map(({ account }) => account),
  ];
}

const ASKS = /_balance$|^lock_version$|^show_/;

/** All accounts that were ever in some categories, directly or through others, and all these. */
function everIn({ kept }: Books, some: string[]): Seen {
  const [accounts, categories] = [new Set<string>(), new Set(some)];
  for (const parent of categories) {
    for (const { kind, args } of kept.events) {
      if (kind !== "add_to_category" || args["category"] !== parent) continue;
      if (args["account"]) accounts.add(args["account"]);
      else categories.add(args["child_category"]);
    }
  }
  return { accounts: [...accounts], categories: [...categories] };
}
