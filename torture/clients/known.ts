import type { Line } from "../../test/support/ledgers.ts";
import type { Row } from "../doors/door.ts";
import { keyOf, type Deed, type Read } from "./deed.ts";
import type { Past } from "./past.ts";

/** A transaction as clients last heard of it. */
export type Heard = { id: string; lines: Line[] };

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
  /** Deeds that can be repeated: done alone, and with a key. */
  repeatable: Deed[];
  /** The lock version that each account was last seen with. */
  versions: Map<string, number>;
  /** How often what came of which call. */
  counts: Map<string, Map<string, number>>;
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
  repeatable: [],
  versions: new Map(),
  counts: new Map(),
  lies: [],
});

export function count({ counts }: Known, what: string, outcome: string): void {
  const mine = counts.get(what) ?? new Map<string, number>();
  counts.set(what, mine.set(outcome, (mine.get(outcome) ?? 0) + 1));
}

/** How many of each kind are remembered to be used: recent ones, so that clients meet. */
const MEMORY = 12;

function remember<T>(list: T[], one: T): void {
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
  const id = row["transaction_id"];
  const target = request["transaction_id"];
  if (row["receipt_id"]) return remember(known.receipts, row["receipt_id"]);
  if (!id || row["replayed"]) return;
  if (target && does !== "update_transaction" && row["status"] !== "pending") {
    known.pending = known.pending.filter(
      (heard) => heard.id !== target || does === "partially_post_transaction",
    );
  }
  const before = known.pending.find((heard) => heard.id === target);
  const lines: Line[] = request["entries"] ?? before?.lines ?? [];
  if (does === "transfer_between_ledgers") return;
  if (row["status"] === "pending" && id !== target) remember(known.pending, { id, lines });
  else if (row["status"] === "pending" && before) before.lines = lines;
  else if (row["status"] === "posted" && lines.length > 0) remember(known.posted, { id, lines });
}

/** Takes note of the lock version of a balance that was shown. */
export function see({ versions }: Known, balance: Row): void {
  if (balance["account"] && balance["lock_version"]) {
    versions.set(balance["account"], Number(balance["lock_version"]));
  }
}
