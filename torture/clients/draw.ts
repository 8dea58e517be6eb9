import { randomFrom } from "../../test/support/load.ts";

/** Draws numbers from 0 to below 1, one after the other. */
export type Draw = () => number;

/** What is drawn for the n-th decision of somebody: the same for the same seed, whatever was drawn before. */
export function drawOf(seed: number, who: string, n: number): Draw {
  let hash = seed | 0;
  for (const letter of `${who} ${n}`) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return randomFrom(hash ^ (hash >>> 15));
}

export const chance = (draw: Draw, share: number) => draw() < share;
export const upTo = (draw: Draw, most: number) => 1 + Math.floor(draw() * most);
export const pick = <T>(draw: Draw, list: readonly T[]): T =>
  list[Math.floor(draw() * list.length)]!;

/** One of several by their weights. */
export function weighted<T>(draw: Draw, choices: readonly (readonly [number, T])[]): T {
  let left = draw() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) if ((left -= weight) < 0) return choice;
  return choices.at(-1)![1];
}
