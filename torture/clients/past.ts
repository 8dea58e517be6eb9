import type { Entry } from "../checks/books.ts";
import type { Args, Row } from "../doors/door.ts";
import type { Deed, Plan } from "./deed.ts";
import { deedOf } from "./deed.ts";
import { chance, pick, upTo, weighted, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";

/** An entry of the past, with when it takes effect, in milliseconds since 1970. */
export type PastEntry = Entry & { effectiveAt: number };

/** What somebody was told of the past; `code` if he was refused. */
export type PastRead = {
  does: string;
  request: Args;
  sent: number;
  ended: number;
  rows: Row[];
  code: string | undefined;
  detail: unknown;
  client: string;
};

/**
 * A ledger with months of records from before the clients came, as clients know it: those months leave the database and come
 * back while they go on with its accounts, and ask what these held back then. It is the same in all chapters.
 */
export type Past = {
  ledger: string;
  accounts: string[];
  /** The first moments of the months, the oldest first. */
  months: Date[];
  /** What was there when clients came, by account; and the moment, in milliseconds since 1970. */
  entries: Map<string, PastEntry[]>;
  until: number;
  deeds: Deed[];
  reads: PastRead[];
  /** When which month may have been out, wholly or in part, in milliseconds of the clients' steady clock. */
  absences: { month: Date; from: number; until: number | undefined }[];
};

const DAY = 86_400_000;

/** Something in the ledger with a past: money is moved now, or one asks what was. */
export function visitPast({ past, ledger }: Known, draw: Draw, id: string): Plan {
  return chance(draw, 0.3) ? moveNow(past, draw, `${ledger} ${id}`) : lookBack(past, draw);
}

function moveNow({ ledger, accounts }: Past, draw: Draw, id: string): Plan {
  const [amount, isShown] = [upTo(draw, 60), chance(draw, 0.3)];
  const entries = [
    { account: pick(draw, accounts), direction: "debit", amount, show_resulting_balances: isShown },
    { account: pick(draw, accounts), direction: "credit", amount },
  ];
  const args: Args = { ledger, entries, description: id, idempotency_key: id };
  const deeds = [deedOf("create_transaction", args, id)];
  return { kind: "call", call: ["create_transaction", args], deeds };
}

function lookBack({ ledger, accounts, months, entries, until }: Past, draw: Draw): Plan {
  const account = pick(draw, accounts);
  const begin = months[0]!.getTime() - 20 * DAY;
  const time = () => new Date(begin + Math.floor(draw() * (until - begin))).toISOString();
  const lock_version = Math.floor(draw() * ((entries.get(account)?.length ?? 0) + 1));
  const [does, args] = weighted<[string, Args]>(draw, [
    [4, ["account_balance", { ledger, account, effective_at: time() }]],
    [2, ["account_balance", { ledger, account, recorded_at: time() }]],
    [1, ["account_balance", { ledger, account, effective_at: time(), recorded_at: time() }]],
    [3, ["account_balance", { ledger, account, lock_version }]],
    [2, ["account_balances", { ledger, accounts, effective_at: time() }]],
    [1, ["trial_balance", { ledger, effective_at: time() }]],
  ]);
  return { kind: "read", call: [does, args] };
}
