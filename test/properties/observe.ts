import type { Row } from "../support/sessions.ts";
import type { History } from "./compare.ts";
import type { Model, Placed, Version } from "./model.ts";

/** Version and counters of every account, as the books have them. */
export async function counters({ database, ledger }: History): Promise<Row> {
  const { rows } = await database.pool.query({
    name: "counters",
    text: `select account, array[lock_version, pending_debits, pending_credits, posted_debits, posted_credits]::integer[] as now
             from daybook.balances where ledger = $1 and account <> 'world'`,
    values: [ledger],
  });
  return Object.fromEntries(rows.map(({ account, now }) => [account, now]));
}

export function predictedCounters({ accounts }: Model): Row {
  return Object.fromEntries(
    [...accounts].map(([address, { version, pending, posted }]) => [
      address,
      [version, pending.debit, pending.credit, posted.debit, posted.credit],
    ]),
  );
}

const TIME = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || 'Z'`;
const LINES = (entries: string) => `(
  select coalesce(jsonb_agg(e.position || ' ' || e.direction || ' ' || e.amount || ' ' || a.address order by e.position), '[]')
    from ${entries} e
    join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id)`;
const LIVES = `
  select t.id, t.status, t.version, t.archived_reason as reason, t.external_id as external,
         t.partially_posts_transaction_id as part_of, t.reversed_by_transaction_id as reversed_by, t.metadata,
         ${TIME("t.created_at")} as created,
         ${LINES("(select * from daybook.current_entries c where c.ledger = t.ledger and c.transaction_id = t.id)")} as lines,
         (select jsonb_agg(jsonb_build_object(
                   'version', v.version, 'status', v.status, 'effective', ${TIME("v.effective_at")},
                   'lines', ${LINES("unnest(v.entries)")}))
            from daybook.transaction_versions(t.ledger, t.id) v) as versions
    from daybook.transactions t
   where t.ledger = $1`;

/** Every transaction with all its versions, as the books have it; times at which one was made are written #n. */
export async function lives({ database, ledger, ids }: History): Promise<unknown[]> {
  const { rows } = await database.pool.query<Row>({ name: "lives", text: LIVES, values: [ledger] });
  const byId = new Map(rows.map((row) => [row["id"], row]));
  const made = new Map(ids.map((id, n) => [byId.get(id)?.["created"], `#${n}`]));
  const named = (version: Row) => ({
    ...version,
    effective: made.get(version["effective"]) ?? version["effective"],
  });
  const index = (id: string | null) => (id === null ? null : ids.indexOf(id));
  const known = ids.map((id) => {
    const { id: _, created: __, part_of, reversed_by, versions, ...facts } = byId.get(id)!;
    const links = { partOf: index(part_of), reversedBy: index(reversed_by) };
    return { ...facts, ...links, versions: versions.map(named) };
  });
  return [...known, ...rows.filter(({ id }) => !ids.includes(id))];
}

const told = (lines: Placed[]) =>
  lines.map(
    ({ position, direction, amount, account }) => `${position} ${direction} ${amount} ${account}`,
  );

const toldVersion = (version: Version) => ({ ...version, lines: told(version.lines) });

export function predictedLives({ transactions }: Model): unknown[] {
  return transactions.map(
    ({ status, version, reason, external, metadata, partOf, reversedBy, lines, versions }) => ({
      status,
      version,
      reason,
      external: external ?? null,
      metadata,
      partOf: partOf ?? null,
      reversedBy: reversedBy ?? null,
      lines: told(lines),
      versions: versions.map(toldVersion),
    }),
  );
}
