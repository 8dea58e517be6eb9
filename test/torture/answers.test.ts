import { describe, expect, test } from "@jest/globals";
import { checkAnswers } from "../../torture/checks/answers.ts";
import type { Books } from "../../torture/checks/books.ts";
import { checkReceipts } from "../../torture/checks/receipts.ts";
import type { Deed, Read } from "../../torture/clients/deed.ts";
import type { Args, Row } from "../../torture/doors/door.ts";
import { asked, booksOf, findingsOf } from "./support.ts";

const check = (deed: Deed, row?: Row, receipts: [string, Row][] = []) => {
  const byDeed = new Map<string, Row[]>(row ? [[deed.id, [{ made: 0, ...row }]]] : []);
  const books: Books = { ...booksOf([]), byDeed, receipts: new Map(receipts) };
  return findingsOf((report) => checkAnswers(books, [deed], report));
};

const refused = (does: string, code: string, request: Args = {}, rest: Partial<Deed> = {}) =>
  check(Object.assign(asked("x", does, request, 1, 2), { fate: "refused", code, ...rest }));

describe("refusals", () => {
  const bound = { entries: [{ account: "a", available_balance: { gte: 0 } }] };

  test.each<[string, string, Args]>([
    ["create_transaction", "LDBAL", bound],
    ["create_transaction", "LDVER", { entries: [{ lock_version: 0 }] }],
    ["create_transaction", "LDEXT", { external_id: "x" }],
    ["create_transaction", "LDARG", { expires_at: "2026-01-01" }],
    ["create_transaction", "LDLIM", {}],
    ["update_transaction", "LDSTA", {}],
    ["partially_post_transaction", "LDAMT", {}],
    ["transfer_between_ledgers", "LDLIM", {}],
  ])("of %s with %s can be right", (does, code, request) => {
    expect(refused(does, code, request)).toEqual([]);
  });

  test.each([
    "LDTXN",
    "LDIDM",
    "LDACC",
    "LDLED",
    "LDCTG",
    "LDRCP",
    "LDUNB",
    "LDCUR",
    "LDCYC",
    "LDIMM",
    "LDDUP",
    "LDAMT",
    "LDISO",
    "LDQUE",
    "42501",
    "INTERNAL",
  ])("with %s are wrong, whoever is told so", (code) => {
    for (const does of [
      "create_transaction",
      "post_transaction",
      "close_account",
      "enqueue_transactions",
    ])
      expect(refused(does, code, bound)).toEqual([expect.stringMatching(`refused with ${code}`)]);
  });

  test.each<[string, string, Args]>([
    ["create_transaction", "LDBAL", {}],
    ["create_transaction", "LDVER", bound],
    ["create_transaction", "LDCAT", bound],
    ["create_transaction", "LDEXT", {}],
    ["create_transaction", "LDARG", {}],
    ["archive_transaction", "LDLIM", {}],
    ["close_account", "LDSTA", {}],
  ])("of %s with %s are wrong where that was not asked", (does, code, request) => {
    expect(refused(does, code, request)).toHaveLength(1);
  });

  test("can be for what another one asked with whom it falls", () => {
    expect(refused("create_transaction", "LDBAL", {}, { amid: [{}, bound] })).toEqual([]);
  });

  test("that must be are right", () => {
    expect(refused("open_accounts", "LDDUP", {}, { mustBe: "LDDUP" })).toEqual([]);
  });
});

/** Refused when so many answers had been lost. */
const refusedAfter = (lost: number) =>
  Object.assign(asked("x", "create_transaction", {}, 1, 2), {
    fate: "refused",
    code: "LDLIM",
    lost,
  });

test("what was refused is not there, unless an answer was lost before", () => {
  expect(check(refusedAfter(0))).toEqual([]);
  expect(check(refusedAfter(1), { id: "t" })).toEqual([]);
  expect(check(refusedAfter(0), { id: "t" })).toEqual([
    expect.stringMatching("there all the same"),
  ]);
});

