import { isDeepStrictEqual } from "node:util";
import type { Deed } from "../clients/deed.ts";
import type { Args } from "../doors/door.ts";
import { ASPECTS, type Aspect } from "./aspects.ts";
import { groupBy, type Books } from "./books.ts";
import { explain, statesOf, type Call } from "./explain.ts";
import type { Report } from "./finding.ts";

/**
 * What clients set is what is set in the end: limits, closings, metadata, memberships, periods and grants. Each that was
 * acknowledged is in the log exactly once, in an order that the clients' clock allows, and what stands in the tables is
 * what the last of them says.
 */
export function checkFinal(books: Books, deeds: Deed[], report: Report): void {
  const byId = new Map(deeds.map((deed) => [deed.id, deed]));
  const makers = new Map<string, Args | undefined>();
  for (const [id, rows] of books.byDeed)
    for (const row of rows) makers.set(row["id"], byId.get(id)?.request);
  for (const aspect of ASPECTS) {
    const isOne = (does: string) => does in aspect.changes;
    const calls = groupBy(
      deeds.flatMap(callsOf).filter(({ does }) => isOne(does)),
      ({ args }) => aspect.subject(args),
    );
    const events = groupBy(
      books.kept.events.filter(({ kind }) => isOne(kind)),
      ({ args }) => aspect.subject(args),
    );
    const now = new Map(aspect.now(books));
    for (const subject of new Set([...calls.keys(), ...events.keys(), ...now.keys()])) {
      const first = aspect.first(books, subject, makers.get(subject));
      const [mine, logged] = [calls.get(subject) ?? [], events.get(subject) ?? []];
      const failure = explain(aspect, mine, logged, first);
      if (failure)
        report(`${aspect.name} ${subject}: ${failure.what}`, nameOf(subject), ...failure.about);
      const due = statesOf(aspect.changes, logged, first).at(-1);
      const found = now.has(subject) ? now.get(subject) : first;
      if (!isDeepStrictEqual(due, found))
        report(contrast(aspect, subject, found, due), nameOf(subject));
    }
  }
}

/** The account or transaction in a subject. */
const nameOf = (subject: string) => subject.split(" ")[0] || undefined;

const contrast = ({ name }: Aspect, subject: string, found: unknown, due: unknown) =>
  `${name} ${subject} is ${JSON.stringify(found)}, and should be ${JSON.stringify(due)}`;

/** A deed's attempts that may have come through: the one whose answer arrived, and those whose answers were lost. */
export function callsOf(deed: Deed): Call[] {
  const { fate, lost, sent, ended } = deed;
  const unsure = fate === "unknown" ? Math.max(lost, 1) : lost;
  const [does, all] =
    deed.does === "open_accounts"
      ? ["open_account", deed.request["accounts"] as Args[]]
      : [deed.does, [deed.request]];
  return all.flatMap((args) => {
    const call = { deed, does, args, sent };
    const attempts: Call[] = Array.from({ length: unsure }, () => ({
      ...call,
      isSure: false,
      ended: Infinity,
    }));
    return fate === "done" ? [{ ...call, isSure: true, ended: ended! }, ...attempts] : attempts;
  });
}
