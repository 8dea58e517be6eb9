import { DatabaseError, type Client } from "pg";
import type { Known } from "./world.ts";

/** What a caller may be told, whatever he sends: the contract's codes that calls can raise. */
export const CONTRACT =
  /^(42501|0A000|LD(ARG|ISO|IDM|AMT|LED|ACC|CTG|TXN|DUP|CUR|UNB|EXT|STA|CLS|PER|VER|BAL|LIM|CAT|CYC|RCP|QUE))$/;

/** Facts are not longer than this; lists of what is missing are told whole. */
const DETAIL_MAX = 5000;

export type Outcome = { code: string | null; problem: string | null };

/**
 * Carries out calls in one transaction that is rolled back.
 * @returns the SQLSTATE, or null if it was accepted; and what the contract does not allow of it, or null
 */
export async function rehearse(client: Client, known: Known, sql: string): Promise<Outcome> {
  const outcome = await carryOut(client, known, `begin; ${sql}; rollback`);
  if (outcome.code !== null) await client.query("rollback");
  return outcome;
}

/** Carries out calls for good; tells what `rehearse` does. */
export async function carryOut(client: Client, known: Known, sql: string): Promise<Outcome> {
  try {
    await client.query(withIds(sql, known));
    return { code: null, problem: null };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error; // the server is gone
    return { code: error.code!, problem: problemOf(error) };
  }
}

/** A call's text with the ids that it names (`:posted`). */
function withIds(sql: string, known: Known): string {
  return sql.replaceAll(
    /:(posted|pending|receipt)\b/g,
    (_, name: keyof Known) => `'${known[name]}'`,
  );
}

function problemOf({ code, message, detail, hint, where }: DatabaseError): string | null {
  if (!CONTRACT.test(code!))
    return `${code} ${message.slice(0, 300)} ${where?.split("\n")[0] ?? ""}`;
  if (!code!.startsWith("LD")) return null;
  const facts: unknown = parsed(detail);
  if (typeof facts !== "object" || facts === null) return `${code}: DETAIL is no object`;
  if (code === "LDARG" && !("argument" in facts)) return "LDARG: DETAIL names no argument";
  if (detail!.length > DETAIL_MAX && !("accounts" in facts || "categories" in facts))
    return `${code}: DETAIL of ${detail!.length} characters`;
  return hint ? null : `${code}: no HINT`;
}

function parsed(detail: string | undefined): unknown {
  try {
    return JSON.parse(detail ?? "");
  } catch {
    return undefined;
  }
}