test("what must be refused and was, is not there, however many answers were lost", () => {
  const rest = { fate: "refused" as const, code: "LDISO", mustBe: "LDISO", lost: 1 };
  const deed = Object.assign(asked("x", "create_transaction", {}, 1, 2), rest);
  expect(check(deed)).toEqual([]);
  expect(check(deed, { id: "t" })).toEqual([expect.stringMatching("there all the same")]);
});

test("balances are shown of those accounts whose entries asked for them, and of no others", () => {
  const entries = ["a", "a", "b"].map((account) => ({
    account,
    show_resulting_balances: account === "a",
  }));
  const showing = (...balances: (Row | null)[]) => {
    const answer = { transaction_id: "t", balances };
    return check(Object.assign(asked("x", "create_transaction", { entries }, 1, 2), { answer }), {
      id: "t",
    });
  };
  expect(showing({ account: "a" })).toEqual([]);
  for (const some of [[], [{ account: "b" }], [{ account: "a" }, { account: "b" }], [null]])
    expect(showing(...some)).toEqual([expect.stringMatching("was to show the balances of a")]);
});

const end = (facts: Row) => ({
  idempotency_key: "x",
  transaction_id: null,
  error_code: null,
  ...facts,
});

describe("receipts", () => {
  const request = {
    entries: [{ account: "a", available_balance: { gte: 0 } }],
    idempotency_key: "x",
  };
  const deed = () =>
    Object.assign(asked("x", "enqueue_transactions", request, 1, 2), {
      answer: { receipt_id: "r", state: "queued", idempotency_key: "x" },
    });
  const ending = (facts: Row, row?: Row) => check(deed(), row, [["r", end(facts)]]);

  test("end applied, or refused for what can be wrong", () => {
    expect(ending({ state: "applied", transaction_id: "t" }, { id: "t" })).toEqual([]);
    expect(ending({ state: "refused", error_code: "LDBAL" })).toEqual([]);
    const declined = { id: "t", archived_reason: "balance_lock_failure" };
    expect(
      ending({ state: "applied", transaction_id: "t", error_code: "LDBAL" }, declined),
    ).toEqual([]);
  });

  test.each(["LDTXN", "LDIDM", "LDCAT", "40P01", "57014", "XX000", null])(
    "are not refused with %s",
    (error_code) => {
      expect(ending({ state: "refused", error_code })).toEqual([
        expect.stringMatching("the receipt is refused"),
      ]);
    },
  );

  test("that are applied have no error, unless a decline is kept", () => {
    expect(
      ending(
        { state: "applied", transaction_id: "t", error_code: "LDBAL" },
        { id: "t", archived_reason: null },
      ),
    ).toHaveLength(1);
  });

  const shown = (...rows: [Row, number][]) => {
    const finished = end({ state: "applied", transaction_id: "t" });
    const books: Books = { ...booksOf([]), receipts: new Map([["r", finished]]) };
    const reads = rows.map(([row, sent]): Read => {
      const told = { receipt_id: "r", idempotency_key: "x", ...row };
      return {
        does: "queued_transaction",
        request: { ledger: "main", receipt_id: "r" },
        rows: [told],
        sent,
        ended: sent + 1,
        client: "s0",
      };
    });
    return findingsOf((report) => checkReceipts(books, [deed()], reads, report));
  };
  const [waiting, applied] = [{ state: "queued" }, { state: "applied", transaction_id: "t" }];

  test("are shown waiting, and then as they end", () => {
    expect(shown([waiting, 3], [applied, 5], [applied, 9])).toEqual([]);
    expect(shown([applied, 5], [waiting, 5.5])).toEqual([]);
  });

  test.each<[string, Row]>([
    ["another transaction", { state: "applied", transaction_id: "u" }],
    ["another end", { state: "refused", error_code: "LDBAL" }],
    ["a transaction before its end", { state: "queued", transaction_id: "t" }],
    ["no state", { transaction_id: "t" }],
    ["another key", { ...waiting, idempotency_key: "y" }],
    ["another receipt", { ...waiting, receipt_id: "s" }],
  ])("are not shown with %s", (_, row) => {
    expect(shown([row, 3])).toHaveLength(1);
  });

  test("never wait again", () => {
    expect(shown([applied, 5], [waiting, 7])).toEqual([
      expect.stringMatching("that had ended was said to wait"),
    ]);
  });
});
