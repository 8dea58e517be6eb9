import { pause } from "../../src/worker/pause.ts";
import { drawOf, upTo, weighted, type Draw } from "../clients/draw.ts";
import type { Stage } from "../stage/stage.ts";
import { connectionEvils } from "./connections.ts";
import { dumpEvils } from "./dump.ts";
import { monthEvils } from "./months.ts";
import { operationEvils } from "./operations.ts";
import { postgresEvils } from "./postgres.ts";
import { serviceEvils } from "./services.ts";

/** One thing that goes wrong. It is over, and undone where it can be, when its promise is settled. */
export type Evil = {
  name: string;
  weight: number;
  /** Gives what it did; nothing if there was nothing to do it to. */
  act(stage: Stage, draw: Draw): Promise<string | undefined>;
};

const EVILS: Evil[] = [
  ...connectionEvils,
  ...postgresEvils,
  ...serviceEvils,
  ...operationEvils,
  ...monthEvils,
  ...dumpEvils,
];

export type Nemesis = {
  evils: Evil[];
  /** How often it did what. */
  counts: Map<string, number>;
  /** What it did when, in milliseconds of the clients' steady clock. */
  history: { at: number; until: number; what: string }[];
};

export const newNemesis = (words = ""): Nemesis => ({
  evils: EVILS.filter(({ name }) => words.split(",").some((word) => name.includes(word))),
  counts: new Map(),
  history: [],
});

/** The longest rest between two evils, in milliseconds. */
const REST = 900;

/** Does evil, one thing after the other as the seed says, until it is stopped; then nothing is broken any more. */
export async function rage(
  nemesis: Nemesis,
  stage: Stage,
  seed: number,
  stop: AbortSignal,
): Promise<void> {
  const evils = nemesis.evils.map((evil) => [evil.weight, evil] as const);
  for (let n = 0; !stop.aborted; n++) {
    const draw = drawOf(seed, "nemesis", n);
    await pause(upTo(draw, REST), stop);
    if (stop.aborted) return;
    const evil = weighted(draw, evils);
    const at = performance.now();
    const did = await evil.act(stage, draw);
    if (did === undefined) continue;
    nemesis.counts.set(evil.name, (nemesis.counts.get(evil.name) ?? 0) + 1);
    nemesis.history.push({ at, until: performance.now(), what: `${evil.name}: ${did}` });
  }
}
