import type { TestDatabase } from "./database.ts";
import { age } from "./age.ts";
import { finish, openLedger, transfer, type TransferOptions } from "./ledgers.ts";
import { randomFrom } from "./load.ts";
import { fillRichLedger } from "./rich-ledger.ts";
import { seal } from "./sealing.ts";

/** The first moment of the month so many months ago, in UTC. */
export function monthsAgo(count: number): Date {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - count));
}

const ACCOUNTS = ["a", "b", "c"];

/** Of the first month, so many stay pending. */
const KEPT = 3;

/** One transaction of any kind; holds are posted or archived by a later one, or never. */
async function write(
  database: TestDatabase,
  ledger: string,
  random: () => number,
  holds: string[],
) {
  const pick = () => ACCOUNTS[Math.floor(random() * ACCOUNTS.length)]!;
  const dice = random();
  if (dice < 0.2 && holds.length > 10) {
    const at = KEPT + Math.floor(random() * (holds.length - KEPT));
    const hold = holds.splice(at, 1)[0]!;
    await database.pool.query(finish(dice < 0.13 ? "post" : "archive", ledger, hold));
    return;
  }
  const options: TransferOptions = {};
  if (random() < 0.3) options.status = "pending";
  if (random() < 0.2) options.from = { show_resulting_balances: true };
  if (random() < 0.5) {
    const days = random() < 0.1 ? 400 * random() : -100 * random();
    options.effective_at = new Date(Date.now() + days * 86_400_000).toISOString();
  }
  const { rows } = await database.pool.query(
    transfer(ledger, pick(), pick(), 1 + Math.floor(random() * 1000), options),
  );
  if (options.status) holds.push(rows[0].transaction_id);
}

/**
 * A ledger that was used in some past months, and a ledger with one of everything in the first of them.
 * @param months how many months ago, the oldest first
 */
export async function writeHistory(
  database: TestDatabase,
  months: number[],
  each = 60,
  seed = 1,
): Promise<{ ledger: string; rich: string; holds: string[] }> {
  const random = randomFrom(seed);
  const ledger = await openLedger(database, Object.fromEntries(ACCOUNTS.map((name) => [name, {}])));
  const rich = `${ledger}-rich`;
  let holds: string[] = [];
  for (const parent of ["daybook.transactions", "daybook.entries", "daybook_private.log_events"])
    for (const ago of months)
      await database.pool.query(
        "select daybook_private.ensure_partition($1, date_trunc('month', $2::timestamptz))",
        [parent, monthsAgo(ago)],
      );
  for (const ago of months) {
    const since = new Date();
    for (let n = 0; n < each; n++) await write(database, ledger, random, holds);
    if (ago === months[0]) {
      const client = await database.connect();
      await client.query("select daybook.create_currency('X_9', 9)");
      await fillRichLedger(client, rich);
      await client.end();
    }
    const middle = monthsAgo(ago).getTime() + 14 * 86_400_000;
    const by = ago === 0 ? 0 : (since.getTime() - middle) / 1000;
    for (const name of [ledger, rich, `${rich}-abroad`])
      await age(database, name, since, `${by} seconds`);
    const { rows } = await database.pool.query<{ id: string }>(
      "select id from daybook.transactions where ledger = $1 and status = 'pending' order by id",
      [ledger],
    );
    holds = rows.map(({ id }) => id);
  }
  await settle(database, [ledger, rich, `${rich}-abroad`]);
  return { ledger, rich, holds };
}

/** What the worker does sooner or later: seals and indexes everything. */
export async function settle(database: TestDatabase, ledgers: string[]): Promise<void> {
  for (const ledger of ledgers) {
    await seal(database.pool, ledger);
    await database.pool.query("select daybook_private.index_search($1, 100000)", [ledger]);
  }
}

/** Detaches, or attaches, a whole month in portions; gives how many calls it took. */
export async function moveMonth(
  database: Pick<TestDatabase, "pool">,
  call: "detach_month" | "attach_month",
  month: Date,
  max = 25,
): Promise<number> {
  for (let calls = 1; ; calls++) {
    const { rows } = await database.pool.query(`select m.* from daybook.${call}($1, $2) m`, [
      month,
      max,
    ]);
    if (rows[0].state === null || rows[0].state === "detached") return calls;
  }
}
