import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import * as fc from "fast-check";
import { buildClientSchema, getIntrospectionQuery, type GraphQLSchema } from "postgraphile/graphql";
import { startTestServer, type Answer, type TestServer } from "../graphql/server.ts";
import { fingerprint, violations } from "../support/books.ts";
import { EFFORT, SEED } from "../support/seed.ts";
import { problemOf } from "./answers.ts";
import { anyAsked, requestOf, type Known } from "./any-json.ts";
import { usualValues, type Field } from "./json.ts";
import { makeWorld } from "./world.ts";

/* Any fields of GraphQL's, several in one request, with any arguments at any depth. */

/** Requests with each field there is, beside any others. */
const RUNS = 4 * EFFORT;

let server: TestServer;
let schema: GraphQLSchema;
let known: Known;
beforeAll(async () => {
  jest.spyOn(console, "error").mockReturnValue(); // PostGraphile tells of every cursor that is none
  server = await startTestServer();
  const { database } = server;
  const values = usualValues(await makeWorld(database, await database.connectAs("test_admin")));
  schema = buildClientSchema(await server.data(getIntrospectionQuery()));
  const page = await server.data(
    "{ accounts { pageInfo { endCursor } edges { cursor } } entries(first: 3, orderBy: [ID_DESC]) { edges { cursor } } }",
  );
  const edges: { cursor: string }[] = [...page.accounts.edges, ...page.entries.edges];
  known = { values, cursors: edges.map(({ cursor }) => cursor) };
});
afterAll(() => server?.stop());

/** Refused, so that nothing of its mutation is kept: else all accounts were closed in the end. */
const UNDO = ` undo: closeAccount(input: { ledger: "main", address: "nobody" }) { result { id } } }`;

const anyRequest = (operation: "query" | "mutation", field: Field, fields: Field[]) => {
  const any = fc.constantFrom(...fields).chain((other) => anyAsked(other, known));
  const isUndone = operation === "query" ? fc.constant(false) : fc.nat(2).map((n) => n > 0);
  return fc
    .tuple(anyAsked(field, known), fc.array(any, { maxLength: 2 }), isUndone)
    .map(([first, others, undone]) => {
      const { query, variables } = requestOf(operation, [first, ...others]);
      return { query: undone ? query.replace(/ }$/, UNDO) : query, variables };
    });
};

const isAccepted = ({ errors = [] }: Answer) =>
  errors.every(
    ({ path, extensions }) => path?.[0] === "undo" || extensions?.code === "ROLLED_BACK",
  );

test.each(["query", "mutation"] as const)(
  `any %s is answered by data, or by errors of the manual and then nothing is kept (seed ${SEED})`,
  async (operation) => {
    const type = operation === "query" ? schema.getQueryType() : schema.getMutationType();
    const fields = Object.values(type!.getFields());
    const { database } = server;
    let now = await fingerprint(database);
    const tally = { accepted: 0, refused: 0 };
    for (const [n, field] of fields.entries()) {
      const requests = anyRequest(operation, field, fields);
      const property = fc.asyncProperty(requests, async ({ query, variables }) => {
        const answer = await server.ask(query, variables);
        const before = now;
        now = await fingerprint(database);
        const problem = problemOf(answer);
        if (problem) throw new Error(problem);
        if (operation === "query" || answer.errors) expect(now).toBe(before);
        tally[isAccepted(answer) ? "accepted" : "refused"] += 1;
      });
      await fc.assert(property, { numRuns: RUNS, seed: SEED + n });
    }
    expect(fields.length).toBeGreaterThan(30);
    expect(tally.accepted).toBeGreaterThan((RUNS * fields.length) / 10);
    expect(tally.refused).toBeGreaterThan(RUNS);
    expect(server.logged.filter((line) => line.startsWith("masked error"))).toEqual([]);
    expect(await violations(database)).toEqual([]);
  },
  60_000 + RUNS * 60_000,
);
