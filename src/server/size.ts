import {
  Kind,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "postgraphile/graphql";
import { SafeError } from "postgraphile/grafast";

/**
 * The time that it takes to plan an operation grows with the square of its fields, and nobody else is served meanwhile:
 * a thousand take a fraction of a second, three thousand took minutes.
 */
const MOST_FIELDS = 1000;
/** What is in variables does not count. A text is kept with fifty times its own room. */
const LONGEST_TEXT = 200_000;
/** How many operations are kept, so that those in use need not be read and planned anew. */
export const KEPT = 100;
/** The plan of a field takes 25 kB: one of more is not kept, but made anew each time. */
const MOST_FIELDS_KEPT = 200;

type Fragments = Record<string, FragmentDefinitionNode>;

const sizes = new WeakMap<OperationDefinitionNode, number>();

/** Refuses what would keep the server from everybody else, or fill its memory. */
export const SizePlugin: GraphileConfig.Plugin = {
  name: "DaybookSizePlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLSchema: (config) => ({
        ...config,
        extensions: {
          ...config.extensions,
          grafast: { ...config.extensions?.grafast, operationsCacheMaxLength: KEPT },
        },
      }),
    },
  },
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
      establishOperationPlan(next, { operation, fragments, schema }) {
        const fields =
          sizes.get(operation) ?? countFields(operation.selectionSet, fragments, new Map());
        sizes.set(operation, fields);
        if (fields > MOST_FIELDS) {
          throw tooLarge(`query: at most ${MOST_FIELDS} fields, those of fragments counted`);
        }
        try {
          return next();
        } catch (error) {
          throw isTooDeep(error) ? tooLarge("query: too many lists below each other") : error;
        } finally {
          if (fields > MOST_FIELDS_KEPT) forgetPlans(schema, operation);
        }
      },
    },
  },
};

/** Grafast keeps plans by their operations, under a symbol of its own. */
function forgetPlans(schema: GraphQLSchema, operation: OperationDefinitionNode): void {
  const kept = schema.extensions.grafast as Record<symbol, PlanCache | undefined> | undefined;
  for (const symbol of Object.getOwnPropertySymbols(kept ?? {})) {
    const plans = kept?.[symbol]?.get?.(operation);
    if (plans) plans.possibleOperationPlans = null;
  }
}

type PlanCache = {
  get?(operation: OperationDefinitionNode): { possibleOperationPlans: unknown } | undefined;
};

/** Grafast's own limit is known to its planning alone. */
function isTooDeep(error: unknown): boolean {
  return error instanceof Error && error.message.includes("refuses to continue processing");
}

function tooLarge(message: string, more: object = {}): SafeError {
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
