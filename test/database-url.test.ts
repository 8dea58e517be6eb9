import { afterAll, expect, test } from "@jest/globals";
import { Client } from "pg";
import { serversOf, withLogin, withSettings } from "../src/database-url.ts";
import { administer, clusterUrl } from "./support/database.ts";

const LOGIN = `o'dd "login" @:/ %`;

afterAll(() => administer(`drop role if exists "${LOGIN.replaceAll('"', '""')}"`));

async function show(connectionString: string, ...names: string[]): Promise<unknown[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const text = "select current_setting(name) from unnest($1::text[]) as name";
    return (await client.query({ text, values: [names], rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

test("withLogin enters as another, whatever the name and password are made of", async () => {
  await administer(
    `create role "${LOGIN.replaceAll('"', '""')}" login password '${LOGIN.replaceAll("'", "''")}'`,
  );
  expect(await show(withLogin(clusterUrl(), LOGIN, LOGIN), "session_authorization")).toEqual([
    LOGIN,
  ]);
});

test("withLogin has room for a login in a URL without a host", () => {
  const url = withLogin("postgres:///books?host=/run/postgresql&user=old", "new", "secret");
  expect(url).toBe("postgres:///books?host=%2Frun%2Fpostgresql&user=new&password=secret");
});

test("withSettings adds to the settings that are there, blanks included", async () => {
  const url = withSettings(withSettings(clusterUrl(), { lock_timeout: "7s" }), {
    search_path: "pg_catalog, pg_temp",
    role: "pg_monitor",
  });
  expect(await show(url, "lock_timeout", "search_path", "role")).toEqual([
    "7s",
    "pg_catalog, pg_temp",
    "pg_monitor",
  ]);
});

test("a URL may name several servers, and keeps them", () => {
  const url = "postgres://a,b:x@one:1,two,[::1]:3/books?sslmode=require";
  expect(serversOf(url)).toEqual([
    "postgres://a,b:x@one:1/books?sslmode=require",
    "postgres://a,b:x@two/books?sslmode=require",
    "postgres://a,b:x@[::1]:3/books?sslmode=require",
  ]);
  const changed = withSettings(withLogin(url, "new", "s@,c"), { lock_timeout: "7s" });
  expect(changed).toBe(
    "postgres://new:s%40%2Cc@one:1,two,[::1]:3/books?sslmode=require&options=-c+lock_timeout%3D7s",
  );
  for (const single of ["postgres://a,b:x,y@one/books", "postgres:///books?user=a,b", "nonsense"])
    expect(serversOf(single)).toEqual([single]);
});
