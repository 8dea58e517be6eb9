import type { Client } from "pg";
import type { Head, Manifest } from "../export/manifest.ts";
import type { Progress } from "../import/progress.ts";

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
export async function verifyLog(
  client: Client,
  { ledger, head }: Manifest,
  show: (size: number, what: string) => Progress,
): Promise<void> {
  const progress = show(head?.no ?? 0, "records verified");
  try {
    for (let [done, end] = [0, 1]; done < end;) {
      const part = await verifyPart(client, ledger, done + 1);
      [done, end] = [Number(part.to_no), Number(part.head_no)];
      progress.update(done, done);
      if (done >= end && !isHead(part, head)) {
        throw new Error(
          `nothing was restored: the log ends at ${part.head_no}, ${part.head_hash}, and not where the manifest says`,
        );
      }
    }
  } finally {
    progress.stop();
  }
}

const isHead = (part: Verification, head: Head | null): boolean =>
  head ? part.head_no === String(head.no) && part.head_hash === head.hash : part.head_no === "0";

async function verifyPart(client: Client, ledger: string, from: number): Promise<Verification> {
  const { rows } = await client.query<Verification>(
    "select * from daybook.verify_log($1, $2, $3)",
    [ledger, from, PART],
  );
  const { problem, no, log_id, detail } = rows[0]!;
  if (problem) {
    const where = [no && `record ${no}`, log_id].filter(Boolean).join(", ");
    throw new Error(
      `nothing was restored: the log says otherwise: ${problem}${where && `, ${where}`}: ${JSON.stringify(detail)}`,
    );
  }
  return rows[0]!;
}
