import type { Client } from "pg";

const WORDS = ["STARBUCKS #1234", "Rent for March", "Coffee", "blue bottle, downtown", "refund"];
const SHOPS = ["Blue Bottle", "Starbucks", "x".repeat(201)];

let named = 0;

/**
 * Makes transactions of every kind and changes many of them, in a ledger with a few known accounts.
 * @returns times around which they lie, for the ranges of searches
 */
export async function makeHistory(
  client: Client,
  ledger: string,
  random: () => number,
  count: number,
): Promise<string[]> {
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]!;
  const times: string[] = [];
  const call = async (sql: string, values: unknown[]) =>
    (await client.query(`select * from daybook.${sql}`, [ledger, ...values])).rows[0];
  for (let n = 0; n < count; n++) {
    const amount = 2 + Math.floor(random() * 90);
    const at = new Date(Date.now() - random() * 1e9).toISOString();
    if (n % 10 === 0) times.push(at, new Date().toISOString());
    const usd = [
      "users:alice",
      "users:alice:card",
      "users:alice-too",
      "users:bob",
      "bank",
      "world",
    ];
    const [from, to] = random() < 0.15 ? ["euro:a", "euro:b"] : [pick(usd), pick(usd)];
    const entries = (share: number) =>
      `array[daybook.debit('${from}', ${share}), daybook.credit('${to}', ${share - 1}), daybook.credit('${to}', 1)]`;
    const isPending = random() < 0.5;
    const metadata = random() < 0.5 ? { shop: pick(SHOPS), n: n % 5, deep: { a: n % 2 } } : {};
    const made = await call(
      `create_transaction($1, ${entries(amount)}, $2, effective_at => $3, external_id => $4, description => $5, metadata => $6)`,
      [
        isPending ? "pending" : "posted",
        random() < 0.7 ? at : null,
        random() < 0.2 ? `e${++named}` : null,
        random() < 0.7 ? pick(WORDS) : null,
        metadata,
      ],
    );
    const id = made.transaction_id;
    if (random() < 0.2)
      await call("set_transaction_metadata($1, $2, $3)", [id, { shop: pick(SHOPS) }]);
    if (random() < 0.1) await call("delete_transaction_metadata($1, $2, 'shop')", [id]);
    if (random() < 0.1)
      await call(
        `create_transaction($1, array[daybook.debit('users:bob', 5, available_balance => daybook.gte(1000000)), daybook.credit('bank', 5)],
           archive_on_lock_failure => true, description => 'coffee declined')`,
        [],
      );
    if (!isPending) {
      if (random() < 0.2) await call("reverse_transaction($1, $2, description => 'refund')", [id]);
      continue;
    }
    const kind = random();
    if (kind < 0.2) await call("post_transaction($1, $2)", [id]);
    else if (kind < 0.35)
      await call(`post_transaction($1, $2, ${entries(amount + 3)}, effective_at => $3)`, [id, at]);
    else if (kind < 0.5)
      await call(
        `update_transaction($1, $2, ${entries(amount + 1)}, description => 'Coffee, changed')`,
        [id],
      );
    else if (kind < 0.6) await call("update_transaction($1, $2, effective_at => $3)", [id, at]);
    else if (kind < 0.7) await call("archive_transaction($1, $2)", [id]);
    else if (kind < 0.85 && from !== to) {
      await call(
        `partially_post_transaction($1, $2, array[daybook.debit('${from}', 1), daybook.credit('${to}', 1)])`,
        [id],
      );
      if (random() < 0.5) await call("archive_transaction($1, $2)", [id]);
    }
  }
  return times;
}

/** Changes transactions that were made earlier: what is indexed of them is then out of date. */
export async function changeOld(client: Client, ledger: string, count: number): Promise<void> {
  const { rows } = await client.query(
    `select id, status::text, expires_at from daybook.transactions where ledger = $1 order by md5(id::text) limit $2`,
    [ledger, count],
  );
  for (const [n, { id, status }] of rows.entries()) {
    const call = async (sql: string) => {
      try {
        await client.query(`select daybook.${sql}`, [ledger, id]);
      } catch (error) {
        if ((error as { code?: string }).code !== "LDSTA") throw error; // somebody else was first
      }
    };
    if (n % 2)
      await call('set_transaction_metadata($1, $2, \'{"shop": "Blue Bottle", "deep": {"a": 1}}\')');
    if (status === "pending" && n % 3 === 0) await call("archive_transaction($1, $2)");
    else if (status === "pending")
      await call(
        "update_transaction($1, $2, description => 'Starbucks at last', effective_at => now())",
      );
  }
}
