import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  isInputObjectType,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
  type GraphQLSchema,
} from "graphql";
import { makeSchema } from "postgraphile";
import { databasePreset } from "../../src/server/preset.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";

const FILE = resolve(import.meta.dirname, "../../schema.graphql");

let database: TestDatabase;
let schema: GraphQLSchema;

beforeAll(async () => {
  database = await createDatabase();
  ({ schema } = await makeSchema(databasePreset(database.pool)));
});
afterAll(() => database?.drop());

test("is what schema.graphql says (UPDATE_SCHEMA=1 writes it)", () => {
  const text = `${printSchema(lexicographicSortSchema(schema))}\n`;
  if (process.env["UPDATE_SCHEMA"] === "1") writeFileSync(FILE, text);
  expect(text).toBe(readFileSync(FILE, "utf8"));
});

test("offers every public function once, and writes through nothing else", async () => {
  const { rows } = await database.pool.query<{ name: string; writes: boolean }>(`
    select proname as name, provolatile = 'v' as writes
      from pg_proc
     where pronamespace = 'daybook'::regnamespace
       and prorettype <> 'trigger'::regtype
       and coalesce(obj_description(oid, 'pg_proc'), '') not like '@behavior -*%'`);
  const namesOf = (writes: boolean) =>
    rows.filter((row) => row.writes === writes).map(({ name }) => camelCase(name));
  const queries = Object.keys(schema.getQueryType()!.getFields());
  expect(Object.keys(schema.getMutationType()!.getFields()).toSorted()).toEqual(
    namesOf(true).toSorted(),
  );
  expect(queries).toEqual(expect.arrayContaining(namesOf(false)));
  for (const hidden of ["debit", "credit", "gte", "notEq"]) expect(queries).not.toContain(hidden);
});

test("names the inputs of functions as the contract does, and columns as SQL does", () => {
  const types = Object.keys(schema.getTypeMap());
  expect(types).toEqual(
    expect.arrayContaining([
      "EntryInput",
      "CategoryLockInput",
      "AccountInput",
      "BalanceBoundsInput",
    ]),
  );
  expect(types.filter((name) => /Record|RowInput|Node$/.test(name))).toEqual([]);
  expect(fieldsOf("EntryInput")).toContain("showResultingBalances");
  expect(fieldsOf("Account")).toContain("id");
  expect(types.flatMap(fieldsOf).filter((name) => /rowId|nodeId/i.test(name))).toEqual([]);
});

test("a batch takes TransactionInput and returns a list, though there is a table of that name", async () => {
  await database.pool.query(`
    create function daybook.probe(ledger text, transactions daybook.transaction_input[])
      returns setof daybook.transaction_result language sql volatile
      as 'select null::daybook.transaction_result'`);
  const probed = (await makeSchema(databasePreset(database.pool))).schema;
  await database.pool.query("drop function daybook.probe");
  const shape = (name: string) => {
    const type = probed.getType(name);
    const fields = isObjectType(type) || isInputObjectType(type) ? type.getFields() : {};
    return Object.values(fields).map((field) => `${field.name}: ${String(field.type)}`);
  };
  expect(shape("ProbeInput")).toContain("transactions: [TransactionInput]!");
  expect(shape("ProbePayload")).toContain("result: [TransactionResult!]");
  expect(shape("TransactionInput")).toContain("entries: [EntryInput]");
});

test("shows nothing of daybook_private, and no column that SQL hides", async () => {
  const { rows } = await database.pool.query<{ name: string }>(`
    select relname as name from pg_class
     where relnamespace = 'daybook_private'::regnamespace and relkind in ('r', 'p') and not relispartition
    union all
    select proname from pg_proc where pronamespace = 'daybook_private'::regnamespace`);
  const shown = Object.keys(schema.getTypeMap()).flatMap((name) => [
    camelCase(name),
    ...fieldsOf(name),
  ]);
  const hidden = rows.map(({ name }) => camelCase(name));
  expect(hidden).toContain("accountCounters");
  // A column of the log may be called as a helper that fills it.
  const columns = ["actor", "clientAddress", "requestId", "availableBalance"];
  expect(hidden.filter((name) => shown.includes(name) && !columns.includes(name))).toEqual([]);
  expect(shown).not.toContain("requestHash");
});

test("everything that is shown is described", () => {
  const silent = [
    "Account",
    "Transaction",
    "Entry",
    "Balance",
    "Log",
    "Ledger",
    "EntryInput",
  ].flatMap((type) =>
    Object.values(fieldMap(type))
      .filter((field) => !field.description)
      .map((field) => `${type}.${field.name}`),
  );
  expect(silent).toEqual([]);
});

function fieldMap(name: string): Record<string, { name: string; description?: string | null }> {
  const type = schema.getType(name);
  return isObjectType(type) || isInputObjectType(type) ? type.getFields() : {};
}

function fieldsOf(name: string): string[] {
  return Object.keys(fieldMap(name));
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
