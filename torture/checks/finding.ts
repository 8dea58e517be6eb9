/** Something that contradicts the contract, and what it is about, to find the events that led to it. */
export type Finding = {
  /** Which check found it. */
  check: string;
  what: string;
  /** Ids of deeds and transactions, accounts, categories; empty if nobody can say. */
  about: string[];
};

export type Report = (what: string, ...about: (string | undefined)[]) => void;

/** Gives a function that adds to the findings of one check. */
export const reporter =
  (findings: Finding[], check: string): Report =>
  (what, ...about) =>
    void findings.push({ check, what, about: about.filter((one) => one !== undefined) });
