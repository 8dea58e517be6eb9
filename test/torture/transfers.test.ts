import { expect, test } from "@jest/globals";
import type { Books } from "../../torture/checks/books.ts";
import { checkAnswers } from "../../torture/checks/answers.ts";
import { checkTransfers } from "../../torture/checks/transfers.ts";
import type { Row } from "../../torture/doors/door.ts";
import { asked, booksOf, findingsOf } from "./support.ts";

const moment = new Date();

/** The books of a ledger with one half of a transfer. */
function half(ledger: string, id: string, other: Row, amount = 5): Books {
  const entry = {
    id,
    transaction: id,
    version: 1,
    position: 1,
    account: "a",
    direction: "debit" as const,
  };
  const rest = {
    effect: "posted" as const,
    locked: false,
    lockVersion: 1,
    counters: [],
    createdAt: 0,
  };
  const books = booksOf([{ address: "a" }], { entries: [{ ...entry, ...rest, amount }] });
  const row = {
    id,
    version: 1,
    metadata: {},
    status: "posted",
    effective_at: moment,
    made: 0,
    ...other,
  };
  books.transactions.set(id, row);
  return { ...books, ledger, byDeed: new Map([["move", [row]]]) };
}
const naming = (counterpart_ledger: string, counterpart_transaction_id: string) => ({
  counterpart_ledger,
  counterpart_transaction_id,
});

const request = { ledger: "here", from_ledger: "here", to_ledger: "there" };
const answer = { transaction_id: "1", replayed: false };
const deed = Object.assign(asked("move", "transfer_between_ledgers", request, 1, 2), {
  answer,
  sentAt: 0,
});
const [here, there] = [
  half("here", "1", naming("there", "2")),
  half("there", "2", naming("here", "1")),
];
const check = (one: Books, other: Books) =>
  findingsOf((report) => checkTransfers([one, other], [deed], report));

const told = (books: Books, transaction_id: string) =>
  findingsOf((report) => {
    const one = Object.assign(structuredClone(deed), { answer: { ...answer, transaction_id } });
    checkAnswers(books, [one], report);
  });

test("both halves of a transfer are there, name each other and are the same", () => {
  expect(check(here, there)).toEqual([]);
});

test.each<[string, Books]>([
  ["missing", { ...booksOf([]), ledger: "there" }],
  ["another's", half("there", "2", naming("here", "3"))],
  ["another amount", half("there", "2", naming("here", "1"), 6)],
  ["archived", half("there", "2", { ...naming("here", "1"), status: "archived" })],
  ["at another time", half("there", "2", { ...naming("here", "1"), effective_at: new Date(0) })],
  ["nobody's", half("there", "2", {})],
])("the other half is %s", (_, other) => {
  expect(check(here, other)).not.toEqual([]);
});

test("the half in the ledger that the money leaves is the one that was acknowledged", () => {
  expect(told(here, "1")).toEqual([]);
  expect(told(there, "1")).toEqual([]);
  expect(told(here, "2")).toHaveLength(1);
  expect(told(there, "2")).toHaveLength(1);
});
