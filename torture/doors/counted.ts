import type { Args, Door, Outcome } from "./door.ts";

/** How often a function was asked for over one kind of door, and how often that was answered. */
export type Use = { asked: number; answered: number };

/** How a use of a function is called. */
export const useOf = (name: string, kind: Door["kind"]) => `${name} over ${kind}`;

/** The same door, of which each use is counted. */
export const counted = <D extends Door>(door: D, uses: Map<string, Use>): D => ({
  ...door,
  async call(name: string, args: Args): Promise<Outcome> {
    const key = useOf(name, door.kind);
    const use = uses.get(key) ?? { asked: 0, answered: 0 };
    uses.set(key, use);
    use.asked += 1;
    const outcome = await door.call(name, args);
    if (outcome.is === "answered") use.answered += 1;
    return outcome;
  },
});
