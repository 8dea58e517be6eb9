import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const set = (metadata: unknown) =>
  books.call("set_account_metadata", { address: "alice", metadata });

test("an object is merged at the top level", async () => {
  await set({ a: { x: 1 }, b: 1 });
  expect(await set({ a: { y: 2 }, c: [3] })).toMatchObject({
    metadata: { a: { y: 2 }, b: 1, c: [3] },
  });
  expect(await set({})).toMatchObject({ metadata: { a: { y: 2 }, b: 1, c: [3] } });
});

test("a null inside the object is a value like any other", async () => {
  expect(await set({ a: null })).toMatchObject({ metadata: { a: null } });
});

test("a null argument means {}, which changes nothing", async () => {
  await set({ a: 1 });
  expect(await set(null)).toMatchObject({ metadata: { a: 1 } });
});

test("64 kB is the limit of what results, not only of what is given", async () => {
  const half = "x".repeat(40_000);
  await set({ a: half });
  expect(
    await books.refusal("set_account_metadata", { address: "alice", metadata: { b: half } }),
  ).toMatchObject({ code: "LDARG", detail: { argument: "metadata" } });
  expect(await set({ a: 1, b: half })).toMatchObject({ metadata: { a: 1 } });
});

test("metadata of a closed account may be set", async () => {
  await books.call("close_account", { address: "alice" });
  expect(await set({ a: 1 })).toMatchObject({ metadata: { a: 1 } });
});

test("the log holds what was asked, nulls included", async () => {
  const { id } = await set({ a: 1, gone: null });
  expect(
    await books.query("select * from daybook.log where kind = 'set_account_metadata'"),
  ).toMatchObject([{ account_id: id, data: { metadata: { a: 1, gone: null } } }]);
});

test.each<[string, object]>([
  ["LDARG", { address: null }],
  ["LDACC", { address: "nobody" }],
  ["LDARG", { address: "nobody", metadata: [] }],
  ["LDARG", { metadata: "text" }],
  ["LDARG", { metadata: 1 }],
])("%s for %j", async (code, args) => {
  expect(
    await books.refusal("set_account_metadata", { address: "alice", metadata: {}, ...args }),
  ).toMatchObject({ code });
});
