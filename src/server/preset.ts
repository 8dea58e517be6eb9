import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import type { Pool } from "pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import type { Log } from "../log.ts";
import { errorMask } from "./errors.ts";
import { keptPlugin } from "./kept.ts";
import { NamingPlugin } from "./naming.ts";
import { OperationsPlugin } from "./operations.ts";
import { PaginationPlugin } from "./pagination.ts";
import { RelationsPlugin } from "./relations.ts";
import { RowArraysPlugin } from "./row-arrays.ts";
import { ScalarsPlugin } from "./scalars.ts";
import { SizePlugin } from "./size.ts";
import { NullableKeysPlugin, SmartTagsPlugin } from "./smart-tags.ts";

/** The schema: what of the database is shown in GraphQL, and how. */
export const schemaPreset: GraphileConfig.Preset = {
  extends: [
    PostGraphileAmberPreset,
    PgSimplifyInflectionPreset,
    PostGraphileConnectionFilterPreset,
  ],
  plugins: [
    NamingPlugin,
    SmartTagsPlugin,
    NullableKeysPlugin,
    ScalarsPlugin,
    PaginationPlugin,
    RelationsPlugin,
    RowArraysPlugin,
  ],
  disablePlugins: [
    "NodePlugin", // ids are the ledger's own
    "QueryQueryPlugin",
    "PgConditionArgumentPlugin", // filter says the same, and more
    "PgConditionCustomFieldsPlugin",
    "PgMutationPayloadEdgePlugin",
    "PgRBACPlugin", // the API is the whole schema `daybook`; who may use what of it, each call decides
    "PgFirstLastBeforeAfterArgsPlugin", // see PaginationPlugin
    "PgConnectionArgFilterBackwardRelationsPlugin",
    "PgConnectionArgFilterForwardRelationsPlugin",
  ],
  gather: { pgStrictFunctions: true },
  schema: {
    // Not -insert: that would take the input types of functions away as well.
    defaultBehavior: "-resource:insert -resource:update -resource:delete",
    connectionFilterSetofFunctions: false,
    // A null means the default here as everywhere: nothing is left out.
    connectionFilterAllowNullInput: true,
    connectionFilterAllowEmptyObjectInput: true,
    pgForbidSetofFunctionsToReturnNull: true,
    connectionFilterAllowedOperators: [
      "isNull",
      "equalTo",
      "notEqualTo",
      "in",
      "notIn",
      "lessThan",
      "lessThanOrEqualTo",
      "greaterThan",
      "greaterThanOrEqualTo",
      "startsWith",
    ],
  },
};

/** The schema preset, bound to a database. */
export function databasePreset(pool: Pool): GraphileConfig.Preset {
  return {
    extends: [schemaPreset],
    pgServices: [makePgService({ pool, schemas: ["daybook"] })],
  };
}

/** The server's preset. */
export function serverPreset(
  pool: Pool,
  log: Log,
  plugins: GraphileConfig.Plugin[],
): GraphileConfig.Preset {
  return {
    extends: [databasePreset(pool)],
    plugins: [keptPlugin(), SizePlugin, OperationsPlugin, ...plugins],
    grafserv: {
      graphqlPath: "/graphql",
      graphiqlPath: "/",
      maskError: errorMask(log),
      websockets: false,
      // 10 000 transactions of ten entries fit.
      maxRequestLength: 20_000_000,
      parseAndValidateCacheSize: 0, // see keptPlugin
    },
  };
}
