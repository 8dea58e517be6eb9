/** Waits some milliseconds, or until the signal aborts; never rejects. Fewer than none, of a rest that is over, are none. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, milliseconds));
    signal.addEventListener("abort", end);
  });
}

/**
 * How long to rest after a step, so that the steps take no more than their share of a core: a multiple of what it took.
 * What took long has mostly waited, for a lock or a stopped process, and owes nothing for that: so there is a longest rest.
 * @returns milliseconds, as its arguments
 */
export function restAfter(took: number, factor: number, longest = 10_000): number {
  return Math.min(took * factor, longest);
}
