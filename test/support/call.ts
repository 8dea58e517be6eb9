import type { Client, QueryResultRow } from "pg";

/** Arguments that are arrays of composites are sent as JSON and made composites by PostgreSQL. */
const COMPOSITES: Record<string, string> = {
  entries: "entry_input",
  accounts: "account_input",
  transactions: "transaction_input",
  category_locks: "category_lock_input",
  acknowledged: "acknowledged_input",
};

const isComposites = (name: string, value: unknown) =>
  name in COMPOSITES && Array.isArray(value) && typeof value[0] !== "string";

function argument(name: string, value: unknown, position: number): string {
  if (!isComposites(name, value)) return `${name} => $${position}`;
  return `${name} => array(
    select jsonb_populate_record(null::daybook.${COMPOSITES[name]}, v)
      from jsonb_array_elements($${position}::jsonb) with ordinality j (v, n) order by n)`;
}

function encoded(name: string, value: unknown): unknown {
  const isJson = name === "metadata" && value !== null;
  return isJson || isComposites(name, value) ? JSON.stringify(value) : value;
}

/** Columns of a result whose balances are to be read. */
export const RESULT = "r.*, to_jsonb(r.balances) as balances";

/** Calls a function of schema daybook with named arguments; returns its rows, of single calls with balances as JSON. */
export async function callAs(
  client: Pick<Client, "query">,
  name: string,
  args: object,
  columns = /(?<!queued)_transaction(_metadata)?$|^transfer_/.test(name) ? RESULT : "r.*",
): Promise<QueryResultRow[]> {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  const list = given.map(([key, value], n) => argument(key, value, n + 1)).join(", ");
  const { rows } = await client.query<QueryResultRow>(
    `select ${columns} from daybook.${name}(${list}) r`,
    given.map(([key, value]) => encoded(key, value)),
  );
  return rows;
}
