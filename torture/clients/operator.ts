import type { Args, Row } from "../doors/door.ts";
import { ALL } from "./accounts.ts";
import type { Wish } from "./decide.ts";
import { deedOf, type Deed, type Plan, type Verdict } from "./deed.ts";
import { chance, pick, upTo, type Draw } from "./draw.ts";
import { remember, type Granted, type Known } from "./known.ts";
import { make } from "./openings.ts";
import { guestOf } from "../stage/logins.ts";

/*
 * What those do who keep the ledger, while all others use it: they make ledgers and currencies, say who may read what, examine
 * the books and have them made anew. Nothing is ever wrong with them, so nothing is ever found.
 */

const operatorOf = (id: string) => id.split("-")[0]!;

/** What an operator can want, and how often. */
export const DUTIES: [number, Wish][] = [
  [4, examine],
  [2, examineAcknowledged],
  [3, rebuild],
  [3, logEnd],
  [2, makeLedger],
  [2, makeCurrency],
  [4, sayWhoMayRead],
  [8, readAsGuest],
  // All this takes long, and clients are to be the many.
  [24, () => ({ kind: "rest" })],
];

/** Nothing may be found. */
const nothing = (rows: Row[]): Verdict =>
  rows.length === 0 ? undefined : { wrong: `found ${JSON.stringify(rows.slice(0, 3))}` };

function examine({ ledger, otherLedger, heads }: Known, draw: Draw): Plan {
  const one = chance(draw, 0.8) ? ledger : otherLedger;
  const does = pick(draw, [
    "verify_accounts",
    "verify_transactions",
    "verify_totals",
    "verify_log",
  ]);
  const args: Args = { ledger: one };
  if (does === "verify_accounts") args["accounts"] = one === ledger ? ALL : ["there", "clearing"];
  const head = pick(draw, heads);
  if (does === "verify_log" && head && one === ledger && chance(draw, 0.5))
    Object.assign(args, {
      from_no: upTo(draw, Number(head.no) || 1),
      max_records: upTo(draw, 500),
    });
  const judge = (rows: Row[]): Verdict =>
    does !== "verify_log" ? nothing(rows) : nothing(rows.filter(({ problem }) => problem !== null));
  return { kind: "read", call: [does, args], judge };
}

/** What clients were told, compared with the books by the ledger itself. */
function examineAcknowledged(known: Known): Plan | undefined {
  const { ledger, receipts } = known;
  const acknowledged = [
    ...known.acknowledged.map(({ id, version, status }) => ({
      transaction_id: id,
      version,
      status,
    })),
    ...receipts.map((receipt_id) => ({ receipt_id })),
  ];
  if (acknowledged.length === 0) return undefined;
  return { kind: "read", call: ["verify_acknowledged", { ledger, acknowledged }], judge: nothing };
}

function rebuild({ ledger }: Known, draw: Draw): Plan {
  const does = pick(draw, [
    "rebuild_balances",
    "rebuild_balances",
    "rebuild_search",
    "rebuild_from_log",
  ]);
  const args: Args = { ledger };
  if (does === "rebuild_balances" && chance(draw, 0.6)) args["account"] = pick(draw, ALL);
  return { kind: "read", call: [does, args], judge: nothing };
}

/** Where the log ends; and whether it knows where it once ended. */
function logEnd({ ledger, heads }: Known, draw: Draw): Plan {
  const old = pick(draw, heads);
  if (old && chance(draw, 0.6)) {
    const judge = ([row]: Row[]) => {
      const isKnown = typeof row === "object" ? Object.values(row)[0] : row;
      return isKnown === true
        ? undefined
        : { wrong: `the log does not know ${JSON.stringify(old)}` };
    };
    return { kind: "read", call: ["check_log_head", { ledger, ...old }], judge };
  }
  const last = Math.max(0, ...heads.map(({ no }) => Number(no)));
  const judge = ([row]: Row[]) => {
    const { no, hash } = row!;
    if (!(Number(no) >= last)) return { wrong: `the log went back from ${last} to ${no}` };
    remember(heads, { no: `${no}`, hash });
    return undefined;
  };
  return { kind: "read", call: ["log_head", { ledger }], judge };
}

function makeLedger(known: Known, draw: Draw, id: string): Plan {
  const name = `${known.ledger}-${upTo(draw, 3)}`;
  const [args, wrong] = [{ ledger: name, description: "made" }, { description: "another" }];
  return make({ known, draw, id, does: "create_ledger", name, args, wrong });
}

function makeCurrency(known: Known, draw: Draw, id: string): Plan {
  const code = `${known.ledger}_${upTo(draw, 3)}`.toUpperCase().replaceAll("-", "_").slice(-32);
  const [args, wrong] = [{ code, exponent: 3 }, { exponent: 4 }];
  return make({ known, draw, id, does: "create_currency", name: code, args, wrong });
}

const notGranted = (): Granted => ({ ledger: false, category: false });

const GRANTS = {
  ledger: ["revoke_ledger_access", "grant_ledger_access"],
  category: ["revoke_category_access", "grant_category_access"],
} as const;

function sayWhoMayRead(known: Known, draw: Draw, id: string): Plan {
  const role = guestOf(operatorOf(id));
  const granted = known.guests.get(role) ?? notGranted();
  known.guests.set(role, granted);
  const what = pick(draw, ["ledger", "category"] as const);
  const isGrant = chance(draw, 0.5);
  const does = GRANTS[what][isGrant ? 1 : 0];
  const args: Args = { role, ledger: known.ledger };
  if (what === "category") args["category"] = "team";
  else if (isGrant) args["access"] = "read";
  granted[what] = undefined; // until it is answered
  const deed: Deed = deedOf(does, args, id);
  const judge = () => void (granted[what] = isGrant);
  return { kind: "call", call: [does, args], deeds: [deed], judge };
}

/** Who was granted something reads just that. */
function readAsGuest({ ledger, guests }: Known, draw: Draw, id: string): Plan | undefined {
  const granted = guests.get(guestOf(operatorOf(id))) ?? notGranted();
  const account = pick(draw, ["team:1", "team:2", "free:1"]);
  const mayRead =
    granted.ledger === true || account === "free:1" ? granted.ledger : granted.category;
  // Whoever may read the ledger needs no category; of both, one unknown is enough not to know.
  if (mayRead === undefined || granted.ledger === undefined) return undefined;
  const judge = ([row]: Row[]): Verdict =>
    row?.["account"] === account ? undefined : { wrong: `${account} is ${JSON.stringify(row)}` };
  const refused = mayRead ? {} : { refused: { must: "42501" } };
  return {
    kind: "read",
    call: ["account_balance", { ledger, account }],
    judge,
    isGuest: true,
    ...refused,
  };
}
