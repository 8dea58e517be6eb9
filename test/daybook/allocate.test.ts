import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();

/** Numbers are sent as text, whole: JavaScript's own would be rounded. */
async function allocate(amount: unknown, weights: unknown): Promise<string[]> {
  const [row] = await books.query(
    "select daybook.allocate($1::numeric, $2::numeric[])::text[] as parts",
    [amount, weights],
  );
  return row!["parts"];
}
const refusal = (amount: unknown, weights: unknown) =>
  books.refused(() => allocate(amount, weights));

test.each<[string, string[], string[]]>([
  ["100", ["1", "1", "1"], ["34", "33", "33"]],
  ["101", ["1", "1", "1"], ["34", "34", "33"]],
  ["5", ["1", "1"], ["3", "2"]],
  ["100", ["70", "30"], ["70", "30"]],
  ["10", ["1", "2", "3"], ["2", "3", "5"]],
  ["1", ["1", "2"], ["0", "1"]],
  ["1", ["0.3", "0.3", "0.4"], ["0", "0", "1"]],
  ["2", ["1", "1", "1", "1"], ["1", "1", "0", "0"]],
  ["7", ["0", "1", "0", "1"], ["0", "4", "0", "3"]],
  ["1999", ["0.8", "0.15", "0.05"], ["1599", "300", "100"]],
  ["3", ["5"], ["3"]],
])("%s by %j is %j", async (amount, weights, parts) => {
  expect(await allocate(amount, weights)).toEqual(parts);
});

test("zero is divided into zeros", async () => {
  expect(await allocate("0", ["1", "2"])).toEqual(["0", "0"]);
});

test("an amount written with zeros behind the point is the same amount", async () => {
  expect(await allocate("100.00", ["1", "2"])).toEqual(["33", "67"]);
});

test("only the proportion of the weights counts", async () => {
  const parts = await allocate("1000", ["1", "2", "4"]);
  expect(await allocate("1000", ["0.001", "0.002", "0.00400"])).toEqual(parts);
  expect(await allocate("1000", ["1e70", "2e70", "4e70"])).toEqual(parts);
});

test("the arrays of SQL that begin elsewhere than at 1 are divided like the others", async () => {
  expect(await allocate("10", "[0:2]={1,2,3}")).toEqual(["2", "3", "5"]);
});

test("a reader may divide", async () => {
  await books.be("test_reader");
  expect(await allocate("10", ["1", "1"])).toEqual(["5", "5"]);
});

/** A decimal fraction as a whole number over a power of ten that all share. */
const SCALE = 40;
const decimal = fc
  .record({
    digits: fc.bigInt({ min: 0n, max: 10n ** 60n }),
    places: fc.integer({ min: 0, max: SCALE }),
  })
  .map(({ digits, places }) => ({
    text: `${digits}e-${places}`,
    scaled: digits * 10n ** BigInt(SCALE - places),
  }));
const small = fc
  .bigInt({ min: 0n, max: 4n })
  .map((digits) => ({ text: `${digits}`, scaled: digits * 10n ** BigInt(SCALE) }));
const someWeights = fc
  .array(fc.oneof(decimal, small, small), { minLength: 1, maxLength: 12 })
  .filter((all) => all.some(({ scaled }) => scaled > 0n));
const someAmount = fc.oneof(
  fc.bigInt({ min: 0n, max: 100n }),
  fc.bigInt({ min: 0n, max: 10n ** 36n - 1n }),
);

/** The largest remainders, in whole numbers only. */
function predicted(amount: bigint, weights: bigint[]): string[] {
  const total = weights.reduce((a, b) => a + b, 0n);
  const parts = weights.map((weight) => (amount * weight) / total);
  const left = Number(amount - parts.reduce((a, b) => a + b, 0n));
  const remainders = weights.map((weight, n) => ({ n, lost: (amount * weight) % total }));
  const byLoss = remainders.toSorted((a, b) =>
    a.lost === b.lost ? a.n - b.n : a.lost > b.lost ? -1 : 1,
  );
  for (const { n } of byLoss.slice(0, left)) parts[n]! += 1n;
  return parts.map(String);
}

test("whatever the amount and the weights, no unit is lost, and those that lost most get what is left", async () => {
  const property = fc.asyncProperty(someAmount, someWeights, async (whole, all) => {
    const parts = await allocate(
      String(whole),
      all.map(({ text }) => text),
    );
    expect(parts.reduce((sum, part) => sum + BigInt(part), 0n)).toBe(whole);
    expect(parts).toEqual(
      predicted(
        whole,
        all.map(({ scaled }) => scaled),
      ),
    );
  });
  await fc.assert(property, { numRuns: 500 });
});

test("a thousand weights of very many digits lose nothing either", async () => {
  const huge = `${"9".repeat(71)}.${"3".repeat(16000)}`;
  const all = Array.from({ length: 1000 }, (_, n) => (n % 2 ? huge : "1e-16000"));
  const parts = await allocate("9".repeat(36), all);
  expect(parts.reduce((sum, part) => sum + BigInt(part), 0n)).toBe(10n ** 36n - 1n);
});

describe("refusals", () => {
  test.each<[string, unknown, number | undefined]>([
    ["no array", null, undefined],
    ["an empty one", [], undefined],
    ["1001 weights", Array(1001).fill("1"), undefined],
    ["a missing weight", ["1", null], 2],
    ["a negative weight", ["1", "1", "-0.1"], 3],
    ["NaN", ["NaN", "1"], 1],
    ["infinity", ["1", "Infinity"], 2],
    ["10^72", ["1e72"], 1],
    ["a very large weight", ["9e131071"], 1],
    ["nothing but zeros", ["0", "0.00"], undefined],
  ])("LDARG for %s", async (_name, given, index) => {
    const { code, detail } = await refusal("10", given);
    expect({ code, argument: detail["argument"] }).toEqual({ code: "LDARG", argument: "weights" });
    expect(detail["index"]).toBe(index);
  });

  test("LDARG for no amount, which is looked at after the weights", async () => {
    expect(await refusal(null, ["1"])).toMatchObject({
      code: "LDARG",
      detail: { argument: "amount" },
    });
    expect(await refusal("-1", [])).toMatchObject({ code: "LDARG" });
  });

  test.each(["-1", "0.5", "1e36", "NaN", "Infinity", "-Infinity"])(
    "LDAMT for an amount of %s",
    async (given) => {
      expect(await refusal(given, ["1"])).toMatchObject({ code: "LDAMT" });
    },
  );
});
