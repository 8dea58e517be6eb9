import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addressReader, parseNetwork } from "../../src/server/client-address.ts";
import { SECRET, sign, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startTestServer({ jwt: { secret: SECRET }, trustProxy: ["127.0.0.1", "::1"] });
  token = await sign({ role: "daybook_admin", ledgers: "*" });
});
afterAll(() => server?.stop());

const addressOf = (trust: string[], remoteAddress: string | undefined, forwarded?: string) =>
  addressReader(trust)({
    socket: { remoteAddress } as never,
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  });

const INSIDE = ["10.0.0.0/8", "fd00::/8"];

test.each([
  ["nobody is trusted", [], "10.0.0.1", "192.0.2.7", "10.0.0.1"],
  ["another one is trusted", INSIDE, "192.0.2.1", "192.0.2.7", "192.0.2.1"],
  ["a trusted one speaks", INSIDE, "10.1.2.3", "192.0.2.7", "192.0.2.7"],
  ["as IPv6 has it", INSIDE, "::ffff:10.1.2.3", "192.0.2.7", "192.0.2.7"],
  ["of IPv6", INSIDE, "fd12::1", " 2001:db8::7 ", "2001:db8::7"],
  ["what the client made up", INSIDE, "10.1.2.3", "1.1.1.1, 192.0.2.7", "192.0.2.7"],
  ["two of them", INSIDE, "10.1.2.3", "1.1.1.1, 192.0.2.7,10.9.9.9", "192.0.2.7"],
  ["nothing but them", INSIDE, "10.1.2.3", "10.2.2.2, 10.9.9.9", "10.2.2.2"],
  ["nothing said", INSIDE, "10.1.2.3", undefined, "10.1.2.3"],
  ["nothing said", INSIDE, "10.1.2.3", "", "10.1.2.3"],
  ["no address said", INSIDE, "10.1.2.3", "192.0.2.7, unknown", "10.1.2.3"],
  ["a connection that has gone", INSIDE, undefined, "192.0.2.7", ""],
])("whom a request comes from: %s", (_what, trust, remote, forwarded, address) => {
  expect(addressOf(trust, remote, forwarded)).toBe(address);
});

test.each([
  ["10.0.0.0/8", { address: "10.0.0.0", prefix: 8, family: "ipv4" }],
  ["192.0.2.1", { address: "192.0.2.1", prefix: 32, family: "ipv4" }],
  ["fd00::/8", { address: "fd00::", prefix: 8, family: "ipv6" }],
  ["10.0.0.0/33", undefined],
  ["10.0.0/8", undefined],
  ["10.0.0.0/", undefined],
  ["10.0.0.0/8/8", undefined],
  ["fd00::/129", undefined],
  ["proxy.local", undefined],
  ["", undefined],
])("%j as a network", (text, network) => {
  expect(parseNetwork(text)).toEqual(network);
});

test("a server does not start with what is no network", () => {
  expect(() => addressReader(["10.0.0.0/8", "all"])).toThrow("all is no address and no network");
});

test("the log has the client's address, not the proxy's", async () => {
  const make = (ledger: string, headers: Record<string, string>) =>
    server.data(
      `mutation { createLedger(input: { ledger: "${ledger}" }) { result { name } } }`,
      {},
      { token, headers },
    );
  await make("proxied", { "x-forwarded-for": "198.51.100.1, 192.0.2.7" });
  await make("direct", {});
  await make("odd", { "x-forwarded-for": "someone'; --" });
  const { rows } = await server.database.pool.query(
    "select ledger, host(client_address) as address from daybook.log where kind = 'create_ledger' order by id",
  );
  expect(rows.map(Object.values)).toEqual([
    ["proxied", "192.0.2.7"],
    ["direct", "127.0.0.1"],
    ["odd", "127.0.0.1"],
  ]);
});
