/** The ends and oddities of every type of argument, as SQL. */

const TEXTS = [
  "''",
  "' '",
  "'*'",
  "'main'",
  "'bob'",
  "'nobody'",
  "'USD'",
  "'NaN'",
  "'%'",
  `E'\\\\''"$$,{}()'`,
  "'null'",
  "'a:'",
  "E'a\\u0001'",
  "E'a\\n'",
  "E'\\u0085'",
  "E'\\u00a0\\u2028'",
  "E'\\uFFFF\\U0010FFFF'",
  "E'e\\u0301\\u202e'",
  "'🐢'",
  "'-9223372036854775809'",
  "repeat('a', 300)",
  "repeat('a:', 20000)",
  "repeat('é', 70000)",
  "repeat('\\', 500000)",
];
const NUMBERS = [
  "0",
  "1",
  "-1",
  "5.00",
  "0.5",
  "1e-16383",
  "'NaN'",
  "'Infinity'",
  "'-Infinity'",
  "1e36",
  "1e36 - 1",
  "-1e36 + 1",
  "'9e131071'",
  "'-9e131071'",
  "repeat('9', 131072)::numeric",
  "('1.' || repeat('0', 16383))::numeric",
  "9223372036854775808",
  "-9223372036854775809",
];
const BIGINTS = [
  "0",
  "1",
  "2",
  "-1",
  "2147483647",
  "2147483648",
  "-2147483649",
  "9007199254740993",
  "9223372036854775806",
  "9223372036854775807",
  "'-9223372036854775807'",
  "'-9223372036854775808'",
];
const INTEGERS = ["0", "1", "2", "-1", "1000", "1001", "2147483646", "2147483647", "'-2147483648'"];
const TIMES = [
  "'infinity'",
  "'-infinity'",
  "'4714-11-24 00:00:00Z BC'",
  "'4713-01-01 BC'",
  "'0001-01-01 BC'",
  "'1969-12-31 23:59:59.999999Z'",
  "'2024-02-29 12:00Z'",
  "'9999-12-31 23:59:59.999999Z'",
  "'294276-12-31 23:59:59.999999Z'",
  "now()",
  "now() + interval '1 day'",
];
const IDS = [
  "'00000000-0000-0000-0000-000000000000'",
  "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
  "'ffffffff-ffff-7fff-bfff-ffffffffffff'",
  "'00000000-0000-7000-8000-000000000000'",
  "uuidv4()",
  "uuidv7()",
  ":posted",
  ":pending",
];
const OBJECTS = [
  "'null'",
  "'[]'",
  "'{}'",
  "'1'",
  "'true'",
  `'"x"'`,
  "'[[]]'",
  "'[null]'",
  "'[{}]'",
  `'{"": null}'`,
  `'{"a": "\\uffff \\u0001", "a": 1e-16383}'`,
  `'{"n": 9e131071}'`,
  `'{"n": -0.0, "m": 9223372036854775808}'`,
  "jsonb_build_object('a', repeat('x', 65527))",
  "jsonb_build_object('a', repeat('x', 70000))",
  "(repeat('[', 3000) || repeat(']', 3000))::jsonb",
  `(repeat('{"a":', 3000) || '1' || repeat('}', 3000))::jsonb`,
  "(select jsonb_object_agg(n, n) from generate_series(1, 3000) n)",
  "jsonb_build_object(repeat('k', 60000), 1)",
];

/** Of what is no array and no composite. */
export const EDGES: Record<string, string[]> = {
  text: TEXTS,
  numeric: NUMBERS,
  bigint: BIGINTS,
  integer: INTEGERS,
  "timestamp with time zone": TIMES,
  uuid: IDS,
  jsonb: OBJECTS,
  boolean: ["true", "false"],
  "daybook.direction": ["'debit'", "'credit'"],
  "daybook.transaction_status": ["'pending'", "'posted'", "'archived'"],
  "daybook.search_sort": ["'effective_at'", "'created_at'", "'amount'"],
};

