import type { Task } from "graphile-worker";
import { byPages } from "./by-pages.ts";

const PURGE = "select daybook_private.purge_receipts(from_page => $1, pages => $2) as purged";

/** Forgets finished receipts of the write-ahead queue whose retention is over. */
export const purgeReceipts: Task = (_payload, helpers) => byPages(helpers, PURGE);
