/** Notes whether something goes on, and says so when it has not for long: then, and again each time as much has passed. */
export type Patience = { goesOn(): void; doesNot(): void };

/**
 * @param long milliseconds
 * @param tell is given the seconds for which it has not gone on
 */
export function newPatience(long: number, tell: (seconds: number) => void): Patience {
  let since = performance.now();
  let told = since;
  return {
    goesOn() {
      since = told = performance.now();
    },
    doesNot() {
      const now = performance.now();
      if (now - told < long) return;
      told = now;
      tell(Math.round((now - since) / 1000));
    },
  };
}
