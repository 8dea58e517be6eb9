import type { Line, LineOptions } from "../../test/support/ledgers.ts";
import { GROUPS, isTeam } from "./accounts.ts";
import { chance, pick, upTo, weighted, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";

/** Where money comes from by its own lines alone; it leaves `team` under the lock of the category only. */
const PAYERS: [number, string[]][] = [
  [6, GROUPS.free],
  [6, GROUPS.limited],
  [2, GROUPS.capped],
  [2, GROUPS.changing],
  [4, GROUPS.world],
];
const PAYEES: [number, string[]][] = [...PAYERS, [3, GROUPS.team]];

/** Lines of a transaction between accounts of every kind. */
export function anyLines(known: Known, draw: Draw): Line[] {
  const amount = upTo(draw, 60);
  const from = pick(draw, weighted(draw, PAYERS));
  const to = pick(draw, weighted(draw, PAYEES));
  const asked = chance(draw, 0.45) ? asks(known, draw, from) : {};
  const lines: Line[] = [
    { account: from, direction: "debit", amount, ...asked },
    { account: to, direction: "credit", amount },
  ];
  if (chance(draw, 0.1)) Object.assign(lines[1]!, asks(known, draw, to));
  if (chance(draw, 0.15) && amount > 1) {
    // Some of it goes elsewhere, perhaps back.
    const part = upTo(draw, amount - 1);
    lines[1]!.amount = amount - part;
    lines.push({ account: pick(draw, weighted(draw, PAYEES)), direction: "credit", amount: part });
  }
  if (chance(draw, 0.08)) {
    const [one, other] = chance(draw, 0.5) ? ["eur:1", "eur:2"] : ["eur:2", "eur:1"];
    lines.push(
      { account: one, direction: "debit", amount: 7 },
      { account: other, direction: "credit", amount: 7 },
    );
  }
  // An account's lines all ask the same version.
  for (const line of lines) {
    const { lock_version } = lines.find(({ account }) => account === line.account)!;
    if (lock_version === undefined) delete line.lock_version;
    else line.lock_version = lock_version;
  }
  return lines;
}

/** Lines that nobody waits for. */
export function plainLines(draw: Draw): Line[] {
  const [from, to] = [pick(draw, [...GROUPS.free, ...GROUPS.world]), pick(draw, GROUPS.free)];
  const amount = upTo(draw, 60);
  return [
    { account: from, direction: "debit", amount },
    { account: to, direction: "credit", amount },
  ];
}

function asks({ versions }: Known, draw: Draw, account: string): LineOptions {
  const bound = upTo(draw, 200) - 100;
  const asked = weighted<LineOptions>(draw, [
    [8, { available_balance: { gte: 0 } }],
    [2, { available_balance: { gt: bound, lt: bound + 400 } }],
    [2, { posted_balance: { gte: bound } }],
    [2, { pending_balance: { lte: 300, not_eq: bound } }],
    [4, { lock_version: versions.get(account) ?? 0 }],
    [3, { show_resulting_balances: true }],
  ]);
  if (chance(draw, 0.3)) asked.show_resulting_balances = true;
  return asked;
}

/** Lines that take money from `team`, for a call under its lock. */
export function teamLines(draw: Draw): Line[] {
  const amount = upTo(draw, 60);
  return [
    { account: pick(draw, GROUPS.team), direction: "debit", amount },
    { account: pick(draw, GROUPS.world), direction: "credit", amount },
  ];
}

/** Whether money was paid into `team`: undoing that would take it out without the category's lock. */
export const paysTeam = (lines: { account: string; direction: string }[]) =>
  lines.some(({ account, direction }) => isTeam(account) && direction === "credit");
