import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Pool } from "pg";

/** What is wrong with the books, and where. */
export type Violation = {
  violation: string;
  ledger: string | null;
  subject: string;
  facts: unknown;
};

const BOOKS = readFileSync(join(import.meta.dirname, "books.sql"), "utf8");

/** All that was ever recorded: entries in the books, and those of detached months. */
export async function allEntries({ pool }: { pool: Pick<Pool, "query"> }): Promise<string> {
  const { rows } = await pool.query<{ name: string }>(
    `select format('daybook_private.%I', relname) as name from pg_class
      where relnamespace = 'daybook_private'::regnamespace and relname ~ '^entries_[0-9]{6}_detached$' order by 1`,
  );
  const detached = rows.map(({ name }) => `union all select *, false from ${name}`);
  return `(select *, true as is_here from daybook.entries ${detached.join(" ")})`;
}

/** Every table that there is, caches and facts of the whole instance too; months are parts of theirs. Which column names the ledger. */
const TABLES = `
  select c.oid::regclass::text as name,
         (select a.attname from pg_attribute a
           where a.attrelid = c.oid and a.attnum > 0
             and a.attname = case when c.oid = 'daybook.ledgers'::regclass then 'name' else 'ledger' end) as ledger
    from pg_class c
   where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
     and c.relkind in ('r', 'p') and not c.relispartition
   order by 1`;

/** What another database makes of its own when a ledger comes there, and why it need not be the same. */
export const MADE_ANEW: Record<string, string> = {
  "daybook_private.ledger_access": "its roles are others",
  "daybook_private.category_access": "its roles are others",
  "daybook_private.category_graphs": "counts how often this one changed what is in its categories",
  "daybook_private.queue_heads": "says where its queue is looked for",
  "daybook_private.seal_heads":
    "says where what is not sealed is looked for; the head itself is that of seal_blocks",
};

/** Everything that is wrong with the books at this moment, of one ledger or of all; nothing if they are right. */
export async function violations(
  { pool }: { pool: Pick<Pool, "query"> },
  ledger: string | null = null,
): Promise<Violation[]> {
  const text = BOOKS.replace("daybook.entries e", `${await allEntries({ pool })} e`);
  const { rows } = await pool.query<Violation>(text, [ledger]);
  return rows;
}

/**
 * A hash of every row that is kept of these ledgers (`*` is the instance) and of the currencies, or of everything: a call that
 * leaves no trace leaves it as it was. One line per table, so that a difference tells where. The order of rows does not count.
 */
export async function fingerprint(
  { pool }: { pool: Pick<Pool, "query"> },
  ledgers?: readonly string[],
  except: Record<string, string> = {},
): Promise<string> {
  const tables = await pool.query<{ name: string; ledger: string | null }>(TABLES);
  const hashes = tables.rows
    .filter(({ name }) => !(name in except))
    .map(
      ({ name, ledger }) =>
        `select '${name}' as name, count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as hash
           from ${name} t ${ledgers && ledger ? `where t.${ledger} = any ($1)` : ""}`,
    );
  const text = `select string_agg(name || ' ' || hash, e'\\n' order by name) as all from (${hashes.join(" union all ")}) h`;
  const { rows } = await pool.query<{ all: string }>({
    name: createHash("sha1").update(text).digest("hex"), // planned once for each set of tables
    text,
    values: ledgers ? [ledgers] : [],
  });
  return rows[0]!.all;
}
