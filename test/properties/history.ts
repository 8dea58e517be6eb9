import { expect } from "@jest/globals";
import type { Client } from "pg";
import * as statements from "../support/ledgers.ts";
import type { CreateOptions, Line } from "../support/ledgers.ts";
import { violations } from "../support/books.ts";
import type { TestDatabase } from "../support/database.ts";
import type { Row } from "../support/sessions.ts";
import { compare, type History } from "./compare.ts";
import { balancesOf } from "./judge.ts";
import { create, finish, reverse, tag, type Model } from "./model.ts";
import { ACCOUNTS, type Create, type Operation } from "./operations.ts";

/** Carries out operations on a new ledger and on the model, and compares them after each. */
export async function playHistory(
  database: TestDatabase,
  client: Client,
  operations: Operation[],
): Promise<void> {
  const ledger = await statements.openLedger(database, ACCOUNTS);
  const history = { database, client, ledger, model: newModel(), ids: [], kept: [] };
  for (const operation of operations) {
    await carryOut(history, operation);
    expect(await violations(database, ledger)).toEqual([]);
    expect(await counters(history)).toEqual(predictedCounters(history.model));
  }
}

const zero = () => ({ debit: 0, credit: 0 });

function newModel(): Model {
  const accounts = Object.entries(ACCOUNTS).map(([address, account]) => {
    const sign = "normal_balance" in account ? (-1 as const) : (1 as const);
    const fresh = { min: null, max: null, closed: false, version: 0 };
    return [
      address,
      { ...fresh, currency: account.currency, sign, pending: zero(), posted: zero() },
    ] as const;
  });
  return { accounts: new Map(accounts), transactions: [], keys: new Map() };
}

async function carryOut(history: History, operation: Operation): Promise<void> {
  const { database, client, ledger, model } = history;
  if ("moves" in operation) return carryOutCreate(history, operation);
  if ("whichPosted" in operation) return carryOutReverse(history, operation);
  if ("value" in operation) return carryOutTag(history, operation);
  if ("which" in operation) {
    const index = choose(model, operation.which);
    if (index === undefined) return;
    const statement = statements.finish(operation.does, ledger, history.ids[index]!, operation.key);
    const isKnown = operation.key !== undefined && model.keys.has(operation.key);
    const answer = finish(model, operation.does, index, operation.key);
    return compare(history, statement, answer, { isKnown, key: operation.key });
  }
  if ("earlier" in operation) {
    const call = history.kept[operation.earlier % Math.max(1, history.kept.length)];
    if (call)
      expect((await client.query(call.statement as { text: string })).rows[0]).toEqual(call.result);
    return;
  }
  const account = model.accounts.get(operation.account)!;
  if (operation.does === "fold") {
    await database.pool.query(await statements.fold(database, ledger, operation.account));
  } else if ("min" in operation) {
    const [min, max] = [operation.min, operation.max];
    if (min !== null && max !== null && min > max) return;
    Object.assign(account, { min, max });
    await client.query("select daybook.set_account_limits($1, $2, $3, $4)", [
      ledger,
      operation.account,
      min,
      max,
    ]);
  } else {
    account.closed = operation.does === "close";
    await client.query(`select daybook.${operation.does}_account($1, $2)`, [
      ledger,
      operation.account,
    ]);
  }
}

/** Mostly a pending transaction, or one of another status; now and then any. */
function choose(
  { transactions }: Model,
  which: number,
  status: string = "pending",
): number | undefined {
  const all = [...transactions.keys()];
  const likely = all.filter((index) => transactions[index]!.status === status);
  const among = which < 80 && likely.length > 0 ? likely : all;
  return among[which % Math.max(1, among.length)];
}

