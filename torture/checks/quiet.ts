import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "../stage/stage.ts";
import type { Known } from "../clients/known.ts";

/** How long the workers may take for what is left to do once nobody disturbs them, in milliseconds. */
const PATIENCE = 30_000;

/** What the workers still have to do in the ledgers. */
const LEFT = `
  select (select count(*) from daybook_private.entry_queue where ledger = any ($1))::integer as queued_entries,
         (select count(*) from daybook_private.queued_transactions where ledger = any ($1))::integer as queued_transactions,
         (select count(*) from daybook.transactions
           where ledger = any ($1) and status = 'pending' and expires_at < now())::integer as expired_holds,
         (select count(*) from unnest($1::text[]) u (ledger)
           where exists (select from daybook.log l where l.ledger = u.ledger
                          and not exists (select from daybook_private.seals s
                                           where s.ledger = l.ledger and s.log_id = l.id)))::integer as unsealed_logs`;

/** Somebody who still works on what a client asked for and does not wait for any more. */
const LATE = `
  select count(*)::integer as n from pg_stat_activity
   where application_name in ('client', 'filler') or usename = 'daybook_authenticator' and state <> 'idle'`;

/** Waits until nothing happens any more: calls that nobody waits for have ended, all services are there, and the workers have caught up. */
export async function awaitQuiet(
  { postgres, proxies, server, workers }: Stage,
  known: Known,
): Promise<string | undefined> {
  proxies.sql.endAll();
  proxies.http.endAll();
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const late = (await postgres.ask(LATE)).rows[0].n as number;
    const { rows } = await postgres.ask(LEFT, [
      [known.ledger, known.otherLedger, known.past.ledger],
    ]);
    const left = Object.entries(rows[0] as Record<string, number>).filter(([, n]) => n > 0);
    const away = [server, ...workers].filter((one) => !one.isReady()).map(({ name }) => name);
    if (late === 0 && left.length === 0 && away.length === 0) return undefined;
    if (Date.now() > deadline) {
      const rest = JSON.stringify({ late, away, ...Object.fromEntries(left) });
      return `after ${PATIENCE / 1000} s without disturbance: ${rest}`;
    }
    await sleep(200);
  }
}
