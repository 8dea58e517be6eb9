import { DatabaseError } from "pg";
import type { Client } from "../client.ts";

export type Which = {
  /** One ledger; all that the login may read if there is none. */
  ledger?: string | undefined;
  /** How many that must be. */
  expected?: number | undefined;
};

export type Chosen = {
  names: string[];
  /** Whether they are all ledgers there are; of one that was named nobody asks. */
  areAll: boolean;
};

/**
 * The ledgers to look at. Row level security shows nobody more than he may read, and tells him nothing of the others:
 * so whoever finds none must hear that he looked at nothing, unless he may read all.
 * @throws Error if there is none to look at, none of that name, or another number than expected
 */
export async function chooseLedgers(client: Client, which: Which): Promise<Chosen> {
  const { ledger, expected } = which;
  const { rows } = await client.query<{ name: string }>(
    "select name from daybook.ledgers where $1::text is null or name = $1 order by name",
    [ledger],
  );
  const names = rows.map(({ name }) => name);
  if (ledger !== undefined) {
    if (names.length > 0) return { names, areAll: false };
    throw new Error(`there is no ledger "${ledger}" that this login may read`);
  }
  const areAll = await mayReadAll(client);
  if (names.length === 0 && !areAll) {
    throw new Error(
      "this login may read no ledger, so nothing was looked at: " +
        "grant it some, or all by daybook.grant_ledger_access(login, '*', 'read')",
    );
  }
  if (expected !== undefined && names.length !== expected) {
    throw new Error(
      `this login may read ${names.length} ledgers, not ${expected}: ${names.join(", ") || "none"}`,
    );
  }
  return { names, areAll };
}

/** The instance's own log is for those who may read every ledger. */
async function mayReadAll(client: Client): Promise<boolean> {
  try {
    await client.query("select from daybook.log_head('*')");
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === "42501") return false;
    throw error;
  }
}
