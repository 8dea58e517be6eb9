import * as fc from "fast-check";
import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLOutputType,
} from "postgraphile/graphql";
import { EDGES, ENTRIES, usualOfField, type Field } from "./json.ts";

/* Requests that fast-check makes up: mostly what makes sense in the books of world.ts, now and then an edge. */

/** Names and words that the books know. */
const WORDS =
  "alice alice bob bob bank limited old points:owned people users main main USD EUR X_9 posted pending queued new test_reader write k after";

const SENSIBLE: Record<string, unknown[]> = {
  String: WORDS.split(" "),
  Int: [0, 1, 2, 10],
  BigInt: ["0", "1", "2", "100"],
  BigFloat: ["1", "5", "5", "5.00", "10"],
  Datetime: ["2024-02-29T12:00:00Z", "2026-01-01", "2100-01-01T00:00:00.000001+05:30"],
  JSON: [{}, { a: 1 }],
  Boolean: [true, false],
  InternetAddress: ["::1", "127.0.0.1"],
};

const WILD: Record<string, fc.Arbitrary<unknown>> = {
  String: fc.string({ unit: "binary", maxLength: 300 }),
  Int: fc.integer(),
  BigInt: fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
  BigFloat: fc.oneof(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String), fc.double()),
  Datetime: fc
    .date({ min: new Date("-004000-01-01"), max: new Date("+250000-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  JSON: fc.jsonValue(),
  UUID: fc.uuid(),
  Cursor: fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString("base64")),
};

/** What the books hold, by the name of an argument, and cursors of their lists. */
export type Known = { values: Record<string, unknown>; cursors: string[] };

/** How often what is given makes sense, for each time that it does not. */
const SENSE = 12;

/** Any value of an argument or field of this name. What GraphQL refuses by itself is rare. */
function anyValue(
  type: GraphQLInputType,
  name: string,
  known: Known,
  depth: number,
): fc.Arbitrary<unknown> {
  const inner = getNullableType(type);
  const usual = known.values[name];
  const isUsual =
    usual !== undefined && Array.isArray(usual) === isListType(inner) && !isInputObjectType(inner);
  const arbitrary = anyOf(inner, name, known, depth);
  return fc.oneof(
    { weight: SENSE, arbitrary },
    ...(isUsual ? [{ weight: 3 * SENSE, arbitrary: fc.constant(usual) }] : []),
    ...(isNonNullType(type) ? [] : [{ weight: 1, arbitrary: fc.constant(null) }]),
  );
}

function anyOf(
  type: GraphQLInputType,
  name: string,
  known: Known,
  depth: number,
): fc.Arbitrary<unknown> {
  if (isListType(type)) return anyList(type.ofType as GraphQLInputType, name, known, depth);
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map((one) => one.name));
  if (isScalarType(type)) return anyScalar(type.name, known);
  return anyObject(Object.values((type as GraphQLInputObjectType).getFields()), known, depth + 1);
}

function anyScalar(scalar: string, { values, cursors }: Known): fc.Arbitrary<unknown> {
  const ids = [values["transactionId"], values["posted"], values["receiptId"]];
  const sensible = { ...SENSIBLE, UUID: ids, Cursor: cursors }[scalar] ?? EDGES[scalar] ?? ["x"];
  return fc.oneof(
    { weight: SENSE, arbitrary: fc.constantFrom(...sensible) },
    { weight: 1, arbitrary: fc.constantFrom(...(EDGES[scalar] ?? ["x"])) },
    { weight: 1, arbitrary: WILD[scalar] ?? fc.constant("x") },
  );
}

function anyList(
  type: GraphQLInputType,
  name: string,
  known: Known,
  depth: number,
): fc.Arbitrary<unknown> {
  const list = fc.array(anyValue(type, "", known, depth + 1), { maxLength: 3 });
  if (name !== "entries") return list;
  const more = anyValue(type, "", known, depth + 1) as fc.Arbitrary<object>;
  const pair = fc.tuple(fc.constantFrom("alice", "limited", "old", "bank", "users:alice"), more);
  return fc.oneof(
    {
      weight: 2,
      arbitrary: pair.map(([account, one]) => [{ ...one, ...ENTRIES[0], account }, ENTRIES[1]]),
    },
    { weight: 1, arbitrary: list },
  );
}

type Input = { name: string; type: GraphQLInputType };

/** An object with what it requires, and now and then more. */
function anyObject(inputs: readonly Input[], known: Known, depth: number): fc.Arbitrary<object> {
  const fields = depth > 4 ? inputs.filter(({ type }) => isNonNullType(type)) : inputs;
  const given = fields.map(({ name, type }) => {
    const value = anyValue(type, name, known, depth);
    if (isNonNullType(type)) return value;
    const times = name in known.values ? 1 : 5;
    return fc.oneof(
      { weight: times, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: value },
    );
  });
  return fc
    .tuple(...given)
    .map((values) =>
      Object.fromEntries(
        values.flatMap((value, n) => (value === undefined ? [] : [[fields[n]!.name, value]])),
      ),
    );
}

/** A field as it is asked for: its arguments, and what is asked of what it gives. */
export type Asked = { field: Field; args: Record<string, unknown>; selection: Asked[] };

/** A field with any arguments, and any fields of what it gives, some levels deep. */
export function anyAsked(field: Field, known: Known, depth = 3): fc.Arbitrary<Asked> {
  const own = usualOfField(field, known.values);
  const its = { ...known, values: { ...own.values, ...own.own } };
  const args = anyObject(field.args, its, 0) as fc.Arbitrary<Record<string, unknown>>;
  return fc
    .tuple(args, anySelection(field.type, known, depth))
    .map(([given, selection]) => ({ field, args: given, selection }));
}

function anySelection(type: GraphQLOutputType, known: Known, depth: number): fc.Arbitrary<Asked[]> {
  const named = getNamedType(type);
  if (!isObjectType(named)) return fc.constant([]);
  const fields = Object.values(named.getFields()).filter(
    ({ name, type: of }) => name !== "query" && (depth > 0 || isScalarType(getNamedType(of))),
  );
  if (fields.length === 0) return fc.constant([]);
  return fc
    .uniqueArray(fc.constantFrom(...fields), { minLength: 1, maxLength: 3 })
    .chain((some) => fc.tuple(...some.map((field) => anyAsked(field, known, depth - 1))));
}

/** The request that asks for all of them. */
export function requestOf(
  operation: "query" | "mutation",
  all: Asked[],
): { query: string; variables: Record<string, unknown> } {
  const variables: Record<string, unknown> = {};
  const types: string[] = [];
  const textOf = ({ field, args, selection }: Asked): string => {
    const list = field.args.flatMap(({ name, type }) => {
      if (!(name in args)) return [];
      const variable = `v${types.length}`;
      variables[variable] = args[name];
      types.push(`$${variable}: ${String(type)}`);
      return [`${name}: $${variable}`];
    });
    const inner = selection.map(textOf).join(" ");
    const given = list.length ? `(${list.join(", ")})` : "";
    const asked = inner || (isObjectType(getNamedType(field.type)) ? "__typename" : "");
    return `${field.name}${given}${asked && ` { ${asked} }`}`;
  };
  const fields = all.map((one, n) => `f${n}: ${textOf(one)}`).join(" ");
  return {
    query: `${operation}${types.length ? ` (${types.join(", ")})` : ""} { ${fields} }`,
    variables,
  };
}
