import type { Task } from "graphile-worker";
import { byPages } from "./by-pages.ts";

const PURGE = "select daybook_private.purge_receipts($1, $2, $3) as purged";

/** Forgets finished receipts of the write-ahead queue whose retention is over. */
export const purgeReceipts =
  (retention: string): Task =>
  (_payload, helpers) =>
    byPages(helpers, PURGE, retention);
