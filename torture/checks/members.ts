import type { Books } from "./books.ts";
import type { Event } from "./kept.ts";

/**
 * The accounts that were in a category at a time of the ledger's clock, directly or through others, by the log; and
 * whether that was so ever since anybody moved money.
 */
export function membersOf(
  { kept, entries }: Books,
  category: string,
  at: number,
): { accounts: string[]; isSettled: boolean } {
  const begin = Math.min(...[...entries.values()].map(([first]) => first!.createdAt));
  const edges = new Map<string, Event>();
  for (const event of kept.events) {
    if (!/^(add_to|remove_from)_category$/.test(event.kind) || event.at > at) continue;
    const { category: parent, account, child_category } = event.args;
    edges.set(JSON.stringify([parent, account, child_category]), event);
  }
  const accounts = new Set<string>();
  const seen = new Set([category]);
  let isSettled = true;
  for (const parent of seen) {
    for (const { kind, args, at: since } of edges.values()) {
      if (args["category"] !== parent) continue;
      isSettled &&= since < begin;
      if (kind === "remove_from_category") continue;
      if (args["account"]) accounts.add(args["account"]);
      else seen.add(args["child_category"]);
    }
  }
  return { accounts: [...accounts], isSettled };
}
