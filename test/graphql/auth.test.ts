import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { silentLog } from "../../src/log.ts";
import { startServer } from "../../src/server/start.ts";
import {
  CREATE,
  entriesOf,
  openBooks,
  post,
  SECRET,
  sign,
  startTestServer,
  type TestServer,
} from "./server.ts";

const LEDGERS = "{ ledgers { nodes { name } } }";
const AUDIENCE = "daybook";

let server: TestServer;
let admin: string;

const claims = (more: object) => ({ aud: AUDIENCE, ...more });
const tokenOf = (role: string | undefined, ledgers: unknown, more: object = {}) =>
  sign(claims({ ...(role && { role: `daybook_${role}` }), ledgers, ...more }));

beforeAll(async () => {
  server = await startTestServer({ jwt: { secret: SECRET, audience: AUDIENCE } });
  admin = await tokenOf("admin", "*");
  await openBooks(server, { token: admin });
  const other = `mutation { createLedger(input: { ledger: "other" }) { result { name } }
    openAccount(input: { ledger: "other", address: "bank", currency: "USD" }) { result { id } } }`;
  await server.data(other, {}, { token: admin });
});
afterAll(() => server?.stop());

test.each<[string, () => Promise<string | undefined>, RegExp]>([
  ["no token", async () => undefined, /a token is needed/],
  ["rubbish", async () => "rubbish", /Invalid Compact JWS/],
  ["an empty token", async () => "", /a token is needed/],
  [
    "an expired token",
    () => sign(claims({}), { expires: Math.floor(Date.now() / 1000) - 1 }),
    /exp/,
  ],
  ["a token for later", () => sign(claims({ nbf: Date.now() / 1000 + 600 })), /nbf/],
  [
    "another key",
    () => sign(claims({}), { secret: "another secret of more than thirty-two bytes" }),
    /signature/,
  ],
  ["another audience", () => sign({ aud: "elsewhere" }), /aud/],
  ["no audience", () => sign({}), /aud/],
  ["an unknown role", () => sign(claims({ role: "postgres" })), /role must be one of/],
  ["a ledger with a comma", () => sign(claims({ ledgers: ["main,other"] })), /ledgers must be/],
  ["ledgers that are no list", () => sign(claims({ ledgers: { main: true } })), /ledgers must be/],
  ["a subject with a line break", () => sign(claims({ sub: "me\nyou" })), /sub must be/],
  [
    "an unsigned token",
    async () => `${btoa('{"alg":"none"}')}.${btoa("{}")}.`.replaceAll("=", ""),
    /./,
  ],
])("%s is turned away with 401 before anything is executed", async (_name, make, reason) => {
  const answer = await server.ask(LEDGERS, {}, { token: await make() });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  expect(answer.data).toBeUndefined();
  expect(answer.errors).toEqual([
    { message: expect.stringMatching(reason), extensions: { code: "UNAUTHENTICATED" } },
  ]);
});

test("a token without an end is good for ever, if who issues tokens wants that", async () => {
  const token = await sign(claims({}), { expires: null });
  expect((await server.ask(LEDGERS, {}, { token })).status).toBe(200);
});

test("a token without a role reads, and without ledgers sees none", async () => {
  expect(await server.data(LEDGERS, {}, { token: await sign(claims({})) })).toEqual({
    ledgers: { nodes: [] },
  });
});

test("a token for one ledger sees only that one, in every list", async () => {
  const token = await tokenOf("writer", ["main"]);
  const data = await server.data(
    `{ ledgers { nodes { name } }
       accounts { nodes { ledger } }
       balances { nodes { ledger } }
       logs { nodes { ledger } }
       account: accountByAddress(ledger: "other", address: "bank") { id } }`,
    {},
    { token },
  );
  expect(data.account).toBeNull();
  expect(data.ledgers.nodes).toEqual([{ name: "main" }]);
  for (const list of ["accounts", "balances", "logs"]) {
    expect(data[list].nodes.length).toBeGreaterThan(0);
    expect(new Set(data[list].nodes.map((row: any) => row.ledger))).toEqual(new Set(["main"]));
  }
  const all = await server.data("{ accounts { nodes { ledger } } }", {}, { token: admin });
  expect(new Set(all.accounts.nodes.map((row: any) => row.ledger))).toEqual(
    new Set(["main", "other"]),
  );
});

