import type { Finding } from "../checks/finding.ts";

/** Ids and figures; whatever is quoted as JSON is made of them. */
const PARTICULARS =
  /\{.*|\[.*|[0-9a-f]{8}-[0-9a-f-]{27}|\b[a-z]+\d+-\d+(\/\d+)?\b|-?\d+([.,:]-?\d+)*/gs;

/** What kind of finding it is: which check says it, and what it says without figures and ids. */
export const kindOf = ({ check, what }: Finding): string =>
  `${check}: ${what.replace(PARTICULARS, "#")}`;

/** The kinds of some findings. */
export const kindsOf = (findings: Finding[]): string[] =>
  [...new Set(findings.map(kindOf))].toSorted();
