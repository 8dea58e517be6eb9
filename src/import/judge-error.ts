import type { DatabaseError } from "pg";
import { errorCode } from "../errors.ts";
import type { Refusal } from "./parse.ts";

/** Repeated as they are, with the same key, they may succeed: contention, a full queue, a server going away. */
const TRANSIENT = /^(40001|40P01|40003|55P03|57014|25006|08...|53300|53400|57P0[1-5]|LDQUE)$/;
/** After these the connection is of no use: it is gone, or leads to a server that only reads. */
const LOST = /^(25006|08...|57P0[1-5])$/;
/** Rules of the ledger, and values that PostgreSQL itself cannot read (22) or bear (54). */
const REFUSED = /^(LD(?!QUE)...|0A000|22...|54...)$/;

/** Whether the same statement may succeed when it is sent again. */
export function isTransient(error: unknown): boolean {
  return isLost(error) || TRANSIENT.test(errorCode(error) ?? "");
}

/** Whether the connection is lost. What the server says has a severity; the rest is the driver's or the system's. */
export function isLost(error: unknown): boolean {
  const { severity } = error as { severity?: string };
  return severity === undefined || LOST.test(errorCode(error) ?? "");
}

/** What the database refused in a line, or undefined if the error is not the line's fault. */
export function refusalOf(error: unknown): Refusal | undefined {
  const code = errorCode(error) ?? "";
  const { message, detail, severity } = error as Partial<DatabaseError> & Error;
  if (severity === undefined || !REFUSED.test(code)) return undefined;
  if (/^(22|54)/.test(code)) {
    return { code: "LDARG", message, detail: { sqlstate: code, ...(detail ? { detail } : {}) } };
  }
  return { code, message, detail: parseDetail(detail) };
}

function parseDetail(detail: string | undefined): object | undefined {
  if (!detail) return undefined;
  try {
    return JSON.parse(detail) as object;
  } catch {
    return { detail };
  }
}
