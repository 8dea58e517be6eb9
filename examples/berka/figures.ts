import { change, minorUnits, type Row } from "./bank.ts";

/** The bank prints its balances rounded to ten haléře. */
const ROUNDING = 10n;

/** The bank's own figure of an account, in haléře. */
export type Figure = {
  /** The balance that it printed last. */
  balance: bigint;
  /** What rounding, row by row, has added to the sum of the printed amounts. */
  rounding: bigint;
};

export type Figures = {
  last: Figure;
  /** As it was before the last day with transactions. */
  before: Figure & { day: string };
  /** By how much printed balances jump, on the last day, beyond rounding: rows that the file lacks. */
  missing: bigint;
  /** Whether they jump on an earlier day, or more than once: then the file contradicts itself. */
  broken: boolean;
};

type Step = { row: Row; off: bigint };

/**
 * Follows an account's printed balances row by row. The file does not tell the order of the rows of one day, so
 * each day is taken in the order in which its balances fit best.
 * @param rows all rows of an account, in order of their days
 */
export function figuresOf(rows: Row[]): Figures {
  let figure: Figure = { balance: 0n, rounding: 0n };
  const result: Figures = {
    last: figure,
    before: { ...figure, day: "" },
    missing: 0n,
    broken: false,
  };
  for (const [day, ofDay] of Map.groupBy(rows, (row) => row.date)) {
    if (result.missing !== 0n) result.broken = true;
    result.before = { ...figure, day };
    for (const { row, off } of bestOrder(figure.balance, ofDay)) {
      const isRounding = magnitude(off) <= ROUNDING;
      if (!isRounding && result.missing !== 0n) result.broken = true;
      if (!isRounding) result.missing += off;
      figure = {
        balance: minorUnits(row.balance),
        rounding: figure.rounding + (isRounding ? off : 0n),
      };
    }
  }
  return { ...result, last: figure };
}

/** The order with the fewest jumps, and of these the one with the least rounding. */
function bestOrder(opening: bigint, rows: Row[]): Step[] {
  let best: { cost: bigint; steps: Step[] } | undefined;
  const search = (balance: bigint, left: Row[], cost: bigint, steps: Step[]) => {
    if (best && cost >= best.cost) return;
    if (left.length === 0) best = { cost, steps };
    for (const row of left) {
      const printed = minorUnits(row.balance);
      const off = printed - balance - change(row);
      const others = left.filter((other) => other !== row);
      search(printed, others, cost + costOf(off), [...steps, { row, off }]);
    }
  };
  search(opening, rows, 0n, []);
  return best!.steps;
}

/** One jump weighs more than any amount of rounding. */
function costOf(off: bigint): bigint {
  return magnitude(off) <= ROUNDING ? magnitude(off) : 1_000_000n * ROUNDING + magnitude(off);
}

/** The absolute value. */
export function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
