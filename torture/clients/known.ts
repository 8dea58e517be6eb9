import type { Line } from "../../test/support/ledgers.ts";
import type { Use } from "../doors/counted.ts";
import type { Row } from "../doors/door.ts";
import { keyOf, type Deed, type Read } from "./deed.ts";
import type { Past } from "./past.ts";

/** A transaction as clients last heard of it. */
export type Heard = {
  id: string;
  lines: Line[];
  /** What names it in its metadata, where that does: its description may then change. */
  by: string | undefined;
  externalId: string | undefined;
  /** Before when it was not there, in milliseconds since 1970. */
  since: number;
};

/** A version of a transaction that was acknowledged. */
export type Acknowledged = {
  id: string;
  version: number;
  status: string;
  does: string;
  /** What its lines were said to be, if they were. */
  lines: Line[] | undefined;
};

/** A name in the metadata of a transaction or an account: `unsure` from when somebody asks for it to go until he is told that it is gone. */
export type Tag = { id: string; name: string; state: "set" | "unsure" | "gone" };

/** What somebody was granted; nothing where nobody knows. */
export type Granted = { ledger: boolean | undefined; category: boolean | undefined };

/**
 * What the clients know, together: they tell each other what they made, so that they meet at the same
 * transactions, and all that they did and read is written down here.
 */
export type Known = {
  ledger: string;
  otherLedger: string;
  past: Past;
  deeds: Deed[];
  reads: Read[];
  pending: Heard[];
  posted: Heard[];
  receipts: string[];
  acknowledged: Acknowledged[];
  tags: Tag[];
  /** Those of accounts, whose `id` is their address. */
  accountTags: Tag[];
  /** Ids of accounts by their addresses. */
  ids: Map<string, string>;
  /** Accounts that were opened in the other ledger, and others that must not be there. */
  opened: { address: string; id: string }[];
  neverOpened: string[];
  /** Names of what was made and is for ever: a function and a name. */
  made: Set<string>;
  /** What guests were granted, by their logins. */
  guests: Map<string, Granted>;
  /** Heads that the log has had. */
  heads: { no: string; hash: string }[];
  /** Deeds that can be repeated: done alone, and with a key. */
  repeatable: Deed[];
  /** The lock version that each account was last seen with. */
  versions: Map<string, number>;
  /** How often what came of which call. */
  counts: Map<string, Map<string, number>>;
  /** How often each function was asked for over each kind of door, and answered. */
  uses: Map<string, Use>;
  /** What contradicts the contract as soon as it is heard. */
  lies: { what: string; about: string }[];
};

export const newKnown = (ledger: string, otherLedger: string, past: Past): Known => ({
  ledger,
  otherLedger,
  past,
  deeds: [],
  reads: [],
  pending: [],
  posted: [],
  receipts: [],
  acknowledged: [],
  tags: [],
  accountTags: [],
  ids: new Map(),
  opened: [],
  neverOpened: [],
  made: new Set(),
  guests: new Map(),
  heads: [],
  repeatable: [],
  versions: new Map(),
  counts: new Map(),
  uses: new Map(),
  lies: [],
});

export function count({ counts }: Known, what: string, outcome: string): void {
  const mine = counts.get(what) ?? new Map<string, number>();
  counts.set(what, mine.set(outcome, (mine.get(outcome) ?? 0) + 1));
}

/** How many of each kind are remembered to be used: recent ones, so that clients meet. */
const MEMORY = 12;

export function remember<T>(list: T[], one: T): void {
  list.push(one);
  if (list.length > MEMORY) list.shift();
}

/** Takes note of what was done, for what comes next. */
export function learn(known: Known, deed: Deed, row: Row): void {
  const { request, does } = deed;
  if (deed.ledger === known.past.ledger) return; // nobody else goes on with it
  for (const balance of row["balances"] ?? []) see(known, balance);
  if (keyOf(deed) && deed.way !== "batch" && does !== "enqueue_transactions") {
    remember(known.repeatable, deed);
  }
  if (does.endsWith("_metadata")) return learnTag(known, deed);
  const id = row["transaction_id"];
  const target = request["transaction_id"];
  if (row["receipt_id"]) return remember(known.receipts, row["receipt_id"]);
  if (!id || row["replayed"]) return;
  const before = known.pending.find((heard) => heard.id === target);
  const isNew = id !== target;
  const { status, version } = row as { status: string; version: number };
  const isDeclined = row["archived_reason"] === "balance_lock_failure";
  const asked: Line[] | undefined = isDeclined ? undefined : request["entries"];
  if (!isNew && status !== "pending")
    known.pending = known.pending.filter((heard) => heard.id !== target);
  if (does === "transfer_between_ledgers") return;
  remember(known.acknowledged, { id, version, status, does, lines: asked });
  const heard: Heard = {
    id,
    // What was posted as it was may have been changed by somebody who does not know it.
    lines: asked ?? (does === "update_transaction" ? before?.lines : undefined) ?? [],
    by: isNew ? request["metadata"]?.["by"] : before?.by,
    externalId: isNew ? request["external_id"] : before?.externalId,
    since: isNew ? performance.timeOrigin + deed.sent : (before?.since ?? 0),
  };
  if (status === "pending" && isNew) remember(known.pending, heard);
  else if (status === "pending" && before) before.lines = heard.lines;
  else if (status === "posted" && heard.lines.length > 0) remember(known.posted, heard);
}

function learnTag({ tags, accountTags }: Known, { does, request, id }: Deed): void {
  const mine = does.endsWith("_account_metadata") ? accountTags : tags;
  const { transaction_id, address = transaction_id, key } = request;
  if (does.startsWith("set")) return remember(mine, { id: address, name: id, state: "set" });
  for (const tag of mine) if (tag.name === key) tag.state = "gone";
}

/** Takes note of the lock version of a balance that was shown. */
export function see({ versions }: Known, balance: Row | null): void {
  if (balance?.["account"] && balance["lock_version"]) {
    versions.set(balance["account"], Number(balance["lock_version"]));
  }
}
