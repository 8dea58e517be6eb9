import type { Pool } from "pg";
import { getOperationAST } from "postgraphile/graphql";
import { settingsOf } from "./request.ts";
import { openSession } from "./session.ts";

/** Gives each operation its own session, as the caller of its request, in place of PostGraphile's pool. */
export function contextPlugin(pool: Pool): GraphileConfig.Plugin {
  return {
    name: "DaybookContextPlugin",
    version: "1.0.0",
    grafast: {
      middleware: {
        async prepareArgs(next, event) {
          const args = await next();
          const { document, operationName, requestContext, contextValue } = args;
          const settings = settingsOf(requestContext!.node!.req);
          const operation = getOperationAST(document, operationName)?.operation;
          const kind = operation === "mutation" ? "mutation" : "query";
          const session = openSession({ pool, settings, kind });
          Object.assign(contextValue, {
            session,
            pgSettings: null,
            withPgClient: session.withPgClient,
          });
          return event.args as typeof args;
        },
      },
    },
  };
}
