import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const none = { gt: null, gte: null, eq: null, not_eq: null, lte: null, lt: null };
const bounds = async (bound: string) =>
  (await books.query(`select to_jsonb(daybook.lte(${bound})) as bounds`))[0]!["bounds"];

test("lte(n) builds bounds of that one bound", async () => {
  expect(await bounds("-5")).toEqual({ ...none, lte: -5 });
  expect(await bounds("0")).toEqual({ ...none, lte: 0 });
});

test("lte(null) bounds nothing, which an entry may not carry", async () => {
  expect(await bounds("null")).toEqual(none);
  const attempt = () =>
    books.query(
      `select daybook.create_transaction('main', array[
         daybook.debit('alice', 1, available_balance => daybook.lte(null)), daybook.credit('bob', 1)])`,
    );
  expect(await books.refused(attempt)).toMatchObject({
    code: "LDARG",
    detail: { argument: "available_balance", index: 1 },
  });
});
