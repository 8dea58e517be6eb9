import { beforeEach, expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();
const create = async (args: object) => {
  const [row] = await books.query(
    "select c.* from daybook.create_currency(code => $1, exponent => $2, name => $3) c",
    Object.values({ code: "COIN", exponent: 8, name: "Coin", ...args }),
  );
  return row;
};
const refusal = (args: object) => books.refused(() => create(args));

beforeEach(() => books.be("test_admin"));

test("a currency is added", async () => {
  expect(await create({})).toEqual({ code: "COIN", exponent: 8, name: "Coin" });
  expect(await books.open("wallet", { currency: "COIN" })).toMatchObject({ currency: "COIN" });
});

test("its name is its code by default", async () => {
  expect(await create({ name: null })).toMatchObject({ name: "COIN" });
  expect(await create({ name: "COIN" })).toMatchObject({ name: "COIN" });
});

test("the same request again returns it, a different one is LDDUP", async () => {
  await create({});
  const traces = await books.traces();
  expect(await create({})).toMatchObject({ exponent: 8 });
  for (const change of [{ exponent: 7 }, { name: "Other" }, { name: null }]) {
    expect(await refusal(change)).toMatchObject({ code: "LDDUP", detail: { code: "COIN" } });
  }
  expect(await books.traces()).toEqual(traces);
});

test("ISO 4217 is there already, with its exponents", async () => {
  const rows = await books.query(
    "select code, exponent from daybook.currencies where code in ('USD', 'JPY', 'KWD', 'CLF', 'XAU') order by code",
  );
  expect(rows.map((row) => `${row["code"]} ${row["exponent"]}`)).toEqual([
    "CLF 4",
    "JPY 0",
    "KWD 3",
    "USD 2",
    "XAU 0",
  ]);
});

test("of one that came with the ledger only what is given is compared", async () => {
  const dollar = { code: "USD", exponent: 2, name: "US Dollar" };
  const traces = await books.traces();
  expect(await create({ ...dollar, name: null })).toEqual(dollar);
  expect(await create(dollar)).toEqual(dollar);
  for (const change of [{ exponent: 3 }, { name: "USD" }, { exponent: 3, name: null }]) {
    expect(await refusal({ ...dollar, ...change })).toMatchObject({
      code: "LDDUP",
      detail: dollar,
    });
  }
  expect(await books.traces()).toEqual(traces);
});

test.each([0, 30])("exponent %d is accepted", async (exponent) => {
  expect(await create({ exponent })).toMatchObject({ exponent });
});

test.each<[string, object]>([
  ["code", { code: null }],
  ["code", { code: "" }],
  ["code", { code: "coin" }],
  ["code", { code: "1ST" }],
  ["code", { code: "A B" }],
  ["code", { code: "A\n" }],
  ["code", { code: `A${"B".repeat(32)}` }],
  ["exponent", { exponent: null }],
  ["exponent", { exponent: -1 }],
  ["exponent", { exponent: 31 }],
  ["exponent", { exponent: 2147483647 }],
  ["name", { name: "" }],
  ["name", { name: "tab\t" }],
])("a malformed %s is LDARG: %j", async (argument, args) => {
  expect(await refusal(args)).toMatchObject({ code: "LDARG", detail: { argument } });
});

test("a writer may not, not even with access to every ledger", async () => {
  await books.query("select daybook.grant_ledger_access('test_writer', '*', 'admin')");
  await books.be("test_writer");
  expect(await refusal({})).toMatchObject({ code: "42501" });
});

test("adding one is in the log that an administrator reads", async () => {
  await create({});
  expect(await books.query("select * from daybook.log where ledger = '*'")).toMatchObject([
    { kind: "create_currency", actor: "test_admin", data: { code: "COIN", exponent: 8 } },
  ]);
});
