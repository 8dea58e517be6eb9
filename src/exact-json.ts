/**
 * Text without a number of so many digits, or with an exponent, holds none that is rounded: most text. Numbers come after
 * these characters only; ids, in quotes, have such digits too.
 */
const MAYBE_LONG = /(?:^|[:,[])\s*-?(?:[\d.]{16}|[\d.]+[eE])/;

/** Longer texts of numbers are not looked at. */
const LENGTH_MAX = 100;

type Reviver = (
  this: unknown,
  key: string,
  value: unknown,
  context: { source?: string },
) => unknown;

/** A number as it was written, which a number of JavaScript is not. */
export class LongNumber {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
  toString(): string {
    return this.digits;
  }
}

/**
 * Reads JSON without rounding: a number that JavaScript cannot carry, such as an amount beyond 2^53, becomes
 * the string of its digits. All else is what JSON.parse makes of it.
 * @throws SyntaxError if the text is no JSON
 */
export function parseExactly(text: string): unknown {
  return parse(text, (digits) => digits);
}

/**
 * As `parseExactly`, but such a number becomes a `LongNumber`, which nobody takes for a text.
 * @throws SyntaxError if the text is no JSON
 */
export function parseMarked(text: string): unknown {
  return parse(text, (digits) => new LongNumber(digits));
}

function parse(text: string, keep: (digits: string) => unknown): unknown {
  if (!MAYBE_LONG.test(text)) return JSON.parse(text);
  const revive: Reviver = (_key, value, { source }) =>
    typeof value !== "number" || source === undefined || isExact(source) ? value : keep(source);
  return JSON.parse(text, revive as never);
}

/**
 * Whether a number in JSON is the same one after it was read and written again by JavaScript, and a whole one can be
 * counted from.
 */
export function isExact(source: string): boolean {
  const value = Number(source);
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER || source.length > LENGTH_MAX) return false;
  return canonical(source) === canonical(String(value));
}

/** Equal numbers, equal texts: the digits from the first to the last that is not 0, and how far they are moved. */
function canonical(number: string): string {
  const [, whole = "", fraction = "", exponent = "0"] =
    /^-?(\d+)\.?(\d*)(?:e(.+))?$/i.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
