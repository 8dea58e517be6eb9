import type { Deed } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import type { Books } from "./books.ts";
import type { Report } from "./finding.ts";
import { written, type Writers } from "./transactions.ts";

/** How far apart the moments of one call may be: it looks at the clock more than once, and may be stopped in between. In milliseconds. */
const SECOND = 1_000;

const timeOf = (value: unknown) => (value ? new Date(value as string | Date).getTime() : undefined);

/**
 * Transactions take effect when they were to, expire when they were to, and are posted before that or not at all. Of versions that were
 * acknowledged; which of several lost calls made another is only guessed.
 */
export function checkTimes(books: Books, deeds: Deed[], writers: Writers, report: Report): void {
  for (const maker of deeds) {
    for (const row of books.byDeed.get(maker.id) ?? []) {
      const changes = Array.from({ length: row["version"] - 1 }, (_, n) =>
        writers.get(written(row["id"], n + 2)),
      );
      const updates = changes.filter(
        (one) => one !== "expiry" && one?.does !== "partially_post_transaction",
      );
      const objection = updates.every((one) => (one as Deed | undefined)?.fate === "done")
        ? objectionTo(books, row, maker, updates as Deed[])
        : undefined;
      if (objection) report(objection, row["id"], maker.id);
    }
  }
}

function objectionTo(books: Books, row: Row, maker: Deed, updates: Deed[]): string | undefined {
  const last = (name: string) =>
    [maker, ...updates].map(({ request }) => request[name]).findLast((value) => value);
  const [effective, expires] = [timeOf(row["effective_at"]), timeOf(row["expires_at"])];
  const due = timeOf(last("effective_at") ?? usual(books, row, maker));
  if (due !== undefined && effective !== due)
    return `takes effect at ${row["effective_at"]}, and should at ${new Date(due)}`;
  if (expires !== timeOf(last("expires_at")))
    return `expires at ${row["expires_at"]}, and should at ${last("expires_at")}`;
  const whole = books.transactions.get(row["partially_posts_transaction_id"]);
  const [end, posted] = [timeOf((whole ?? row)["expires_at"]), timeOf(row["posted_at"])];
  if (end !== undefined && posted !== undefined && posted > end + SECOND)
    return `was posted at ${row["posted_at"]}, when its time was over`;
  if (row["archived_reason"] === "expired" && timeOf(row["archived_at"])! < end! - SECOND)
    return `expired at ${row["archived_at"]}, before its time`;
  return undefined;
}

/** When a transaction takes effect that nobody said when, where clients know it. */
function usual({ transactions }: Books, row: Row, { does, request }: Deed): unknown {
  if (does === "create_transaction") return row["created_at"];
  if (does !== "reverse_transaction") return undefined;
  return transactions.get(request["transaction_id"])?.["effective_at"];
}
