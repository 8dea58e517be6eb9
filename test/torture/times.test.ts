import { expect, test } from "@jest/globals";
import { checkTimes } from "../../torture/checks/times.ts";
import type { Deed } from "../../torture/clients/deed.ts";
import type { Row } from "../../torture/doors/door.ts";
import { asked, booksOf, findingsOf } from "./support.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const made = (row: Row) => ({
  id: "t",
  version: 1,
  effective_at: at(1),
  created_at: at(1),
  expires_at: null,
  ...row,
});

function check(row: Row, maker: Deed, ...changes: (Deed | "expiry")[]): string[] {
  const whole = made({ id: "whole", expires_at: at(10) });
  const books = {
    ...booksOf([]),
    byDeed: new Map([[maker.id, [made({ version: 1 + changes.length, ...row })]]]),
    transactions: new Map([["whole", whole]]),
  };
  const writers = new Map(changes.map((one, n) => [`t ${n + 2}`, one]));
  return findingsOf((report) => checkTimes(books, [maker], writers, report));
}
const create = (request: Row = {}) => asked("x", "create_transaction", request, 1, 2);
const update = (request: Row, ended?: number) =>
  asked("u", "update_transaction", request, 3, ended);

test("a transaction takes effect when it was to, or when it was made", () => {
  expect(check({}, create())).toEqual([]);
  expect(check({ effective_at: at(5) }, create({ effective_at: at(5).toISOString() }))).toEqual([]);
  expect(check({}, create({ effective_at: at(5).toISOString() }))).toEqual([
    expect.stringMatching("takes effect at"),
  ]);
  expect(check({ effective_at: at(5) }, create())).toHaveLength(1);
});

test("or when that was changed last; what was not acknowledged may be another change", () => {
  const [early, late] = [
    update({ effective_at: at(3).toISOString() }, 4),
    update({ effective_at: at(4).toISOString() }),
  ];
  expect(check({ effective_at: at(3) }, create(), early)).toEqual([]);
  expect(check({}, create(), early)).toHaveLength(1);
  expect(check({}, create(), late)).toEqual([]);
});

test("a reversal when the original does", () => {
  const reversal = asked("r", "reverse_transaction", { transaction_id: "whole" }, 1, 2);
  expect(check({}, reversal)).toEqual([]);
  expect(check({ effective_at: at(2) }, reversal)).toHaveLength(1);
});

test("it expires when it was to", () => {
  const expires_at = at(9).toISOString();
  expect(check({ expires_at: at(9) }, create({ expires_at }))).toEqual([]);
  expect(check({}, create({ expires_at }))).toEqual([expect.stringMatching("expires at")]);
  expect(check({ expires_at: at(9) }, create())).toHaveLength(1);
  const expired = { expires_at: at(9), archived_reason: "expired" };
  expect(check({ ...expired, archived_at: at(9) }, create({ expires_at }), "expiry")).toEqual([]);
  expect(check({ ...expired, archived_at: at(7) }, create({ expires_at }), "expiry")).toHaveLength(
    1,
  );
});

test("and is posted before that, wholly or in part", () => {
  const expires_at = at(9).toISOString();
  const post = asked("p", "post_transaction", {}, 3, 4);
  expect(check({ expires_at: at(9), posted_at: at(8) }, create({ expires_at }), post)).toEqual([]);
  expect(
    check({ expires_at: at(9), posted_at: at(11) }, create({ expires_at }), post),
  ).toHaveLength(1);
  const part = asked("q", "partially_post_transaction", {}, 3, 4);
  const row = { partially_posts_transaction_id: "whole" };
  expect(check({ ...row, posted_at: at(10) }, part)).toEqual([]);
  expect(check({ ...row, posted_at: at(12) }, part)).toHaveLength(1);
});
