import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isUnionType,
  isInterfaceType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from "postgraphile/graphql";
import type { Known } from "./world.ts";

/* The ends and oddities of every type of GraphQL's, as JSON: in range, out of range, and of other types. */

const nested = (depth: number) => {
  let value: unknown = 1;
  for (let n = 0; n < depth; n++) value = n % 2 ? [value] : { a: value };
  return value;
};
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");

/** Of scalars, by name. */
export const EDGES: Record<string, unknown[]> = {
  String: [
    "",
    " ",
    "*",
    "-1",
    "a\0b",
    "\ud800",
    "\u0085",
    "\u202e🐢e\u0301",
    `'"\\,{}()$1--%_`,
    "a".repeat(300),
    "é".repeat(70_000),
    5,
    true,
    {},
  ],
  Int: [0, -1, 1, 1000, 1001, 2147483647, -2147483648, 2147483648, 1.5, "x"],
  BigInt: [
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.0",
    "",
    2 ** 53,
  ],
  BigFloat: [
    "NaN",
    "Infinity",
    "-inf",
    "1e36",
    "-1e36",
    "9e131071",
    "9e131072",
    "1e-16383",
    "1e-16384",
    "1e99999",
    "0.5",
    "5.00",
    "",
    "0x10",
    1.5,
  ],
  Datetime: [
    "infinity",
    "-infinity",
    "4714-11-24 00:00:00Z BC",
    "4715-01-01 BC",
    "294276-12-31T23:59:59.999999Z",
    "294277-01-01",
    "2026-02-31",
    "2024-02-29T12:00:00+99",
    "soon",
    "",
    "a\0",
    5,
  ],
  UUID: [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "{ffffffffffffffffffffffffffffffff}",
    "x",
    "",
    5,
  ],
  JSON: [
    "x",
    1,
    true,
    [],
    {},
    { "": null },
    { a: "\0" },
    { "\0": 1 },
    { a: "\ud800" },
    { a: 2 ** 60 },
    nested(3000),
    { a: "x".repeat(70_000) },
  ],
  Cursor: [
    "",
    "x",
    base64([]),
    base64({}),
    base64("x"),
    base64(["natural", 1]),
    base64(["natural", -1e30]),
    base64(["natural", null]),
    base64([null, null, null, null, null, null, null]),
    base64(["a\0", "main", "x", {}]),
    base64(["c9c1e2", "main", "a\0"]),
    "a".repeat(100_000),
  ],
  Boolean: [true, false, "x", 1],
  InternetAddress: ["::1", "1.2.3.4/33", "x", ""],
};

export const ENTRIES = [
  { account: "alice", direction: "debit", amount: "5" },
  { account: "bank", direction: "credit", amount: "5" },
];

/** Values by name with which fields accept a call, and a field's own, optional ones among them. */
export type Usual = { values: Record<string, unknown>; own: Record<string, unknown> };

export function usualValues(known: Known): Record<string, unknown> {
  return {
    ledger: "main",
    name: "main",
    account: "alice",
    address: "alice",
    category: "people",
    code: "NEW",
    exponent: 2,
    currency: "USD",
    direction: "debit",
    amount: "5",
    weights: ["1", "2"],
    entries: ENTRIES,
    accounts: ["alice", "bob"],
    acknowledged: [{ transactionId: known.posted }],
    transactions: [{ entries: ENTRIES, idempotencyKey: "key" }],
    id: known.pending,
    transactionId: known.pending,
    posted: known.posted,
    receiptId: known.receipt,
    role: "test_reader",
    access: "read",
    key: "key",
    metadata: {},
    until: "2001-02-01",
    no: "1",
    hash: "0".repeat(64),
    maxDepth: "1000",
    fromLedger: "main",
    fromAccount: "alice",
    toLedger: "main-abroad",
    toAccount: "carl",
    fromClearingAccount: "clearing",
    toClearingAccount: "clearing",
  };
}

/** What some mutations want beside, or in place of, the usual. */
const OWN: Record<string, Record<string, unknown>> = {
  addToCategory: { account: "bob" },
  createCategory: { category: "new" },
  createLedger: { ledger: "new" },
  openAccount: { address: "new" },
  openAccounts: { accounts: [{ address: "new", currency: "USD" }] },
  removeFromCategory: { account: "alice" },
  updateTransaction: { description: "changed" },
};

/** Values with which a field accepts a call, its own among them. */
export const usualOfField = ({ name }: Field, values: Record<string, unknown>): Usual => ({
  values: name === "reverseTransaction" ? { ...values, transactionId: values["posted"] } : values,
  own: OWN[name] ?? {},
});

