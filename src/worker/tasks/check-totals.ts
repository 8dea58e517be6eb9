import type { Task } from "graphile-worker";
import { describeError } from "../../errors.ts";
import { tell, type Violation } from "../check-transactions.ts";
import { culpritOf } from "../failures.ts";
import { inSteps } from "./in-steps.ts";

/** Compares all debits with all credits, ledger by ledger. What differs is an error in the log, and kept for the view balance_health. */
export const checkTotals: Task = (_payload, helpers) =>
  inSteps<string>(helpers, "", async (client, after) => {
    try {
      const { rows } = await client.query<{ ledger: string | null; news: Violation[] | null }>(
        "select ledger, news from daybook_private.check_totals($1)",
        [after],
      );
      const { ledger, news } = rows[0]!;
      tell(helpers.logger, news ?? []);
      return ledger;
    } catch (error) {
      const { ledger } = culpritOf(error);
      if (ledger === undefined || ledger === after) throw error;
      helpers.logger.error(`comparing totals: ${describeError(error)}`);
      return ledger; // the others are compared all the same, and this one again in an hour
    }
  });
