import { writeFileSync } from "node:fs";
import type { Finding } from "../checks/finding.ts";
import type { Deed, Read } from "../clients/deed.ts";
import type { PastRead } from "../clients/past.ts";
import type { Known } from "../clients/known.ts";
import type { Nemesis } from "../nemesis/nemesis.ts";

/** An event of a history, in the order in which they began. */
type Event = { at: number; until: number | undefined; [fact: string]: unknown };

/**
 * What had to do with findings: deeds and reads about the transactions and accounts they name, and what went wrong
 * meanwhile. Times are milliseconds since the first event of the chapter.
 */
export function shrink(known: Known, { history }: Nemesis, findings: Finding[]): Event[] {
  const named = new Set(findings.flatMap(({ about }) => about));
  const concerns = (deed: Deed) =>
    [
      deed.id,
      deed.request["transaction_id"],
      deed.answer?.["transaction_id"],
      deed.answer?.["receipt_id"],
    ].some((name) => named.has(name)) ||
    (deed.request["entries"] ?? []).some(({ account }: { account: string }) => named.has(account));
  const about = (read: Read | PastRead) =>
    named.has(read.request["account"]) || named.has(`${read.client} ${read.sent}`);
  const start = known.deeds[0]?.sent ?? 0;
  const time = (at: number) => Math.round((at - start) * 10) / 10;
  const events = [
    ...[...known.deeds, ...known.past.deeds]
      .filter(concerns)
      .map(({ sent, ended, ...deed }) => ({ at: sent, until: ended, ...deed })),
    ...[...known.reads, ...known.past.reads]
      .filter(about)
      .map(({ sent, ended, ...read }) => ({ at: sent, until: ended, ...read })),
  ];
  const [first, last] = [
    Math.min(...events.map(({ at }) => at)),
    Math.max(...events.map(({ until, at }) => until ?? at)),
  ];
  const evils = history.filter(({ at, until }) => until >= first && at <= last);
  return [...events, ...evils]
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, until, ...facts }) => ({ at: time(at), until: until && time(until), ...facts }));
}

/** Writes events, one a line. */
export function writeEvents(file: string, events: Event[]): void {
  writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
}
