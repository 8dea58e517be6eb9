import type { Case } from "./cases.ts";
import { median } from "./figures.ts";

/** What came of a case: its rate in each round, and its ratio to what it is compared with in the same round. */
export type Outcome = {
  name: string;
  against?: string | undefined;
  bar?: number | undefined;
  goal?: number | undefined;
  rates: number[];
  rate: number;
  ratio?: { median: number; least: number; greatest: number } | undefined;
};

/**
 * The cases that are meant by any of several names or parts of names, and what they are compared with.
 * @throws Error if one of them means none
 */
export function chooseAll(cases: Case[], names: string[]): Case[] {
  const chosen = names.map((name) => choose(cases, name));
  const none = chosen.findIndex((each) => each.length === 0);
  if (none >= 0) throw new Error(`nothing is named "${names[none]}": see --list`);
  return cases.filter((each) => chosen.some((some) => some.includes(each)));
}

/**
 * The cases that are meant, those that they are compared with, and so on.
 * @param only a case's name, or part of the names of some; nothing for all
 */
export function choose(cases: Case[], only: string): Case[] {
  const isExact = cases.some(({ name }) => name === only);
  const meant = cases.filter(({ name }) => (isExact ? name === only : name.includes(only)));
  const names = new Set(meant.map(({ name }) => name));
  for (const name of names) {
    const against = cases.find((each) => each.name === name)?.against;
    if (against !== undefined) names.add(against); // and comes by in this loop itself
  }
  return cases.filter(({ name }) => names.has(name));
}

/**
 * Measures the cases in turn, round after round, every second round backwards: whatever changes with time, on
 * the machine or in growing tables, falls on both sides of each ratio.
 */
export async function alternate(
  cases: Case[],
  rounds: number,
  measure: (each: Case, round: number) => Promise<number>,
): Promise<Outcome[]> {
  const rates = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++)
    for (const each of round % 2 ? cases : cases.toReversed())
      rates.get(each.name)!.push(await measure(each, round));
  return cases.map((each) => outcome(each, rates));
}

function outcome({ name, against, bar, goal }: Case, all: Map<string, number[]>): Outcome {
  const rates = all.get(name)!;
  const others = against === undefined ? undefined : all.get(against);
  const ratios = others && rates.map((rate, round) => rate / others[round]!);
  const ratio = ratios && {
    median: median(ratios),
    least: Math.min(...ratios),
    greatest: Math.max(...ratios),
  };
  return { name, against, bar, goal, rates, rate: median(rates), ratio };
}
