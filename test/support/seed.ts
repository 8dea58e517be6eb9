/**
 * What random tests draw from: the same in every run, so that nothing is refused by luck. `npm run fuzz`
 * draws anew each time, by DAYBOOK_SEED, which also repeats what it found.
 */
export const SEED = wholeFrom("DAYBOOK_SEED", 1);

/** How many times as often as usual a random test draws. */
export const EFFORT = wholeFrom("DAYBOOK_EFFORT", 1);

function wholeFrom(name: string, usual: number): number {
  const value = Number(process.env[name] ?? usual);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${name} must be a whole number from 1`);
  return value;
}
