import { ASPECTS, type Aspect } from "../checks/aspects.ts";
import { arrange, type Books } from "../checks/books.ts";
import type { Evidence } from "../checks/evidence.ts";
import type { Finding } from "../checks/finding.ts";
import { callsOf } from "../checks/final.ts";
import { checkTransactions, written, type Writers } from "../checks/transactions.ts";
import type { Deed, Read } from "../clients/deed.ts";
import type { PastRead } from "../clients/past.ts";
import { forgetFirst, limitedIn, observe } from "./observe.ts";
import { namesIn } from "./shrink.ts";

/**
 * What stays or goes together: a deed or a read, with all that it left in the books; all that was ever set of one thing; or a version of a
 * transaction that no client asked for, as when a hold expires.
 */
export type Unit = {
  events: (Deed | Read | PastRead)[];
  /** When it began, in milliseconds of the clients' steady clock. */
  at: number;
  /** The versions of transactions that it wrote. */
  places: string[];
  /** What it set, and of whom. */
  settings: Setting[];
  /** Names of what is there because of it, and of what must be there for it. */
  makes: Set<string>;
  needs: Set<string>;
  /** The accounts that it wrote entries of. */
  moves: Set<string>;
  /** If something is wrong with it: the accounts whose balances it saw or was judged by, how many first versions apart, and until when. */
  sees: Map<string, number>;
  /** The accounts that it saw or was judged by, whether something is wrong with it or not. */
  saw: Set<string>;
  until: number;
};

export type Setting = { ledger: string; aspect: Aspect; subject: string };

/** A history, taken apart. */
export type History = {
  evidence: Evidence;
  units: Unit[];
  writers: Writers;
  accounts: Map<string, Places>;
};

/** The units that wrote entries of an account: how many entries the last of them comes after, and whether the unit held the account for all. */
export type Places = Map<Unit, { last: number; isLocked: boolean }>;

export const accountIn = (ledger: string, address: string) => `${ledger} ${address}`;
export const membersIn = (category: string) => `members of ${category}`;
const limitsOf = (account: string) => `limits of ${account}`;

/** What of a ledger is set, as one name. */
export const keyOf = ({ name }: Aspect, subject: string) => `${name} ${subject}`;

/** The unit of each event, and of each version that nobody asked for. */
type Units = Map<object | string, Unit>;

/** @param findings what is wrong with it */
export function takeApart(evidence: Evidence, findings: Finding[]): History {
  const { deeds, reads, past } = evidence.known;
  const units: Units = new Map();
  for (const event of [...deeds, ...reads, ...past.deeds, ...past.reads])
    units.set(event, newUnit(event));
  const writers: Writers = new Map();
  const accounts: History["accounts"] = new Map();
  /** What the ledger's clock shows when the clients' is at nothing. */
  const zero = Math.min(...deeds.map(({ sent, sentAt }) => sentAt - sent));
  const books = [evidence.here, evidence.abroad].map(arrange);
  for (const one of books) {
    const all = deeds.filter(({ ledger, request }) =>
      [ledger, request["to_ledger"]].includes(one.ledger),
    );
    for (const [place, writer] of checkTransactions(one, all, () => {})) writers.set(place, writer);
    shareSettings(one, all, units);
  }
  const owner = (id: string, version: number) => ownerOf(id, version, writers, units);
  for (const one of books) {
    placeReceipts(one, deeds, units);
    placeReversals(one, deeds, units);
    for (const row of one.transactions.values())
      for (let version = 1; version <= row["version"]; version++)
        own(owner(row["id"], version), row["id"], version);
  }
  const { byDeed } = arrange(evidence.presence);
  for (const deed of past.deeds)
    for (const row of byDeed.get(deed.id) ?? []) own(units.get(deed)!, row["id"], 1);
  for (const one of books) placeEntries(one, zero, accounts, owner);
  const [all, limited] = [new Set(units.values()), new Set(books.flatMap(limitedIn))];
  for (const unit of all) {
    observe(unit, books, limited);
    unit.saw = new Set(unit.sees.keys());
    const mine = findings.filter((finding) => isAbout(unit, finding));
    if (mine.length === 0)
      unit.sees.clear(); // if it is judged otherwise without something, that is noticed
    else if (mine.every(({ check }) => check === "reads")) forgetFirst(unit, accounts);
    // Without the limits that were set it would be judged by those of the beginning.
    if (mine.some(({ check }) => check === "accounts"))
      for (const name of unit.moves) unit.needs.add(limitsOf(name));
  }
  return { evidence, units: [...all], writers, accounts };
}

