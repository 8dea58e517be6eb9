import { describeError } from "../errors.ts";
import type { Log } from "../log.ts";

/** What a service registers while it starts. */
export type Lifetime = {
  /** Something to stop at the end, the last registered first. */
  defer(stop: () => Promise<void>): void;
  /** Ends the service because something it needs is gone; the program's exit code is then 1. */
  fail(error: Error): void;
};

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
type Signal = keyof typeof SIGNALS;

/**
 * Starts a service and runs it until a signal asks it to stop, then stops all parts in order.
 * A second signal ends the process at once; an embedded server then stops by itself.
 * @throws what `start` threw, or what failed later, after everything was stopped
 */
export async function runService(
  log: Log,
  start: (life: Lifetime) => Promise<void>,
): Promise<void> {
  const stops: Array<() => Promise<void>> = [];
  const end = Promise.withResolvers<Error | undefined>();
  let asked = false;
  const onSignal = (signal: Signal) => {
    if (asked) process.exit(128 + SIGNALS[signal]);
    asked = true;
    log.info("stopping; a second signal stops at once");
    end.resolve(undefined);
  };
  for (const signal of Object.keys(SIGNALS) as Signal[]) process.on(signal, onSignal);
  try {
    await start({ defer: (stop) => void stops.push(stop), fail: end.resolve });
    const failure = await end.promise;
    if (failure) throw failure;
  } finally {
    for (const stop of stops.toReversed()) {
      // One part that does not stop cleanly must not keep the others from it.
      await stop().catch((error) => log.error(`while stopping: ${describeError(error)}`));
    }
    for (const signal of Object.keys(SIGNALS) as Signal[]) process.off(signal, onSignal);
  }
}
