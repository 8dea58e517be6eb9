import { DatabaseError } from "pg";

/** lock_not_available, deadlock_detected, serialization_failure: somebody else was there first. */
const PASSING = new Set(["55P03", "40P01", "40001"]);

/** Whether the connection is of no more use: lost, or the server is going away. */
export function isFatal(error: unknown): boolean {
  return !(error instanceof DatabaseError) || /^(08|53|57P)/.test(error.code ?? "");
}

/** Whether the same may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  return error instanceof DatabaseError && PASSING.has(error.code ?? "");
}

/** What a call could not deal with, among many others. */
export type Culprit = { ledger?: string; account_id?: string; transaction_id?: string };

/** What an error of the database names in its detail; nothing, if it would befall all others too, or passes by itself. */
export function culpritOf(error: unknown): Culprit {
  if (isFatal(error) || isPassing(error)) return {};
  try {
    return (JSON.parse((error as DatabaseError).detail ?? "{}") ?? {}) as Culprit;
  } catch {
    return {}; // words: an error that nobody has given a name to
  }
}
