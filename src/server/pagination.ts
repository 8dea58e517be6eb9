import {
  constant,
  lambda,
  list,
  type ConnectionStep,
  type FieldArgs,
  type Step,
} from "postgraphile/grafast";

/** What a page holds if the query does not say. */
export const PAGE_DEFAULT = 100;
/** What a page may hold. */
export const PAGE_MAX = 1000;

/**
 * Pages have a default length and a greatest one. Pages within pages multiply: how many rows they may come to is limited in
 * rows.ts. In place of PostGraphile's own plugin, which also gives page arguments to arrays of functions, where they clash with
 * arguments of that name.
 */
export const PaginationPlugin: GraphileConfig.Plugin = {
  name: "DaybookPaginationPlugin",
  version: "1.0.0",
  schema: {
    // Functions say themselves that they have no way back.
    entityBehavior: { pgResource: "resource:connection:backwards" },
    hooks: {
      GraphQLObjectType_fields_field(field, build, context) {
        const direction = directionOf(build, context.scope);
        if (!direction || !field.plan) return field;
        const { plan } = field;
        return {
          ...field,
          plan($source, args, info) {
            const $connection: Connection = plan($source, args, info) as Connection;
            setPage($connection, args, direction);
            return $connection;
          },
        };
      },
      GraphQLObjectType_fields_field_args(args, build, context) {
        const direction = directionOf(build, context.scope);
        if (!direction) return args;
        const { GraphQLInt: Int } = build.graphql;
        const Cursor = build.getInputTypeByName(build.inflection.builtin("Cursor"));
        const forwards = {
          first: {
            type: Int,
            description: `Only the first n, at most ${PAGE_MAX}; ${PAGE_DEFAULT} if the query does not say.`,
          },
          offset: { type: Int, description: "Leave out the first n." },
          after: { type: Cursor, description: "Only what stands after this cursor." },
        };
        const backwards = {
          last: { type: Int, description: `Only the last n, at most ${PAGE_MAX}.` },
          before: { type: Cursor, description: "Only what stands before this cursor." },
        };
        const page = { ...forwards, ...(direction === "both" && backwards) };
        return build.extend(args, page, `Adding page arguments to '${context.scope.fieldName}'`);
      },
    },
  },
};

type Connection = ConnectionStep<any, any, any>;
type Direction = "both" | "forwards";

/** Which ways a list can be paged; undefined if it is none, or an array that is as long as it is. */
function directionOf(
  build: GraphileBuild.Build,
  { isPgFieldConnection, pgFieldResource }: GraphileBuild.ScopeObjectFieldsField,
): Direction | undefined {
  if (!isPgFieldConnection || !pgFieldResource || pgFieldResource.isUnique) return undefined;
  const backwards = "resource:connection:backwards";
  return build.behavior.pgResourceMatches(pgFieldResource, backwards) ? "both" : "forwards";
}

function setPage($connection: Connection, args: FieldArgs, direction: Direction): void {
  const $first = args.getRaw("first");
  const $last = direction === "both" ? args.getRaw("last") : constant(null);
  $connection.setFirst(lambda(list([$first, $last]) as Step<Sizes>, pageSize, true));
  $connection.setOffset(lambda(args.getRaw("offset") as Step<Size>, offsetOf, true));
  $connection.setAfter(args.getRaw("after") as Step<string>);
  if (direction === "forwards") return;
  $connection.setLast($last as Step<number>);
  $connection.setBefore(args.getRaw("before") as Step<string>);
}

type Size = number | null | undefined;
type Sizes = readonly [Size, Size];

function pageSize([first, last]: Sizes): number | null {
  check("first", first);
  check("last", last);
  return first ?? (last == null ? PAGE_DEFAULT : null);
}

function offsetOf(offset: Size): Size {
  if (offset != null && offset < 0) refuse("offset", offset, "not negative");
  return offset;
}

function check(argument: string, value: Size): void {
  if (value == null || (value >= 0 && value <= PAGE_MAX)) return;
  refuse(argument, value, `0 to ${PAGE_MAX}`);
}

function refuse(argument: string, value: number, rule: string): never {
  throw Object.assign(new Error(`${argument}: ${rule}`), {
    code: "LDARG",
    detail: JSON.stringify({ argument, value }),
    hint: "Ask for further pages with after or before.",
  });
}
