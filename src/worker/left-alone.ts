/** Names of what failed, each for a while: it is tried again by and by, and keeps no other waiting. */
export type LeftAlone = {
  add(name: string): void;
  has(name: string): boolean;
  /** All of them. */
  names(): string[];
};

/** @param milliseconds how long each is left alone, whatever becomes of the clock of the day meanwhile */
export function leaveAlone(milliseconds: number): LeftAlone {
  const due = new Map<string, number>();
  const names = () => {
    for (const [name, time] of due) if (time <= performance.now()) due.delete(name);
    return [...due.keys()];
  };
  return {
    add: (name) => void due.set(name, performance.now() + milliseconds),
    has: (name) => (due.get(name) ?? 0) > performance.now(),
    names,
  };
}
