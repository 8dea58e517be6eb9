import type { TestDatabase } from "./database.ts";
import type { Bounds, Line } from "./ledgers.ts";
import type { Statement } from "./sessions.ts";

/** A field of daybook.category_lock_input each. */
export type CategoryLock = {
  category: string;
  pending_balance?: Bounds;
  posted_balance?: Bounds;
  available_balance?: Bounds;
};

/** Makes categories with these members: accounts, or other categories, which are then made before. */
export async function openCategories(
  { pool }: Pick<TestDatabase, "pool">,
  ledger: string,
  categories: Record<string, string[]>,
): Promise<void> {
  for (const category of Object.keys(categories)) {
    await pool.query("select daybook.create_category($1, $2, 'USD')", [ledger, category]);
  }
  for (const [category, members] of Object.entries(categories)) {
    for (const member of members) {
      const kind = member in categories ? "child_category" : "account";
      await pool.query(`select daybook.add_to_category($1, $2, ${kind} => $3)`, [
        ledger,
        category,
        member,
      ]);
    }
  }
}

/** Puts an account, or a category, into a category, or takes it out. */
export function change(
  operation: "add_to" | "remove_from",
  ledger: string,
  category: string,
  member: { account?: string; child_category?: string },
) {
  return {
    text: `select 'ok' as status from daybook.${operation}_category($1, $2, $3, $4)`,
    values: [ledger, category, member.account, member.child_category],
  } satisfies Statement;
}

/** Makes a transaction of any entries under category locks. */
export function createUnderLocks(ledger: string, lines: Line[], locks: CategoryLock[]) {
  return {
    name: "create-under-locks",
    text: `select * from daybook.create_transaction($1,
             array(select jsonb_populate_record(null::daybook.entry_input, e)
                     from jsonb_array_elements($2) with ordinality u (e, n) order by n),
             category_locks => array(
               select jsonb_populate_record(null::daybook.category_lock_input, e)
                 from jsonb_array_elements($3) with ordinality u (e, n) order by n))`,
    values: [ledger, JSON.stringify(lines), JSON.stringify(locks)],
  } satisfies Statement;
}

/** Takes an amount out of an account if that leaves each of the categories with at least nothing. */
export function takeUnderLocks(
  ledger: string,
  account: string,
  amount: number,
  ...categories: string[]
) {
  const lines: Line[] = [
    { account, direction: "debit", amount },
    { account: "world", direction: "credit", amount },
  ];
  const locks = categories.map((category) => ({ category, available_balance: { gte: 0 } }));
  return createUnderLocks(ledger, lines, locks);
}
