import { changes, reverse } from "./changes.ts";
import { batch, createOne, enqueue, several, transferBetween } from "./creations.ts";
import type { Plan } from "./deed.ts";
import { chance, pick, weighted, type Draw } from "./draw.ts";
import { categoryLists, versions } from "./histories.ts";
import { tooOld } from "./isolation.ts";
import type { Known } from "./known.ts";
import { makeCategory, openAccounts } from "./openings.ts";
import { visitPast } from "./past.ts";
import { anyRead, divide, openedAccount } from "./readings.ts";
import { search } from "./searches.ts";
import { anySetting } from "./settings.ts";
import { statement } from "./statements.ts";
import { tag, tagAccount } from "./tags.ts";

export type { Draw } from "./draw.ts";

/** What a client can want, and how often. */
export const WISHES: [number, Wish][] = [
  [30, createOne],
  [5, batch],
  [5, enqueue],
  [3, several],
  [3, transferBetween],
  [24, changes],
  [4, reverse],
  [3, tag],
  [1, tagAccount],
  [5, anySetting],
  [1, openAccounts],
  [1, makeCategory],
  [1, tooOld],
  [6, again],
  [16, anyRead],
  [1, openedAccount],
  [1, divide],
  [2, statement],
  [4, search],
  [3, versions],
  [2, categoryLists],
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
export function decide(
  wishes: [number, Wish][],
  known: Known,
  draw: Draw,
  id: string,
  door: "sql" | "graphql",
): Plan {
  return weighted(draw, wishes)(known, draw, id, door) ?? createOne(known, draw, id);
}

function again(known: Known, draw: Draw): Plan | undefined {
  const deed = pick(draw, known.repeatable);
  if (!deed) return undefined;
  const isChanged = chance(draw, 0.3) && deed.does === "create_transaction";
  return { kind: "again", deed, isChanged };
}
