import { useOf, type Use } from "../doors/counted.ts";
import { reporter, type Finding } from "./finding.ts";

/*
 * Nothing that was done is wrong where nothing is done: so there is something that has to come of a run, however much goes wrong.
 */

/** Runs of so many minutes have to. */
export const LONG = 2;

/** What clients ask for so often that in a long run each of it is answered, over either door. */
const USUAL = [
  "create_transaction",
  "create_transactions",
  "enqueue_transactions",
  "transfer_between_ledgers",
  "post_transaction",
  "update_transaction",
  "archive_transaction",
  "partially_post_transaction",
  "reverse_transaction",
  "set_transaction_metadata",
  "account_balance",
  "account_balances",
  "category_balance",
  "account_statement",
  "search_transactions",
  "transaction_versions",
];

/** Of what is asked for less often: after so many times without an answer it seems that there is none. */
const OFTEN = 25;

/** What a long run lacks. */
export function checkFloor(all: Map<string, Use>[], expired: number): Finding[] {
  const findings: Finding[] = [];
  const report = reporter(findings, "floor");
  const uses = new Map<string, Use>();
  for (const [name, { asked, answered }] of all.flatMap((some) => [...some])) {
    const sum = uses.get(name) ?? { asked: 0, answered: 0 };
    uses.set(name, { asked: sum.asked + asked, answered: sum.answered + answered });
  }
  const usual = USUAL.flatMap((name) => [useOf(name, "sql"), useOf(name, "graphql")]);
  for (const name of new Set([...usual, ...uses.keys()])) {
    const { asked, answered } = uses.get(name) ?? { asked: 0, answered: 0 };
    if (answered === 0 && (usual.includes(name) || asked >= OFTEN))
      report(`${name} was asked for ${asked} times, and never answered`);
  }
  if (expired === 0) report("no hold expired");
  return findings;
}
