import type { ClientBase } from "pg";
import type { Row } from "../doors/door.ts";

/** A record of the log: what somebody set, and when in milliseconds since 1970. */
export type Event = {
  kind: string;
  /** What was asked, by the names of the function's arguments where it has them. */
  args: Row;
  at: number;
};

/** What is set in a ledger, apart from its transactions; and who has set what before, as the log says, in its order. */
export type Kept = {
  accounts: Row[];
  categories: Row[];
  members: Row[];
  /** Who is granted what: the ledger, or one of its categories. */
  access: Row[];
  categoryAccess: Row[];
  closedUntil: Date | null;
  events: Event[];
};

/** Reads what is set in a ledger. The caller has begun a transaction that sees one snapshot. */
export async function readKept(client: ClientBase, ledger: string): Promise<Kept> {
  const rows = async (text: string) => (await client.query(text, [ledger])).rows as Row[];
  const table = (name: string, columns: string) =>
    rows(`select ${columns} from ${name} where ledger = $1`);
  const events = await rows(
    `select l.kind, a.address, l.transaction_id, l.data, extract(epoch from l.created_at)::float8 * 1000 as at
       from daybook_private.log_events l
       left join daybook.accounts a on a.ledger = l.ledger and a.id = l.account_id
      where l.ledger = $1 order by l.id`,
  );
  const [books] = await rows("select closed_until from daybook.ledgers where name = $1");
  return {
    accounts: await table(
      "daybook.accounts",
      "id, address, balance_min, balance_max, closed_at, metadata",
    ),
    categories: await table("daybook.categories", "category, normal_balance"),
    members: await table("daybook.category_members", "category, account, child_category"),
    access: await table("daybook_private.ledger_access", "role, access"),
    categoryAccess: await table("daybook_private.category_access", "role, category"),
    closedUntil: books?.["closed_until"] ?? null,
    events: events.map(({ kind, address, transaction_id, data, at }) => ({
      kind,
      args: { address, transaction_id, ...data, until: data.closed_until },
      at,
    })),
  };
}
