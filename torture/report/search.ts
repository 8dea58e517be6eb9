import type { Evidence } from "../checks/evidence.ts";
import type { Finding } from "../checks/finding.ts";
import { judgeEvidence } from "../checks/judge-evidence.ts";
import { goingWith } from "./closure.ts";
import { kindOf } from "./kinds.ts";
import { takeApart, type History, type Unit } from "./units.ts";
import { without } from "./without.ts";

/** A history that is wrong, and the least of it so far that still is. */
export type Search = {
  history: History;
  /** What is left, and what is wrong with it. */
  best: { gone: Set<Unit>; evidence: Evidence; findings: Finding[] };
  /** What is wrong has to stay of this kind, once it is chosen. */
  kind: string | undefined;
  /**
   * Leaves out some units more, with all that goes with them, if the rest is wrong as the whole was, and in no other way. What is found is told apart by
   * its kind and whom it is about. Otherwise it gives what is found that was not before.
   */
  attempt(some: Iterable<Unit>): Finding[] | undefined;
};

/** @param findings what is wrong with all of it */
export function newSearch(evidence: Evidence, findings: Finding[]): Search {
  const history = takeApart(evidence, findings);
  const going = goingWith(history);
  const known = new Set(findings.map(nameOf));
  const search: Search = {
    history,
    best: { gone: new Set(), evidence, findings },
    kind: undefined,
    attempt(some) {
      const gone = going([...search.best.gone, ...some]);
      if (gone.size === search.best.gone.size) return undefined;
      const rest = without(history, gone);
      const found = findingsIn(rest) ?? [];
      const fresh = found.filter((one) => !known.has(nameOf(one)));
      const isWrong = found.some((one) => kindOf(one) === (search.kind ?? kindOf(one)));
      if (fresh.length > 0 || !isWrong) return fresh;
      search.best = { gone, evidence: rest, findings: found };
      return undefined;
    },
  };
  return search;
}

const nameOf = (finding: Finding) => JSON.stringify([kindOf(finding), ...finding.about.toSorted()]);

/** What is wrong with what is left; nothing if it is no history that can be judged. */
function findingsIn(evidence: Evidence): Finding[] | undefined {
  try {
    return judgeEvidence(evidence).findings;
  } catch {
    return undefined;
  }
}
