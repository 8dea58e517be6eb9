import { pause } from "../../src/worker/pause.ts";
import { violations, type Violation } from "../../test/support/books.ts";
import type { Known } from "../clients/known.ts";
import type { Stage } from "../stage/stage.ts";
import { reporter, type Finding } from "./finding.ts";

/** Halves of transfers without the other half, which would name them: both are made by one transaction. */
const HALVES = `
  select 'half of a transfer without the other half' as violation, t.ledger, t.id as subject, to_jsonb(t) as facts
    from daybook.transactions t
    left join daybook.transactions o on o.ledger = t.counterpart_ledger and o.id = t.counterpart_transaction_id
   where t.ledger = $1 and t.counterpart_ledger is not null
     and (o.counterpart_ledger, o.counterpart_transaction_id) is distinct from (t.ledger, t.id)`;

/** In one snapshot, or a month that leaves between two looks would be missed. */
async function look({ pool }: Stage["postgres"], ledgers: string[]): Promise<Violation[]> {
  const client = await pool.connect();
  let isLost = true;
  try {
    await client.query("begin isolation level repeatable read read only");
    const found: Violation[] = [];
    for (const ledger of ledgers) {
      found.push(...(await violations({ pool: client }, ledger)));
      found.push(...(await client.query<Violation>(HALVES, [ledger])).rows);
    }
    await client.query("commit");
    isLost = false;
    return found;
  } finally {
    client.release(isLost);
  }
}

/**
 * Whether an error says that there was nobody to ask, or nobody to answer; or that the table of a detached month, which was
 * there when the look began, has come back into the books.
 */
export function isDisturbed(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string };
  if (code === undefined) return /connection|connect|pool|terminated|timeout/i.test(message);
  if (code === "42P01") return /entries_\d{6}_detached/.test(message);
  return /^(08...|57P..|53...|E[A-Z]+)$/.test(code);
}

/**
 * Somebody who was never able to look in so long, chapter after chapter, has something to say, in milliseconds. A busy machine
 * on which much goes wrong can take the whole of one chapter of half a minute.
 */
const PATIENCE = 89_000;
let blind = 0;

/** Looks at all books of a chapter over and over, in one snapshot each time, until it is stopped. */
export async function watchBooks(
  { postgres }: Stage,
  known: Known,
  stop: AbortSignal,
): Promise<{ looks: number; findings: Finding[] }> {
  const findings: Finding[] = [];
  const report = reporter(findings, "snapshots of the books");
  const begin = performance.now();
  let looks = 0;
  while (!stop.aborted && findings.length === 0) {
    await pause(3_000, stop);
    if (postgres.isHidden()) continue; // a new cluster, which may have no ledger yet
    try {
      const ledgers = [known.ledger, known.otherLedger, known.past.ledger];
      for (const { violation, subject, facts } of await look(postgres, ledgers))
        report(`${violation}: ${JSON.stringify(facts)}`, subject);
      looks += 1;
    } catch (error) {
      if (!isDisturbed(error) && !postgres.isHidden()) report(`nobody can look: ${error}`);
    }
  }
  blind = looks > 0 ? 0 : blind + performance.now() - begin;
  if (blind > PATIENCE) report(`nobody could look for ${Math.round(blind)} ms`);
  return { looks, findings };
}
