import { getOperationAST, GraphQLError, type ExecutionResult } from "postgraphile/graphql";
import { isAsyncIterable } from "postgraphile/grafast";
import { countStatements } from "./plan.ts";
import { RolledBackError } from "./rolled-back.ts";
import type { Session } from "./session.ts";

declare global {
  namespace Grafast {
    interface Context {
      session?: Session;
    }
  }
}

/**
 * Makes one GraphQL operation one database transaction. A mutation is answered after its commit, and an answer with
 * errors means that nothing was kept: its fields commit together or not at all.
 */
export const OperationsPlugin: GraphileConfig.Plugin = {
  name: "DaybookOperationsPlugin",
  version: "1.0.0",
  grafast: {
    middleware: {
      establishOperationPlan(next, event) {
        const plan = next();
        const { session } = event.context as Grafast.Context;
        if (session && countStatements(plan) === 1) session.statements = "one";
        return plan;
      },
      async execute(next, { args }) {
        const { session } = args.contextValue as Grafast.Context;
        let result: ExecutionResult | undefined;
        try {
          const answer = await next();
          if (isAsyncIterable(answer)) throw new Error("incremental delivery is not offered");
          result = answer as ExecutionResult;
        } finally {
          const error = await session?.finish(!!result && !result.errors).catch((e: unknown) => e);
          if (error && result) result = { data: result.data, errors: [wrap(error as Error)] };
        }
        const isMutation =
          getOperationAST(args.document, args.operationName)?.operation === "mutation";
        if (!isMutation || !result.errors || session?.committed) return result;
        return withNothing(result);
      },
    },
  },
};

/** Nothing was kept, so no field shows what it would have made; each says why. */
function withNothing({ data, errors = [], extensions }: ExecutionResult): ExecutionResult {
  if (!data) return { data, errors, extensions };
  const fields = Object.keys(data);
  const told = new Set(errors.map(({ path }) => path?.[0]));
  const silent = errors.some(({ path }) => !path) ? [] : fields.filter((field) => !told.has(field));
  return {
    data: Object.fromEntries(fields.map((field) => [field, null])),
    errors: [...errors, ...silent.map((field) => wrap(new RolledBackError(), [field]))],
    extensions,
  };
}

function wrap(originalError: Error, path?: string[]): GraphQLError {
  return new GraphQLError(originalError.message, { originalError, path });
}
