import {
  getArgumentValues,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isObjectType,
  Kind,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "postgraphile/graphql";
import { PAGE_DEFAULT, PAGE_MAX } from "./pagination.ts";

/**
 * The rows of lists within lists come from the database as one value, which neither it nor Node can hold at any length.
 * A full page whose rows have a list of the usual length each is allowed, and so is a full batch with ten rows for each member.
 */
export const MOST_ROWS = 110_000;
/** An array of a row (balances of a result, entries of a version) does not say how long it is. Most have few. */
const ARRAY_USUAL = 5;

type Variables = Readonly<Record<string, unknown>>;
type Size = (variables: Variables) => number | undefined;

/** A field that is a list of rows, or that has such lists below it. */
type Level = { isList: boolean; size: Size | undefined; below: readonly Level[] };

type Walk = {
  schema: GraphQLSchema;
  fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /** A fragment is walked once, however often it is spread. */
  known: Map<string, readonly Level[]>;
};

const levels = new WeakMap<OperationDefinitionNode, readonly Level[]>();

/** How many rows an operation may be answered with: lengths of pages, multiplied down each path and summed up. */
export function countRows(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Walk["fragments"],
  variables: Variables,
): number {
  let found = levels.get(operation);
  if (!found) {
    const walk = { schema, fragments, known: new Map() };
    found = levelsOf(operation.selectionSet, schema.getRootType(operation.operation), walk);
    levels.set(operation, found);
  }
  return sum(found, variables, 1, undefined);
}

/** `given` is the length that a field above said for the lists below it, as a connection does for its nodes. */
function sum(
  found: readonly Level[],
  variables: Variables,
  times: number,
  given: number | undefined,
): number {
  let rows = 0;
  for (const { isList, size, below } of found) {
    const length = size?.(variables) ?? given;
    if (isList) {
      const here = times * (length ?? ARRAY_USUAL);
      rows += here + sum(below, variables, here, undefined);
    } else {
      rows += sum(below, variables, times, length);
    }
  }
  return rows;
}

function levelsOf(
  { selections }: SelectionSetNode,
  type: GraphQLNamedType | null | undefined,
  walk: Walk,
): Level[] {
  return selections.flatMap((selection): readonly Level[] => {
    if (selection.kind === Kind.FIELD) return levelOf(selection, type, walk);
    if (selection.kind === Kind.FRAGMENT_SPREAD)
      return levelsOfFragment(selection.name.value, walk);
    const condition = selection.typeCondition?.name.value;
    const narrowed = condition === undefined ? type : walk.schema.getType(condition);
    return levelsOf(selection.selectionSet, narrowed, walk);
  });
}

function levelsOfFragment(name: string, walk: Walk): readonly Level[] {
  let found = walk.known.get(name);
  if (!found) {
    const { typeCondition, selectionSet } = walk.fragments[name]!;
    found = levelsOf(selectionSet, walk.schema.getType(typeCondition.name.value), walk);
    walk.known.set(name, found);
  }
  return found;
}

/** Nothing for plain values, and for what GraphQL tells of itself. */
function levelOf(
  node: FieldNode,
  type: GraphQLNamedType | null | undefined,
  walk: Walk,
): readonly Level[] {
  const field = isObjectType(type) ? type.getFields()[node.name.value] : undefined;
  if (!field || !node.selectionSet) return [];
  const below = levelsOf(node.selectionSet, getNamedType(field.type), walk);
  const isList = isListType(getNullableType(field.type));
  return isList || below.length > 0 ? [{ isList, size: sizeOf(field, node), below }] : [];
}

/** A page says how long it is; what is no page is as long as the list that was handed in, if there is one. */
function sizeOf(field: GraphQLField<unknown, unknown>, node: FieldNode): Size | undefined {
  if (field.args.some(({ name }) => name === "first")) {
    const [first, last] = [numberOf(node, "first"), numberOf(node, "last")];
    return (variables) => pageSize(first(variables) ?? last(variables));
  }
  if (field.args.length === 0) return undefined;
  return (variables) => {
    const given = getArgumentValues(field, node, variables as Record<string, unknown>);
    return longest(field.args.map(({ name, type }) => [type, given[name]])) || undefined;
  };
}

/** A length that is no length is refused where the page is read. */
function pageSize(length: unknown): number {
  if (typeof length !== "number") return PAGE_DEFAULT;
  return Math.min(Math.max(length, 0), PAGE_MAX);
}

function numberOf(node: FieldNode, argument: string): (variables: Variables) => unknown {
  const value = node.arguments?.find(({ name }) => name.value === argument)?.value;
  if (value?.kind === Kind.VARIABLE) return (variables) => variables[value.name.value];
  const number = value?.kind === Kind.INT ? Number(value.value) : undefined;
  return () => number;
}

function longest(values: ReadonlyArray<readonly [GraphQLInputType, unknown]>): number {
  const lengths = values.map(([type, value]) => {
    const plain = getNullableType(type);
    if (isListType(plain)) return Array.isArray(value) ? value.length : 0;
    if (!isInputObjectType(plain) || typeof value !== "object" || value === null) return 0;
    const fields = Object.values(plain.getFields());
    return longest(fields.map((each) => [each.type, (value as Variables)[each.name]]));
  });
  return Math.max(0, ...lengths);
}
