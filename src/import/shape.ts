import type { ClientBase } from "pg";

type Field = { type: string; isArray: boolean; category: string };

/** The fields of the ledger's input types, by type and name. */
export type Shapes = Map<string, Map<string, Field>>;

/** What is wrong with a value, and where: `entries[2].amount`, counted from 1. */
export type Misfit = { argument: string; message: string };

/** Reads the input types from the database: what it takes is what a line may say. */
export async function readShapes(client: Pick<ClientBase, "query">): Promise<Shapes> {
  const { rows } = await client.query<Field & { owner: string; name: string }>(`
    select t.typname::text as owner, a.attname::text as name,
           coalesce(e.typname, f.typname)::text as type, e.oid is not null as "isArray",
           coalesce(e.typcategory, f.typcategory)::text as category
      from pg_catalog.pg_type t
      join pg_catalog.pg_class c on c.oid = t.typrelid and c.relkind = 'c'
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_catalog.pg_type f on f.oid = a.atttypid
      left join pg_catalog.pg_type e on e.oid = f.typelem and f.typcategory = 'A'
     where t.typnamespace = to_regnamespace('daybook')`);
  const shapes: Shapes = new Map();
  for (const { owner, name, ...field } of rows) {
    if (!shapes.has(owner)) shapes.set(owner, new Map());
    shapes.get(owner)!.set(name, field);
  }
  return shapes;
}

/**
 * Finds what PostgreSQL would silently drop or bend when it makes a record of JSON: unknown fields, and
 * values of another kind, such as an object where a text belongs.
 * @param type name of an input type
 */
export function findMisfit(shapes: Shapes, type: string, value: unknown): Misfit | undefined {
  return misfitOf(shapes, { type, isArray: false, category: "C" }, value, "");
}

function misfitOf(
  shapes: Shapes,
  field: Field,
  value: unknown,
  argument: string,
): Misfit | undefined {
  if (value === null) return undefined;
  if (field.isArray) {
    if (!Array.isArray(value)) return { argument, message: "must be an array" };
    return first(value, (element, index) =>
      misfitOf(shapes, { ...field, isArray: false }, element, `${argument}[${Number(index) + 1}]`),
    );
  }
  const fields = field.category === "C" ? shapes.get(field.type) : undefined;
  if (!fields) return fits(field.category, value) ? undefined : wrongKind(field, argument);
  if (typeof value !== "object" || Array.isArray(value)) return wrongKind(field, argument);
  return first(value, (child, name) => {
    const path = argument ? `${argument}.${name}` : name;
    const known = fields.get(name);
    return known
      ? misfitOf(shapes, known, child, path)
      : { argument: path, message: `${field.type} has no such field` };
  });
}

function first(
  values: object,
  find: (value: unknown, key: string) => Misfit | undefined,
): Misfit | undefined {
  for (const [key, value] of Object.entries(values)) {
    const found = find(value, key);
    if (found) return found;
  }
  return undefined;
}

/** Categories of PostgreSQL's types: booleans, numbers, texts, enums and times; the rest is jsonb, which takes all. */
function fits(category: string, value: unknown): boolean {
  if (category === "B") return typeof value === "boolean";
  if (category === "N") return typeof value === "number" || typeof value === "string";
  if ("SED".includes(category)) return typeof value === "string";
  return true;
}

function wrongKind(field: Field, argument: string): Misfit {
  const kinds: Record<string, string> = { B: "true or false", N: "a number", C: "an object" };
  return { argument, message: `must be ${kinds[field.category] ?? "a string"}` };
}
