import type { Task } from "graphile-worker";
import { byPages } from "./by-pages.ts";

const PURGE = "select daybook_private.purge_idempotency_keys($1, $2, $3) as purged";

/** Forgets idempotency keys whose retention is over. */
export const purgeIdempotencyKeys =
  (retention: string): Task =>
  (_payload, helpers) =>
    byPages(helpers, PURGE, retention);
