import type { Task } from "graphile-worker";
import { byPages } from "./by-pages.ts";

const PURGE =
  "select daybook_private.purge_idempotency_keys(from_page => $1, pages => $2) as purged";

/** Forgets idempotency keys whose retention is over. */
export const purgeIdempotencyKeys: Task = (_payload, helpers) => byPages(helpers, PURGE);
