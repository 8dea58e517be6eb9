import type { CategoryLock } from "./categories.ts";
import { entriesFrom, linesOf, type Line, type LineOptions } from "./ledgers.ts";
import type { Statement } from "./sessions.ts";

/** Arguments of the functions that change a pending transaction; which ones each has, its declaration says. */
export type ChangeOptions = {
  entries?: Line[];
  effective_at?: string;
  description?: string;
  external_id?: string;
  expires_at?: string;
  idempotency_key?: string;
  category_locks?: CategoryLock[];
  expected_version?: number;
};

export type ChangeName = "post" | "update" | "archive" | "partially_post";

const READS: Record<string, (parameter: string) => string> = {
  entries: entriesFrom,
  category_locks: (parameter) =>
    `array(select jsonb_populate_record(null::daybook.category_lock_input, e)
             from jsonb_array_elements(${parameter}) with ordinality u (e, n) order by n)`,
};

/** Changes a pending transaction; what is undefined is left out. */
export function change(
  name: ChangeName,
  ledger: string,
  transactionId: string,
  options: ChangeOptions = {},
) {
  const values: unknown[] = [ledger, transactionId];
  const list = Object.entries(options).flatMap(([argument, value]) => {
    if (value === undefined) return [];
    const reads = READS[argument];
    values.push(reads ? JSON.stringify(value) : value);
    const parameter = `$${values.length}`;
    return `, ${argument} => ${reads ? reads(parameter) : parameter}`;
  });
  return {
    text: `select * from daybook.${name}_transaction($1, $2${list.join("")})`,
    values,
  } satisfies Statement;
}

/** Posts a part of what a transfer between two accounts holds. */
export function capture(
  ledger: string,
  transactionId: string,
  [from, to]: readonly [string, string],
  amount: number,
  { from: asks, ...options }: Omit<ChangeOptions, "entries"> & { from?: LineOptions } = {},
) {
  const entries = linesOf(from, to, amount, asks);
  return change("partially_post", ledger, transactionId, { entries, ...options });
}

/** Makes a pending transfer another one. */
export function revise(
  ledger: string,
  transactionId: string,
  [from, to]: readonly [string, string],
  amount: number,
  { from: asks, ...options }: Omit<ChangeOptions, "entries"> & { from?: LineOptions } = {},
) {
  const entries = linesOf(from, to, amount, asks);
  return change("update", ledger, transactionId, { entries, ...options });
}

/** Archives what is due; for the worker's login or the superuser. */
export const sweep = "select daybook_private.expire_transactions(100) as count";
