/** Work that is handed on in batches. */
export type Batches<Item> = {
  /** Hands an item on; waits while too many wait already. @throws what an earlier batch failed with */
  add(item: Item): Promise<void>;
  /** Waits until all is done. @throws what the first batch to fail threw */
  idle(): Promise<void>;
};

export type BatchOptions<Item> = {
  /** How many batches may be worked on at once. With one, all is done in order. */
  atOnce: number;
  /** How much a batch may hold, but for a single item that is larger, and what an item adds to that. */
  most: number;
  sizeOf(item: Item): number;
  work(items: Item[]): Promise<void>;
};

/**
 * Gathers items while a batch is being worked on, and makes them the next one. So none waits for others to
 * come, and the slower the work the larger the batches. After a failure nothing more is begun.
 */
export function inBatches<Item>(options: BatchOptions<Item>): Batches<Item> {
  const { atOnce, most, sizeOf, work } = options;
  const waiting: Item[] = [];
  const state: State = { size: 0, running: 0 };
  let wake: (() => void) | undefined;
  const oneEnds = () => new Promise<void>((resolve) => (wake = resolve));

  const take = () => {
    const items: Item[] = [];
    let taken = 0;
    for (const item of waiting) {
      if (items.length > 0 && taken + sizeOf(item) > most) break;
      items.push(item);
      taken += sizeOf(item);
    }
    waiting.splice(0, items.length);
    state.size -= taken;
    return items;
  };
  const start = () => {
    while (state.running < atOnce && waiting.length > 0 && !state.failure) {
      state.running += 1;
      void work(take())
        .catch((error: unknown) => void (state.failure ??= { error }))
        .finally(() => {
          state.running -= 1;
          start();
          wake?.();
        });
    }
  };
  const idle = async () => {
    while (state.running > 0) await oneEnds();
    if (state.failure) throw state.failure.error;
  };
  const add = async (item: Item) => {
    waiting.push(item);
    state.size += sizeOf(item);
    start();
    while (state.size >= most * atOnce && !state.failure) await oneEnds();
    if (state.failure) await idle();
  };
  return { add, idle };
}

type State = { size: number; running: number; failure?: { error: unknown } };