test.each([
  ["writer", ["other"], { ledger: "main" }, /access to the ledger/],
  ["writer", [], { ledger: "main" }, /access to the ledger/],
  // These are refused by PostgreSQL itself.
  ["reader", ["main"], null, /administrator for a role/],
  ["auditor", ["main"], null, /administrator for a role/],
  ["reader", "*", null, /administrator for a role/],
])("a %s of %j may not write to main", async (role, ledgers, detail, hint) => {
  const token = await tokenOf(role, ledgers);
  const { data, errors } = await server.ask(
    CREATE,
    { input: { ledger: "main", entries: entriesOf("1") } },
    { token },
  );
  expect(data).toEqual({ createTransaction: null });
  expect(errors![0]!.extensions).toEqual({
    code: "PERMISSION_DENIED",
    sqlstate: "42501",
    detail,
    hint: expect.stringMatching(hint),
  });
});

test("a writer writes, and the books show for whom", async () => {
  const token = await tokenOf("writer", ["main"], { sub: "alice@example.com" });
  const query = CREATE.replace("errorCode", "transaction { actor }");
  const input = { ledger: "main", entries: entriesOf("1") };
  const { result } = (await server.data(query, { input }, { token })).createTransaction;
  expect(result.transaction.actor).toBe("daybook_authenticator:alice@example.com");
});

test("a ledger that does not exist looks like one that is not granted", async () => {
  const token = await tokenOf("writer", ["main"]);
  const codes = [];
  for (const ledger of ["other", "nowhere"]) {
    const { errors } = await server.ask(CREATE, { input: { ledger, entries: [] } }, { token });
    codes.push([errors![0]!.message, errors![0]!.extensions!.code]);
  }
  expect(codes[0]).toEqual(codes[1]);
});

test("one connection serves one caller after another: nothing of the first is left", async () => {
  const tokens = [admin, await tokenOf("reader", ["main"]), await tokenOf("writer", ["other"])];
  const seen = [];
  for (const token of tokens) {
    seen.push(
      (await server.data(LEDGERS, {}, { token })).ledgers.nodes.map((row: any) => row.name),
    );
  }
  expect(seen).toEqual([["main", "other"], ["main"], ["other"]]);
});

test("keys from a URL: RS256 is taken, HS256 with the public key is not; without the keys it is 503", async () => {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "RS256" };
  const keys = await serve(JSON.stringify({ keys: [jwk] }));
  const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/`;
  const connectionString = server.database.urlOf("daybook_authenticator");
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const options = { connectionString, host: "127.0.0.1", port: 0, log };
  const other = await startServer({ ...options, jwt: { jwksUrl: url, issuer: "me" } });
  const body = JSON.stringify({ query: LEDGERS });
  const make = (issuer: string) =>
    new SignJWT({ ledgers: ["main"] })
      .setProtectedHeader({ alg: "RS256", kid: "one" })
      .setIssuer(issuer)
      .setExpirationTime("5m")
      .sign(privateKey);
  try {
    const good = await post(other.url, body, { token: await make("me") });
    expect(good.data).toEqual({ ledgers: { nodes: [{ name: "main" }] } });
    expect((await post(other.url, body, { token: await make("you") })).status).toBe(401);
    const forged = await sign({ iss: "me" }, { secret: JSON.stringify(jwk) });
    expect((await post(other.url, body, { token: forged })).status).toBe(401);
  } finally {
    await other.stop();
    keys.close();
    keys.closeAllConnections();
  }
  // Whoever issues tokens may do so for other programs as well.
  expect(warnings).toEqual([expect.stringMatching(/^no audience: .* set --jwt-audience$/)]);
  const lonely = await startServer({ ...options, jwt: { jwksUrl: url, audience: "daybook" } });
  expect(warnings).toHaveLength(1);
  const answer = await post(lonely.url, body, { token: await make("me") });
  await lonely.stop();
  expect(answer.status).toBe(503);
  expect(answer.errors![0]!.extensions!.code).toBe("AUTHENTICATION_UNAVAILABLE");
});

test("with a key it serves as daybook_authenticator only: of others the database does not look at tokens", async () => {
  for (const login of ["test_admin", "test_writer"] as const) {
    const connectionString = server.database.urlOf(login);
    await expect(
      startServer({
        connectionString,
        host: "127.0.0.1",
        port: 0,
        jwt: { secret: SECRET },
        log: silentLog,
      }),
    ).rejects.toThrow(
      new RegExp(`^connected as ${login}: .*the login must be daybook_authenticator$`),
    );
  }
});

test("the editor and /healthz need no token", async () => {
  const page = await fetch(new URL("/", server.url), { headers: { accept: "text/html" } });
  expect(page.status).toBe(200);
  expect(await page.text()).toMatch(/ruru/i);
  expect((await fetch(new URL("/healthz", server.url))).status).toBe(200);
});

function serve(text: string): Promise<Server> {
  const http = createServer((_req, res) => {
    res.setHeader("content-type", "application/json").end(text);
  });
  return new Promise((resolve) => {
    http.listen(0, "127.0.0.1", () => resolve(http));
  });
}
