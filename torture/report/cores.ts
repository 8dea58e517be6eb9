import type { Finding } from "../checks/finding.ts";
import { stayingWith } from "./closure.ts";
import { isAbout, type History, type Unit } from "./units.ts";

/** What so many findings need is looked at: a ledger that does everything wrong has thousands. */
const MOST = 100;

/** The units that some findings name themselves. */
export const namedIn = ({ units }: History, findings: Finding[]): Unit[] =>
  units.filter((unit) => findings.some((finding) => isAbout(unit, finding)));

/** What single findings need, the least first, of as many as there is time for. */
export function coresOf(history: History, findings: Finding[], isOver: () => boolean): Set<Unit>[] {
  const staying = stayingWith(history);
  const cores: Set<Unit>[] = [];
  for (const finding of findings.slice(0, MOST)) {
    if (isOver()) break;
    cores.push(staying(namedIn(history, [finding])));
  }
  return cores.filter(({ size }) => size > 0).toSorted((a, b) => a.size - b.size);
}
