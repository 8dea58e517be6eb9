import { createHash } from "node:crypto";

/** A line of log.ndjson as export_log writes it; the record is the very text that was hashed. */
const SEAL = /^\{"seal":(\{"no":(\d+),"log_id":"[^"]+","leaf":"([0-9a-f]+)"),"record":(.*)\}\}$/s;

/**
 * Checks a record against its seal, and leaves it out: it is restored from rows.
 * @throws Error if it is not the record that was sealed
 */
export function withoutRecord(line: string): string {
  const [, facts, no, leaf, record] = SEAL.exec(line) ?? [];
  if (record === undefined) return line;
  if (createHash("sha256").update(record).digest("hex") !== leaf) {
    throw new Error(`record ${no} of log.ndjson is not what was sealed`);
  }
  return `{"seal":${facts}}}`;
}