/** Everything odd that an argument can be given, while the fields beside it are as usual. */
export function edgesOf(type: GraphQLInputType, usual: Usual, depth = 0): unknown[] {
  const inner = getNullableType(type);
  if (isListType(inner)) {
    const one = usualOf(inner.ofType as GraphQLInputType, usual);
    const odd = some(edgesOf(inner.ofType as GraphQLInputType, usual, depth + 1), depth);
    return [
      null,
      [],
      [null],
      [one, null],
      [null, one],
      [[one]],
      Array(1001).fill(one),
      ...odd.flatMap((value) => [[value], [value, one]]),
    ];
  }
  if (isEnumType(inner))
    return [
      null,
      "nonsense",
      1,
      ...inner
        .getValues()
        .slice(0, 3)
        .map((v) => v.name),
    ];
  if (isScalarType(inner)) return [null, ...(EDGES[inner.name] ?? ["x"])];
  if (depth > 2) return [null, {}]; // filters are made of filters
  if (!isInputObjectType(inner)) throw new Error(`not an input: ${String(inner)}`);
  const fields = Object.values(inner.getFields());
  const sound = usualOf(inner, usual) as object;
  const odd = fields.flatMap((field) =>
    some(edgesOf(field.type, usual, depth + 1), depth).map((value) => ({
      ...sound,
      [field.name]: value,
    })),
  );
  return [null, {}, { ...sound, nonsense: 1 }, ...odd];
}

/** What lies deep is looked at now and then only, but for lists of every shape. */
const some = (values: unknown[], depth: number) =>
  depth === 0
    ? values
    : values.filter((value, n) => isShape(value) || (n + values.length) % (2 + 2 * depth) === 0);

const isShape = (value: unknown) =>
  Array.isArray(value) && (value.length === 0 || value.includes(null) || Array.isArray(value[0]));

/** A value that a call is accepted with; of an input object, what it requires. */
function usualOf(type: GraphQLInputType, usual: Usual): unknown {
  const inner = getNullableType(type);
  if (isListType(inner)) return [usualOf(inner.ofType as GraphQLInputType, usual)];
  if (isEnumType(inner)) return inner.getValues()[0]!.name;
  if (isScalarType(inner)) return EDGES[inner.name]![0];
  if (!isInputObjectType(inner)) return null;
  if (inner.name === "EntryInput") return ENTRIES[0];
  if (inner.name === "AccountInput") return { address: "new", currency: "USD" };
  if (inner.name === "TransactionInput") return { entries: ENTRIES, idempotencyKey: "key" };
  if (inner.name === "CategoryLockInput")
    return { category: "people", availableBalance: { gte: "-9000" } };
  if (inner.name === "BalanceBoundsInput") return { gte: "-9000" };
  return usualAmong(Object.values(inner.getFields()), usual);
}

export type Field = GraphQLField<unknown, unknown>;

/** The arguments of a field that a call is accepted with. */
export const usualArguments = (field: Field, usual: Usual) => usualAmong(field.args, usual);

function usualAmong(
  inputs: readonly { name: string; type: GraphQLInputType }[],
  usual: Usual,
): Record<string, unknown> {
  const given = inputs.filter(({ name, type }) => isNonNullType(type) || name in usual.own);
  return Object.fromEntries(
    given.map(({ name, type }) => [
      name,
      usual.own[name] ?? usual.values[name] ?? usualOf(type, usual),
    ]),
  );
}

/** The text of a field with all of its arguments as variables, and all that can be asked of it, some levels deep. */
export function textOf(field: Field): { variables: string; text: string } {
  const list = (f: (arg: GraphQLArgument) => string) =>
    field.args.length ? `(${field.args.map(f).join(", ")})` : "";
  return {
    variables: list((arg) => `$${arg.name}: ${String(arg.type)}`),
    text: `${field.name}${list((arg) => `${arg.name}: $${arg.name}`)} ${selection(field.type, 2)}`,
  };
}

function selection(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isUnionType(named) || isInterfaceType(named)) return "{ __typename }";
  if (!isObjectType(named) || depth === 0) return "";
  const fields = Object.values((named as GraphQLObjectType).getFields()).flatMap((field) => {
    if (field.args.some((arg) => isNonNullType(arg.type)) || field.name === "query") return [];
    const inner = selection(field.type, depth - 1);
    if (inner === "" && isObjectType(getNamedType(field.type))) return [];
    return [`${field.name} ${inner}`];
  });
  return fields.length ? `{ ${fields.join(" ")} }` : "";
}