async function carryOutReverse(
  history: History,
  { whichPosted, status, key }: Extract<Operation, { does: "reverse" }>,
): Promise<void> {
  const { model, ledger, ids } = history;
  const reversed = model.transactions.findLastIndex((t) => t.reversedBy !== undefined);
  const isAgain = reversed >= 0 && whichPosted < 30;
  const index = isAgain ? reversed : choose(model, whichPosted, "posted");
  if (index === undefined) return;
  const options = { ...(status && { status }), ...(key && { idempotency_key: key }) };
  const statement = statements.reverse(ledger, ids[index]!, options);
  const isKnown = key !== undefined && model.keys.has(key);
  await compare(history, statement, reverse(model, index, status, key), { isKnown, key });
  const { rows } = await history.database.pool.query(
    "select reversed_by_transaction_id as id from daybook.transactions where ledger = $1 and id = $2",
    [ledger, ids[index]],
  );
  expect(rows[0].id).toBe(ids[model.transactions[index]!.reversedBy ?? -1] ?? null);
}

async function carryOutTag(
  history: History,
  { which, name, value }: Extract<Operation, { does: "tag" }>,
): Promise<void> {
  const { model, ledger, ids } = history;
  // Mostly the same one, so that there is something to change.
  const index = which < 80 ? 0 : choose(model, which);
  if (index === undefined || model.transactions.length === 0) return;
  const statement = statements.tag(ledger, ids[index]!, name, value);
  const answer = tag(model, index, name, value);
  await compare(history, statement, answer, { isKnown: false, key: undefined });
  const { rows } = await history.database.pool.query(
    "select metadata from daybook.transactions where ledger = $1 and id = $2",
    [ledger, ids[index]],
  );
  expect(rows[0].metadata).toEqual(model.transactions[index]!.metadata);
}

async function carryOutCreate(history: History, operation: Create): Promise<void> {
  const { model, ledger } = history;
  const lines = operation.moves.flatMap((move) => [
    lineOf(model, move.from, "debit", move.amount),
    lineOf(model, move.to, "credit", move.amount),
  ]);
  const { key, isSnapshot } = operation;
  const options: CreateOptions = {
    ...(operation.status && { status: operation.status }),
    ...(key && { idempotency_key: key }),
    ...(operation.external && { external_id: operation.external }),
    ...(operation.declines !== undefined && { archive_on_lock_failure: operation.declines }),
    ...(operation.rehearses !== undefined && { dry_run: operation.rehearses }),
  };
  const isKnown = key !== undefined && model.keys.has(key);
  const answer = create(model, lines, options, isSnapshot);
  const statement = statements.create(ledger, lines, options);
  const isDry = operation.rehearses === true;
  await compare(history, statement, answer, { isKnown, key, isSnapshot, isDry });
}

function lineOf(
  model: Model,
  { account, asks }: Create["moves"][number]["from"],
  direction: "debit" | "credit",
  amount: number,
): Line {
  const now = model.accounts.get(account);
  const { version, bound, show } = asks ?? {};
  const line: Line = { account, direction, amount };
  if (version !== undefined) line.lock_version = Math.max(0, (now?.version ?? 0) + version);
  if (show !== undefined) line.show_resulting_balances = show;
  if (bound) {
    const balance = now ? balancesOf(now)[bound.balance as keyof ReturnType<typeof balancesOf>] : 0;
    line[bound.balance as "posted_balance"] = { [bound.kind]: balance + bound.distance };
  }
  return line;
}

async function counters({ database, ledger }: History): Promise<Row> {
  const { rows } = await database.pool.query({
    name: "counters",
    text: `select account, array[lock_version, pending_debits, pending_credits, posted_debits, posted_credits]::integer[] as now
             from daybook.balances where ledger = $1 and account <> 'world'`,
    values: [ledger],
  });
  return Object.fromEntries(rows.map(({ account, now }) => [account, now]));
}

function predictedCounters({ accounts }: Model): Row {
  return Object.fromEntries(
    [...accounts].map(([address, { version, pending, posted }]) => [
      address,
      [version, pending.debit, pending.credit, posted.debit, posted.credit],
    ]),
  );
}
