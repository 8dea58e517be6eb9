import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Client, newPool, oneServer } from "../src/client.ts";
import { clusterUrl } from "./support/database.ts";

let silent: Server;
const sockets: Socket[] = [];

beforeAll(async () => {
  silent = createServer((socket) => void sockets.push(socket.on("error", () => {})));
  await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
});

/** The run's server, among others: one that does not answer, and one that is not there. */
function several(parameters = "", hosts?: string[]): string {
  const { port } = silent.address() as AddressInfo;
  const own = new URL(clusterUrl());
  const all = hosts ?? [`127.0.0.1:${port}`, "127.0.0.1:1", own.host];
  return `${own.href.replace(own.host, all.join(","))}${parameters}`;
}

async function portOf(connectionString: string): Promise<string> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query("select inet_server_port()::text as port")).rows[0].port;
  } finally {
    await client.end();
  }
}

test("of several servers the one that takes writes is found, without waiting for those that are silent", async () => {
  const started = Date.now();
  expect(await portOf(several())).toBe(new URL(clusterUrl()).port);
  expect(Date.now() - started).toBeLessThan(4_000);
});

test("a pool finds it too", async () => {
  const pool = newPool({ connectionString: several(), application_name: "several" });
  const { rows } = await pool.query("select current_setting('application_name') as name");
  await pool.end();
  expect(rows).toEqual([{ name: "several" }]);
});

test("one URL is made of several for those who need that", async () => {
  expect(await oneServer(several())).toBe(clusterUrl());
  expect(await oneServer("postgres://nowhere.invalid/books")).toBe(
    "postgres://nowhere.invalid/books",
  );
});

const READ_ONLY = "?options=-c%20default_transaction_read_only%3Don";

test.each([
  ["any", true],
  ["primary", true],
  ["read-only", true],
  ["read-write", false],
  ["standby", false],
  ["prefer-standby", false],
])("a primary that is read only will do for %s: %s", async (wanted, suits) => {
  const own = new URL(clusterUrl()).host;
  const url = several(`${READ_ONLY}&target_session_attrs=${wanted}`, [own, own]);
  if (suits) expect(await portOf(url)).toBe(new URL(clusterUrl()).port);
  else await expect(portOf(url)).rejects.toMatchObject({ code: "08001" });
});

test("if none will do the error names each and why", async () => {
  const own = new URL(clusterUrl()).host;
  const url = several("?target_session_attrs=standby", ["127.0.0.1:1", own]);
  const error = await portOf(url).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "08001" });
  expect((error as Error).message).toMatch(
    /^none of the servers will do: 127\.0\.0\.1:1: .*ECONNREFUSED.*; 127.*: is no standby$/,
  );
});

/** A message of PostgreSQL's protocol. */
function message(type: string, ...parts: (string | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

/** Welcomes each client and ends its session in the same packet, as a server does whose operator is quick. */
async function abrupt(): Promise<Server> {
  const welcome = [message("R", [0, 0, 0, 0]), message("Z", "I")];
  const end = message("E", "SFATAL\0C57P01\0Mterminating connection\0\0");
  const server = createServer((socket) =>
    socket.on("error", () => {}).once("data", () => socket.end(Buffer.concat([...welcome, end]))),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

test("a session that ends in the moment it begins fails the query, and not the process", async () => {
  const server = await abrupt();
  const { port } = server.address() as AddressInfo;
  const pool = newPool({ connectionString: `postgres://somebody@127.0.0.1:${port}/books` });
  pool.on("error", () => {});
  await expect(pool.query("select 1")).rejects.toThrow(/not queryable|terminat/);
  const client = new Client({ connectionString: `postgres://somebody@127.0.0.1:${port}/books` });
  await client.connect();
  await expect(client.query("select 1")).rejects.toThrow(/not queryable|terminat/);
  await pool.end();
  server.close();
});
