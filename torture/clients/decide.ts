import { changes, reverse, tag } from "./changes.ts";
import { batch, createOne, enqueue, several, transferBetween } from "./creations.ts";
import type { Plan } from "./deed.ts";
import { chance, pick, weighted, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";
import { visitPast } from "./past.ts";
import { anyRead } from "./readings.ts";
import { anySetting } from "./settings.ts";

export type { Draw } from "./draw.ts";

/** What a client can want, and how often. */
const WISHES: [number, Wish][] = [
  [30, createOne],
  [5, batch],
  [5, enqueue],
  [3, several],
  [3, transferBetween],
  [24, changes],
  [4, reverse],
  [2, tag],
  [5, anySetting],
  [6, again],
  [16, anyRead],
  [8, visitPast],
];

/**
 * Decides what to do next; `undefined` where there is nothing to do it with.
 * @param id names what is made, uniquely
 */
export type Wish = (
  known: Known,
  draw: Draw,
  id: string,
  door: "sql" | "graphql",
) => Plan | undefined;

/** Decides what a client does next: by what it draws, and by what clients know to be there. */
export function decide(known: Known, draw: Draw, id: string, door: "sql" | "graphql"): Plan {
  return weighted(draw, WISHES)(known, draw, id, door) ?? createOne(known, draw, id);
}

function again(known: Known, draw: Draw): Plan | undefined {
  const deed = pick(draw, known.repeatable);
  if (!deed) return undefined;
  const isChanged = chance(draw, 0.3) && deed.does === "create_transaction";
  return { kind: "again", deed, isChanged };
}
