import { pause } from "../../src/worker/pause.ts";
import { violations } from "../../test/support/books.ts";
import type { Known } from "../clients/known.ts";
import type { Stage } from "../stage/stage.ts";
import { reporter, type Finding } from "./finding.ts";

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
    const found = await violations(postgres, known.ledger).catch(() => undefined);
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
