import { expect, test } from "@jest/globals";
import { parse, type DocumentNode } from "graphql";
import { keptPlugin } from "../../src/server/kept.ts";

/* Operations are kept by their weight: 200 bytes for a character, 25 000 for a field of each plan. */

/** A server's memory of operations; `use` tells whether the text had to be read anew. */
function remember(mostBytes: number) {
  const { grafserv, grafast } = keptPlugin(mostBytes) as any;
  let read = 0;
  const parseAndValidate = (text: string) => {
    read++;
    return text.includes("wrong") ? { errors: [] } : { document: parse(text) };
  };
  const event = { getExecutionConfig: () => ({ parseAndValidate }) };
  grafserv.middleware.setPreset(() => {}, event);
  const plans = new WeakMap<DocumentNode, object>();
  return (text: string, refuse = false, plan?: object) => {
    const before = read;
    const { document } = event.getExecutionConfig().parseAndValidate(text);
    if (document) {
      if (!plans.has(document)) plans.set(document, {});
      const next = () => {
        if (refuse) throw new Error("refused");
        return plan ?? plans.get(document);
      };
      const [operation] = document.definitions;
      const args = { operation, fragments: {}, schema: { extensions: {} }, args: { document } };
      try {
        grafast.middleware.establishOperationPlan(next, args);
      } catch {
        // refused
      }
    }
    return read > before;
  };
}

const text = (name: string, length = 500) => `{ ${name} } #`.padEnd(length, "x");
const ONE = 500 * 200 + 25_000;

test("the operations used last are kept, as long as they fit", () => {
  const use = remember(3 * ONE);
  for (const name of ["a", "b", "c"]) expect(use(text(name))).toBe(true);
  for (const name of ["c", "b", "a"]) expect(use(text(name))).toBe(false);
  expect(use(text("d"))).toBe(true); // c makes room
  for (const name of ["a", "b", "d"]) expect(use(text(name))).toBe(false);
  expect(use(text("c"))).toBe(true);
});

test("a long text takes the room of many", () => {
  const use = remember(3 * ONE);
  for (const name of ["a", "b"]) use(text(name));
  use(text("long", 1700));
  expect(use(text("long", 1700))).toBe(false);
  for (const name of ["a", "b"]) expect(use(text(name))).toBe(true);
});

test("each further plan of an operation takes room, too", () => {
  const use = remember(3 * ONE);
  for (const name of ["a", "b"]) use(text(name));
  for (let n = 0; n < 8; n++) expect(use(text("b"), false, {})).toBe(false);
  expect(use(text("a"))).toBe(true);
});

test("what is refused, invalid, or of more than 200 fields is not kept", () => {
  const use = remember(1000 * ONE);
  const long = text(Array.from({ length: 201 }, (_, n) => `a${n}`).join(" "));
  for (let n = 0; n < 2; n++) {
    expect(use(text("a"), true)).toBe(true);
    expect(use(text("wrong"))).toBe(true);
    expect(use(long)).toBe(true);
  }
});
