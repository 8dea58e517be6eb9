import { ASPECTS } from "../checks/aspects.ts";
import { arrange, makerOf, type Records } from "../checks/books.ts";
import type { Evidence } from "../checks/evidence.ts";
import type { Kept } from "../checks/kept.ts";
import { written } from "../checks/transactions.ts";
import type { Args, Row } from "../doors/door.ts";
import { answeredWithout, entriesWithout, readWithout, tellersOf } from "./recount.ts";
import { UNDO } from "./undo.ts";
import { keyOf, type History, type Setting, type Unit } from "./units.ts";

/** A history without some of its units, and without all that they left in the books. */
export function without(history: History, gone: Set<Unit>): Evidence {
  const { evidence } = history;
  const { deeds, reads, past } = evidence.known;
  const out = new Set<object>([...gone].flatMap(({ events }) => events));
  const isLeft = (event: object) => !out.has(event);
  const told = tellersOf([evidence.here, evidence.abroad], placesOf(gone));
  const pastReads = past.reads.filter(isLeft);
  return {
    known: {
      deeds: deeds.filter(isLeft).map((deed) => answeredWithout(deed, told)),
      reads: reads.filter(isLeft).map((read) => readWithout(read, told)),
      past: {
        ...past,
        deeds: past.deeds.filter(isLeft),
        reads: pastReads,
        entries: pastReads.length > 0 ? past.entries : new Map(),
      },
    },
    here: recordsWithout(history, evidence.here, gone),
    abroad: recordsWithout(history, evidence.abroad, gone),
    presence: presenceWithout(history, gone),
  };
}

/** Of the ledger with a past it is only judged what clients made there. */
function presenceWithout(history: History, gone: Set<Unit>): Records {
  const { presence } = history.evidence;
  const transactions = presence.transactions.filter((row) => makerOf(row) !== "");
  return recordsWithout(history, { ...presence, transactions, entries: [], kept: NOTHING }, gone);
}

const NOTHING: Kept = {
  accounts: [],
  categories: [],
  members: [],
  access: [],
  categoryAccess: [],
  closedUntil: null,
  events: [],
};

const placesOf = (gone: Set<Unit>) => new Set([...gone].flatMap((unit) => unit.places));

function recordsWithout(history: History, records: Records, gone: Set<Unit>): Records {
  const places = placesOf(gone);
  const names = new Set([...gone].flatMap((unit) => [...unit.makes]));
  const settings = [...gone]
    .flatMap((unit) => unit.settings)
    .filter(({ ledger }) => ledger === records.ledger);
  const left: Records = {
    ...records,
    entries: entriesWithout(records.entries, places),
    transactions: records.transactions
      .filter(({ id }) => !names.has(id))
      .map((row) => rewound(history, row, places)),
    receipts: records.receipts.filter(({ receipt_id: id }) => !names.has(id)),
    kept: { ...records.kept, events: eventsWithout(records, settings) },
  };
  return settings.reduce((some, setting) => undone(history, some, setting), left);
}

/** A transaction as it was before versions that are left out: pending, for only such can be changed. */
function rewound({ writers }: History, row: Row, places: Set<string>): Row {
  let version = row["version"] as number;
  while (version > 1 && places.has(written(row["id"], version))) version -= 1;
  if (version === row["version"]) return row;
  const asked = (name: string, from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => writers.get(written(row["id"], from + n)))
      .flatMap((writer) => (writer && writer !== "expiry" ? writer.request[name] : undefined))
      .findLast((value) => value);
  const timeAt = (name: string, first: unknown) => {
    if (!asked(name, version + 1, row["version"])) return row[name];
    const value = asked(name, 1, version) ?? first;
    return value ? new Date(value) : null;
  };
  return {
    ...row,
    version,
    status: "pending",
    posted_at: null,
    archived_at: null,
    archived_reason: null,
    effective_at: timeAt("effective_at", row["created_at"]),
    expires_at: timeAt("expires_at", null),
  };
}

/** The records of the log that are judged, but for what is left out. */
function eventsWithout({ kept }: Records, settings: Setting[]) {
  const out = new Set(settings.map(({ aspect, subject }) => keyOf(aspect, subject)));
  return kept.events.filter(({ kind, args }) => {
    const aspects = ASPECTS.filter(({ changes }) => kind in changes);
    return aspects.some((aspect) => !out.has(keyOf(aspect, aspect.subject(args))));
  });
}

function undone(
  { evidence, writers }: History,
  records: Records,
  { aspect, subject }: Setting,
): Records {
  const maker = writers.get(written(subject, 1));
  const request: Args | undefined = maker && maker !== "expiry" ? maker.request : undefined;
  const all = [evidence.here, evidence.abroad].find(({ ledger }) => ledger === records.ledger)!;
  return UNDO[aspect.name](
    records,
    subject,
    aspect.first(arrange({ ...all, entries: [], transactions: [] }), subject, request),
  );
}
