import type { Task } from "graphile-worker";
import { describeError } from "../../errors.ts";
import { culpritOf } from "../failures.ts";
import { inSteps } from "./in-steps.ts";

type Place = { ledger: string | null; above: string | null };

/** Proves that search has passed over nothing, as it would if a clock was set back, and makes up for it. */
export const indexMissed: Task = async (_payload, helpers) => {
  let count = 0;
  await inSteps<Place>(helpers, { ledger: "", above: null }, async (client, at) => {
    try {
      const { rows } = await client.query<Place & { missed: number }>(
        "select ledger, above, missed from daybook_private.index_missed($1, $2)",
        [at.ledger, at.above],
      );
      const { ledger, above, missed } = rows[0]!;
      count += missed;
      return ledger === null ? null : { ledger, above };
    } catch (error) {
      const { ledger } = culpritOf(error);
      if (ledger === undefined) throw error;
      helpers.logger.error(`looking for what search missed: ${describeError(error)}`);
      return { ledger, above: null }; // the others are looked at all the same, and this one again in an hour
    }
  });
  if (count > 0)
    helpers.logger.warn(`search had passed over ${count} transactions: was a clock set back?`);
};
