import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();

test("sets the limit of every ledger's queue, and logs it", async () => {
  await books.be("test_admin");
  expect(await books.query("select daybook.set_queue_limit(7) as max_depth")).toEqual([
    { max_depth: "7" },
  ]);
  expect(await books.query("select ledger, max_depth from daybook.transaction_queue")).toEqual([
    { ledger: "main", max_depth: "7" },
  ]);
  const [record] = await books.query("select * from daybook.log where kind = 'set_queue_limit'");
  expect(record).toMatchObject({ ledger: "*", data: { max_depth: 7 }, actor: "test_admin" });
});

test.each(["null", "-1"])("%s is LDARG", async (value) => {
  await books.be("test_admin");
  const refusal = await books.refused(() =>
    books.query(`select daybook.set_queue_limit(${value})`),
  );
  expect(refusal).toMatchObject({ code: "LDARG", detail: { argument: "max_depth" } });
});

test("is for administrators of every ledger", async () => {
  await expect(books.query("select daybook.set_queue_limit(7)")).rejects.toMatchObject({
    code: "42501",
  });
});
