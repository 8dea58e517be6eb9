import type { Evidence } from "../checks/evidence.ts";
import type { Finding } from "../checks/finding.ts";
import { judgeEvidence } from "../checks/judge-evidence.ts";
import { allSeenBy, stayingWith } from "./closure.ts";
import { coresOf, namedIn } from "./cores.ts";
import { kindOf } from "./kinds.ts";
import { newSearch, type Search } from "./search.ts";
import type { Unit } from "./units.ts";

/** How much of the processor's time may be spent on it, in milliseconds. */
const TIME = 60_000;

/** So many findings are tried to begin with, by what their own events need. */
const GUESSES = 10;

type Minimised = {
  evidence: Evidence;
  findings: Finding[];
  /** What is wrong with all of it. */
  all: Finding[];
  /** How many deeds and reads there were, and how many are left. */
  before: number;
  left: number;
  /** Whether all of those that are left were tried, and none can be left out alone. */
  isDone: boolean;
};

/**
 * Leaves out what is not needed for something that is wrong, by judging again and again: something may go if a finding of that kind is still
 * there, and nothing is found that was not found before.
 * Undefined if nothing is wrong with the evidence by itself.
 * @param isOver whether there is no time left to try more
 */
export function minimise(evidence: Evidence, isOver = overAfter(TIME)): Minimised | undefined {
  const { findings } = judgeEvidence(evidence);
  if (findings.length === 0) return undefined;
  const search = newSearch(evidence, findings);
  if (!leaveOneFinding(search, findings, isOver)) cutEnd(search, isOver);
  search.kind = kindOf(search.best.findings[0]!);
  const isDone = leaveOut(search, isOver);
  const { best } = search;
  const [before, left] = [countOf(evidence), countOf(best.evidence)];
  return { evidence: best.evidence, findings: best.findings, all: findings, before, left, isDone };
}

function overAfter(milliseconds: number): () => boolean {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000 >= milliseconds;
  };
}

const countOf = ({ known: { deeds, reads, past } }: Evidence) =>
  deeds.length + reads.length + past.deeds.length + past.reads.length;

/** Leaves all out but what one finding needs, that which needs least, and what this needs so that it is right itself. */
function leaveOneFinding(search: Search, findings: Finding[], isOver: () => boolean): boolean {
  const { history, attempt } = search;
  const { units } = history;
  const staying = stayingWith(history);
  for (const begin of coresOf(history, findings, isOver).slice(0, GUESSES)) {
    for (let core = begin; !isOver();) {
      const fresh = attempt(units.filter((unit) => !core.has(unit)));
      if (!fresh) return true;
      const more = staying([...core, ...allSeenBy(history, namedIn(history, fresh))]);
      if (more.size === core.size) break;
      core = more;
    }
  }
  return false;
}

/** Looks for the moment before which something is wrong already, by halves, and leaves out what began later. */
function cutEnd({ history, attempt }: Search, isOver: () => boolean): void {
  const inOrder = history.units.toSorted((a, b) => a.at - b.at);
  let [low, high] = [0, inOrder.length];
  while (low < high && !isOver()) {
    const middle = Math.floor((low + high) / 2);
    if (!attempt(inOrder.slice(middle))) high = middle;
    else low = middle + 1;
  }
}

/** Those first that others need or build on; at the end those that nobody does, so that they go first. */
const inOrderOf = (units: Unit[]) => units.toSorted((a, b) => rankOf(a) - rankOf(b) || a.at - b.at);
const rankOf = ({ moves, settings }: Unit) => (settings.length > 0 ? 0 : moves.size > 0 ? 1 : 2);

/** Leaves out ever smaller parts, from the end, until of what is left nothing can go alone, or the time is over. */
function leaveOut(search: Search, isOver: () => boolean): boolean {
  const left = () => search.history.units.filter((unit) => !search.best.gone.has(unit));
  for (let size = Math.ceil(left().length / 2); ; size = Math.ceil(size / 2)) {
    const some = inOrderOf(left());
    for (let end = some.length; end > 0; end -= size) {
      if (isOver()) return false;
      search.attempt(some.slice(Math.max(0, end - size), end));
    }
    if (size <= 1 && left().length === some.length) return true;
  }
}
