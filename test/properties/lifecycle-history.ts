import { expect } from "@jest/globals";
import * as changes from "../support/changes.ts";
import type { ChangeOptions } from "../support/changes.ts";
import { compare, traces, type History } from "./compare.ts";
import { sweep } from "./expiry.ts";
import { change, partiallyPost } from "./lifecycle.ts";
import type { Lifecycle } from "./lifecycle-operations.ts";
import { linesOfMoves, linesOfShares, locksOf } from "./lines.ts";
import type { Model, Transaction } from "./model.ts";

export const isLifecycle = (operation: { does: string }): operation is Lifecycle =>
  ["post", "update", "archive", "partially_post", "expire", "sweep"].includes(operation.does);

/** Carries out an operation on a pending transaction. */
export async function carryOutLifecycle(history: History, operation: Lifecycle): Promise<void> {
  const { model, ledger, ids } = history;
  if (operation.does === "sweep") return carryOutSweep(history);
  if (operation.does === "expire") return letExpire(history, operation.which);
  const index = choose(model, operation);
  if (index === undefined) return;
  const { does, key } = operation;
  const options = optionsOf(model, index, operation);
  if (does === "partially_post" && options.entries!.length < 2) return;
  const isKnown = key !== undefined && model.keys.has(key);
  const answer =
    does === "partially_post"
      ? partiallyPost(model, index, options)
      : change(model, does, index, options);
  const statement = changes.change(does, ledger, ids[index]!, options);
  await compare(history, statement, answer, { isKnown, key });
}

type Change = Exclude<Lifecycle, { does: "sweep" | "expire" }>;

function optionsOf(model: Model, index: number, operation: Change): ChangeOptions {
  const options: ChangeOptions = {};
  if (operation.key) options.idempotency_key = operation.key;
  if (operation.expected !== undefined) {
    options.expected_version = Math.max(1, model.transactions[index]!.version + operation.expected);
  }
  if (operation.does === "archive") return options;
  if (operation.moves) options.entries = linesOfMoves(model, operation.moves);
  else if (operation.does === "partially_post") {
    options.entries = linesOfShares(model, index, operation);
  }
  if (operation.effective) options.effective_at = operation.effective;
  if ("locks" in operation && operation.locks) {
    options.category_locks = locksOf(model, operation.locks);
  }
  if ("external" in operation && operation.external) options.external_id = operation.external;
  if ("description" in operation && operation.description) {
    options.description = operation.description;
  }
  if ("expires" in operation && operation.expires) options.expires_at = operation.expires;
  return options;
}

function choose({ transactions }: Model, { which, aim }: Change): number | undefined {
  const some = among(
    transactions,
    ({ status, isDue }) => aim === "any" || (status === "pending" && isDue === (aim === "due")),
  );
  return some[which % Math.max(1, some.length)];
}

const among = (transactions: Transaction[], is: (transaction: Transaction) => boolean) =>
  [...transactions.keys()].filter((index) => is(transactions[index]!));

/** Archives what is due, and finds nothing when called again. */
async function carryOutSweep(history: History): Promise<void> {
  const before = await traces(history);
  const expected = sweep(history.model) + sweep(history.other.model);
  for (const count of [expected, 0]) {
    expect((await history.database.pool.query(changes.sweep)).rows).toEqual([{ count }]);
  }
  expect((await traces(history)) === before).toBe(expected === 0);
}

/**
 * A time that lay far ahead comes for one transaction. Histories do not wait: its date is moved into the
 * past, past the triggers that forbid it, which is the same to all who compare it with the clock.
 */
async function letExpire({ database, ledger, model, ids }: History, which: number): Promise<void> {
  const due = among(
    model.transactions,
    ({ status, expires, isDue }) => status === "pending" && expires !== undefined && !isDue,
  );
  const index = due[which % Math.max(1, due.length)];
  if (index === undefined) return;
  Object.assign(model.transactions[index]!, { isDue: true, expires: "come" });
  const client = await database.pool.connect();
  try {
    await client.query("begin");
    await client.query("set local session_replication_role to replica");
    const values = [ledger, ids[index]];
    await client.query(
      "update daybook.transactions set expires_at = created_at where ledger = $1 and id = $2",
      values,
    );
    await client.query(
      `update daybook_private.expiring_holds x set expires_at = t.expires_at
         from daybook.transactions t
        where t.ledger = $1 and t.id = $2 and x.ledger = t.ledger and x.transaction_id = t.id`,
      values,
    );
    await client.query("commit");
  } finally {
    client.release();
  }
}
