import type { Client, QueryResultRow } from "pg";

/** Arguments that are arrays of composites are sent as JSON and made composites by PostgreSQL. */
const COMPOSITES: Record<string, string> = {
  entries: "entry_input",
  accounts: "account_input",
  transactions: "transaction_input",
  category_locks: "category_lock_input",
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

/** Calls a function of schema daybook with named arguments; returns its rows, balances as JSON. */
export async function callAs(
  client: Pick<Client, "query">,
  name: string,
  args: object,
): Promise<QueryResultRow[]> {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  const list = given.map(([key, value], n) => argument(key, value, n + 1)).join(", ");
  const isResult = /(?<!queued)_transaction(_metadata)?$|^create_transactions$|^transfer_/.test(
    name,
  );
  const columns = isResult ? "r.*, to_jsonb(r.balances) as balances" : "r.*";
  const { rows } = await client.query<QueryResultRow>(
    `select ${columns} from daybook.${name}(${list}) r`,
    given.map(([key, value]) => encoded(key, value)),
  );
  return rows;
}
