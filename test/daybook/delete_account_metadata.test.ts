import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const remove = (key: string) => books.call("delete_account_metadata", { address: "alice", key });

test("a key is removed at the top level, others stay", async () => {
  await books.call("set_account_metadata", {
    address: "alice",
    metadata: { a: { b: 1 }, b: 2, "": 3 },
  });
  expect(await remove("b")).toMatchObject({ metadata: { a: { b: 1 }, "": 3 } });
  expect(await remove("")).toMatchObject({ metadata: { a: { b: 1 } } });
});

test("an absent key is no error", async () => {
  expect(await remove("nothing")).toMatchObject({ address: "alice", metadata: {} });
});

test("removing is logged with the key", async () => {
  const { id } = await remove("a");
  expect(
    await books.query("select * from daybook.log where kind = 'delete_account_metadata'"),
  ).toMatchObject([{ account_id: id, data: { key: "a" } }]);
});

test.each<[string, object]>([
  ["LDARG", { key: null }],
  ["LDARG", { address: null }],
  ["LDARG", { address: "x y" }],
  ["LDACC", { address: "nobody" }],
])("%s for %j", async (code, args) => {
  expect(
    await books.refusal("delete_account_metadata", { address: "alice", key: "a", ...args }),
  ).toMatchObject({ code });
});
