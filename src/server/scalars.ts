import { TYPES } from "postgraphile/@dataplan/pg";
import {
  GraphQLError,
  Kind,
  type GraphQLScalarTypeConfig,
  type ValueNode,
} from "postgraphile/graphql";
import { isExact, LongNumber, parseExactly } from "../exact-json.ts";

const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,5})?$|^[+-]?(nan|inf|infinity)$/i;
const INTEGER = /^[+-]?\d{1,19}$/;
const LARGEST = 2n ** 63n;

type Kinds = Record<string, { code: string; sqlstate: string; isValid(text: string): boolean }>;

/** Numbers that a JSON number cannot carry: `numeric` and `bigint`. Written as strings, read as strings. */
const NUMBERS: Kinds = {
  // Which numbers are amounts is the ledger's to say; this only keeps out what is no number at all.
  BigFloat: {
    code: "INVALID_AMOUNT",
    sqlstate: "LDAMT",
    isValid: (text) => text.length <= 200 && NUMERIC.test(text),
  },
  BigInt: {
    code: "INVALID_ARGUMENT",
    sqlstate: "LDARG",
    isValid: (text) => INTEGER.test(text) && BigInt(text) < LARGEST && BigInt(text) >= -LARGEST,
  },
};

// In answers, too: the log's records, for example, hold amounts.
Object.assign(TYPES.json, { fromPg: parseExactly });
Object.assign(TYPES.jsonb, { fromPg: parseExactly });

/**
 * Refuses JSON numbers that are fractions or beyond 2^53; numbers that would be rounded come as `LongNumber` (see
 * request.ts), which none of these takes. A whole number written in the text of the query is exact at any size, because
 * GraphQL hands over its digits.
 */
export const ScalarsPlugin: GraphileConfig.Plugin = {
  name: "DaybookScalarsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLScalarType(config) {
        if (config.name === "JSON") return withExactNumbers(config);
        const number = NUMBERS[config.name];
        if (!number) return config;
        const check = (text: string): string => {
          if (number.isValid(text.trim())) return text.trim();
          throw refusal(config.name, number, JSON.stringify(text.slice(0, 100)));
        };
        return {
          ...config,
          description: descriptions[config.name] ?? config.description,
          parseValue(value: unknown) {
            if (typeof value === "string") return check(value);
            if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
            throw refusal(config.name, number, textOf(value));
          },
          parseLiteral(node) {
            if (node.kind === Kind.STRING || node.kind === Kind.INT) return check(node.value);
            throw refusal(config.name, number, "value" in node ? String(node.value) : node.kind);
          },
        };
      },
    },
  },
};

const descriptions: Record<string, string> = {
  BigFloat:
    'A decimal number of any size, written and read as a string: "100". A JSON number is accepted if it is whole and at most 2^53 - 1.',
  BigInt:
    "A whole number of 64 bits, written and read as a string. A JSON number is accepted if it is at most 2^53 - 1.",
};

function refusal(
  name: string,
  { code, sqlstate }: { code: string; sqlstate: string },
  value: string,
): GraphQLError {
  return new GraphQLError(`${name} cannot take ${value}: write whole numbers as strings, "100"`, {
    extensions: {
      code,
      sqlstate,
      detail: { value },
      hint: "Send numbers as strings of digits: many readers of JSON round them.",
    },
  });
}

type Scalar = GraphQLScalarTypeConfig<unknown, unknown>;

/** Metadata must come back as it went in, so numbers that JavaScript would round are refused there too. */
function withExactNumbers(config: Scalar): Scalar {
  const { parseValue, parseLiteral } = config;
  return {
    ...config,
    parseValue(value) {
      checkNumbers(value);
      return parseValue!(value);
    },
    parseLiteral(node, variables) {
      checkLiterals(node);
      return parseLiteral!(node, variables);
    },
  };
}

const refuseLong = (value: string) => {
  throw refusal("JSON", { code: "INVALID_ARGUMENT", sqlstate: "LDARG" }, value);
};

// Lists of what is left to look at, not recursion: how deep a value goes is the caller's choice.

function checkNumbers(json: unknown): void {
  const left: unknown[] = [json];
  while (left.length > 0) {
    const value = left.pop();
    if (value instanceof LongNumber) refuseLong(textOf(value));
    if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value)) left.push(inner);
    }
  }
}

function checkLiterals(node: ValueNode): void {
  const left: ValueNode[] = [node];
  while (left.length > 0) {
    const next = left.pop()!;
    const isNumber = next.kind === Kind.INT || next.kind === Kind.FLOAT;
    if (isNumber && !isExact(next.value)) refuseLong(next.value.slice(0, 100));
    if (next.kind === Kind.LIST) left.push(...next.values);
    if (next.kind === Kind.OBJECT) left.push(...next.fields.map((field) => field.value));
  }
}

/** What was sent, for an error. */
function textOf(value: unknown): string {
  const text = value instanceof LongNumber ? value.digits : JSON.stringify(value);
  return String(text).slice(0, 100);
}