/** A composite that is accepted, field by field; what is not said is null. */
const FIELDS: Record<string, Record<string, string>> = {
  "daybook.balance_bounds": { gte: "-1000000000" },
  "daybook.entry_input": { account: "'alice'", direction: "'debit'", amount: "5" },
  "daybook.account_input": { address: "'new'", currency: "'USD'" },
  "daybook.category_lock_input": {
    category: "'people'",
    available_balance: "daybook.gte(-1000000000)",
  },
  "daybook.transaction_input": {
    entries: "array[daybook.debit('alice', 5), daybook.credit('bank', 5)]",
    idempotency_key: "'new-key'",
  },
};

/** What stands beside an element in an array that is accepted. */
const OTHERS: Record<string, string[]> = {
  "daybook.entry_input": ["daybook.credit('bank', 5)"],
};

/** What an element need not, but may stand beside: whatever it is, another one is to be dealt with too. */
const COMPANIONS: Record<string, string> = {
  "daybook.transaction_input": `row(array[daybook.debit('bob', 5, available_balance => daybook.gte(-1000000000)),
    daybook.credit('bank', 5)], null, null, 'sound-key', null, null, null, null, null, null)::daybook.transaction_input`,
};

export type Fields = { name: string; type: string }[];
/** The fields of each composite type. */
export type Composites = Record<string, Fields>;

/** One value of a composite type that is accepted, some of its fields replaced. */
export function compositeOf(
  types: Composites,
  type: string,
  replaced: Record<string, string> = {},
): string {
  const values = { ...FIELDS[type], ...replaced };
  const list = types[type]!.map((field) => `(${values[field.name] ?? "null"})::${field.type}`);
  return `row(${list.join(", ")})::${type}`;
}

/** Everything odd that a type can hold. */
export function edgesOf(types: Composites, type: string): string[] {
  if (type.endsWith("[]")) return arraysOf(types, type.slice(0, -2));
  if (type in types) return compositesOf(types, type);
  return EDGES[type]!.map((value) => `(${value})::${type}`);
}

/** Composites in which one field is odd, however deep, and the one of which nothing is said. */
function compositesOf(types: Composites, type: string): string[] {
  const fields = types[type]!;
  const nothing = `row(${fields.map(() => "null").join(", ")})::${type}`;
  const odd = fields.flatMap((field) =>
    ["null", ...edgesOf(types, field.type)].map((value) =>
      compositeOf(types, type, { [field.name]: value }),
    ),
  );
  return [nothing, ...odd];
}

/** Arrays in which one element is odd. */
function arraysWith(element: string, odd: string): string[] {
  const type = `${element}[]`;
  const list = [odd, ...(OTHERS[element] ?? [])].join(", ");
  const companion = COMPANIONS[element];
  const lists = companion ? [list, `${list}, ${companion}`, `${companion}, ${list}`] : [list];
  return lists.map((one) => `array[${one}]::${type}`);
}

/** Arrays of every shape, and those in which one element is odd. */
function arraysOf(types: Composites, element: string): string[] {
  const odd = element in types ? compositesOf(types, element) : edgesOf(types, element);
  return [...shapesOfArray(types, element), ...odd.flatMap((value) => arraysWith(element, value))];
}

function shapesOfArray(types: Composites, element: string): string[] {
  const type = `${element}[]`;
  const valid =
    element in types ? compositeOf(types, element) : `(${EDGES[element]![1]!})::${element}`;
  const all = [valid, ...(OTHERS[element] ?? [])].join(", ");
  const one = `array[${valid}]::${type}`;
  return [
    `'{}'::${type}`,
    `array[null]::${type}`,
    `array[null, null]::${type}`,
    `array[${all}, null]::${type}`,
    `array[null, ${all}]::${type}`,
    `array[${all}, ${all}]::${type}`,
    `array[array[${valid}], array[${valid}]]::${type}`,
    `array[array[array[${valid}]]]::${type}`,
    `array[${one}, array[null]::${type}]`,
    `('[0:0]=' || ${one}::text)::${type}`,
    `('[-2147483648:-2147483648]=' || ${one}::text)::${type}`,
    `('[2147483646:2147483646]=' || ${one}::text)::${type}`,
    `array_fill(${valid}, array[1001])`,
    `array_fill(null::${element}, array[100001])`,
  ];
}
