import * as fc from "fast-check";
import { usualOf, type Signature } from "./calls.ts";
import { EDGES, type Composites } from "./values.ts";

/* Values that fast-check makes up: mostly what makes sense in the books of world.ts, now and then an edge. */

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Names and words that the books know. */
const WORDS = [
  ..."alice alice bob bob bank limited old points:owned people users main USD EUR X_9".split(" "),
  ..."posted pending queued new test_reader write k after".split(" "),
].map(quoted);

const SENSIBLE: Record<string, fc.Arbitrary<string>> = {
  text: fc.constantFrom(...WORDS),
  numeric: fc.constantFrom("1", "1", "5", "5.00", "10"),
  bigint: fc.constantFrom("0", "1", "2", "100"),
  integer: fc.constantFrom("1", "2", "100"),
  jsonb: fc.constantFrom("'{}'", `'{"a": 1}'`),
  uuid: fc.constantFrom(":posted", ":pending", ":receipt"),
  "timestamp with time zone": fc.constantFrom(
    "now()",
    "now() + interval '1 day'",
    "'2024-02-29 12:00Z'",
  ),
};

const WILD: Record<string, fc.Arbitrary<string>> = {
  text: fc
    .string({ unit: "binary", maxLength: 300 })
    .map((text) => quoted(text.replaceAll("\0", "").replace(/[\ud800-\udfff]/g, ""))),
  numeric: fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => `'${n}'`),
  integer: fc.integer().map((n) => `'${n}'`),
  jsonb: fc.jsonValue().map((value) => quoted(JSON.stringify(value).replaceAll("\\u0000", ""))),
  "timestamp with time zone": fc
    .date({ min: new Date("-004000-01-01"), max: new Date("+250000-01-01"), noInvalidDate: true })
    .map((date) => `to_timestamp(${date.getTime() / 1000})`),
};

/** Any value of a scalar, `sense` times as often a sensible one as an odd one. */
function scalar(type: string, sense: number): fc.Arbitrary<string> {
  const edge = fc.constantFrom("null", ...EDGES[type]!);
  return fc
    .oneof(
      { weight: sense, arbitrary: SENSIBLE[type] ?? edge },
      { weight: 1, arbitrary: edge },
      { weight: 1, arbitrary: WILD[type] ?? edge },
    )
    .map((value) => `(${value})::${type}`);
}

const mostlyNull = (times: number, value: fc.Arbitrary<string>) =>
  fc.oneof({ weight: times, arbitrary: fc.constant("null") }, { weight: 1, arbitrary: value });

/** Fields without which nothing works; the others are mostly left out. */
const NEEDED = ["account", "direction", "amount", "address", "currency", "category", "entries"];

/** Any value of any type. */
export function anyValue(types: Composites, type: string, sense: number): fc.Arbitrary<string> {
  if (type === "daybook.entry_input[]")
    return fc.oneof(
      { weight: 3, arbitrary: pair(types, sense) },
      { weight: 1, arbitrary: anyArray(types, "daybook.entry_input", sense) },
    );
  if (type.endsWith("[]")) return anyArray(types, type.slice(0, -2), sense);
  const fields = types[type];
  if (!fields) return scalar(type, sense);
  const values = fields.map((field) => {
    const value = anyValue(types, field.type, sense);
    return NEEDED.includes(field.name) ? value : mostlyNull(type.includes("bounds") ? 2 : 6, value);
  });
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc.tuple(...values).map((list) => `row(${list.join(", ")})::${type}`),
    },
    { weight: 1, arbitrary: fc.constant(`null::${type}`) },
  );
}

/** Two entries that balance, one under conditions. */
function pair(types: Composites, sense: number): fc.Arbitrary<string> {
  const account = fc.constantFrom("alice", "limited", "old", "bank", "users:alice");
  const bounds = mostlyNull(3, anyValue(types, "daybook.balance_bounds", sense));
  return fc
    .tuple(account, scalar("numeric", 2 * sense), bounds)
    .map(
      ([from, amount, bound]) =>
        `array[daybook.debit('${from}', ${amount}, available_balance => ${bound}), daybook.credit('bob', ${amount})]`,
    );
}

/** An array in one of the shapes that SQL knows. */
function anyArray(types: Composites, element: string, sense: number): fc.Arbitrary<string> {
  const shapes = fc.constantFrom("plain", "plain", "plain", "plain", "shifted", "nested", "null");
  const elements = fc.array(anyValue(types, element, sense), { maxLength: 4 });
  return fc.tuple(elements, shapes).map(([list, shape]) => {
    if (shape === "null") return "null";
    const plain = `array[${list.join(", ")}]::${element}[]`;
    if (list.length === 0 || shape === "plain") return plain;
    if (shape === "nested") return `array[${plain}, ${plain}]`;
    return `('[0:' || cardinality(${plain}) - 1 || ']=' || ${plain}::text)::${element}[]`;
  });
}

/** Any arguments of a function; mostly those with which it is accepted, so that one odd thing meets the rest. */
export function anyArguments(
  types: Composites,
  { name: called, args }: Signature,
  sense = 6,
): fc.Arbitrary<Record<string, string>> {
  const usual = usualOf(called);
  const values = args.map(({ name, type, optional }) => {
    const value = anyValue(types, type, sense);
    if (!optional && usual[name] !== undefined)
      return fc.oneof(
        { weight: 5, arbitrary: fc.constant(usual[name]) },
        { weight: 1, arbitrary: value },
      );
    return optional ? fc.option(value, { freq: 1, nil: undefined }) : value;
  });
  return fc
    .tuple(...values)
    .map((list) =>
      Object.fromEntries(
        args.flatMap(({ name }, n) => (list[n] === undefined ? [] : [[name, list[n]]])),
      ),
    );
}
