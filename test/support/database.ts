import { randomBytes } from "node:crypto";
import { Client, Pool } from "pg";
import { withLogin } from "../../src/database-url.ts";

/** Who a test can be: the server's and the worker's own logins, or a login in one of the group roles. */
export type Login =
  | "daybook_authenticator"
  | "daybook_worker"
  | "test_reader"
  | "test_auditor"
  | "test_writer"
  | "test_admin";

export type TestDatabase = {
  /** Of the superuser. */
  url: string;
  /** Connections of the superuser. */
  pool: Pool;
  /** A URL of another login. */
  urlOf(login: Login): string;
  /** A session of another login, closed by `drop()` at the latest. */
  connectAs(login: Login): Promise<Client>;
  /** A session of the superuser, closed by `drop()` at the latest. */
  connect(): Promise<Client>;
  drop(): Promise<void>;
};

/** A fresh database for one test file, a copy of the migrated template. */
export function createDatabase(): Promise<TestDatabase> {
  return create("daybook_template");
}

/** A fresh database without anything in it. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create("template0");
}

async function create(template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await administer(`create database ${name} template ${template} strategy file_copy`);
  const url = new URL(clusterUrl());
  url.pathname = `/${name}`;
  return open(name, url.href);
}

function open(name: string, url: string): TestDatabase {
  const pool = new Pool({ connectionString: url });
  // Dropping the database ends what is still connected; a query that fails tells by itself.
  pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
  const sessions: Client[] = [];
  const connectTo = async (connectionString: string) => {
    const client = new Client({ connectionString });
    client.on("error", () => {});
    sessions.push(client);
    await client.connect();
    return client;
  };
  const urlOf = (login: Login) => withLogin(url, login, "test");
  return {
    url,
    pool,
    urlOf,
    connectAs: (login) => connectTo(urlOf(login)),
    connect: () => connectTo(url),
    async drop() {
      await Promise.all(sessions.map((client) => client.end()));
      await pool.end();
      await administer(`drop database ${name} with (force)`);
    },
  };
}

/** URL of the server of this Jest worker: the superuser, database `daybook`. */
export function clusterUrl(): string {
  const urls = process.env["DAYBOOK_TEST_URLS"];
  if (!urls)
    throw new Error("DAYBOOK_TEST_URLS is not set: test/support/global-setup.ts did not run");
  return (JSON.parse(urls) as string[])[Number(process.env["JEST_WORKER_ID"]) - 1]!;
}

/** One statement of the superuser outside of any test's database. */
export async function administer(sql: string): Promise<void> {
  const client = new Client({ connectionString: clusterUrl() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
