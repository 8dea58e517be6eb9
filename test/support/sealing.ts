import type { TestDatabase } from "./database.ts";

export const LOWEST_ID = "00000000-0000-0000-0000-000000000000";

type Queries = Pick<TestDatabase["pool"], "query">;

/** Seals what is new, as the worker does; gives how many records, null while somebody else is at it. */
export async function seal(client: Queries, ledger: string, max = 1000): Promise<number | null> {
  let total = 0;
  let call: { after: string | null; settled: string | null; sealed: number | null };
  call = { after: null, settled: null, sealed: 0 };
  do {
    const { rows } = await client.query<typeof call>(
      "select * from daybook_private.seal_log($1, $2, $3, $4)",
      [ledger, max, call.after, call.settled],
    );
    call = rows[0]!;
    if (call.sealed === null) return null;
    total += call.sealed;
  } while (call.sealed === max);
  return total;
}

/** Looks through all of a ledger's log and seals what was missed; gives how many records. */
export async function sweep(client: Queries, ledger: string, step = 1000): Promise<number> {
  let total = 0;
  let last: { after: string | null; sealed: number } = { after: LOWEST_ID, sealed: 0 };
  while (last.after !== null) {
    const { rows } = await client.query<typeof last>(
      "select * from daybook_private.sweep_log($1, $2, $3, now())",
      [ledger, step, last.after],
    );
    last = rows[0]!;
    total += last.sealed;
  }
  return total;
}

export type Verification = {
  from_no: string;
  to_no: string;
  head_no: string;
  head_hash: string;
  problem: string | null;
  no: string | null;
  log_id: string | null;
  detail: unknown;
};

/** What verify_log says of a ledger. */
export async function verify(
  client: Queries,
  ledger: string,
  from = 1,
  max: number | string | null = null,
): Promise<Verification> {
  const { rows } = await client.query<Verification>(
    "select (v).* from daybook.verify_log($1, $2, $3) v",
    [ledger, from, max],
  );
  return rows[0]!;
}

/** Records of a ledger's log that are sealed not once, or not at all: none, if nothing was lost or doubled. */
export async function lost(client: Queries, ledger: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select coalesce(l.id, s.log_id) as id
       from (select id from daybook.log where ledger = $1) l
       full join (select log_id from daybook_private.seals where ledger = $1) s on s.log_id = l.id
      where l.id is null or s.log_id is null`,
    [ledger],
  );
  return rows.map(({ id }) => id);
}
