/**
 * Reads scripts in pgbench's language, as far as those of this folder and its TPC-B script need it: `\set` with sums,
 * products and `random`, comments, and statements that end with a semicolon at a line's end.
 */

/** Whole numbers by name. */
export type Variables = Record<string, number>;

export type Step =
  | { kind: "set"; name: string; value: Value }
  /** `names` are the variables in the order of the statement's parameters. */
  | { kind: "sql"; text: string; names: string[] };

/** @throws Error if something is beyond that */
export function parseScript(text: string): Step[] {
  const steps: Step[] = [];
  let statement = "";
  for (const line of text.split("\n")) {
    if (/^\s*(--.*)?$/.test(line)) continue;
    if (line.startsWith("\\")) {
      steps.push(parseSet(line));
      continue;
    }
    statement += `${line}\n`;
    if (!line.trimEnd().endsWith(";")) continue;
    steps.push(parseStatement(statement));
    statement = "";
  }
  if (statement) throw new Error(`a statement has no semicolon at its end: ${statement}`);
  return steps;
}

function parseStatement(statement: string): Step {
  const names: string[] = [];
  // A cast has two colons; a variable one, and no word before it.
  const text = statement.trim().replace(/(?<![:\w]):([A-Za-z_]\w*)/g, (_, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  return { kind: "sql", text: text.replace(/;$/, ""), names };
}

type Value = (variables: Variables) => number;

/** A sum of products of whole numbers and variables, and of `random(least, greatest)`. */
function parseSet(line: string): Step {
  const [, name, expression] = /^\\set\s+(\w+)\s+(.+?)\s*$/.exec(line) ?? [];
  if (!name) throw new Error(`only \\set is understood without pgbench: ${line}`);
  const terms = expression!.split("+").map((term) => parseTerm(term.trim(), line));
  return { kind: "set", name, value: (given) => terms.reduce((sum, term) => sum + term(given), 0) };
}

function parseTerm(text: string, line: string): Value {
  const [, low, high] = /^random\(([^,]+),([^,]+)\)$/.exec(text) ?? [];
  if (!low || !high) return parseProduct(text, line);
  const [least, greatest] = [parseProduct(low, line), parseProduct(high, line)];
  return (given) => {
    const from = least(given);
    return from + Math.floor(Math.random() * (greatest(given) - from + 1));
  };
}

function parseProduct(text: string, line: string): Value {
  const factors = text.split("*").map((factor) => factor.trim());
  if (!factors.every((factor) => /^(-?\d+|:\w+)$/.test(factor)))
    throw new Error(`this expression needs pgbench: ${line}`);
  return (given) =>
    factors.reduce((product, factor) => {
      const value = factor.startsWith(":") ? given[factor.slice(1)] : Number(factor);
      if (value === undefined) throw new Error(`${factor} is set nowhere before: ${line}`);
      return product * value;
    }, 1);
}
