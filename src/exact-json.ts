/** Text without a number of so many digits holds none that is rounded: most text. */
const MAYBE_LONG = /[\d.]{16}|\d[eE]/;

type Reviver = (
  this: unknown,
  key: string,
  value: unknown,
  context: { source?: string },
) => unknown;

/**
 * Reads JSON without rounding: a number that JavaScript cannot carry, such as an amount beyond 2^53, becomes
 * the string of its digits. All else is what JSON.parse makes of it.
 * @throws SyntaxError if the text is no JSON
 */
export function parseExactly(text: string): unknown {
  return MAYBE_LONG.test(text) ? JSON.parse(text, keepDigits as never) : JSON.parse(text);
}

const keepDigits: Reviver = (_key, value, { source }) =>
  typeof value !== "number" || source === undefined || isExact(value, source) ? value : source;

/** 15 significant digits survive the way into a double and back; a whole number below 2^53 always does. */
function isExact(value: number, source: string): boolean {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value);
  const [digits = ""] = source.replace(/[-.]/g, "").split(/e/i);
  const significant = digits.replace(/^0+|0+$/g, "");
  if (significant === "") return true;
  return significant.length <= 15 && value !== 0 && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}