/** Whether a finding names a unit itself, not just an account that it has to do with. */
export const isAbout = ({ events, makes, places }: Unit, { about }: Finding) =>
  about.some(
    (name) =>
      makes.has(name) ||
      places.some((place) => place.startsWith(`${name} `)) ||
      events.some((one) => name === ("id" in one ? one.id : `${one.client} ${one.sent}`)),
  );

function newUnit(event?: Unit["events"][number]): Unit {
  const names = event ? [...namesIn(event.request), event.request["ledger"]] : [];
  const unit: Unit = {
    events: event ? [event] : [],
    at: event?.sent ?? Infinity,
    places: [],
    settings: [],
    makes: new Set(),
    needs: new Set(names.filter((name) => typeof name === "string")),
    moves: new Set(),
    sees: new Map(),
    saw: new Set(),
    until: 0,
  };
  if (event?.does === "create_ledger") unit.makes.add(event.request["ledger"]);
  return unit;
}

/** What was set of one thing is one unit: who set it first and who changed it cannot be told apart by the tables. */
function shareSettings({ ledger }: Books, deeds: Deed[], units: Units): void {
  const bySubject = new Map<string, Unit>();
  for (const deed of deeds) {
    for (const { does, args } of callsOf(deed)) {
      for (const aspect of ASPECTS.filter(({ changes }) => does in changes)) {
        const subject = aspect.subject(args);
        const key = keyOf(aspect, subject);
        const [unit, other] = [units.get(deed)!, bySubject.get(key)];
        if (other && other !== unit) {
          join(other, unit);
          for (const event of unit.events) units.set(event, other);
          for (const [name, one] of bySubject) if (one === unit) bySubject.set(name, other);
        } else if (!other) {
          bySubject.set(key, unit);
          unit.settings.push({ ledger, aspect, subject });
          if (["account", "category"].includes(aspect.name)) unit.makes.add(subject);
          if (aspect.name === "limits") unit.makes.add(limitsOf(accountIn(ledger, subject)));
          if (aspect.name === "membership") unit.makes.add(membersIn(args["category"]));
        }
      }
    }
  }
}

function join(unit: Unit, other: Unit): void {
  unit.events.push(...other.events);
  unit.settings.push(...other.settings);
  unit.at = Math.min(unit.at, other.at);
  for (const name of other.makes) unit.makes.add(name);
  for (const name of other.needs) unit.needs.add(name);
}

function placeReceipts({ receipts }: Books, deeds: Deed[], units: Units): void {
  const enqueued = deeds.filter(({ does }) => does === "enqueue_transactions");
  const byKey = new Map(enqueued.map((deed) => [deed.id, units.get(deed)!]));
  for (const [id, row] of receipts) byKey.get(row["idempotency_key"])?.makes.add(id);
}

/** What is reversed was posted by then, and what is posted does not change: so it takes its last version. */
function placeReversals({ transactions, byDeed }: Books, deeds: Deed[], units: Units): void {
  for (const deed of deeds.filter(({ does }) => does === "reverse_transaction")) {
    const row = transactions.get(deed.request["transaction_id"]);
    if (row && byDeed.has(deed.id)) units.get(deed)!.needs.add(written(row["id"], row["version"]));
  }
}

function ownerOf(id: string, version: number, writers: Writers, units: Units): Unit {
  const place = written(id, version);
  const writer = writers.get(place);
  const owner = writer && writer !== "expiry" ? writer : place;
  const unit = units.get(owner) ?? newUnit();
  units.set(owner, unit);
  return unit;
}

function own(unit: Unit, id: string, version: number): void {
  unit.places.push(written(id, version));
  unit.makes.add(written(id, version));
  if (version === 1) unit.makes.add(id);
  else unit.needs.add(id).add(written(id, version - 1));
}

function placeEntries(
  { ledger, entries }: Books,
  zero: number,
  accounts: History["accounts"],
  find: (id: string, version: number) => Unit,
): void {
  for (const [address, some] of entries) {
    const name = accountIn(ledger, address);
    const places: Places = new Map();
    for (const [last, { transaction, version, createdAt, locked }] of some.entries()) {
      const unit = find(transaction, version);
      const moment = createdAt - zero;
      unit.moves.add(name);
      if (unit.events.length === 0) unit.at = Math.min(unit.at, moment);
      unit.until = Math.max(unit.until, moment); // what is enqueued is judged when it is applied
      places.set(unit, { last, isLocked: locked && (places.get(unit)?.isLocked ?? true) });
    }
    accounts.set(name, places);
  }
}
