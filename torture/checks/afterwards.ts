import { runCli } from "../../test/support/run-cli.ts";
import type { Chapter } from "../play.ts";
import type { Stage } from "../stage/stage.ts";
import { putBack } from "../nemesis/months.ts";
import { deadlocksIn } from "./logs.ts";
import { reporter, type Finding } from "./finding.ts";

/** What a ledger's entries were at a moment. They never change, and nothing is taken away from them. */
export type Digest = {
  ledger: string;
  until: string;
  entries: string;
  head: { no: string; hash: string };
};

const ENTRIES = `
  select count(*) || ' ' || coalesce(sum(hashtextextended(
           (e.id, e.transaction_id, e.account_id, e.direction, e.amount, e.effect, e.lock_version, e.pending_debits,
            e.pending_credits, e.posted_debits, e.posted_credits)::text, 0)), 0) as entries
    from daybook.entries e where e.ledger = $1 and e.created_at <= $2::timestamptz`;

export async function digest(
  { postgres }: Pick<Stage, "postgres">,
  ledger: string,
  until?: string,
): Promise<Digest> {
  const moment = until ?? (await postgres.ask("select clock_timestamp()::text as now")).rows[0].now;
  const { rows } = await postgres.ask(ENTRIES, [ledger, moment]);
  const head = (
    await postgres.ask("select h.no::text, h.hash from daybook.log_head($1) h", [ledger])
  ).rows[0];
  return { ledger, until: moment, entries: rows[0].entries, head };
}

/** What later chapters must not have done to earlier ones; and what `daybook verify` says of all of it. */
export async function checkAfterwards(stage: Stage, chapters: Chapter[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  const report = reporter(findings, "afterwards");
  await putBack(stage);
  for (const before of [stage.asItWas, ...chapters.flatMap(({ digests }) => digests)]) {
    const now = await digest(stage, before.ledger, before.until);
    if (now.entries !== before.entries)
      report(`the entries of ${before.ledger} are not what they were`, before.ledger);
    const { no, hash } = before.head;
    const known = await stage.postgres.ask(
      "select daybook.check_log_head($1, $2, $3) as is_known",
      [before.ledger, no, hash],
    );
    if (known.rows[0].is_known !== true)
      report(`the log of ${before.ledger} does not know its head any more`, before.ledger);
  }
  for (const { name, failures, alarms } of [stage.server, ...stage.workers]) {
    for (const failure of failures) report(failure);
    for (const alarm of alarms()) report(`${name} says: ${alarm}`);
  }
  const drifts = await stage.postgres.ask("select * from daybook_private.drifts");
  for (const drift of drifts.rows)
    report(`an account is marked: ${JSON.stringify(drift)}`, drift.account_id);
  for (const deadlock of await deadlocksIn(stage.postgres.logs())) report(deadlock);
  const { code, stdout, stderr } = await runCli(["verify"], { DATABASE_URL: stage.postgres.url() });
  if (code !== 0) report(`daybook verify: ${(stdout + stderr).slice(0, 2000)}`);
  return findings;
}
