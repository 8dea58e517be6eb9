import { expect } from "@jest/globals";
import type { Client } from "pg";
import { violations } from "../support/books.ts";
import { change } from "../support/categories.ts";
import { sweep } from "../support/changes.ts";
import type { TestDatabase } from "../support/database.ts";
import * as statements from "../support/ledgers.ts";
import { ACCOUNTS, CATEGORIES } from "./arguments.ts";
import { carryOutBetween } from "./between-history.ts";
import { changeMembers, createCategory } from "./categories.ts";
import { carryOutCategories, isCategories } from "./categories-history.ts";
import { compare, type History } from "./compare.ts";
import { carryOutFinal, isFinal } from "./final-history.ts";
import { carryOutLifecycle, isLifecycle } from "./lifecycle-history.ts";
import { carryOutBatch, carryOutQueue } from "./many-history.ts";
import { create, type Model } from "./model.ts";
import { observe, predict } from "./observe.ts";
import type { Create, InLedger, Operation } from "./operations.ts";
import { requestOf } from "./sent.ts";

/** Carries out operations on two new ledgers and on their models, and compares them after each. */
export async function playHistory(
  database: TestDatabase,
  client: Client,
  operations: Operation[],
): Promise<void> {
  await database.pool.query(sweep); // what an earlier history has left
  const here = await open(database, client);
  const there = await open(database, client);
  here.other = there;
  there.other = here;
  for (const operation of operations) {
    const { does } = operation;
    if (does === "between") await carryOutBetween(here, operation);
    else if (does === "elsewhere") await carryOut(there, operation.operation);
    else await carryOut(here, operation);
    if (does !== "elsewhere") await compareBooks(here);
    if (["elsewhere", "between", "sweep"].includes(does)) await compareBooks(there);
  }
  await compareBooks(here);
  await compareBooks(there);
}

async function open(database: TestDatabase, client: Client): Promise<History> {
  const ledger = await statements.openLedger(database, ACCOUNTS);
  for (const [name, { currency, normal_balance }] of Object.entries(CATEGORIES)) {
    const values = [ledger, name, currency, normal_balance];
    await client.query("select daybook.create_category($1, $2, $3, $4)", values);
  }
  for (const [name, { members }] of Object.entries(CATEGORIES)) {
    for (const each of members) {
      const member = each in CATEGORIES ? { child_category: each } : { account: each };
      await client.query(change("add_to", ledger, name, member));
    }
  }
  await database.pool.query(statements.drain(ledger)); // the first call only makes the head
  const nothing = { ids: [], receiptIds: [], sent: [], kept: [] };
  return { database, client, ledger, model: newModel(), ...nothing } as unknown as History;
}

async function compareBooks(history: History): Promise<void> {
  expect(await violations(history.database, history.ledger)).toEqual([]);
  const { books, times } = await observe(history);
  expect(books).toEqual(predict(history.model, times));
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
  const model: Model = {
    accounts: new Map(accounts),
    transactions: [],
    keys: new Map(),
    closedUntil: "",
    categories: new Map(),
    receipts: [],
  };
  for (const [name, { currency, normal_balance, members }] of Object.entries(CATEGORIES)) {
    createCategory(model, name, currency, normal_balance);
    for (const each of members) {
      const member = each in CATEGORIES ? { child_category: each } : { account: each };
      changeMembers(model, "add_to", name, member);
    }
  }
  return model;
}

async function carryOut(history: History, operation: InLedger): Promise<void> {
  const { database, client, ledger, model } = history;
  const { does } = operation;
  if (does === "create") return carryOutCreate(history, operation);
  if (does === "batch") return carryOutBatch(history, operation);
  if (does === "enqueue" || does === "drain") return carryOutQueue(history, operation);
  if (isCategories(operation)) return carryOutCategories(history, operation);
  if (isFinal(operation)) return carryOutFinal(history, operation);
  if (isLifecycle(operation)) return carryOutLifecycle(history, operation);
  if ("earlier" in operation) {
    const call = history.kept[operation.earlier % Math.max(1, history.kept.length)];
    if (call)
      expect((await client.query(call.statement as { text: string })).rows[0]).toEqual(call.result);
    return;
  }
  if ("until" in operation) {
    const isForward = operation.until > model.closedUntil;
    if (isForward === (operation.does === "close_period")) model.closedUntil = operation.until;
    await client.query(`select daybook.${operation.does}($1, $2)`, [ledger, operation.until]);
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

async function carryOutCreate(
  history: History,
  { request, rehearses, isSnapshot }: Create,
): Promise<void> {
  const { model, ledger, sent } = history;
  const member = requestOf(model, sent, request);
  const key = member.idempotency_key;
  const isKnown = key !== undefined && model.keys.has(key);
  const isDry = rehearses === true;
  const answer = create(model, member, { isSnapshot, isDry });
  const statement = {
    name: "make",
    text: `select r.*
             from jsonb_populate_record(null::daybook.transaction_input, $2) i
            cross join lateral daybook.create_transaction($1, i.entries, i.status, i.effective_at,
                    i.idempotency_key, i.external_id, i.description, i.metadata, i.category_locks,
                    i.archive_on_lock_failure, i.expires_at, $3) r`,
    values: [ledger, JSON.stringify(member), rehearses],
  };
  await compare(history, statement, answer, { isKnown, key, isSnapshot, isDry });
}
