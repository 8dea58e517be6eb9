import { expect } from "@jest/globals";
import type { Line } from "../support/ledgers.ts";
import { traces, type History } from "./compare.ts";
import { settle } from "./expiry.ts";
import { apply, isClosed } from "./judge.ts";
import { add, isPast, place, recall, remember, type Model } from "./model.ts";
import type { Between } from "./other-operations.ts";

type Transfer = { from: Line[]; to: Line[]; effective_at?: string };

/** Moves an amount from one ledger of a history to the other, twice; the second time it is a replay or refused again. */
export async function carryOutBetween(history: History, operation: Between): Promise<void> {
  const [source, target] = operation.isBack ? [history.other, history] : [history, history.other];
  const { amount, key, effective } = operation;
  const [from, clearing, toClearing, to] = accountsOf(source.model, target.model, operation);
  const transfer: Transfer = {
    from: linesOf(from, clearing, amount),
    to: linesOf(toClearing, to, amount),
    ...(effective && { effective_at: effective }),
  };
  const isKnown = key !== undefined && source.model.keys.has(key);
  const code = predict(source, target, transfer, key);
  const statement = {
    name: "between",
    text: "select * from daybook.transfer_between_ledgers($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    values: [source.ledger, from, target.ledger, to, amount, clearing, toClearing, effective, key],
  };
  for (const isAgain of [false, true]) {
    if (isAgain && code === null && key === undefined) return;
    const before = await traces(history);
    const actual = await source.client.query(statement).then(
      ({ rows }) => rows[0],
      (error) => ({ code: error.code }),
    );
    const isNew = code === null && !isKnown && !isAgain;
    expect((await traces(history)) === before).toBe(!isNew);
    if (code !== null) {
      expect(actual).toEqual({ code });
      continue;
    }
    if (isNew) {
      source.ids.push(actual.transaction_id);
      target.ids.push((await counterpartOf(source)).id);
    }
    expect(actual).toMatchObject({ status: "posted", version: 1, replayed: isKnown || isAgain });
    const known = isKnown ? source.model.keys.get(key)!.transaction : source.ids.length - 1;
    expect(source.ids.indexOf(actual.transaction_id)).toBe(known);
  }
}

async function counterpartOf({ database, ledger, ids }: History) {
  const { rows } = await database.pool.query(
    "select counterpart_transaction_id as id from daybook.transactions where ledger = $1 and id = $2",
    [ledger, ids.at(-1)],
  );
  return rows[0];
}

/** Mostly accounts of one currency, all different where they must be. */
function accountsOf(source: Model, target: Model, { from, clearing, toClearing, to }: Between) {
  const currency = source.accounts.get(from)?.currency;
  const pick = ({ accounts }: Model, { which, isAny }: Between["to"], not: string) => {
    const all = [...accounts.keys(), "nobody"];
    const fitting = all.filter((name) => accounts.get(name)?.currency === currency && name !== not);
    const some = isAny || fitting.length === 0 ? all : fitting;
    return some[which % some.length]!;
  };
  const beneficiary = pick(target, to, "");
  return [
    from,
    pick(source, clearing, from),
    pick(target, toClearing, beneficiary),
    beneficiary,
  ] as const;
}

const linesOf = (debit: string, credit: string, amount: number): Line[] => [
  { account: debit, direction: "debit", amount },
  { account: credit, direction: "credit", amount },
];

/** Predicts transfer_between_ledgers: the code of a refusal, or null; changes both models unless it is refused. */
function predict(source: History, target: History, transfer: Transfer, key?: string) {
  const { from, to, effective_at: effective } = transfer;
  if (from[0]!.account === from[1]!.account || to[0]!.account === to[1]!.account) return "LDARG";
  const request = JSON.stringify(["between", target.ledger, transfer]);
  const known = recall(source.model, key, request);
  if (known) return "code" in known ? known.code : null;
  const [amount] = [from[0]!.amount];
  if (amount <= 0 || !Number.isInteger(amount)) return "LDAMT";
  const sides = [
    { history: source, lines: from },
    { history: target, lines: to },
  ];
  const found = sides.flatMap(({ history, lines }) =>
    lines.map(({ account }) => history.model.accounts.get(account)),
  );
  if (found.includes(undefined)) return "LDACC";
  if (new Set(found.map((account) => account!.currency)).size > 1) return "LDCUR";
  if (sides.some(({ history, lines }) => isClosed(history.model.accounts, lines))) return "LDCLS";
  if (sides.some(({ history }) => isPast(history.model, effective))) return "LDPER";
  const isFirst = source.ledger < target.ledger ? 0 : 1;
  const drafts = sides.map(({ history, lines }, n) => {
    const draft = structuredClone(history.model);
    const placed = place(draft, lines);
    const code = settle(draft, lines, {}, (accounts) => apply(accounts, lines, 1, 1));
    const other = sides[1 - n]!.history.model.transactions.length;
    // The second half takes effect when the first was made.
    const at = effective ?? (n === isFirst ? undefined : `~${draft.transactions.length}`);
    add(draft, placed, {
      status: "posted",
      effective: at,
      external: undefined,
      counterpart: other,
    });
    return { history, draft, code };
  });
  const refused = drafts.find(({ code }) => code !== null)?.code;
  if (refused) return refused;
  for (const { history, draft } of drafts) Object.assign(history.model, draft);
  const answer = { status: "posted", version: 1, reason: null };
  remember(source.model, key, {
    request,
    answer,
    transaction: source.model.transactions.length - 1,
  });
  return null;
}
