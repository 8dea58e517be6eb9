import { lambda, list, type ConnectionStep, type Step } from "postgraphile/grafast";

/** What a page holds if the query does not say. */
export const PAGE_DEFAULT = 100;
/** What a page may hold. */
export const PAGE_MAX = 1000;

/** Pages have a default length and a greatest one, so that no query reads a whole ledger at once. */
export const PaginationPlugin: GraphileConfig.Plugin = {
  name: "DaybookPaginationPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, _build, context) {
        const { isPgFieldConnection, pgFieldResource } = context.scope;
        if (!isPgFieldConnection || !pgFieldResource || !field.plan) return field;
        const { plan } = field;
        return {
          ...field,
          plan($source, args, info) {
            const $connection = plan($source, args, info) as ConnectionStep<any, any, any>;
            const $sizes = list([args.getRaw("first"), args.getRaw("last")]);
            $connection.setFirst(lambda($sizes as Step<Sizes>, pageSize, true));
            return $connection;
          },
        };
      },
      GraphQLObjectType_fields_field_args(args, _build, context) {
        if (context.scope.isPgFieldSimpleCollection && !context.scope.isPgFieldConnection) {
          // Functions that return arrays limit them themselves.
          const { first: _first, offset: _offset, filter: _filter, ...others } = args;
          return others as typeof args;
        }
        if (!context.scope.isPgFieldConnection || !args["first"]) return args;
        const { applyPlan: _set, ...first } = args["first"];
        return {
          ...args,
          first: {
            ...first,
            description: `Only the first n of them, at most ${PAGE_MAX}; ${PAGE_DEFAULT} if neither first nor last is given.`,
          },
        };
      },
    },
  },
};

type Sizes = readonly [number | null | undefined, number | null | undefined];

function pageSize([first, last]: Sizes): number | null {
  check("first", first);
  check("last", last);
  return first ?? (last == null ? PAGE_DEFAULT : null);
}

function check(argument: string, value: number | null | undefined): void {
  if (value == null || (value >= 0 && value <= PAGE_MAX)) return;
  throw Object.assign(new Error(`${argument}: 0 to ${PAGE_MAX}`), {
    code: "LDARG",
    detail: JSON.stringify({ argument, value }),
    hint: "Ask for further pages with after or before.",
  });
}
