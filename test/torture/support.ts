import type { Books, Entry } from "../../torture/checks/books.ts";
import { groupBy } from "../../torture/checks/books.ts";
import type { Finding, Report } from "../../torture/checks/finding.ts";
import { reporter } from "../../torture/checks/finding.ts";
import type { Event } from "../../torture/checks/kept.ts";
import { deedOf, type Deed } from "../../torture/clients/deed.ts";
import type { Args, Row } from "../../torture/doors/door.ts";

/* Histories by hand, to see that the simulator's checks find what is wrong with them, and nothing in what is right. */

/** What somebody asked for between two moments; without an end the answer was lost. */
export function asked(id: string, does: string, request: Args, sent: number, ended?: number): Deed {
  const fate = ended === undefined ? ("unknown" as const) : ("done" as const);
  const deed = deedOf(does, { ledger: "main", ...request }, id);
  return Object.assign(deed, {
    sent,
    ended,
    fate,
    sentAt: sent,
    lost: ended === undefined ? 1 : 0,
  });
}

/** A record of the log. */
export const logged = (kind: string, args: Args, at = 0): Event => ({ kind, args, at });

/** What a check says. */
export function findingsOf(check: (report: Report) => void): string[] {
  const findings: Finding[] = [];
  check(reporter(findings, "check"));
  return findings.map(({ what, about }) => `${what} [${about.join(", ")}]`);
}

/** A ledger with credit-normal accounts and what happened to them. */
export function booksOf(
  accounts: Row[],
  {
    events = [],
    entries = [],
    ...rest
  }: { events?: Event[]; entries?: Entry[] } & Partial<Books["kept"]> = {},
): Books {
  const openings = accounts.map(({ address }) =>
    logged("open_account", { address, currency: "USD" }),
  );
  const ids = [...new Set(entries.map(({ transaction }) => transaction))];
  return {
    ledger: "main",
    entries: groupBy(entries, ({ account }) => account),
    byTransaction: groupBy(entries, ({ transaction }) => transaction),
    transactions: new Map(ids.map((id) => [id, { id, version: 1, metadata: {} }])),
    byDeed: new Map(),
    receipts: new Map(),
    kept: {
      accounts: accounts.map((one) => ({
        balance_min: null,
        balance_max: null,
        closed_at: null,
        metadata: {},
        ...one,
      })),
      categories: [],
      members: [],
      access: [],
      categoryAccess: [],
      closedUntil: null,
      ...rest,
      events: [...openings, ...events],
    },
  };
}

/** That an account was opened, by whom it was opened before anybody else came. */
export const opened = (address: string) =>
  asked(`open ${address}`, "open_account", { address, currency: "USD" }, -2, -1);
