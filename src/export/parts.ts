/* What a ledger consists of, as lines of JSON, each part before what refers to it. $1 is the ledger. PostgreSQL
 * writes the JSON, so that no number is rounded. What is null is left out where there are many rows. */

export const LEDGER = `
  select format('{"ledger":%s}', to_jsonb(l) - 'name') as line from daybook.ledgers l where name = $1`;

const CURRENCIES = `
  select format('{"currency":%s}', to_jsonb(u)) as line
    from daybook.currencies u
   where code in (select currency from daybook.accounts where ledger = $1
                  union select currency from daybook.categories where ledger = $1)
   order by code`;

const ACCOUNTS = `
  select format('{"account":%s}', to_jsonb(a) - 'ledger') as line
    from daybook.accounts a where ledger = $1 order by id`;

const CATEGORIES = `
  select format('{"category":%s}', to_jsonb(c) - 'ledger') as line
    from daybook.categories c where ledger = $1 order by category`;

const MEMBERS = `
  select format('{"member":%s}', to_jsonb(m) - 'ledger') as line
    from daybook.category_members m where ledger = $1 order by id`;

const TRANSACTIONS = `
  select format('{"transaction":%s}', jsonb_strip_nulls(to_jsonb(t) - '{ledger,metadata}'::text[])
           || jsonb_build_object('metadata', t.metadata, 'entries', l.entries)) as line
    from daybook.transactions t
   cross join lateral (
     select coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(e) - '{ledger,transaction_id,metadata}'::text[])
                               || jsonb_build_object('metadata', e.metadata) order by e.id), '[]') as entries
       from daybook.entries e
      where e.ledger = t.ledger and e.transaction_id = t.id
   ) l
   where t.ledger = $1
   order by t.id`;

/** Records of the log that are not transactions made posted, whose rows are their records. */
const EVENTS = `
  select format('{"event":%s}', jsonb_strip_nulls(to_jsonb(e) - '{ledger,data}'::text[])
           || jsonb_build_object('data', e.data)) as line
    from daybook.log e where ledger = $1 and id is distinct from transaction_id order by id`;

export const PARTS = [CURRENCIES, ACCOUNTS, CATEGORIES, MEMBERS, TRANSACTIONS, EVENTS];

/** What only a function reads, and only for administrators. */
export const PAGED = ["key", "receipt"];

/** Part $2 behind $3, at most $4 lines. */
export const PAGE = "select at, line from daybook.export_rows($1, $2, $3, $4)";
