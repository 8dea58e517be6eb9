import { createHash } from "node:crypto";
import type { PoolClient, QueryArrayConfig } from "pg";

/** Beyond this a connection is given up, and with it what it has prepared. */
const PREPARED_MAX = 300;
/** Longer texts come from unusual queries: not worth the server's memory. */
const LENGTH_MAX = 10_000;

const names = new Map<string, string>();
const prepared = new WeakMap<PoolClient, Set<string>>();

/** A statement that the server parses and plans once per connection. */
export function preparedStatement(
  client: PoolClient,
  text: string,
  values: readonly unknown[] | undefined,
): QueryArrayConfig {
  const query = { text, values: values && [...values], rowMode: "array" as const };
  if (text.length > LENGTH_MAX) return query;
  const name = nameOf(text);
  const known = prepared.get(client) ?? new Set();
  prepared.set(client, known.add(name));
  return { ...query, name };
}

/** Whether a connection has prepared so much that a fresh one is better. */
export function isWornOut(client: PoolClient): boolean {
  return (prepared.get(client)?.size ?? 0) > PREPARED_MAX;
}

function nameOf(text: string): string {
  const known = names.get(text);
  if (known) return known;
  if (names.size > 1000) names.clear(); // the name depends on the text alone
  const name = `d${createHash("sha1").update(text).digest("hex")}`;
  names.set(text, name);
  return name;
}
