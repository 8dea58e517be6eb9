import { Client } from "../../src/client.ts";
import { inTurn } from "./grow.ts";

/** What was done for how many, in how many seconds. */
export type Done = { what: string; count: number; seconds: number };

/**
 * Does what the worker would have done meanwhile, without its rests, each for itself: folding, sealing the log, indexing
 * for search, rolling up. What was done before is not done again, but counted.
 */
export async function finish(url: string, clients: number): Promise<Done[]> {
  const sessions = Array.from({ length: clients }, () => new Client({ connectionString: url }));
  await Promise.all(sessions.map((session) => session.connect()));
  try {
    const { rows } = await sessions[0]!.query<{ name: string }>(
      "select name from daybook.ledgers union all select '*' order by 1",
    );
    const ledgers = rows.map(({ name }) => name);
    const each = async (
      what: string,
      work: (client: Client, ledger: string) => Promise<number>,
    ) => {
      const start = performance.now();
      let [next, count] = [0, 0];
      await inTurn(sessions, async (client) => {
        const ledger = ledgers[next++];
        if (ledger === undefined) return false;
        const done = await work(client, ledger); // others add to the count meanwhile
        count += done;
        return true;
      });
      await note(sessions[0]!, { what, count, seconds: (performance.now() - start) / 1000 });
    };
    await each("entries folded", fold);
    await each("records sealed", seal);
    await each("transactions indexed for search", index);
    await each("entries rolled up", rollUp);
    return await noted(sessions[0]!);
  } finally {
    await Promise.all(sessions.map((session) => session.end()));
  }
}

async function note(client: Client, { what, count, seconds }: Done): Promise<void> {
  await client.query(
    "create table if not exists bench_done (what text, count int, seconds float8)",
  );
  if (count > 0)
    await client.query("insert into bench_done values ($1, $2, $3)", [what, count, seconds]);
}

async function noted(client: Client): Promise<Done[]> {
  const { rows } = await client.query<Done>(
    "select what, sum(count)::int as count, sum(seconds) as seconds from bench_done group by what order by min(ctid)",
  );
  return rows;
}

async function fold(client: Client, ledger: string): Promise<number> {
  const { rows } = await client.query<{ id: string }>(
    "select distinct account_id as id from daybook_private.entry_queue where ledger = $1",
    [ledger],
  );
  let count = 0;
  for (const { id } of rows)
    count += await numberOf(client, "select daybook_private.fold_account($1, $2) as n", [
      ledger,
      id,
    ]);
  return count;
}

async function seal(client: Client, ledger: string): Promise<number> {
  let total = 0;
  for (
    let last = { after: null, settled: null, sealed: 1 };
    last.sealed > 0;
    total += last.sealed
  ) {
    const text = "select after, settled, sealed from daybook_private.seal_log($1, 5000, $2, $3)";
    last = (await client.query(text, [ledger, last.after, last.settled])).rows[0];
  }
  return total;
}

async function index(client: Client, ledger: string): Promise<number> {
  let total = 0;
  for (let count = 1; count > 0; total += count)
    count = await numberOf(client, "select daybook_private.index_search($1, 500) as n", [ledger]);
  return total;
}

/** Accounts of every ledger come together; so it is done once, with the first. */
async function rollUp(client: Client, ledger: string): Promise<number> {
  if (ledger !== "*") return 0;
  let total = 0;
  for (let count = 1; count > 0; total += count)
    count = await numberOf(
      client,
      `select coalesce(sum(daybook_private.roll_up_account(ledger, account_id, 20000, of_both => of_both)), 0) as n
         from daybook_private.accounts_to_roll_up(256, 100)`,
      [],
    );
  return total;
}

async function numberOf(client: Client, text: string, values: unknown[]): Promise<number> {
  return Number((await client.query<{ n: string }>(text, values)).rows[0]?.n ?? 0);
}
