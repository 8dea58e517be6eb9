import { expect, test } from "@jest/globals";
import { checkNode } from "../../src/version.ts";

test.each(["22.18.0", "22.20.1", "24.0.0", "100.0.0", undefined])("accepts Node.js %s", (found) => {
  expect(() => checkNode(found)).not.toThrow();
});

test.each(["22.17.9", "20.20.2", "8.1.0"])(
  "refuses Node.js %s and says which it needs",
  (found) => {
    expect(() => checkNode(found)).toThrow(
      `Daybook needs Node.js 22.18 or newer, this is ${found}`,
    );
  },
);
