import { expect, test } from "@jest/globals";
import { parseExactly } from "../src/exact-json.ts";

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
])("the number %s is not rounded", (text, value) => {
  expect(parseExactly(text)).toBe(value);
  expect(parseExactly(`{"a":[${text},"${text}"]}`)).toEqual({ a: [value, text] });
});

test("all else is as JSON.parse has it", () => {
  const text = `{"a":null,"b":[true,"12345678901234567890",{"__proto__":1}],"c":"1e9 9"}`;
  expect(JSON.stringify(parseExactly(text))).toBe(text);
  expect(() => parseExactly("{12345678901234567890")).toThrow(SyntaxError);
});
