import { digest, type Digest } from "../checks/afterwards.ts";
import { groupBy } from "../checks/books.ts";
import { readRecords } from "../checks/records.ts";
import type { Past } from "../clients/past.ts";
import { monthsAgo, writeHistory } from "../../test/support/history.ts";
import { connectTo, type Postgres } from "./postgres.ts";
import { LOGIN } from "./logins.ts";

/** The months that there are records of: so many ago. */
const MONTHS = [4, 3, 2];

/** Writes a ledger with a past. Nobody else may be at work yet. */
export async function makePast(postgres: Postgres): Promise<{ past: Past; asItWas: Digest }> {
  const database = { pool: postgres.pool, connect: () => connectTo(postgres.url()) };
  const { ledger } = await writeHistory(database as Parameters<typeof writeHistory>[0], MONTHS, 40);
  await postgres.pool.query("select daybook.grant_ledger_access($1, $2, 'admin')", [LOGIN, ledger]);
  const { entries, kept } = await readRecords(postgres.pool, ledger);
  const { rows } = await postgres.pool.query<{ id: string; at: number }>(
    "select id, extract(epoch from effective_at)::float8 * 1000 as at from daybook.entries where ledger = $1",
    [ledger],
  );
  const effective = new Map(rows.map(({ id, at }) => [id, at]));
  const past: Past = {
    ledger,
    accounts: kept.accounts.map(({ address }) => address),
    months: MONTHS.map(monthsAgo),
    entries: new Map(
      [...groupBy(entries, (entry) => entry.account)].map(([account, all]) => [
        account,
        all.map((entry) => ({ ...entry, effectiveAt: effective.get(entry.id)! })),
      ]),
    ),
    until: Date.now() - 60_000,
    deeds: [],
    reads: [],
    absences: [],
  };
  return { past, asItWas: await digest({ postgres }, ledger) };
}
