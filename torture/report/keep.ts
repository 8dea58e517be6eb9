import { readFileSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import type { Evidence } from "../checks/evidence.ts";

/** Evidence that is kept, and the kinds of what is wrong with it. */
type KeptFailure = { kinds: string[]; evidence: Evidence };

/**
 * Writes evidence to a file, as JSON with dates, maps and infinity marked as such. Facts that are undefined are left out; an error says what else JSON
 * would lose.
 */
export function keepFailure(file: string, { kinds, evidence }: KeptFailure): void {
  const { deeds, reads, past } = evidence.known;
  const kept: KeptFailure = { kinds, evidence: { ...evidence, known: { deeds, reads, past } } };
  writeFileSync(file, `${JSON.stringify(kept, marking)}\n`);
}

export const readFailure = (file: string): KeptFailure =>
  JSON.parse(readFileSync(file, "utf8"), (_, value) => unmarked(value)) as KeptFailure;

function marking(this: Record<string, unknown>, name: string): unknown {
  const value = this[name]; // as it is before dates become texts
  if (value instanceof Date && !Number.isNaN(value.getTime())) return { $date: value.getTime() };
  if (value instanceof Map) return { $map: [...value] };
  if (value === Infinity) return { $infinity: true };
  if (isJson(value) || (value === undefined && !Array.isArray(this))) return value;
  throw new Error(`${name} is ${inspect(value)}, which no file of JSON can hold`);
}

function isJson(value: unknown): boolean {
  if (typeof value !== "object")
    return /string|boolean/.test(typeof value) || Number.isFinite(value);
  if (value === null || Array.isArray(value)) return true;
  const isPlain = Object.prototype.toString.call(value) === "[object Object]";
  return isPlain && !MARKS.some((mark) => mark in value);
}

const MARKS = ["$date", "$map", "$infinity"];

function unmarked(value: any): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$date" in value) return new Date(value.$date);
  if ("$map" in value) return new Map(value.$map);
  return "$infinity" in value ? Infinity : value;
}
