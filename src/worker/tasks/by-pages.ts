import type { JobHelpers } from "graphile-worker";
import { inSteps } from "./in-steps.ts";

/** Pages of a table that are gone through at once: 8 MB. */
const PAGES = 1000;

/**
 * Goes through a table page by page, and forgets what is older than its retention.
 * @param query given the retention, a page to begin at and a number of pages, gives `purged`, null if there is no such page
 * @param retention as PostgreSQL reads an interval
 */
export function byPages(helpers: JobHelpers, query: string, retention: string): Promise<void> {
  return inSteps(helpers, 0, async (client, page) => {
    const values = [retention, page, PAGES];
    const { rows } = await client.query<{ purged: string | null }>(query, values);
    return rows[0]!.purged === null ? null : page + PAGES;
  });
}
