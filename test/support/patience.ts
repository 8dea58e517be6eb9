/** How long one run of a property may take, in milliseconds: none that ends takes a tenth of it, on slow machines neither. */
const LONGEST = 30_000;

/**
 * What random histories are drawn with. A run that hangs fails, and says so; so do too few runs in all the time there is, be it because each
 * of them is slow or because one does not answer. A failing history is made short, but not for ever.
 * @param runs how many
 * @param each in how many milliseconds one of them is done on any machine, on average
 */
export const patience = (runs: number, each: number) => ({
  numRuns: runs,
  timeout: LONGEST,
  interruptAfterTimeLimit: limitOf(runs, each),
  markInterruptAsFailure: true,
});

/** How long a test of such a property may take. */
export const testTimeout = (runs: number, each: number) => limitOf(runs, each) + 30_000;

const limitOf = (runs: number, each: number) => 60_000 + runs * each;
