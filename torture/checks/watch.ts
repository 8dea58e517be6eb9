import { pause } from "../../src/worker/pause.ts";
import { violations, type Violation } from "../../test/support/books.ts";
import type { Known } from "../clients/known.ts";
import type { Stage } from "../stage/stage.ts";
import { reporter, type Finding } from "./finding.ts";

/** In one snapshot, or a month that leaves between two looks would be missed. */
async function look({ pool }: Stage["postgres"], ledgers: string[]): Promise<Violation[]> {
  const client = await pool.connect();
  try {
    await client.query("begin isolation level repeatable read read only");
    const found: Violation[] = [];
    for (const ledger of ledgers) found.push(...(await violations({ pool: client }, ledger)));
    return found;
  } finally {
    await client.query("rollback").catch(() => {});
    client.release();
  }
}

/** Looks at all of a ledger's books over and over, in one snapshot each time, until it is stopped. */
export async function watchBooks(
  { postgres }: Stage,
  known: Known,
  stop: AbortSignal,
): Promise<{ looks: number; findings: Finding[] }> {
  const findings: Finding[] = [];
  let looks = 0;
  while (!stop.aborted) {
    await pause(3_000, stop);
    const found = await look(postgres, [known.ledger, known.past.ledger]).catch(() => undefined);
    if (!found) continue; // the server has just been killed
    looks += 1;
    for (const { violation, subject, facts } of found) {
      reporter(findings, "snapshots of the books")(
        `${violation}: ${JSON.stringify(facts)}`,
        subject,
      );
    }
    if (findings.length > 0) break;
  }
  return { looks, findings };
}
