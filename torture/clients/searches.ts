import type { Line } from "../../test/support/ledgers.ts";
import type { Args, Row } from "../doors/door.ts";
import { isTeam } from "./accounts.ts";
import type { Plan, Verdict } from "./deed.ts";
import { chance, pick, weighted, type Draw } from "./draw.ts";
import type { Heard, Known } from "./known.ts";
import { PAGES } from "./statements.ts";

/*
 * Whoever searches finds what was acknowledged before he asked, whether the worker has come to it or not; and all that
 * he finds is what he asked for, once, in order.
 */

export function search(known: Known, draw: Draw): Plan | undefined {
  if (chance(draw, 0.2)) return searchTag(known, draw);
  const heard = pick(draw, known.posted);
  if (!heard) return undefined;
  const args =
    weighted<Args | undefined>(draw, [
      [3, heard.by === undefined ? undefined : { metadata: { by: heard.by } }],
      [2, heard.externalId === undefined ? undefined : { external_id: heard.externalId }],
    ]) ?? lineOf(draw, heard);
  const request: Args = { ledger: known.ledger, status: "posted", first: 200, ...args };
  if (chance(draw, 0.5)) request["sort"] = pick(draw, ["created_at", "effective_at", "amount"]);
  if (chance(draw, 0.3)) request["ascending"] = true;
  return { kind: "read", call: ["search_transactions", request], judge: finder(request, heard.id) };
}

/** What one line of a transaction is like, and since when it can be there. */
function lineOf(draw: Draw, { lines, since }: Heard): Args {
  const { account, direction, amount }: Line = pick(draw, lines);
  const args: Args = { account, created_from: new Date(since - 2_000).toISOString() };
  if (chance(draw, 0.5)) args["direction"] = direction;
  if (chance(draw, 0.7)) Object.assign(args, { amount_min: amount, amount_max: amount });
  if (isTeam(account) && chance(draw, 0.5)) args["category"] = "team";
  return args;
}

/** What was tagged is found by it until somebody takes the tag away, and never after. */
function searchTag({ ledger, tags }: Known, draw: Draw): Plan | undefined {
  const tag = pick(draw, tags);
  if (!tag || tag.state === "unsure") return undefined;
  const { id, name, state } = tag;
  const judge = (rows: Row[]): Verdict => {
    const isFound = rows.some((row) => row["id"] === id);
    if (state === "gone" && isFound) return { wrong: `${id} is found by ${name}, which is gone` };
    // Somebody may take it away while another searches.
    if (state === "set" && tag.state === "set" && !isFound)
      return { wrong: `${id} is not found by ${name}` };
    return undefined;
  };
  const request = { ledger, metadata: { [name]: 1 } };
  return { kind: "read", call: ["search_transactions", request], judge };
}

/** Goes through the pages until it comes upon what must be there. */
function finder(request: Args, sought: string): (rows: Row[]) => Verdict {
  const seen = new Set<string>();
  const { sort = "effective_at", ascending = false, amount_min: amount, metadata } = request;
  let [last, pages] = [undefined as number | undefined, 0];
  return (rows) => {
    for (const row of rows) {
      const place = sort === "amount" ? Number(row["amount"]) : new Date(row[sort]).getTime();
      if (last !== undefined && (ascending ? place < last : place > last))
        return { wrong: `${row["id"]} is out of order` };
      const isMeant =
        row["status"] === "posted" &&
        (amount === undefined || Number(row["amount"]) === amount) &&
        (metadata === undefined || row["metadata"]["by"] === metadata.by);
      if (!isMeant || seen.has(row["id"]))
        return { wrong: `${JSON.stringify(row)} was found ${isMeant ? "twice" : "and not meant"}` };
      last = place;
      seen.add(row["id"]);
    }
    if (seen.has(sought)) return undefined;
    if (rows.length < request["first"]) return { wrong: `${sought} is not found` };
    if (++pages === PAGES) return undefined;
    return { next: ["search_transactions", { ...request, after: rows.at(-1)!["cursor"] }] };
  };
}
