import type { Row } from "../support/sessions.ts";
import { totalOf } from "./categories.ts";
import type { History } from "./compare.ts";
import { balancesOf } from "./judge.ts";
import type { Model, Placed, Version } from "./model.ts";

/** Version and counters of every account. */
async function counters({ database, ledger }: History): Promise<Row> {
  const { rows } = await database.pool.query({
    name: "counters",
    text: `select account, array[lock_version, pending_debits, pending_credits, posted_debits, posted_credits]::integer[] as now
             from daybook.balances where ledger = $1 and account <> 'world'`,
    values: [ledger],
  });
  return Object.fromEntries(rows.map(({ account, now }) => [account, now]));
}

function predictedCounters({ accounts }: Model): Row {
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
         ${TIME("t.created_at")} as created, t.counterpart_transaction_id as counterpart,
         (select ${TIME("o.created_at")} from daybook.transactions o
           where o.ledger = t.counterpart_ledger and o.id = t.counterpart_transaction_id) as other_created,
         ${LINES("(select * from daybook.current_entries c where c.ledger = t.ledger and c.transaction_id = t.id)")} as lines,
         (select jsonb_agg(jsonb_build_object(
                   'version', v.version, 'status', v.status, 'effective', ${TIME("v.effective_at")},
                   'lines', ${LINES("unnest(v.entries)")}))
            from daybook.transaction_versions(t.ledger, t.id) v) as versions
    from daybook.transactions t
   where t.ledger = $1`;

/** Every transaction with all its versions, and when each was made; times are as they are in the books. */
async function lives({ database, ledger, ids, other }: History) {
  const { rows } = await database.pool.query<Row>({ name: "lives", text: LIVES, values: [ledger] });
  const byId = new Map(rows.map((row) => [row["id"], row]));
  const index = (id: string | null) => (id === null ? null : ids.indexOf(id));
  const times: [string, string][] = [];
  const known = ids.map((id, n) => {
    const {
      id: _,
      created,
      other_created,
      part_of,
      reversed_by,
      counterpart,
      ...facts
    } = byId.get(id)!;
    times.push([`#${n}`, created], [`~${n}`, other_created]);
    const other_half = counterpart === null ? null : other.ids.indexOf(counterpart);
    const links = { partOf: index(part_of), reversedBy: index(reversed_by) };
    return { ...facts, ...links, counterpart: other_half };
  });
  return { lives: [...known, ...rows.filter(({ id }) => !ids.includes(id))], times };
}

/** The balance of each category and what it contains. */
async function categories({ database, ledger }: History): Promise<Row> {
  const { rows } = await database.pool.query({
    name: "categories",
    text: `select c.category, array[b.pending_debits, b.pending_credits, b.posted_debits, b.posted_credits,
                                    b.pending_amount, b.posted_amount, b.available_amount]::integer[] as now,
                  array(select coalesce(m.account, m.child_category) from daybook.category_members m
                         where m.ledger = c.ledger and m.category = c.category
                         order by m.child_category is not null, 1) as members
             from daybook.categories c
            cross join lateral daybook.category_balance(c.ledger, c.category) b
            where c.ledger = $1`,
    values: [ledger],
  });
  return Object.fromEntries(rows.map(({ category, now, members }) => [category, [now, members]]));
}

/** What became of each receipt. */
async function receipts({ database, ledger, ids, receiptIds }: History) {
  const { rows } = await database.pool.query<Row>({
    name: "receipts",
    text: `select q.state, q.transaction_id, q.error_code, ${TIME("q.accepted_at")} as accepted
             from unnest($2::uuid[]) with ordinality u (id, n)
            cross join lateral daybook.queued_transaction($1, u.id) q
            order by u.n`,
    values: [ledger, receiptIds],
  });
  const told = rows.map(({ state, transaction_id: id, error_code }) => ({
    state,
    transaction: id === null ? null : ids.indexOf(id),
    code: state === "refused" ? error_code : null,
  }));
  const times = rows.map(({ accepted }, n): [string, string] => [`^${n}`, accepted]);
  return { receipts: told, times };
}

/** A ledger as the books have it; and the times that the model writes by name. */
export async function observe(history: History) {
  const [alive, received] = [await lives(history), await receipts(history)];
  return {
    books: {
      counters: await counters(history),
      categories: await categories(history),
      lives: alive.lives,
      receipts: received.receipts,
    },
    times: new Map([...alive.times, ...received.times]),
  };
}

/** The same as the model has it. */
export const predict = (model: Model, times: Map<string, string>) => ({
  counters: predictedCounters(model),
  categories: Object.fromEntries(
    [...model.categories].map(([name, { accounts, children }]) => {
      const total = totalOf(model, name);
      const { pending, posted } = total;
      const sums = [pending.debit, pending.credit, posted.debit, posted.credit];
      const balances = Object.values(balancesOf(total)).map((balance) => balance + 0); // not -0
      return [
        name,
        [
          [...sums, ...balances],
          [...accounts, ...children],
        ],
      ];
    }),
  ),
  lives: predictedLives(model, times),
  receipts: model.receipts.map(({ code, transaction }) => ({
    state: code !== undefined ? "refused" : transaction !== undefined ? "applied" : "queued",
    transaction: transaction ?? null,
    code: code ?? null,
  })),
});

const told = (lines: Placed[]) =>
  lines.map(
    ({ position, direction, amount, account }) => `${position} ${direction} ${amount} ${account}`,
  );

function predictedLives({ transactions }: Model, times: Map<string, string>): unknown[] {
  const toldVersion = ({ effective, lines, ...version }: Version) => ({
    ...version,
    effective: times.get(effective) ?? effective,
    lines: told(lines),
  });
  return transactions.map(
    ({
      status,
      version,
      reason,
      external,
      metadata,
      partOf,
      reversedBy,
      counterpart,
      ...other
    }) => ({
      status,
      version,
      reason,
      external: external ?? null,
      metadata,
      partOf: partOf ?? null,
      reversedBy: reversedBy ?? null,
      counterpart: counterpart ?? null,
      lines: told(other.lines),
      versions: other.versions.map(toldVersion),
    }),
  );
}
