import type { Row } from "../support/use-books.ts";

/** Arguments of daybook.search_transactions. */
export type Search = {
  account?: string;
  category?: string;
  direction?: "debit" | "credit";
  currency?: string;
  amount_min?: number;
  amount_max?: number;
  status?: string;
  effective_from?: string;
  effective_before?: string;
  created_from?: string;
  created_before?: string;
  external_id?: string;
  metadata?: object;
  words?: string;
  metadata_keys?: string[];
  sort?: "effective_at" | "created_at" | "amount";
  ascending?: boolean;
};

/** The same question as one plain query over the books: all that matches, in order. */
const ORACLE = `
with recursive q as (select * from jsonb_to_record($2) q (
       account text, category text, direction text, currency text, amount_min numeric, amount_max numeric, status text,
       effective_from timestamptz, effective_before timestamptz, created_from timestamptz, created_before timestamptz,
       external_id text, metadata jsonb, words text, metadata_keys text[], sort text, ascending boolean)),
below (category) as (
  select q.category collate "C" from q
  union
  select m.child_category from below b join daybook.category_members m on m.ledger = $1 and m.category = b.category
   where m.child_category is not null),
lines as (
  select c.transaction_id, c.amount, c.currency
    from q, daybook.current_entries c
    join daybook.accounts a on a.ledger = c.ledger and a.id = c.account_id
   where c.ledger = $1
     and (q.account is null or a.address = q.account
          or q.account like '%:*' and a.address ^@ left(q.account, -1))
     and (q.category is null or a.id in (
            select m.account_id from daybook.category_members m join below b on b.category = m.category where m.ledger = $1))
     and (q.direction is null or c.direction::text = q.direction)
     and (q.currency is null or c.currency = q.currency)
     and (q.amount_min is null or c.amount >= q.amount_min)
     and (q.amount_max is null or c.amount <= q.amount_max)),
found as (
  select t.id, t.effective_at, t.created_at, l.amount, t.status::text
    from q, daybook.transactions t
    left join lateral (
      select case when q.sort = 'amount' and q.ascending then min(l.amount) else max(l.amount) end as amount
        from lines l where l.transaction_id = t.id) l on true
   where t.ledger = $1
     and (l.amount is not null or coalesce(q.account, q.category, q.direction, q.currency, q.amount_min::text, q.amount_max::text) is null
          and q.sort is distinct from 'amount')
     and (q.status is null or t.status::text = q.status)
     and (q.effective_from is null or t.effective_at >= q.effective_from)
     and (q.effective_before is null or t.effective_at < q.effective_before)
     and (q.created_from is null or t.created_at >= q.created_from)
     and (q.created_before is null or t.created_at < q.created_before)
     and (q.external_id is null or t.external_id = q.external_id)
     and (q.metadata is null or t.metadata @> q.metadata)
     and (q.words is null or daybook_trgm.word_similarity(q.words, t.description) >= 0.5
          or exists (select from unnest(q.metadata_keys) k
                      where jsonb_typeof(t.metadata -> k) = 'string' and daybook_trgm.word_similarity(q.words, t.metadata ->> k) >= 0.5)))
select f.id, f.amount, f.status
  from q, found f
 order by case when q.ascending then case q.sort when 'amount' then f.amount when 'created_at' then extract(epoch from f.created_at)
                                                 else extract(epoch from f.effective_at) end end,
          case when q.ascending then f.id end,
          case q.sort when 'amount' then f.amount when 'created_at' then extract(epoch from f.created_at)
                      else extract(epoch from f.effective_at) end desc,
          f.id desc`;

export function askOracle(ledger: string, search: Search) {
  return { name: "oracle", text: ORACLE, values: [ledger, JSON.stringify(search)] };
}

const ARGUMENTS: (keyof Search | "first" | "after")[] = [
  "account",
  "category",
  "direction",
  "currency",
  "amount_min",
  "amount_max",
  "status",
  "effective_from",
  "effective_before",
  "created_from",
  "created_before",
  "external_id",
  "metadata",
  "words",
  "metadata_keys",
  "sort",
  "ascending",
  "first",
  "after",
];

export function askSearch(
  ledger: string,
  search: Search & { first?: number; after?: string | undefined },
) {
  return {
    name: "search",
    text: `select id, amount, status::text, cursor from daybook.search_transactions($1, ${ARGUMENTS.map(
      (name, n) => `${name} => $${n + 2}`,
    ).join(", ")})`,
    values: [ledger, ...ARGUMENTS.map((name) => search[name] ?? null)],
  };
}

type Query = (statement: ReturnType<typeof askSearch>) => Promise<{ rows: Row[] }>;

/** All pages of a search, one after the other. */
export async function readPages(query: Query, ledger: string, search: Search, first: number) {
  const rows: Row[] = [];
  for (let after: string | undefined; ; after = rows.at(-1)!["cursor"]) {
    const page: Row[] = (await query(askSearch(ledger, { ...search, first, after }))).rows;
    rows.push(...page);
    if (page.length < first) return rows.map(({ id, amount, status }) => ({ id, amount, status }));
  }
}

/** A search for anything, mostly for few things at once. */
export function anySearch(random: () => number, times: string[]): Search {
  const maybe = <T>(share: number, value: () => T) => (random() < share ? value() : undefined);
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]!;
  const search: Record<string, unknown> = {
    account: maybe(0.3, () =>
      pick([
        "users:alice",
        "users:alice:card",
        "users:*",
        "users:alice:*",
        "bank",
        "none:*",
        "euro:a",
      ]),
    ),
    category: maybe(0.15, () => pick(["top", "left", "empty"])),
    direction: maybe(0.2, () => pick(["debit", "credit"])),
    currency: maybe(0.15, () => pick(["USD", "EUR", "JPY"])),
    amount_min: maybe(0.2, () => Math.floor(random() * 60)),
    amount_max: maybe(0.2, () => 20 + Math.floor(random() * 80)),
    status: maybe(0.3, () => pick(["pending", "posted", "archived"])),
    effective_from: maybe(0.15, () => pick(times)),
    effective_before: maybe(0.15, () => pick(times)),
    created_from: maybe(0.1, () => pick(times)),
    created_before: maybe(0.1, () => pick(times)),
    external_id: maybe(0.05, () => `e${Math.floor(random() * 40)}`),
    metadata: maybe(0.15, () => pick([{ shop: "Blue Bottle" }, { n: 3 }, { deep: { a: 1 } }, {}])),
    words: maybe(0.2, () => pick(["starbcks", "rent", "blue botle", "coffe"])),
    sort: maybe(0.8, () => pick(["effective_at", "created_at", "amount"])),
    ascending: maybe(0.5, () => true),
  };
  if (search["words"] && random() < 0.5) search["metadata_keys"] = ["shop", "n"];
  return JSON.parse(JSON.stringify(search)) as Search;
}
