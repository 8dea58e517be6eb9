import type { Pool } from "pg";
import type { Known } from "../clients/known.ts";
import type { Past } from "../clients/past.ts";
import type { Records } from "./books.ts";
import { readRecords } from "./records.ts";

/**
 * What a chapter is judged by when it is over, and can be judged by again: what clients know of it, and what is in the books. What is
 * seen besides is not in it.
 */
export type Evidence = {
  known: Pick<Known, "deeds" | "reads" | "past">;
  /** The clients' ledger and the other one. */
  here: Records;
  abroad: Records;
  /** The ledger with a past, as it is now. */
  presence: Records;
};

/** Reads what is in the books, of each ledger in one snapshot. */
export async function readEvidence(pool: Pool, known: Known): Promise<Evidence> {
  return {
    known,
    here: await readRecords(pool, known.ledger),
    abroad: await readRecords(pool, known.otherLedger),
    presence: await readRecords(pool, known.past.ledger),
  };
}

/** A ledger with a past of which nothing is known, and nothing was asked. */
export const newPast = (ledger: string): Past => ({
  ledger,
  accounts: [],
  months: [],
  entries: new Map(),
  until: 0,
  deeds: [],
  reads: [],
  absences: [],
});
