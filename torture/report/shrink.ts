import { writeFileSync } from "node:fs";
import type { Finding } from "../checks/finding.ts";
import type { Deed, Read } from "../clients/deed.ts";
import type { PastRead } from "../clients/past.ts";
import type { Known } from "../clients/known.ts";
import type { Nemesis } from "../nemesis/nemesis.ts";

/** An event of a history, in the order in which they began. */
export type Event = { at: number; until: number | undefined; [fact: string]: unknown };

/** So much of the end of a chapter is shown where nobody can say what a finding is about, in milliseconds. */
const LAST = 5_000;

/**
 * What had to do with findings: deeds and reads about the transactions, accounts and categories they name, and what went
 * wrong meanwhile. Of a finding that names nothing that clients know: what happened last, and all that went wrong.
 */
export function shrink(known: History, nemesis: Evils, findings: Finding[]): Event[] {
  const all = eventsOf(known);
  const end = Math.max(0, ...all.map(({ event }) => event.until ?? event.at));
  const isVague = findings.some((finding) => !all.some((one) => isAbout(one, finding)));
  const events = all
    .filter(
      (one) =>
        findings.some((finding) => isAbout(one, finding)) ||
        (isVague && (one.event.until ?? Infinity) >= end - LAST),
    )
    .map(({ event }) => event);
  return inOrder(events, isVague ? nemesis.history : meanwhile(events, nemesis), known);
}

/** All of a history that was minimised, and what went wrong meanwhile. */
export function shown(known: History, nemesis: Evils, start: History): Event[] {
  const events = eventsOf(known).map(({ event }) => event);
  return inOrder(events, meanwhile(events, nemesis), start);
}

type History = Pick<Known, "deeds" | "reads" | "past">;
type Evils = Pick<Nemesis, "history">;

function meanwhile(events: Event[], { history }: Evils): Evils["history"] {
  const first = Math.min(...events.map(({ at }) => at));
  const last = Math.max(...events.map(({ until, at }) => until ?? at));
  return history.filter(({ at, until }) => until >= first && at <= last);
}

/** Times are milliseconds since the first event of the chapter. */
function inOrder(events: Event[], evils: Evils["history"], { deeds }: History): Event[] {
  const start = deeds[0]?.sent ?? 0;
  const time = (at: number) => Math.round((at - start) * 10) / 10;
  return [...events, ...evils]
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, until, ...facts }) => ({ at: time(at), until: until && time(until), ...facts }));
}

type Named = { event: Event; names: Set<unknown> };
const isAbout = ({ names }: Named, { about }: Finding) => about.some((name) => names.has(name));

/** All that clients did and read, with the names of what it was about. */
const eventsOf = ({ deeds, reads, past }: History): Named[] => [
  ...[...deeds, ...past.deeds].map(({ sent, ended, ...deed }) => {
    const { id, request, answer } = deed as Deed;
    const names = [...namesIn(request), id, answer?.["transaction_id"], answer?.["receipt_id"]];
    return { event: { at: sent, until: ended, ...deed }, names: new Set(names) };
  }),
  ...[...reads, ...past.reads].map(({ sent, ended, ...read }) => {
    const { client, request } = read as Read | PastRead;
    const names = [...namesIn(request), `${client} ${sent}`];
    return { event: { at: sent, until: ended, ...read }, names: new Set(names) };
  }),
];

/** All texts in a request, but the ledger, which is the same in nearly all. */
export function namesIn(request: unknown): unknown[] {
  if (typeof request !== "object" || request === null) return [request];
  return Object.entries(request).flatMap(([name, value]) =>
    name === "ledger" ? [] : namesIn(value),
  );
}

/** Writes events, one a line. */
export function writeEvents(file: string, events: Event[]): void {
  writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
}
