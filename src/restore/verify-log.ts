import type { Client } from "pg";
import type { Manifest } from "../export/manifest.ts";

/** Records that are verified at a time. */
const PART = 10_000;

type Verification = {
  to_no: string;
  head_no: string;
  head_hash: string | null;
  problem: string | null;
  no: string | null;
  log_id: string | null;
  detail: unknown;
};

/**
 * Verifies that what was restored is what was sealed, up to the head that the manifest names.
 * @throws Error naming the first thing that is not
 */
export async function verifyLog(client: Client, { ledger, head }: Manifest): Promise<void> {
  for (let from = 1; ;) {
    const { rows } = await client.query<Verification>(
      "select * from daybook.verify_log($1, $2, $3)",
      [ledger, from, PART],
    );
    const { to_no, head_no, head_hash, problem, no, log_id, detail } = rows[0]!;
    if (problem) {
      const where = [no && `record ${no}`, log_id].filter(Boolean).join(", ");
      throw new Error(
        `nothing was restored: the log says otherwise: ${problem}${where && `, ${where}`}: ${JSON.stringify(detail)}`,
      );
    }
    if (Number(to_no) >= Number(head_no)) {
      if (Number(head_no) !== (head?.no ?? 0) || (head && head.hash !== head_hash)) {
        throw new Error(
          `nothing was restored: the log ends at ${head_no}, ${head_hash}, and not where the manifest says`,
        );
      }
      return;
    }
    from = Number(to_no) + 1;
  }
}
