import type { Task } from "graphile-worker";

/** Compares all debits with all credits. What differs is an error in the log, and kept for the view balance_health. */
export const checkTotals: Task = async (_payload, { withPgClient, logger }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ found: object[] }>("select daybook_private.check_totals() as found"),
  );
  for (const found of rows[0]?.found ?? []) {
    logger.error(`WRONG: ${JSON.stringify(found)}; see docs/runbook.md`);
  }
};
