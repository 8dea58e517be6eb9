import type { Client, Pool } from "pg";
import { MUTATIONS, type Mutation } from "./list.ts";

/** The mutation of a name. */
export function findMutation(name: string): Mutation {
  const mutation = MUTATIONS.find((one) => one.name === name);
  if (!mutation)
    throw new Error(`there is no mutation ${name}: ${MUTATIONS.map((one) => one.name).join(", ")}`);
  return mutation;
}

/** Puts in a deliberate bug, if the run is to show that the tests find it. */
export async function breakLedger(pool: Pick<Pool | Client, "query">): Promise<void> {
  const name = process.env["DAYBOOK_MUTATION"];
  if (name) await applyMutation(pool, findMutation(name));
}

/**
 * Puts a deliberate bug into a database.
 * @throws Error if the function is not as the mutation believes it to be: then the mutation has to be written anew
 */
export async function applyMutation(
  pool: Pick<Pool | Client, "query">,
  mutation: Mutation,
): Promise<void> {
  const [name, schema = "daybook_private"] = mutation.function.split(".").toReversed();
  const { rows } = await pool.query(
    "select pg_get_functiondef(oid) as text from pg_proc where proname = $1 and pronamespace = to_regnamespace($2)",
    [name, schema],
  );
  if (rows.length !== 1)
    throw new Error(`${mutation.name}: there are ${rows.length} functions ${mutation.function}`);
  let text = rows[0].text as string;
  for (const [from, to] of mutation.changes) {
    const found = from === "BEGIN_OF_BODY" ? "\nbegin" : from;
    const places = text.split(found).length - 1;
    if (places !== 1)
      throw new Error(`${mutation.name}: ${mutation.function} holds ${places} times: ${found}`);
    text = text.replace(found, () => (from === "BEGIN_OF_BODY" ? `\n${to}` : to));
  }
  await pool.query(text);
}
