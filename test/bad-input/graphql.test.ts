import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  buildClientSchema,
  getIntrospectionQuery,
  getNamedType,
  isObjectType,
  type GraphQLSchema,
} from "postgraphile/graphql";
import { post, startTestServer, type Answer, type TestServer } from "../graphql/server.ts";
import { fingerprint, violations } from "../support/books.ts";
import { problemOf } from "./answers.ts";
import {
  edgesOf,
  textOf,
  usualArguments,
  usualOfField,
  usualValues,
  type Field,
  type Usual,
} from "./json.ts";
import { makeWorld } from "./world.ts";

/* Every argument of every field that GraphQL offers, one at a time at every edge. */

let server: TestServer;
let schema: GraphQLSchema;
let values: Record<string, unknown>;
beforeAll(async () => {
  server = await startTestServer();
  const { database } = server;
  values = usualValues(await makeWorld(database, await database.connectAs("test_admin")));
  schema = buildClientSchema(await server.data(getIntrospectionQuery()));
});
afterAll(() => server?.stop());

const problems: string[] = [];
async function attempt(query: string, variables: Record<string, unknown>): Promise<Answer> {
  const answer = await server.ask(query, variables);
  const problem = problemOf(answer);
  if (problem)
    problems.push(`${problem}: ${query.slice(0, 80)} ${JSON.stringify(variables).slice(0, 500)}`);
  return answer;
}

const usualOf = (field: Field): Usual => usualOfField(field, values);

/** One argument after the other at each of its edges. */
function* oddArguments(field: Field): Generator<Record<string, unknown>> {
  const usual = usualOf(field);
  const sound = usualArguments(field, usual);
  for (const arg of field.args) {
    for (const value of edgesOf(arg.type, usual)) yield { ...sound, [arg.name]: value };
  }
}

/** How many calls there were, and which of the usual ones, without oddities, were refused. */
type Tally = { calls: number; refused: string[] };

test("queries", async () => {
  const tally: Tally = { calls: 0, refused: [] };
  for (const field of Object.values(schema.getQueryType()!.getFields())) {
    const { variables, text } = textOf(field);
    const query = `query ${variables} { ${text} }`;
    const { errors } = await attempt(query, usualArguments(field, usualOf(field)));
    if (errors) tally.refused.push(field.name);
    for (const odd of oddArguments(field)) {
      tally.calls += 1;
      await attempt(query, odd);
    }
  }
  expect(problems).toEqual([]);
  expect(tally.refused).toEqual([]);
  expect(tally.calls).toBeGreaterThan(1000);
}, 300_000);

test("lists within a row, once for each type of what they list", async () => {
  const seen = new Set<string>();
  for (const root of Object.values(schema.getQueryType()!.getFields())) {
    const type = getNamedType(root.type);
    if (!isObjectType(type) || root.args.some((arg) => arg.name === "first")) continue;
    const given = Object.entries(usualArguments(root, usualOf(root)));
    const list = given.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ");
    for (const field of Object.values(type.getFields())) {
      if (field.args.length === 0 || seen.has(String(field.type))) continue;
      seen.add(String(field.type));
      const { variables, text } = textOf(field);
      const query = `query ${variables} { ${root.name}${list && `(${list})`} { ${text} } }`;
      for (const odd of oddArguments(field)) await attempt(query, odd);
    }
  }
  expect(problems).toEqual([]);
  expect(seen.size).toBeGreaterThan(3);
}, 300_000);

/** Refused, so that everything before it in the same mutation is undone. */
const UNDO = `undo: closeAccount(input: { ledger: "main", address: "nobody" }) { result { id } }`;

test("mutations, of which nothing is left when they are undone", async () => {
  const tally: Tally = { calls: 0, refused: [] };
  const { database } = server;
  const before = await fingerprint(database);
  for (const field of Object.values(schema.getMutationType()!.getFields())) {
    const { variables, text } = textOf(field);
    const query = `mutation ${variables} { ${text} ${UNDO} }`;
    const { errors } = await attempt(query, usualArguments(field, usualOf(field)));
    const own = errors!.find(({ path }) => path?.[0] === field.name);
    if (own?.extensions?.code !== "ROLLED_BACK") tally.refused.push(field.name);
    for (const odd of oddArguments(field)) {
      tally.calls += 1;
      await attempt(query, odd);
    }
    expect([field.name, await fingerprint(database)]).toEqual([field.name, before]);
  }
  expect(problems).toEqual([]);
  expect(tally.refused).toEqual([]);
  expect(tally.calls).toBeGreaterThan(500);
  expect(await violations(database)).toEqual([]);
}, 300_000);

test.each([
  ["a list that is left before it begins", "{ accounts(offset: -1) { nodes { id } } }"],
  ["a cursor that is none", '{ accounts(after: "") { nodes { id } } }'],
  ["a cursor of another list", '{ accounts(before: "W10=") { nodes { id } } }'],
  [
    "an impossible time zone",
    '{ accountBalance(ledger: "main", account: "alice", effectiveAt: "2024-02-29T12:00:00+99") { account } }',
  ],
])("found by looking at edges: %s is an invalid argument", async (_, query) => {
  const { errors } = await server.ask(query);
  expect(errors).toMatchObject([{ extensions: { code: "INVALID_ARGUMENT" } }]);
});

test.each([
  "filter: null",
  "filter: {}",
  "filter: { address: null }",
  "filter: { address: { equalTo: null } }",
])("found by looking at edges: %s asks for everything", async (filter) => {
  const all = await server.data("{ accounts { nodes { id } } }");
  expect(await server.data(`{ accounts(${filter}) { nodes { id } } }`)).toEqual(all);
});

test("filters of filters, however deep, and then the server still answers", async () => {
  for (const depth of [10, 100_000]) {
    const filter = `${'{"not":'.repeat(depth)}{}${"}".repeat(depth)}`;
    const query = "query ($filter: AccountFilter) { accounts(filter: $filter) { nodes { id } } }";
    const body = `{"query":${JSON.stringify(query)},"variables":{"filter":${filter}}}`;
    await post(server.url, body).catch(() => {});
  }
  expect(await server.data(`{ ledger(name: "main") { name } }`)).toEqual({
    ledger: { name: "main" },
  });
});
