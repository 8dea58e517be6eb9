/** Tasks that run at the same time, up to a number. */
export type InFlight = {
  /** Starts a task as soon as there is room; after a failure no more. @throws what an earlier one threw */
  add(task: () => Promise<void>): Promise<void>;
  /** Waits until none is running. @throws what the first one to fail threw */
  idle(): Promise<void>;
};

/** Runs tasks, at most `limit` at once. */
export function inFlight(limit: number): InFlight {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const oneEnds = () => new Promise<void>((resolve) => (wake = resolve));

  const idle = async () => {
    while (running.size > 0) await oneEnds();
    if (failure) throw failure.error;
  };
  const add = async (task: () => Promise<void>) => {
    while (running.size >= limit) await oneEnds();
    if (failure) await idle();
    const promise: Promise<void> = task()
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => {
        running.delete(promise);
        wake?.();
      });
    running.add(promise);
  };
  return { add, idle };
}
