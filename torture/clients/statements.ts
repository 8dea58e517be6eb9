import type { Args, Row } from "../doors/door.ts";
import { ALL } from "./accounts.ts";
import type { Plan, Verdict } from "./deed.ts";
import { chance, pick, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";

/** So many pages of one answer are read at most. */
export const PAGES = 20;

/** How far from now a span begins or ends at most, in milliseconds. */
const SPAN = 3_600_000;

/**
 * A statement, page after page: from the opening balance to the closing one each entry adds up, whoever writes meanwhile;
 * and a transaction that was posted before anybody asked is in it, where no time is asked for.
 */
export function statement(known: Known, draw: Draw): Plan {
  const { ledger } = known;
  const heard = pick(draw, known.posted);
  const account = heard ? pick(draw, heard.lines).account : pick(draw, ALL);
  const args: Args = { ledger, account, first: pick(draw, [1000, 200, 50, 25]) };
  const isWhole = chance(draw, 0.6);
  if (!isWhole && chance(draw, 0.7)) args["starts_at"] = time(-draw() * SPAN);
  if (!isWhole && (!args["starts_at"] || chance(draw, 0.5))) args["ends_at"] = time(draw() * SPAN);
  const sought = isWhole ? heard?.id : undefined;
  return { kind: "read", call: ["account_statement", args], judge: adder(args, sought) };
}

const time = (later: number) => new Date(Date.now() + later).toISOString();

/** Adds up the pages of one statement as they come. */
function adder(args: Args, sought: string | undefined): (rows: Row[]) => Verdict {
  const seen = new Set<string>();
  let [balance, last, isFound, pages] = [undefined as number | undefined, "", false, 0];
  let whole = "";
  return ([page]) => {
    const { opening_balance: opening, closing_balance: closing, debits, credits } = page!;
    const said = [opening, closing, debits, credits].map(Number).join();
    if (whole && said !== whole)
      return { wrong: `pages of one statement differ: ${whole}; ${said}` };
    whole = said;
    balance ??= Number(opening);
    for (const entry of page!["entries"] as Row[]) {
      balance += Number(entry["amount"]) * (entry["direction"] === "credit" ? 1 : -1);
      if (balance !== Number(entry["balance"]))
        return { wrong: `${args["account"]}: ${JSON.stringify(entry)} should leave ${balance}` };
      const place = new Date(entry["effective_at"]).toISOString();
      if (place < last) return { wrong: `${place} comes after ${last}` };
      if (seen.has(entry["entry_id"])) return { wrong: `${entry["entry_id"]} stands there twice` };
      last = place;
      seen.add(entry["entry_id"]);
      isFound ||= entry["transaction_id"] === sought;
    }
    const after = page!["next_page"];
    if (after && ++pages < PAGES) return { next: ["account_statement", { ...args, after }] };
    if (after) return undefined;
    if (
      balance !== Number(closing) ||
      Number(credits) - Number(debits) !== balance - Number(opening)
    )
      return { wrong: `${args["account"]}: ${whole} where the entries lead to ${balance}` };
    return sought && !isFound ? { wrong: `${sought} is not in the statement` } : undefined;
  };
}
