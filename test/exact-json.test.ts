import { expect, jest, test } from "@jest/globals";
import { LongNumber, parseExactly, parseMarked } from "../src/exact-json.ts";

test.each([
  ["9007199254740991", 9007199254740991],
  ["-9007199254740991", -9007199254740991],
  ["9007199254740992", "9007199254740992"],
  ["-123456789012345678901", "-123456789012345678901"],
  ["1000000000000000000000", "1000000000000000000000"],
  ["1e400", "1e400"],
  ["1e-400", "1e-400"],
  ["1e3", 1000],
  ["0.1", 0.1],
  ["100.0000000000000000000", 100],
  ["0.0000000000000000000000", 0],
  ["0.1234567890123456789", "0.1234567890123456789"],
  ["9007199254740991.4", "9007199254740991.4"],
  ["4503599627370497.5", "4503599627370497.5"],
  ["100.00000000000000001", "100.00000000000000001"],
  ["1.00000000000000000001e2", "1.00000000000000000001e2"],
  ["1000.0e-1", 100],
  ["-12.5E-8", -1.25e-7],
  // What JavaScript itself writes for a number is that number, however long.
  ["0.30000000000000004", 0.30000000000000004],
  ["-1.2345678901234566e-7", -1.2345678901234566e-7],
  [`1.${"0".repeat(200)}1`, `1.${"0".repeat(200)}1`],
])("the number %s is not rounded", (text, value) => {
  expect(parseExactly(text)).toBe(value);
  expect(parseExactly(`{"a":[${text},"${text}"]}`)).toEqual({ a: [value, text] });
  expect(parseExactly(`{"a":[0, ${text}],"b" : ${text} }`)).toEqual({ a: [0, value], b: value });
  const marked = typeof value === "string" ? new LongNumber(text) : value;
  expect(parseMarked(`["${text}",{"a":${text}}]`)).toStrictEqual([text, { a: marked }]);
});

test("a number of any length is read in a moment", () => {
  const text = `[1${"0".repeat(1_000_000)}1, 0.${"0".repeat(1_000_000)}1]`;
  const start = performance.now();
  expect(JSON.stringify(parseExactly(text))).toHaveLength(text.length + 3);
  expect(performance.now() - start).toBeLessThan(1000);
});

test("digits in ids and texts are not looked at one by one", () => {
  const ids = JSON.stringify([
    { id: "0193e7f0-1e5d-7000-8000-000000000001", key: "12345678901234567890" },
  ]);
  const parse = jest.spyOn(JSON, "parse");
  parseExactly(ids);
  expect(parse.mock.calls).toEqual([[ids]]);
  parse.mockRestore();
});

test("all else is as JSON.parse has it", () => {
  const text = `{"a":null,"b":[true,"12345678901234567890",{"__proto__":1}],"c":"1e9 9"}`;
  expect(JSON.stringify(parseExactly(text))).toBe(text);
  expect(() => parseExactly("{12345678901234567890")).toThrow(SyntaxError);
});
