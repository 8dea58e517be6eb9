import { expect } from "@jest/globals";
import type { Client } from "pg";
import * as statements from "../support/ledgers.ts";
import type { CreateOptions } from "../support/ledgers.ts";
import { sweep } from "../support/changes.ts";
import { violations } from "../support/books.ts";
import type { TestDatabase } from "../support/database.ts";
import { ACCOUNTS } from "./arguments.ts";
import { compare, type History } from "./compare.ts";
import { carryOutFinal, isFinal } from "./final-history.ts";
import { carryOutLifecycle, isLifecycle } from "./lifecycle-history.ts";
import { linesOfMoves } from "./lines.ts";
import { create, type Model } from "./model.ts";
import { counters, lives, predictedCounters, predictedLives } from "./observe.ts";
import type { Create, Operation } from "./operations.ts";

/** Carries out operations on a new ledger and on the model, and compares them after each. */
export async function playHistory(
  database: TestDatabase,
  client: Client,
  operations: Operation[],
): Promise<void> {
  const ledger = await statements.openLedger(database, ACCOUNTS);
  await database.pool.query(sweep); // what an earlier history has left
  const history = { database, client, ledger, model: newModel(), ids: [], kept: [] };
  for (const operation of operations) {
    await carryOut(history, operation);
    expect(await violations(database, ledger)).toEqual([]);
    expect(await counters(history)).toEqual(predictedCounters(history.model));
    expect(await lives(history)).toEqual(predictedLives(history.model));
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
  return { accounts: new Map(accounts), transactions: [], keys: new Map(), closedUntil: "" };
}

async function carryOut(history: History, operation: Operation): Promise<void> {
  const { database, client, ledger, model } = history;
  if (operation.does === "create") return carryOutCreate(history, operation);
  if (isFinal(operation)) return carryOutFinal(history, operation);
  if (isLifecycle(operation)) return carryOutLifecycle(history, operation);
  if ("earlier" in operation) {
    const call = history.kept[operation.earlier % Math.max(1, history.kept.length)];
    if (call)
      expect((await client.query(call.statement as { text: string })).rows[0]).toEqual(call.result);
    return;
  }
  if ("until" in operation) {
    const { does, until } = operation;
    const isForward = until > model.closedUntil;
    if (isForward === (does === "close_period")) model.closedUntil = until;
    await client.query(`select daybook.${does}($1, $2)`, [ledger, until]);
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

async function carryOutCreate(history: History, operation: Create): Promise<void> {
  const { model, ledger } = history;
  const lines = linesOfMoves(model, operation.moves);
  const { key, isSnapshot } = operation;
  const mayExpire = operation.status === "pending" || operation.isMisplaced;
  const options: CreateOptions = {
    ...(operation.status && { status: operation.status }),
    ...(key && { idempotency_key: key }),
    ...(operation.external && { external_id: operation.external }),
    ...(operation.effective && { effective_at: operation.effective }),
    ...(operation.expires && mayExpire && { expires_at: operation.expires }),
    ...(operation.declines !== undefined && { archive_on_lock_failure: operation.declines }),
    ...(operation.rehearses !== undefined && { dry_run: operation.rehearses }),
  };
  const isKnown = key !== undefined && model.keys.has(key);
  const answer = create(model, lines, options, isSnapshot);
  const statement = statements.create(ledger, lines, options);
  const isDry = operation.rehearses === true;
  await compare(history, statement, answer, { isKnown, key, isSnapshot, isDry });
}
