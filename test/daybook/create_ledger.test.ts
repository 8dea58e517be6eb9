import { beforeEach, describe, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const create = (args: object) => books.call("create_ledger", { ledger: "new", ...args });
const refusal = (args: object) => books.refusal("create_ledger", { ledger: "new", ...args });

beforeEach(() => books.be("test_admin"));

test("a ledger is made as it was asked for", async () => {
  const ledger = await create({ description: "books", metadata: { a: [1] } });
  expect(ledger).toMatchObject({
    name: "new",
    description: "books",
    metadata: { a: [1] },
    closed_until: null,
  });
  expect(ledger["created_at"]).toBeInstanceOf(Date);
});

test("null means the default", async () => {
  const ledger = await create({ description: null, metadata: null });
  expect(ledger).toMatchObject({ description: null, metadata: {} });
  expect(await create({ metadata: {} })).toEqual(ledger);
});

test.each(["a", "0", "_", "-", "Main_Book-2026", "x".repeat(63)])("%s is a name", async (name) => {
  expect(await create({ ledger: name })).toMatchObject({ name });
});

test.each([null, "", "a b", "a:b", "*", "a\n", "é", "a.b", "x".repeat(64), "a/b"])(
  "%j is not a name",
  async (name) => {
    expect(await refusal({ ledger: name })).toMatchObject({
      code: "LDARG",
      detail: { argument: "ledger" },
    });
  },
);

describe("the same request again", () => {
  const request = { description: "d", metadata: { a: 1 } };

  test("returns the ledger and changes nothing", async () => {
    const ledger = await create(request);
    const traces = await books.traces();
    expect(await create(request)).toEqual(ledger);
    expect(await books.traces()).toEqual(traces);
  });

  test.each([{ description: "e" }, { description: null }, { metadata: {} }, { metadata: null }])(
    "with %j instead is LDDUP",
    async (change) => {
      await create(request);
      expect(await refusal({ ...request, ...change })).toMatchObject({
        code: "LDDUP",
        detail: { ledger: "new" },
      });
    },
  );
});

test("ledgers are independent: what is in one is not in the other", async () => {
  await create({});
  expect(await books.refusal("account_balance", { ledger: "new", account: "alice" })).toMatchObject(
    { code: "LDACC", detail: { ledger: "new", accounts: ["alice"] } },
  );
});

test("making it is logged once", async () => {
  await create({ description: "d" });
  await create({ description: "d" });
  expect(await books.query("select * from daybook.log where ledger = 'new'")).toMatchObject([
    { kind: "create_ledger", actor: "test_admin", data: { name: "new", description: "d" } },
  ]);
});

test("a writer may not make one", async () => {
  await books.be("test_writer");
  expect(await refusal({})).toMatchObject({ code: "42501" });
});
