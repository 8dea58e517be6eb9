import {
  Kind,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "postgraphile/graphql";
import { SafeError } from "postgraphile/grafast";
import { countRows, MOST_ROWS } from "./rows.ts";

/**
 * The time that it takes to plan an operation grows with the square of its fields, and nobody else is served meanwhile:
 * a thousand take a fraction of a second, three thousand took minutes.
 */
const MOST_FIELDS = 1000;
/** What is in variables does not count. A text that is read takes up to two hundred times its own room. */
const LONGEST_TEXT = 200_000;

type Fragments = Record<string, FragmentDefinitionNode>;

const sizes = new WeakMap<OperationDefinitionNode, number>();

/** Refuses what would keep the server from everybody else, or fill its memory. */
export const SizePlugin: GraphileConfig.Plugin = {
  name: "DaybookSizePlugin",
  version: "1.0.0",
  grafserv: {
    middleware: {
      async processGraphQLRequestBody(next, { body }) {
        await next();
        const { query } = body;
        if (typeof query === "string" && query.length > LONGEST_TEXT) {
          const rule = `at most ${LONGEST_TEXT} characters; values belong into variables`;
          throw tooLarge(`query: ${rule}`, { statusCode: 400 });
        }
      },
    },
  },
  grafast: {
    middleware: {
      establishOperationPlan(next, { operation, fragments, schema, variableValues }) {
        if (fieldsOf(operation, fragments) > MOST_FIELDS) {
          throw tooLarge(`query: at most ${MOST_FIELDS} fields, those of fragments counted`);
        }
        const rows = countRows(schema, operation, fragments, variableValues);
        if (rows > MOST_ROWS) {
          throw tooLarge(`query: at most ${MOST_ROWS} rows, and its pages may hold ${rows}`, {
            hint: "Ask for shorter pages, with first, or for the lists below in requests of their own.",
          });
        }
        try {
          return next();
        } catch (error) {
          throw isTooDeep(error) ? tooLarge("query: too many lists below each other") : error;
        }
      },
    },
  },
};

/** How many fields an operation selects, those of fragments counted wherever they are spread. */
export function fieldsOf(operation: OperationDefinitionNode, fragments: Fragments): number {
  let fields = sizes.get(operation);
  if (fields === undefined) {
    fields = countFields(operation.selectionSet, fragments, new Map());
    sizes.set(operation, fields);
  }
  return fields;
}

/** Grafast's own limit is known to its planning alone. */
function isTooDeep(error: unknown): boolean {
  return error instanceof Error && error.message.includes("refuses to continue processing");
}

/** What is refused because it asks for too much. */
export function tooLarge(message: string, more: object = {}): SafeError {
  const hint = "Ask for less at once. Hand over many transactions as one batch.";
  const detail = { argument: "query" };
  return new SafeError(message, {
    code: "INVALID_ARGUMENT",
    sqlstate: "LDARG",
    detail,
    hint,
    ...more,
  });
}

/** Each fragment is counted once, however often it is spread: fragments in fragments would double without end. */
function countFields(
  { selections }: SelectionSetNode,
  fragments: Fragments,
  known: Map<string, number>,
): number {
  let count = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const name = selection.name.value;
      if (!known.has(name)) {
        known.set(name, countFields(fragments[name]!.selectionSet, fragments, known));
      }
      count += known.get(name)!;
    } else {
      if (selection.kind === Kind.FIELD) count += 1;
      if (selection.selectionSet) count += countFields(selection.selectionSet, fragments, known);
    }
  }
  return count;
}
