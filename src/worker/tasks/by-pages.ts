import type { JobHelpers } from "graphile-worker";
import { inSteps } from "./in-steps.ts";

/** Pages of a table that are gone through at once: 8 MB. */
const PAGES = 1000;

/**
 * Goes through a table page by page.
 * @param query given a page to begin at and a number of pages, gives `purged`, null if there is no such page
 */
export function byPages(helpers: JobHelpers, query: string): Promise<void> {
  return inSteps(helpers, 0, async (client, page) => {
    const { rows } = await client.query<{ purged: string | null }>(query, [page, PAGES]);
    return rows[0]!.purged === null ? null : page + PAGES;
  });
}
