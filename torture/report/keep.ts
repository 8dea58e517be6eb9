import { readFileSync, writeFileSync } from "node:fs";
import type { Evidence } from "../checks/evidence.ts";

/** Evidence that is kept, and the kinds of what is wrong with it. */
export type KeptFailure = { kinds: string[]; evidence: Evidence };

/** Writes evidence to a file, as JSON with dates and maps marked as such. */
export function keepFailure(file: string, { kinds, evidence }: KeptFailure): void {
  const { deeds, reads, past } = evidence.known;
  const kept: KeptFailure = { kinds, evidence: { ...evidence, known: { deeds, reads, past } } };
  writeFileSync(file, `${JSON.stringify(kept, marking)}\n`);
}

export const readFailure = (file: string): KeptFailure =>
  JSON.parse(readFileSync(file, "utf8"), (_, value) => unmarked(value)) as KeptFailure;

function marking(this: Record<string, unknown>, name: string, text: unknown): unknown {
  const value = this[name]; // as it is before dates become texts
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof Map) return { $map: [...value] };
  if (value === Infinity) return { $infinity: true };
  return text;
}

function unmarked(value: any): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$date" in value) return new Date(value.$date);
  if ("$map" in value) return new Map(value.$map);
  return "$infinity" in value ? Infinity : value;
}
