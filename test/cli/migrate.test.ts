import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { Client } from "pg";
import { withLogin } from "../../src/database-url.ts";
import { startCluster, type Cluster } from "../../src/embedded/cluster.ts";
import { silentLog } from "../../src/log.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { writeMigrations } from "../support/write-migrations.ts";

const folder = temporaryFolder();
const migrationsFolder = join(folder.path, "migrations");
const first = "create schema daybook; create table daybook.first ();";
let cluster: Cluster; // of its own: roles belong to the cluster, and here they are missing at first
let count = 0;

const migrateWith = (connectionString: string) =>
  migrate({ connectionString, migrationsFolder, log: silentLog });

beforeAll(async () => {
  cluster = await startCluster({ dataDir: join(folder.path, "pg"), port: 0, durable: false });
});
afterAll(async () => {
  await cluster?.stop();
  folder.remove();
});
beforeEach(() => writeMigrations(migrationsFolder, first));

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

async function newDatabase(owner: string): Promise<string> {
  const url = new URL(cluster.url);
  url.pathname = `/books_${(count += 1)}`;
  await query(cluster.url, `create database books_${count} owner ${owner}`);
  return url.href;
}

async function newLogin(name: string, attributes: string): Promise<void> {
  await query(cluster.url, `create role ${name} login ${attributes} password 'test'`);
}

describe("a login without superuser rights", () => {
  test("that may not create roles is told which are missing", async () => {
    await newLogin("poor", "");
    const url = withLogin(await newDatabase("poor"), "poor", "test");
    await expect(migrateWith(url)).rejects.toMatchObject({
      message: expect.stringMatching(
        /poor may not create the missing roles daybook_admin, .*daybook_writer/,
      ),
      hint: expect.stringMatching(/roles\.sql/),
    });
  });

  test("that may create roles and owns the database migrates it, and again", async () => {
    await newLogin("migrator", "createrole");
    const url = withLogin(await newDatabase("migrator"), "migrator", "test");
    await migrateWith(url);
    await migrateWith(url);
    const owners = `select nspname::text, nspowner::regrole::text from pg_namespace
                     where nspname ~ '^(daybook|graphile)' order by 1`;
    expect(await query(url, owners)).toEqual([
      ["daybook", "daybook_owner"],
      ["graphile_migrate", "daybook_owner"],
      ["graphile_worker", "daybook_worker"],
    ]);
  });

  test("that may not create roles migrates where they exist and it is in them", async () => {
    await query(cluster.url, "grant daybook_owner, daybook_worker to poor");
    await migrateWith(withLogin(await newDatabase("poor"), "poor", "test"));
  });

  test("that may not grant rights on the database is told what to run", async () => {
    const url = withLogin(await newDatabase("postgres"), "migrator", "test");
    await expect(migrateWith(url)).rejects.toMatchObject({
      message: expect.stringMatching(/migrator may not grant CREATE on database/),
      hint: expect.stringMatching(/with grant option/),
    });
  });
});

test("who is in which role", async () => {
  const memberships = `select roleid::regrole::text, member::regrole::text, inherit_option, set_option
                         from pg_auth_members where member::regrole::text ~ '^daybook' order by 2, 1`;
  expect(await query(cluster.url, memberships)).toEqual([
    ["daybook_writer", "daybook_admin", true, true],
    ["daybook_reader", "daybook_auditor", true, true],
    ["daybook_admin", "daybook_authenticator", false, true],
    ["daybook_auditor", "daybook_authenticator", false, true],
    ["daybook_reader", "daybook_authenticator", false, true],
    ["daybook_writer", "daybook_authenticator", false, true],
    ["daybook_reader", "daybook_writer", true, true],
  ]);
});

test("nobody can log in but the server and the worker, and nobody is superuser", async () => {
  const logins = `select rolname::text, rolcanlogin, rolsuper or rolcreaterole or rolcreatedb or rolbypassrls
                    from pg_roles where rolname ~ '^daybook_' and (rolcanlogin or rolsuper) order by 1`;
  expect(await query(cluster.url, logins)).toEqual([
    ["daybook_authenticator", true, false],
    ["daybook_worker", true, false],
  ]);
});

test("migrations of several databases, twice each, at the same time", async () => {
  const databases = [await newDatabase("postgres"), await newDatabase("migrator")];
  const passwords = { authenticator: "test", worker: "test" };
  const options = { migrationsFolder, log: silentLog, passwords };
  await Promise.all(
    [...databases, ...databases].map((connectionString) =>
      migrate({ connectionString, ...options }),
    ),
  );
  for (const url of databases) {
    expect(await query(url, "select count(*)::integer from graphile_migrate.migrations")).toEqual([
      [1],
    ]);
    const login = withLogin(url, "daybook_authenticator", "test");
    expect(await query(login, "select current_setting('statement_timeout')")).toEqual([["30s"]]);
  }
});

test("passwords reach the server as verifiers that let the login in, whatever they are made of", async () => {
  const url = await newDatabase("postgres");
  const password = `'" \\ %40 ß`;
  await migrate({
    connectionString: url,
    migrationsFolder,
    log: silentLog,
    passwords: { worker: password },
  });
  expect(
    await query(withLogin(url, "daybook_worker", password), "select current_user::text"),
  ).toEqual([["daybook_worker"]]);
});
