import type { Pool } from "pg";
import { configReader } from "../config.ts";
import { errorCode } from "../errors.ts";

/** How long what is there for retries is kept, as PostgreSQL reads an interval: "45 days", "infinity". */
export type Retention = {
  /** Of idempotency keys. */
  keys: string;
  /** Of finished receipts of the write-ahead queue. */
  receipts: string;
};

export const DEFAULT_RETENTION: Retention = { keys: "30 days", receipts: "30 days" };

/** A retry may come a day later. */
const LEAST = "24 hours";

/**
 * Lets PostgreSQL read them, before a job does so every hour.
 * @throws ConfigError if one is no interval, or too short
 */
export async function checkRetention(
  pool: Pick<Pool, "query">,
  retention: Retention,
): Promise<void> {
  const reader = configReader();
  for (const [what, interval] of [
    ["--key-retention", retention.keys],
    ["--receipt-retention", retention.receipts],
  ] as const) {
    if (!(await isLongEnough(pool, interval))) {
      reader.refuse(
        `${what} must be an interval as PostgreSQL reads it, of ${LEAST} or more, not "${interval}"`,
      );
    }
  }
  reader.finish();
}

async function isLongEnough(pool: Pick<Pool, "query">, interval: string): Promise<boolean> {
  try {
    const { rows } = await pool.query<{ suits: boolean }>(
      "select now() - $1::interval <= now() - $2::interval as suits",
      [interval, LEAST],
    );
    return rows[0]!.suits;
  } catch (error) {
    if (errorCode(error)?.startsWith("22")) return false; // not an interval, or the time before it is none
    throw error;
  }
}
