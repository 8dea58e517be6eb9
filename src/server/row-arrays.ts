import { PgSelectStep, listOfCodec, TYPES } from "postgraphile/@dataplan/pg";

/**
 * Rows in an array of a row (balances of a result, entries of a version or of a statement) keep the order that SQL
 * gives them. PostGraphile would sort them by their key.
 */
export const RowArraysPlugin: GraphileConfig.Plugin = {
  name: "DaybookRowArraysPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, build, { scope }) {
        const { sql } = build;
        const codec = scope.pgFieldAttribute?.codec.arrayOfCodec;
        const resource = codec?.attributes && build.pgTableResource(codec as never, false);
        const found = Object.entries(scope.pgCodec?.attributes ?? {}).find(
          ([, attribute]) => attribute === scope.pgFieldAttribute,
        );
        if (!resource || !found) return field;
        const [name] = found;
        const plan = ($row: any) => {
          const $rows = new PgSelectStep({
            resource,
            identifiers: [],
            from: (rows: any) => sql`unnest(${rows.placeholder}) with ordinality`,
            args: [{ step: $row.get(name), pgCodec: listOfCodec(resource.codec) }],
          } as never);
          $rows.setTrusted();
          const fragment = sql`${$rows.alias}."ordinality"`;
          $rows.orderBy({ fragment, codec: TYPES.bigint, direction: "ASC" });
          $rows.setOrderIsUnique();
          return $rows;
        };
        return { ...field, plan };
      },
    },
  },
};
