import type { Nemesis } from "../nemesis/nemesis.ts";
import type { Chapter } from "../play.ts";

/** Says something, with the time. */
export const say = (text: string) =>
  void process.stdout.write(`${new Date().toISOString()} ${text}\n`);

/** How often clients asked for what, and what came of it; how often what went wrong. */
export function summarise(chapters: Chapter[], { counts: evils }: Nemesis): void {
  const totals = new Map<string, Map<string, number>>();
  for (const { known } of chapters) {
    for (const [what, outcomes] of known.counts) {
      const sums = totals.get(what) ?? new Map<string, number>();
      for (const [outcome, n] of outcomes) sums.set(outcome, (sums.get(outcome) ?? 0) + n);
      totals.set(what, sums);
    }
  }
  for (const [what, outcomes] of [...totals].toSorted()) say(`${what}: ${listed(outcomes)}`);
  say(`went wrong: ${listed(evils)}`);
}

const listed = (counts: Map<string, number>) =>
  [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${n}`)
    .join(", ");
